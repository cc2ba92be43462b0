"""Expressions: names resolved, defs inlined, types checked, as IR."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import binders
from gamespec.check.constant import evaluate, length, reference, to_expr
from gamespec.check.scope import (
    Bound, Broken, Const, DataName, DefName, DistName, Failed, LetName, Log, NetName, Scope, SetName, Typed, VarName, unknown_name,
)  # fmt: skip
from gamespec.check.shape import Shaped, ShapeError, call
from gamespec.check.sets import lower_set
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, If, Index, Num, Ref, Stop, Word
from gamespec.ir.types import REAL, Interval, Type
from gamespec.library.functions import COMPARISONS, CONSTANTS, FUNCTIONS, OPERATORS, WRITTEN
from gamespec.library.registry import words
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.report.source import Span

_DEEPEST = 60
"""Definitions nested deeper than this are a cycle or a tower."""


@dataclass(slots=True)
class Build:
    """The game as it grows while its file is lowered."""

    log: Log
    nodes: list[ir.Node] = field(default_factory=list)
    edges: list[ir.Edge] = field(default_factory=list)
    groups: list[ir.Group] = field(default_factory=list)
    vars: list[ir.Var] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    expanding: list[str] = field(default_factory=list)
    text: str = ""
    """The text of the file."""
    path: str = ""
    """Id of the node whose objective is being lowered, empty at the root."""

    def fresh(self, name: str) -> str:
        """A name nothing else has: `name`, or `name_2`, ..."""
        unique, n = name, 2
        while unique in self.taken:
            unique, n = f"{name}_{n}", n + 1
        self.taken.add(unique)
        return unique


def lower(node: tree.Expr, scope: Scope, build: Build) -> Typed:
    """One expression. Raises Failed after recording what is wrong."""
    match node:
        case tree.Num():
            return Typed(Num(value=node.value), REAL, range=Interval(lo=node.value, hi=node.value))
        case tree.Bool() | tree.Str():
            return Typed(to_expr(node.value), Type(kind="word"))
        case tree.Name():
            return _name(node, scope, build)
        case tree.List() | tree.Tuple():
            return _array(node, scope, build)
        case tree.Unary():
            arg = lower(node.arg, scope, build)
            return function("neg" if node.op == "-" else "not", (arg,), (node.arg,), node, build)
        case tree.Binary():
            return _binary(node, scope, build)
        case tree.Compare():
            return _compare(node, scope, build)
        case tree.If():
            return _if(node, scope, build)
        case tree.Call():
            return _call(node, scope, build)
        case tree.Index():
            return _index(node, scope, build)
        case tree.Attr():
            return _attribute(node, scope, build)
        case tree.Bound():
            return binders.lower_bound(node, scope, build)
        case tree.SetLit():
            raise build.log.fail("GE204", "a set stands where a number is needed", node.span)
        case tree.Equilibrium():
            raise build.log.fail("GE204", "an equilibrium is no number", node.span, hint="write `(a, b) = nash { .. }` after `s.t.`")


def lower_body(body: tree.Body, scope: Scope, build: Build) -> Typed:
    """An expression with its `where` names (and, inside a player, its responses) in scope."""
    inner = binders.lower_items(body, scope, build)
    return lower(body.expr, inner, build)


def scalar(node: tree.Expr, typed: Typed, build: Build, what: str) -> Typed:
    """The expression itself when it is one number per sample at most. Raises Failed with GE204 otherwise."""
    if typed.type.kind in ("word", "class", "params") or typed.type.shape or typed.type.kind == "logits":
        raise build.log.fail(
            "GE204", f"{what} must be a number", node.span, f"this is {typed.type}", hint="wrap it in `norm(..)`, `sum(..)` or a loss"
        )
    return typed


# ------------------------------------------------------------------ names


def _name(node: tree.Name, scope: Scope, build: Build) -> Typed:
    binding = scope.find(node.id)
    match binding:
        case None if node.id in CONSTANTS:
            return Typed(Ref(name=node.id), REAL)
        case None:
            raise unknown_name(build.log, node, scope, tuple(WRITTEN))
        case Const():
            return _constant(node, binding)
        case Bound():
            return binding.typed
        case VarName():
            var = binding.var
            return Typed(Ref(name=var.name), var.type, rows=bool(var.scope) or binding.rows, range=_set_range(var.set))
        case NetName():
            return Typed(Ref(name=binding.net.handle), Type(kind="params", net=binding.net.name))
        case LetName():
            return expand(node, binding, build)
        case Broken():
            raise Failed
    kinds = {DataName: "a data source", DistName: "a distribution", SetName: "a set", DefName: "a definition"}
    what = kinds[type(binding)]
    hints = {
        DataName: f"write `E{{x ~ {node.id}}}[ .. ]`", DistName: f"write `E{{z ~ {node.id}}}[ .. ]`",
        SetName: f"write `in {node.id}`", DefName: f"write `{node.id}(..)`",
    }  # fmt: skip
    raise build.log.fail("GE204", f"`{node.id}` is {what}, not a number", node.span, hint=hints[type(binding)])


def _constant(node: tree.Name, binding: Const) -> Typed:
    value = binding.value
    if isinstance(value, Fraction):
        return Typed(reference(binding.name, value), REAL, range=binding.range or Interval(lo=value, hi=value))
    if isinstance(value, tuple):
        return Typed(reference(binding.name, value), Type(kind="real", shape=_tuple_shape(value)))
    return Typed(to_expr(value), Type(kind="word"))


def _tuple_shape(value: tuple[object, ...]) -> tuple[int, ...]:
    first = value[0] if value else None
    return (len(value), *(_tuple_shape(first) if isinstance(first, tuple) else ()))


def _set_range(found: ir.Set | None) -> Interval | None:
    if found is None or len(found.parts) != 1:
        return None
    part = found.parts[0]
    if part.word == "Simplex":
        return Interval(lo=Fraction(0), hi=Fraction(1))
    if part.word != "Box" or part.shift is not None:
        return None
    lo, hi = (a.value if isinstance(a, Num) else None for a in part.args)
    return Interval(lo=lo, hi=hi)


def expand(node: tree.Expr, binding: LetName, build: Build) -> Typed:
    """A `let` or `where` name, lowered where it is used. Raises Failed with GE105 on a cycle."""
    if binding.name in build.expanding or len(build.expanding) > _DEEPEST:
        chain = " -> ".join([*build.expanding[build.expanding.index(binding.name) if binding.name in build.expanding else 0 :], binding.name])
        raise build.log.fail("GE105", f"`{binding.name}` is defined by itself", node.span, chain, hint="break the circle: define one of them without the others")
    build.expanding.append(binding.name)
    try:
        return lower_body(binding.body, binding.scope, build)
    finally:
        build.expanding.pop()


# ------------------------------------------------------------------ operators and functions


def function(fn: str, args: tuple[Typed, ...], nodes: tuple[tree.Expr, ...], whole: tree.Expr, build: Build) -> Typed:
    """`fn` applied to lowered arguments. Raises Failed with GE203 or GE207 when their types do not fit."""
    for arg, node in zip(args, nodes, strict=True):
        if arg.type.kind in ("word", "params") and not (fn in ("norm", "eq", "ne")):
            raise build.log.fail("GE207", f"`{arg.type}` is no number", node.span)
    try:
        shape = call(fn, tuple(Shaped(a.type, a.rows) for a in args))
    except ShapeError as e:
        related = tuple(Label(n.span, str(a.type)) for a, n in zip(args, nodes, strict=True))
        code = "GE203" if "match" in e.misfit.cause or "against" in e.misfit.cause or "compared" in e.misfit.cause else "GE207"
        title = "shapes do not match" if code == "GE203" else e.misfit.cause
        label = e.misfit.cause if code == "GE203" else ""
        raise build.log.fail(code, title, whole.span, label, hint=e.misfit.hint, related=related) from None
    return Typed(Call(fn=fn, args=tuple(a.expr for a in args)), shape.type, shape.rows, _range(fn, args))


def _range(fn: str, args: tuple[Typed, ...]) -> Interval | None:
    ranges = [a.range for a in args]
    if fn == "neg" and ranges[0] is not None:
        r = ranges[0]
        return Interval(lo=None if r.hi is None else -r.hi, hi=None if r.lo is None else -r.lo)
    if FUNCTIONS.get(fn) and FUNCTIONS[fn].sign > 0:
        return Interval(lo=Fraction(0))
    return None


def _binary(node: tree.Binary, scope: Scope, build: Build) -> Typed:
    if node.op not in OPERATORS:
        raise build.log.fail("GE204", f"`{node.op}` makes a set, and a number is needed", node.span)
    nodes: list[tree.Expr] = [node.right]
    left: tree.Expr = node
    spine: list[tree.Binary] = []
    while isinstance(left, tree.Binary) and left.op in OPERATORS:
        spine.append(left)
        left = left.left
    del nodes
    result, before = lower(left, scope, build), left
    for part in reversed(spine):
        right = lower(part.right, scope, build)
        result = function(OPERATORS[part.op], (result, right), (before, part.right), part, build)
        before = part
    return result


def _compare(node: tree.Compare, scope: Scope, build: Build) -> Typed:
    left, left_node = lower(node.first, scope, build), node.first
    result: Typed | None = None
    for op, right_node in node.rest:
        right = lower(right_node, scope, build)
        one = function(COMPARISONS[op], (left, right), (left_node, right_node), node, build)
        result = one if result is None else function("and", (result, one), (node, node), node, build)
        left, left_node = right, right_node
    assert result is not None
    return result


def _if(node: tree.If, scope: Scope, build: Build) -> Typed:
    cond, then, other = (lower(e, scope, build) for e in (node.cond, node.then, node.other))
    if cond.type.kind != "bool":
        raise build.log.fail("GE207", "a condition is needed after `if`", node.cond.span, f"this is {cond.type}", hint="compare: `x > 0`")
    both = function("add", (then, other), (node.then, node.other), node, build)
    return Typed(If(cond=cond.expr, then=then.expr, other=other.expr), both.type, cond.rows or both.rows)


def _array(node: tree.List | tree.Tuple, scope: Scope, build: Build) -> Typed:
    items = tuple(lower(i, scope, build) for i in node.items)
    shapes = {i.type.shape for i in items}
    if len(shapes) > 1:
        raise build.log.fail("GE203", "the rows of this array have different lengths", node.span)
    inner = items[0].type.shape if items else ()
    return Typed(Array(items=tuple(i.expr for i in items)), Type(kind="real", shape=(len(items), *inner)), any(i.rows for i in items))


def _index(node: tree.Index, scope: Scope, build: Build) -> Typed:
    base = lower(node.base, scope, build)
    indices = tuple(lower(i, scope, build) for i in node.indices)
    shape = (base.type.size,) if base.type.kind == "logits" else base.type.shape
    family = isinstance(node.base, tree.Name) and isinstance(b := scope.find(node.base.id), VarName) and bool(b.var.axis and b.var.scope)
    expr = Index(base=base.expr, indices=tuple(i.expr for i in indices))
    if family:
        return Typed(expr, base.type, rows=True)
    if len(indices) > len(shape):
        raise build.log.fail("GE203", f"`{base.type}` has {len(shape)} index(es)", node.span, f"{len(indices)} given")
    for i, inode, size in zip(indices, node.indices, shape, strict=False):
        if isinstance(i.expr, Num) and not (i.expr.value.denominator == 1 and 0 <= i.expr.value < size):
            raise build.log.fail("GE203", "index out of range", inode.span, f"0 to {size - 1} are possible")
        if i.type.kind not in ("index", "class", "real"):
            raise build.log.fail("GE207", f"`{i.type}` is no index", inode.span)
    return Typed(expr, Type(kind="real", shape=shape[len(indices) :]), base.rows or any(i.rows for i in indices), base.range)


def _attribute(node: tree.Attr, scope: Scope, build: Build) -> Typed:
    binding = scope.find(node.base.id) if isinstance(node.base, tree.Name) else None
    if not isinstance(binding, DataName):
        raise build.log.fail("GE204", f"`.{node.key}` needs a data source on its left", node.span)
    data = binding.data
    offered = {f.name: f.type for f in data.fields}
    source = words("data")[data.source.word]
    for name, col in source.columns.items():
        kind = col.kind if col.kind != "class" else "class"
        offered.setdefault(name, Type(kind=kind, shape=col.shape if kind == "real" else (), size=col.size))
    if node.key not in offered:
        from gamespec.report.suggest import nearest

        near = nearest(node.key, offered)
        raise build.log.fail("GE101", f"`{data.name}` has no column `{node.key}`", node.span, f"did you mean `{near}`?" if near else "",
                             hint=f"columns: {', '.join(offered)}")  # fmt: skip
    expr = Call(fn="column", args=(Word(value=data.name), Word(value=node.key)))
    return Typed(expr, offered[node.key], rows=True)


# ------------------------------------------------------------------ calls


def _call(node: tree.Call, scope: Scope, build: Build) -> Typed:
    if not isinstance(node.fn, tree.Name):
        raise build.log.fail("GE204", "only names can be called", node.fn.span)
    binding = scope.find(node.fn.id)
    match binding:
        case NetName():
            return _apply(node, binding, scope, build)
        case DefName():
            return _inline(node, binding, scope, build)
        case Broken():
            raise Failed
        case None:
            return _builtin(node, node.fn, scope, build)
    raise build.log.fail("GE204", f"`{node.fn.id}` is no function", node.fn.span, hint=f"write `{node.fn.id} * (..)` to multiply")


def _builtin(node: tree.Call, fn: tree.Name, scope: Scope, build: Build) -> Typed:
    special = {"stop": _stop, "len": _len, "sample": _sample}
    if fn.id in special:
        return special[fn.id](node, scope, build)
    if fn.id in words("metrics"):
        return _metric(node, fn, scope, build)
    if fn.id not in WRITTEN:
        raise unknown_name(build.log, fn, scope, (*WRITTEN, *words("metrics"), *special), "function")
    row = FUNCTIONS[fn.id]
    if node.kwargs:
        raise build.log.fail("GE207", f"`{fn.id}` has no named arguments", node.kwargs[0].span)
    if not row.arity[0] <= len(node.args) <= row.arity[1]:
        many = str(row.arity[0]) if row.arity[0] == row.arity[1] else f"{row.arity[0]} to {row.arity[1]}"
        raise build.log.fail("GE207", f"`{fn.id}` takes {many} argument(s)", node.span, f"{len(node.args)} given")
    args = tuple(lower(a, scope, build) for a in node.args)
    if fn.id == "log":
        binders.check_log(args[0], node.args[0], build)
    return function(fn.id, args, node.args, node, build)


def _stop(node: tree.Call, scope: Scope, build: Build) -> Typed:
    if len(node.args) != 1:
        raise build.log.fail("GE207", "`stop` takes 1 argument", node.span)
    inner = lower(node.args[0], scope, build)
    return Typed(Stop(body=inner.expr), inner.type, inner.rows, inner.range)


def _len(node: tree.Call, scope: Scope, build: Build) -> Typed:
    if len(node.args) != 1 or not isinstance(node.args[0], tree.Name):
        raise build.log.fail("GE207", "`len` takes the name of a data source", node.span)
    n = length(node.args[0], scope, build.log)
    return Typed(Num(value=n), REAL)


def _sample(node: tree.Call, scope: Scope, build: Build) -> Typed:
    """`sample(source, n)` or `sample(net, source, n)`: n draws, through the network where one is named."""
    bindings = [scope.find(a.id) if isinstance(a, tree.Name) else None for a in node.args[:-1]]
    shapes = [type(b) for b in bindings]
    if len(node.args) not in (2, 3) or shapes[-1] not in (DataName, DistName) or (len(shapes) == 2 and shapes[0] is not NetName):
        raise build.log.fail("GE207", "`sample` takes a source and a number, or a network, a source and a number", node.span,
                             hint="write `sample(G, z, 4096)`")  # fmt: skip
    count = evaluate(node.args[-1], scope, build.log)
    names = tuple(Word(value=a.id) for a in node.args[:-1] if isinstance(a, tree.Name))
    first = bindings[0]
    if isinstance(first, NetName):
        kind = first.net.output
    elif isinstance(first, DataName):
        kind = first.data.fields[0].type
    else:
        assert isinstance(first, DistName)
        kind = first.dist.type
    return Typed(Call(fn="sample", args=(*names, to_expr(count))), kind, rows=True)


def _metric(node: tree.Call, fn: tree.Name, scope: Scope, build: Build) -> Typed:
    entry = words("metrics")[fn.id]
    if len(node.args) < entry.arity:
        raise build.log.fail("GE207", f"`{fn.id}` takes {entry.arity} column(s)", node.span, f"{len(node.args)} given")
    args = [lower(a, scope, build) for a in node.args[: entry.arity]]
    extra: dict[str, object] = {o.name: o.default for o in entry.options}
    for option, arg in zip(entry.options, node.args[entry.arity :], strict=False):
        extra[option.name] = evaluate(arg, scope, build.log)
    for kwarg in node.kwargs:
        if kwarg.key not in extra:
            raise build.log.fail("GE501", f"unknown argument `{kwarg.key}` of `{fn.id}`", kwarg.span)
        extra[kwarg.key] = evaluate(kwarg.value, scope, build.log)
    values = tuple(to_expr(v if not isinstance(v, float) else Fraction(str(v))) for v in extra.values())
    shape = Typed(Call(fn=fn.id, args=(*(a.expr for a in args), *values)), REAL)
    if entry.result == "rows":
        kind = args[-1].type if args else Type(kind="real", shape=(2,))
        return Typed(shape.expr, kind, rows=True)
    return shape


def _apply(node: tree.Call, binding: NetName, scope: Scope, build: Build) -> Typed:
    net = binding.net
    args = tuple(lower(a, scope, build) for a in node.args)
    if len(args) != len(net.inputs):
        raise build.log.fail("GE207", f"`{net.name}` takes {len(net.inputs)} input(s)", node.span, f"{len(args)} given")
    for arg, want, arg_node in zip(args, net.inputs, node.args, strict=True):
        if arg.type.kind in ("class", "word", "params") or (arg.type.shape != want.shape and not (arg.type.kind == "logits" and want.shape == (arg.type.size,))):
            raise build.log.fail(
                "GE203", "shapes do not match", arg_node.span, f"{arg.type} given, {want} needed",
                hint=f"make both {arg.type}, or change the input of `{net.name}`", related=(Label(binding.span, f"`{net.name}` takes {want}"),),
            )  # fmt: skip
    at: Expr | None = None
    if node.params:
        given = lower(node.params[0], scope, build)
        if given.type.kind != "params":
            raise build.log.fail("GE207", f"parameters of `{net.name}` are needed after `;`", node.params[0].span, f"this is {given.type}")
        at = None if given.expr == Ref(name=net.handle) else given.expr
    rng = Interval(lo=Fraction(0), hi=Fraction(1)) if net.output.kind == "prob" else None
    return Typed(Apply(net=net.name, args=tuple(a.expr for a in args), at=at), net.output, any(a.rows for a in args), rng)


def _inline(node: tree.Call, binding: DefName, scope: Scope, build: Build) -> Typed:
    definition = binding.definition
    name = definition.name.id
    if name in build.expanding or len(build.expanding) > _DEEPEST:
        raise build.log.fail("GE105", f"`{name}` calls itself", node.span, hint="definitions are written out where they are used and may not recurse")
    if len(node.args) != len(definition.formals):
        raise build.log.fail("GE207", f"`{name}` takes {len(definition.formals)} argument(s)", node.span, f"{len(node.args)} given",
                             related=(Label(definition.name.span, "defined here"),))  # fmt: skip
    inner = binding.scope.child()
    inner.draws, inner.samples = scope.draws, scope.samples
    for formal, arg in zip(definition.formals, node.args, strict=True):
        inner.names[formal.name.id] = _argument(arg, scope, build)
        if _mentions(arg, scope.samples):
            inner.samples |= {formal.name.id}
    build.expanding.append(name)
    try:
        return lower_body(definition.body, inner, build)
    finally:
        build.expanding.pop()


def _argument(arg: tree.Expr, scope: Scope, build: Build) -> Bound | NetName | DataName | DistName | SetName | DefName:
    if isinstance(arg, tree.Name):
        binding = scope.find(arg.id)
        if isinstance(binding, (NetName, DataName, DistName, SetName, DefName)):
            return binding
    found = lower_set(arg, scope, build, optional=True)
    if found is not None:
        return SetName(found[0], found[1], arg.span)
    return Bound(lower(arg, scope, build), arg.span)


def _mentions(node: tree.Expr, names: frozenset[str]) -> bool:
    return bool(names) and any(n in names for n in binders.written_names(node))


__all__ = ["Build", "expand", "function", "lower", "lower_body", "scalar"]
