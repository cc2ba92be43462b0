"""The ends of a network: a sample laid out as a vector, and a vector laid out as a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

OUT = Option("out", str, "none", words=("none", "sigmoid", "tanh", "softplus"))
"""What follows the last layer."""


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


def activation(word: str) -> nn.Module:
    """The layer of a word. Error: KeyError for a word that no network takes."""
    layers: dict[str, Callable[[], nn.Module]] = {
        "relu": torch.nn.ReLU,
        "tanh": torch.nn.Tanh,
        "leaky_relu": lambda: torch.nn.LeakyReLU(0.2),
        "gelu": torch.nn.GELU,
        "sigmoid": torch.nn.Sigmoid,
        "softplus": torch.nn.Softplus,
    }
    return layers[word]()


def scored(layers: list[nn.Module], out: str) -> nn.Module:
    """The layers as one module, the score; with an output function it is `Sequential(score, function)`."""
    score = torch.nn.Sequential(*layers)
    return score if out == "none" else torch.nn.Sequential(score, activation(out))
