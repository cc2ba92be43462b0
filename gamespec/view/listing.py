"""The runs in a folder, one line for each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamespec.run import store

_METRICS = 3
"""Metrics in a line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run: what its manifest and its result say, or why they cannot be read."""

    path: Path
    when: float
    game: str = ""
    schedule: str = ""
    seed: int | None = None
    status: str = ""
    metrics: tuple[tuple[str, float], ...] = ()
    sets: tuple[tuple[str, str], ...] = ()

    def row(self) -> dict[str, Any]:
        """For programs."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.when))
        plain = {"path": str(self.path), "game": self.game, "schedule": self.schedule, "seed": self.seed, "status": self.status}
        return plain | {"metrics": dict(self.metrics), "overrides": dict(self.sets), "when": when}


def listed(folder: Path) -> list[Entry]:
    """The runs directly inside a folder, the newest first; a damaged one says so."""
    found = [_entry(path) for path in folder.iterdir() if (path / "manifest.json").is_file()]
    return sorted(found, key=lambda e: (-e.when, e.path.name))


def _entry(path: Path) -> Entry:
    when = (path / "manifest.json").stat().st_mtime
    try:
        manifest = store.read_json(path / "manifest.json")
        sets = tuple((str(k), str(v)) for k, v in manifest.get("overrides", {}).items())
        metrics: tuple[tuple[str, float], ...] = ()
        if (path / "result.json").is_file():
            values = store.read_json(path / "result.json")["metrics"]
            metrics = tuple((str(k), float(v)) for k, v in values.items())
        return Entry(path, when, str(manifest["game"]), str(manifest["schedule"]), int(manifest["seed"]), str(manifest["status"]), metrics, sets)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Entry(path, when, status="damaged")


def as_text(entries: Sequence[Entry]) -> str:
    """A table with the names of its columns."""
    rows = [["run", "game", "schedule", "seed", "status", "when", "metrics"]]
    for e in entries:
        shown = [*(f"{k} = {v:.4g}" for k, v in e.metrics[:_METRICS]), *(["..."] if len(e.metrics) > _METRICS else [])]
        given = [f"{k}={v}" for k, v in e.sets]
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(e.when))
        seed = "" if e.seed is None else str(e.seed)
        rows.append([e.path.name, e.game, " ".join([e.schedule, *given]), seed, e.status, when, ", ".join(shown)])
    return aligned(rows)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Cells under one another, two spaces apart."""
    lines = [list(row) for row in rows]
    widths = [max(len(row[k]) for row in lines) for k in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines)
