"""The shortest vector in the convex hull of a few vectors."""

from __future__ import annotations

import torch
from torch import Tensor


def min_norm_in_hull(vectors: Tensor, steps: int = 40) -> Tensor:
    """The point of least Euclidean norm in the convex hull of the rows.

    It is 0 exactly where the rows, as gradients of the active pieces of a maximum, certify a stationary point, and
    the steepest descent direction of that maximum turned around elsewhere.
    Shapes, error, cost, batching: as `lowest_in_hull`, with all heights equal.
    Source: Wolfe 1976.
    """
    return lowest_in_hull(vectors, torch.zeros_like(vectors[:, 0]), steps)


def lowest_in_hull(vectors: Tensor, heights: Tensor, steps: int = 40) -> Tensor:
    """The point g = sum of a_j g_j in the hull of the rows for which |g|^2 / 2 - sum of a_j h_j is least.

    Then -g is the q at which the maximum over j of h_j + <g_j, q>, and |q|^2 / 2 with it, is least.
    Shapes: vectors is [k, n], heights is [k], the result is [n].
    Error: within 1e-9 of the largest row in float64, for k <= 16.
    Cost: `steps` linear solves of size k + 1: a primal-dual interior-point method on the weights.
    Batching: closed under vmap: a fixed number of steps, nothing branches on a value.
    Source: Kiwiel 1985, section 2, for the problem; Nocedal and Wright 2006, section 16.6, for the method.
    """
    k, tiny = vectors.shape[0], torch.finfo(vectors.dtype).tiny
    below = heights.amax() - heights
    scale = torch.clamp(torch.maximum(torch.linalg.vector_norm(vectors, dim=1).amax(), below.amax().sqrt()), min=tiny)
    rows, lost = vectors / scale, below / scale / scale
    gram = rows @ rows.mT  # [k, k]
    ones = torch.ones_like(gram[0])
    a, s, level = ones / k, ones, torch.zeros_like(gram[0, 0])
    for _ in range(steps):
        target = 0.1 * (a @ s) / k
        dual = gram @ a + lost - level - s
        # a * s = target, linearised: ds = (target - s * da) / a - s, put into the stationarity of the weights.
        # Equal rows leave their weights undetermined; a rounding on the diagonal keeps the step finite.
        system = gram + torch.diag_embed(s / a + k * torch.finfo(rows.dtype).eps)
        sides = torch.stack([target / a - s - dual, ones], dim=1)  # [k, 2]
        free, lifted = torch.linalg.solve(system, sides).unbind(dim=1)
        shift = (1 - a.sum() - free.sum()) / lifted.sum()
        da = free + shift * lifted
        ds = (target - s * da) / a - s
        room = torch.cat([torch.where(da < 0, -a / da, 2.0), torch.where(ds < 0, -s / ds, 2.0)]).amin()
        length = torch.clamp(0.99 * room, max=1.0)
        a = torch.clamp(a + length * da, min=1e-30)
        s = torch.clamp(s + length * ds, min=1e-30)
        level = level + length * shift
    return scale * (a / a.sum()) @ rows
