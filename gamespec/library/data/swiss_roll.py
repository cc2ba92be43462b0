"""A spiral in the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def draw_swiss_roll(n: int, rng: Noise, noise: float = 0.25, dtype: torch.dtype | None = None) -> Tensor:
    """Points along one and a half turns of a spiral with Gaussian noise, all over 7.5: within about 2 of the origin.

    Shapes: [n, 2], on the device of the noise.
    Source: Gulrajani et al. 2017, figure 1; the curve is that of sklearn.datasets.make_swiss_roll seen from above.
    """
    angle = 1.5 * math.pi * (1 + 2 * rng.uniform((n,), dtype))
    curve = angle.unsqueeze(1) * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)       # [n, 2]
    return (curve + noise * rng.normal((n, 2), dtype)) / 7.5


SOURCE = Source(
    word="swiss_roll",
    options=(Option("noise", float, 0.25),),
    columns={"x": Column("real", (2,))},
    draw=draw_swiss_roll,
    source="Gulrajani et al. 2017, figure 1",
)
