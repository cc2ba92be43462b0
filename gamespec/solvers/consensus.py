"""Consensus optimisation: the joint field and the gradient of its squared norm together."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Adjust, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """One field and its product with the Jacobian for each step."""
    players, options = joint(game), dict(table.options)
    body = (
        sources(game),
        Adjust(players, "now", "consensus_field", (("weight", real(options["weight"])),)),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))


SOLVER = Solver(
    word="consensus",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE, sets=False),
    options=(Option("lr", float, 0.0), Option("weight", float, 1.0)),
    source="Mescheder, Nowozin and Geiger 2017, algorithm 1",
    plan=plan,
    summary="add the gradient of the squared norm of the joint field",
)
