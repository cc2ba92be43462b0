"""Two pieces of work timed in turns in one process, so that a drift of the machine meets both.

Times are those of the process, on one thread: what others do on the machine in between is not counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamespec import pipeline
from gamespec.run.lane import Lane
from gamespec.run.load import load
from gamespec.run.traced import watch
from gamespec.syntax.parse import read

ROOT = Path(__file__).parents[2]
GAMES = Path(__file__).parent / "games"

Work = Callable[[], object]

REPEATS = 7
"""Timed repeats of each; the first, untimed, warms up."""

SHARE = 0.15
"""Seconds that one repeat takes at least."""


class Skip(Exception):  # noqa: N818  # says why a job cannot be timed here; until 2027-11
    """A job that cannot be timed on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Job:
    """`make()` gives our work and theirs. `bar`: the largest ratio of times that is allowed, None where it only informs."""

    group: str
    name: str
    against: str
    bar: float | None
    make: Callable[[], tuple[Work, Work]]
    repeats: int = REPEATS
    device: str = "cpu"
    """`cuda` is timed by events of the GPU."""


def emitted(path: Path, schedule: str | None, folder: Path, sets: tuple[tuple[str, str], ...] = ()) -> tuple[Any, Any]:
    """The program of a game as a module, and its meaning."""
    checked = pipeline.check(read(path), sets)
    compiled = pipeline.compile(checked, schedule)
    return load(compiled.program, folder / f"{path.stem}.py"), checked.game


def stepping(path: Path, folder: Path, schedule: str | None = None, *, compiled: bool = False) -> Work:
    """One step of a game after the other, from its start."""
    module, _ = emitted(path, schedule, folder)
    state = module.start()
    if not compiled:
        return lambda: module.step(state)
    lane = Lane(module, "on", 0)
    lane(state)
    if lane.warning:
        raise Skip(lane.said)
    return lambda: lane(state)


def bare(path: Path, folder: Path) -> Work:
    """As `stepping`, by the bare operations of the step, as a long run makes it that compiling does not pay for."""
    module, _ = emitted(path, None, folder)
    state, lane = module.start(), Lane(module, "auto", sys.maxsize)
    lane.timed, lane.clock = 1, 1.0
    lane._straighten(state, watch(module, state, {}))
    if not lane.said:
        raise Skip("the step has no bare operations")
    return lambda: lane(state)


def timed(job: Job) -> dict[str, object]:
    """One row of the table: the median of the ratios of paired repeats, their range, and milliseconds of both."""
    row: dict[str, object] = {"group": job.group, "job": job.name, "against": job.against, "bar": job.bar}
    try:
        ours, theirs = job.make()
    except Skip as reason:
        return row | {"skipped": str(reason)}
    counts = [max(1, int(SHARE / max(seconds(work, 1, job.device), 1e-7))) for work in (ours, theirs)]
    mine: list[float] = []
    other: list[float] = []
    for k in range(job.repeats):
        order = [(0, ours, mine), (1, theirs, other)]
        for which, work, kept in order if k % 2 else reversed(order):
            kept.append(seconds(work, counts[which], job.device))
    ratios = [m / o for m, o in zip(mine, other, strict=True)]
    return row | {
        "ratio": round(statistics.median(ratios), 3),
        "low": round(min(ratios), 3),
        "high": round(max(ratios), 3),
        "ours_ms": round(1e3 * statistics.median(mine), 3),
        "theirs_ms": round(1e3 * statistics.median(other), 3),
        "repeats": job.repeats,
    }


def seconds(work: Work, times: int, device: str = "cpu") -> float:
    """Seconds of the process, or of the GPU, for one call, over some."""
    if device == "cuda":
        import torch

        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        for _ in range(times):
            work()
        ended.record()
        torch.cuda.synchronize()
        return float(begun.elapsed_time(ended)) / 1e3 / times
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times
