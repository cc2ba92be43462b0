"""How far apart two samples are, by counting in boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def histogram_jsd(a: Tensor, b: Tensor, bins: int = 50) -> Tensor:
    """Jensen-Shannon divergence, in nats, of the histograms of two samples on one grid: 0 (equal) to log 2 (apart).

    The grid spans both samples. For one to three dimensions: it has bins^d boxes.
    Shapes: a [n, d] and b [m, d], or [n] and [m]; the result is 0-d.
    Error: ValueError for more than three dimensions.
    Source: Lin 1991, definition 4.
    """
    a, b = a.reshape(len(a), -1).double(), b.reshape(len(b), -1).double()
    dims = a.shape[1]
    if dims > 3:
        raise ValueError(f"histogram_jsd counts in at most 3 dimensions, {dims} given; project first, with pca")
    both = torch.cat([a, b])                                                                    # [n + m, d]
    low, high = both.amin(dim=0), both.amax(dim=0)
    width = torch.where(high > low, high - low, 1.0)
    place = torch.clamp(((both - low) / width * bins).long(), max=bins - 1)
    stride = bins ** torch.arange(dims, device=a.device)
    box = (place * stride).sum(dim=1)                                                           # [n + m]
    p = torch.bincount(box[: len(a)], minlength=bins**dims) / len(a)
    q = torch.bincount(box[len(a) :], minlength=bins**dims) / len(b)
    middle = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(middle, middle)).sum() / 2


METRIC = Metric(
    word="histogram_jsd",
    arity=2,
    options=(Option("bins", int, 50),),
    compute=histogram_jsd,
    result="number",
    source="Lin 1991, definition 4",
)
