"""Linear maps that stretch no distance more than c times: matrices of spectral norm c at most.

A variable in this set is a matrix [m, n], or a vector as a map to the numbers, and its projection is the nearest one.
How a network is kept in it stands in `lipschitz_networks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set
from gamespec.library.sets.l2 import project_l2, project_l2_rows, start_l2, start_l2_rows

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def project_lipschitz(z: Tensor, c: float) -> Tensor:
    """Nearest map of spectral norm c at most: larger singular values come down to c.

    Shapes: z is [..., m, n], every matrix on its own, or [n], a map to the numbers.
    Error: the derivative does not exist where singular values coincide, for a zero matrix above all.
    Source: Horn and Johnson 2013, corollary 7.4.1.5; Gouk et al. 2021, section 3.
    """
    if z.dim() == 1:
        return project_l2(z, c)
    u, s, vh = torch.linalg.svd(z, full_matrices=False)                                         # [..., m, k], [..., k]
    # Only what is too large is taken off, so that a member stays what it is to the bit.
    return z - (u * torch.clamp(s - c, min=0.0).unsqueeze(-2)) @ vh


def project_lipschitz_rows(z: Tensor, c: float) -> Tensor:
    """Nearest map for every row. Shapes: z is [b, m, n], or [b, n] for maps to the numbers."""
    return project_l2_rows(z, c) if z.dim() == 2 else project_lipschitz(z, c)


def start_lipschitz(shape: tuple[int, ...], c: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A random map of Frobenius norm, hence of spectral norm, c at most, on the device of the noise."""
    return start_l2(shape, c, rng, dtype)


def start_lipschitz_rows(
    shape: tuple[int, ...], c: float, rng: Noise, dtype: torch.dtype | None = None
) -> Tensor:
    """A random map for every row."""
    return start_l2_rows(shape, c, rng, dtype)


def lipschitz_diameter(c: float) -> float:
    """The largest distance of two members in one coordinate."""
    return 2 * c


SET = Set(
    word="Lipschitz",
    options=(Option("c", float, 1.0),),
    convex=True,
    compact=True,
    project=project_lipschitz,
    project_rows=project_lipschitz_rows,
    source="Gouk et al. 2021, section 3",
    diameter=lipschitz_diameter,
    start=start_lipschitz,
    start_rows=start_lipschitz_rows,
)
