"""A leader whose follower may have several best answers: a search of both boxes, with the tie broken for or against it.

The value phi of a leader's choice x is the best (optimistic) or the worst (pessimistic) of its objective over the answers
y, each made worse by (cost of y - least cost) / rate. As the rate falls to 0 the least phi tends to the optimistic and to
the pessimistic value, on compact sets and for continuous objectives; without a rate a tie that holds at one x alone would
be missed by every sample. Where the answer is unique and the costs are smooth, what the rate changes is of its order.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor], Tensor]


def grid(low: Tensor, high: Tensor, count: int) -> Tensor:
    """All points of a grid with `count` numbers along each side. Shapes: low and high are [n], the result [count^n, n]."""
    sides = [torch.linspace(0, 1, count, dtype=low.dtype, device=low.device)] * low.shape[0]
    return low + (high - low) * torch.cartesian_prod(*sides).reshape(-1, low.shape[0])


def compass(value: Callable[[Tensor], Tensor], at: Tensor, low: Tensor, high: Tensor, size: Tensor, rounds: int) -> Tensor:
    """Every point moved to the best of its neighbours along each side, whose distance halves where none is better.

    Shapes: at is [..., n], value maps that to [...]; the result has the shape of at.
    Source: Kolda, Lewis and Torczon 2003, section 2.
    """
    best, length = value(at), size.expand_as(at).clone()
    for _ in range(rounds):
        moved = torch.zeros_like(best, dtype=torch.bool)
        for axis in range(at.shape[-1]):
            for sign in (1.0, -1.0):
                trial = at.clone()
                trial[..., axis] = (at[..., axis] + sign * length[..., axis]).clamp(low[axis], high[axis])
                reached = value(trial)
                better = reached < best
                at, best = torch.where(better[..., None], trial, at), torch.where(better, reached, best)
                moved |= better
        length = torch.where(moved[..., None], length, length / 2)
    return at


def lowest_wells(cost: Tensor, count: int, sides: int) -> Tensor:
    """Numbers of the lowest points of a grid that no neighbour along a side is below. Shapes: [k, count^sides] to [k, q]."""
    table = cost.reshape(-1, *[count] * sides)
    least = table
    for axis in range(1, sides + 1):
        for step in (1, -1):
            beside = torch.roll(table, step, dims=axis)
            edge = torch.zeros(count, dtype=torch.bool, device=cost.device)
            edge[0 if step == 1 else -1] = True
            beside = torch.where(edge.view(-1, *[1] * (sides - axis)), torch.inf, beside)
            least = torch.minimum(least, beside)
    wells = torch.where(table <= least, table, torch.inf).reshape(cost.shape)
    return wells.topk(min(6, wells.shape[1]), dim=1, largest=False).indices


def answers(
    outer: Objective, inner: Objective, x: Tensor, low: Tensor, high: Tensor, rate: float, count: int, *, worst: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """For each x: phi, the answer that the tie is broken to, and the follower's least cost.

    Shapes: x is [k, n], low and high [m]; the results are [k], [k, m] and [k]. outer and inner map [..., n] and [..., m]
    to [...].
    Error: the follower's cost is the least of all local minima that a grid of `count` points a side leads to.
    """
    y = grid(low, high, count)  # [p, m]
    size = (high - low) / (count - 1)
    wide, all_y = x[:, None, :].expand(-1, len(y), -1), y.expand(len(x), -1, -1)  # [k, p, n], [k, p, m]
    wells = lowest_wells(inner(wide, all_y), count, low.shape[0])  # [k, q]
    starts = y[wells]  # [k, q, m]
    found = compass(lambda at: inner(wide[:, : wells.shape[1]], at), starts, low, high, size, 44)
    tried = torch.cat([all_y, found], dim=1)  # [k, p + q, m]
    wide = x[:, None, :].expand(-1, tried.shape[1], -1)
    cost = inner(wide, tried)
    least = cost.amin(dim=1)  # [k]
    sign = -1.0 if worst else 1.0
    first = (sign * outer(wide, tried) + (cost - least[:, None]) / rate).argmin(dim=1)  # [k]
    chosen = torch.gather(tried, 1, first[:, None, None].expand(-1, 1, low.shape[0]))[:, 0]  # [k, m]

    def broken(at: Tensor) -> Tensor:
        return sign * outer(x, at) + (inner(x, at) - least) / rate

    chosen = compass(broken, chosen, low, high, size, 44)
    return sign * broken(chosen), chosen, least


def survey(
    outer: Objective,
    inner: Objective,
    lead: tuple[Tensor, Tensor],
    follow: tuple[Tensor, Tensor],
    *,
    worst: bool,
    counts: tuple[int, int],
    shift: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The leader's choice of least phi and the follower's answer to it: a grid, then ever finer ones around the best few.

    On a grid whose neighbours differ by at most d in the follower's cost, the rate is d over 0.05 of the range of the
    leader's objective: a tie between two points then costs either of them no more than that. Grids become finer
    until their cells are near rounding. `shift`, a share of a cell, moves the first grid.
    Shapes: lead and follow are (low, high), [n] and [m] each; the results are [n] and [m]. `counts` are points a side.
    Error: a choice that is best only within less than a cell of the first grid may be missed.
    Source: Loridan and Morgan 1996 and Molodtsov 1976, for the limits; the search is a plain one.
    """
    (low, high), (under, over) = lead, follow
    # Cells on either side of a point that the next grid covers, and how much finer that is.
    wing, finer = (24, 3) if low.shape[0] == 1 else (8, 2)
    cell = (high - low) / (counts[0] - 1)
    x = torch.cat([low[None], high[None], (grid(low, high, counts[0]) + shift * cell).clamp(low, high)])
    probe = grid(under, over, counts[1])
    rounding = torch.finfo(low.dtype).eps
    wide, near = x[:, None, :].expand(-1, len(probe), -1), probe.expand(len(x), -1, -1)
    seen = outer(wide, near)
    share = 0.05 * float(seen.amax() - seen.amin()) + rounding
    while True:
        wide, near = x[:, None, :].expand(-1, len(probe), -1), probe.expand(len(x), -1, -1)
        cost = inner(wide, near)
        change = [(inner((wide + step).clamp(low, high), near) - cost).abs().amax() for step in torch.diag(cell)]
        change.append(100 * rounding * (1 + cost.abs().amax()))
        value, chosen, _ = answers(outer, inner, x, under, over, float(torch.stack(change).amax()) / share, counts[1], worst=worst)
        order = torch.argsort(value)
        if bool((cell <= 16 * rounding * (high - low)).all()):
            return x[order[0]], chosen[order[0]]
        kept: list[Tensor] = []
        for k in order.tolist():
            if all(bool(((x[k] - other).abs() > wing / 2 * cell).any()) for other in kept):
                kept.append(x[k])
            if len(kept) == 2:
                break
        cell = cell / finer
        fine = grid(-wing * cell, wing * cell, 2 * wing + 1)
        x = torch.cat([(centre + fine).clamp(low, high) for centre in kept])


def survey_gap(
    outer: Objective,
    inner: Objective,
    x: Tensor,
    y: Tensor,
    lead: tuple[Tensor, Tensor],
    follow: tuple[Tensor, Tensor],
    *,
    worst: bool,
    counts: tuple[int, int],
) -> Tensor:
    """What a second search, from a grid between the points of the first, finds better: the larger of both players' losses.

    The follower loses what a better answer would save; the leader what another choice would save, or what another tie at
    this one would change. Shapes: x is [n], y is [m]; the result is 0-d.
    """
    _, tied, least = answers(outer, inner, x[None], *follow, 1e-7, counts[1], worst=worst)
    other, answer = survey(outer, inner, lead, follow, worst=worst, counts=counts, shift=0.37)
    here, there = outer(x, y), outer(other, answer)
    tie = (outer(x, tied[0]) - here) if worst else (here - outer(x, tied[0]))
    return torch.stack([inner(x, y) - least[0], tie, here - there]).amax().clamp(min=0.0)
