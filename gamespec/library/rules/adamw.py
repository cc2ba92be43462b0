"""AdamW: Adam whose weight decay shrinks the tensors and does not enter the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.adam import Adam, adam_numbers, advance_adam
from gamespec.library.rules.decay import DECAY, decayed, decayed_number

if TYPE_CHECKING:
    from torch import Tensor


class AdamW:
    """Adam on a list of tensors, stepped in place, each first shrunk by its learning rate times weight_decay.

    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Loshchilov and Hutter 2019, algorithm 2, as in torch.optim.AdamW.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.weight_decay, self.decay, self.total = lr, weight_decay, decay, total
        self.adam = Adam(tensors, lr, betas, eps, 0.0, decay, total)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            lr = decayed(self.lr, self.decay, self.adam.count + 1, self.total)
            torch._foreach_mul_(tensors, 1 - lr * self.weight_decay)
            self.adam.update(tensors, grads)

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return self.adam.state()

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        self.adam.load(state)


def advance_adamw(
    points: list[Tensor],
    memory: list[Tensor],
    grads: list[Tensor],
    k: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Step k of `AdamW` as a differentiable function of points, memory and gradients; the memory is that of Adam."""
    rate = lr if decay == "constant" else decayed(lr, decay, torch.tensor(float(k), device=points[0].device), total)
    shrunk = [p * (1 - rate * weight_decay) for p in points]
    return advance_adam(shrunk, memory, grads, k, lr, betas, eps, 0.0, decay, total)


def adamw_numbers(
    x: float | Tensor,
    slope: float | Tensor,
    mean: float | Tensor,
    square: float | Tensor,
    count: float,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    decay: str = "constant",
    total: int = 0,
) -> tuple[float | Tensor, float | Tensor, float | Tensor, float]:
    """One step of `AdamW` for one number: x, mean, square and count after it. Error: as `AdamW.update`."""
    x = x * (1 - decayed_number(lr, decay, count + 1, total) * weight_decay)
    return adam_numbers(x, slope, mean, square, count, lr=lr, betas=betas, eps=eps, decay=decay, total=total)


RULE = Rule(
    word="adamw",
    options=(
        Option("lr", float, 1e-3),
        Option("betas", tuple, (0.9, 0.999)),
        Option("eps", float, 1e-8),
        Option("weight_decay", float, 0.01),
        *DECAY,
    ),
    build=AdamW,
    source="Loshchilov and Hutter 2019",
    advance=advance_adamw,
    numbers=adamw_numbers,
    memory=("mean", "square", "count"),
)
