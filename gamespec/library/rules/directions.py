"""Directions and lengths of steps, kept apart: what rules that normalise or graft are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option
from gamespec.library.rules.decay import decayed_number

if TYPE_CHECKING:
    from torch import Tensor

PER = Option("per", str, "player", words=("player", "layer"))
"""Whether one length is taken over all tensors of a player, or one for every tensor."""


def step_lengths(steps: list[Tensor], per: str) -> list[Tensor]:
    """The Euclidean length of every step; with per = "player" that of all steps together, for each.

    Shapes: the results are 0-d, as many as there are steps.
    Error: ValueError for another word.
    """
    if per not in ("player", "layer"):
        raise ValueError(f"per is {per!r}; it can be player or layer")
    lengths = list(torch._foreach_norm(steps))
    return lengths if per == "layer" else [torch.linalg.vector_norm(torch.stack(lengths))] * len(lengths)


def grafted(length_of: list[Tensor], along: list[Tensor], per: str, eps: float) -> list[Tensor]:
    """Steps with the direction of `along` and the length of `length_of`; nothing moves where `along` is zero.

    Shapes: all lists hold tensors of the same shapes.
    Source: Agarwal et al. 2020, section 2.
    """
    lengths, own = step_lengths(length_of, per), step_lengths(along, per)
    return [a * (length / (norm + eps)) for a, length, norm in zip(along, lengths, own, strict=True)]


def length_numbers(z: list[float | Tensor]) -> float | Tensor:
    """The Euclidean length of a list of floats, or of tensors [starts]."""
    total = sum(x * x for x in z)
    return torch.sqrt(total) if isinstance(total, torch.Tensor) else math.sqrt(total)


def adam_along(
    slope: float | Tensor, mean: float | Tensor, square: float | Tensor, count: float, betas: tuple[float, float], eps: float
) -> tuple[float | Tensor, float | Tensor, float | Tensor, float]:
    """The direction of `AdamDirection` for one number, with mean, square and count after it."""
    count += 1
    mean = mean + (1 - betas[0]) * (slope - mean)
    square = betas[1] * square + (1 - betas[1]) * slope * slope
    below = square**0.5 / math.sqrt(1 - betas[1] ** count) + eps
    return mean / (1 - betas[0] ** count) / below, mean, square, count


def grafted_numbers(
    x: list[float | Tensor],
    slope: list[float | Tensor],
    mean: list[float | Tensor],
    square: list[float | Tensor],
    velocity: list[float | Tensor],
    count: list[float],
    *,
    along_adam: bool,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    momentum: float,
    decay: str,
    total: int,
) -> tuple[list[float | Tensor], list[float | Tensor], list[float | Tensor], list[float | Tensor], list[float]]:
    """One step of `AdaDir` (along Adam, as long as the gradient) or `AdaLR` (the other way) for the numbers of one variable."""
    adam = [adam_along(s, m, v, c, betas, eps) for s, m, v, c in zip(slope, mean, square, count, strict=True)]
    velocity = [momentum * w + s for w, s in zip(velocity, slope, strict=True)]
    steps = [a[0] for a in adam]
    way, size = (steps, velocity) if along_adam else (velocity, steps)
    share = decayed_number(lr, decay, count[0] + 1, total) * length_numbers(size) / (length_numbers(way) + eps)
    moved = [p - share * w for p, w in zip(x, way, strict=True)]
    return moved, [a[1] for a in adam], [a[2] for a in adam], velocity, [a[3] for a in adam]


class AdamDirection:
    """The direction in which Adam would step: the running mean of the gradient in units of its running root mean square.

    Source: Kingma and Ba 2015, algorithm 1.
    """

    def __init__(self, tensors: list[Tensor] | tuple[Tensor, ...], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps = betas, eps
        self.mean = [torch.zeros_like(p, requires_grad=False) for p in tensors]
        self.square = [torch.zeros_like(p, requires_grad=False) for p in tensors]
        self.count = torch.zeros((), dtype=torch.float32, device=tensors[0].device)

    def along(self, grads: list[Tensor] | tuple[Tensor, ...]) -> list[Tensor]:
        """The direction after these gradients, which are counted in; the step goes against it."""
        self.count += 1
        torch._foreach_lerp_(self.mean, grads, 1 - self.betas[0])
        torch._foreach_mul_(self.square, self.betas[1])
        torch._foreach_addcmul_(self.square, grads, grads, 1 - self.betas[1])
        # In double: 1 - beta2**t loses half of the digits of float32 in the first steps.
        t = self.count.double()
        share, root = 1 - self.betas[0] ** t, torch.sqrt(1 - self.betas[1] ** t)
        return [(m / share.to(m.dtype)) / (v.sqrt() / root.to(v.dtype) + self.eps) for m, v in zip(self.mean, self.square, strict=True)]

    def tensors(self) -> list[Tensor]:
        """All that changes from step to step."""
        return [*self.mean, *self.square, self.count]
