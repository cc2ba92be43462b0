"""What is noted at the reports of a run: losses, cheap metrics as often as they cost little, points of small games."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gamespec.run.growth import lengths, runaway
from gamespec.run.result import Report

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.report.diagnostic import Diagnostic
    from gamespec.run.contract import Emitted, State
    from gamespec.run.probes import Probes
    from gamespec.run.sampled import Sampled
    from gamespec.run.store import Store

_METRICS, _LOOKS = 0.01, 0.007
"""Parts of the time that may go into metrics on the way, and into looks for what goes wrong."""

_COST = 8
"""Steps that the first of each is reckoned to cost."""

_PAUSE = 2.0
"""Seconds from one probe to the next, at least."""


class Recorder:
    """The `on_step` of a run: keeps the history and tells whoever listens."""

    def __init__(
        self,
        module: Emitted,
        store: Store,
        listeners: tuple[Callable[[Report], None], ...],
        probes: Probes | None = None,
        history: tuple[dict[str, Any], ...] = (),
        seconds: float = 0.0,
        sampled: Sampled | None = None,
    ) -> None:
        self.history: list[dict[str, Any]] = list(history)
        self._before = seconds
        self.state: State = None
        self.foreign: Exception | None = None
        self._module = module
        self._store = store
        self._listeners = listeners
        self._probes = probes
        self._sampled = sampled
        self._start = time.perf_counter()
        self._probed = self._start
        self._spent: list[float] = []
        self._looked: list[float] = []
        self._made, self._last = 0, history[-1]["step"] if history else 0
        self._warned = 0

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
        self._made += k - self._last
        self._last = k
        metrics = self._probe(state) if self._affordable(_METRICS, self._spent) else {}
        if self._probes is not None and self._affordable(_LOOKS, self._looked):
            self._look(k, state)
        if metrics:
            self._probed = time.perf_counter()
        sizes = lengths(state)
        if self._probes is not None:
            self._probes.report(state, k, sizes)
        made = self._sampled.look(k, state) if self._sampled is not None else {}
        point = tuple(float(x) for x in self._module.point(state)) if self._module.KIND == "scalar" else ()
        report = Report(k, self.seconds, {name: float(loss) for name, loss in losses.items()}, metrics, point, self._told(), sizes, made)
        row = report.row()
        self.history.append(row)
        self._store.line(row)
        for listen in self._listeners:
            try:
                listen(report)
            except Exception as error:
                self.foreign = error
                raise

    @property
    def runaway(self) -> str:
        """What has run away and still does, in words; "" for nothing."""
        return "" if self._probes is None else runaway(self._probes.start.lengths, self.history)

    def last_look(self, k: int, state: State) -> None:
        """Look once more at the end, where the run was long enough for it."""
        self._probed = 0.0
        if self._probes is not None and self._affordable(2 * _LOOKS, self._looked):
            self._look(k, state)

    def _told(self) -> tuple[Diagnostic, ...]:
        """Warnings since the last report."""
        found = () if self._probes is None else tuple(self._probes.said.values())
        fresh, self._warned = found[self._warned :], len(found)
        return fresh

    def _affordable(self, share: float, spent: list[float]) -> bool:
        """Whether one more keeps to its share of the time; the next is reckoned to cost what the last did."""
        now = time.perf_counter()
        cost = spent[-1] if spent else _COST * (now - self._start) / max(self._made, 1)
        return now - self._probed >= _PAUSE and sum(spent) + cost <= share * (now - self._start)

    def _probe(self, state: State) -> dict[str, float]:
        begin = time.perf_counter()
        scalar = self._module.KIND == "scalar" or self._module.TOL is not None
        metrics = {"residual": float(self._module.residual(state))} if scalar else {}
        metrics |= self._module.probe(state)
        self._spent.append(time.perf_counter() - begin)
        return metrics

    def _look(self, k: int, state: State) -> None:
        begin = time.perf_counter()
        if self._probes is not None:
            self._probes.look(state, k)
        self._looked.append(time.perf_counter() - begin)
