"""A multilayer perceptron: affine maps with an activation between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Network, Option
from gamespec.library.networks.shapes import (
    OUT,
    activation,
    sample_from_vector,
    sample_size,
    scored,
    vector_from_sample,
)

if TYPE_CHECKING:
    from torch import nn


def mlp(
    source_shape: tuple[int, ...], target_shape: tuple[int, ...], *widths: int, act: str = "relu", out: str = "none"
) -> nn.Module:
    """Affine maps through layers of the given widths, an activation after each but the last.

    Shapes: [b, *source_shape] to [b, *target_shape]; images are read and written as vectors.
    Source: Goodfellow, Bengio and Courville 2016, chapter 6.
    """
    layers, size = vector_from_sample(source_shape), sample_size(source_shape)
    for width in widths:
        layers += [torch.nn.Linear(size, width), activation(act)]
        size = width
    layers += [torch.nn.Linear(size, sample_size(target_shape)), *sample_from_vector(target_shape)]
    return scored(layers, out)


def mlp_count(
    source_shape: tuple[int, ...], target_shape: tuple[int, ...], *widths: int, act: str = "relu", out: str = "none"
) -> int:
    """The number of its parameters."""
    sizes = (sample_size(source_shape), *widths, sample_size(target_shape))
    return sum((before + 1) * after for before, after in pairwise(sizes))


NETWORK = Network(
    word="mlp",
    options=(
        Option("widths", int, (), many=True),
        Option("act", str, "relu", words=("relu", "tanh", "leaky_relu", "gelu", "sigmoid")),
        OUT,
    ),
    build=mlp,
    count=mlp_count,
    prob_tail=True,
    source="Goodfellow, Bengio and Courville 2016, chapter 6",
)
