"""Two looks ahead: extragradient from a point that is itself seen ahead."""

from __future__ import annotations

from gamespec.ir.game import Game
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan, Repeat
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: Game, table: Table) -> Plan:
    """Look ahead, look ahead along what is seen there, then move."""
    players, still = joint(game), frozen(game)
    look = (Derive(players, "ahead", still), Move(players, "now", "ahead"))
    body = (
        sources(game),
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        Repeat(1, look),
        Derive(players, "ahead", still),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver="two_ahead", source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="two_ahead",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0),),
    source="the proximal point by two repetitions",
    plan=plan,
    summary="look ahead twice, then move",
)
