"""What a run with default settings spends beside its steps: reports, probes and checkpoints."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run import execute
from gamespec.run.lane import Lane
from tests.bench.pairs import ROOT

STEPS, RUNS = 240, 5
BAR = 3.0
"""Percent of the time of the steps."""


def rows() -> list[dict[str, object]]:
    """Percent of the time of its steps that the loop of a run takes beside them, median of runs of 240 steps.

    What comes before the first step and after the last one (data, metrics on all rows, the certificate) is left out.
    """
    path = ROOT / "specs/robust/pgd_digits.game"
    checked = pipeline.check(Source(str(path), path.read_text(encoding="utf-8")))
    compiled = pipeline.compile(checked)
    shares = []
    for _ in range(RUNS):
        spent = {"step": 0.0, "loop": 0.0}
        with (
            mock.patch.object(Lane, "__call__", _clocked(Lane.__call__, spent, "step")),
            mock.patch.object(execute, "_train", _clocked(execute._train, spent, "loop")),
            tempfile.TemporaryDirectory() as folder,
        ):
            execute.execute(checked, compiled, execute.Request(steps=STEPS, out=Path(folder)))
        shares.append(100 * (spent["loop"] / spent["step"] - 1))
    job = f"pgd_digits, {STEPS} steps: reports, probes and checkpoints beside the steps"
    return [{"group": "overhead", "job": job, "bar_%": BAR, "%": round(statistics.median(shares), 2)}]


def _clocked(call, spent: dict[str, float], key: str):
    """The function, its time added up."""

    def timed(*args: object, **options: object) -> object:
        begin = time.perf_counter()
        try:
            return call(*args, **options)
        finally:
            spent[key] += time.perf_counter() - begin

    return timed
