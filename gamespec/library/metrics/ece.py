"""How far the confidence of a classifier is from how often it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def ece(logits: Tensor, y: Tensor, bins: int = 15) -> Tensor:
    """The expected calibration error: |accuracy - mean confidence| of equal bins of confidence, weighted by their rows.

    Shapes: logits [n, k] and y [n] of class numbers; the result is 0-d, from 0 to 1.
    Source: Naeini, Cooper and Hauskrecht 2015, section 3; Guo et al. 2017, equation 3.
    """
    sure, chosen = torch.softmax(logits.double(), dim=1).max(dim=1)                             # [n]
    place = torch.clamp((sure * bins).ceil().long() - 1, min=0)                                 # [n]
    gap = (chosen == y).double() - sure
    return torch.bincount(place, weights=gap, minlength=bins).abs().sum() / len(y)


METRIC = Metric(
    word="ece",
    arity=2,
    options=(Option("bins", int, 15),),
    compute=ece,
    result="number",
    source="Guo et al. 2017, equation 3",
)
