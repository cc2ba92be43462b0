"""The ball of the maximum norm: every coordinate within eps of zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.library.base import Option, Set
from gamespec.library.sets.box import project_box

if TYPE_CHECKING:
    from torch import Tensor


def project_linf(z: Tensor, eps: float | Tensor) -> Tensor:
    """Nearest point with every coordinate in -eps..eps. Shapes: z has any shape; eps broadcasts to it."""
    return project_box(z, -eps, eps)


def linf_bounds(eps: float) -> tuple[float, float]:
    """The two sides of the ball as a box."""
    return -eps, eps


def linf_diameter(eps: float) -> float:
    """The width of the ball."""
    return 2 * eps


SET = Set(
    word="Linf",
    options=(Option("eps", float),),
    convex=True,
    compact=True,
    project=project_linf,
    source="Madry et al. 2018, section 2.1",
    bounds=linf_bounds,
    diameter=linf_diameter,
)
