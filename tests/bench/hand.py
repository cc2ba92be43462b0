"""The loops that an expert would write by hand for the same work, eager: what emitted steps are compared with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def digits_cnn(width: int = 16) -> nn.Module:
    """The network of pgd_digits."""
    hidden = 8 * width
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(2 * width * 16, hidden), nn.ReLU(), nn.Linear(hidden, 10),
    )  # fmt: skip


def pgd_training(net: nn.Module, eps: float, rate: float, steps: int, lr: float) -> Callable[[Tensor, Tensor], Tensor]:
    """PGD adversarial training: only the input's gradient inside the attack, in-place projection, fused Adam."""
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    parameters = list(net.parameters())

    def step(a: Tensor, b: Tensor) -> Tensor:
        lo, hi = (a - eps).clamp_(min=0.0), (a + eps).clamp_(max=1.0)
        x = torch.rand_like(a).mul_(hi - lo).add_(lo)
        for p in parameters:
            p.requires_grad_(False)
        for _ in range(steps):
            x.requires_grad_()
            loss = F.cross_entropy(net(x), b, reduction="sum")
            slope = torch.autograd.grad(loss, x)[0]
            with torch.no_grad():
                x = slope.sign_().mul_(rate).add_(x)
                x = torch.clamp_(x, lo, hi)
        for p in parameters:
            p.requires_grad_(True)
        loss = F.cross_entropy(net(x), b)
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad = g
        optimizer.step()
        return loss.detach()

    return step


def gan_alternating(generator: nn.Module, score: nn.Module, lr: float, betas: tuple[float, float]) -> Callable[[Tensor, Tensor], Tensor]:
    """A minimax GAN: one generator forward for both players, movers' gradients only, fused Adam."""
    of_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=betas, fused=True)
    of_d = torch.optim.Adam(score.parameters(), lr=lr, betas=betas, fused=True)
    mine, theirs = list(generator.parameters()), list(score.parameters())

    def step(x: Tensor, z: Tensor) -> Tensor:
        fake = generator(z)
        loss = -(F.logsigmoid(score(x)).mean() + F.logsigmoid(-score(fake.detach())).mean())
        for p, g in zip(theirs, torch.autograd.grad(loss, theirs), strict=True):
            p.grad = g
        of_d.step()
        # The term on real samples does not move the generator.
        loss = F.logsigmoid(-score(fake)).mean()
        for p, g in zip(mine, torch.autograd.grad(loss, mine), strict=True):
            p.grad = g
        of_g.step()
        return loss.detach()

    return step


def mlp(source: int, target: int, *widths: int, act: type[nn.Module] = nn.ReLU) -> nn.Module:
    """The perceptron of the 2-D GANs."""
    sizes = [source, *widths]
    layers: list[nn.Module] = []
    for m, n in itertools.pairwise(sizes):
        layers += [nn.Linear(m, n), act()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], target))


def ring(n: int, modes: int, radius: float, std: float) -> Tensor:
    """Samples of Gaussians on a ring."""
    turn = 2 * math.pi * torch.randint(modes, (n,)) / modes
    return radius * torch.stack([turn.cos(), turn.sin()], dim=1) + std * torch.randn(n, 2)
