"""Constraints after `s.t.`: `g(x) <= 0`, of one player or shared by several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import binders, expressions
from gamespec.check.scope import Scope
from gamespec.ir.expr import Draw, Expr, Reduce
from gamespec.ir.walk import free_names
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build
    from gamespec.ir.game import Node


_ANSWERS = ("argmin", "argmax")


def add(item: tree.Item, scope: Scope, build: Build) -> None:
    """Remember a constraint of the node, or of the group of players, that is being lowered."""
    if build.path.startswith("@"):
        raise build.log.fail("GE291", "nobody is bound by a constraint in a metric", item.span, hint="drop it")
    known = build.limits.get(build.path, ())
    build.spans[f"limit:{build.path}.{len(known)}"] = item.span
    build.limits[build.path] = (*known, _condition(item, scope, build))


def _condition(item: tree.Item, scope: Scope, build: Build) -> Expr:
    """The condition of a constraint; with `forall` the smallest of its values over the range, which is 1 where all hold."""
    if not isinstance(item.left, tree.Compare):
        raise build.log.fail("GE291", "a constraint compares two numbers", item.span, hint="write `x + y <= 1`")
    _arrow(item, item.left, build)
    if any(op not in ("<=", ">=", "==") for op, _ in item.left.rest):
        raise build.log.fail("GE291", "a constraint has no open ends", item.span, hint="write `<=` or `>=`")
    inner, draws = scope.child(), list[Draw]()
    for forall in item.foralls:
        over = binders.index_set(forall.source, inner, build)
        if over is None:
            raise build.log.fail("GE208", "a range is needed after `in`", forall.source.span, hint="write `forall i in 0..2`")
        draws.append(over.draw(over.bind(forall.name, inner, build)))
    found = expressions.lower(item.left, inner, build)
    if found.type.kind != "bool" or found.type.shape:
        raise build.log.fail("GE291", "a constraint is one condition", item.left.span, f"this is {found.type}", hint="take one number of each side")
    if found.rows and not scope.draws:
        raise build.log.fail("GE210", "a constraint for every sample", item.left.span, "and no sample is drawn around it",
                             hint="take the expectation of both sides")  # fmt: skip
    build.shallow(found.expr, item.left.span)
    return Reduce(op="min", draws=tuple(draws), body=found.expr) if draws else found.expr


def of_samples(node: Node, build: Build) -> None:
    """Record constraints of one answer for each sample that speak of no answer and no sample (GE291)."""
    rows = {n for d in node.scope for n in d.names} | {v.name for v in build.vars if v.scope}
    for k, constraint in enumerate(node.constraints):
        if node.scope and not rows & {*free_names(constraint)}:
            build.log.add("GE291", f"a constraint on `{node.owns[0]}` says nothing of one sample", build.spans[f"limit:{node.id}.{k}"],
                          f"`{node.owns[0]}` answers each sample, and cannot change it",
                          hint=f"bind `{node.owns[0]}` in it, or write it after the leader's `s.t.`")  # fmt: skip


def _arrow(item: tree.Item, found: tree.Compare, build: Build) -> None:
    """Raise Failed with GE291 for `w <- argmin{w}[ .. ]`."""
    match found:
        case tree.Compare(first=tree.Name() as name, rest=(("<", tree.Unary(arg=tree.Bound(binders=(binder, *_)))),)) if binder.op in _ANSWERS:
            said = f"write `{name.id} = {binder.op}{{{name.id}}}[ .. ]`"
            raise build.log.fail("GE291", "an answer is given with `=`", item.span, "`<-` is a comparison here", hint=said)
