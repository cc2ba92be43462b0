"""Mirror descent: every player steps in the geometry of its set, by multiplicative weights on a simplex."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """One evaluation of the joint field for each step."""
    players, still = joint(game), frozen(game)
    body = (sources(game), Derive(players, "now", still), Move(players, "now", "now", mirror=True))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="mirror_descent",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0),),
    source="Nemirovski and Yudin 1983; Freund and Schapire 1999 on the simplex",
    plan=plan,
    summary="step in the geometry of each set",
    rule="sgd",
)
