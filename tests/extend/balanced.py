"""The points whose coordinates sum to 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.library.base import Set

if TYPE_CHECKING:
    from torch import Tensor


def project_balanced(z: Tensor) -> Tensor:
    """Nearest point with coordinates that sum to 0 along the last dimension."""
    return z - z.mean(dim=-1, keepdim=True)


SET = Set(
    word="Balanced",
    options=(),
    convex=True,
    compact=False,
    project=project_balanced,
    source="Boyd and Vandenberghe 2004, section 8.1.1",
)
