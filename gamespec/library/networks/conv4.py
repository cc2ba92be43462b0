"""Four convolutions with pooling, the network of few-shot learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import image_misfit, normaliser
from gamespec.library.networks.shapes import OUT, UNITS, in_units, sample_from_vector, sample_size, scored

if TYPE_CHECKING:
    from torch import nn


def conv4(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """Four blocks of 3 x 3 convolution, normalisation, rectifier and 2 x 2 pooling, and one affine map.

    Without the affine map where the target has the size of the features: 64 for images of 28 x 28 at width 64.
    Shapes: [b, c, h, w] to [b, *target_shape], with h and w at least 16.
    Source: Vinyals et al. 2016, section 4.1.1; Snell et al. 2017, section 3.1.
    """
    layers, channels = in_units(source_shape, mean, std), source_shape[0]
    for _ in range(4):
        convolution = torch.nn.Conv2d(channels, width, 3, padding=1, bias=norm == "none")
        layers += [convolution, *normaliser(norm, width), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        channels = width
    layers += [torch.nn.Flatten(-3, -1)]
    features = width * (source_shape[1] // 16) * (source_shape[2] // 16)
    if features != sample_size(target_shape):
        layers += [torch.nn.Linear(features, sample_size(target_shape))]
    return scored([*layers, *sample_from_vector(target_shape)], out)


def conv4_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    features, size = width * (source_shape[1] // 16) * (source_shape[2] // 16), sample_size(target_shape)
    rest = 4 * width * (1 if norm == "none" else 2) + (0 if features == size else (features + 1) * size)
    return 9 * source_shape[0] * width + 27 * width**2 + rest


def conv4_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return image_misfit("conv4", 16, source_shape, mean, std)


NETWORK = Network(
    word="conv4",
    options=(Option("width", int, 64), Option("norm", str, "batch", words=("batch", "group", "none")), OUT, *UNITS),
    build=conv4,
    count=conv4_count,
    rank=3,
    prob_tail=True,
    batch_coupled=lambda norm="batch", **_: norm == "batch",
    misfit=conv4_misfit,
    source="Vinyals et al. 2016, section 4.1.1",
)
