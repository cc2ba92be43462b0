"""What a reached point is worth under each solution concept, for games with a closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gamespec.classify.answers import answered
from gamespec.classify.bounds import Known
from gamespec.classify.bracket import Bracket, Surface, largest
from gamespec.classify.expand import Seat, seats
from gamespec.classify.form import Form, Unfit, derivative, enclose
from gamespec.classify.globally import brackets, definite, own_hessian, schur
from gamespec.classify.interval import INF, Interval
from gamespec.classify.sets import every
from gamespec.classify.stationary import inverse
from gamespec.classify.sums import sums
from gamespec.classify.tree import Tree
from gamespec.ir.game import Game
from gamespec.ir.walk import constrained

EFFORT = 6_000
"""Evaluations for the values and for each player's search."""

STILL = 1e-3
"""An own slope up to which a point counts as stationary, and a distance up to which a number stands at a side."""

Point = dict[str, float]
Box = dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Judged:
    """Distances from what each concept asks for, None where they could not be told.

    `slope`: the largest own slope that a player could follow (Nash, to first order). `total`: the same with the leaders'
    slopes through the answers that they see (Stackelberg). `gap`: what the players gain alone (Nash; the duality gap of
    a zero-sum game). `regret`: how much the leader's choice costs above the minimax value (Stackelberg, zero-sum).
    `nash` and `minimax`: the strict local tests of second order.
    """

    slope: float | None = None
    total: float | None = None
    gap: float | None = None
    regret: float | None = None
    nash: bool | None = None
    minimax: bool | None = None

    @property
    def concepts(self) -> tuple[str, ...]:
        """What the point solves, the strongest claim of each kind; empty where nothing is known to hold."""
        found = []
        if self.gap is not None and self.gap <= STILL:
            found.append("Nash")
        elif self.nash:
            found.append("local Nash")
        if self.regret is not None and self.regret <= STILL:
            found.append("minimax")
        elif self.minimax:
            found.append("local minimax")
        if self.total is not None and self.total <= STILL:
            found.append("Stackelberg to first order")
        return tuple(found)

    @property
    def refuted(self) -> bool:
        """Whether something was tested, and the point solves the game in no sense."""
        return not self.concepts and any(x is not None for x in (self.slope, self.total, self.gap, self.regret))


def judge(game: Game, point: Point, values: tuple[Bracket, Bracket] | None = None) -> Judged | None:
    """The distances of a point, by the names of its numbers; None for games without a closed form or with constraints.

    `values` are brackets of minimax and maximin where they are known already.
    """
    if constrained(game):
        return None
    known, tree = Known(game), Tree(Tree(game).played())
    try:
        numbers = tuple(sorted(seats(tree.game), key=lambda seat: tree.levels[seat.node]))
    except Unfit:
        return None
    ranges = {name: known.place(name.partition("[")[0]).range for seat in numbers for name in seat.names}
    if len(numbers) < 2 or not set(ranges) <= set(point):
        return None
    zero_sum = bool(sums(known, tree, numbers).zero.verdict)
    at: Box = {name: (point[name], point[name]) for name in ranges}
    if not all(r.free for r in ranges.values()):
        return Judged()
    box = {name: r.interval for name, r in ranges.items()}
    slopes = _slopes(numbers, at)
    slope = _residual(slopes, at, box)
    single = all(len(seat.names) == 1 for seat in numbers)
    pair = zero_sum and single and len(numbers) == 2
    held = _held(slopes, at, box)
    rests = None if slope is None else slope <= STILL
    return Judged(
        slope=slope,
        total=_total(known, tree, numbers, at, box) if tree.leaders and not zero_sum else None,
        gap=sum(_gain(seat, at, box) for seat in numbers) if single else None,
        regret=_regret(numbers, at, box, values or brackets(numbers, box, EFFORT)) if pair and not tree.block else None,
        nash=None if rests is None else rests and every(definite(own_hessian(s, held, at)) for s in numbers),
        minimax=None if rests is None or not pair or tree.block else rests and schur(numbers, held, at),
    )


def _slopes(numbers: tuple[Seat, ...], at: Box) -> dict[str, float] | None:
    """Every own slope at a point, None at kinks."""
    try:
        forms: dict[str, Form] = {name: derivative(seat.cost, name) for seat in numbers for name in seat.names}
    except Unfit:
        return None
    return {name: sum(enclose(form, at)) / 2 for name, form in forms.items()}


def _total(known: Known, tree: Tree, numbers: tuple[Seat, ...], at: Box, box: Box) -> float | None:
    """The largest slope with every leader's taken through the answers below it."""
    seen, leaders = answered(known, tree, numbers)
    if leaders == tree.leaders:
        return _residual(_slopes(seen, at), at, box)
    own = _slopes(numbers, at)
    if own is None or tree.depth > 2:
        return None
    held = _held(own, at, box)
    for leader in (seat for seat in numbers if seat.node in tree.leaders):
        led = {edge.child for edge in tree.edges if edge.parent == leader.node}
        through = _through(leader, [seat for seat in numbers if seat.node in led], held, at)
        if through is None:
            return None
        own |= through
    return _residual(own, at, box)


def _through(leader: Seat, below: list[Seat], held: tuple[str, ...], at: Box) -> dict[str, float] | None:
    """The leader's slope f_u - f_v g_vv^{-1} g_vu through the answers of followers, those at a side standing still."""
    field = {name: derivative(seat.cost, name) for seat in below for name in seat.names if name not in held}

    def near(form: Form, name: str) -> float:
        return sum(enclose(derivative(form, name), at)) / 2

    over = inverse([[near(slope, b) for b in field] for slope in field.values()]) if field else []
    if over is None:
        return None
    pulls = [near(leader.cost, v) for v in field]
    weights = [sum(p * row[k] for p, row in zip(pulls, over, strict=True)) for k in range(len(field))]
    return {u: near(leader.cost, u) - sum(w * near(slope, u) for w, slope in zip(weights, field.values(), strict=True)) for u in leader.names}


def _residual(slopes: dict[str, float] | None, at: Box, box: Box) -> float | None:
    """The largest z - P(z - g)."""
    if slopes is None:
        return None
    moved = (at[n][0] - min(max(at[n][0] - g, box[n][0]), box[n][1]) for n, g in slopes.items())
    return max(abs(m) for m in moved)


def _held(slopes: dict[str, float] | None, at: Box, box: Box) -> tuple[str, ...]:
    """The numbers that stand at a side and are pushed against it."""
    return tuple(
        n for n, g in (slopes or {}).items() if (at[n][0] - box[n][0] <= STILL and g > STILL) or (box[n][1] - at[n][0] <= STILL and g < -STILL)
    )


def _gain(seat: Seat, at: Box, box: Box) -> float:
    """What a player of one number gains alone; a lower bound where its range has no end."""
    (name,) = seat.names
    surface = Surface(-seat.cost, (name,), EFFORT)
    others = {n: s for n, s in at.items() if n != name}
    here = sum(enclose(-seat.cost, at)) / 2
    _, best = largest(surface, name, box[name], others, 1e-9)
    return max(0.0, sum(enclose(-seat.cost, {**at, name: (best, best)})) / 2 - here)


def _regret(numbers: tuple[Seat, ...], at: Box, box: Box, values: tuple[Bracket, Bracket]) -> float | None:
    """How far the leader's worst case lies above the minimax value, at most."""
    first, second = numbers
    (v,) = second.names
    low = values[0].value[0]
    top, _ = largest(Surface(first.cost, (v,), EFFORT), v, box[v], {n: s for n, s in at.items() if n != v}, 1e-9)
    return None if math.isinf(low) or top == INF else max(0.0, top - low)


__all__ = ["Judged", "judge"]
