"""How far apart two samples are, as a kernel sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def median_distance(rows: Tensor) -> Tensor:
    """The median distance of two rows, of at most 1000 rows taken at even steps; 1 where that is 0.

    Shapes: rows [n, d]; the result is 0-d.
    Source: Gretton et al. 2012, section 8.
    """
    few = rows[:: max(1, -(-len(rows) // 1000))]
    distance = torch.pdist(few)
    middle = distance.median() if len(distance) else torch.ones_like(rows[:1].sum())
    return torch.where(middle > 0, middle, 1.0)


def kernel_sum(a: Tensor, b: Tensor, bandwidth: Tensor | float) -> Tensor:
    """The sum of exp(-|x - y|^2 / (2 bandwidth^2)) over all pairs of rows, a thousand rows of a at a time.

    Shapes: a [n, d] and b [m, d]; the result is 0-d.
    """
    # The mode of cdist that goes through a matrix product is off by 1e-8 in float64, near zero by more.
    exact = "donot_use_mm_for_euclid_dist"
    parts = [torch.exp(-((torch.cdist(part, b, compute_mode=exact) / bandwidth) ** 2) / 2).sum() for part in torch.split(a, 1000)]
    return torch.stack(parts).sum()


def mmd(a: Tensor, b: Tensor, bandwidth: float | None = None) -> Tensor:
    """The squared maximum mean discrepancy of two samples, Gaussian kernel, without bias: about 0 for the same law.

    It may fall a little below 0. The bandwidth is the median distance of two rows of both samples where it is not given.
    Shapes: a [n, ...] and b [m, ...], at least two rows each; the result is 0-d.
    Cost: O((n + m)^2 d) time, a thousand rows of distances in memory.
    Source: Gretton et al. 2012, lemma 6.
    """
    a, b = a.reshape(len(a), -1).double(), b.reshape(len(b), -1).double()
    n, m = len(a), len(b)
    scale = bandwidth or median_distance(torch.cat([a, b]))
    within = (kernel_sum(a, a, scale) - n) / (n * (n - 1)) + (kernel_sum(b, b, scale) - m) / (m * (m - 1))
    return within - 2 * kernel_sum(a, b, scale) / (n * m)


METRIC = Metric(
    word="mmd",
    arity=2,
    options=(Option("bandwidth", float, None),),
    compute=mmd,
    result="number",
    source="Gretton et al. 2012, lemma 6",
)
