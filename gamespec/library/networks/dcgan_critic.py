"""The critic of a convolutional GAN: an image folded into a score by strided convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Misfit, Network, Option
from gamespec.library.networks.blocks import normaliser
from gamespec.library.networks.dcgan import halvings, side_misfit
from gamespec.library.networks.shapes import OUT, UNITS, in_units, sample_from_vector, sample_size, scored, units_misfit

if TYPE_CHECKING:
    from torch import nn


def dcgan_critic(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "none",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nn.Module:
    """Convolutions that halve the side and double the channels, from `width` on, down to 4 x 4 or 7 x 7, then to a score.

    Samples never meet, so that a gradient penalty is one of each sample and true and made images may share a batch.
    Shapes: [b, c, s, s] to [b, *target_shape], with s of 8, 16, 32, 64, 14, 28 or 56.
    Source: Radford, Metz and Chintala 2016, section 3, without batch normalisation as in Gulrajani et al. 2017.
    """
    last, times = halvings(source_shape[1])
    layers, channels, bias = in_units(source_shape, mean, std), source_shape[0], norm == "none"
    for after in [width * 2**k for k in range(times)]:
        layers += [torch.nn.Conv2d(channels, after, 4, 2, 1, bias=bias)]
        layers += [*([] if after == width else normaliser(norm, after)), torch.nn.LeakyReLU(0.2)]
        channels = after
    layers += [torch.nn.Conv2d(channels, sample_size(target_shape), last, bias=bias), torch.nn.Flatten(-3, -1)]
    return scored([*layers, *sample_from_vector(target_shape)], out)


def dcgan_critic_count(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "none",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> int:
    """The number of its parameters."""
    last, times = halvings(source_shape[1])
    hidden, size = [width * 2**k for k in range(times)], sample_size(target_shape)
    rest = sum(hidden) + size if norm == "none" else 2 * sum(hidden[1:])
    folded = sum(16 * a * b for a, b in zip([source_shape[0], *hidden[:-1]], hidden, strict=True))
    return folded + hidden[-1] * last**2 * size + rest


def dcgan_critic_misfit(
    source_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    width: int = 64,
    norm: str = "none",
    out: str = "none",
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> Misfit | None:
    """Why these shapes do not fit, None where they do."""
    return side_misfit("dcgan_critic", "reads", source_shape) or units_misfit(source_shape, mean, std)


NETWORK = Network(
    word="dcgan_critic",
    options=(Option("width", int, 64), Option("norm", str, "none", words=("none", "group")), OUT, *UNITS),
    build=dcgan_critic,
    count=dcgan_critic_count,
    rank=3,
    prob_tail=True,
    misfit=dcgan_critic_misfit,
    stretch=lambda norm="none", **_: norm == "none",
    source="Radford, Metz and Chintala 2016",
)
