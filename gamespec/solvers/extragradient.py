"""Extragradient: look one step ahead, then move from where you stood along the gradients seen there."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step."""
    players, still = joint(game), frozen(game)
    body = (
        sources(game),
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        Derive(players, "ahead", still),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="extragradient",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD),
    options=(Option("lr", float, 0.0),),
    source="Korpelevich 1976",
    plan=plan,
    summary="look ahead, then move from where you stood",
)
