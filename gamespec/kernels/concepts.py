"""Which solution concept a point satisfies: local Nash, local minimax, differential Stackelberg, to second order.

A box is treated by its active numbers: those that stand at a side and are pushed against it. They are held, and the
second-order tests speak of the others. Every function gives a margin: above 0 the strict sufficient condition holds,
below 0 the necessary one fails, and within rounding of 0 nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf


def active_numbers(z: Tensor, slope: Tensor, low: Tensor, high: Tensor, tol: float) -> Tensor:
    """Where a number stands at a side of its box and the slope of its owner's cost pushes it there.

    Shapes: all are [n]; the result is a mask [n].
    Batching: closed under vmap.
    Source: Bertsekas 1982, equation 30.
    """
    return ((z - low <= tol) & (slope > tol)) | ((high - z <= tol) & (slope < -tol))


def own_slopes(costs: Callable[[list[Tensor]], list[Tensor]], z: list[Tensor], graph: bool = False) -> list[Tensor]:
    """The slope of each player's cost in its own variable.

    `costs(points)` gives one cost for each point, lowered by the owner of that point.
    Shapes: z is a list of points; the result has their shapes.
    """
    at = z if graph else [leaf(t) for t in z]
    values = costs(at)
    return [gradients([value], [at[k]], keep=True, graph=graph)[0] for k, value in enumerate(values)]


def field_jacobian(costs: Callable[[list[Tensor]], list[Tensor]], z: list[Tensor]) -> Tensor:
    """The derivatives of all own slopes in all numbers: block (i, j) is the slope of player i in the numbers of j.

    Shapes: n numbers in all, the result is [n, n].
    Cost: n backward passes.
    """
    at = [leaf(t) for t in z]
    slope = flatten_list(own_slopes(costs, at, graph=True))  # [n]
    rows = [flatten_list(gradients([s], at, keep=True)) for s in slope.unbind()]
    return torch.stack(rows)  # [n, n]


def least_eigenvalue(matrix: Tensor, held: Tensor) -> Tensor:
    """The smallest eigenvalue of the symmetric part on the numbers that are not held; infinity where all are.

    Shapes: matrix is [n, n], held a mask [n], the result 0-d.
    Batching: closed under vmap: held numbers get an eigenvalue above all others instead of being cut out.
    """
    free = ~held
    both = free[:, None] & free[None, :]
    middle = torch.where(both, (matrix + matrix.mT) / 2, 0.0)
    above = 2 * torch.linalg.matrix_norm(middle) + 1
    lifted = middle + torch.diag(torch.where(held, above, 0.0))
    return torch.where(held.all(), torch.inf, torch.linalg.eigvalsh(lifted)[0])


def nash_margin(jacobian: Tensor, sizes: list[int], held: Tensor) -> Tensor:
    """The smallest own curvature of any player: above 0 at a strict local Nash point, given that slopes vanish.

    Shapes: jacobian is [n, n] as of `field_jacobian`, sizes add up to n, held is [n], the result 0-d.
    Batching: closed under vmap.
    Source: Ratliff, Burden and Sastry 2016, definition 3.
    """
    found, start = [], 0
    for size in sizes:
        own = slice(start, start + size)
        found.append(least_eigenvalue(jacobian[own, own], held[own]))
        start += size
    return torch.stack(found).amin()


def response_curvature(top: Tensor, across: Tensor, back: Tensor, below: Tensor, held: Tensor) -> Tensor:
    """The leader's curvature along the follower's answer: top - across below^{-1} back on the follower's free numbers.

    For the costs f of the leader and g of the follower: top is f_uu, across f_uv, back g_vu, below g_vv. In a zero-sum
    game, where g = -f, this is the Schur complement f_uu - f_uv f_vv^{-1} f_vu.
    Shapes: [m, m], [m, k], [k, m], [k, k], held [k]; the result is [m, m].
    Batching: closed under vmap.
    Source: Jin, Netrapalli and Jordan 2020, proposition 19.
    """
    free = (~held).to(top.dtype)
    kept = free[:, None] * below * free[None, :] + torch.diag(1 - free)
    return top - (across * free) @ torch.linalg.pinv(kept, hermitian=False) @ (free[:, None] * back)


def minimax_margin(jacobian: Tensor, size: int, held: Tensor) -> tuple[Tensor, Tensor]:
    """Follower's curvature and the leader's along its answer: both above 0 at a strict local minimax point.

    The leader owns the first `size` numbers; the game is zero-sum, so that the rows of the follower hold -f.
    Shapes: jacobian is [n, n] as of `field_jacobian`, held is [n], the results are 0-d.
    Batching: closed under vmap.
    Source: Jin, Netrapalli and Jordan 2020, proposition 19.
    """
    below = jacobian[size:, size:]
    schur = response_curvature(jacobian[:size, :size], jacobian[:size, size:], jacobian[size:, :size], below, held[size:])
    return least_eigenvalue(below, held[size:]), least_eigenvalue(schur, held[:size])


def stackelberg_point(
    lead: Callable[[Tensor, Tensor], Tensor], follow: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor, held: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The leader's total slope through the follower's answer, its curvature, and the follower's least curvature.

    A point where the follower's slope vanishes is a strict differential Stackelberg point if the first is 0 and the
    others are above 0. `held` are the follower's numbers that stand at a side.
    Shapes: u is [m], v and held are [k]; lead and follow give 0-d costs; the results are [m], [m, m] and 0-d.
    Cost: third derivatives, by m more backward passes.
    Source: Fiez, Chasnov and Ratliff 2020, definition 4.
    """
    free = (~held).to(v.dtype)
    at, answer = leaf(u), leaf(v)
    slope = _total_slope(lead, follow, at, answer, free)  # [m]
    rows = [gradients([s], [at, answer], keep=True) for s in slope.unbind()]
    in_u = torch.stack([row[0] for row in rows])  # [m, m]
    in_v = torch.stack([row[1] for row in rows])  # [m, k]
    below, back = _follower_rows(follow, at, answer, free)
    moves = -torch.linalg.solve(below, back)  # [k, m]
    curvature = in_u + in_v @ moves
    return slope.detach(), curvature.detach(), least_eigenvalue(below.detach(), held)


def _follower_rows(follow: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
    """g_vv with held numbers made 1 on the diagonal, and g_vu with their rows 0; both differentiable."""
    slope = gradients([follow(u, v)], [v], graph=True)[0]
    rows = [gradients([s], [v, u], graph=True) for s in slope.unbind()]
    curved = torch.stack([row[0] for row in rows])
    return free[:, None] * curved * free[None, :] + torch.diag(1 - free), free[:, None] * torch.stack([row[1] for row in rows])


def _total_slope(lead: Callable[[Tensor, Tensor], Tensor], follow: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor, free: Tensor) -> Tensor:
    """f_u - g_vu^T g_vv^{-1} f_v, differentiable in both."""
    direct, through = gradients([lead(u, v)], [u, v], graph=True)
    below, back = _follower_rows(follow, u, v, free)
    return direct - back.mT @ torch.linalg.solve(below.mT, free * through)


def hessian_product(cost: Callable[[list[Tensor]], Tensor], points: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """The map d -> H d of the Hessian of a cost in these points, without the matrix.

    Shapes: d and the result are [n], n numbers in all points.
    Cost: one backward pass for each product.
    Source: Pearlmutter 1994.
    """
    at = [leaf(t) for t in points]
    slope = flatten_list(gradients([cost(at)], at, graph=True))

    def product(direction: Tensor) -> Tensor:
        return flatten_list(gradients([slope @ direction], at, keep=True)).detach()

    return product


def lanczos_extremes(matvec: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Ritz values nearest to the smallest and the largest eigenvalue of a symmetric map, with full orthogonalisation.

    The first is never below the smallest eigenvalue and the second never above the largest: what is found negative is.
    Shapes: start is [n], not 0; the results are 0-d.
    Cost: `steps` products and 8 n `steps` bytes in float64.
    Batching: closed under vmap where matvec is.
    Source: Golub and Van Loan 2013, section 10.1; Parlett and Scott 1979 for orthogonalising twice.
    """
    basis = [start / torch.linalg.vector_norm(start)]
    diagonal, beside = [], []
    for _ in range(min(steps, start.numel())):
        image = matvec(basis[-1])
        diagonal.append(basis[-1] @ image)
        rows = torch.stack(basis)  # [j, n]
        rest = image - rows.mT @ (rows @ image)
        rest = rest - rows.mT @ (rows @ rest)
        size = torch.linalg.vector_norm(rest)
        # A map of few distinct eigenvalues ends early: a direction of length 0 adds rows of zeros only.
        small = size <= 1e3 * torch.finfo(start.dtype).eps * torch.linalg.vector_norm(image)
        beside.append(torch.where(small, 0.0, size))
        basis.append(torch.where(small, 0.0, rest / torch.where(small, 1.0, size)))
    tri = torch.diag(torch.stack(diagonal))
    if len(diagonal) > 1:
        off = torch.stack(beside[:-1])
        tri = tri + torch.diag(off, 1) + torch.diag(off, -1)
    # Rows behind the end are no Ritz vectors: they take the first value, which is one.
    alive = torch.stack([torch.linalg.vector_norm(b) > 0.5 for b in basis[: len(diagonal)]])
    tri = tri + torch.diag(torch.where(alive, 0.0, diagonal[0]))
    values = torch.linalg.eigvalsh(tri)
    return values[0], values[-1]


def gain_from_restarts(
    cost: Callable[[Tensor], Tensor], z: Tensor, starts: Tensor, project: Callable[[Tensor], Tensor] | None, steps: int
) -> tuple[Tensor, Tensor]:
    """How much a player can lower its cost on its own, and where: projected descent with a growing and shrinking rate.

    The present point is one of the starts, so that the gain is never negative. A lower bound: a better answer may
    exist that no start leads to.
    Shapes: z is [n], starts [s, n]; cost maps [n] to 0-d; project maps [n] into the set; the results are 0-d and [n].
    Cost: 2 `steps` evaluations and `steps` backward passes for each start, all starts in one batch.
    Source: best responses as in Lanctot et al. 2017, section 2; step control of Riedmiller and Braun 1993.
    """
    into = (lambda point: point) if project is None else project
    points = torch.cat([z.detach()[None], torch.stack([into(t) for t in starts.detach()])])  # [s, n]
    batched = torch.func.vmap(cost)
    slopes = torch.func.vmap(torch.func.grad(cost))
    values = batched(points)
    present, rate = values[0], torch.full_like(values, 0.1)
    for _ in range(steps):
        trial = torch.func.vmap(into)(points - rate[:, None] * slopes(points))
        reached = batched(trial)
        better = reached <= values
        points = torch.where(better[:, None], trial, points)
        values = torch.where(better, reached, values)
        rate = torch.where(better, 2.0 * rate, 0.3 * rate)
    best = torch.argmin(torch.nan_to_num(values, nan=torch.inf))
    return (present - values[best]).clamp_min(0.0), points[best]


def duality_gap(gains: list[Tensor]) -> Tensor:
    """What all players together gain by answering alone: in a zero-sum game max f(u, .) - min f(., v).

    Shapes: the gains are 0-d, and so is the result.
    Source: Nemirovski 2004, section 1.
    """
    return torch.stack(gains).sum()
