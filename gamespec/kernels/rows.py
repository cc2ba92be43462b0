"""Rows of a table: those that a search still has to look at, and answers that are kept for each."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rows_above_zero(values: Tensor) -> list[Tensor]:
    """The rows with positive values in equal parts: up to 192 rows on a CPU, where they fit its cache, and up to 1024 elsewhere.

    Shapes: values is [n]; every part is [m] int64 with m > 0, and no part where no value is positive.
    Cost: one wait for the device.
    """
    rows = (values > 0).nonzero()[:, 0]
    parts = math.ceil(len(rows) / (192 if rows.device.type == "cpu" else 1024))
    return list(torch.tensor_split(rows, parts)) if parts else []


def rows_of_visits(known: list[Tensor], rows: int, source: str) -> Tensor:
    """The places in a table of so many rows of what a batch brought: its last column counts them on from epoch to epoch.

    Shapes: [b] int64. Error: ValueError for a batch from outside without that column.
    """
    if not known:
        raise ValueError(f"answers are kept for every row of `{source}`: give the numbers of the rows as the last column of a batch")
    return known[0] % rows


def answers_of_rows(rows: int, shape: tuple[int, ...], largest: int, dtype: torch.dtype, device: str) -> Tensor:
    """A table of zeros, an answer for every row, [rows, *shape]. Error: ValueError where it is larger than so many bytes."""
    size = rows * math.prod(shape) * torch.finfo(dtype).bits // 8
    if size > largest:
        raise ValueError(f"answers kept for {rows} rows make a table of {size / 2**30:.1f} GiB: write `start = uniform`")
    return torch.zeros((rows, *shape), dtype=dtype, device=device)
