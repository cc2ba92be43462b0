"""Anchored extragradient: every step is drawn back to the start, less and less, which gives the fastest rate there is."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Keep, Move, Plan
from gamespec.plan.sums import Fading
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step."""
    players, still = joint(game), frozen(game)
    # 1 / (k + 1) for k = 1, 2, ...: the weight of the start.
    back, stay = Fading(size=0.5, over=2.0), Fading(base=1.0, size=-0.5, over=2.0)
    start = (("now", stay), ("anchor", back))
    body = (
        sources(game),
        Keep(players, "anchor", weight=0.0),
        Derive(players, "now", still),
        Move(players, start, "ahead"),
        Derive(players, "ahead", still),
        Move(players, start, "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="anchored",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD, plain=True),
    options=(Option("lr", float, 0.0),),
    source="Halpern 1967; Yoon and Ryu 2021, EAG-C",
    plan=plan,
    summary="extragradient drawn back to its start, less and less",
    rule="sgd",
)
