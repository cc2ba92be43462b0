"""How a small game would go on after its last step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from gamespec.run.result import Status
from gamespec.run.trajectory import Diagnosis, diagnose, not_reached

if TYPE_CHECKING:
    from gamespec.run.contract import Emitted, State

_TAIL = 2000
"""Steps of a small game that are watched one by one after its last, on a copy, to see where the path leads."""

_SLOW = 0.002
"""Seconds for one step from which on fewer are watched."""

_SMALL = 0.01
"""A cycle this small, relative to the way that led there, is an answer with a small error."""


def watched(module: Emitted, state: State, points: list[list[float]], pace: float) -> tuple[Status, str]:
    """How the path of a small game goes on, read from steps of a copy that the result does not see."""
    try:
        ahead = copy.deepcopy(state)
    except (RuntimeError, TypeError):
        ahead, tail = state, points
    else:
        tail = [list(module.point(ahead))]
        # Never longer than half a minute; where not even a few steps fit in, the path says nothing.
        for _ in range(min(_TAIL if pace < _SLOW else _TAIL // 5, int(30 / max(pace, 1e-9)))):
            module.step(ahead)
            tail.append(list(module.point(ahead)))
    residual = float(module.residual(ahead)) if module.TOL is not None else None
    found = diagnose(tail, residual, module.TOL)
    if found.status is Status.CONVERGED:
        return Status.FINISHED, "more steps reach the tolerance"
    if _is_answer(found, points) or (found.status is Status.STALLED and module.TOL is None):
        return Status.FINISHED, ""
    near = getattr(module, "stationary_near", None)
    stationary = near(list(found.centre)) if near and found.status is Status.CYCLING else None
    return found.status, not_reached(found, stationary)


def _is_answer(found: Diagnosis, points: list[list[float]]) -> bool:
    """Whether a cycle is only the last small error around a point that the path came to from far away."""
    if found.status is not Status.CYCLING or not points:
        return False
    way = max(sum((a - b) ** 2 for a, b in zip(p, found.centre, strict=True)) ** 0.5 for p in points)
    return bool(found.radius < _SMALL * way)
