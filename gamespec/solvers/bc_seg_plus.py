"""BC-SEG+: SEG+ whose look ahead is corrected by the error of the last one, for stochastic weak Minty games."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Keep, Move, Plan
from gamespec.plan.sums import Fading
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """Three evaluations of the joint field for each step: here and at the last point on the same rows, ahead on fresh ones."""
    players, still, alpha = joint(game), frozen(game), real(dict(table.options)["alpha"])
    draw = sources(game)
    # 1 - alpha_k, the share of the last look ahead that is carried on, with alpha_k = alpha / sqrt(1 + k / 100).
    carried, dropped = Fading(1.0, -alpha, 100.0, 0.5), Fading(-1.0, alpha, 100.0, 0.5)
    body = (
        draw,
        Derive(players, "now", still),
        Derive(players, "past", still, into="again"),
        Move(
            players,
            (("now", 1.0), ("past_ahead", carried), ("past", dropped)),
            "ahead",
            along=(("gradient", 1.0), ("again", dropped)),
        ),
        draw,
        Derive(players, "ahead", still),
        Keep(players, "past"),
        Keep(players, "past_ahead", "ahead"),
        Move(players, "now", "now", scale=Fading(size=alpha, over=100.0, power=0.5)),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="bc_seg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD, sets=False, plain=True),
    options=(Option("lr", float, 0.0), Option("alpha", float, 0.5)),
    source="Pethick et al. 2023, algorithm 1",
    plan=plan,
    summary="look ahead with the last error taken off, move by a fading part of it",
    rule="sgd",
)
