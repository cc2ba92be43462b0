"""Polarity: with which sign a follower's value stands in its leader's objective, and what follows from it."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Call, Expr, If, Index, Num, Reduce, Ref, Value
from gamespec.ir.types import Interval
from gamespec.ir.walk import children, replace_values
from gamespec.library.functions import FUNCTIONS


def sign_of(expr: Expr, game: ir.Game) -> int:
    """+1 when an expression is never negative, -1 when never positive, 0 when unknown."""
    match expr:
        case Num():
            return (expr.value > 0) - (expr.value < 0) or 1
        case Ref():
            return _name_sign(expr.name, game)
        case Call(fn="neg"):
            return -sign_of(expr.args[0], game)
        case Call(fn="mul" | "div"):
            return sign_of(expr.args[0], game) * sign_of(expr.args[1], game)
        case Call(fn="add"):
            signs = {sign_of(a, game) for a in expr.args}
            return signs.pop() if len(signs) == 1 else 0
        case Call(fn="pow"):
            even = isinstance(expr.args[1], Num) and expr.args[1].value % 2 == 0
            return 1 if even else max(sign_of(expr.args[0], game), 0)
        case Call():
            return FUNCTIONS[expr.fn].sign if expr.fn in FUNCTIONS else 0
        case Reduce():
            return sign_of(expr.body, game)
        case Index():
            return sign_of(expr.base, game)
        case Apply():
            return int(any(n.name == expr.net and n.output.kind == "prob" for n in game.nets))
    return 0


def _name_sign(name: str, game: ir.Game) -> int:
    for p in game.params:
        if p.name == name:
            return _range_sign(p.range) or sign_of(p.value, game)
    for v in game.vars:
        if v.name == name and v.set is not None and len(v.set.parts) == 1:
            part = v.set.parts[0]
            if part.word == "Simplex":
                return 1
            if part.word == "Box" and part.shift is None:
                lo, hi = (a.value if isinstance(a, Num) else None for a in part.args)
                return _range_sign(Interval(lo=lo, hi=hi))
    return 0


def _range_sign(found: Interval | None) -> int:
    if found is not None and found.lo is not None and found.lo >= 0:
        return 1
    return -1 if found is not None and found.hi is not None and found.hi <= 0 else 0


def signs(expr: Expr, game: ir.Game, sign: int = 1) -> dict[str, int]:
    """The sign with which each child's value enters an objective (0: unknown)."""
    match expr:
        case Value():
            return {expr.node: sign}
        case Call(fn="neg"):
            return signs(expr.args[0], game, -sign)
        case Call(fn="sub"):
            return _merge(signs(expr.args[0], game, sign), signs(expr.args[1], game, -sign))
        case Call(fn="add"):
            return _merge(*(signs(a, game, sign) for a in expr.args))
        case Call(fn="mul"):
            a, b = expr.args
            return _merge(signs(a, game, sign * sign_of(b, game)), signs(b, game, sign * sign_of(a, game)))
        case Call(fn="div"):
            return signs(expr.args[0], game, sign * sign_of(expr.args[1], game))
        case Call():
            slope = FUNCTIONS[expr.fn].slope if expr.fn in FUNCTIONS else 0
            return _merge(*(signs(a, game, sign * slope) for a in expr.args))
        case Reduce(op="E" | "sum" | "mean" | "min" | "max") | If():
            return _merge(*(signs(c, game, sign) for c in children(expr)))
    return _merge(*(signs(c, game, 0) for c in children(expr)))


def _merge(*found: dict[str, int]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for one in found:
        for node, sign in one.items():
            merged[node] = sign if merged.get(node, sign) == sign else 0
    return merged


def signed(game: ir.Game) -> ir.Game:
    """The game with the sign of every value edge filled in."""
    known = {n.id: signs(n.objective, game) for n in game.nodes}
    edges = tuple(e.model_copy(update={"sign": known[e.parent].get(e.child, 0)}) if e.kind == "value" else e for e in game.edges)
    return game.model_copy(update={"edges": edges})


def merged(game: ir.Game) -> ir.Game:
    """Followers that push their leader's way, without a set or a scope of their own, become part of the leader.

    `min_g[-min_v f + rho min_w h]` is `min_{g,w}[-min_v f + rho h]`.
    """
    sets = {v.name for v in game.vars if v.set is not None} | {n.handle for n in game.nets if n.set is not None}
    for edge in game.edges:
        parent, child = game.node(edge.parent), game.node(edge.child)
        same = (edge.sign > 0 and parent.sense == child.sense) or (edge.sign < 0 and parent.sense != child.sense)
        if edge.kind != "value" or not same or child.scope != parent.scope or sets & set(child.owns):
            continue
        objective = replace_values(parent.objective, {child.id: child.objective}.get)
        leader = parent.model_copy(update={"owns": parent.owns + child.owns, "objective": objective})
        nodes = tuple(leader if n.id == parent.id else n for n in game.nodes if n.id != child.id)
        edges = tuple(e.model_copy(update={"parent": parent.id}) if e.parent == child.id else e for e in game.edges if e is not edge)
        changed = game.model_copy(update={"nodes": nodes, "edges": edges, "merged": (*game.merged, *child.owns)})
        return merged(signed(changed))
    return game


def directions(game: ir.Game) -> dict[str, int]:
    """Which way each node of the value tree pushes the root's value: -1 down, +1 up, 0 unknown."""
    pushes: dict[str, int] = {}

    def visit(node: str, sign: int) -> None:
        pushes[node] = sign * (1 if game.node(node).sense == "max" else -1)
        for e in game.edges:
            if e.parent == node and e.kind == "value":
                visit(e.child, sign * e.sign)

    for root in game.root:
        visit(root, 1)
    return pushes


def opposes_nobody(game: ir.Game) -> list[str]:
    """Followers with a set of their own that push the same way as every ancestor (GW301)."""
    pushes = directions(game)
    parents = {e.child: e.parent for e in game.edges if e.kind == "value"}
    found = []
    for node in pushes:
        above, at = [], node
        while at in parents:
            at = parents[at]
            above.append(pushes[at])
        if above and pushes[node] != 0 and all(a == pushes[node] for a in above):
            found.append(node)
    return found
