"""Nested: followers answer before their leader moves, and the leader differentiates through their answers."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import all_responses, sequential


def plan(game: ir.Game, table: Table) -> Plan:
    """Deepest follower first; the leader last, on its total derivative."""
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=sequential(game, table), through=all_responses(game, table))


SOLVER = Solver(
    word="nested",
    accepts=Accepts(
        "sequential", ("value", "response", "per_sample", "choice"), networks=True, reason="answers every follower before its leader moves"
    ),
    options=(
        Option("lr", float, 0.0),
        Option("start", str, "warm", ("warm", "cold")),
        Option("leaders", str, "together", ("together", "alternating")),
    ),
    source="von Stackelberg 1934; Danskin 1967 for followers of a maximum; Pedregosa 2016 for other responses",
    plan=plan,
    summary="followers answer, the leader moves on its total derivative",
)
