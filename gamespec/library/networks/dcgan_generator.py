"""The generator of a convolutional GAN: an image grown out of a vector by transposed convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import normaliser
from gamespec.library.networks.dcgan import halvings, side_misfit
from gamespec.library.networks.shapes import OUT, sample_size, scored, vector_from_sample

if TYPE_CHECKING:
    from torch import nn


def dcgan_generator(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "tanh",
) -> nn.Module:
    """Transposed convolutions from one pixel to 4 x 4 or 7 x 7 and then to twice the side, `width` channels at the last but one.

    Shapes: [b, *source_shape] to [b, c, s, s] with s of 8, 16, 32, 64, 14, 28 or 56.
    Source: Radford, Metz and Chintala 2016, section 3 and figure 1.
    """
    first, times = halvings(target_shape[1])
    size, channels, bias = sample_size(source_shape), width * 2 ** (times - 1), norm == "none"
    layers = [
        *vector_from_sample(source_shape),
        torch.nn.Unflatten(-1, (size, 1, 1)),
        torch.nn.ConvTranspose2d(size, channels, first, bias=bias),                             # [b, channels, 4, 4]
    ]
    for after in [width * 2**k for k in range(times - 2, -1, -1)]:
        layers += [*normaliser(norm, channels), torch.nn.ReLU()]
        layers += [torch.nn.ConvTranspose2d(channels, after, 4, 2, 1, bias=bias)]
        channels = after
    layers += [*normaliser(norm, channels), torch.nn.ReLU()]
    return scored([*layers, torch.nn.ConvTranspose2d(channels, target_shape[0], 4, 2, 1, bias=bias)], out)


def dcgan_generator_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "tanh",
) -> int:
    """The number of its parameters."""
    first, times = halvings(target_shape[1])
    hidden = [width * 2**k for k in range(times - 1, -1, -1)]
    rest = sum(hidden) + target_shape[0] if norm == "none" else 2 * sum(hidden)
    grown = sum(16 * a * b for a, b in zip(hidden, [*hidden[1:], target_shape[0]], strict=True))
    return sample_size(source_shape) * hidden[0] * first**2 + grown + rest


def dcgan_generator_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "batch",
    out: str = "tanh",
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return side_misfit("dcgan_generator", "makes", target_shape)


NETWORK = Network(
    word="dcgan_generator",
    options=(
        Option("width", int, 64),
        Option("norm", str, "batch", words=("batch", "group", "none")),
        Option("out", str, "tanh", words=OUT.words),
    ),
    build=dcgan_generator,
    count=dcgan_generator_count,
    prob_tail=True,
    batch_coupled=lambda norm="batch", **_: norm == "batch",
    misfit=dcgan_generator_misfit,
    source="Radford, Metz and Chintala 2016",
)
