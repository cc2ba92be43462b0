"""A mixture of Gaussians in the plane, its centres on a ring or on a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def ring_centers(modes: int = 8, radius: float = 2.0) -> Tensor:
    """Centres at equal angles on a circle, the first on the first axis. Shapes: [modes, 2], float64 on the CPU."""
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    return radius * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)


def grid_centers(modes: int = 25, radius: float = 2.0) -> Tensor:
    """Centres on a square grid from -radius to radius. Shapes: [modes, 2], float64 on the CPU.

    Error: ValueError where modes is no square.
    """
    side = math.isqrt(modes)
    if side**2 != modes:
        raise ValueError(f"a grid of {modes} modes is no square; {side**2} or {(side + 1) ** 2} would be")
    line = torch.linspace(-radius, radius, side, dtype=torch.float64)
    return torch.cartesian_prod(line, line).reshape(modes, 2)


def draw_mog(
    n: int,
    rng: Noise,
    modes: int = 8,
    radius: float = 2.0,
    std: float = 0.05,
    layout: str = "ring",
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Points of the mixture, every mode equally likely, on the device of the noise.

    Shapes: [n, 2].
    Error: ValueError where layout is grid and modes no square.
    Source: Metz et al. 2017, section 3.1.
    """
    centers = grid_centers(modes, radius) if layout == "grid" else ring_centers(modes, radius)
    mode = rng.whole((n,), modes)
    noise = rng.normal((n, 2), dtype)
    return centers.to(noise)[mode] + std * noise


SOURCE = Source(
    word="mog",
    options=(
        Option("modes", int, 8),
        Option("radius", float, 2.0),
        Option("std", float, 0.05),
        Option("layout", str, "ring", words=("ring", "grid")),
    ),
    columns={"x": Column("real", (2,))},
    draw=draw_mog,
    source="Metz et al. 2017, section 3.1",
)
