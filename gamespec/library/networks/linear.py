"""One affine map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Network, Option
from gamespec.library.networks.shapes import sample_from_vector, sample_size, vector_from_sample

if TYPE_CHECKING:
    from torch import nn


def linear_net(source_shape: tuple[int, ...], target_shape: tuple[int, ...], bias: bool = True) -> nn.Module:
    """One affine map; images are read and written as vectors.

    Shapes: [b, *source_shape] to [b, *target_shape].
    """
    layer = torch.nn.Linear(sample_size(source_shape), sample_size(target_shape), bias)
    return torch.nn.Sequential(*vector_from_sample(source_shape), layer, *sample_from_vector(target_shape))


def linear_count(source_shape: tuple[int, ...], target_shape: tuple[int, ...], bias: bool = True) -> int:
    """The number of its parameters."""
    return (sample_size(source_shape) + bias) * sample_size(target_shape)


NETWORK = Network(
    word="linear",
    options=(Option("bias", bool, True),),
    build=linear_net,
    count=linear_count,
    affine=True,
    stretch=lambda **_: True,
    source="Hastie, Tibshirani and Friedman 2009, section 3.2",
)
