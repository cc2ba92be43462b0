"""AdaDir: steps as long as the gradient, along those of Adam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed
from gamespec.library.rules.directions import PER, AdamDirection, grafted, grafted_numbers

if TYPE_CHECKING:
    from torch import Tensor


class AdaDir:
    """Steps of the length of the gradient, or a running sum of it, along Adam's, on a list of tensors, in place.

    Lengths are those of the whole player, or with per = "layer" those of every tensor.
    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Jelassi et al. 2022, section 3, after Agarwal et al. 2020.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-2,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum: float = 0.0,
        per: str = "player",
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.eps, self.momentum, self.per, self.decay, self.total = lr, eps, momentum, per, decay, total
        self.adam = AdamDirection(tensors, betas, eps)
        self.velocity = [torch.zeros_like(p, requires_grad=False) for p in tensors] if momentum else []

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            adam, descent = self.adam.along(grads), list(grads)
            if self.momentum:
                torch._foreach_mul_(self.velocity, self.momentum)
                torch._foreach_add_(self.velocity, grads)
                descent = self.velocity
            lr = decayed(self.lr, self.decay, self.adam.count, self.total)
            torch._foreach_sub_(tensors, [lr * s for s in grafted(descent, adam, self.per, self.eps)])

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {"kept": [t.clone() for t in [*self.adam.tensors(), *self.velocity]]}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        for mine, saved in zip([*self.adam.tensors(), *self.velocity], state["kept"], strict=True):
            mine.copy_(saved)


def ada_dir_numbers(
    x: list[float | Tensor],
    slope: list[float | Tensor],
    mean: list[float | Tensor],
    square: list[float | Tensor],
    velocity: list[float | Tensor],
    count: list[float],
    *,
    lr: float = 1e-2,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    momentum: float = 0.0,
    per: str = "player",
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[float | Tensor], list[float | Tensor], list[float | Tensor], list[float | Tensor], list[float]]:
    """One step of `AdaDir` for the numbers of a variable. Error: as `AdaDir.update`."""
    return grafted_numbers(
        x, slope, mean, square, velocity, count, along_adam=True, lr=lr, betas=betas, eps=eps, momentum=momentum, decay=decay, total=total
    )


RULE = Rule(
    word="ada_dir",
    options=(
        Option("lr", float, 1e-2),
        Option("betas", tuple, (0.9, 0.999)),
        Option("eps", float, 1e-8),
        Option("momentum", float, 0.0),
        PER,
        *DECAY,
    ),
    build=AdaDir,
    numbers=ada_dir_numbers,
    memory=("mean", "square", "velocity", "count"),
    together=True,
    source="Jelassi et al. 2022, section 3",
)
