"""A circle inside a circle, in the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor


def load_circles(n: int = 400, noise: float = 0.05, seed: int = 0, factor: float = 0.5) -> dict[str, Tensor]:
    """Points on a circle of radius 1 and on one of radius `factor`, with Gaussian noise; a seed is a sample.

    Shapes: x [n, 2] float32; y (1 on the inner circle) and i (0..n-1) [n] int64.
    Source: as in sklearn.datasets.make_circles.
    """
    rng = torch.Generator().manual_seed(seed)
    y = torch.randperm(n, generator=rng) % 2
    angle = 2 * math.pi * torch.rand(n, generator=rng)
    radius = torch.where(y == 1, factor, 1.0)
    circle = radius.unsqueeze(1) * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)     # [n, 2]
    return {"x": circle + noise * torch.randn((n, 2), generator=rng), "y": y, "i": torch.arange(n)}


def circles_rows(n: int = 400, noise: float = 0.05, seed: int = 0, factor: float = 0.5) -> int:
    """How many rows `load_circles` gives."""
    return n


SOURCE = Source(
    word="circles",
    options=(
        Option("n", int, 400),
        Option("noise", float, 0.05),
        Option("seed", int, 0),
        Option("factor", float, 0.5),
    ),
    columns={"x": Column("real", (2,)), "y": Column("class", size=2), "i": Column("index")},
    load=load_circles,
    rows=circles_rows,
    source="Pedregosa et al. 2011, make_circles",
)
