"""K-beam minimax: keep K candidate answers of the follower, and let the leader move against the best of them."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Op, Plan, Scatter, Select
from gamespec.plan.response import Hull, Response
from gamespec.solvers.base import Accepts, Solver, Table, children, finished
from gamespec.solvers.parts import all_responses, repeated, responses, sequential, sources


def plan(game: ir.Game, table: Table) -> Plan:
    """The best candidate is selected, the leader descends, every candidate climbs: in that order for one follower."""
    through = all_responses(game, table)
    pair = len(game.root) == 1 and [(e.parent, bool(table.seat(e.child).beam)) for e in game.edges if not e.parent.startswith("@")]
    body = _pair(game, table) if pair == [(game.root[0], True)] else sequential(game, table)
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=through)


def _pair(game: ir.Game, table: Table) -> tuple[Op, ...]:
    (leader,), draw, options = game.root, sources(game), dict(table.options)
    (edge,) = children(game, leader)
    follower, seat = edge.child, table.seat(edge.child)
    eps, spread = (float(str(options.get(key) or 0)) for key in ("eps", "spread"))
    through: tuple[tuple[str, Response], ...] = ((follower, Hull(eps)),) if eps else responses(game, table, leader)
    leads = repeated(table, sources(game), (Derive((leader,), "now", through), Move((leader,), "now", "now")), table.seat(leader).times)
    climbs = repeated(table, draw, (Derive((follower,), "now"), Move((follower,), "now", "now")), max(seat.times, seat.steps, 1))
    chosen = () if eps else (Select(follower),)
    return (draw, *chosen, *leads, *climbs, *([Scatter(follower, spread)] if spread else []))


SOLVER = Solver(
    word="k_beam",
    accepts=Accepts("sequential", ("value",), networks=True, reason="keeps copies of one shared follower of a minimax game", needs="a follower"),
    options=(Option("K", int, 8), Option("lr", float, 0.0), Option("eps", float, 0.0), Option("spread", float, 0.0)),
    source="Hamm and Noh 2018, algorithms 1 and 2",
    plan=plan,
    decay="sqrt",
    summary="the leader moves against the best of K candidate answers, or (eps) against all that are nearly as good; spread redraws equal ones",
)
