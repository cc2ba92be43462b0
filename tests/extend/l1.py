"""The ball of the l1 norm: |z_1| + ... + |z_n| <= radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set
from gamespec.library.sets.simplex import project_simplex

if TYPE_CHECKING:
    from torch import Tensor


def project_l1(z: Tensor, radius: float) -> Tensor:
    """Nearest point of the ball along the last dimension. Source: Duchi et al. 2008, section 4."""
    outside = z.abs().sum(dim=-1, keepdim=True) > radius
    return torch.where(outside, torch.sign(z) * project_simplex(z.abs(), radius), z)


SET = Set(
    word="L1", options=(Option("radius", float),), convex=True, compact=True, project=project_l1, source="Duchi et al. 2008, section 4"
)
