"""Parts that methods share: the joint gradient field, a follower's turn, the responses of a leader's followers."""

from __future__ import annotations

import math

from gamespec.ir import game as ir
from gamespec.plan.ops import Choose, Derive, Keep, Move, Op, Repeat, Respond, Sample, Select
from gamespec.plan.response import Envelope, Frozen, Hull, Implicit, Penalty, Response, Stop, Unrolled, ValueFunction
from gamespec.solvers.base import Table, children, descendants, drawn, follower_kind, problem_nodes, team

AT_ONCE = "moves all players at once, so nobody can answer anybody"
LOOKS_AHEAD = "looks ahead with all players at once, so nobody can answer anybody"
"""Why methods that move everybody together take no follower with an objective, a sample or a choice of its own."""

DANSKIN = "zero-sum follower, answered before its leader moves (Danskin 1967)"


def sources(game: ir.Game) -> Sample:
    """Draw from every source that the players' objectives mention."""
    return Sample(*drawn(game))


def joint(game: ir.Game) -> tuple[str, ...]:
    """All players as one simultaneous group."""
    return tuple(problem_nodes(game))


def frozen(game: ir.Game) -> tuple[tuple[str, Response], ...]:
    """Everybody else stands still: the Nash field."""
    followers = [n for n in problem_nodes(game) if n not in game.root]
    return tuple((f, Frozen()) for f in followers)


def response(game: ir.Game, table: Table, edge: ir.Edge) -> Response:
    """How a derivative passes through the follower of an edge: as written, else what its kind allows."""
    kind, written = follower_kind(game, edge), table.seat(edge.child).response
    if kind == "choice":
        return Stop()
    return written or (Envelope(DANSKIN) if edge.kind == "value" else Stop())


def responses(game: ir.Game, table: Table, node: str) -> tuple[tuple[str, Response], ...]:
    """The responses of all followers of a node, direct ones first."""
    found: list[tuple[str, Response]] = []
    for e in children(game, node):
        found.append((e.child, response(game, table, e)))
        found += responses(game, table, e.child)
    return tuple(dict.fromkeys(found))


def answer(game: ir.Game, table: Table, edge: ir.Edge, draw: Sample) -> tuple[Op, ...]:
    """One follower's turn before its leader moves, its own followers first."""
    node, seat = edge.child, table.seat(edge.child)
    kind, how = follower_kind(game, edge), response(game, table, edge)
    if kind == "choice":
        return (Choose(node),)
    if isinstance(how, Unrolled) and kind == "per_sample":
        return (Respond(node, seat.rules[0][1], 0, seat.start),)  # where the steps inside the leader's derivative begin
    if isinstance(how, Unrolled) or (isinstance(how, Implicit) and how.how == "newton") or at_once(how):
        return ()  # the answer is computed inside the leader's derivative, or moves with it
    below = answers(game, table, (node,), draw)
    if kind == "per_sample" or seat.rules[0][1].word == "sign":
        each, eps = (True, how.eps) if isinstance(how, Hull) else (False, math.inf)
        return (*below, Respond(node, seat.rules[0][1], seat.steps, seat.start, seat.restarts, seat.surrogates, each, eps))
    through = ((node, how),) if isinstance(how, (Penalty, ValueFunction)) else responses(game, table, node)
    turn = repeated(table, draw, (*below, Derive((node,), "now", through), Move((node,), "now", "now")), max(seat.times, seat.steps, 1))
    return (*turn, Select(node)) if seat.beam else turn


def at_once(how: Response) -> bool:
    """Whether a follower moves together with its leader."""
    return isinstance(how, ValueFunction) and how.gamma is None


def answers(game: ir.Game, table: Table, leaders: tuple[str, ...], draw: Sample) -> tuple[Op, ...]:
    """The turns of all followers of these players, in the order in which they are written; those in equilibrium move at once."""
    ops: list[Op] = []
    for e in {e.child: e for leader in leaders for e in children(game, leader)}.values():
        members = team(game, e.child)
        found = answer(game, table, e, draw)
        if len(members) == 1 or not found:
            ops += found
        elif e.child == members[0]:
            through = tuple(dict.fromkeys(r for m in members for r in responses(game, table, m)))
            below = answers(game, table, members, draw)
            times = max(max(table.seat(m).times, table.seat(m).steps, 1) for m in members)
            ops += repeated(table, draw, (*below, Derive(members, "now", through), Move(members, "now", "now")), times)
    return tuple(ops)


def put_back(game: ir.Game, roots: tuple[str, ...]) -> tuple[Op, ...]:
    """Every follower below these roots stands again where it first stood; what its step rule remembers stays."""
    below = dict.fromkeys(n for r in roots for n in descendants(game, r)[1:] if not game.node(n).scope and game.node(n).choice is None)
    return (Keep(tuple(below), "first", weight=0.0), Move(tuple(below), "first", "now", along=())) if below else ()


def repeated(table: Table, draw: Sample, turn: tuple[Op, ...], times: int) -> tuple[Op, ...]:
    """A turn made several times, each on rows of its own."""
    if times == 1:
        return turn
    fresh = (draw,) if table.batch and (draw.data or draw.dists) else ()
    return (Repeat(times, (*fresh, *turn)),)


def sequential(game: ir.Game, table: Table) -> tuple[Op, ...]:
    """Followers answer, deepest first; then each root moves on its total derivative, together with those it shares them with."""
    draw = sources(game)
    ops: list[Op] = [draw]
    for roots in turns(game, table):
        if dict(table.options).get("start") == "cold":
            ops += put_back(game, roots)
        ops += answers(game, table, roots, draw)
        through = tuple(dict.fromkeys(r for root in roots for r in responses(game, table, root)))
        movers = (*roots, *(f for f, how in through if at_once(how)))
        turn: tuple[Op, ...] = (Derive(movers, "now", through), Move(movers, "now", "now"))
        # A leader's further moves are against the answers that it has got, hence on the same rows.
        ops += repeated(table, Sample((), ()) if children(game, roots[0]) else draw, turn, table.seat(roots[0]).times)
    return tuple(ops)


def turns(game: ir.Game, table: Table) -> list[tuple[str, ...]]:
    """Roots that move at once, last ones first: those that lead the same followers, unless the method says otherwise.

    They take turns where one of them has a follower of its own, or moves more often than another.
    """
    found: dict[object, list[str]] = {}
    apart = dict(table.options).get("leaders") == "alternating"
    for root in order(game):
        led = frozenset(e.child for e in children(game, root))
        found.setdefault((led, table.seat(root).times) if led and not apart else root, []).append(root)
    return [tuple(roots) for roots in reversed(found.values())]


def order(game: ir.Game) -> list[str]:
    """The roots, leader first: as `order` says, else as written."""
    ranked = [n for rank in game.order for n in rank if n in game.root]
    return ranked + [r for r in game.root if r not in ranked]


def all_responses(game: ir.Game, table: Table) -> tuple[tuple[str, Response], ...]:
    """The response of every follower of the game."""
    return tuple(r for root in game.root for r in responses(game, table, root))
