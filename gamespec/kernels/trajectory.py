"""What the path of a small game says about how its run ended: it settles, circles, drifts, runs away or stays put.

The path is read in windows. The radius of a window is the root mean square distance from its mean; a path that settles
has shrinking windows, one that runs away growing ones, one that drifts has means in a row. What is left stays bounded:
it is a cycle if it returns to where it was after some period, or moves on smoothly without returning exactly, and noise
otherwise.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Diagnosis(NamedTuple):
    """How a path ends, in words and numbers; period is in points, None where it does not repeat exactly."""

    status: str
    centre: tuple[float, ...] = ()
    radius: float = 0.0
    period: float | None = None
    rate: float = 0.0
    """Growth of the radius from one point to the next, as a logarithm; negative where it shrinks."""

    def __str__(self) -> str:
        """A sentence for the end of a run."""
        where = shown_point(self.centre)
        if self.status == "cycling":
            repeats = f", once in {self.period:.4g} steps" if self.period else ""
            return f"cycles around {where} at a distance of about {self.radius:.3g}{repeats}"
        if self.status == "diverging":
            return f"moves away from {where}, {math.expm1(self.rate):.2g} of its distance further at every step"
        if self.status == "drifting":
            return f"drifts, last around {where}"
        if self.status == "stalled":
            return f"stays within about {self.radius:.3g} of {where}" if self.radius else f"stands still at {where}"
        if self.status == "finished":
            return f"is still settling around {where}" if self.rate < 0 else f"still moves, last around {where}"
        return f"is at {where}"


def diagnose(points: Sequence[Sequence[float]], residual: float | None = None, tol: float | None = None) -> Diagnosis:
    """Read the last points of a path, one for each step; fewer than 32 say nothing.

    Shapes: points is [steps, variables].
    """
    path = torch.tensor(points, dtype=torch.float64)
    if path.numel() == 0:
        return Diagnosis("finished")
    path = path.reshape(len(points), -1)
    if not bool(path.isfinite().all()):
        return Diagnosis("nan")
    met = residual is not None and tol is not None and residual <= tol
    if met or len(path) < 32:
        return Diagnosis("converged" if met else "finished", as_floats(path[-1]))
    if not path_moves(path):
        return Diagnosis("stalled", as_floats(path[-1]))
    return path_trend(path) or path_bounded(path)


def path_moves(path: Tensor) -> bool:
    """Whether the last quarter of the path goes anywhere, relative to the size of the point."""
    last = path[-max(len(path) // 4, 2) :]
    return float((last.amax(0) - last.amin(0)).amax()) > 1e-9 * (1.0 + float(last.abs().amax()))


def path_windows(path: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Mean [w, n] and radius [w] of the last windows of this length."""
    count = min(len(path) // length, 8)
    parts = path[-count * length :].reshape(count, length, -1)  # [w, length, n]
    means = parts.mean(1)  # [w, n]
    return means, (parts - means[:, None]).square().sum(-1).mean(1).sqrt()  # [w]


def log_trend(radii: Tensor) -> float:
    """Change of log radius over all windows; 0 where it goes both ways or has all but stopped changing."""
    logs = radii.clamp_min(1e-300).log()
    changes = logs.diff()
    if not (bool((changes > 0).all()) or bool((changes < 0).all())):
        return 0.0
    half = len(changes) // 2
    early, late = float(changes[:half].sum().abs()), float(changes[-half:].sum().abs())
    # A path that nears a limit cycle changes less and less; one that settles or runs away keeps its rate.
    return 0.0 if late < 0.3 * early else float(logs[-1] - logs[0])


def path_trend(path: Tensor) -> Diagnosis | None:
    """Drifting, diverging or settling, where that is plain without knowing a period."""
    length = len(path) // 8
    means, radii = path_windows(path, length)
    trend = log_trend(radii)
    rate = trend / (length * 7)
    centre, radius = as_floats(means[-1]), float(radii[-1])
    if trend < -0.5:
        return Diagnosis("finished", centre, radius, rate=rate)
    if trend > 0.5:
        return Diagnosis("diverging", as_floats(means[0]), radius, rate=rate)
    hops = means.diff(dim=0)  # [w - 1, n]
    far = float((means[-1] - means[0]).norm())
    straight = far / max(float(hops.norm(dim=1).sum()), 1e-300)
    if straight > 0.9 and far > 4.0 * float(radii.mean()):
        return Diagnosis("drifting", centre, radius, rate=rate)
    return None


def path_bounded(path: Tensor) -> Diagnosis:
    """A cycle, noise, or a trend that shows only over whole periods."""
    centre = path.mean(0)
    around = path - centre
    radius = float(around.square().sum(1).mean().sqrt())
    period, error = path_period(around)
    if error < 0.05:
        turns = max(int(len(path) / (8 * period)), 1)
        length = round(turns * period)
        _, radii = path_windows(path, length)
        trend = log_trend(radii)
        if abs(trend) > 0.01:  # more than the ripple of a cycle
            status = "finished" if trend < 0 else "diverging"
            return Diagnosis(status, as_floats(centre), float(radii[-1]), period, trend / (length * (len(radii) - 1)))
        return Diagnosis("cycling", as_floats(centre), radius, period)
    if not path_smooth(path):
        return Diagnosis("stalled", as_floats(centre), radius)
    # Fewer crossings of the centre are fewer than three turns.
    status = "cycling" if path_crossings(around) >= 6 else "finished"
    return Diagnosis(status, as_floats(centre), radius)


def path_period(around: Tensor) -> tuple[float, float]:
    """The shortest period after which the path is about where it was, and how far from there; 0.05 counts as having returned.

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
    near = first + int(torch.nonzero(errors[first:] <= max(1.5 * float(errors[best]), 0.05))[0])
    # The first value within bounds lies on the slope of its valley: go down to the bottom.
    while near + 1 < longest and errors[near + 1] < errors[near]:
        near += 1
    # A period is seldom a whole number of points: several of them, where the path returns best, tell it more exactly.
    several = (best + 1) / max(round((best + 1) / (near + 1)), 1)
    return several, float(errors[near])


def path_crossings(around: Tensor) -> int:
    """How often the path crosses its centre in the coordinate that moves most."""
    widest = around[:, int(around.square().mean(0).argmax())]
    return int((widest[1:] * widest[:-1] < 0).sum())


def path_smooth(path: Tensor) -> bool:
    """Whether each displacement continues the one before, as no noise does."""
    hops = path.diff(dim=0)  # [t, n]
    turns = torch.nn.functional.cosine_similarity(hops[1:], hops[:-1], dim=1)  # [t - 1]
    return float(turns.mean()) > 0.8


def as_floats(point: Tensor) -> tuple[float, ...]:
    """The numbers of a point. Shapes: point is [variables]."""
    return tuple(float(x) for x in point)


def shown_point(point: Sequence[float]) -> str:
    """A point for a sentence; what is all but 0 is 0."""
    return "(" + ", ".join(f"{0.0 if abs(x) < 5e-7 else x:.4g}" for x in point) + ")"


def cycle_said(diagnosis: Diagnosis, stationary: Sequence[float] | None) -> str:
    """The sentence on a cycle, with the stationary point that it went around."""
    said = f"the path {diagnosis}"
    if stationary is None:
        return said
    away = math.dist(stationary, diagnosis.centre) if len(stationary) == len(diagnosis.centre) else math.nan
    beside = f", {away:.3g} from the centre," if away > 0.05 * diagnosis.radius else ""
    return f"{said}; the stationary point {shown_point(stationary)}{beside} was not reached"


def path_ending(
    s: Any,  # noqa: ANN401  # the state of any program; until 2027-11
    step: Callable[[Any], object],
    point: Callable[[Any], list[float]],
    residual: Callable[[Any], Tensor],
    tol: float | None,
    entries: list[dict[str, Any]],
    reports: list[list[float]],
    near: Callable[[list[float]], list[float] | None] | None,
    tail: int,
) -> tuple[str, str]:
    """How a run that made all its steps ended, a word and a sentence, read from `tail` more steps of a copy of s.

    It has finished where something was checked, `entries`, and all of it held. `reports` are the points at the reports of
    the run, `near` finds a stationary point.
    A cycle a hundred times smaller than the way that led there is an answer with a small error.
    Shapes: points are [variables].
    """
    if any(entry["ok"] for entry in entries) and all(entry["ok"] is not False for entry in entries):
        return "finished", ""
    try:
        ahead = copy.deepcopy(s)
    except (RuntimeError, TypeError):
        ahead, path = s, reports
    else:
        path = [point(ahead)]
        for _ in range(tail):
            step(ahead)
            path.append(point(ahead))
    found = diagnose(path, None if tol is None else float(residual(ahead)), tol)
    if found.status == "converged":
        return "finished", "more steps reach the tolerance"
    cycling = found.status == "cycling"
    small = cycling and reports and found.radius < 0.01 * max(math.dist(p, found.centre) for p in reports)
    if small or (found.status == "stalled" and tol is None):
        return "finished", ""
    return found.status, cycle_said(found, near(list(found.centre)) if near and cycling else None)
