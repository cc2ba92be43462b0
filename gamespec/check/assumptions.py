"""`assume convex(f, u)`: what the author claims, kept in the game and reported as assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import expressions
from gamespec.check.scope import DefName, Failed, NetName, Scope, VarName, unknown_name
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build

FACTS = ("convex", "concave", "strongly_convex", "strongly_concave", "lipschitz", "smooth", "unique")


def lower_assumptions(spec: tree.Spec, scope: Scope, build: Build) -> tuple[ir.Assumption, ...]:
    """The claims of a file: a fact, what it is about, and in which players."""
    found: list[ir.Assumption] = []
    for s in spec.statements:
        if isinstance(s, tree.Assume):
            try:
                found.append(_one(s, scope, build))
            except Failed:
                continue
    return tuple(found)


def _one(s: tree.Assume, scope: Scope, build: Build) -> ir.Assumption:
    log, fact = build.log, s.fact
    if not isinstance(fact, tree.Call) or not isinstance(fact.fn, tree.Name) or fact.kwargs or fact.params or not fact.args:
        raise log.fail("GE208", "an assumption names a fact and what it is about", fact.span, hint="write `assume convex(f, u)`")
    if fact.fn.id not in FACTS:
        near = nearest(fact.fn.id, FACTS)
        raise log.fail("GE101", f"unknown fact `{fact.fn.id}`", fact.fn.span, f"did you mean `{near}`?" if near else "",
                       hint=f"write `{near}`" if near else f"facts: {', '.join(FACTS)}")  # fmt: skip
    names = tuple(_player(arg, scope, build) for arg in fact.args[1:])
    about = _about(fact.args[0], scope, build)
    shown = ", ".join(names)
    return ir.Assumption(fact=fact.fn.id, about=about, of=names, text=f"{fact.fn.id}{f' in {shown}' if shown else ''}")


def _player(node: tree.Expr, scope: Scope, build: Build) -> str:
    found = scope.find(node.id) if isinstance(node, tree.Name) else None
    match found:
        case NetName():
            return found.net.handle
        case VarName():
            return found.var.name
    if isinstance(node, tree.Name) and found is None:
        raise unknown_name(build.log, node, scope, (), "player")
    raise build.log.fail("GE302", "an assumption is made in what a player chooses", node.span, hint="name a `var` or a `net`")


def _about(node: tree.Expr, scope: Scope, build: Build) -> Expr | None:
    """The formula meant; None for a definition, which has no value of its own."""
    if isinstance(node, tree.Name) and isinstance(scope.find(node.id), DefName):
        return None
    return expressions.lower(node, scope, build.scratch()).expr
