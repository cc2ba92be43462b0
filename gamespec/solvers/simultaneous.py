"""Simultaneous gradient descent-ascent: every player steps along its own gradient at the same point."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """All gradients, then all moves."""
    players = joint(game)
    body = (sources(game), Derive(players, "now", frozen(game)), Move(players, "now", "now"))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))


SOLVER = Solver(
    word="simultaneous",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0),),
    source="Arrow, Hurwicz and Uzawa 1958",
    plan=plan,
    summary="every player steps along its own gradient",
)
