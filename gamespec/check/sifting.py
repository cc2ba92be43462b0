"""Conditions of sums and expectations, `| b == c`: which samples, or which terms, count."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import expressions
from gamespec.check.names import depends
from gamespec.check.scope import Failed, Scope, Typed
from gamespec.ir.expr import Draw, Expr, If, Num, Value
from gamespec.ir.walk import walk
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build


def condition(bind: tree.Bind, names: tuple[str, ...], inner: Scope, build: Build) -> Expr | None:
    """What a sample, or an index, of these names must fulfil; None where nothing is written."""
    node = bind.cond
    if node is None:
        return None
    found = expressions.lower(node, inner, build)
    if found.type.kind != "bool" or found.type.shape:
        raise build.log.fail("GE207", "a condition is needed after `|`", node.span, f"this is {found.type}", hint="compare: `b == 3`")
    if any(isinstance(e, Value) for e in walk(found.expr)) or not depends(found.expr, build) & {*names}:
        raise build.log.fail("GE207", "this condition does not look at the sample", node.span, hint="compare a name that is drawn: `b == 3`")
    return found.expr


def refused(binder: tree.Binder, bind: tree.Bind, build: Build) -> Failed:
    """Record a condition where nothing is sifted."""
    assert bind.cond is not None  # as the caller has seen
    ranged = (isinstance(bind.source, tree.Binary) and bind.source.op in ("..", "\\")) or binder.op not in ("min", "max", "argmin", "argmax")
    hint = "leave an element out, `0..9 \\ {b}`, or sum over it" if ranged else "write a constraint: `[ .. s.t. norm(d) <= 1 ]`"
    why = "samples of a source are sifted, and the terms of a sum"
    return build.log.fail("GE208", f"`{binder.op}` takes no condition here", bind.cond.span, why, hint=hint)


def sifted(draws: tuple[Draw, ...], body: Typed) -> tuple[Typed, tuple[Draw, ...]]:
    """The body and its draws where terms whose index does not fulfil its condition count for nothing."""
    for cond in (d.cond for d in draws if not d.over and d.cond is not None):
        body = replace(body, expr=If(cond=cond, then=body.expr, other=Num(value=Fraction(0))))
    return body, tuple(d if d.over else d.model_copy(update={"cond": None}) for d in draws)
