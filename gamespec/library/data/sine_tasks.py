"""Sine waves of unknown height and phase: tasks of few points each, which are drawn once for a seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Column, Option, Source

if TYPE_CHECKING:
    from torch import Tensor


def load_sine_tasks(shots: int = 5, queries: int = 10, tasks: int = 1000, seed: int = 0) -> dict[str, Tensor]:
    """Tasks of points of y = height sin(x + phase), the height in 0.1..5, the phase in 0..pi, x in -5..5.

    Shapes: train.x and train.y [tasks, shots] float32, val.x and val.y [tasks, queries] float32.
    Source: Finn, Abbeel and Levine 2017, section 5.1.
    """
    rng = torch.Generator().manual_seed(seed)
    height = 0.1 + 4.9 * torch.rand(tasks, 1, generator=rng)  # [tasks, 1]
    phase = math.pi * torch.rand(tasks, 1, generator=rng)
    x = -5 + 10 * torch.rand(tasks, shots + queries, generator=rng)
    y = height * torch.sin(x + phase)
    return {"train.x": x[:, :shots], "train.y": y[:, :shots], "val.x": x[:, shots:], "val.y": y[:, shots:]}


def sine_tasks_rows(shots: int = 5, queries: int = 10, tasks: int = 1000, seed: int = 0) -> int:
    """How many tasks `load_sine_tasks` gives."""
    return tasks


_NUMBER = Column("real", range=(-5.0, 5.0))

SOURCE = Source(
    word="sine_tasks",
    options=(Option("shots", int, 5), Option("queries", int, 10), Option("tasks", int, 1000), Option("seed", int, 0)),
    columns={"train.x": _NUMBER, "train.y": _NUMBER, "val.x": _NUMBER, "val.y": _NUMBER},
    load=load_sine_tasks,
    rows=sine_tasks_rows,
    source="Finn, Abbeel and Levine 2017, section 5.1",
)
