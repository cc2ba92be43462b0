"""What no eager program can leave out, on its own: the products of a step, without activations, graphs, draws or losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.bench import loops

Work = Callable[[], object]


def products_of_attack(net: nn.Module, a: Tensor, steps: int, dtype: torch.dtype) -> Work:
    """The convolutions and matrix products of an attack on digits_cnn: each layer forward, and backward to its input."""
    c1, _, c2, _, _, l1, _, l2 = net
    w1, b1, w2, b2, m1, m2 = (t.detach().to(dtype) for t in (c1.weight, c1.bias, c2.weight, c2.bias, l1.weight, l2.weight))
    x, back = a.to(dtype), torch.ops.aten.convolution_backward
    h1 = F.conv2d(x, w1, b1, padding=1)
    h2 = F.conv2d(h1, w2, b2, stride=2, padding=1)
    h3 = F.linear(h2.flatten(1), m1)
    z = F.linear(h3, m2)

    def work() -> None:
        with torch.inference_mode():
            for _ in range(steps):
                F.conv2d(x, w1, b1, padding=1)
                F.conv2d(h1, w2, b2, stride=2, padding=1)
                F.linear(h2.flatten(1), m1)
                F.linear(h3, m2)
                _ = (z @ m2, h3 @ m1)
                back(h2, h1, w2, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False])
                back(h1, x, w1, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False])

    return work


def products_of_training(net: nn.Module, a: Tensor, b: Tensor, steps: int, dtype: torch.dtype) -> Work:
    """Those of an attack, and one training step in float32."""
    attack, weights = products_of_attack(net, a, steps, dtype), list(net.parameters())
    move = loops.fused(weights, 0.002)

    def work() -> None:
        attack()
        move(torch.autograd.grad(F.cross_entropy(net(a), b), weights))

    return work


def gradients_of_gan(generator: nn.Module, score: nn.Module, x: Tensor, z: Tensor) -> Work:
    """The forwards and backwards of an alternating step by autograd, without draws, Adam and losses but for their slopes."""
    mine, theirs = list(generator.parameters()), list(score.parameters())
    one = torch.ones(len(x), 1)

    def work() -> None:
        fake = generator(z)
        torch.autograd.grad([score(x), score(fake.detach())], theirs, [one, one])
        torch.autograd.grad(score(fake), mine, one)

    return work
