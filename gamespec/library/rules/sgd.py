"""Gradient descent, plain or with momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed, decayed_number

if TYPE_CHECKING:
    from torch import Tensor


class SGD:
    """Gradient descent on a list of tensors, stepped in place.

    Error: ValueError from `update` where `decay` needs a `total` that was not given.
    Source: Sutskever et al. 2013, as in torch.optim.SGD with dampening 0.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.momentum, self.weight_decay, self.nesterov = lr, momentum, weight_decay, nesterov
        self.decay, self.total = decay, total
        self.velocity = [torch.zeros_like(p, requires_grad=False) for p in tensors] if momentum else []
        self.count = torch.zeros((), device=tensors[0].device)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients."""
        with torch.no_grad():
            if self.weight_decay:
                grads = torch._foreach_add(grads, tensors, alpha=self.weight_decay)
            if self.momentum:
                torch._foreach_mul_(self.velocity, self.momentum)
                torch._foreach_add_(self.velocity, grads)
                ahead = torch._foreach_add(grads, self.velocity, alpha=self.momentum) if self.nesterov else None
                grads = ahead or self.velocity
            if self.decay == "constant":
                torch._foreach_add_(tensors, grads, alpha=-self.lr)
            else:
                self.count += 1
                lr = decayed(self.lr, self.decay, self.count.double(), self.total)
                torch._foreach_sub_(tensors, [lr * g for g in grads])

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {"velocity": [v.clone() for v in self.velocity], "count": [self.count.clone()]}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        for mine, saved in zip([*self.velocity, self.count], [*state["velocity"], *state["count"]], strict=True):
            mine.copy_(saved)


def advance_sgd(
    points: list[Tensor],
    memory: list[Tensor],
    grads: list[Tensor],
    k: int,
    lr: float = 0.1,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    decay: str = "constant",
    total: int = 0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Step k of `SGD` as a differentiable function of points, memory and gradients; the memory is the velocity."""
    if weight_decay:
        grads = [g + weight_decay * p for g, p in zip(grads, points, strict=True)]
    if momentum:
        memory = [momentum * v + g for v, g in zip(memory, grads, strict=True)] if memory else grads
        grads = [g + momentum * v for g, v in zip(grads, memory, strict=True)] if nesterov else memory
    if decay == "constant":
        return [torch.sub(p, g, alpha=lr) for p, g in zip(points, grads, strict=True)], memory
    rate = decayed(lr, decay, torch.tensor(float(k), device=points[0].device), total)
    return [p - rate * g for p, g in zip(points, grads, strict=True)], memory


def sgd_numbers(
    x: float | Tensor,
    slope: float | Tensor,
    velocity: float | Tensor,
    count: float,
    *,
    lr: float = 0.1,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    decay: str = "constant",
    total: int = 0,
) -> tuple[float | Tensor, float | Tensor, float]:
    """One step of `SGD` for one number: x, velocity and count after it. Error: as `SGD.update`."""
    if weight_decay:
        slope = slope + weight_decay * x
    velocity = momentum * velocity + slope
    along = slope + momentum * velocity if nesterov and momentum else velocity
    return x - decayed_number(lr, decay, count + 1, total) * along, velocity, count + 1


RULE = Rule(
    word="sgd",
    options=(
        Option("lr", float, 0.1),
        Option("momentum", float, 0.0),
        Option("weight_decay", float, 0.0),
        Option("nesterov", bool, False),
        *DECAY,
    ),
    build=SGD,
    source="Sutskever et al. 2013",
    advance=advance_sgd,
    numbers=sgd_numbers,
    memory=("velocity", "count"),
)
