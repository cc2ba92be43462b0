"""What comes from outside the language: `py("mod:Name", key = literal)`, which is never imported here, and `Wball`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import evaluate, to_expr
from gamespec.check.scope import DataName, DistName, Scope
from gamespec.ir import game as ir
from gamespec.ir.expr import Ref
from gamespec.report.suggest import nearest
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
    """`Wball(source, eps, norm = inf, order = inf)`: the distributions within a transport distance of one.

    Raises Failed with GE501 (an argument), GE101 (the source) or GE292 (an order that no program plays).
    """
    log = build.log
    known = [n for n in scope.visible() if isinstance(scope.find(n), (DataName, DistName))]
    source = node.args[0] if node.args and isinstance(node.args[0], tree.Name) else None
    found = scope.find(source.id) if source is not None else None
    near = nearest(source.id, known) if source is not None else None
    some = source.id if source is not None and source.id in known else near or next(iter(known), "train")
    hint = f"write `Wball({some}, 0.1, norm = inf, order = inf)`"
    if source is not None and not isinstance(found, (DataName, DistName)):
        code, label = "GE101" if found is None else "GE501", f"did you mean `{near}`?" if near else ""
        meant = f"write `{some}`" if known else "declare one with `data` or `dist`"
        raise log.fail(code, f"no source of data `{source.id}`", source.span, label, hint=meant)
    if len(node.args) != 2 or not isinstance(found, (DataName, DistName)):
        raise log.fail("GE501", "`Wball` takes a source and a radius", node.span, hint=hint)
    radius = evaluate(node.args[1], scope, build)
    if not isinstance(radius, Fraction) or radius <= 0:
        raise log.fail("GE501", "the radius of `Wball` is a positive number", node.args[1].span, hint="write `0.1`")
    named: dict[str, object] = {"norm": Fraction(2), "order": Fraction(1)}
    for kwarg in node.kwargs:
        if kwarg.key not in named:
            raise log.fail("GE501", f"unknown argument `{kwarg.key}` of `Wball`", kwarg.span, hint=hint)
        named[kwarg.key] = evaluate(kwarg.value, scope, build)
        if kwarg.key == "norm" and named["norm"] not in (1, 2, "inf"):
            raise log.fail("GE501", "the norm of `Wball` is 1, 2 or inf", kwarg.value.span, hint="write `2`")
        if kwarg.key == "order" and named["order"] != "inf":
            _finite(named["order"], kwarg, build)
    name = found.data.name if isinstance(found, DataName) else found.dist.name
    return ir.Set(parts=(ir.Part(word="Wball", args=(Ref(name=name), *map(to_expr, (radius, named["norm"], named["order"])))),))


def _finite(order: object, kwarg: tree.Kwarg, build: Build) -> None:
    """Raise Failed where an order is no distance (GE501), or one at which gradient steps from afar overshoot (GE292)."""
    if not isinstance(order, Fraction) or order < 1:
        raise build.log.fail("GE501", "the order of `Wball` is a number from 1, or inf", kwarg.value.span, "below 1 it is no distance",
                             hint="write `1`")  # fmt: skip
    if order > 2:
        raise build.log.fail("GE292", "a ball of an order above 2 cannot be solved yet", kwarg.value.span, "1 to 2, or inf", hint="write `2`")
