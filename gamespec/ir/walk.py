"""Walking expressions: children, rebuilding, free names, replacement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word

if TYPE_CHECKING:
    from gamespec.ir.game import Game


def _map_draw(draw: Draw, change: Callable[[Expr], Expr]) -> Draw:
    cond = None if draw.cond is None else change(draw.cond)
    skip = None if draw.skip is None else change(draw.skip)
    return draw.model_copy(update={"cond": cond, "skip": skip})


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The same node with every child replaced by `change(child)`."""
    match expr:
        case Num() | Word() | Ref() | Value():
            return expr
        case Call():
            return Call(fn=expr.fn, args=tuple(map(change, expr.args)))
        case Apply():
            return Apply(net=expr.net, args=tuple(map(change, expr.args)), at=None if expr.at is None else change(expr.at))
        case Reduce():
            return Reduce(op=expr.op, draws=tuple(_map_draw(d, change) for d in expr.draws), body=change(expr.body))
        case Grad():
            return Grad(name=expr.name, body=change(expr.body), at=None if expr.at is None else change(expr.at))
        case Stop():
            return Stop(body=change(expr.body))
        case If():
            return If(cond=change(expr.cond), then=change(expr.then), other=change(expr.other))
        case Array():
            return Array(items=tuple(map(change, expr.items)))
        case Index():
            return Index(base=change(expr.base), indices=tuple(map(change, expr.indices)))


def children(expr: Expr) -> list[Expr]:
    """The direct children of a node."""
    found: list[Expr] = []

    def keep(child: Expr) -> Expr:
        found.append(child)
        return child

    rebuild(expr, keep)
    return found


def walk(expr: Expr) -> Iterator[Expr]:
    """The node and everything below it, top down."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def depth(expr: Expr) -> int:
    """How many nodes lie on the longest way down."""
    level, deepest = [expr], 0
    while level:
        level, deepest = [child for node in level for child in children(node)], deepest + 1
    return deepest


def replace_values(expr: Expr, objective: Callable[[str], Expr | None]) -> Expr:
    """Put `objective(node)` where `Value(node)` stands; None leaves it."""
    if isinstance(expr, Value):
        found = objective(expr.node)
        return expr if found is None else replace_values(found, objective)
    return rebuild(expr, lambda e: replace_values(e, objective))


def expanded(game: Game, node: str) -> Expr:
    """The objective of a node with every child's value written out."""
    return replace_values(game.node(node).objective, lambda child: game.node(child).objective)


def problem(game: Game) -> Game:
    """The game without the players that only measure it."""
    return game.model_copy(update={"nodes": tuple(n for n in game.nodes if not n.id.startswith("@"))})


def constrained(game: Game) -> bool:
    """Whether somebody is bound by more than a set."""
    return any(n.constraints for n in game.nodes) or any(g.constraints for g in game.groups)


def free_names(expr: Expr) -> list[str]:
    """Names used and not bound inside, networks included, in order of first use."""
    found: dict[str, None] = {}
    _visit(expr, frozenset(), found)
    return list(found)


def _visit(expr: Expr, bound: frozenset[str], found: dict[str, None]) -> None:
    match expr:
        case Ref() if expr.name not in bound:
            found.setdefault(expr.name)
        case Apply():
            found.setdefault(expr.net)
        case Reduce():
            for draw in expr.draws:
                for part in (draw.cond, draw.skip):
                    if part is not None:
                        _visit(part, bound | frozenset(draw.names), found)
            _visit(expr.body, bound | {n for d in expr.draws for n in d.names}, found)
            return
        case Grad():
            if expr.at is not None:
                _visit(expr.at, bound, found)
            _visit(expr.body, bound | {expr.name}, found)
            return
    for child in children(expr):
        _visit(child, bound, found)
