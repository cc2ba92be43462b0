"""Optimistic mirror descent: on a simplex, optimistic multiplicative weights."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Keep, Move, Plan
from gamespec.plan.sums import Fading
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """One evaluation of the joint field for each step; the first is a plain one."""
    players, still = joint(game), frozen(game)
    twice, less = Fading(base=2.0, first=1.0), Fading(base=-1.0, first=0.0)
    body = (
        sources(game),
        Derive(players, "now", still),
        Move(players, "now", "now", along=(("gradient", twice), ("past", less)), mirror=True),
        Keep(players, "past", "gradient", gradient=True),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="optimistic_mirror",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0),),
    source="Rakhlin and Sridharan 2013; Daskalakis and Panageas 2019, equation 2",
    plan=plan,
    summary="optimistic steps in the geometry of each set",
    rule="sgd",
)
