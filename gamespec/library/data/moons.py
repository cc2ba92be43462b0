"""Two half circles that reach into each other, in the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor


def load_moons(n: int = 400, noise: float = 0.1, seed: int = 0) -> dict[str, Tensor]:
    """Points on two half circles, drawn evenly along them, with Gaussian noise; another seed is another sample.

    Shapes: x [n, 2] float32; y (which circle) and i (0..n-1) [n] int64.
    Source: as in sklearn.datasets.make_moons.
    """
    rng = torch.Generator().manual_seed(seed)
    y = torch.randperm(n, generator=rng) % 2
    angle = math.pi * torch.rand(n, generator=rng)
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)                            # [n, 2]
    lower = torch.tensor([1.0, 0.5]) - upper
    x = torch.where(y.unsqueeze(1) == 0, upper, lower) + noise * torch.randn((n, 2), generator=rng)
    return {"x": x, "y": y, "i": torch.arange(n)}


def moons_rows(n: int = 400, noise: float = 0.1, seed: int = 0) -> int:
    """How many rows `load_moons` gives."""
    return n


SOURCE = Source(
    word="moons",
    options=(Option("n", int, 400), Option("noise", float, 0.1), Option("seed", int, 0)),
    columns={"x": Column("real", (2,)), "y": Column("class", size=2), "i": Column("index")},
    load=load_moons,
    rows=moons_rows,
    source="Pedregosa et al. 2011, make_moons",
)
