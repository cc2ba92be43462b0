"""What the path of a small game says about how its run ended: it settles, circles, drifts, runs away or stays put.

The path is read in windows. The radius of a window is the root mean square distance from its mean; a path that settles
has shrinking windows, one that runs away growing ones, one that drifts has means in a row. What is left stays bounded:
it is a cycle if it returns to where it was after some period, or moves on smoothly without returning exactly, and noise
otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gamespec.run.result import Status

_WINDOWS = 8
_LEAST = 32
"""Fewer points say nothing."""

_STILL = 1e-9
"""Movement, relative to the size of the point, that counts as standing still."""

_TREND = 0.01
"""Change of the logarithm of the radius from first to last window that is more than the ripple of a cycle."""

_LEAST_CROSSINGS = 6
"""A smooth path that crosses its centre less often has not gone round three times."""

_RETURN = 0.05
"""Root mean square distance after one period, relative to the radius, that counts as having returned."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a path ends, in words and numbers; period is in points, None where it does not repeat exactly."""

    status: Status
    centre: tuple[float, ...] = ()
    radius: float = 0.0
    period: float | None = None
    rate: float = 0.0
    """Growth of the radius from one point to the next, as a logarithm; negative where it shrinks."""

    def __str__(self) -> str:
        """A sentence for the end of a run."""
        where = _shown(self.centre)
        if self.status is Status.CYCLING:
            repeats = f", once in {self.period:.4g} steps" if self.period else ""
            return f"cycles around {where} at a distance of about {self.radius:.3g}{repeats}"
        if self.status is Status.DIVERGING:
            return f"moves away from {where}, {math.expm1(self.rate):.2g} of its distance further at every step"
        if self.status is Status.DRIFTING:
            return f"drifts, last around {where}"
        if self.status is Status.STALLED:
            return f"stays within about {self.radius:.3g} of {where}" if self.radius else f"stands still at {where}"
        if self.status is Status.FINISHED:
            return f"is still settling around {where}" if self.rate < 0 else f"still moves, last around {where}"
        return f"is at {where}"


def diagnose(points: Sequence[Sequence[float]], residual: float | None = None, tol: float | None = None) -> Diagnosis:
    """Read the last points of a path, one for each step.

    Shapes: points is [steps, variables].
    """
    path = torch.tensor(points, dtype=torch.float64)
    if path.numel() == 0:
        return Diagnosis(Status.FINISHED)
    path = path.reshape(len(points), -1)
    if not bool(path.isfinite().all()):
        return Diagnosis(Status.NAN)
    met = residual is not None and tol is not None and residual <= tol
    if met or len(path) < _LEAST:
        return Diagnosis(Status.CONVERGED if met else Status.FINISHED, _tuple(path[-1]))
    if not _moves(path):
        return Diagnosis(Status.STALLED, _tuple(path[-1]))
    return _drift_or_trend(path) or _bounded(path)


def _moves(path: Tensor) -> bool:
    """Whether the last quarter of the path goes anywhere."""
    last = path[-max(len(path) // 4, 2) :]
    return float((last.amax(0) - last.amin(0)).amax()) > _STILL * (1.0 + float(last.abs().amax()))


def _windows(path: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Mean [w, n] and radius [w] of the last windows of this length."""
    count = min(len(path) // length, _WINDOWS)
    parts = path[-count * length :].reshape(count, length, -1)  # [w, length, n]
    means = parts.mean(1)  # [w, n]
    return means, (parts - means[:, None]).square().sum(-1).mean(1).sqrt()  # [w]


def _trend(radii: Tensor) -> float:
    """Change of log radius over all windows; 0 where it goes both ways or has all but stopped changing."""
    logs = radii.clamp_min(1e-300).log()
    changes = logs.diff()
    if not (bool((changes > 0).all()) or bool((changes < 0).all())):
        return 0.0
    half = len(changes) // 2
    early, late = float(changes[:half].sum().abs()), float(changes[-half:].sum().abs())
    # A path that nears a limit cycle changes less and less; one that settles or runs away keeps its rate.
    return 0.0 if late < 0.3 * early else float(logs[-1] - logs[0])


def _drift_or_trend(path: Tensor) -> Diagnosis | None:
    """Drifting, diverging or settling, where that is plain without knowing a period."""
    length = len(path) // _WINDOWS
    means, radii = _windows(path, length)
    trend = _trend(radii)
    rate = trend / (length * (_WINDOWS - 1))
    centre, radius = _tuple(means[-1]), float(radii[-1])
    if trend < -0.5:
        return Diagnosis(Status.FINISHED, centre, radius, rate=rate)
    if trend > 0.5:
        return Diagnosis(Status.DIVERGING, _tuple(means[0]), radius, rate=rate)
    hops = means.diff(dim=0)  # [w - 1, n]
    far = float((means[-1] - means[0]).norm())
    straight = far / max(float(hops.norm(dim=1).sum()), 1e-300)
    if straight > 0.9 and far > 4.0 * float(radii.mean()):
        return Diagnosis(Status.DRIFTING, centre, radius, rate=rate)
    return None


def _bounded(path: Tensor) -> Diagnosis:
    """A cycle, noise, or a trend that shows only over whole periods."""
    centre = path.mean(0)
    around = path - centre
    radius = float(around.square().sum(1).mean().sqrt())
    period, error = _period(around)
    if error < _RETURN:
        turns = max(int(len(path) / (_WINDOWS * period)), 1)
        length = round(turns * period)
        _, radii = _windows(path, length)
        trend = _trend(radii)
        if abs(trend) > _TREND:
            status = Status.FINISHED if trend < 0 else Status.DIVERGING
            return Diagnosis(status, _tuple(centre), float(radii[-1]), period, trend / (length * (len(radii) - 1)))
        return Diagnosis(Status.CYCLING, _tuple(centre), radius, period)
    if not _smooth(path):
        return Diagnosis(Status.STALLED, _tuple(centre), radius)
    status = Status.CYCLING if _crossings(around) >= _LEAST_CROSSINGS else Status.FINISHED
    return Diagnosis(status, _tuple(centre), radius)


def _period(around: Tensor) -> tuple[float, float]:
    """The shortest period after which the path is about where it was, and how far from there.

    Error: root mean square of p(t + period) - p(t), relative to the radius.
    Cost: O(steps^2 variables).
    """
    scale = float(around.square().sum(1).mean().sqrt())
    longest = len(around) // 3
    apart = [(around[k:] - around[:-k]).square().sum(1).mean().sqrt() for k in range(1, longest + 1)]
    errors = torch.stack(apart) / scale  # [longest]
    # Close in time is close in place: a period starts after the path was once far away.
    away = torch.nonzero(errors > 0.7)
    first = int(away[0]) if len(away) else longest
    if first >= longest - 1:
        return 1.0, math.inf
    best = first + int(errors[first:].argmin())
    near = first + int(torch.nonzero(errors[first:] <= max(1.5 * float(errors[best]), _RETURN))[0])
    # The first value within bounds lies on the slope of its valley: go down to the bottom.
    while near + 1 < longest and errors[near + 1] < errors[near]:
        near += 1
    # A period is seldom a whole number of points: several of them, where the path returns best, tell it more exactly.
    several = (best + 1) / max(round((best + 1) / (near + 1)), 1)
    return several, float(errors[near])


def _crossings(around: Tensor) -> int:
    """How often the path crosses its centre in the coordinate that moves most."""
    widest = around[:, int(around.square().mean(0).argmax())]
    return int((widest[1:] * widest[:-1] < 0).sum())


def _smooth(path: Tensor) -> bool:
    """Whether each displacement continues the one before, as no noise does."""
    hops = path.diff(dim=0)  # [t, n]
    turns = torch.nn.functional.cosine_similarity(hops[1:], hops[:-1], dim=1)  # [t - 1]
    return float(turns.mean()) > 0.8


def _tuple(point: Tensor) -> tuple[float, ...]:
    return tuple(float(x) for x in point)


def _shown(point: Sequence[float]) -> str:
    return "(" + ", ".join(f"{0.0 if abs(x) < 5e-7 else x:.4g}" for x in point) + ")"


def not_reached(diagnosis: Diagnosis, stationary: Sequence[float] | None) -> str:
    """The sentence on a cycle, with the stationary point that it went around."""
    said = f"the path {diagnosis}"
    if stationary is None:
        return said
    away = math.dist(stationary, diagnosis.centre) if len(stationary) == len(diagnosis.centre) else math.nan
    beside = f", {away:.3g} from the centre," if away > 0.05 * diagnosis.radius else ""
    return f"{said}; the stationary point {_shown(stationary)}{beside} was not reached"
