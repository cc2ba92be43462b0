"""The ends of a network: a sample laid out as a vector, and a vector laid out as a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

OUT = Option("out", str, "none", words=("none", "sigmoid", "tanh", "softplus"))
"""What follows the last layer."""

UNITS = (Option("mean", tuple, (0.0,)), Option("std", tuple, (1.0,)))
"""What is taken off the inputs and what they are divided by: one number, or one for every channel."""


def sample_size(shape: tuple[int, ...]) -> int:
    """How many numbers one sample has."""
    return math.prod(shape)


def vector_from_sample(shape: tuple[int, ...]) -> list[nn.Module]:
    """Layers that take [..., *shape] to [..., n]: none for a vector, so that nothing is done at run time."""
    if len(shape) == 1:
        return []
    return [torch.nn.Flatten(-len(shape), -1) if shape else torch.nn.Unflatten(-1, (-1, 1))]


def sample_from_vector(shape: tuple[int, ...]) -> list[nn.Module]:
    """Layers that take [..., n] to [..., *shape]: none for a vector; [b, 1] becomes [b] for a number."""
    if len(shape) == 1:
        return []
    return [torch.nn.Unflatten(-1, shape) if shape else torch.nn.Flatten(-2, -1)]


def in_units(shape: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]) -> list[nn.Module]:
    """A layer that takes [..., *shape] to (x - mean) / std, none where that changes nothing.

    Plain numbers and no buffers: a network is made without values, and these are none that a generator draws.
    """

    class InUnits(torch.nn.Module):
        """Inputs less a mean, in units of a spread; `gain` is the largest slope."""

        gain = 1 / min(map(abs, std))

        def forward(self, x: Tensor) -> Tensor:
            if len(mean) == len(std) == 1:
                return (x - mean[0]) / std[0]
            channels = x.unbind(dim=-len(shape))
            many = max(len(mean), len(std))
            means, stds = mean * (many // len(mean)), std * (many // len(std))
            return torch.stack([(c - m) / s for c, m, s in zip(channels, means, stds, strict=True)], dim=-len(shape))

    return [] if set(mean) == {0} and set(std) == {1} else [InUnits()]


def units_misfit(shape: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]) -> Misfit | None:
    """Why inputs of that shape cannot be put in these units, None where they can."""
    for name, values in (("mean", mean), ("std", std)):
        if len(values) != 1 and (not shape or len(values) != shape[0]):
            first = shape[0] if shape else 1
            return Misfit(f"`{name}` has {len(values)} numbers for {first} channels", f"give 1 number or {first}")
    return Misfit("`std` has a 0", "give positive numbers") if 0 in std else None


def activation(word: str) -> nn.Module:
    """The layer of a word. Error: KeyError for a word that no network takes."""
    layers: dict[str, Callable[[], nn.Module]] = {
        "relu": torch.nn.ReLU,
        "tanh": torch.nn.Tanh,
        "leaky_relu": lambda: torch.nn.LeakyReLU(0.2),
        "gelu": torch.nn.GELU,
        "celu": torch.nn.CELU,
        "sigmoid": torch.nn.Sigmoid,
        "softplus": torch.nn.Softplus,
        "maxout": larger_of_pairs,
    }
    return layers[word]()


def larger_of_pairs() -> nn.Module:
    """A layer that takes [..., 2 n] to [..., n], the larger number of every neighbouring pair.

    Source: Goodfellow et al. 2013, section 2, with two pieces.
    """

    class LargerOfPairs(torch.nn.Module):
        """The larger of two neighbours."""

        gain = 1.0

        def forward(self, x: Tensor) -> Tensor:
            return torch.unflatten(x, -1, (-1, 2)).max(dim=-1).values

    return LargerOfPairs()


def scored(layers: list[nn.Module], out: str) -> nn.Module:
    """The layers as one module, the score; with an output function it is `Sequential(score, function)`."""
    score = torch.nn.Sequential(*layers)
    return score if out == "none" else torch.nn.Sequential(score, activation(out))
