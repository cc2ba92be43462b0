"""Whether a matrix of closed forms is positive semidefinite all over a box: proved, refuted at a point, or open.

Proofs cut the box into parts and bound the matrix on each by intervals that round outward. Refutations are points where
the matrix is negative in some direction by the same intervals. The effort is counted, not timed, so that a verdict does
not depend on the machine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gamespec.classify import interval, matrix
from gamespec.classify.form import Form, Unfit, defined, derivative, enclose
from gamespec.classify.interval import INF, Interval

PARTS = 200
POINTS = 81
TERMS = 12_000
"""How many terms are bounded for one verdict at most: long forms get fewer parts and points."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values of one number, None where a side is open.

    `free`: it may take each of them whatever the other numbers are; `solid`: the set has an interior.
    """

    lo: Fraction | None = None
    hi: Fraction | None = None
    free: bool = True
    solid: bool = True

    @property
    def interval(self) -> Interval:
        """The values as floats, outward."""
        lo = -INF if self.lo is None else interval.exact(self.lo)[0]
        return lo, INF if self.hi is None else interval.exact(self.hi)[1]

    def trial(self) -> tuple[Fraction, ...]:
        """Five values to try, the ends among them."""
        lo, hi = self.lo, self.hi
        if lo is None:
            lo = Fraction(-2) if hi is None else hi - 4
        if hi is None:
            hi = lo + 4
        return tuple(lo + (hi - lo) * Fraction(k, 4) for k in (2, 0, 4, 1, 3))


Ranges = Mapping[str, Range]
Forms = tuple[tuple[Form, ...], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Positive semidefinite? `bound` is below every eigenvalue; `constant` where the matrix is one of numbers."""

    holds: bool | None
    bound: Fraction = Fraction(0)
    constant: bool = False
    point: tuple[tuple[str, Fraction], ...] = ()
    value: float = 0.0


def hessian(cost: Form, names: tuple[str, ...]) -> Forms:
    """The second derivatives. Raises Unfit at kinks."""
    slopes = [derivative(cost, name) for name in names]
    return tuple(tuple(derivative(slope, name) for name in names) for slope in slopes)


def negative(forms: Forms) -> Forms:
    """The matrix times -1."""
    return tuple(tuple(-f for f in row) for row in forms)


def decide(forms: Forms, ranges: Ranges, within: tuple[Form, ...] = ()) -> Verdict:
    """The verdict for a symmetric matrix of forms, where `within` are the functions that must have values."""
    involved = frozenset().union(*(f.names for row in forms for f in row))
    numbers = [[f.constant for f in row] for row in forms]
    solid = all(r.solid for r in ranges.values())
    if not involved and all(x is not None for row in numbers for x in row):
        whole = [[x or Fraction(0) for x in row] for row in numbers]
        bound = matrix.least(whole)
        holds: bool | None = True if matrix.semidefinite(whole) else (False if solid else None)
        return Verdict(holds, max(bound, Fraction(0)) if holds else bound, constant=True, value=float(bound))
    lowest, refuted = _try_points(forms, ranges, within)
    if refuted is not None:
        return refuted
    start = {name: ranges[name].interval for name in set().union(involved, *(f.names for f in within))}
    if not all(defined(f, start) for f in within) or not _covered(forms, start, Fraction(0)):
        return Verdict(None)
    margin = Fraction(lowest / 2).limit_denominator(100) if 0 < lowest < 1e6 else Fraction(0)
    strong = margin > 0 and _covered(forms, start, margin)
    return Verdict(True, margin if strong else Fraction(0))


def _points(ranges: Ranges, names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Points to try: first all middles, then every combination of some values, at most `POINTS`."""
    per = 5 if len(names) <= 2 else (3 if len(names) <= 4 else 2)
    trials = [ranges[name].trial()[:per] for name in names]
    for values in itertools.islice(itertools.product(*trials), POINTS):
        yield dict(zip(names, values, strict=True))


def _try_points(forms: Forms, ranges: Ranges, within: tuple[Form, ...]) -> tuple[float, Verdict | None]:
    """The smallest eigenvalue met at some points, nearly, and the refutation where one was found."""
    names = sorted(set().union(*(f.names for row in forms for f in row), *(f.names for f in within)))
    free = all(r.free for r in ranges.values())
    lowest = INF
    for point in itertools.islice(_points(ranges, names), _effort(POINTS, forms)):
        box = {name: interval.exact(value) for name, value in point.items()}
        cells = _cells(forms, box)
        if not all(math.isfinite(x) for row in cells for cell in row for x in cell):
            continue
        guess, direction = matrix.smallest([[(lo + hi) / 2 for lo, hi in row] for row in cells])
        if guess < lowest:
            lowest = guess
        if free and guess < 0 and _along(cells, direction)[1] < 0 and all(defined(f, box) for f in within):
            return guess, Verdict(False, point=tuple(point.items()), value=guess)
    return lowest, None


def _cells(forms: Forms, box: Mapping[str, Interval]) -> list[list[Interval]]:
    known: dict[str, Interval] = {}
    return [[enclose(f, box, known) for f in row] for row in forms]


def _along(cells: list[list[Interval]], direction: list[float]) -> Interval:
    """The quadratic form of a direction."""
    total = (0.0, 0.0)
    for row, x in zip(cells, direction, strict=True):
        for cell, y in zip(row, direction, strict=True):
            total = interval.add(total, interval.mul(cell, interval.mul((x, x), (y, y))))
    return total


def _covered(forms: Forms, start: Mapping[str, Interval], margin: Fraction) -> bool:
    """Whether cutting the box into at most `PARTS` parts shows that no eigenvalue lies below the margin."""
    shifted = tuple(tuple(_cell(f, margin, same=i == j) for j, f in enumerate(row)) for i, row in enumerate(forms))
    try:
        turn = shifted[0][0] * shifted[1][1] - shifted[0][1] * shifted[1][0] if len(forms) == 2 else None
    except Unfit:
        turn = None
    todo = [dict(start)]
    for _ in range(_effort(PARTS, shifted)):
        if not todo:
            return True
        box = todo.pop()
        if not _positive(_cells(shifted, box), None if turn is None else enclose(turn, box)):
            halves = _halves(box)
            if halves is None:
                return False
            todo += halves
    return not todo


def _effort(most: int, forms: Forms) -> int:
    terms = sum(len(f.terms) for row in forms for f in row)
    return max(8, min(most, TERMS // (1 + terms)))


def _cell(f: Form, margin: Fraction, *, same: bool) -> Form:
    """A cell of the matrix minus a multiple of the identity."""
    return f - Form((((), margin),)) if same and margin else f


def _positive(cells: list[list[Interval]], turn: Interval | None) -> bool:
    """Whether all symmetric matrices with these cells are positive semidefinite (a proof; False is no refutation)."""
    if any(row[k][0] < 0 for k, row in enumerate(cells)):
        return False
    if len(cells) == 1 or (turn is not None and turn[0] >= 0):
        return True
    if not all(math.isfinite(x) for row in cells for cell in row for x in cell):
        return False
    middle = [[(Fraction(a) + Fraction(b)) / 2 for a, b in row] for row in cells]
    spread = max(sum(((Fraction(b) - Fraction(a)) / 2 for a, b in row), Fraction(0)) for row in cells)
    return matrix.semidefinite(matrix.shifted(middle, spread))


def _halves(box: dict[str, Interval]) -> list[dict[str, Interval]] | None:
    """The two halves of a box, cut across its longest side; None where it is too small to cut."""
    name = max(sorted(box), key=lambda n: min(box[n][1] - box[n][0], 1e300))
    lo, hi = box[name]
    middle = _middle(lo, hi)
    if not lo < middle < hi:
        return None
    return [{**box, name: (lo, middle)}, {**box, name: (middle, hi)}]


def _middle(lo: float, hi: float) -> float:
    if lo == -INF:
        return 0.0 if hi > 0 else 2 * hi - 1
    if hi == INF:
        return 0.0 if lo < 0 else 2 * lo + 1
    return lo + (hi - lo) / 2


def bent(cost: Form, names: tuple[str, ...], ranges: Ranges) -> tuple[tuple[str, Fraction], ...]:
    """A point where the cost lies above the middle of its values at two others; empty if none is met."""
    everyone = sorted(cost.names | set(names))
    if not all(ranges[name].free for name in everyone):
        return ()
    for point in _points(ranges, everyone):
        for name in names:
            for reach in (Fraction(1, 2), Fraction(1, 4)):
                if _above(cost, point, name, ranges[name].trial(), reach):
                    return tuple(point.items())
    return ()


def _above(cost: Form, point: dict[str, Fraction], name: str, trial: tuple[Fraction, ...], reach: Fraction) -> bool:
    step = (max(trial) - min(trial)) * reach
    ends = [point[name] - step, point[name] + step]
    if min(ends) < min(trial) or max(ends) > max(trial):
        return False
    boxes = [{n: interval.exact(v) for n, v in {**point, name: value}.items()} for value in (point[name], *ends)]
    if not all(defined(cost, box) for box in boxes):
        return False
    middle, left, right = (enclose(cost, box) for box in boxes)
    return interval.add(interval.mul((2.0, 2.0), middle), interval.neg(interval.add(left, right)))[0] > 0
