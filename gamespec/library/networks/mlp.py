"""Fully connected layers with an activation between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.shapes import (
    OUT,
    UNITS,
    activation,
    in_units,
    sample_from_vector,
    sample_size,
    scored,
    units_misfit,
    vector_from_sample,
)

if TYPE_CHECKING:
    from torch import nn


def mlp(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *widths: int,
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """Affine maps through layers of the given widths, an activation after each but the last.

    With act = "maxout" a unit is the larger of two affine maps.
    Shapes: [b, *source_shape] to [b, *target_shape]; images are read and written as vectors.
    Source: Goodfellow, Bengio and Courville 2016, chapter 6.
    """
    layers, size = [*in_units(source_shape, mean, std), *vector_from_sample(source_shape)], sample_size(source_shape)
    for width in widths:
        layers += [torch.nn.Linear(size, 2 * width if act == "maxout" else width), activation(act)]
        size = width
    layers += [torch.nn.Linear(size, sample_size(target_shape)), *sample_from_vector(target_shape)]
    return scored(layers, out)


def mlp_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *widths: int,
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    maps = 2 if act == "maxout" else 1
    sizes = (sample_size(source_shape), *widths)
    hidden = sum((before + 1) * maps * after for before, after in pairwise(sizes))
    return hidden + (sizes[-1] + 1) * sample_size(target_shape)


def mlp_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *widths: int,
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return units_misfit(source_shape, mean, std)


NETWORK = Network(
    word="mlp",
    options=(
        Option("widths", int, (), many=True),
        Option("act", str, "relu", words=("relu", "tanh", "leaky_relu", "gelu", "celu", "sigmoid", "maxout")),
        OUT,
        *UNITS,
    ),
    build=mlp,
    count=mlp_count,
    prob_tail=True,
    misfit=mlp_misfit,
    stretch=lambda **_: True,
    source="Goodfellow, Bengio and Courville 2016, chapter 6",
)
