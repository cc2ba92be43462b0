"""How well the worst-met mode is pointed at by some row of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


def mode_cosine(points: Tensor, centers: Tensor) -> Tensor:
    """The smallest, over the centres, of the largest cosine of a centre with a point; 1 where all are met exactly.

    A point at the origin has cosine 0 with everything.
    Shapes: points [n, ...] and centers [k, ...] with rows of the same shape; the result is 0-d.
    Source: the modes recovered of Jelassi et al. 2022, theorem 4.2.
    """
    targets = centers.reshape(len(centers), -1).double()                                        # [k, d]
    rows = points.reshape(len(points), -1).to(targets)                                          # [n, d]
    unit, wanted = (torch.nn.functional.normalize(t, dim=1) for t in (rows, targets))
    return (wanted @ unit.mT).amax(dim=1).amin()


METRIC = Metric(
    word="mode_cosine",
    arity=2,
    options=(),
    compute=mode_cosine,
    result="number",
    source="Jelassi et al. 2022, theorem 4.2",
)
