"""Two curves of the plane laid into 100 dimensions: few rows to learn from, many to test on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source
from gamespec.library.data.circles import load_circles
from gamespec.library.data.moons import load_moons

if TYPE_CHECKING:
    from torch import Tensor


def plane_in_space(dims: int) -> Tensor:
    """Two orthonormal vectors in a random direction, the same always. Shapes: [2, dims], float64."""
    a, b = torch.randn((2, dims), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = a / torch.linalg.vector_norm(a)
    b = b - (a @ b) * a
    return torch.stack([a, b / torch.linalg.vector_norm(b)])


def load_vat_toy(curve: str = "moons", n: int = 16, seed: int = 0, noise: float = 0.0) -> dict[str, Tensor]:
    """Points of `moons` or `circles` in a plane of R^100 that is the same for all seeds.

    The paper learns from 16 rows and tests on 1000: n = 1000 with another seed.
    Shapes: x [n, 100] float32; y and i (0..n-1) [n] int64.
    Error: ValueError for another curve.
    Source: Miyato et al. 2016, section 4.1, data sets 1 (moons) and 2 (circles).
    """
    if curve not in ("moons", "circles"):
        raise ValueError(f"curve is {curve!r}; it can be moons or circles")
    table = load_moons(n, noise, seed) if curve == "moons" else load_circles(n, noise, seed)
    return {**table, "x": (table["x"].double() @ plane_in_space(100)).float()}


def vat_toy_rows(curve: str = "moons", n: int = 16, seed: int = 0, noise: float = 0.0) -> int:
    """How many rows `load_vat_toy` gives."""
    return n


SOURCE = Source(
    word="vat_toy",
    options=(
        Option("curve", str, "moons", words=("moons", "circles")),
        Option("n", int, 16),
        Option("seed", int, 0),
        Option("noise", float, 0.0),
    ),
    columns={"x": Column("real", (100,)), "y": Column("class", size=2), "i": Column("index")},
    load=load_vat_toy,
    rows=vat_toy_rows,
    source="Miyato et al. 2016, section 4.1",
)
