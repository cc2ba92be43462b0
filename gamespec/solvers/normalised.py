"""Normalised descent-ascent: all players at once, with steps of one length whatever the size of the gradient."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """All gradients, then all moves, each as long as its rate."""
    players, still = joint(game), frozen(game)
    body = (sources(game), Derive(players, "now", still), Move(players, "now", "now"))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="normalised",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE),
    options=(Option("lr", float, 0.0), Option("momentum", float, 0.0), Option("per", str, "player", words=("player", "layer"))),
    source="Jelassi et al. 2022, section 2, nSGDA",
    plan=plan,
    summary="steps of one length for every player",
    rule="normalized_sgd",
)
