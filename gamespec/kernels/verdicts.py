"""What the tests of solution concepts say at the end of a run, as entries of a certificate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.certificate import check
from gamespec.kernels.concepts import (
    all_directions,
    along_tangents,
    field_jacobian,
    gain_from_restarts,
    hessian_product,
    lanczos_extremes,
    leader_curvature,
    least_eigenvalue,
    minimax_margin,
    nash_margin,
    own_slopes,
    tangent,
    total_slope,
)
from gamespec.kernels.gradient import flatten_list, gradients


def curvature_check(name: str, margins: dict[str, Tensor], size: Tensor, tol: float | None, tried: str) -> dict[str, str | float | bool | None]:
    """A test of second order: how far the least of these curvatures lies below 0, relative to the size of the whole.

    The note names each curvature; where the test fails, it also says what to try.
    """
    least = min(float(m) for m in margins.values())
    shown = ", ".join(f"{what} {float(m):.3g}" for what, m in margins.items() if math.isfinite(float(m)))
    if math.isnan(least):
        return untested(name)
    below = max(0.0, -least) / max(1.0, float(size))
    entry = check(name, below, tol, f"{shown or 'nothing can move'}; the point is strict where all are above 0")
    return entry if entry["ok"] is not False else entry | {"note": f"{shown}; {tried}"}


def second_derivatives(
    costs: Callable[[list[Tensor]], list[Tensor]], points: list[Tensor], sets: list[Callable[[Tensor], Tensor] | None]
) -> tuple[list[tuple[Tensor, Tensor]], Tensor] | None:
    """The directions of every player and the Jacobian of the own slopes; None where they are not finite."""
    slopes = own_slopes(costs, points)
    if not bool(flatten_list(slopes).isfinite().all()):
        return None
    matrix = field_jacobian(costs, points)
    if not bool(matrix.isfinite().all()):
        return None
    return [tangent(project, z, g) for project, z, g in zip(sets, points, slopes, strict=True)], matrix


def untested(name: str) -> dict[str, str | float | bool | None]:
    """The entry of a test that could not be made."""
    return check(name, math.nan, None, "no second derivatives here: not tested")


def nash_check(
    name: str,
    costs: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    sets: list[Callable[[Tensor], Tensor] | None],
    tol: float | None,
    tried: str,
) -> dict[str, str | float | bool | None]:
    """Local Nash to second order: no player's own cost bends down where it can move.

    Shapes: one vector and one cost for each player; a set is the projection on it, None for the whole space.
    Source: Ratliff, Burden and Sastry 2016, definition 3.
    """
    found = second_derivatives(costs, points, sets)
    if found is None:
        return untested(name)
    tangents, matrix = found[0], along_tangents(found[1], found[0])
    margin = nash_margin(matrix, [bend.numel() for _, bend in tangents])
    return curvature_check(name, {"least own curvature": margin}, torch.linalg.matrix_norm(matrix), tol, tried)


def minimax_check(
    costs: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    sets: list[Callable[[Tensor], Tensor] | None],
    tol: float | None,
    tried: str,
) -> dict[str, str | float | bool | None]:
    """Local minimax to second order, leader first: the follower's curvature, and what its answer leaves of the leader's.

    Shapes: as of `nash_check`, two players of a zero-sum game.
    Source: Jin, Netrapalli and Jordan 2020, proposition 19.
    """
    name, found = "local minimax, second order", second_derivatives(costs, points, sets)
    if found is None:
        return untested(name)
    tangents, matrix = found[0], along_tangents(found[1], found[0])
    size, free = torch.linalg.matrix_norm(matrix), tangents[0][1].numel()
    below, along = minimax_margin(matrix, free)
    margins = {"the follower's curvature": below}
    if not singular(matrix[free:, free:], size):
        return curvature_check(name, margins | {"the leader's along its answer": along}, size, tol, tried)
    entry = curvature_check(name, margins, size, tol, tried)
    said = "the follower's curvature is singular, its answer has no derivative: the leader's curvature along it is not tested"
    return entry if entry["ok"] is False else entry | {"tol": None, "ok": None, "note": said}


def singular(matrix: Tensor, size: Tensor) -> bool:
    """Whether rounding is all that keeps the least singular value of a matrix from 0, for numbers of that size; not of an empty one."""
    return bool(matrix.numel()) and float(torch.linalg.svdvals(matrix)[-1]) <= 1e-7 * float(size)


def ball_check(name: str, reached: list[float], spent: list[float]) -> dict[str, str | float | bool | None]:
    """Whether longer moves use the budget of a ball of distributions better, as a share of what was found; at most 0.05.

    `reached` is the mean objective of the samples after their moves, and `spent` the mean cost of these, in units of the
    budget: first of the moves found, last of none. Where every sample makes its move with probability 1/cost only, the
    distribution lies in the ball and gains 1/cost as much: a bound of the worst case from below, which grows without end
    where the objective grows faster than moves cost.
    """
    usual, *others, _ = ((value - reached[-1]) / max(1.0, cost) for value, cost in zip(reached, spent, strict=True))
    better = max((0.0, *(other - usual for other in others if math.isfinite(other))))
    entry = check(name, better / max(abs(usual), 1e-12), 0.05, "what they gain more for the same budget, as a share of what was found")
    return entry if entry["ok"] else entry | {"note": "the ball's worst case is unbounded or not found: these gain more for the same budget"}


def leaders_checks(
    names: list[str],
    costs: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    sets: list[Callable[[Tensor], Tensor] | None],
    tol: float | None,
    tried: str,
) -> list[dict[str, str | float | bool | None]]:
    """Leaders of the same followers: `stackelberg_checks` of each of them by name, the other leaders standing still.

    The first points are the leaders'.
    Shapes: as of `nash_check`.
    Source: Sherali 1984, section 2, for the equilibrium.
    """
    found = []
    for k, name in enumerate(names):
        playing = [k, *range(len(names), len(points))]

        def some(at: list[Tensor], playing: list[int] = playing) -> list[Tensor]:
            moved = dict(zip(playing, at, strict=True))
            every = costs([moved.get(j, z) for j, z in enumerate(points)])
            return [every[j] for j in playing]

        entries = stackelberg_checks(some, [points[j] for j in playing], [sets[j] for j in playing], tol, tried)
        found += [entry | {"name": f"{name}: {entry['name']}"} for entry in entries]
    return found


def stackelberg_checks(
    costs: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    sets: list[Callable[[Tensor], Tensor] | None],
    tol: float | None,
    tried: str,
) -> list[dict[str, str | float | bool | None]]:
    """Differential Stackelberg: the leader's slope and curvature through the exact answer of all its followers.

    The first point is the leader's. Followers that are held by their sets stand still; a set whose boundary bends is
    tested to first order only.
    Shapes: as of `nash_check`.
    Source: Fiez, Chasnov and Ratliff 2020, definition 4.
    """
    first, second = "leader's slope through the answer", "differential Stackelberg, second order"
    derivatives = second_derivatives(costs, points, sets)
    if derivatives is None:
        return [untested(second)]
    below = derivatives[0][1:]
    basis = all_directions(below)  # [k, r]
    start, others = points[0], flatten_list(points[1:])
    sizes = [z.numel() for z in points[1:]]

    def everybody(u: Tensor, y: Tensor) -> list[Tensor]:
        return [u, *torch.split(others + basis @ y, sizes)]

    def field(u: Tensor, y: Tensor) -> Tensor:
        return basis.mT @ flatten_list(own_slopes(costs, everybody(u, y), graph=True)[1:])

    def lead(u: Tensor, y: Tensor) -> Tensor:
        return costs(everybody(u, y))[0]

    still = torch.zeros(basis.shape[1], dtype=start.dtype, device=start.device)
    matrix = along_tangents(derivatives[1][start.numel() :, start.numel() :], below)
    if singular(matrix, torch.linalg.matrix_norm(matrix)):
        return [check(second, math.nan, None, "the follower's curvature vanishes here, its answer has no derivative: not tested")]
    bends = any(bool((bend > 1e-3).any()) for _, bend in below)
    slope = total_slope(lead, field, start.clone().requires_grad_(), still.requires_grad_()).detach()
    moved = start - slope if sets[0] is None else sets[0](start - slope)
    entries = [check(first, float((start - moved).abs().amax()), tol, "first order, by the implicit function theorem")]
    if bends:
        return [*entries, check(second, math.nan, None, "a follower stands at a side that bends: not tested")]
    free, bend = tangent(sets[0], start, slope)
    margins = {
        "followers' curvature": nash_margin(matrix, [b.numel() for _, b in below]),
        "the leader's along the answer": least_eigenvalue(free.mT @ leader_curvature(lead, field, start, still) @ free + torch.diag(bend)),
    }
    return [*entries, curvature_check(second, margins, torch.linalg.matrix_norm(matrix), tol, tried)]


def gain_check(
    name: str,
    k: int,
    costs: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    project: Callable[[Tensor], Tensor] | None,
    starts: Tensor,
    steps: int,
    tol: float | None,
    *,
    near: bool,
) -> dict[str, str | float | bool | None]:
    """What player k gains alone: first-order conditions hold at a worst answer too, so it searches from other starts.

    `near` keeps the search within 1 of the point: on a set without end any slope, however small, gains without end.
    Shapes: points are vectors, starts [s, n] for the n numbers of player k.
    """
    here = points[k].detach()

    def into(z: Tensor) -> Tensor:
        inside = z if project is None else project(z)
        return inside.clamp(here - 1, here + 1) if near else inside

    gain, _ = gain_from_restarts(lambda z: costs([*points[:k], z, *points[k + 1 :]])[k], here, starts, into, steps)
    where = " within 1 of it" if near else ""
    note = f"what a search from {len(starts)} starts{where} finds better, the others standing still"
    return check(f"{name}: gain alone", float(gain), tol, note)


def gap_check(name: str, gains: list[dict[str, str | float | bool | None]]) -> dict[str, str | float | bool | None]:
    """The sum of what the players gain alone: exploitability, which in a zero-sum game is the duality gap.

    Source: Nemirovski 2004, section 1; Lanctot et al. 2017, section 2.
    """
    total = sum(float(entry["value"] or 0.0) for entry in gains)
    return check(name, total, None, "the gains of all players together, by search: 0 at an equilibrium")


def network_checks(
    name: str, value: Callable[[], Tensor], weights: list[Tensor], start: Tensor, products: int, steps: int
) -> list[dict[str, str | float | bool | None]]:
    """For a player of many numbers: the least curvature of its own cost, and what some descent of it alone gains.

    `value` computes the cost from the weights as they stand; they are moved in place and put back. `start` is a random
    vector with one number for each weight, `products` bounds the Hessian-vector products and `steps` the descent.
    Cost: products + steps backward passes.
    """
    entries = []
    try:
        with torch.enable_grad():
            product = hessian_product(value(), weights)
            low, high = (float(x) for x in lanczos_extremes(product, start, products))
        note = f"at most, by {products} Hessian-vector products (Lanczos); the largest is at least {high:.3g}"
        entries.append(check(f"{name}: least curvature", low, None, note))
    except RuntimeError as error:
        entries.append(check(f"{name}: least curvature", math.nan, None, f"no second derivatives: {str(error)[:80]}"))
    gain = gain_in_place(value, weights, steps)
    return [*entries, check(f"{name}: gain alone", gain, None, f"by {steps} gradient steps of its own near by, the others standing still")]


def gain_in_place(value: Callable[[], Tensor], weights: list[Tensor], steps: int) -> float:
    """How much gradient steps with a growing and shrinking rate lower a cost; the weights end as they were.

    All steps together go at most a tenth of the size of the weights: many costs of networks fall without end.
    Source: step control of Riedmiller and Braun 1993.
    """
    kept = [w.detach().clone() for w in weights]
    longest = 0.1 * float(torch.linalg.vector_norm(flatten_list(kept))) / steps
    best, rate = kept, 0.1
    first = lowest = math.inf
    direction: list[Tensor] = []
    try:
        for k in range(steps + 1):
            with torch.enable_grad():
                now = value()
                slopes = gradients([now], weights)
            reached = float(now.detach())
            first = reached if k == 0 else first
            if k == 0 or reached <= lowest:
                lowest, best, direction = reached, [w.detach().clone() for w in weights], slopes
                rate *= 2.0
            else:
                rate *= 0.3
            size = float(torch.linalg.vector_norm(flatten_list(direction)))
            rate = min(rate, longest / size) if size > 0 else 0.0
            with torch.no_grad():
                for w, at, g in zip(weights, best, direction, strict=True):
                    w.copy_(at - rate * g)
    finally:
        with torch.no_grad():
            for w, was in zip(weights, kept, strict=True):
                w.copy_(was)
    return first - lowest
