"""Parts that methods share: the joint gradient field, a follower's turn, the responses of a leader's followers."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.plan.ops import Choose, Derive, Move, Op, Repeat, Respond, Sample, Select
from gamespec.plan.response import Envelope, Frozen, Implicit, Penalty, Response, Stop, Unrolled
from gamespec.solvers.base import Table, children, descendants, follower_kind, problem_nodes

DANSKIN = "zero-sum follower, answered before its leader moves (Danskin 1967)"


def sources(game: ir.Game) -> Sample:
    """Draw from every source that the players' objectives mention."""
    from gamespec.ir.expr import Reduce
    from gamespec.ir.walk import walk

    drawn: dict[str, None] = {}
    for n in problem_nodes(game):
        node = game.node(n)
        for d in (*node.scope, *(d for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws)):
            if d.over:
                drawn.setdefault(d.over)
    data = {d.name for d in game.data}
    return Sample(tuple(s for s in drawn if s in data), tuple(s for s in drawn if s not in data))


def joint(game: ir.Game) -> tuple[str, ...]:
    """All players as one simultaneous group."""
    return tuple(problem_nodes(game))


def frozen(game: ir.Game) -> tuple[tuple[str, Response], ...]:
    """Everybody else stands still: the Nash field."""
    followers = [n for n in problem_nodes(game) if n not in game.root]
    return tuple((f, Frozen()) for f in followers)


def response(game: ir.Game, table: Table, edge: ir.Edge) -> Response:
    """How a derivative passes through the follower of an edge: as written, else what its kind allows."""
    seat = table.seat(edge.child)
    if follower_kind(game, edge) == "choice":
        return Stop()
    if edge.kind == "value":
        return Envelope(DANSKIN)
    return seat.response or Stop()


def responses(game: ir.Game, table: Table, node: str) -> tuple[tuple[str, Response], ...]:
    """The responses of all followers of a node, direct ones first."""
    found: list[tuple[str, Response]] = []
    for e in children(game, node):
        found.append((e.child, response(game, table, e)))
        found += responses(game, table, e.child)
    return tuple(found)


def answer(game: ir.Game, table: Table, edge: ir.Edge, draw: Sample) -> tuple[Op, ...]:
    """One follower's turn before its leader moves, its own followers first."""
    node, seat = edge.child, table.seat(edge.child)
    kind = follower_kind(game, edge)
    how = response(game, table, edge)
    if kind == "choice":
        return (Choose(node),)
    if isinstance(how, Unrolled) or (isinstance(how, Implicit) and how.how == "newton"):
        return ()  # the answer is computed inside the leader's derivative
    below = tuple(op for e in children(game, node) for op in answer(game, table, e, draw))
    if kind == "per_sample":
        rule = dict(seat.rules)[game.node(node).owns[0]]
        return (*below, Respond(node, rule, seat.steps, seat.start, seat.restarts, seat.surrogates))
    move: tuple[Op, ...] = (*below, Derive((node,), "now", responses(game, table, node)), Move((node,), "now", "now"))
    if isinstance(how, Penalty):
        move = (Derive((node,), "now", ((node, how),)), Move((node,), "now", "now"))
    times = max(seat.times, seat.steps, 1)
    fresh = (draw,) if times > 1 and table.batch and (draw.data or draw.dists) else ()
    turn: tuple[Op, ...] = (Repeat(times, (*fresh, *move)),) if times > 1 else move
    return (*turn, Select(node)) if seat.beam else turn


def sequential(game: ir.Game, table: Table) -> tuple[Op, ...]:
    """Followers answer, deepest first; then each root moves on its total derivative."""
    draw = sources(game)
    ops: list[Op] = [draw]
    ranks = order(game)
    for root in reversed(ranks):
        for e in children(game, root):
            ops += answer(game, table, e, draw)
        seat = table.seat(root)
        turn: tuple[Op, ...] = (Derive((root,), "now", responses(game, table, root)), Move((root,), "now", "now"))
        ops += [Repeat(seat.times, turn)] if seat.times > 1 else turn
    return tuple(ops)


def order(game: ir.Game) -> list[str]:
    """The roots, leader first: as `order` says, else as written."""
    ranked = [n for rank in game.order for n in rank if n in game.root]
    return ranked + [r for r in game.root if r not in ranked]


def all_responses(game: ir.Game, table: Table) -> tuple[tuple[str, Response], ...]:
    """The response of every follower of the game."""
    return tuple(r for root in game.root for r in responses(game, table, root))


__all__ = ["DANSKIN", "all_responses", "answer", "descendants", "frozen", "joint", "order", "response", "responses", "sequential", "sources"]
