"""What comes from outside the language: `py("mod:Name", key = literal)`, which is never imported here, and `Wball`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import evaluate, to_expr
from gamespec.check.scope import DataName, DistName, Scope
from gamespec.ir import game as ir
from gamespec.ir.expr import Ref
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build

_PLACE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d_]\w*")
"""A module by its dotted name, and a public name in it: no file, no folder above, nothing of another module."""


def foreign(node: tree.Expr, build: Build) -> ir.Use | None:
    """`py(..)` as a source; None where the source is another one."""
    if not isinstance(node, tree.Call) or not isinstance(node.fn, tree.Name) or node.fn.id != "py":
        return None
    log = build.log
    name = node.args[0] if len(node.args) == 1 else None
    if not isinstance(name, tree.Str) or not _PLACE.fullmatch(name.value) or node.params:
        raise log.fail("GE601", "`py` takes one place in a module", node.span, hint='write `py("module:Name")`')
    options: list[ir.Option] = []
    for kwarg in node.kwargs:
        if not _literal(kwarg.value):
            raise log.fail("GE206", f"`{kwarg.key}` of `py` is a literal", kwarg.value.span, hint="write a number, a string, true or false")
        options.append(ir.Option(key=kwarg.key, value=to_expr(evaluate(kwarg.value, Scope(), build))))
    return ir.Use(word="py", args=(to_expr(name.value),), options=tuple(options))


def _literal(node: tree.Expr) -> bool:
    match node:
        case tree.Num() | tree.Str() | tree.Bool():
            return True
        case tree.Unary(op="-"):
            return _literal(node.arg)
        case tree.Binary(op="/"):
            return _literal(node.left) and _literal(node.right)
        case tree.List():
            return all(map(_literal, node.items))
    return False


def wball(node: tree.Call, scope: Scope, build: Build) -> ir.Set:
    """`Wball(source, eps, norm = inf, order = inf)`: the distributions within a transport distance of one."""
    log = build.log
    hint = "write `Wball(train, eps, norm = inf, order = inf)`"
    found = scope.find(node.args[0].id) if node.args and isinstance(node.args[0], tree.Name) else None
    if len(node.args) != 2 or not isinstance(found, (DataName, DistName)):
        raise log.fail("GE501", "`Wball` takes a source and a radius", node.span, hint=hint)
    radius = evaluate(node.args[1], scope, build)
    if not isinstance(radius, Fraction) or radius < 0:
        raise log.fail("GE501", "the radius of `Wball` is a number from 0", node.args[1].span, hint=hint)
    named = {"norm": to_expr(Fraction(2)), "order": to_expr(Fraction(1))}
    for kwarg in node.kwargs:
        if kwarg.key not in named:
            raise log.fail("GE501", f"unknown argument `{kwarg.key}` of `Wball`", kwarg.span, hint=hint)
        named[kwarg.key] = to_expr(evaluate(kwarg.value, scope, build))
    source = found.data.name if isinstance(found, DataName) else found.dist.name
    return ir.Set(parts=(ir.Part(word="Wball", args=(Ref(name=source), to_expr(radius), named["norm"], named["order"])),))
