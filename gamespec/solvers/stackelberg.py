"""Differential Stackelberg play: all move at once, every leader on its total derivative through its followers."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Op, Plan
from gamespec.plan.response import Implicit, Response
from gamespec.solvers.base import Accepts, Solver, Table, children, finished
from gamespec.solvers.parts import joint, sources
from gamespec.solvers.setup import real, whole


def plan(game: ir.Game, table: Table) -> Plan:
    """Gradients of all at one point, a leader's through the answers implied there; then everybody moves."""
    players, options = joint(game), dict(table.options)
    how = Implicit("gmres", whole(options["iters"]), real(options["tol"]))
    derived = [Derive((n,), "now", _through(game, n, how)) for n in players]
    body: tuple[Op, ...] = (sources(game), *derived, Move(players, "now", "now"))
    through = tuple(r for n in players for r in _through(game, n, how))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=through)


def _through(game: ir.Game, node: str, how: Response) -> tuple[tuple[str, Response], ...]:
    return tuple((e.child, how) for e in children(game, node))


SOLVER = Solver(
    word="stackelberg",
    accepts=Accepts(
        "sequential",
        ("value", "response"),
        networks=True,
        reason="moves all at once, leaders through their followers",
        needs="a follower",
        turns=False,
    ),
    options=(Option("lr", float, 0.0), Option("iters", int, 20), Option("tol", float, 1e-10)),
    source="Fiez, Chasnov and Ratliff 2020, equation 4",
    plan=plan,
    summary="all move at once, leaders on their total derivative",
)
