"""SEG+: EG+ on samples, with rows of its own for each half and a second step that fades."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.plan.sums import Fading
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step, on independent samples."""
    players, still, alpha = joint(game), frozen(game), real(dict(table.options)["alpha"])
    draw = sources(game)
    body = (
        draw,
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        draw,
        Derive(players, "ahead", still),
        Move(players, "now", "now", scale=Fading(size=alpha, over=100.0, power=0.5)),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="seg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD),
    options=(Option("lr", float, 0.0), Option("alpha", float, 0.5)),
    source="Pethick et al. 2023, section 4",
    plan=plan,
    summary="look ahead by the whole rate, move by a fading part of it, on fresh rows",
)
