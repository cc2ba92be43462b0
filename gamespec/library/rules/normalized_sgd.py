"""Normalised gradient descent: steps of one length, whatever the size of the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed, decayed_number
from gamespec.library.rules.directions import PER, length_numbers, step_lengths

if TYPE_CHECKING:
    from torch import Tensor


class NormalizedSGD:
    """Steps of length lr against the gradient, or against a running sum of it, on a list of tensors, in place.

    The length is that of the whole player, or with per = "layer" that of every tensor.
    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Jelassi et al. 2022, section 2, nSGDA.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-2,
        momentum: float = 0.0,
        per: str = "player",
        eps: float = 1e-8,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.momentum, self.per, self.eps, self.decay, self.total = lr, momentum, per, eps, decay, total
        self.velocity = [torch.zeros_like(p, requires_grad=False) for p in tensors] if momentum else []
        self.count = torch.zeros((), device=tensors[0].device)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            self.count += 1
            along = list(grads)
            if self.momentum:
                torch._foreach_mul_(self.velocity, self.momentum)
                torch._foreach_add_(self.velocity, grads)
                along = self.velocity
            lr, lengths = decayed(self.lr, self.decay, self.count, self.total), step_lengths(along, self.per)
            torch._foreach_sub_(tensors, [a * (lr / (n + self.eps)) for a, n in zip(along, lengths, strict=True)])

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {"velocity": [v.clone() for v in self.velocity], "count": [self.count.clone()]}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        for mine, saved in zip([*self.velocity, self.count], [*state["velocity"], *state["count"]], strict=True):
            mine.copy_(saved)


def advance_normalized_sgd(
    points: list[Tensor],
    memory: list[Tensor],
    grads: list[Tensor],
    k: int,
    lr: float = 1e-2,
    momentum: float = 0.0,
    per: str = "player",
    eps: float = 1e-8,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Step k of `NormalizedSGD` as a differentiable function; the memory is the velocity."""
    if momentum:
        memory = [momentum * v + g for v, g in zip(memory, grads, strict=True)] if memory else grads
    along = memory if momentum else grads
    rate = lr if decay == "constant" else decayed(lr, decay, torch.tensor(float(k), device=points[0].device), total)
    lengths = step_lengths(along, per)
    return [p - a * (rate / (n + eps)) for p, a, n in zip(points, along, lengths, strict=True)], memory


def normalized_numbers(
    x: list[float | Tensor],
    slope: list[float | Tensor],
    velocity: list[float | Tensor],
    count: list[float],
    *,
    lr: float = 1e-2,
    momentum: float = 0.0,
    per: str = "player",
    eps: float = 1e-8,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[float | Tensor], list[float | Tensor], list[float]]:
    """One step of `NormalizedSGD` for the numbers of a variable. Error: as `NormalizedSGD.update`."""
    velocity = [momentum * v + s for v, s in zip(velocity, slope, strict=True)]
    share = decayed_number(lr, decay, count[0] + 1, total) / (length_numbers(velocity) + eps)
    return [p - share * v for p, v in zip(x, velocity, strict=True)], velocity, [c + 1 for c in count]


RULE = Rule(
    word="normalized_sgd",
    options=(Option("lr", float, 1e-2), Option("momentum", float, 0.0), PER, Option("eps", float, 1e-8), *DECAY),
    build=NormalizedSGD,
    advance=advance_normalized_sgd,
    numbers=normalized_numbers,
    memory=("velocity", "count"),
    together=True,
    source="Jelassi et al. 2022, section 2",
)
