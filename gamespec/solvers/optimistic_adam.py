"""Optimistic Adam: all players at once, by twice the step of Adam less the one before it."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """All gradients, then all moves by a rule that remembers its last step."""
    players, still = joint(game), frozen(game)
    body = (sources(game), Derive(players, "now", still), Move(players, "now", "now"))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="optimistic_adam",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0), Option("betas", tuple, (0.9, 0.999))),
    source="Daskalakis et al. 2018, algorithm 1",
    plan=plan,
    summary="twice the step of Adam less the last one",
    rule="optimistic_adam",
)
