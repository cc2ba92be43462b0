"""Whether two numbers against each other have a saddle point, decided on the whole of their sets.

Three ways: a player who can go on for ever has no best answer; a point from which neither gains is a saddle point; and
where the brackets of minimax and maximin are apart there is none.
"""

from __future__ import annotations

from fractions import Fraction

from gamespec.classify.answers import substitute
from gamespec.classify.bounds import Known
from gamespec.classify.bracket import Surface, bracket, points
from gamespec.classify.expand import Seat
from gamespec.classify.facts import SADDLE, Fact, Point, proved, refuted, spell_float, spell_point
from gamespec.classify.form import Form, Monomial, Unfit, defined, derivative, enclose, number
from gamespec.classify.interval import Interval
from gamespec.classify.proof import Range, decide

EFFORT = 900
"""Evaluations for each of the two values."""

MOST = 500
"""Size of a form from which on a search over a whole box is not begun."""

Ranges = dict[str, Range]


def whole_saddle(known: Known, seats: tuple[Seat, ...]) -> Fact | None:
    """The verdict on two players of a zero-sum game with one number each; None where it stays open."""
    if len(seats) != 2 or any(len(seat.names) != 1 or seat.cost.size > MOST for seat in seats):
        return None
    ranges = {seat.names[0]: known.place(seat.names[0].partition("[")[0]).range for seat in seats}
    if not all(r.free for r in ranges.values()) or not all(seat.cost.names <= set(ranges) for seat in seats):
        return None
    name = _endless(seats, ranges)
    if name:
        return refuted(SADDLE, f"no saddle point: `{name}` can gain without end, whatever the other does")
    point = _saddle_point(seats, ranges)
    if point:
        return proved(SADDLE, f"neither gains from {spell_point(point)}, a saddle point: orders agree")
    return _apart(seats, ranges)


def _endless(seats: tuple[Seat, ...], ranges: Ranges) -> str:
    """A player whose cost falls without end along its number, whatever the other number is; "" if there is none."""
    for seat in seats:
        (name,) = seat.names
        if _falls(seat.cost, name, ranges[name]):
            return name
    return ""


def _falls(cost: Form, name: str, span: Range) -> bool:
    """Whether a polynomial in a number has a constant leading coefficient that points down on a side without end."""
    powers: dict[int, list[tuple[Monomial, Fraction]]] = {}
    for monomial, coefficient in cost.terms:
        if any(atom.arg is not None and name in atom.arg.names for atom, _ in monomial):
            return False
        degree = next((n for atom, n in monomial if atom.key == name and not atom.fn), 0)
        rest = tuple((atom, n) for atom, n in monomial if atom.key != name)
        powers.setdefault(degree, []).append((rest, coefficient))
    top = max(powers, default=0)
    lead = Form(tuple(powers.get(top, ()))).constant
    if top < 1 or min(powers) < 0 or lead is None:
        return False
    up, down = lead < 0, (lead < 0) == (top % 2 == 0)
    return (up and span.hi is None) or (down and span.lo is None)


def _saddle_point(seats: tuple[Seat, ...], ranges: Ranges) -> Point:
    """A tidy point that is surely a saddle point; empty if none is met."""
    first, second = seats
    for x in _tidy(ranges[first.names[0]]):
        for y in _tidy(ranges[second.names[0]]):
            point = ((first.names[0], x), (second.names[0], y))
            if all(_best(seat, dict(point), ranges) for seat in seats):
                return point
    return ()


def _tidy(span: Range) -> tuple[Fraction, ...]:
    """Zero, one, minus one, the middle and the ends."""
    found = [Fraction(k) for k in (0, 1, -1)] + list(span.trial()[:3])
    return tuple(x for x in dict.fromkeys(found) if (span.lo is None or span.lo <= x) and (span.hi is None or x <= span.hi))


def _best(seat: Seat, point: dict[str, Fraction], ranges: Ranges) -> bool:
    """Whether a player is surely at its best, the other standing still: its cost is flat, rises all the way, or is convex and stationary."""
    (name,) = seat.names
    others = {n: number(x) for n, x in point.items() if n != name}
    try:
        cost = substitute(seat.cost, others)
        if cost.constant is not None:
            return True
        slope = derivative(cost, name)
        bend = derivative(slope, name)
        push = substitute(slope, {name: number(point[name])}).constant
    except Unfit:
        return False
    span = ranges[name]
    low, high = enclose(slope, {name: span.interval})
    if defined(cost, {name: span.interval}) and ((low >= 0 and span.lo == point[name]) or (high <= 0 and span.hi == point[name])):
        return True
    rests = push is not None and (push == 0 or (push > 0 and span.lo == point[name]) or (push < 0 and span.hi == point[name]))
    return rests and bool(decide(((bend,),), {name: span}, (cost,)).holds)


def _apart(seats: tuple[Seat, ...], ranges: Ranges) -> Fact | None:
    """The refutation where a lower bound of minimax lies above an upper bound of maximin."""
    first, second = seats
    (u,), (v,) = first.names, second.names
    box = {name: span.interval for name, span in ranges.items()}
    # What a lower bound has to pass is found by points: nearly the other value, from its own side.
    high = _nearly(Surface(-first.cost, (u, v), EFFORT), v, u, box)
    low = _nearly(Surface(first.cost, (u, v), EFFORT), u, v, box)
    if not -high < low:
        return None
    between = -high + (low + high) / 2
    first_low = bracket(Surface(first.cost, (u, v), EFFORT), (u, box[u]), (v, box[v]), enough=between).value[0]
    other_low = bracket(Surface(-first.cost, (u, v), EFFORT), (v, box[v]), (u, box[u]), enough=-between).value[0]
    if not -other_low < first_low:
        return None
    said = f"cost at least {spell_float(first_low)} with `{u}` first, at most {spell_float(-other_low)} with `{v}` first"
    return refuted(SADDLE, f"no saddle point: {said}")


def _nearly(surface: Surface, leader: str, follower: str, box: dict[str, Interval]) -> float:
    """The minimax value on a coarse grid."""
    grids = [points(box[name]) for name in (leader, follower)]
    return min(max(surface.near({leader: a, follower: b}) for b in grids[1]) for a in grids[0])


__all__ = ["whole_saddle"]
