"""Symplectic gradient adjustment: the joint field, turned against the part of its Jacobian that rotates."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Adjust, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """One field and two products with the Jacobian for each step."""
    players, options = joint(game), dict(table.options)
    body = (
        sources(game),
        Adjust(players, "now", "symplectic_field", (("weight", real(options["weight"])), ("align", bool(options["align"]))), products=2),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))


SOLVER = Solver(
    word="symplectic",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE, sets=False),
    options=(Option("lr", float, 0.0), Option("weight", float, 1.0), Option("align", bool, True)),
    source="Balduzzi et al. 2018, algorithm 1",
    plan=plan,
    summary="add the turning part of the Jacobian, applied to the field",
)
