"""How often one class is taken for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def confusion(logits: Tensor, y: Tensor, truth: int = 0, predicted: int = 0) -> Tensor:
    """The share of the rows of class `truth` whose largest score is at `predicted`; 0 where there are no such rows.

    Shapes: logits [n, k] and y [n] of class numbers; the result is 0-d.
    Source: Hastie, Tibshirani and Friedman 2009, section 9.2.5.
    """
    rows = y == truth
    return (rows & (logits.argmax(dim=1) == predicted)).sum().double() / torch.clamp(rows.sum(), min=1)


METRIC = Metric(
    word="confusion",
    arity=2,
    options=(Option("truth", int, 0), Option("predicted", int, 0)),
    compute=confusion,
    result="number",
    source="Hastie, Tibshirani and Friedman 2009, section 9.2.5",
)
