"""Negative momentum: alternating steps, each less a part of the last one, which damps the turning of a game."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import all_responses, sequential


def plan(game: ir.Game, table: Table) -> Plan:
    """Followers first, warm from the last step."""
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=sequential(game, table), through=all_responses(game, table))


SOLVER = Solver(
    word="negative_momentum",
    accepts=Accepts("sequential", ("value",), networks=True, reason="its followers keep their place between steps and share the leader's objective"),
    options=(Option("lr", float, 0.0), Option("momentum", float, -0.5)),
    source="Gidel et al. 2019, section 5",
    plan=plan,
    summary="alternating steps, each less a part of the last one",
    rule="sgd",
)
