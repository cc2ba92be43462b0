"""Handwritten digits, 8 x 8 pixels: 1 797 rows that ship inside scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Column, Source
from gamespec.library.data.tables import (
    TABLE,
    check_targets,
    noisy_labels,
    read_sklearn_table,
    rows_of_split,
    shuffled,
)

if TYPE_CHECKING:
    from torch import Tensor


def load_digits(
    split: str = "all",
    subset: int | None = None,
    offset: int = 0,
    label_noise: float = 0.0,
    noise_seed: int = 0,
    targets: tuple[str, ...] = ("y",),
) -> dict[str, Tensor]:
    """Pixels in 0..1 and labels; the split is an 80/20 cut of one fixed permutation: 1 437 and 360 rows.

    Shapes: x [n, 64] float32; y, y_clean, large (5 to 9), odd and i (0..n-1) [n] int64; is_noisy [n] bool. Only y
    carries the label noise.
    Error: RuntimeError where scikit-learn is missing; ValueError for rows, shares or targets that do not exist.
    """
    rows = rows_of_split(1797, split, subset, offset)
    table = read_sklearn_table("digits.csv.gz", header=0)[shuffled(1797)][rows.start : rows.stop]  # [n, 65]
    clean = table[:, 64].long()
    y, is_noisy = noisy_labels(clean, 10, label_noise, noise_seed)
    columns = {
        "x": (table[:, :64] / 16).float(),
        "y": y,
        "i": torch.arange(len(y)),
        "large": (clean >= 5).long(),
        "odd": clean % 2,
        "is_noisy": is_noisy,
        "y_clean": clean,
    }
    check_targets(targets, columns)
    return columns


def digits_rows(split: str = "all", subset: int | None = None, offset: int = 0, **_: Any) -> int:
    """How many rows `load_digits` gives. Error: ValueError as there."""
    return len(rows_of_split(1797, split, subset, offset))


SOURCE = Source(
    word="digits",
    options=TABLE,
    columns={
        "x": Column("real", (64,), range=(0.0, 1.0)),
        "y": Column("class", size=10),
        "i": Column("index"),
        "large": Column("class", size=2),
        "odd": Column("class", size=2),
        "is_noisy": Column("bool"),
        "y_clean": Column("class", size=10),
    },
    load=load_digits,
    rows=digits_rows,
    source="Alpaydin and Kaynak 1998, UCI optical recognition of handwritten digits",
)
