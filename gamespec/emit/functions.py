"""Objectives as Python functions: one for each player, with the names that it needs as parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from gamespec.check.shape import Names, each
from gamespec.emit.expr import Writer, family_text
from gamespec.emit.moved import moved
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import handle, spelled, unused
from gamespec.ir.expr import Apply, Array, Call, Expr, Grad, Index, Reduce, Ref, Value
from gamespec.ir.walk import children, expanded, walk
from gamespec.library.functions import CONSTANTS

if TYPE_CHECKING:
    from gamespec.emit.piece import Piece

NET, PARAMETERS, CONSTANT, VARIABLE, SAMPLE = range(5)
"""The order of a function's parameters."""


def writer(scene: Scene, extra: Names | None = None, texts: Mapping[str, str] | None = None) -> Writer:
    """A writer of expressions for this program."""
    calls = {n.id: f"{objective_name(scene, n.id)}({', '.join(parameters(scene, n.id))})" for n in scene.game.nodes if n.choice is None}
    names = {**scene.names, **(extra or {})}
    return Writer(scene.game, names, calls, scene.explicit, scene.hoisted, scene.scores, texts or {}, scene.reached, scene.moody)


def objective_name(scene: Scene, node: str) -> str:
    """The name of a player's objective in the program."""
    return f"objective_{scene.title(node)}"


def parameters(scene: Scene, node: str) -> list[str]:
    """The Python names that a player's objective needs: networks, parameters, constants, variables, samples."""
    return needs(scene, scene.game.node(node).objective)


def needs(scene: Scene, expr: Expr) -> list[str]:
    """The Python names that an expression needs from around it."""
    found: dict[str, int] = {}
    _visit(scene, expr, frozenset(), found)
    return sorted(found, key=lambda n: found[n])


def _visit(scene: Scene, expr: Expr, bound: frozenset[str], found: dict[str, int]) -> None:
    hoisted = next((name for known, name in scene.hoisted if known == expr), None)
    if hoisted is not None:
        found.setdefault(hoisted, SAMPLE)
        return
    inner = bound
    match expr:
        case Ref() if expr.name not in bound:
            _name(scene, expr.name, found)
        case Apply():
            net = next(n for n in scene.game.nets if n.name == expr.net)
            found.setdefault(spelled(net.name), NET)
            if net.name in scene.explicit and expr.at is None:
                found.setdefault(handle(net), PARAMETERS)
        case Value():
            _visit(scene, scene.game.node(expr.node).objective, bound, found)
        case Reduce():
            inner = bound | {n for d in expr.draws if not d.over or d.inner for n in d.names}
            # The rows of a part of a sample are looked up in the sample.
            found.update({spelled(d.part[0]): SAMPLE for d in expr.draws if d.inner})
        case Grad():
            if expr.at is not None:
                _visit(scene, expr.at, bound, found)
            _visit(scene, expr.body, bound | {expr.name}, found)
            return
        case Index(base=Ref() as base):
            family = scene.var(base.name)
            if family is not None and family.axis and family.scope:
                found.setdefault(family_text(scene.game, family, expr.indices[0]), VARIABLE)
                return
    for child in children(expr):
        _visit(scene, child, inner, found)


def _name(scene: Scene, name: str, found: dict[str, int]) -> None:
    net = scene.net(name)
    param = next((p for p in scene.game.params if p.name == name), None)
    if net is not None:
        explicit = net.name in scene.explicit
        found.setdefault(handle(net) if explicit else spelled(net.name), PARAMETERS if explicit else NET)
    elif param is not None:
        if isinstance(param.value, Array):
            found.setdefault(spelled(name), CONSTANT)
    elif name not in CONSTANTS or name in scene.names:
        found.setdefault(spelled(name), SAMPLE if scene.var(name) is None else VARIABLE)


def objective(scene: Scene, node: str, text: Text) -> None:
    """Write the function of a player's objective."""
    owner = scene.game.node(node)
    if owner.choice is not None:
        return
    lines, piece = list[str](), None
    if owner.scope and not each(scene.game, owner.scope):
        piece = writer(scene).each_table(owner.scope[0], owner.objective)
    if piece is None:
        lines, piece = written(writer(scene), owner.objective)
    shape = "[n]" if piece.shaped.rows else "0-d"
    verb = "maximises" if owner.sense == "max" else "minimises"
    maths = scene.maths(node)
    what = f"What {' and '.join(owner.owns)} {verb}, {shape}"
    doc = f"{what}: {maths}" if len(what) + len(maths) < 100 else f"{what}.\n\n    {maths}\n    "
    span = scene.span(node)
    text.define(objective_name(scene, node), ", ".join(parameters(scene, node)), doc.replace("\\", "\\\\"), span)
    text.add(*(f"    {line}" for line in lines), f"    return {piece.text}", span=span)


def written(write: Writer, expr: Expr) -> tuple[list[str], Piece]:
    """An expression with what a loop over an index would compute again and again: lines before it, and its text."""
    taken = {spelled(n) for n in write.names}
    lines = []
    for known in dict.fromkeys(_same_each_time(expr, frozenset(), looping=False)):
        piece, name = write.write(known), unused("same", taken)
        lines.append(f"{name} = {piece.text}")
        write = replace(write, hoisted=(*write.hoisted, (known, name)))
    return lines, write.write(expr)


def _same_each_time(expr: Expr, bound: frozenset[str], *, looping: bool) -> Iterator[Expr]:
    """The largest parts of the body of a loop over an index that apply a network or ask a follower, whatever the index is."""
    costly = isinstance(expr, (Apply, Value)) or (isinstance(expr, Call) and any(isinstance(a, Apply) for a in expr.args))
    if looping and costly and not bound & {e.name for e in walk(expr) if isinstance(e, Ref)}:
        yield expr
        return
    inner = bound
    if isinstance(expr, Reduce) and not expr.draws[0].over:
        inner, looping = bound | set(expr.draws[0].names), True
    elif isinstance(expr, Reduce):
        inner = bound | {n for d in expr.draws if d.inner for n in d.names}
    elif isinstance(expr, Grad):
        inner = bound | {expr.name}
    for child in children(expr):
        yield from _same_each_time(child, inner, looping=looping)


def moved_part(scene: Scene, node: str) -> Expr | None:
    """The terms of a leader's objective that it moves itself, where a follower shares the objective and others drop out.

    The follower has reported the whole value in the same step, so that nothing is lost by not computing it again.
    """
    game = scene.game
    owner = game.node(node)
    shares = any(e.parent == node and e.kind == "value" and owner.objective == Value(node=e.child) for e in game.edges)
    if not shares or owner.axis or owner.scope or scene.explicit:
        return None
    names = frozenset(owner.owns) | {n.name for n in game.nets if n.handle in owner.owns}
    whole = expanded(game, node)
    part = moved(whole, names)
    return None if part == whole else part


def moved_name(scene: Scene, node: str) -> str:
    """The name of the function of the terms that a player moves."""
    return f"moved_by_{scene.title(node)}"


def moved_function(scene: Scene, node: str, text: Text) -> None:
    """Write the function of the part of an objective that its player moves; nothing when that is all of it."""
    part = moved_part(scene, node)
    if part is None:
        return
    lines, piece = written(writer(scene), part)
    doc = f"The terms of {objective_name(scene, node)} that change with {' and '.join(scene.game.node(node).owns)}, 0-d."
    text.define(moved_name(scene, node), ", ".join(needs(scene, part)), doc, scene.span(node))
    text.add(*(f"    {line}" for line in lines), f"    return {piece.text}", span=scene.span(node))
