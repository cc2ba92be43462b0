"""RMSprop: every coordinate in units of the running root mean square of its gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.adam import smooth_root
from gamespec.library.rules.decay import DECAY, decayed, decayed_number

if TYPE_CHECKING:
    from torch import Tensor


class RMSprop:
    """RMSprop on a list of tensors, stepped in place; weight decay is added to the gradient.

    With centered = True the running mean of the gradient is taken off, so that its spread is the unit.
    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Tieleman and Hinton 2012, lecture 6.5; Graves 2013, section 2.1 (centered), as in torch.optim.RMSprop.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        centered: bool = False,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.alpha, self.eps, self.momentum, self.weight_decay = lr, alpha, eps, momentum, weight_decay
        self.decay, self.total = decay, total
        self.square = [torch.zeros_like(p, requires_grad=False) for p in tensors]
        self.mean = [torch.zeros_like(p, requires_grad=False) for p in tensors] if centered else []
        self.velocity = [torch.zeros_like(p, requires_grad=False) for p in tensors] if momentum else []
        self.count = torch.zeros((), device=tensors[0].device)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            self.count += 1
            if self.weight_decay:
                grads = torch._foreach_add(grads, tensors, alpha=self.weight_decay)
            torch._foreach_mul_(self.square, self.alpha)
            torch._foreach_addcmul_(self.square, grads, grads, 1 - self.alpha)
            below = list(self.square)
            if self.mean:
                torch._foreach_lerp_(self.mean, grads, 1 - self.alpha)
                below = list(torch._foreach_addcmul(self.square, self.mean, self.mean, -1.0))
            along = list(torch._foreach_div(grads, torch._foreach_add(torch._foreach_sqrt(below), self.eps)))
            if self.momentum:
                torch._foreach_mul_(self.velocity, self.momentum)
                torch._foreach_add_(self.velocity, along)
                along = self.velocity
            lr = decayed(self.lr, self.decay, self.count, self.total)
            torch._foreach_sub_(tensors, [lr * a for a in along])

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        kept = {"square": self.square, "mean": self.mean, "velocity": self.velocity, "count": [self.count]}
        return {name: [t.clone() for t in tensors] for name, tensors in kept.items()}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        saved = [*state["square"], *state["mean"], *state["velocity"], *state["count"]]
        for mine, kept in zip([*self.square, *self.mean, *self.velocity, self.count], saved, strict=True):
            mine.copy_(kept)


def advance_rmsprop(
    points: list[Tensor],
    memory: list[Tensor],
    grads: list[Tensor],
    k: int,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    centered: bool = False,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Step k of `RMSprop` as a differentiable function; the memory is the mean square, the mean and the velocity."""
    n = len(points)
    if weight_decay:
        grads = [g + weight_decay * p for g, p in zip(grads, points, strict=True)]
    memory = memory or [torch.zeros_like(p) for p in points * (1 + centered + bool(momentum))]
    square = [alpha * v + (1 - alpha) * g * g for v, g in zip(memory, grads, strict=False)]
    mean = [alpha * m + (1 - alpha) * g for m, g in zip(memory[n:], grads, strict=False)] if centered else []
    below = [v - m * m for v, m in zip(square, mean, strict=True)] if centered else square
    along = [g / (smooth_root(b) + eps) for g, b in zip(grads, below, strict=True)]
    velocity = [momentum * v + a for v, a in zip(memory[-n:], along, strict=True)] if momentum else []
    rate = lr if decay == "constant" else decayed(lr, decay, torch.tensor(float(k), device=points[0].device), total)
    moved = [p - rate * a for p, a in zip(points, velocity or along, strict=True)]
    return moved, [*square, *mean, *velocity]


def rmsprop_numbers(
    x: float | Tensor,
    slope: float | Tensor,
    square: float | Tensor,
    mean: float | Tensor,
    velocity: float | Tensor,
    count: float,
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    centered: bool = False,
    decay: str = "constant",
    total: int = 0,
) -> tuple[float | Tensor, float | Tensor, float | Tensor, float | Tensor, float]:
    """One step of `RMSprop` for one number: x, square, mean, velocity and count after it. Error: as `RMSprop.update`."""
    if weight_decay:
        slope = slope + weight_decay * x
    square = alpha * square + (1 - alpha) * slope * slope
    mean = mean + (1 - alpha) * (slope - mean) if centered else mean
    below = square - mean * mean if centered else square
    root = torch.sqrt(below) if isinstance(below, torch.Tensor) else math.sqrt(below) if below >= 0 else math.nan
    along = slope / (root + eps)
    velocity = momentum * velocity + along
    return x - decayed_number(lr, decay, count + 1, total) * velocity, square, mean, velocity, count + 1


RULE = Rule(
    word="rmsprop",
    options=(
        Option("lr", float, 1e-2),
        Option("alpha", float, 0.99),
        Option("eps", float, 1e-8),
        Option("momentum", float, 0.0),
        Option("weight_decay", float, 0.0),
        Option("centered", bool, False),
        *DECAY,
    ),
    build=RMSprop,
    source="Tieleman and Hinton 2012",
    advance=advance_rmsprop,
    numbers=rmsprop_numbers,
    memory=("square", "mean", "velocity", "count"),
)
