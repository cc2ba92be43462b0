"""What is true of a whole closed-form game of few numbers: its minimax and maximin values, and all stationary points.

Everything is proved by intervals that round outward, or said to be undecided, with the width at which the search gave up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from gamespec.classify import interval
from gamespec.classify.answers import substitute
from gamespec.classify.bounds import Known
from gamespec.classify.bracket import Bracket, Surface, bracket, largest
from gamespec.classify.expand import Seat, seats
from gamespec.classify.facts import spell_float
from gamespec.classify.form import Form, Unfit, derivative, enclose, number
from gamespec.classify.interval import INF, Interval
from gamespec.classify.sets import every
from gamespec.classify.stationary import Search, Zero
from gamespec.classify.sums import sums
from gamespec.classify.tree import Tree
from gamespec.ir.game import Game
from gamespec.ir.walk import constrained

EFFORT = 30_000
"""Evaluations for one landscape: one or two seconds at most."""

OPEN = 8.0
"""How far stationary points are looked for where a variable has no bound."""

MOST = 4
"""Numbers in a game whose stationary points are looked for."""

Box = dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Kind:
    """A stationary point and what it is; `kinds` are proved, `open` could be neither proved nor refuted."""

    zero: Zero
    kinds: tuple[str, ...]
    open: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The point and its kinds."""
        place = ", ".join(spell_float(x) for x in self.zero.point.values())
        if not self.zero.sure:
            return f"({place}): undecided within {self.zero.width:.1g}"
        said = ", ".join(self.kinds) or ("" if self.open else "none")
        doubt = f"{'; ' if said else ''}undecided: {', '.join(self.open)}" if self.open else ""
        return f"({place}): {said}{doubt}"


@dataclass(frozen=True, slots=True)
class Landscape:
    """The values of a game and its stationary points. `names` orders the coordinates; `within` is where was searched.

    `minimax` and `maximin` are None for games that are not zero-sum between two numbers.
    """

    names: tuple[str, ...]
    minimax: Bracket | None
    maximin: Bracket | None
    points: tuple[Kind, ...]
    complete: bool
    within: str

    @property
    def saddle(self) -> bool | None:
        """Whether a saddle point exists, where that is known: False where the values are apart."""
        if any("saddle" in p.kinds for p in self.points):
            return True
        if self.minimax and self.maximin and self.maximin.value[1] < self.minimax.value[0]:
            return False
        return None

    def __str__(self) -> str:
        """As `gamec compare` prints it."""
        lines = []
        for name, found in (("minimax", self.minimax), ("maximin", self.maximin)):
            if found is not None and any(map(math.isfinite, found.value)):
                lines.append(f"{name} value in {_span(found.value)}{_leaders(found) if name == 'minimax' else ''}")
        if self.saddle is False:
            lines.append("no saddle point: the two values are apart")
        if self.points or self.complete:
            said = "all of them" if self.complete else "those found"
            lines.append(f"stationary points ({', '.join(self.names)}) {self.within}, {said}:")
            lines += [f"  {point}" for point in self.points] or ["  none"]
        return "\n".join(lines)


def _span(span: Interval) -> str:
    return f"[{span[0]:.9g}, {span[1]:.9g}]" if all(map(math.isfinite, span)) else f"[{span[0]:.4g}, {span[1]:.4g}]"


def _leaders(found: Bracket) -> str:
    if not 0 < len(found.leaders) <= 4 or not all(math.isfinite(x) for part in found.leaders for x in part):
        return ""
    return f", at {' or '.join(_span(part) for part in found.leaders)}"


def landscape(game: Game, effort: int = EFFORT) -> Landscape | None:
    """All that can be said of the whole game; None for games without a closed form, with constraints, or of many numbers."""
    if constrained(game):
        return None
    known, tree = Known(game), Tree(Tree(game).played())
    try:
        numbers = tuple(sorted(seats(tree.game), key=lambda seat: tree.levels[seat.node]))
    except Unfit:
        return None
    names = tuple(name for seat in numbers for name in seat.names)
    if len(numbers) < 2 or len(names) > MOST or (any(e.kind == "response" for e in tree.edges) and not _zero_sum(known, tree, numbers)):
        return None
    ranges = {name: known.place(name.partition("[")[0]).range for name in names}
    if not all(r.free for r in ranges.values()):
        return None
    box = {name: r.interval for name, r in ranges.items()}
    pair = _zero_sum(known, tree, numbers) and len(numbers) == 2
    low, high = brackets(numbers, box, effort // 3) if pair and len(names) == 2 else (None, None)
    points, complete = _points(numbers, box, effort // 3, pair=pair, order=not tree.block)
    if low is not None:
        points = tuple(_named(p, numbers, box, low, effort // 3) for p in points)
    open_ = [n for n in names if not all(map(math.isfinite, box[n]))]
    within = f"with |{'|, |'.join(open_)}| <= {OPEN:g}" if open_ else "of the box"
    return Landscape(names, low, high, points, complete, within)


def _named(point: Kind, numbers: tuple[Seat, ...], box: Box, best: Bracket, effort: int) -> Kind:
    """With "minimax" where the point solves the game in turn."""
    if not point.zero.sure or not _global(point.zero, numbers, box, best, effort):
        return point
    return replace(point, kinds=("minimax", *point.kinds))


def _zero_sum(known: Known, tree: Tree, numbers: tuple[Seat, ...]) -> bool:
    return bool(sums(known, tree, numbers).zero.verdict)


def brackets(numbers: tuple[Seat, ...], box: Box, effort: int) -> tuple[Bracket, Bracket]:
    """Minimax and maximin of two numbers, in terms of the cost of the one who lowers the objective."""
    first, second = numbers
    (u,), (v,) = first.names, second.names
    low = bracket(Surface(first.cost, (u, v), effort), (u, box[u]), (v, box[v]))
    high = bracket(Surface(-first.cost, (u, v), effort), (v, box[v]), (u, box[u]))
    return low, Bracket(interval.neg(high.value), high.leaders, high.answers)


def _global(zero: Zero, numbers: tuple[Seat, ...], box: Box, best: Bracket, effort: int) -> bool | None:
    """Whether the leader reaches the minimax value to within 1e-5, and the follower's answer is a best one."""
    first, second = numbers
    if not math.isfinite(best.width) or best.width > 1e-5:
        return None
    at = {n: (x, x) for n, x in zero.point.items()}
    (v,) = second.names
    top, _ = largest(Surface(first.cost, (v,), effort // 8), v, box[v], {n: s for n, s in at.items() if n != v}, 1e-7)
    here = enclose(first.cost, at)[0]
    return top <= best.value[0] + 1e-5 and here >= top - 1e-5


# ------------------------------------------------------------------ stationary points


def _points(numbers: tuple[Seat, ...], box: Box, effort: int, *, pair: bool, order: bool) -> tuple[tuple[Kind, ...], bool]:
    whole = {n: (max(lo, -OPEN), min(hi, OPEN)) for n, (lo, hi) in box.items()}
    try:
        field = {name: derivative(seat.cost, name) for seat in numbers for name in seat.names}
        search = Search(field, box | {n: whole[n] for n in box if not all(map(math.isfinite, box[n]))}, effort)
    except Unfit:
        return (), False
    search.whole = dict(whole)
    found = search.run()
    open_ = {n for n, (lo, hi) in box.items() if not (math.isfinite(lo) and math.isfinite(hi))}
    # A side that is only where the search ends is no side of the game.
    real = [z for z in found.points if not any(n in open_ and abs(z.point[n]) == OPEN for n in z.active)]
    return tuple(_kind(z, numbers, field, box, effort, pair=pair, order=order) for z in real), found.complete


def _kind(zero: Zero, numbers: tuple[Seat, ...], field: dict[str, Form], box: Box, effort: int, *, pair: bool, order: bool) -> Kind:
    if not zero.sure:
        return Kind(zero, ())
    here = dict(zero.box)
    kinds: list[str] = []
    doubt: list[str] = []

    def say(name: str, verdict: bool | None) -> None:
        if verdict:
            kinds.append(name)
        elif verdict is None:
            doubt.append(name)

    strict = _strict(zero, numbers, field, here)
    nash = every([*(definite(own_hessian(seat, zero.active, here)) for seat in numbers), strict])
    if pair and all(len(s.names) == 1 for s in numbers):
        say("saddle", False if nash is False else _saddle(numbers, zero, box, effort))
    say("local Nash", nash)
    if pair and order:
        say("local minimax", every([schur(numbers, zero.active, here), strict]))
    return Kind(zero, tuple(kinds), tuple(doubt))


def _strict(zero: Zero, numbers: tuple[Seat, ...], field: dict[str, Form], here: Box) -> bool | None:
    """Whether every variable at a side is surely kept there: pushed against it, or bent upwards where nothing pushes."""
    found: list[bool | None] = []
    for name in zero.active:
        lo, hi = enclose(field[name], here)
        alone = next(len(seat.names) == 1 for seat in numbers if name in seat.names)
        if not lo <= 0 <= hi:
            found.append(True)
        elif alone and all(a == b for a, b in here.values()) and _vanishes(field[name], here):
            found.append(definite([[enclose(derivative(field[name], name), here)]]))
        else:
            found.append(None)
    return every(found)


def _vanishes(slope: Form, here: Box) -> bool:
    """Whether a slope is exactly 0 at a point of floats."""
    try:
        return substitute(slope, {n: number(Fraction(x)) for n, (x, _) in here.items()}).constant == 0
    except Unfit:
        return False


def own_hessian(seat: Seat, held: tuple[str, ...], here: Box) -> list[list[Interval]]:
    """A player's own second derivatives in the numbers that are not held."""
    free = [n for n in seat.names if n not in held]
    return _hessian(seat.cost, free, free, here)


def _hessian(cost: Form, rows: list[str], columns: list[str], here: Box) -> list[list[Interval]]:
    return [[enclose(derivative(derivative(cost, a), b), here) for b in columns] for a in rows]


def definite(cells: list[list[Interval]], signs: list[int] | None = None) -> bool | None:
    """Whether elimination meets pivots of these signs (+1 without), so that the blocks are definite; None if unsure.

    Source: Sylvester's law of inertia, block by block (Horn and Johnson 2013, section 4.5).
    """
    rows = [list(row) for row in cells]
    for k, row in enumerate(rows):
        sign = signs[k] if signs else 1
        pivot = row[k] if sign > 0 else interval.neg(row[k])
        if pivot[0] <= 0:
            return False if pivot[1] < 0 else None
        over = interval.inverse(row[k])
        for i in range(k + 1, len(rows)):
            factor = interval.mul(rows[i][k], over)
            rows[i] = [interval.add(x, interval.neg(interval.mul(factor, y))) for x, y in zip(rows[i], row, strict=True)]
    return True


def schur(numbers: tuple[Seat, ...], held: tuple[str, ...], here: Box) -> bool | None:
    """Whether the follower's curvature is negative and what it leaves of the leader's is positive."""
    leader, follower = ([n for n in seat.names if n not in held] for seat in numbers)
    order = [*follower, *leader]
    return definite(_hessian(numbers[0].cost, order, order, here), [-1] * len(follower) + [1] * len(leader))


def _saddle(numbers: tuple[Seat, ...], zero: Zero, box: Box, effort: int) -> bool | None:
    """Whether neither of two numbers gains anywhere in its whole range, to within 1e-6; False where one surely does."""
    at = {n: (x, x) for n, x in zero.point.items()}
    verdict: bool | None = True
    for seat in numbers:
        (name,) = seat.names
        surface = Surface(-seat.cost, (name,), effort // 8)
        value = enclose(-seat.cost, at)
        span = (max(box[name][0], -OPEN), min(box[name][1], OPEN))
        top, point = largest(surface, name, span, {n: s for n, s in at.items() if n != name}, 1e-7)
        top = top if span == box[name] else INF
        # The point is the middle of a box that holds the stationary point: what it gains must outweigh that.
        reached = enclose(-seat.cost, {**at, name: (point, point)})[0]
        if reached > value[1] + 1e-5 + 100 * zero.width:
            return False
        if not top <= value[0] + 1e-6:
            verdict = None
    return verdict


__all__ = ["EFFORT", "Kind", "Landscape", "brackets", "definite", "landscape", "own_hessian", "schur"]
