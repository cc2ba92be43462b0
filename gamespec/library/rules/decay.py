"""How a learning rate falls with the number of steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option

if TYPE_CHECKING:
    from torch import Tensor

DECAY = (Option("decay", str, "constant", words=("constant", "sqrt", "linear", "cosine")), Option("total", int, 0))
"""The two options that every step rule takes."""


def decayed(lr: float, decay: str, t: Tensor, total: int) -> Tensor | float:
    """The learning rate of step t = 1, 2, ...: constant, lr / sqrt(t), or falling to 0 after `total` steps.

    Shapes: t and the result are 0-d; a constant rate stays a number.
    Error: ValueError for another word, and where linear or cosine are given no total.
    """
    if decay == "constant":
        return lr
    if decay == "sqrt":
        return lr / torch.sqrt(t)
    if decay not in ("linear", "cosine"):
        raise ValueError(f"decay is {decay!r}; it can be constant, sqrt, linear or cosine")
    if total < 1:
        raise ValueError(f"decay = {decay} needs total, the number of steps after which the rate is 0")
    done = torch.clamp((t - 1) / total, max=1.0)
    return lr * (1 - done) if decay == "linear" else lr / 2 * (1 + torch.cos(math.pi * done))
