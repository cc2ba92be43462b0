"""All stationary points of a small closed-form game on a box, each proved to exist and to be alone.

A point is stationary where every player's own slope vanishes, or pushes against the side of the box that it stands at.
Each face of the box is searched by branch and bound; Krawczyk's operator decides whether a part holds exactly one zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from gamespec.classify import interval
from gamespec.classify.form import Form, Unfit, derivative, enclose
from gamespec.classify.interval import Interval

Box = dict[str, Interval]
SMALLEST = 1e-5
"""Parts narrower than this are left undecided."""

_SPLIT = 0.4871
"""Where a part is cut: not in the middle, where zeros of symmetric games lie."""


@dataclass(frozen=True, slots=True)
class Zero:
    """A stationary point inside `box`; `active` are the variables that stand at a side of the whole box.

    `sure`: there is exactly one in the box. Otherwise nothing excludes one there.
    """

    box: tuple[tuple[str, Interval], ...]
    active: tuple[str, ...]
    sure: bool

    @property
    def point(self) -> dict[str, float]:
        """The middle of the box; zeros below the width of the box are written as 0."""
        return {name: _tidy(lo, hi) for name, (lo, hi) in self.box}

    @property
    def width(self) -> float:
        """The longest side of the box."""
        return max((hi - lo for _, (lo, hi) in self.box), default=0.0)


def _tidy(lo: float, hi: float) -> float:
    return 0.0 if lo <= 0 <= hi and hi - lo < 1e-6 else lo + (hi - lo) / 2


@dataclass(frozen=True, slots=True)
class Found:
    """The stationary points of a box, and whether these are all; `effort` is what is left of it."""

    points: tuple[Zero, ...]
    complete: bool


class Search:
    """A field of slopes, by variable, with its derivatives. Raises Unfit where there are none."""

    def __init__(self, field: Mapping[str, Form], whole: Mapping[str, Interval], effort: int) -> None:
        self.field, self.whole, self.effort = dict(field), dict(whole), effort
        self.slopes = {(a, b): derivative(form, b) for a, form in field.items() for b in field}

    def run(self) -> Found:
        """Every face of the box, the inside first."""
        names = list(self.field)
        sides: list[list[float | None]] = [[None, *(x for x in dict.fromkeys(self.whole[n]) if math.isfinite(x))] for n in names]
        found: list[Zero] = []
        complete = True
        for pick in itertools.product(*sides):
            fixed: Box = {n: (x, x) for n, x in zip(names, pick, strict=True) if x is not None}
            complete = self._face(fixed, found) and complete
        return Found(_merged(found), complete and all(z.sure for z in found))

    def _face(self, fixed: Box, found: list[Zero]) -> bool:
        free = [n for n in self.field if n not in fixed]
        todo: list[Box] = [{**{n: self.whole[n] for n in free}, **fixed}]
        covered: list[Box] = []
        while todo:
            if self.effort <= 0:
                return False
            box = todo.pop()
            if not self._possible(box, fixed) or any(_inside(box, other) for other in covered):
                continue
            if not free:
                found.append(Zero(self._ordered(box), tuple(fixed), sure=True))
                continue
            zone = self._alone(box, free)
            if zone is not None:
                outer, inner = zone
                covered.append(outer)
                if self._possible(inner, fixed) and all(_meet(inner[n], self.whole[n]) for n in free):
                    found.append(Zero(self._ordered(inner), tuple(fixed), sure=True))
                continue
            todo += self._cut(box, free, fixed, found)
        return True

    def _ordered(self, box: Box) -> tuple[tuple[str, Interval], ...]:
        return tuple((name, box[name]) for name in self.field)

    def _cut(self, box: Box, free: list[str], fixed: Box, found: list[Zero]) -> list[Box]:
        name = max(free, key=lambda n: box[n][1] - box[n][0])
        lo, hi = box[name]
        if hi - lo < SMALLEST:
            found.append(Zero(self._ordered(box), tuple(fixed), sure=False))
            return []
        middle = lo + (hi - lo) * _SPLIT
        return [{**box, name: (lo, middle)}, {**box, name: (middle, hi)}]

    def _possible(self, box: Box, fixed: Box) -> bool:
        """Whether a stationary point of this face may lie in the box."""
        self.effort -= len(self.field)
        known: dict[str, Interval] = {}
        for name, slope in self.field.items():
            lo, hi = enclose(slope, box, known)
            if name not in fixed:
                fits = lo <= 0 <= hi
            else:
                # At the lower side a cost must not fall inwards, at the upper side it must not rise.
                fits = (fixed[name][0] == self.whole[name][0] and hi >= 0) or (fixed[name][1] == self.whole[name][1] and lo <= 0)
            if not fits:
                return False
        return True

    def _alone(self, box: Box, free: list[str]) -> tuple[Box, Box] | None:
        """A box around this one with exactly one zero, and a narrow one that holds it; None where that is not shown."""
        wide: Box = dict(box)
        for n in free:
            lo, hi = box[n]
            wide[n] = (lo - 0.1 * (hi - lo) - 1e-12, hi + 0.1 * (hi - lo) + 1e-12)
        image = self._krawczyk(wide, free)
        if image is None or not all(wide[n][0] < image[n][0] and image[n][1] < wide[n][1] for n in free):
            return None
        inner = image
        for _ in range(12):
            image = self._krawczyk(inner, free)
            if image is None:
                break
            narrow = {**inner, **{n: (max(inner[n][0], image[n][0]), min(inner[n][1], image[n][1])) for n in free}}
            if any(lo > hi for lo, hi in narrow.values()):
                break
            inner = narrow
        return wide, inner

    def _krawczyk(self, box: Box, free: list[str]) -> Box | None:
        """K(X) = c - Y f(c) + (1 - Y J(X)) (X - c), with Y near the inverse of J in the middle."""
        self.effort -= len(free) * (len(free) + 1)
        centre = {**box, **{n: (m := box[n][0] + (box[n][1] - box[n][0]) / 2, m) for n in free}}
        known: dict[str, Interval] = {}
        cells = [[enclose(self.slopes[a, b], box, known) for b in free] for a in free]
        if not all(math.isfinite(x) for row in cells for cell in row for x in cell):
            return None
        over = inverse([[(lo + hi) / 2 for lo, hi in row] for row in cells])
        if over is None:
            return None
        values = [enclose(self.field[a], centre) for a in free]
        found: Box = {n: s for n, s in box.items() if n not in free}
        for i, n in enumerate(free):
            total = interval.add(centre[n], interval.neg(_weighted(over[i], values)))
            for j, other in enumerate(free):
                product = _weighted(over[i], [row[j] for row in cells])
                rest = interval.add((float(i == j),) * 2, interval.neg(product))
                away = interval.add(box[other], interval.neg(centre[other]))
                total = interval.add(total, interval.mul(rest, away))
            found[n] = total
        return found


def _weighted(weights: list[float], parts: list[Interval]) -> Interval:
    total: Interval = (0.0, 0.0)
    for weight, part in zip(weights, parts, strict=True):
        total = interval.add(total, interval.mul((weight, weight), part))
    return total


def inverse(a: list[list[float]]) -> list[list[float]] | None:
    """The inverse by Gauss and Jordan, nearly; None where a is all but singular."""
    n = len(a)
    rows = [[*map(float, row), *(float(i == j) for j in range(n))] for i, row in enumerate(a)]
    size = max(abs(x) for row in a for x in row) or 1.0
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        if abs(rows[pivot][k]) < 1e-9 * size:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def _meet(a: Interval, b: Interval) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


def _inside(box: Box, other: Box) -> bool:
    return all(other[n][0] <= lo and hi <= other[n][1] for n, (lo, hi) in box.items())


def _merged(found: list[Zero]) -> tuple[Zero, ...]:
    """Points whose boxes meet, as one: the sure one where there is one, else the hull of all."""
    groups: list[list[Zero]] = []
    for zero in found:
        near = [g for g in groups if any(_near(zero, other) for other in g)]
        groups = [g for g in groups if g not in near] + [[zero, *(z for g in near for z in g)]]
    return tuple(sorted((_one(g) for g in groups), key=lambda z: tuple(z.point.values())))


def _near(a: Zero, b: Zero) -> bool:
    there = dict(b.box)
    return all(_meet((lo - 1e-9, hi + 1e-9), there[n]) for n, (lo, hi) in a.box)


def _one(group: list[Zero]) -> Zero:
    sure = [z for z in group if z.sure]
    if len(sure) == len(group):
        return max(sure, key=lambda z: len(z.active))
    hull = dict(group[0].box)
    for zero in group:
        hull = {n: interval.hull(hull[n], span) for n, span in zero.box}
    return Zero(tuple(hull.items()), max((z.active for z in group), key=len), sure=False)


__all__ = ["Found", "Search", "Unfit", "Zero", "inverse"]
