"""Stochastic gradient Langevin dynamics: gradient steps with noise, whose points sample exp(-objective / temperature)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Rule
from gamespec.library.rules.decay import DECAY, decayed

if TYPE_CHECKING:
    from torch import Tensor


class SGLD:
    """Gradient steps of length lr with normal noise of variance 2 lr temperature, in place.

    With `beta` above 0 both are divided, number by number, by sqrt(average of squared gradients) + eps: the curvature
    term of the preconditioned form is left out, as its source does in practice. `count` is how many particles share a
    mean: the gradient of that mean in one of them is that many times too small. The noise comes from a generator of its
    own, seeded with the first numbers of the tensors, so that particles that start apart are shaken apart.
    Source: Welling and Teh 2011, equation 4; Li et al. 2016, algorithm 1, for the preconditioner.
    """

    def __init__(
        self,
        tensors: list[Tensor] | tuple[Tensor, ...],
        lr: float = 1e-3,
        temperature: float = 1e-4,
        beta: float = 0.0,
        eps: float = 1e-5,
        count: int = 1,
        decay: str = "constant",
        total: int = 0,
    ) -> None:
        self.lr, self.temperature, self.beta, self.eps, self.count = lr, temperature, beta, eps, count
        self.decay, self.total = decay, total
        self.done = torch.zeros((), device=tensors[0].device)
        self.square = [torch.zeros_like(p, requires_grad=False) for p in tensors] if beta else []
        first = torch.cat([p.detach().reshape(-1)[:4] for p in tensors]).double().abs().sum()
        self.rng = torch.Generator(tensors[0].device).manual_seed(int(float(first) * 1e9) % 2**31)

    def update(self, tensors: list[Tensor] | tuple[Tensor, ...], grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Move the tensors one step against the gradients, and shake them."""
        with torch.no_grad():
            self.done += 1
            lr = decayed(self.lr, self.decay, self.done, self.total)
            for k, (p, g) in enumerate(zip(tensors, grads, strict=True)):
                slope, scale = g * self.count, torch.ones_like(p)
                if self.beta:
                    self.square[k].mul_(self.beta).addcmul_(slope, slope, value=1 - self.beta)
                    scale = 1 / (self.square[k].sqrt() + self.eps)
                noise = torch.randn(p.shape, generator=self.rng, device=p.device, dtype=p.dtype)
                p.add_(-lr * scale * slope + (2 * lr * self.temperature * scale).sqrt() * noise)

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint must keep: copies, safe against later steps."""
        return {"square": [s.clone() for s in self.square], "done": [self.done.clone()], "rng": [self.rng.get_state()]}

    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Continue from a saved state."""
        for mine, saved in zip([*self.square, self.done], [*state["square"], *state["done"]], strict=True):
            mine.copy_(saved)
        self.rng.set_state(state["rng"][0])


RULE = Rule(
    word="sgld",
    options=(
        Option("lr", float, 1e-3),
        Option("temperature", float, 1e-4),
        Option("beta", float, 0.0),
        Option("eps", float, 1e-5),
        Option("count", int, 1),
        *DECAY,
    ),
    build=SGLD,
    source="Welling and Teh 2011",
)
