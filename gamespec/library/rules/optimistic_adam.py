"""Optimistic Adam: twice the step of Adam less the step before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed, decayed_number
from gamespec.library.rules.directions import AdamDirection, adam_along

if TYPE_CHECKING:
    from torch import Tensor


class OptimisticAdam:
    """Twice this step of Adam less the last one, on a list of tensors, in place; nothing before the first step.

    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Daskalakis et al. 2018, algorithm 1.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.decay, self.total = lr, decay, total
        self.adam = AdamDirection(tensors, betas, eps)
        self.before = [torch.zeros_like(p, requires_grad=False) for p in tensors]

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            along = self.adam.along(grads)
            lr = decayed(self.lr, self.decay, self.adam.count, self.total)
            steps = [lr * a for a in along]
            torch._foreach_sub_(tensors, [2 * now - before for now, before in zip(steps, self.before, strict=True)])
            self.before = steps

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {"kept": [t.clone() for t in [*self.adam.tensors(), *self.before]]}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        for mine, saved in zip([*self.adam.tensors(), *self.before], state["kept"], strict=True):
            mine.copy_(saved)


def optimistic_adam_numbers(
    x: float | Tensor,
    slope: float | Tensor,
    mean: float | Tensor,
    square: float | Tensor,
    before: float | Tensor,
    count: float,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    decay: str = "constant",
    total: int = 0,
) -> tuple[float | Tensor, float | Tensor, float | Tensor, float | Tensor, float]:
    """One step of `OptimisticAdam` for one number: x, mean, square, this step and count. Error: as `OptimisticAdam.update`."""
    along, mean, square, count = adam_along(slope, mean, square, count, betas, eps)
    now = decayed_number(lr, decay, count, total) * along
    return x - (2 * now - before), mean, square, now, count


RULE = Rule(
    word="optimistic_adam",
    options=(Option("lr", float, 1e-3), Option("betas", tuple, (0.9, 0.999)), Option("eps", float, 1e-8), *DECAY),
    build=OptimisticAdam,
    numbers=optimistic_adam_numbers,
    memory=("mean", "square", "before", "count"),
    source="Daskalakis et al. 2018, algorithm 1",
)
