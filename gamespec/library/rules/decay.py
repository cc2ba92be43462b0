"""How a learning rate changes with the number of steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option

if TYPE_CHECKING:
    from torch import Tensor

DECAY = (
    Option("decay", str, "constant", words=("constant", "sqrt", "linear", "cosine", "steps", "cyclic", "warmup")),
    Option("total", int, 0),
)
"""The two options that every step rule takes."""


def decayed(lr: float, decay: str, t: Tensor, total: int) -> Tensor | float:
    """The learning rate of step t = 1, 2, ..., `total`: constant, lr / sqrt(t), or one that ends after `total` steps.

    linear and cosine fall to 0; steps is a tenth from the middle on and a hundredth in the last quarter; cyclic rises
    to lr in the middle and falls again; warmup rises over the first twentieth and then falls as cosine does.
    Shapes: t and the result are 0-d; a constant rate stays a number.
    Error: ValueError for another word, and where a rate that ends is given no total.
    Source: He et al. 2016 (steps), Loshchilov and Hutter 2017 (cosine), Smith 2017 (cyclic), Goyal et al. 2017 (warmup).
    """
    if decay == "constant":
        return lr
    if decay == "sqrt":
        return lr / torch.sqrt(t)
    if decay not in ("linear", "cosine", "steps", "cyclic", "warmup"):
        raise ValueError(f"decay is {decay!r}; it can be constant, sqrt, linear, cosine, steps, cyclic or warmup")
    if total < 1:
        raise ValueError(f"decay = {decay} needs total, the number of steps after which the rate has ended")
    done = torch.clamp((t - 1) / total, max=1.0)
    if decay == "linear":
        return lr * (1 - done)
    if decay == "steps":
        return lr * torch.where(done < 0.5, 1.0, torch.where(done < 0.75, 0.1, 0.01))
    if decay == "cyclic":
        return lr * torch.clamp(1 - torch.abs(2 * t / (total + 1) - 1), min=0.0)
    if decay == "cosine":
        return lr / 2 * (1 + torch.cos(math.pi * done))
    rise, fall = torch.clamp(20 * t / total, max=1.0), torch.clamp((20 * done - 1) / 19, min=0.0)
    return lr / 2 * rise * (1 + torch.cos(math.pi * fall))


def decayed_number(lr: float, decay: str, t: float, total: int) -> float:
    """The same for a plain number t. Error: ValueError as for `decayed`."""
    if decay in ("constant", "sqrt"):
        return lr if decay == "constant" else lr / math.sqrt(t)
    if total < 1:
        raise ValueError(f"decay = {decay} needs total, the number of steps after which the rate has ended")
    done = min((t - 1) / total, 1.0)
    if decay == "linear":
        return lr * (1 - done)
    if decay == "steps":
        return lr * (1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
    if decay == "cyclic":
        return lr * max(1 - abs(2 * t / (total + 1) - 1), 0.0)
    rise, fall = (1.0, done) if decay == "cosine" else (min(20 * t / total, 1.0), max((20 * done - 1) / 19, 0.0))
    return lr / 2 * rise * (1 + math.cos(math.pi * fall))
