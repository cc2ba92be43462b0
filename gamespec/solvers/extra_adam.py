"""Extra-Adam: extragradient whose two half steps are both steps of Adam, with one memory."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step, on independent samples."""
    players, still, draw = joint(game), frozen(game), sources(game)
    body = (
        draw,
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        draw,
        Derive(players, "ahead", still),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="extra_adam",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD),
    options=(Option("lr", float, 0.0), Option("betas", tuple, (0.9, 0.999))),
    source="Gidel et al. 2019, algorithm 4",
    plan=plan,
    summary="extragradient by steps of Adam",
    rule="adam",
)
