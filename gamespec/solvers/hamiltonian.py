"""Hamiltonian gradient descent: every player descends on half the squared norm of the joint field."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Adjust, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """One field and its product with the Jacobian for each step."""
    players = joint(game)
    body = (
        sources(game),
        Adjust(players, "now", "hamiltonian_field"),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))


SOLVER = Solver(
    word="hamiltonian",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE, sets=False),
    options=(Option("lr", float, 0.0),),
    source="Abernethy, Lai and Wibisono 2019, section 3",
    plan=plan,
    summary="descend on the squared norm of the joint field",
)
