"""Blocks of convolutional networks: normalisation, a sum of two paths, the residual block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit
from gamespec.library.networks.shapes import activation, units_misfit

if TYPE_CHECKING:
    from torch import Tensor, nn


def normaliser(word: str, channels: int) -> list[nn.Module]:
    """Layers that normalise [b, channels, h, w]: over the batch, over groups of the channels of a sample, or not.

    There are eight groups, fewer where the channels cannot be cut in eight.
    Error: KeyError for a word that is neither batch, group nor none.
    Source: Ioffe and Szegedy 2015; Wu and He 2018.
    """
    layers: dict[str, list[nn.Module]] = {"none": []}
    if word == "batch":
        layers["batch"] = [torch.nn.BatchNorm2d(channels)]
    if word == "group":
        layers["group"] = [torch.nn.GroupNorm(math.gcd(8, channels), channels)]
    return layers[word]


def residual_sum(path: nn.Module, shortcut: nn.Module) -> nn.Module:
    """A layer that takes x to path(x) + shortcut(x). Source: He et al. 2016, equation 1."""

    class ResidualSum(torch.nn.Module):
        """The sum of two paths."""

        def __init__(self) -> None:
            super().__init__()
            self.path, self.shortcut = path, shortcut

        def forward(self, x: Tensor) -> Tensor:
            return self.path(x) + self.shortcut(x)

    return ResidualSum()


def residual_block(channels: int, width: int, stride: int, norm: str, act: str) -> list[nn.Module]:
    """Layers of a pre-activation block: norm, activation, convolution, twice, beside the unchanged input.

    Where the shape changes, a 1 x 1 convolution of the activated input takes the place of the input.
    Shapes: [b, channels, h, w] to [b, width, h / stride, w / stride].
    Source: He et al. 2016, Identity mappings in deep residual networks, figure 4e.
    """
    bias = norm == "none"
    before = [*normaliser(norm, channels), activation(act)]
    path = [
        torch.nn.Conv2d(channels, width, 3, stride, 1, bias=bias),
        *normaliser(norm, width),
        activation(act),
        torch.nn.Conv2d(width, width, 3, 1, 1, bias=bias),
    ]
    if stride == 1 and channels == width:
        return [residual_sum(torch.nn.Sequential(*before, *path), torch.nn.Identity())]
    shortcut = torch.nn.Conv2d(channels, width, 1, stride, bias=False)
    return [*before, residual_sum(torch.nn.Sequential(*path), shortcut)]


def residual_block_count(channels: int, width: int, stride: int, norm: str) -> int:
    """The number of its parameters."""
    convolutions = 9 * channels * width + 9 * width**2
    rest = 2 * width if norm == "none" else 2 * channels + 2 * width
    return convolutions + rest + (0 if stride == 1 and channels == width else channels * width)


def image_misfit(
    word: str, least: int, source_shape: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]
) -> Misfit | None:
    """Why a network that reads images of least x least and more does not fit, None where it does."""
    if len(source_shape) != 3:
        return Misfit(f"`{word}` reads images", "write `image[c, h, w]` before the arrow, or use `mlp`")
    if min(source_shape[1:]) < least:
        return Misfit(f"`{word}` needs images of {least} x {least} or more", "use `mlp`")
    return units_misfit(source_shape, mean, std)
