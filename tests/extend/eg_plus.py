"""EG+: extragradient whose second step is shorter than its look ahead."""

from __future__ import annotations

from gamespec.ir.game import Game
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import frozen, joint, sources


def plan(game: Game, table: Table) -> Plan:
    """Look ahead by the whole rate, then move by half of it."""
    players, still = joint(game), frozen(game)
    body = (
        sources(game),
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        Derive(players, "ahead", still),
        Move(players, "now", "now", scale=0.5),
    )
    return finished(game, table, solver="eg_plus", source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="eg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=False, reason="looks ahead with all players at once, in variables only"),
    options=(Option("lr", float, 0.0),),
    source="Diakonikolas, Daskalakis and Jordan 2021, algorithm 1",
    plan=plan,
    summary="look ahead by the whole rate, move by half of it",
)
