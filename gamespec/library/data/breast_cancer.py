"""Breast cancer, Wisconsin diagnostic: 569 rows of 30 measurements that ship inside scikit-learn."""

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


def load_breast_cancer(
    split: str = "all",
    subset: int | None = None,
    offset: int = 0,
    label_noise: float = 0.0,
    noise_seed: int = 0,
    targets: tuple[str, ...] = ("y",),
) -> dict[str, Tensor]:
    """Measurements in units of their spread over the train split, and labels: 0 malignant, 1 benign.

    Shapes: x [n, 30] float32; y, y_clean and i (0..n-1) [n] int64; is_noisy [n] bool. Only y carries the label noise.
    Train has 455 rows and test 114. The train split alone sets the units, so nothing of the test rows leaks.
    Error: RuntimeError where scikit-learn is missing; ValueError for rows, shares or targets that do not exist.
    """
    rows, fit = rows_of_split(569, split, subset, offset), rows_of_split(569, "train", None, 0)
    table = read_sklearn_table("breast_cancer.csv", header=1)[shuffled(569)]  # [569, 31]
    train = table[fit.start : fit.stop, :30]
    table = table[rows.start : rows.stop]
    clean = table[:, 30].long()
    y, is_noisy = noisy_labels(clean, 2, label_noise, noise_seed)
    columns = {
        "x": ((table[:, :30] - train.mean(dim=0)) / train.std(dim=0, correction=0)).float(),
        "y": y,
        "i": torch.arange(len(y)),
        "is_noisy": is_noisy,
        "y_clean": clean,
    }
    check_targets(targets, columns)
    return columns


def breast_cancer_rows(split: str = "all", subset: int | None = None, offset: int = 0, **_: Any) -> int:
    """How many rows `load_breast_cancer` gives. Error: ValueError as there."""
    return len(rows_of_split(569, split, subset, offset))


SOURCE = Source(
    word="breast_cancer",
    options=TABLE,
    columns={
        "x": Column("real", (30,)),
        "y": Column("class", size=2),
        "i": Column("index"),
        "is_noisy": Column("bool"),
        "y_clean": Column("class", size=2),
    },
    load=load_breast_cancer,
    rows=breast_cancer_rows,
    source="Street, Wolberg and Mangasarian 1993",
)
