"""Rows that a search still has to look at."""

from __future__ import annotations

import torch
from torch import Tensor


def rows_above_zero(values: Tensor) -> list[Tensor]:
    """The rows with positive values in parts of 128 on a CPU, where they fit its cache, and of 1024 elsewhere.

    Shapes: values is [n]; every part is [m] int64 with m > 0, and no part where no value is positive.
    Cost: one wait for the device.
    """
    rows = (values > 0).nonzero()[:, 0]
    return [part for part in torch.split(rows, 128 if rows.device.type == "cpu" else 1024) if len(part)]
