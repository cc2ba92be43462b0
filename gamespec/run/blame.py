"""Find the line of a program that makes the first number that is not finite."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gamespec.report.diagnostic import Diagnostic, Label
from gamespec.run.load import place

if TYPE_CHECKING:
    from gamespec.emit.program import Program
    from gamespec.run.contract import Emitted, State

_LIMIT = 5.0
"""Seconds that the search may take."""


class _NotFiniteError(Exception):
    """A number that is not finite, with the frames of the program that made it, outermost first."""

    def __init__(self, frames: list[tuple[int, int]], made_by: str) -> None:
        self.frames = frames
        self.made_by = made_by
        super().__init__(made_by)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # not annotated in torch; until 2027-11
    """Stops at the first operation that makes NaN, and remembers the first that makes infinity."""

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not annotated in torch; until 2027-11
        self._path = str(path.resolve())
        self.infinite: _NotFiniteError | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401  # as in torch; until 2027-11
        """Run the operation and look at its result."""
        out = func(*args, **(kwargs or {}))
        name = str(func).split(".")[1]
        given = list(_tensors(args))
        # Uninitialised memory may hold anything, and a constant is not computed.
        if not given or "empty" in name:
            return out
        made = list(_tensors(out))
        fed = any(t.isinf().any() for t in given)
        if any(t.isnan().any() for t in made) and not any(t.isnan().any() for t in given):
            # NaN out of infinity: the mistake is where that came from.
            raise (self.infinite if fed else None) or _NotFiniteError(self._frames(), name)
        if self.infinite is None and not fed and any(t.isinf().any() for t in made):
            self.infinite = _NotFiniteError(self._frames(), name)
        return out

    def _frames(self) -> list[tuple[int, int]]:
        walker: FrameType | None = sys._getframe()
        found = []
        while walker is not None:
            if walker.f_code.co_filename == self._path:
                found.append((walker.f_lineno, walker.f_code.co_firstlineno))
            walker = walker.f_back
        return found[::-1]


def _tensors(value: Any) -> Iterator[torch.Tensor]:  # noqa: ANN401  # whatever an operation takes or gives; until 2027-11
    """The real tensors inside."""
    if isinstance(value, torch.Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)


def not_finite(module: Emitted, state: State, program: Program, path: Path, steps: int) -> Diagnostic:
    """What to say of a run that met NaN: the last good state is stepped again, every operation watched."""
    frames, made_by = _search(module, state, path, steps)
    notes = (*((f"first made by `{made_by}`",) if made_by else ()), *_where(program, frames))
    label = Label(place(program, frames), "first seen here" if frames else "")
    return Diagnostic("GE702", "a number became NaN or infinite", label, notes=notes, hint="try a smaller rate")


def _where(program: Program, frames: list[tuple[int, int]]) -> tuple[str, ...]:
    """The player in whose objective it happened, and the term, as the program has it."""
    lines = program.text.splitlines()
    heads = [re.match(r"def (?:objective|metric)_(\w+)", lines[first - 1]) for _, first in frames if 0 < first <= len(lines)]
    players = tuple(f"in the objective of `{head[1]}`" for head in heads if head)[-1:]
    term = lines[frames[-1][0] - 1].strip() if frames else ""
    return (*players, *((f"in the program: {term}",) if term else ()))


def _search(module: Emitted, state: State, path: Path, steps: int) -> tuple[list[tuple[int, int]], str]:
    end = time.perf_counter() + _LIMIT
    advance = getattr(module, "advance", None)  # a loop over plain numbers, which runs on tensors as well
    for _ in range(steps):
        watch = _Watch(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                with torch.autograd.set_detect_anomaly(True), watch:
                    losses = module.step(state) if advance is None else advance(state, 1, plain=False)
            except _NotFiniteError as stop:
                return _forward(caught, path) or stop.frames, stop.made_by
            except Exception as stop:
                return _forward(caught, path), str(stop).split("'")[1] if "'" in str(stop) else ""
        if watch.infinite and not all(bool(loss.isfinite().all()) for loss in losses.values()):
            return watch.infinite.frames, watch.infinite.made_by
        if time.perf_counter() > end:
            break
    return [], ""


def _forward(caught: list[warnings.WarningMessage], path: Path) -> list[tuple[int, int]]:
    """Lines of the forward computation behind a failed derivative, as torch's anomaly mode tells them."""
    pattern = re.compile(rf'File "{re.escape(str(path.resolve()))}", line (\d+)')
    return [(int(n), int(n)) for w in caught for n in pattern.findall(str(w.message))]
