"""Sets as written: library words, intervals, intersections, and `domain(a) - a`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import expressions
from gamespec.check.constant import INFINITY, evaluate, to_expr
from gamespec.check.scope import Bound, Broken, DefName, Failed, LetName, Log, Scope, SetName
from gamespec.check.words import signature
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Num, Ref, Word
from gamespec.ir.types import Interval, Type
from gamespec.library.registry import words
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.expressions import Build

Found = tuple[ir.Set, Type | None]
"""A set and the type of its members where the text tells it."""


def lower_set(node: tree.Expr, scope: Scope, build: Build, *, optional: bool = False) -> Found | None:
    """A set expression. None when `optional` and the expression is plainly no set. Raises Failed with GE403 otherwise."""
    match node:
        case tree.Binary(op="&"):
            left, right = (lower_set(e, scope, build, optional=optional) for e in (node.left, node.right))
            if left is None or right is None:
                return None
            return ir.Set(parts=left[0].parts + right[0].parts), left[1] or right[1]
        case tree.Binary(op="-") if _is_domain(node.left):
            domain = _domain(node.left, scope, build)
            shift = expressions.lower(node.right, scope, build)
            parts = tuple(p.model_copy(update={"shift": shift.expr}) for p in domain[0].parts)
            return ir.Set(parts=parts), domain[1]
        case tree.Call() if _is_domain(node):
            return _domain(node, scope, build)
        case tree.List(items=(_, _)) if not optional:
            return ir.Set(parts=(_box(node, scope, build),)), None
        case tree.Name() | tree.Call():
            return _word(node, scope, build, optional=optional)
    if optional:
        return None
    raise build.log.fail("GE403", "a set is needed here", node.span, hint="write `[0, 1]`, `Linf(eps)`, `L2(r)` or `Simplex(n)`")


def ranges(found: ir.Set) -> Interval | None:
    """The values that members of a plain box may take."""
    if len(found.parts) != 1 or found.parts[0].word != "Box":
        return None
    lo, hi = (a.value if isinstance(a, Num) else None for a in found.parts[0].args)
    return Interval(lo=lo, hi=hi)


def _is_domain(node: tree.Expr) -> bool:
    return isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and node.fn.id == "domain"


def _domain(node: tree.Expr, scope: Scope, build: Build) -> Found:
    assert isinstance(node, tree.Call)
    typed = expressions.lower(node.args[0], scope, build) if len(node.args) == 1 else None
    if typed is None:
        raise build.log.fail("GE207", "`domain` takes 1 argument", node.span)
    if typed.range is None:
        raise build.log.fail("GE404", "the domain of this is not declared", node.args[0].span,
                             hint="declare it on the data: `a: R[64] in [0, 1]`")  # fmt: skip
    return ir.Set(parts=(ir.Part(word="Box", args=_ends(typed.range)),)), typed.type


def _ends(interval: Interval) -> tuple[Expr, Expr]:
    lo = Word(value="-inf") if interval.lo is None else Num(value=interval.lo)
    hi = Word(value="inf") if interval.hi is None else Num(value=interval.hi)
    return lo, hi


def _box(node: tree.List, scope: Scope, build: Build) -> ir.Part:
    lo, hi = (evaluate(i, scope, build.log) for i in node.items)
    for value, item in zip((lo, hi), node.items, strict=True):
        if not isinstance(value, Fraction) and value not in (INFINITY, "-inf"):
            raise build.log.fail("GE402", "an end of an interval is a number", item.span)
    if isinstance(lo, Fraction) and isinstance(hi, Fraction) and lo > hi:
        raise build.log.fail("GE402", "this interval is empty", node.span, f"{lo} is larger than {hi}", hint=f"write `[{hi}, {lo}]`")
    return ir.Part(word="Box", args=tuple(to_expr(v) for v in (lo, hi)))


def _word(node: tree.Name | tree.Call, scope: Scope, build: Build, *, optional: bool) -> Found | None:
    name = node if isinstance(node, tree.Name) else node.fn
    if not isinstance(name, tree.Name):
        return None if optional else _no_set(node, build.log)
    binding = scope.find(name.id)
    match binding:
        case SetName():
            return binding.set, binding.type
        case Broken():
            raise Failed
        case LetName() if not binding.body.side:
            return lower_set(binding.body.expr, binding.scope, build, optional=optional)
        case DefName() if isinstance(node, tree.Call):
            return _definition(node, binding, scope, build, optional=optional)
        case None if name.id in words("sets"):
            return ir.Set(parts=(_library(node, name, scope, build),)), None
    if optional:
        return None
    near = nearest(name.id, [*words("sets"), *(n for n in scope.visible() if isinstance(scope.find(n), SetName))])
    raise build.log.fail("GE403", f"unknown set `{name.id}`", name.span, f"did you mean `{near}`?" if near else "",
                         hint=f"write `{near}`" if near else f"sets: [lo, hi], {', '.join(words('sets'))}")  # fmt: skip


def _no_set(node: tree.Expr, log: Log) -> None:
    raise log.fail("GE403", "a set is needed here", node.span)


def _library(node: tree.Name | tree.Call, name: tree.Name, scope: Scope, build: Build) -> ir.Part:
    entry = words("sets")[name.id]
    given = node.args if isinstance(node, tree.Call) else ()
    kwargs = {k.key: k.value for k in node.kwargs} if isinstance(node, tree.Call) else {}
    args: list[Expr] = []
    for i, option in enumerate(entry.options):
        arg = given[i] if i < len(given) else kwargs.pop(option.name, None)
        if arg is None:
            if not isinstance(option.default, (int, float, str)):
                raise build.log.fail("GE501", f"`{name.id}` needs `{option.name}`", node.span, hint=signature(name.id, entry.options))
            args.append(to_expr(Fraction(str(option.default))) if not isinstance(option.default, str) else Word(value=option.default))
            continue
        args.append(_number(arg, scope, build))
    if len(given) > len(entry.options) or kwargs:
        raise build.log.fail("GE501", f"`{name.id}` has no such argument", node.span, hint=signature(name.id, entry.options))
    return ir.Part(word=name.id, args=tuple(args))


def _number(arg: tree.Expr, scope: Scope, build: Build) -> Expr:
    """A constant argument of a set: by name where a parameter gives it, so that the program shows the name."""
    value = evaluate(arg, scope, build.log)
    if not isinstance(value, Fraction) and value not in (INFINITY, "-inf"):
        raise build.log.fail("GE501", "a number is needed here", arg.span)
    if isinstance(value, Fraction) and isinstance(arg, tree.Name):
        found = expressions.lower(arg, scope, build)
        if isinstance(found.expr, Ref):
            return found.expr
    return to_expr(value)


def _definition(node: tree.Call, binding: DefName, scope: Scope, build: Build, *, optional: bool) -> Found | None:
    definition = binding.definition
    if definition.body.side or len(node.args) != len(definition.formals) or definition.name.id in build.expanding:
        return None if optional else _no_set(node, build.log)
    inner = binding.scope.child()
    inner.draws, inner.samples = scope.draws, scope.samples
    for formal, arg in zip(definition.formals, node.args, strict=True):
        inner.names[formal.name.id] = _argument(arg, scope, build)
    build.expanding.append(definition.name.id)
    try:
        return lower_set(definition.body.expr, inner, build, optional=optional)
    finally:
        build.expanding.pop()


def _argument(arg: tree.Expr, scope: Scope, build: Build) -> Bound | object:
    if isinstance(arg, tree.Name):
        binding = scope.find(arg.id)
        if binding is not None and not isinstance(binding, LetName):
            return binding
    return Bound(expressions.lower(arg, scope, build), arg.span)


__all__ = ["lower_set", "ranges"]
