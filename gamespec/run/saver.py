"""Checkpoints of a run, and the signals that ask it to stop."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from gamespec.run import snapshot
from gamespec.run.store import packed

if TYPE_CHECKING:
    from gamespec.run.contract import State
    from gamespec.run.lane import Lane
    from gamespec.run.recorder import Recorder
    from gamespec.run.snapshot import Base
    from gamespec.run.store import Store

_SHARE = 0.005
"""Part of the time that may go into checkpoints that nobody asked for."""

_PAUSE = 20.0
"""Seconds from one such checkpoint to the next, at least."""


class Saver:
    """The `watch` of a run: saves the state when it is time, and ends the run when it was asked to stop.

    `every` counts steps: None is by the clock, 0 never but when the run is stopped.
    """

    def __init__(self, store: Store, recorder: Recorder, lane: Lane, start: Base, known: Mapping[str, Any], every: int | None) -> None:
        self._store, self._recorder, self._lane, self._start = store, recorder, lane, start
        self._known, self.every = dict(known), every
        self._begin = self._saved = time.perf_counter()
        self._spent = self._last = 0.0
        self._chosen = lane.said
        self.stopped = False

    def __call__(self, k: int, state: State) -> bool:
        """Look at step k, which is done; True ends the run."""
        if self._lane.said != self._chosen:
            # Before the first step of that lane: the clock may say another thing to a run that goes on from further back.
            self._chosen = self._lane.said
            self._known["lane"] = self._lane.record()
            write_manifest(self._store, self._known)
        if self.stopped or self._due(k):
            self.save(state)
        return self.stopped

    def stop(self) -> None:
        """Ask the run to end after its present step; a second time, to end at once."""
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = True

    def save(self, state: State, ended: str = "") -> None:
        """Write a checkpoint; the one before it stays until this one is whole."""
        begin = time.perf_counter()
        found = snapshot.captured(state, self._start)
        old = set(self._store.path.glob("checkpoint.*.safetensors"))
        # Never over one that checkpoint.json may still speak of.
        file = next(name for n in itertools.count() if (self._store.path / (name := f"checkpoint.{state.k}.{n}.safetensors")) not in old)
        content = self._store.content(file, packed(found.tensors))
        said = {
            "step": state.k,
            "seconds": self._recorder.seconds,
            "ended": ended,
            "lane": self._lane.record(),
            "program": self._known["hashes"]["program"],
        }
        entry = self._store.files[file]
        self._store.signed("checkpoint.json", {**said, "file": {"name": file, **entry}, "metrics": self._store.lines(), "tree": found.tree})
        if not self._known.get("checkpointed"):
            # From here on, a run without a checkpoint is damaged.
            self._known["checkpointed"] = True
            write_manifest(self._store, self._known)
        for path in old - {content}:
            path.unlink(missing_ok=True)
            self._store.files.pop(path.name, None)
        self._saved = time.perf_counter()
        self._last = self._saved - begin
        self._spent += self._last

    def _due(self, k: int) -> bool:
        if self.every is not None:
            return self.every > 0 and k % self.every == 0
        now = time.perf_counter()
        return now - self._saved >= _PAUSE and self._spent + self._last <= _SHARE * (now - self._begin)


def write_manifest(store: Store, known: Mapping[str, Any], *, ended: bool = False) -> None:
    """Write manifest.json with the checksums of the files that will not change: of all when the run has `ended`."""
    changing = () if ended else ("result.json", "metrics.jsonl", "report.txt", "checkpoint.json")
    own = {k: v for k, v in store.files.items() if k != "manifest.json" and k not in changing and (ended or not k.endswith(".safetensors"))}
    store.signed("manifest.json", {**known, "files": own})


@contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM call `stop`, which raises KeyboardInterrupt where it was called before.

    Only the main thread may say what signals do; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop()

    before: dict[signal.Signals, Any] = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
