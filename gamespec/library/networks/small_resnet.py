"""A small residual network in which samples do not meet: without normalisation, or with that of each sample alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import image_misfit, normaliser, residual_block, residual_block_count
from gamespec.library.networks.shapes import OUT, UNITS, activation, in_units, sample_from_vector, sample_size, scored

if TYPE_CHECKING:
    from torch import nn


def small_resnet(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    blocks: int = 1,
    norm: str = "none",
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """A convolution, three stages of residual blocks, each twice as wide and half as fine, the mean, one affine map.

    Shapes: [b, c, h, w] to [b, *target_shape], with h and w at least 4.
    Source: He et al. 2016, Deep residual learning, section 4.2, with pre-activation blocks.
    """
    layers = [*in_units(source_shape, mean, std), torch.nn.Conv2d(source_shape[0], width, 3, 1, 1, bias=norm == "none")]
    for before, after in ((1, 1), (1, 2), (2, 4)):
        layers += residual_block(before * width, after * width, after // before, norm, act)
        for _ in range(blocks - 1):
            layers += residual_block(after * width, after * width, 1, norm, act)
    layers += [*normaliser(norm, 4 * width), activation(act), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(-3, -1)]
    layers += [torch.nn.Linear(4 * width, sample_size(target_shape)), *sample_from_vector(target_shape)]
    return scored(layers, out)


def small_resnet_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    blocks: int = 1,
    norm: str = "none",
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    ends = width if norm == "none" else 8 * width
    total = 9 * source_shape[0] * width + ends + (4 * width + 1) * sample_size(target_shape)
    for before, after in ((1, 1), (1, 2), (2, 4)):
        total += residual_block_count(before * width, after * width, after // before, norm)
        total += (blocks - 1) * residual_block_count(after * width, after * width, 1, norm)
    return total


def small_resnet_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 16,
    blocks: int = 1,
    norm: str = "none",
    act: str = "relu",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return image_misfit("small_resnet", 4, source_shape, mean, std)


NETWORK = Network(
    word="small_resnet",
    options=(
        Option("width", int, 16),
        Option("blocks", int, 1),
        Option("norm", str, "none", words=("none", "group")),
        Option("act", str, "relu", words=("relu", "celu", "gelu", "softplus")),
        OUT,
        *UNITS,
    ),
    build=small_resnet,
    count=small_resnet_count,
    rank=3,
    prob_tail=True,
    misfit=small_resnet_misfit,
    source="He et al. 2016, Deep residual learning, section 4.2",
)
