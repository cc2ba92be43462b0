"""Proved brackets of the minimax value of two numbers on a box, by branch and bound on intervals that round outward.

min over u of max over v of f is at most max over v of f(u0, v) for any u0, and on a part C of the leader's interval it is
at least min over C of f(., v0) for any v0. Parts with the least lower bound are halved until the two bounds meet or the
effort is spent; effort counts evaluations, so that a bracket does not depend on the machine.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

from gamespec.classify import interval
from gamespec.classify.form import Form, Unfit, defined, derivative, enclose
from gamespec.classify.interval import INF, Interval

GRID = 16
"""Points of an interval at which a best answer is first looked for."""


@dataclass
class Surface:
    """A form in some variables with its slopes; it counts its evaluations and knows how many are allowed."""

    form: Form
    names: tuple[str, ...]
    effort: int
    slopes: dict[str, Form | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Slopes by variable, None at kinks."""
        for name in self.names:
            try:
                self.slopes[name] = derivative(self.form, name)
            except Unfit:
                self.slopes[name] = None

    @property
    def spent(self) -> bool:
        """Whether no evaluation is left."""
        return self.effort <= 0

    def over(self, box: dict[str, Interval]) -> Interval:
        """An enclosure on a box: the natural one cut with the one around the middle (Moore 1979, section 6.3)."""
        self.effort -= 1
        lo, hi = enclose(self.form, box)
        wide = [name for name in self.names if box[name][0] < box[name][1]]
        slopes = [self.slopes[name] for name in wide]
        if not wide or any(s is None for s in slopes) or not all(math.isfinite(x) for name in wide for x in box[name]):
            return lo, hi
        self.effort -= 1 + len(wide)
        centre = {**box, **{name: _point(_middle(box[name])) for name in wide}}
        total = enclose(self.form, centre)
        known: dict[str, Interval] = {}
        for name, slope in zip(wide, slopes, strict=True):
            if slope is not None:
                away = interval.add(box[name], interval.neg(centre[name]))
                total = interval.add(total, interval.mul(enclose(slope, box, known), away))
        return max(lo, total[0]), min(hi, total[1])

    def near(self, point: dict[str, float]) -> float:
        """The value at a point, nearly."""
        self.effort -= 1
        lo, hi = enclose(self.form, {name: _point(x) for name, x in point.items()})
        return (lo + hi) / 2


def _middle(span: Interval) -> float:
    lo, hi = span
    if math.isinf(lo):
        return 0.0 if hi > 0 else 2 * hi - 1
    if math.isinf(hi):
        return 0.0 if lo < 0 else 2 * lo + 1
    return lo + (hi - lo) / 2


def _point(x: float) -> Interval:
    return x, x


@dataclass(frozen=True, slots=True)
class Bracket:
    """The minimax value lies in `value`; every minimax choice of the leader in one of `leaders`, where those are known.

    `answers` are points of the follower that are best, nearly, somewhere near those choices.
    """

    value: Interval
    leaders: tuple[Interval, ...] = ()
    answers: tuple[float, ...] = ()

    @property
    def width(self) -> float:
        """How far the bounds are apart."""
        return self.value[1] - self.value[0]


def largest(surface: Surface, name: str, span: Interval, at: dict[str, Interval], tol: float) -> tuple[float, float]:
    """An upper bound of the surface along one variable, and a point where it is nearly reached.

    The bound is within `tol` of the maximum unless the effort is spent.
    """
    where = {n: _middle(s) for n, s in at.items()}
    best = max((surface.near({**where, name: t}), t) for t in points(span))
    best = max(best, _climb(surface, name, _clipped(span), where, best))
    if not all(map(math.isfinite, span)):
        return INF, best[1]
    todo = [(-surface.over({**at, name: span})[1], span)]
    floor = -INF
    while todo and not surface.spent:
        top, part = heapq.heappop(todo)
        if -top <= best[0] + tol:
            return max(-top, floor), best[1]
        middle = _middle(part)
        if not part[0] < middle < part[1]:
            floor = max(floor, -top)
            continue
        for half in ((part[0], middle), (middle, part[1])):
            heapq.heappush(todo, (-surface.over({**at, name: half})[1], half))
        best = max(best, (surface.near({**where, name: middle}), middle))
    return max(-todo[0][0] if todo else -INF, floor), best[1]


def _clipped(span: Interval) -> Interval:
    """Where points are tried in a range that has no end."""
    return max(span[0], min(-4.0, span[1] - 8)), min(span[1], max(4.0, span[0] + 8))


def points(span: Interval) -> list[float]:
    """Evenly spaced points, the ends among them."""
    span = _clipped(span)
    return [span[0], *(span[0] + (span[1] - span[0]) * k / GRID for k in range(1, GRID)), span[1]]


def _climb(surface: Surface, name: str, span: Interval, where: dict[str, float], best: tuple[float, float]) -> tuple[float, float]:
    """The best point moved to the top of its hill by thirds."""
    reach = (span[1] - span[0]) / GRID
    lo, hi = max(span[0], best[1] - reach), min(span[1], best[1] + reach)
    for _ in range(18):
        a, b = lo + (hi - lo) / 3, hi - (hi - lo) / 3
        if surface.near({**where, name: a}) < surface.near({**where, name: b}):
            lo = a
        else:
            hi = b
    middle = _middle((lo, hi))
    return surface.near({**where, name: middle}), middle


def bracket(surface: Surface, leader: tuple[str, Interval], follower: tuple[str, Interval], tol: float = 1e-6, enough: float = INF) -> Bracket:
    """Bounds of min over the leader of max over the follower; infinite where nothing is known.

    `tol` is the width at which the search is content, `enough` a lower bound at which it is.
    """
    (u, us), (v, vs) = leader, follower
    rough = INF if enough < INF or not all(map(math.isfinite, vs)) else tol
    if not defined(surface.form, {u: us, v: vs}):
        return Bracket((-INF, INF))
    answers: list[float] = []
    high = INF
    for start in points(us)[:: GRID // 4]:
        top, answer = largest(surface, v, vs, {u: _point(start)}, rough)
        high = min(high, top)
        _remember(answers, answer, vs)
    answers = answers or points(vs)[:: GRID // 4]
    todo = [(*_floor(surface, (u, us), v, answers, vs), us)]
    while todo and not surface.spent:
        low, where, part = heapq.heappop(todo)
        if high - low <= tol or low > enough or (low == -INF and len(todo) > 60):
            heapq.heappush(todo, (low, where, part))
            break
        middle = _middle(part)
        if not part[0] < middle < part[1]:
            return Bracket((low, high), answers=tuple(answers))
        top, answer = largest(surface, v, vs, {u: _point(middle)}, max(rough, tol, (high - low) / 8))
        high = min(high, top)
        _remember(answers, answer, vs)
        for half in ((part[0], middle), (middle, part[1])):
            floor, best = _floor(surface, (u, half), v, [answer, where, *answers[-6:]], vs)
            heapq.heappush(todo, (max(floor, low), best, half))
    if enough < INF:
        return Bracket((min((low for low, _, _ in todo), default=high), high), answers=tuple(answers))
    alive = _sharpened(surface, leader, follower, [(where, part) for low, where, part in todo if low <= high], high, answers)
    return Bracket((min((low for low, _, _ in todo), default=high), high), _joined(alive), tuple(answers))


def _sharpened(
    surface: Surface,
    leader: tuple[str, Interval],
    follower: tuple[str, Interval],
    alive: list[tuple[float, Interval]],
    high: float,
    answers: list[float],
) -> list[Interval]:
    """Parts that may hold a minimax choice, halved until they are a thousandth of the whole, at most 500 times."""
    (u, us), (v, vs) = leader, follower
    narrow = 1e-3 * (us[1] - us[0]) if math.isfinite(us[1] - us[0]) else 1e-2
    done: list[Interval] = []
    for _ in range(500):
        if not alive or surface.spent:
            break
        where, part = alive.pop()
        if part[1] - part[0] <= narrow:
            done.append(part)
            continue
        middle = _middle(part)
        answer = largest(surface, v, vs, {u: _point(middle)}, INF)[1]
        for half in ((part[0], middle), (middle, part[1])):
            floor, best = _floor(surface, (u, half), v, [where, answer, *answers[-4:]], vs)
            if floor <= high:
                alive.append((best, half))
    return sorted([*done, *(part for _, part in alive)])


def _remember(answers: list[float], answer: float, span: Interval) -> None:
    near = 1e-3 * (span[1] - span[0]) if math.isfinite(span[1] - span[0]) else 1e-3
    if all(abs(answer - other) > near for other in answers):
        answers.append(answer)


def _floor(surface: Surface, part: tuple[str, Interval], v: str, answers: list[float], span: Interval) -> tuple[float, float]:
    """The best lower bound on a part of the leader's interval, and the answer that gives it."""
    found = (-INF, _middle(span) if math.isfinite(span[1] - span[0]) else 0.0)
    for answer in dict.fromkeys(answers):
        box = {part[0]: part[1], v: _point(answer)}
        floor = surface.over(box)[0]
        found = max(found, (floor if floor > -INF else _tail(surface, part[0], box), answer))
    return found


def _tail(surface: Surface, u: str, box: dict[str, Interval]) -> float:
    """A lower bound on a part without end: the value at its one end where the form is convex and rises from there."""
    lo, hi = box[u]
    slope = surface.slopes[u]
    end = lo if math.isfinite(lo) else hi
    if slope is None or math.isinf(end):
        return -INF
    try:
        bend = derivative(slope, u)
    except Unfit:
        return -INF
    at = {**box, u: _point(end)}
    surface.effort -= 3
    away = enclose(slope, at)
    outward = away[0] >= 0 if math.isfinite(lo) else away[1] <= 0
    return enclose(surface.form, at)[0] if outward and enclose(bend, box)[0] >= 0 else -INF


def _joined(parts: list[Interval]) -> tuple[Interval, ...]:
    """Parts that touch, as one."""
    found: list[Interval] = []
    for part in parts:
        if found and part[0] <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], part[1]))
        else:
            found.append(part)
    return tuple(found)
