"""Diabetes: 442 rows of 10 measurements, and how far the illness went in a year, that ship inside scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source
from gamespec.library.data.tables import TABLE, check_targets, in_train_units, read_sklearn_table, rows_of_split, shuffled

if TYPE_CHECKING:
    from torch import Tensor


def load_diabetes(
    split: str = "all", subset: int | None = None, offset: int = 0, targets: tuple[str, ...] = ("high",)
) -> dict[str, Tensor]:
    """Measurements and progression in units of their spread over the train split, centred; high is above its median there.

    Shapes: x [n, 10] and y [n] float32; high and i (0..n-1) [n] int64. Train has 353 rows and test 89.
    Error: RuntimeError where scikit-learn is missing; ValueError for rows or targets that do not exist.
    """
    rows, order = rows_of_split(442, split, subset, offset), shuffled(442)
    x = in_train_units(read_sklearn_table("diabetes_data_raw.csv.gz", header=0).reshape(442, 10)[order])
    y = in_train_units(read_sklearn_table("diabetes_target.csv.gz", header=0).reshape(442, 1)[order]).squeeze(1)
    middle = y[: rows_of_split(442, "train", None, 0).stop].median()
    columns = {
        "x": x[rows.start : rows.stop],
        "y": y[rows.start : rows.stop],
        "high": (y > middle).long()[rows.start : rows.stop],
        "i": torch.arange(len(rows)),
    }
    check_targets(targets, columns)
    return columns


def diabetes_rows(
    split: str = "all", subset: int | None = None, offset: int = 0, targets: tuple[str, ...] = ("high",)
) -> int:
    """How many rows `load_diabetes` gives. Error: ValueError as there."""
    return len(rows_of_split(442, split, subset, offset))


SOURCE = Source(
    word="diabetes",
    options=(*(o for o in TABLE if o.name in ("split", "subset", "offset")), Option("targets", tuple, ("high",))),
    columns={
        "x": Column("real", (10,)),
        "y": Column("real"),
        "high": Column("class", size=2),
        "i": Column("index"),
    },
    load=load_diabetes,
    rows=diabetes_rows,
    source="Efron, Hastie, Johnstone and Tibshirani 2004, section 1",
)
