"""The share of points that lie near some centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def share_within(points: Tensor, centers: Tensor, radius: float = 0.2) -> Tensor:
    """The share of points within radius of any centre.

    Shapes: points [n, ...] and centers [k, ...] with rows of the same shape; the result is 0-d.
    Source: Azadi et al. 2019, section 4.1, "high quality samples".
    """
    # The mode of cdist that goes through a matrix product is off by 1e-3 in float32.
    exact = "donot_use_mm_for_euclid_dist"
    flat, targets = points.reshape(len(points), -1), centers.to(points).reshape(len(centers), -1)
    return (torch.cdist(flat, targets, compute_mode=exact) <= radius).any(dim=1).double().mean()


METRIC = Metric(
    word="share_within",
    arity=2,
    options=(Option("radius", float, 0.2),),
    compute=share_within,
    result="number",
    source="Azadi et al. 2019, section 4.1",
)
