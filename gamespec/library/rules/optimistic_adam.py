"""Optimistic Adam: twice the step of Adam less the step before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed
from gamespec.library.rules.directions import AdamDirection

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


RULE = Rule(
    word="optimistic_adam",
    options=(Option("lr", float, 1e-3), Option("betas", tuple, (0.9, 0.999)), Option("eps", float, 1e-8), *DECAY),
    build=OptimisticAdam,
    source="Daskalakis et al. 2018, algorithm 1",
)
