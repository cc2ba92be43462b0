"""The share of rows classified right in the class where that share is smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


def worst_class_accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """The smallest, over the classes that occur in y, of the share of their rows with the largest score at the class.

    Shapes: logits [n, k] and y [n] of class numbers; the result is 0-d.
    Source: Pethick, Chrysos and Cevher 2023, section 1.
    """
    right = (logits.argmax(dim=1) == y).double()
    rows = torch.bincount(y.long(), minlength=logits.shape[1])                                  # [k]
    hits = torch.bincount(y.long(), weights=right, minlength=logits.shape[1])                   # [k]
    return torch.where(rows > 0, hits / torch.clamp(rows, min=1), 1.0).amin()


METRIC = Metric(
    word="worst_class_accuracy",
    arity=2,
    options=(),
    compute=worst_class_accuracy,
    result="number",
    source="Pethick, Chrysos and Cevher 2023",
)
