"""Many runs of one game: each cell of a grid in a process of its own, done once, its failure its own."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gamespec import __version__
from gamespec.report.diagnostic import GameError
from gamespec.run import kept, store

_RESULTS = (0, 3, 5)
"""Exit codes of runs that ended with a result, if not the one that was hoped for."""

_PAUSE = 0.02
_TOLD = 400
"""Characters of a failure that are kept."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a sweep: its values by name, as written, and its seed. `identity` tells the game that is meant."""

    values: tuple[tuple[str, str], ...]
    seed: int
    identity: str = ""
    wrong: str = ""
    """Why it cannot run, where that is known before it starts."""

    @property
    def name(self) -> str:
        """A file name that no other cell of any sweep has."""
        shown = store.slug("-".join([*(f"{k}_{v}" for k, v in self.values), f"seed_{self.seed}"]))
        return f"{shown}-{hashlib.sha256(repr((self.values, self.seed, self.identity)).encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        """As a person reads it."""
        return ", ".join([*(f"{k} = {v}" for k, v in self.values), f"seed {self.seed}"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell. `error` is empty where there is a result."""

    cell: Cell
    status: str = ""
    exit: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    path: str = ""
    error: str = ""
    fresh: bool = True
    """False where it was found from an earlier call."""

    def row(self) -> dict[str, Any]:
        """For programs."""
        kept = {"status": self.status, "exit": self.exit, "metrics": dict(self.metrics), "seconds": self.seconds, "path": self.path}
        return {"values": dict(self.cell.values), "seed": self.cell.seed, **kept, "error": self.error}


@dataclass(frozen=True, slots=True)
class Grid:
    """What is swept: a file, values by name (`schedule` among them), seeds; and what all cells share."""

    file: str
    over: tuple[tuple[str, tuple[str, ...]], ...]
    seeds: tuple[int, ...]
    steps: int | None = None
    device: str = "cpu"
    sets: tuple[tuple[str, str], ...] = ()
    allow: tuple[str, ...] = ()
    """Modules that `py(..)` may import."""
    starts: int = 0

    def cells(self) -> Iterator[tuple[tuple[tuple[str, str], ...], int]]:
        """Values and seed of every cell, the first name slowest."""
        names = [name for name, _ in self.over]
        for values in itertools.product(*(choices for _, choices in self.over)):
            for seed in self.seeds:
                yield tuple(zip(names, values, strict=True)), seed

    def command(self, cell: Cell, out: Path) -> list[str]:
        """The command line of one cell: a run, or the rest of one that was stopped."""
        words = [sys.executable, "-m", "gamespec.cli", "run", "--quiet", "--output", "json"]
        words += [word for module in self.allow for word in ("--allow-import", module)]
        begun = _begun(out)
        if begun is not None:
            return [*words, "--resume", str(begun)]
        words += [self.file, "--out", str(out), "--seed", str(cell.seed), "--device", self.device]
        words += ["--steps", str(self.steps)] if self.steps is not None else []
        words += ["--starts", str(self.starts)] if self.starts else []
        for name, value in [*self.sets, *cell.values]:
            words += ["--schedule", value] if name == "schedule" else ["--set", f"{name}={value}"]
        return words


def identity(meaning: str, grid: Grid) -> str:
    """What a finished cell must agree on to count: the meaning of the game, steps, device, starts, version of gamespec."""
    return hashlib.sha256(repr((meaning, grid.steps, grid.device, grid.sets, grid.starts, __version__)).encode()).hexdigest()[:16]


def sweep(grid: Grid, cells: Sequence[Cell], out: Path, jobs: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Run every cell that has no result in `out` yet, `jobs` at a time; the outcomes in the order of the cells.

    Interrupted, it ends the cells that it started, and those that are done stay done.
    """
    folder = out / "cells"
    folder.mkdir(parents=True, exist_ok=True)
    outcomes: dict[Cell, Outcome] = {}
    waiting: list[Cell] = []
    for cell in cells:
        found = _found(cell, folder)
        if found is None:
            waiting.append(cell)
        else:
            outcomes[cell] = found
            tell(found)
    running: list[_Started] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell = waiting.pop(0)
                if cell.wrong:
                    outcomes[cell] = Outcome(cell, exit=1, error=cell.wrong)
                    tell(outcomes[cell])
                else:
                    running.append(_Started(grid, cell, folder, jobs))
            for started in [s for s in running if s.ended]:
                running.remove(started)
                outcomes[started.cell] = started.outcome()
                tell(outcomes[started.cell])
            time.sleep(_PAUSE)
    finally:
        for started in running:
            started.stop()
    return [outcomes[cell] for cell in cells]


class _Started:
    """A cell under way in a process of its own; what it says goes to files, so no pipe can fill."""

    def __init__(self, grid: Grid, cell: Cell, folder: Path, jobs: int) -> None:
        self.cell = cell
        self._folder = folder
        self._begin = time.perf_counter()
        self._out, self._err = (self._file(f"{cell.name}.{kind}") for kind in ("out", "err"))
        threads = str(max(1, (os.cpu_count() or 1) // jobs))
        environment = {"OMP_NUM_THREADS": threads, **os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(
            grid.command(cell, folder / cell.name), stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err, env=environment
        )

    def _file(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("w+b")

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process, by force where it does not listen."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def outcome(self) -> Outcome:
        """What it left; a result is kept for the next time."""
        code = self._process.returncode
        said, errors = self._read(self._out), self._read(self._err)
        self._close()
        seconds = round(time.perf_counter() - self._begin, 3)
        run: dict[str, Any] = {}
        try:
            document = json.loads(said)
            run = document.get("run") or {}
            errors = errors or "; ".join(f"{d['code']}: {d['message']}" for d in document.get("diagnostics", ()))
        except (json.JSONDecodeError, AttributeError, KeyError, TypeError):
            pass
        if code not in _RESULTS or not run:
            last = " ".join(errors.split())[-_TOLD:]
            return Outcome(self.cell, exit=code, seconds=seconds, error=last or f"ended with exit code {code}")
        made = Outcome(self.cell, run["status"], code, _numbers(run["metrics"]), run["seconds"], run["path"] or "")
        store.Store(self._folder).json(f"{self.cell.name}.json", made.row())
        return made

    def _read(self, file: IO[bytes]) -> str:
        file.seek(0)
        return file.read().decode(errors="replace")

    def _close(self) -> None:
        for file in (self._out, self._err):
            file.close()
            Path(file.name).unlink(missing_ok=True)


def _begun(out: Path) -> Path | None:
    """The run of a cell that was stopped or killed, and can go on."""
    for path in out.glob("*-*"):
        try:
            run = kept.kept(path)
            if run.manifest["status"] in ("running", "interrupted") and kept.checkpoint(run) is not None:
                return path
        except GameError:
            continue  # damaged: the cell is run again
    return None


def _found(cell: Cell, folder: Path) -> Outcome | None:
    """The result of an earlier call, if it is there and whole."""
    try:
        row = store.read_json(folder / f"{cell.name}.json")
        return Outcome(cell, row["status"], row["exit"], _numbers(row["metrics"]), row["seconds"], row["path"], fresh=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as numbers; JSON spells those that are not finite."""
    return {str(k): float(v) for k, v in values.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """All seeds of one combination of values: how many ended well, how, and each metric's values."""

    values: tuple[tuple[str, str], ...]
    statuses: tuple[str, ...]
    failed: int
    metrics: Mapping[str, tuple[float, ...]]

    def mean(self, metric: str) -> float:
        """Over the seeds that have it."""
        found = self.metrics.get(metric, ())
        return math.fsum(found) / len(found) if found else math.nan

    def spread(self, metric: str) -> float:
        """The sample standard deviation over the seeds, nan for fewer than two."""
        found = self.metrics.get(metric, ())
        if len(found) < 2 or not all(map(math.isfinite, found)):
            return math.nan
        mean = self.mean(metric)
        return math.sqrt(math.fsum((v - mean) ** 2 for v in found) / (len(found) - 1))


def table(outcomes: Sequence[Outcome]) -> list[Line]:
    """One line for each combination of values, in order."""
    groups: dict[tuple[tuple[str, str], ...], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.cell.values, []).append(outcome)
    lines = []
    for values, members in groups.items():
        good = [o for o in members if not o.error]
        names = dict.fromkeys(name for o in good for name in o.metrics)
        metrics = {name: tuple(o.metrics[name] for o in good if name in o.metrics) for name in names}
        lines.append(Line(values, tuple(o.status for o in good), len(members) - len(good), metrics))
    return lines
