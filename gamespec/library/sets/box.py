"""Boxes: lo <= z <= hi in every coordinate, each side open where None."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set

if TYPE_CHECKING:
    from torch import Tensor


def project_box(z: Tensor, lo: float | Tensor | None, hi: float | Tensor | None) -> Tensor:
    """Nearest point of the box from lo to hi; None leaves that side open.

    Shapes: z has any shape; lo and hi are numbers or broadcast to it.
    """
    if isinstance(lo, torch.Tensor) and isinstance(hi, torch.Tensor):
        return torch.clamp(z, lo, hi)
    if isinstance(lo, torch.Tensor) or isinstance(hi, torch.Tensor):
        above = z if lo is None else torch.clamp(z, min=lo)
        return above if hi is None else torch.clamp(above, max=hi)
    return z if lo is None and hi is None else torch.clamp(z, lo, hi)


def box_bounds(lo: float | None, hi: float | None) -> tuple[float | None, float | None]:
    """Its two sides."""
    return lo, hi


def box_diameter(lo: float | None, hi: float | None) -> float | None:
    """Its width, None where a side is open."""
    return None if lo is None or hi is None else hi - lo


SET = Set(
    word="Box",
    options=(Option("lo", float, None), Option("hi", float, None)),
    convex=True,
    compact=False,
    project=project_box,
    source="Boyd and Vandenberghe 2004, section 8.1.1",
    bounds=box_bounds,
    diameter=box_diameter,
    contains_zero=False,
)
