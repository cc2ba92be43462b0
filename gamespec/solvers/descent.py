"""Descent: one player alone steps along its own gradient."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """One gradient, one move."""
    body = (sources(game), Derive(joint(game), "now"), Move(joint(game), "now", "now"))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=())


SOLVER = Solver(
    word="descent",
    accepts=Accepts("simultaneous", (), networks=True, reason="moves one player, who has nobody to answer", needs="one player"),
    options=(Option("lr", float, 0.0),),
    source="Cauchy 1847",
    plan=plan,
    summary="the only player steps along its own gradient",
)
