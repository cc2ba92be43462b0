"""EG+: extragradient whose second step is shorter than its look ahead, for weak Minty games."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources
from gamespec.solvers.setup import real


def plan(game: ir.Game, table: Table) -> Plan:
    """Two evaluations of the joint field for each step."""
    players, still = joint(game), frozen(game)
    body = (
        sources(game),
        Derive(players, "now", still),
        Move(players, "now", "ahead"),
        Derive(players, "ahead", still),
        Move(players, "now", "now", scale=real(dict(table.options)["alpha"])),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="eg_plus",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD),
    options=(Option("lr", float, 0.0), Option("alpha", float, 0.5)),
    source="Diakonikolas, Daskalakis and Jordan 2021, algorithm 1",
    plan=plan,
    summary="look ahead by the whole rate, move by a part of it",
)
