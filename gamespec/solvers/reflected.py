"""Reflected gradient: take the gradient where the last move points, and step there from where you stand."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Keep, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """One evaluation of the joint field for each step, at the reflection of the last point."""
    players, still = joint(game), frozen(game)
    body = (
        sources(game),
        Move(players, (("now", 2.0), ("past", -1.0)), "ahead", along=(), project=False),
        Derive(players, "ahead", still),
        Keep(players, "past"),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="reflected",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD),
    options=(Option("lr", float, 0.0),),
    source="Malitsky 2015, algorithm 3.1",
    plan=plan,
    summary="step along the gradient at the reflection of the last point",
)
