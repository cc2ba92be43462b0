"""CurvatureEG+: extragradient whose look ahead is as long as the local curvature allows."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Keep, Move, Plan, Reach
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """One look ahead for each length that is tried; what lies in the sets is the projection of the point."""
    players = joint(game)
    options = {k: real(v) for k, v in table.options}
    body = (
        sources(game),
        Reach(players, "now", "now", "curvature_step", (("nu", options["nu"]), ("tau", options["tau"])), products=2),
        Move(players, "now", "inside", along=()),
        Keep(players, "answer", "inside"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game), answer="answer")


SOLVER = Solver(
    word="curvature_eg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=False, reason="looks ahead with all players at once, in few variables", few=True),
    options=(Option("nu", float, 0.99), Option("tau", float, 0.5)),
    source="Pethick et al. 2022, algorithm 1",
    plan=plan,
    summary="look ahead as far as the curvature allows",
)
