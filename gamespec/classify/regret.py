"""What a leader's choice costs above the minimax value, proved for zero-sum games of two numbers in boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gamespec.classify.bounds import Known
from gamespec.classify.bracket import Surface, bracket, largest
from gamespec.classify.expand import seats
from gamespec.classify.form import Unfit, enclose
from gamespec.classify.interval import Interval
from gamespec.classify.sums import sums
from gamespec.classify.tree import Tree
from gamespec.ir.game import Game

EFFORT = 8_000
"""Evaluations for the value, and half as many for the worst case: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Regret:
    """The minimax value lies in `value`, the worst case of the leader's choice in `worst`.

    Both in terms of what the leader minimises.
    """

    value: Interval
    worst: Interval

    @property
    def span(self) -> Interval:
        """Between what the choice costs too much."""
        return max(0.0, self.worst[0] - self.value[1]), max(0.0, self.worst[1] - self.value[0])

    @property
    def width(self) -> float:
        """How far the bounds of the value are apart."""
        return self.value[1] - self.value[0]


def regret(game: Game, point: dict[str, float], effort: int = EFFORT) -> Regret | None:
    """What is proved of the leader's choice at a point; None for games that are not of this kind."""
    known, tree = Known(game), Tree(Tree(game).played())
    if tree.block or game.order_word == "simultaneous" or len(tree.game.nodes) != 2:
        return None
    try:
        leader, follower = sorted(seats(tree.game), key=lambda seat: tree.levels[seat.node])
        (u,), (v,) = leader.names, follower.names
    except (Unfit, ValueError):
        return None
    ranges = {name: known.place(name.partition("[")[0]).range for name in (u, v)}
    box = {name: r.interval for name, r in ranges.items()}
    if not all(r.free for r in ranges.values()) or not all(math.isfinite(x) for span in box.values() for x in span):
        return None
    if u not in point or not sums(known, tree, (leader, follower)).zero.verdict:
        return None
    found = bracket(Surface(leader.cost, (u, v), effort), (u, box[u]), (v, box[v]))
    here = {u: (point[u], point[u])}
    top, answer = largest(Surface(leader.cost, (v,), effort // 2), v, box[v], here, 1e-7)
    return Regret(found.value, (enclose(leader.cost, {**here, v: (answer, answer)})[0], top))


__all__ = ["EFFORT", "Regret", "regret"]
