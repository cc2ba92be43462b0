"""CEG+: a projected look ahead, then a step along the change of z - rate F(z), for constrained weak Minty games."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Keep, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step; what lies in the sets is the look ahead."""
    players, still, alpha = joint(game), frozen(game), real(dict(table.options)["alpha"])
    step = Move(
        players,
        (("now", 1.0 - alpha), ("ahead", alpha)),
        "now",
        scale=alpha,
        along=(("gradient", 1.0), ("first", -1.0)),
        project=False,
    )
    body = (
        sources(game),
        Derive(players, "now", still, into="first"),
        Move(players, "now", "ahead", along=(("first", 1.0),)),
        Derive(players, "ahead", still),
        Keep(players, "answer", "ahead"),
        step,
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still, answer="answer")


SOLVER = Solver(
    word="ceg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD, plain=True),
    options=(Option("lr", float, 0.0), Option("alpha", float, 0.5)),
    source="Pethick et al. 2022, algorithm 1 with fixed steps",
    plan=plan,
    summary="look ahead into the sets, then correct by the change of the field",
    rule="sgd",
)
