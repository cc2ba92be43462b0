"""A leader's step against the worst answer to a game that is linear in the step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf, unflatten_list
from gamespec.kernels.hull import lowest_in_hull


def climbed(
    field: Callable[[list[Tensor]], list[Tensor]],
    u: list[Tensor],
    v: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    lengths: list[Tensor | float],
    steps: int,
    q: list[Tensor] | None = None,
) -> list[Tensor]:
    """The follower after `steps` gradient steps on f(u, v), or with a step q of the leader on f(u, v) + <grad_u f(u, v), q>."""
    for _ in range(steps):
        at = [leaf(p) for p in (*u, *v)]
        slopes = field(at)
        mine, own = slopes[: len(u)], at[len(u) :]
        bent = gradients(mine, own, q, keep=True) if q is not None else [torch.zeros_like(p) for p in own]
        v = [p.detach() - r * (s.detach() - b) for p, r, s, b in zip(own, lengths, slopes[len(u) :], bent, strict=True)]
        v = project([*u, *v])[len(u) :] if project is not None else v
    return v


def linearised_direction(
    field: Callable[[list[Tensor]], list[Tensor]],
    value: Callable[[list[Tensor]], Tensor],
    u: list[Tensor],
    v: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    rates: list[list[Tensor | float]],
    steps: int,
    planes: int,
) -> tuple[list[Tensor], Tensor]:
    """The leader's step q that solves min_q max_v f(u, v) + <grad_u f(u, v), q> + |q|^2 / 2r, and |q|^2 / r.

    Each answer v to the last q adds a plane, a lower bound of the maximum over v; q is the minimum over all planes so far.
    Shapes: u, v and q are lists of tensors; `rates` holds a rate r for each tensor of the leader, then of the follower.
    Error: that of the answers, and of `planes` cutting planes.
    Source: Kiwiel 1987, the auxiliary problem; all planes are kept, where the paper allows to merge them into one.
    """
    heights, rows, roots = [], [], [r**0.5 for r in rates[0]]
    q: list[Tensor] = [torch.zeros_like(p) for p in u]
    short = flatten_list(q)
    for k in range(planes):
        v = climbed(field, u, v, project, rates[1], steps, q if k else None)
        at = [leaf(p) for p in (*u, *v)]
        heights.append(value(at).detach())
        rows.append(flatten_list([r * s.detach() for r, s in zip(roots, field(at), strict=False)]))
        short = lowest_in_hull(torch.stack(rows), torch.stack(heights))
        q = [-r * s for r, s in zip(roots, unflatten_list(short, u), strict=True)]
    return q, short @ short


def linearised_step(
    field: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    rates: list[list[Tensor | float]],
    *,
    value: Callable[[list[Tensor]], Tensor],
    steps: int,
    planes: int,
    trials: int,
    c: float,
    sigma: float,
) -> list[Tensor]:
    """Both players after the longest of the steps q, sigma q, sigma^2 q, ... that lowers the worst value enough.

    Enough is c times the length of the step times |q|^2 / r; where none of the `trials` does, the leader stays. The
    follower ends at its answer. In a set, each trial is put back before it is judged.
    Batching: closed under vmap: every trial is made, nothing branches on a value.
    Source: Kiwiel 1987 with the line search of Armijo 1966; Bertsekas 1976 for the arc along a set.
    """
    n = len(rates[0])
    u, answer = [p.detach() for p in points[:n]], climbed(field, points[:n], points[n:], project, rates[1], steps)
    best, top = u, value([*u, *answer]).detach()
    q, fall = linearised_direction(field, value, u, answer, project, rates, steps, planes)
    done, begin = torch.zeros_like(top, dtype=torch.bool), answer
    for k in range(trials):
        there = [p + sigma**k * d for p, d in zip(u, q, strict=True)]
        there = project([*there, *begin])[:n] if project is not None else there
        found = climbed(field, there, begin, project, rates[1], steps)
        taken = ~done & (value([*there, *found]).detach() <= top - c * sigma**k * fall)
        best = [torch.where(taken, t, b) for t, b in zip(there, best, strict=True)]
        answer = [torch.where(taken, f, a) for f, a in zip(found, answer, strict=True)]
        done = done | taken
    return [*best, *answer]
