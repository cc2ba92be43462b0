"""A small convolutional network for images of 8 x 8 and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import image_misfit
from gamespec.library.networks.shapes import OUT, UNITS, in_units, sample_from_vector, sample_size, scored

if TYPE_CHECKING:
    from torch import nn


def small_cnn(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """Two 3 x 3 convolutions, the second at half the resolution, and two affine maps.

    Shapes: [b, c, h, w] to [b, *target_shape], with h and w at least 8.
    Source: LeCun et al. 1998, section 2, with rectified linear units.
    """
    channels, height, breadth = source_shape
    features = 2 * width * ((height + 1) // 2) * ((breadth + 1) // 2)
    layers = [
        *in_units(source_shape, mean, std),
        torch.nn.Conv2d(channels, width, 3, padding=1),  # [b, width, h, w]
        torch.nn.ReLU(),
        torch.nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),  # [b, 2 width, h/2, w/2]
        torch.nn.ReLU(),
        torch.nn.Flatten(-3, -1),
        torch.nn.Linear(features, 8 * width),
        torch.nn.ReLU(),
        torch.nn.Linear(8 * width, sample_size(target_shape)),
    ]
    return scored([*layers, *sample_from_vector(target_shape)], out)


def small_cnn_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    channels, height, breadth = source_shape
    features = 2 * width * ((height + 1) // 2) * ((breadth + 1) // 2)
    convolutions = (9 * channels + 1) * width + (9 * width + 1) * 2 * width
    return convolutions + (features + 1) * 8 * width + (8 * width + 1) * sample_size(target_shape)


def small_cnn_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return image_misfit("small_cnn", 8, source_shape, mean, std)


NETWORK = Network(
    word="small_cnn",
    options=(Option("width", int, 16), OUT, *UNITS),
    build=small_cnn,
    count=small_cnn_count,
    rank=3,
    prob_tail=True,
    misfit=small_cnn_misfit,
    stretch=lambda **_: True,
    source="LeCun et al. 1998",
)
