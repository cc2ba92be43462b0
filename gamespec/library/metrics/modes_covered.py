"""How many modes of a distribution a sample reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def modes_covered(points: Tensor, centers: Tensor, radius: float = 0.2, share: float = 0.01) -> Tensor:
    """The number of centres with at least that share of the points within radius.

    Shapes: points [n, ...] and centers [k, ...] with rows of the same shape; the result is 0-d.
    Source: Metz et al. 2017, section 3.1.
    """
    # The mode of cdist that goes through a matrix product is off by 1e-3 in float32.
    exact = "donot_use_mm_for_euclid_dist"
    flat, targets = points.reshape(len(points), -1), centers.to(points).reshape(len(centers), -1)
    near = (torch.cdist(flat, targets, compute_mode=exact) <= radius).double().mean(dim=0)      # [k]
    return (near >= share).sum()


METRIC = Metric(
    word="modes_covered",
    arity=2,
    options=(Option("radius", float, 0.2), Option("share", float, 0.01)),
    compute=modes_covered,
    result="number",
    source="Metz et al. 2017, section 3.1",
)
