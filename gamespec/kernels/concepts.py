"""Which solution concept a point satisfies: local Nash, local minimax, differential Stackelberg, to second order.

A player in a set can move along some directions only. The derivative of the projection tells which, and how much the
boundary bends: at z - t g it is the inverse of 1 + t bend on the directions that are left, and 0 across them.
Curvatures are taken on these directions. Every function gives a margin: above 0 the strict sufficient condition holds,
below 0 the necessary one fails, and within rounding of 0 nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf
from gamespec.kernels.response import jacobian


def tangent(project: Callable[[Tensor], Tensor] | None, z: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Directions along which a point of a set can move, as columns, and the bend of the boundary along each.

    `slope` is that of what the owner lowers: a side that it pushes against is held. A thousandth of the slope is looked
    ahead, so that sides count only where the point is near them.
    Shapes: z and slope are [n]; the results are [n, r] and [r] with r <= n.
    Batching: the number of directions depends on values, hence not for vmap.
    Source: Rockafellar and Wets 1998, exercise 13.45: the projection is the resolvent of the normal cone.
    """
    if project is None:
        return torch.eye(z.numel(), dtype=z.dtype, device=z.device), torch.zeros_like(z)
    at = leaf(z - 1e-3 * slope)
    change = jacobian(project(at), at)
    values, vectors = torch.linalg.eigh((change + change.mT) / 2)
    kept = values > 1e-5
    return vectors[:, kept], (1 / values[kept] - 1) / 1e-3


def own_slopes(costs: Callable[[list[Tensor]], list[Tensor]], z: list[Tensor], *, graph: bool = False) -> list[Tensor]:
    """The slope of each player's cost in its own point; differentiable with `graph`.

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


def along_tangents(matrix: Tensor, tangents: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The Jacobian of a field on the directions that the players have, with the bends of their sets.

    Shapes: matrix is [n, n], the result [r, r] for r directions in all.
    """
    basis = all_directions(tangents)  # [n, r]
    return basis.mT @ matrix @ basis + torch.diag(torch.cat([bend for _, bend in tangents]))


def all_directions(tangents: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The directions of all players as columns of one matrix [n, r], a block for each."""
    found: Tensor = torch.block_diag(*(directions for directions, _ in tangents))  # type: ignore[no-untyped-call]  # torch leaves it untyped; until 2027-11
    return found


def least_eigenvalue(matrix: Tensor) -> Tensor:
    """The smallest eigenvalue of the symmetric part; infinity for no numbers at all.

    Shapes: matrix is [n, n], the result 0-d.
    Batching: closed under vmap.
    """
    if not matrix.shape[-1]:
        return matrix.new_full((), torch.inf)
    return torch.linalg.eigvalsh((matrix + matrix.mT) / 2)[0]


def nash_margin(matrix: Tensor, sizes: list[int]) -> Tensor:
    """The smallest own curvature of any player: above 0 at a strict local Nash point, given that slopes vanish.

    Shapes: matrix is [n, n] as of `field_jacobian`, sizes add up to n, the result 0-d.
    Batching: closed under vmap.
    Source: Ratliff, Burden and Sastry 2016, definition 3.
    """
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    own = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return torch.stack([least_eigenvalue(matrix[part, part]) for part in own]).amin()


def response_curvature(top: Tensor, across: Tensor, back: Tensor, below: Tensor) -> Tensor:
    """The leader's curvature along the follower's answer in a zero-sum game: top - across below^{-1} back.

    For the costs f of the leader and g = -f of the follower: top is f_uu, across f_uv, back g_vu, below g_vv, and the
    result is the Schur complement f_uu - f_uv f_vv^{-1} f_vu.
    Shapes: [m, m], [m, k], [k, m], [k, k]; the result is [m, m].
    Batching: closed under vmap.
    Source: Jin, Netrapalli and Jordan 2020, proposition 19.
    """
    return top - across @ torch.linalg.pinv(below) @ back


def minimax_margin(matrix: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Follower's curvature and the leader's along its answer: both above 0 at a strict local minimax point.

    The leader owns the first `size` numbers; the game is zero-sum, so that the rows of the follower hold -f.
    Shapes: matrix is [n, n] as of `field_jacobian`, the results are 0-d.
    Batching: closed under vmap.
    Source: Jin, Netrapalli and Jordan 2020, proposition 19.
    """
    below = matrix[size:, size:]
    schur = response_curvature(matrix[:size, :size], matrix[:size, size:], matrix[size:, :size], below)
    return least_eigenvalue(below), least_eigenvalue(schur)


def total_slope(lead: Callable[[Tensor, Tensor], Tensor], field: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor) -> Tensor:
    """The leader's slope through the followers' answer, f_u - F_u^T F_v^{-T} f_v, differentiable in both points.

    `lead` gives the leader's cost f and `field` the followers' own slopes F, stacked; the answer solves F(u, v) = 0.
    Shapes: u is [m], v and field(u, v) are [k], the result is [m].
    Cost: k backward passes.
    Source: Fiez, Chasnov and Ratliff 2020, equation 4.
    """
    direct, through = gradients([lead(u, v)], [u, v], graph=True)
    below, back = field_rows(field, u, v)
    return direct - back.mT @ torch.linalg.solve(below.mT, through)


def field_rows(field: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """F_v [k, k] and F_u [k, m] of the followers' slopes, both differentiable."""
    rows = [gradients([s], [v, u], graph=True) for s in field(u, v).unbind()]
    if not rows:
        return v.new_zeros(0, 0), v.new_zeros(0, u.numel())
    return torch.stack([row[0] for row in rows]), torch.stack([row[1] for row in rows])


def leader_curvature(lead: Callable[[Tensor, Tensor], Tensor], field: Callable[[Tensor, Tensor], Tensor], u: Tensor, v: Tensor) -> Tensor:
    """The second derivative of the leader's cost along the followers' answer.

    Together with a vanishing total slope and followers at strict best answers, a positive one makes a strict
    differential Stackelberg point.
    Shapes: as of `total_slope`; the result is [m, m].
    Cost: third derivatives, by m more backward passes.
    Source: Fiez, Chasnov and Ratliff 2020, definition 4.
    """
    at, answer = leaf(u), leaf(v)
    slope = total_slope(lead, field, at, answer)  # [m]
    rows = [gradients([s], [at, answer], keep=True) for s in slope.unbind()]
    below, back = field_rows(field, at, answer)
    moves = -torch.linalg.solve(below.detach(), back.detach())  # [k, m]
    return torch.stack([row[0] for row in rows]) + torch.stack([row[1] for row in rows]) @ moves


def hessian_product(value: Tensor, points: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """The map d -> H d of the Hessian of a value in the points that it was computed from, without the matrix.

    Shapes: value is 0-d; d and the result are [n], n numbers in all points.
    Cost: one backward pass for each product.
    Source: Pearlmutter 1994.
    """
    slope = flatten_list(gradients([value], points, graph=True))

    def product(direction: Tensor) -> Tensor:
        return flatten_list(gradients([slope @ direction], points, keep=True)).detach()

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
