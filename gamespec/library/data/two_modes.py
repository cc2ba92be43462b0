"""Two unit vectors at an acute angle, drawn by turns at random: the data on which plain GAN training merges modes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def two_mode_centers(cosine: float = 0.3) -> Tensor:
    """The two modes: unit vectors with that cosine, in the plane of the first two axes.

    Where they lie does not matter to players that start at random in all directions alike.
    Shapes: [2, 64], float64 on the CPU.
    """
    modes = torch.zeros(2, 64, dtype=torch.float64)
    modes[0, 0], modes[1, 0], modes[1, 1] = 1.0, cosine, math.sqrt(1 - cosine**2)
    return modes


def draw_two_modes(
    n: int, rng: Noise, cosine: float = 0.3, std: float = 0.0, dtype: torch.dtype | None = None
) -> Tensor:
    """One of the two modes with equal chances, and Gaussian noise where std is not 0.

    Shapes: [n, 64], on the device of the noise.
    Source: Jelassi et al. 2022, section 4, whose theory is of two modes of unit length with a positive cosine.
    """
    mode = rng.whole((n,), 2)
    noise = rng.normal((n, 64), dtype)
    return two_mode_centers(cosine).to(noise)[mode] + std * noise


SOURCE = Source(
    word="two_modes",
    options=(Option("cosine", float, 0.3), Option("std", float, 0.0)),
    columns={"x": Column("real", (64,))},
    draw=draw_two_modes,
    source="Jelassi et al. 2022, section 4",
)
