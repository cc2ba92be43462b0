"""Wine: 178 rows of 13 chemical measurements that ship inside scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Column, Source
from gamespec.library.data.tables import (
    TABLE,
    check_targets,
    in_train_units,
    noisy_labels,
    read_sklearn_table,
    rows_of_split,
    shuffled,
)

if TYPE_CHECKING:
    from torch import Tensor


def load_wine(
    split: str = "all",
    subset: int | None = None,
    offset: int = 0,
    label_noise: float = 0.0,
    noise_seed: int = 0,
    targets: tuple[str, ...] = ("y",),
) -> dict[str, Tensor]:
    """Measurements in units of their spread over the train split, and labels: the three growers.

    Shapes: x [n, 13] float32; y, y_clean and i (0..n-1) [n] int64; is_noisy [n] bool. Only y carries the label noise.
    Train has 142 rows and test 36.
    Error: RuntimeError where scikit-learn is missing; ValueError for rows, shares or targets that do not exist.
    """
    rows = rows_of_split(178, split, subset, offset)
    table = read_sklearn_table("wine_data.csv", header=1)[shuffled(178)]  # [178, 14]
    clean = table[rows.start : rows.stop, 13].long()
    y, is_noisy = noisy_labels(clean, 3, label_noise, noise_seed)
    columns = {
        "x": in_train_units(table[:, :13])[rows.start : rows.stop],
        "y": y,
        "i": torch.arange(len(y)),
        "is_noisy": is_noisy,
        "y_clean": clean,
    }
    check_targets(targets, columns)
    return columns


def wine_rows(split: str = "all", subset: int | None = None, offset: int = 0, **_: Any) -> int:
    """How many rows `load_wine` gives. Error: ValueError as there."""
    return len(rows_of_split(178, split, subset, offset))


SOURCE = Source(
    word="wine",
    options=TABLE,
    columns={
        "x": Column("real", (13,)),
        "y": Column("class", size=3),
        "i": Column("index"),
        "is_noisy": Column("bool"),
        "y_clean": Column("class", size=3),
    },
    load=load_wine,
    rows=wine_rows,
    source="Forina et al. 1988, PARVUS; UCI wine recognition",
)
