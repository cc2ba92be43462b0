"""Competitive gradient descent: every step is the Nash point of the game made bilinear in the steps."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Adjust, Move, Plan
from gamespec.solvers.base import Accepts, Solver, Table, finished
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources
from gamespec.solvers.setup import real, whole


def plan(game: ir.Game, table: Table) -> Plan:
    """One field and a linear system in its Jacobian, solved by products alone, for each step."""
    players, options = joint(game), dict(table.options)
    body = (
        sources(game),
        Adjust(
            players,
            "now",
            "competitive_field",
            (("steps", whole(options["iters"])), ("tol", real(options["tol"]))),
            rates=True,
            products=whole(options["iters"]),
        ),
        Move(players, "now", "now"),
    )
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))


SOLVER = Solver(
    word="competitive",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=AT_ONCE, sets=False, plain=True),
    options=(Option("lr", float, 0.0), Option("iters", int, 20), Option("tol", float, 1e-10)),
    source="Schäfer and Anandkumar 2019, algorithm 1; Ma et al. 2021 for more players",
    plan=plan,
    summary="step to the Nash point of the local bilinear game",
    rule="sgd",
)
