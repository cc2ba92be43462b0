"""Tasks of few digits: some of the ten classes, named anew, with few images of each; drawn once for a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source
from gamespec.library.data.digits import load_digits

if TYPE_CHECKING:
    from torch import Tensor


def load_digit_tasks(split: str = "train", ways: int = 5, shots: int = 1, queries: int = 5, tasks: int = 500, seed: int = 0) -> dict[str, Tensor]:
    """Tasks over the images of one split of `digits`; no image stands twice in a task.

    Shapes: train.x [tasks, ways * shots, 64] and val.x [tasks, ways * queries, 64] float32 in 0..1, train.y and val.y
    int64 in 0..ways-1.
    Error: ValueError for more classes than ten, or more images of one than there are.
    Source: Vinyals et al. 2016, section 4, for the protocol.
    """
    table = load_digits(split)
    pools = [(table["y"] == k).nonzero()[:, 0] for k in range(10)]
    if not 2 <= ways <= 10 or shots + queries > min(len(pool) for pool in pools):
        raise ValueError(f"{ways} of 10 digits, {shots + queries} images of each, are not there")
    rng = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(tasks):
        chosen = torch.randperm(10, generator=rng)[:ways].tolist()
        rows.append(torch.stack([pools[k][torch.randperm(len(pools[k]), generator=rng)[: shots + queries]] for k in chosen]))
    x = table["x"][torch.stack(rows)]  # [tasks, ways, shots + queries, 64]
    y = torch.arange(ways)[None, :, None].expand(tasks, ways, shots + queries)
    return {
        "train.x": x[:, :, :shots].flatten(1, 2),
        "train.y": y[:, :, :shots].flatten(1, 2),
        "val.x": x[:, :, shots:].flatten(1, 2),
        "val.y": y[:, :, shots:].flatten(1, 2),
    }


def digit_tasks_rows(split: str = "train", ways: int = 5, shots: int = 1, queries: int = 5, tasks: int = 500, seed: int = 0) -> int:
    """How many tasks `load_digit_tasks` gives."""
    return tasks


def digit_tasks_columns(*, ways: int = 5, **_: Any) -> dict[str, dict[str, Any]]:  # options of rows; until 2027-11
    """The columns: images, and labels of as many classes as a task has."""
    image = {"kind": "real", "shape": (64,), "range": (0.0, 1.0)}
    label = {"kind": "class", "size": ways}
    return {"train.x": image, "train.y": label, "val.x": image, "val.y": label}


SOURCE = Source(
    word="digit_tasks",
    options=(
        Option("split", str, "train", words=("train", "test", "all")),
        Option("ways", int, 5),
        Option("shots", int, 1),
        Option("queries", int, 5),
        Option("tasks", int, 500),
        Option("seed", int, 0),
    ),
    columns={
        "train.x": Column("real", (64,), range=(0.0, 1.0)),
        "train.y": Column("class", size=5),
        "val.x": Column("real", (64,), range=(0.0, 1.0)),
        "val.y": Column("class", size=5),
    },
    load=load_digit_tasks,
    rows=digit_tasks_rows,
    columns_of=digit_tasks_columns,
    source="Vinyals et al. 2016, section 4",
)
