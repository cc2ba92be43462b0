"""What is noted at the reports of a run: losses, cheap metrics as often as they cost little, points of small games."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gamespec.run.result import Report

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.run.contract import Emitted, State
    from gamespec.run.store import Store

_SHARE = 0.03
"""Part of the time that may go into metrics on the way."""

_PAUSE = 2.0
"""Seconds from one probe to the next, at least."""


class Recorder:
    """The `on_step` of a run: keeps the history and tells whoever listens."""

    def __init__(
        self,
        module: Emitted,
        store: Store,
        listeners: tuple[Callable[[Report], None], ...],
        history: tuple[dict[str, Any], ...] = (),
        seconds: float = 0.0,
    ) -> None:
        self.history: list[dict[str, Any]] = list(history)
        self._before = seconds
        self.state: State = None
        self.foreign: Exception | None = None
        self._module = module
        self._store = store
        self._listeners = listeners
        self._start = time.perf_counter()
        self._probed = self._start
        self._spent = self._last = 0.0

    @property
    def seconds(self) -> float:
        """Time since the run began, without that between a stop and a resume."""
        return self._before + time.perf_counter() - self._start

    @property
    def points(self) -> list[list[float]]:
        """Where a small game stood at each report."""
        return [row["@point"] for row in self.history if "@point" in row]

    @property
    def pace(self) -> float:
        """Seconds for one step, up to the last report."""
        return self.history[-1]["time"] / max(self.history[-1]["step"], 1) if self.history else 0.0

    def __call__(self, k: int, state: State, losses: Mapping[str, Tensor]) -> None:
        """Note step k."""
        self.state = state
        metrics = self._probe(state) if self._may_probe() else {}
        point = tuple(float(x) for x in self._module.point(state)) if self._module.KIND == "scalar" else ()
        report = Report(k, self.seconds, {name: float(loss) for name, loss in losses.items()}, metrics, point)
        row = report.row()
        self.history.append(row)
        self._store.line(row)
        for listen in self._listeners:
            try:
                listen(report)
            except Exception as error:
                self.foreign = error
                raise

    def _may_probe(self) -> bool:
        now = time.perf_counter()
        return now - self._probed >= _PAUSE and self._spent + self._last <= _SHARE * (now - self._start)

    def _probe(self, state: State) -> dict[str, float]:
        begin = time.perf_counter()
        metrics = {"residual": float(self._module.residual(state)), **self._module.probe(state)}
        self._probed = time.perf_counter()
        self._last = self._probed - begin
        self._spent += self._last
        return metrics
