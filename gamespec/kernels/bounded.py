"""Answers for each sample under constraints of its own: steps on the augmented Lagrangian, a multiplier for every row."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import leaf


def bounded_answers(
    value: Callable[[Tensor, Tensor], Tensor],
    slacks: Callable[[Tensor], Tensor],
    moved: Callable[[Tensor, Tensor, Tensor], Tensor],
    point: Tensor,
    anchor: Tensor,
    steps: int,
    rate: float,
    equal: tuple[bool, ...],
    sign: int,
) -> tuple[Tensor, Tensor]:
    """For every row, the best point met on a primal-dual path, and its multipliers.

    value(point, multipliers) is the augmented Lagrangian, which the player raises where `sign` is 1 and lowers where it
    is -1; slacks(point) is at most 0, or 0 where `equal`. moved(point, slope, share) makes a step, shorter by the share
    of the steps that is left, so that steps of fixed length come to rest. A row that a step makes worse stays where it is,
    with its multipliers, and makes shorter ones: what constraints cost may be curved far more than the objective, and
    multipliers that wait for steps that fit no more would grow without end. Of all points that is best for which the
    objective is best after every violation is paid for at twice the highest multiplier so far and 1 more: an exact penalty.
    What is left of a violation is taken back towards `anchor`, where all constraints hold there.
    Shapes: point [n, ...], value [n], slacks and multipliers [n, c], share [n, ...] with ones.
    Cost: for each step one gradient of value, two values more, and one of the slacks.
    Source: Arrow, Hurwicz and Uzawa 1958 on the Lagrangian of Rockafellar 1974; Han and Mangasarian 1979 for the penalty.
    """
    bound = torch.tensor([-torch.inf if one else 0.0 for one in equal], dtype=point.dtype, device=point.device)
    with torch.no_grad():
        multipliers = highest = torch.zeros_like(slacks(point))
    wide = (-1, *[1] * (point.dim() - 1))
    length = torch.ones_like(multipliers[:, 0])
    rounding = 4 * torch.finfo(point.dtype).eps
    rose = length > 0  # [n], whether the last step of a row was no loss
    best, reached, violated = point, torch.full_like(multipliers[:, 0], -torch.inf), torch.zeros_like(multipliers)
    for k in range(steps + 1):
        with torch.no_grad():
            excess = slacks(point)
            over = torch.where(bound < 0, excess.abs(), excess.clamp(min=0))
            found = sign * value(point, torch.zeros_like(multipliers))
            price = 2 * highest + 1
            won = found - (price * over).sum(1) > reached - (price * violated).sum(1)
            best = torch.where(won.view(wide), point, best)
            reached, violated = torch.where(won, found, reached), torch.where(won[:, None], over, violated)
            if k == steps:
                break
            multipliers = torch.where(rose[:, None], torch.maximum(multipliers + rate * excess, bound), multipliers)
            highest = torch.maximum(highest, multipliers.abs())
        point = leaf(point)
        worth = value(point, multipliers)
        (slope,) = torch.autograd.grad(worth.sum(), point)
        with torch.no_grad():
            trial = moved(point, slope, (1 - k / steps) * length.view(wide))
            rose = sign * (value(trial, multipliers) - worth) >= -rounding * (1 + worth.abs())
            length = torch.where(rose, (1.5 * length).clamp(max=1), length / 2)
            point = torch.where(rose.view(wide), trial, point)
    return pulled_in(slacks, anchor, best, bound), multipliers


@torch.no_grad()
def pulled_in(slacks: Callable[[Tensor], Tensor], anchor: Tensor, point: Tensor, bound: Tensor) -> Tensor:
    """Rows of a point that violate a constraint, drawn towards an anchor where all hold, until they do: by twelve halvings.

    `bound` is -inf at equations. Rows whose anchor violates one too stay where they are.
    """
    wide = (-1, *[1] * (point.dim() - 1))

    def holds(share: Tensor) -> Tensor:
        found = slacks(anchor + share.view(wide) * (point - anchor))
        return (torch.where(bound < 0, found.abs(), found) <= 0).all(dim=1)  # [n]

    low = torch.zeros_like(point.reshape(len(point), -1)[:, 0])
    high = torch.ones_like(low)
    done = holds(high) | ~holds(low)
    for _ in range(12):
        middle = (low + high) / 2
        inside = holds(middle)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return torch.where(done.view(wide), point, anchor + low.view(wide) * (point - anchor))
