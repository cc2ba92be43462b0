"""Lexicographic: among the follower's best answers, the one that is best, or worst, for the leader, by a search of both sets."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Plan, Survey
from gamespec.plan.response import Stop
from gamespec.solvers.base import Accepts, Solver, Table, children, finished
from gamespec.solvers.setup import whole


def plan(game: ir.Game, table: Table) -> Plan:
    """One search finds everything; a second step would find the same."""
    (edge,) = children(game, game.root[0])
    options = dict(table.options)
    counts = (whole(options["leader"]), whole(options["follower"]))
    body = (Survey(edge.parent, edge.child, edge.ties == "pessimistic", counts),)
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=((edge.child, Stop()),))


SOLVER = Solver(
    word="lexicographic",
    accepts=Accepts(
        "sequential",
        ("response",),
        networks=False,
        reason="breaks the ties of one follower of few numbers",
        needs="a follower",
        ties=True,
        turns=False,
    ),
    options=(Option("leader", int, 61), Option("follower", int, 101)),
    source="Loridan and Morgan 1996",
    plan=plan,
    summary="a search of both sets, ties broken as written",
    steps=1,
)
