"""The pre-activation residual network of 18 layers for small images, with batch normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import image_misfit, normaliser, residual_block, residual_block_count
from gamespec.library.networks.shapes import OUT, UNITS, in_units, sample_from_vector, sample_size, scored

if TYPE_CHECKING:
    from torch import nn


def preact_resnet18(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """A convolution, four pairs of residual blocks of growing width, the mean over the image, one affine map.

    Each sample meets the others of its batch in the batch normalisation.
    Shapes: [b, c, h, w] to [b, *target_shape], with h and w at least 8; made for 32 x 32.
    Source: He et al. 2016, Identity mappings in deep residual networks; 18 layers as in Wong, Rice and Kolter 2020.
    """
    layers = [*in_units(source_shape, mean, std), torch.nn.Conv2d(source_shape[0], width, 3, 1, 1, bias=False)]
    for before, after in ((1, 1), (1, 2), (2, 4), (4, 8)):
        layers += residual_block(before * width, after * width, after // before, "batch", "relu")
        layers += residual_block(after * width, after * width, 1, "batch", "relu")
    layers += [*normaliser("batch", 8 * width), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(-3, -1)]
    layers += [torch.nn.Linear(8 * width, sample_size(target_shape)), *sample_from_vector(target_shape)]
    return scored(layers, out)


def preact_resnet18_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    total = 9 * source_shape[0] * width + 16 * width + (8 * width + 1) * sample_size(target_shape)
    for before, after in ((1, 1), (1, 2), (2, 4), (4, 8)):
        total += residual_block_count(before * width, after * width, after // before, "batch")
        total += residual_block_count(after * width, after * width, 1, "batch")
    return total


def preact_resnet18_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return image_misfit("preact_resnet18", 8, source_shape, mean, std)


NETWORK = Network(
    word="preact_resnet18",
    options=(Option("width", int, 64), OUT, *UNITS),
    build=preact_resnet18,
    count=preact_resnet18_count,
    rank=3,
    prob_tail=True,
    batch_coupled=lambda **_: True,
    misfit=preact_resnet18_misfit,
    source="He et al. 2016, Identity mappings in deep residual networks",
)
