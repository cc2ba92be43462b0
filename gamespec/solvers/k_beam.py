"""K-beam minimax: keep K candidate answers of the follower, and let the leader move against the best of them."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import all_responses, sequential


def plan(game: ir.Game, table: Table) -> Plan:
    """Every candidate climbs, the best is selected, the leader descends."""
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=sequential(game, table), through=all_responses(game, table))


SOLVER = Solver(
    word="k_beam",
    accepts=Accepts(
        "sequential", ("value",), networks=False, reason="keeps copies of one small shared follower of a minimax game", needs="a follower"
    ),
    options=(Option("K", int, 8), Option("lr", float, 0.0)),
    source="Hamm and Noh 2018, algorithm 1",
    plan=plan,
    summary="the leader moves against the best of K candidate answers",
)
