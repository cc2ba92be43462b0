"""Expressions: names resolved, types checked, as IR."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from gamespec.check import binders, calls
from gamespec.check.build import Build
from gamespec.check.constant import columns_of, reference, sensible, to_expr
from gamespec.check.scope import (
    Bound,
    Broken,
    Const,
    DataName,
    DefName,
    DistName,
    Failed,
    FreeDim,
    LetName,
    ModuleName,
    NetName,
    Scope,
    SetName,
    Typed,
    VarName,
    unknown_name,
)
from gamespec.check.shape import Shaped, ShapeError, call
from gamespec.check.types import ranges
from gamespec.ir.expr import Array, Call, Expr, If, Index, Num, Ref, Word
from gamespec.ir.types import REAL, Interval, Type
from gamespec.ir.walk import walk
from gamespec.library.functions import COMPARISONS, CONSTANTS, FUNCTIONS, OPERATORS
from gamespec.report.diagnostic import Label
from gamespec.report.suggest import nearest
from gamespec.syntax import tree


def lower(node: tree.Expr, scope: Scope, build: Build) -> Typed:
    """One expression. Raises Failed after recording what is wrong."""
    build.enter(node)
    try:
        if isinstance(node, tree.Call):
            return calls.lower_call(node, scope, build)
        if isinstance(node, tree.Bound):
            return binders.lower_bound(node, scope, build)
        return _KINDS[type(node)](node, scope, build)
    finally:
        build.leave()


def lower_body(body: tree.Body, scope: Scope, build: Build) -> Typed:
    """An expression with its `where` names (and, inside a player, its responses) in scope."""
    return lower(body.expr, binders.lower_items(body.side, scope, build), build)


def scalar(node: tree.Expr, typed: Typed, build: Build, what: str) -> Typed:
    """The expression itself when it is one number per sample at most. Raises Failed with GE204 otherwise."""
    if typed.type.kind in ("word", "class", "params", "logits", "dist", "tokens", "table") or typed.type.shape:
        hint = "wrap it in `norm(..)`, `sum(..)` or a loss such as `ce(.., b)`"
        raise build.log.fail("GE204", f"{what} must be a number", node.span, f"this is {typed.type}", hint=hint)
    build.shallow(typed.expr, node.span)
    return typed


# ------------------------------------------------------------------ leaves and names


def _number(node: tree.Num, scope: Scope, build: Build) -> Typed:
    value = sensible(node.value, node, build.log)
    return Typed(Num(value=value), REAL, range=Interval(lo=value, hi=value))


def _word(node: tree.Bool | tree.Str, scope: Scope, build: Build) -> Typed:
    return Typed(to_expr(node.value), Type(kind="word"))


def _no_number(node: tree.SetLit | tree.Equilibrium, scope: Scope, build: Build) -> Typed:
    what = "a set" if isinstance(node, tree.SetLit) else "an equilibrium"
    raise build.log.fail("GE204", f"{what} stands where a number is needed", node.span, hint="write an expression")


def _name(node: tree.Name, scope: Scope, build: Build) -> Typed:
    binding = scope.find(node.id)
    match binding:
        case None if node.id in CONSTANTS:
            return Typed(Ref(name=node.id), REAL)
        case None:
            raise unknown_name(build.log, node, scope)
        case Const():
            return _constant(binding)
        case Bound():
            return binding.typed
        case VarName():
            return Typed(Ref(name=binding.var.name), binding.var.type, rows=scope.each(binding.var.scope), range=ranges(binding.var.set))
        case NetName():
            return Typed(Ref(name=binding.net.handle), Type(kind="params", net=binding.net.name))
        case LetName():
            build.used.add(binding.name)
            return lower_body(binding.body, binding.scope, build)
        case Broken():
            raise Failed
    what, hint = {
        DataName: ("a data source", f"write `E{{x ~ {node.id}}}[ .. ]`"),
        DistName: ("a distribution", f"write `E{{z ~ {node.id}}}[ .. ]`"),
        SetName: ("a set", f"write `in {node.id}`"),
        DefName: ("a definition", f"write `{node.id}(..)`"),
        ModuleName: ("an import", f"write `{node.id}.name`"),
        FreeDim: ("a dimension that nothing tells", f"write `dim {node.id} = 4`"),
    }[type(binding)]
    raise build.log.fail("GE204", f"`{node.id}` is {what}, not a number", node.span, hint=hint)


def _constant(binding: Const) -> Typed:
    value = binding.value
    if isinstance(value, Fraction):
        return Typed(reference(binding.name, value), binding.type or REAL, range=binding.range or Interval(lo=value, hi=value))
    if isinstance(value, tuple):
        return Typed(reference(binding.name, value), Type(kind="real", shape=tuple_shape(value)))
    return Typed(to_expr(value), Type(kind="word"))


def tuple_shape(value: tuple[object, ...]) -> tuple[int, ...]:
    """The shape of an array of numbers."""
    first = value[0] if value else None
    return (len(value), *(tuple_shape(first) if isinstance(first, tuple) else ()))


# ------------------------------------------------------------------ operators


def function(fn: str, args: tuple[Typed, ...], nodes: tuple[tree.Expr, ...], whole: tree.Expr, build: Build) -> Typed:
    """`fn` applied to lowered arguments. Raises Failed with GE203 or GE207 when their types do not fit."""
    for arg, node in zip(args, nodes, strict=True):
        allowed = ("add", "sub", "mul", "div", "neg", "norm") if arg.type.kind == "params" else ("eq", "ne")
        if arg.type.kind in ("word", "params", "dist", "tokens", "table") and fn not in allowed:
            raise build.log.fail("GE207", f"`{arg.type}` is no number", node.span, hint="write a number, or a name that stands for one")
    try:
        shape = call(fn, tuple(Shaped(a.type, a.rows) for a in args))
    except ShapeError as e:
        related = tuple(Label(n.span, str(a.type)) for a, n in zip(args, nodes, strict=True))
        shapes = any(word in e.misfit.cause for word in ("match", "against", "compared"))
        code, title, label = ("GE203", "shapes do not match", e.misfit.cause) if shapes else ("GE207", e.misfit.cause, "")
        hint = e.misfit.hint or "give both sides the same shape, or take one number of each"
        raise build.log.fail(code, title, whole.span, label, hint=hint, related=related) from None
    return Typed(Call(fn=fn, args=tuple(a.expr for a in args)), shape.type, shape.rows, _range(fn, args))


def _range(fn: str, args: tuple[Typed, ...]) -> Interval | None:
    first = args[0].range
    if fn == "neg" and first is not None:
        return Interval(lo=None if first.hi is None else -first.hi, hi=None if first.lo is None else -first.lo)
    if fn in FUNCTIONS and FUNCTIONS[fn].sign > 0:
        return Interval(lo=Fraction(0))
    return None


def _unary(node: tree.Unary, scope: Scope, build: Build) -> Typed:
    return function("neg" if node.op == "-" else "not", (lower(node.arg, scope, build),), (node.arg,), node, build)


def _binary(node: tree.Binary, scope: Scope, build: Build) -> Typed:
    """A chain of operators from the left, without recursion along the chain."""
    spine: list[tree.Binary] = []
    first: tree.Expr = node
    while isinstance(first, tree.Binary) and first.op in OPERATORS:
        spine.append(first)
        first = first.left
    if not spine:
        raise build.log.fail("GE204", f"`{node.op}` makes a set, and a number is needed", node.span, hint="sets stand after `in`")
    result, before = lower(first, scope, build), first
    for part in reversed(spine):
        result = function(OPERATORS[part.op], (result, lower(part.right, scope, build)), (before, part.right), part, build)
        before = part
    return result


def _compare(node: tree.Compare, scope: Scope, build: Build) -> Typed:
    left, left_node = lower(node.first, scope, build), node.first
    conditions: list[Typed] = []
    for op, right_node in node.rest:
        right = lower(right_node, scope, build)
        conditions.append(function(COMPARISONS[op], (left, right), (left_node, right_node), node, build))
        left, left_node = right, right_node
    result = conditions[0]
    for one in conditions[1:]:
        result = function("and", (result, one), (node, node), node, build)
    return result


def _if(node: tree.If, scope: Scope, build: Build) -> Typed:
    cond, then, other = (lower(e, scope, build) for e in (node.cond, node.then, node.other))
    if cond.type.kind != "bool":
        raise build.log.fail("GE207", "a condition is needed after `if`", node.cond.span, f"this is {cond.type}", hint="compare: `x > 0`")
    both = function("add", (then, other), (node.then, node.other), node, build)
    each = Typed(cond.expr, Type(kind="real", shape=cond.type.shape), cond.rows)
    whole = function("add", (each, both), (node.cond, node), node, build)
    return Typed(If(cond=cond.expr, then=then.expr, other=other.expr), whole.type, whole.rows)


# ------------------------------------------------------------------ arrays and columns


def _array(node: tree.List | tree.Tuple, scope: Scope, build: Build) -> Typed:
    items = tuple(lower(i, scope, build) for i in node.items)
    if not items:
        raise build.log.fail("GE208", "an array without numbers", node.span, hint="write at least one number: `[0]`")
    for item, at in zip(items, node.items, strict=True):
        if not item.type.numeric or item.type.kind == "logits":
            raise build.log.fail("GE207", f"an array holds numbers, and this is {item.type}", at.span, hint="write numbers")
    if len({i.type.shape for i in items}) > 1:
        raise build.log.fail("GE203", "the rows of this array have different lengths", node.span, hint="give each row as many numbers")
    inner = items[0].type.shape
    return Typed(Array(items=tuple(i.expr for i in items)), Type(kind="real", shape=(len(items), *inner)), any(i.rows for i in items))


def _index(node: tree.Index, scope: Scope, build: Build) -> Typed:
    base = lower(node.base, scope, build)
    indices = tuple(lower(i, scope, build) for i in node.indices)
    expr = Index(base=base.expr, indices=tuple(i.expr for i in indices))
    binding = scope.find(node.base.id) if isinstance(node.base, tree.Name) else None
    family = isinstance(binding, VarName) and binding.var.axis > 0 and bool(binding.var.scope)
    shape = (base.type.size,) if base.type.kind == "logits" else (10**9,) if family else base.type.shape
    if len(indices) > len(shape):
        raise build.log.fail("GE203", f"`{base.type}` has {len(shape)} index(es)", node.span, f"{len(indices)} given", hint="give fewer")
    for i, inode, size in zip(indices, node.indices, shape, strict=False):
        _check_index(i, inode, size, scope, build)
    if family:
        return Typed(expr, base.type, rows=True)
    return Typed(expr, Type(kind="real", shape=shape[len(indices) :]), base.rows or any(i.rows for i in indices), base.range)


def _check_index(index: Typed, node: tree.Expr, size: int, scope: Scope, build: Build) -> None:
    if index.type.kind not in ("index", "class", "real") or index.type.shape:
        raise build.log.fail("GE207", f"`{index.type}` is no index", node.span, hint="write a whole number, or the index of a sum")
    if index.type.kind == "real" and any(isinstance(e, If) or _continuous(e, scope) for e in walk(index.expr)):
        hint = "choose between elements: `if c then z[1] else z[0]`"
        raise build.log.fail("GE207", "an index is a whole number", node.span, "this can be any number", hint=hint)
    lo, hi = (index.range.lo, index.range.hi) if index.range is not None else (None, None)
    if index.type.kind == "class":
        lo, hi = Fraction(0), Fraction(index.type.size - 1)
    if isinstance(index.expr, Num) and index.expr.value.denominator != 1:
        raise build.log.fail("GE207", "an index is a whole number", node.span, hint="write `0`")
    if (
        (lo is not None and lo < 0)
        or (hi is not None and hi >= size and index.type.kind != "real")
        or (isinstance(index.expr, Num) and index.expr.value >= size)
    ):
        raise build.log.fail("GE203", "index out of range", node.span, f"{lo} to {hi} are asked of {size}", hint=f"0 to {size - 1} are possible")


def _continuous(expr: Expr, scope: Scope) -> bool:
    """Whether an expression is a variable of real numbers."""
    binding = scope.find(expr.name) if isinstance(expr, Ref) else None
    return isinstance(binding, VarName) and binding.var.type.kind == "real"


def _attribute(node: tree.Attr, scope: Scope, build: Build) -> Typed:
    binding = scope.find(node.base.id) if isinstance(node.base, tree.Name) else None
    if isinstance(binding, Broken):
        raise Failed
    if isinstance(binding, Bound) and binding.typed.type.kind == "table" and isinstance(binding.typed.expr, Ref):
        return _part(node, binding.typed, binding.typed.expr.name, scope, build)
    if not isinstance(binding, DataName):
        raise build.log.fail("GE204", f"`.{node.key}` needs a data source on its left", node.span, hint="write `train.x`")
    data = binding.data
    offered = {f.name: f.type for f in data.fields}
    for name, column in columns_of(data.source).items():
        offered.setdefault(name, Type(kind=column.kind, shape=column.shape if column.kind == "real" else (), size=column.size))
    if node.key not in offered:
        near = nearest(node.key, offered)
        raise build.log.fail("GE101", f"`{data.name}` has no column `{node.key}`", node.span, f"did you mean `{near}`?" if near else "",
                             hint=f"write `{data.name}.{near}`" if near else f"columns: {', '.join(offered)}")  # fmt: skip
    expr: Expr = Call(fn="column", args=(Word(value=data.name), Word(value=node.key)))
    return Typed(expr, offered[node.key], rows=True)


def _part(node: tree.Attr, of: Typed, name: str, scope: Scope, build: Build) -> Typed:
    """`tau.train`: a table of one sample."""
    found = scope.find(of.type.net)
    parts = {f.name.partition(".")[0] for f in found.data.fields} if isinstance(found, DataName) else set()
    if "." in name or node.key not in parts - {""}:
        raise build.log.fail("GE101", f"a sample of `{of.type.net}` has no table `{node.key}`", node.span,
                             hint=f"tables: {', '.join(sorted(parts - {''})) or 'it is one itself'}")  # fmt: skip
    return Typed(Ref(name=f"{name}.{node.key}"), of.type)


_KINDS: dict[type, Callable[[Any, Scope, Build], Typed]] = {
    tree.Num: _number,
    tree.Bool: _word,
    tree.Str: _word,
    tree.Name: _name,
    tree.List: _array,
    tree.Tuple: _array,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Compare: _compare,
    tree.If: _if,
    tree.Index: _index,
    tree.Attr: _attribute,
    tree.SetLit: _no_number,
    tree.Equilibrium: _no_number,
}
