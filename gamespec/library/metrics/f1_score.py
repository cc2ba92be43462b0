"""How well a yes-or-no prediction finds the true cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


def f1_score(predicted: Tensor, truth: Tensor) -> Tensor:
    """Harmonic mean of precision and recall, 0 where there is neither a hit nor a case.

    Shapes: both [n], bool or 0 and 1; the result is 0-d.
    Source: van Rijsbergen 1979, chapter 7.
    """
    predicted, truth = predicted.bool(), truth.bool()
    hits = (predicted & truth).sum().double()
    return 2 * hits / torch.clamp(predicted.sum() + truth.sum(), min=1)


METRIC = Metric(
    word="f1_score", arity=2, options=(), compute=f1_score, result="number", source="van Rijsbergen 1979, chapter 7"
)
