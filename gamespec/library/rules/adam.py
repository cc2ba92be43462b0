"""Adam: steps of a size set by running means of the gradient and of its square."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed, decayed_number

if TYPE_CHECKING:
    from torch import Tensor


class Adam:
    """Adam on a list of tensors, stepped in place; weight decay is added to the gradient.

    One fused call where torch has `_fused_adam_` and the tensors are contiguous, the same formula in foreach calls
    elsewhere; the two agree to rounding. The fused call reads memory as if contiguous and does not tell autograd of
    the change, so gradients are made contiguous before it and the version counters raised after it.
    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Kingma and Ba 2015, algorithm 1, as in torch.optim.Adam.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.decay, self.total = decay, total
        self.mean = [torch.zeros_like(p, requires_grad=False) for p in tensors]
        self.square = [torch.zeros_like(p, requires_grad=False) for p in tensors]
        self.count = torch.zeros((), dtype=torch.float32, device=tensors[0].device)
        self.fused = hasattr(torch, "_fused_adam_") and all(p.is_contiguous() for p in tensors)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            self.count += 1
            lr = decayed(self.lr, self.decay, self.count, self.total)
            if self.fused:
                self._step_fused(tensors, [g.contiguous() for g in grads], lr)
            else:
                self._step_foreach(tensors, grads, lr)

    def _step_fused(
        self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...], lr: float | Tensor
    ) -> None:
        torch._fused_adam_(
            tensors,
            grads,
            self.mean,
            self.square,
            [],
            [self.count] * len(tensors),
            lr=lr,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
        )
        torch.autograd.graph.increment_version(tensors)

    def _step_foreach(
        self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...], lr: float | Tensor
    ) -> None:
        if self.weight_decay:
            grads = torch._foreach_add(grads, tensors, alpha=self.weight_decay)
        torch._foreach_lerp_(self.mean, grads, 1 - self.betas[0])
        torch._foreach_mul_(self.square, self.betas[1])
        torch._foreach_addcmul_(self.square, grads, grads, 1 - self.betas[1])
        # In double: 1 - beta2**t loses half of the digits of float32 in the first steps.
        t = self.count.double()
        size = lr / (1 - self.betas[0] ** t)
        root = torch.sqrt(1 - self.betas[1] ** t)
        below = [v.sqrt() / root.to(v.dtype) + self.eps for v in self.square]
        torch._foreach_sub_(tensors, [size.to(m.dtype) * m / b for m, b in zip(self.mean, below, strict=True)])

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {
            "mean": [m.clone() for m in self.mean],
            "square": [v.clone() for v in self.square],
            "count": [self.count.clone()],
        }

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        saved = [*state["mean"], *state["square"], *state["count"]]
        for mine, kept in zip([*self.mean, *self.square, self.count], saved, strict=True):
            mine.copy_(kept)


def smooth_root(square: Tensor) -> Tensor:
    """The square root with derivative 0 at 0, right wherever what stands above it is 0 there as well."""
    return torch.where(square > 0, torch.sqrt(torch.where(square > 0, square, 1.0)), 0.0)


def advance_adam(
    points: list[Tensor],
    memory: list[Tensor],
    grads: list[Tensor],
    k: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Step k of `Adam` as a differentiable function of points, memory and gradients; the memory is both running means.

    Error: none where a gradient is exactly 0: the root of the mean square has no derivative there, but is multiplied by
    the running mean, which is 0 as well. Where gradients fall below eps the slope of a step is lr / eps, which is right
    and large: an eps of the size of the gradients that matter keeps unrolled derivatives of use.
    """
    if weight_decay:
        grads = [g + weight_decay * p for g, p in zip(grads, points, strict=True)]
    memory = memory or [torch.zeros_like(p) for p in (*points, *points)]
    mean = [betas[0] * m + (1 - betas[0]) * g for m, g in zip(memory, grads, strict=False)]
    square = [betas[1] * v + (1 - betas[1]) * g * g for v, g in zip(memory[len(points) :], grads, strict=True)]
    rate = lr if decay == "constant" else decayed(lr, decay, torch.tensor(float(k), device=points[0].device), total)
    size, root = rate / (1 - betas[0] ** k), (1 - betas[1] ** k) ** 0.5
    moved = [
        p - size * m / (smooth_root(v) / root + eps) for p, m, v in zip(points, mean, square, strict=True)
    ]
    return moved, [*mean, *square]


def adam_numbers(
    x: float | Tensor,
    slope: float | Tensor,
    mean: float | Tensor,
    square: float | Tensor,
    count: float,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decay: str = "constant",
    total: int = 0,
) -> tuple[float | Tensor, float | Tensor, float | Tensor, float]:
    """One step of `Adam` for one number: x, mean, square and count after it. Error: as `Adam.update`."""
    if weight_decay:
        slope = slope + weight_decay * x
    count += 1
    mean = mean + (1 - betas[0]) * (slope - mean)
    square = betas[1] * square + (1 - betas[1]) * slope * slope
    size = decayed_number(lr, decay, count, total) / (1 - betas[0] ** count)
    below = square**0.5 / math.sqrt(1 - betas[1] ** count) + eps
    return x - size * mean / below, mean, square, count


RULE = Rule(
    word="adam",
    options=(
        Option("lr", float, 1e-3),
        Option("betas", tuple, (0.9, 0.999)),
        Option("eps", float, 1e-8),
        Option("weight_decay", float, 0.0),
        *DECAY,
    ),
    build=Adam,
    source="Kingma and Ba 2015",
    advance=advance_adam,
    numbers=adam_numbers,
    memory=("mean", "square", "count"),
)
