"""Declarations: params, dims, data, distributions, networks, variables, lets and defs enter the scope."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import binders, dims
from gamespec.check.columns import check_columns, inside
from gamespec.check.constant import evaluate, plain, plain_use, to_expr
from gamespec.check.foreign import foreign, wball
from gamespec.check.moves import check_moves
from gamespec.check.names import BUILTIN
from gamespec.check.scope import (
    Broken,
    Const,
    DataName,
    DefName,
    DistName,
    Failed,
    FreeDim,
    LetName,
    Log,
    NetName,
    Scope,
    VarName,
    declared_at,
)
from gamespec.check.sets import lower_set
from gamespec.check.types import lower_fields, lower_range, lower_type, no_words, ranges, task_fields
from gamespec.check.words import LARGEST, Word, show, use
from gamespec.ir import game as ir
from gamespec.ir.expr import Ref
from gamespec.ir.types import INDEX, REAL, Interval, Type
from gamespec.library.base import Option
from gamespec.library.registry import words
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gamespec.check.build import Build

Declaration = tree.Param | tree.Dim | tree.Data | tree.Dist | tree.Net | tree.Var | tree.Let | tree.Def
Declared = ir.Param | ir.Data | ir.Dist | ir.Net | ir.Var | None

DISTS = {
    "Normal": Word((Option("mean", float, 0), Option("std", float, 1))),
    "Uniform": Word((Option("lo", float, 0), Option("hi", float, 1))),
}


def declare(statement: Declaration, scope: Scope, build: Build, overrides: Mapping[str, Const]) -> Declared:
    """Enter one declaration into the scope; gives its IR value, if it has one. A name that failed is `Broken`."""
    name = statement.name
    try:
        claim(name, scope, build.log)
        build.taken.add(name.id)
        match statement:
            case tree.Param():
                return _param(statement, scope, build, overrides.get(name.id))
            case tree.Dim():
                return _dim(statement, scope, build)
            case tree.Data():
                return _data(statement, scope, build)
            case tree.Dist():
                return _dist(statement, scope, build)
            case tree.Net():
                return _net(statement, scope, build)
            case tree.Var():
                return _var(statement, scope, build)
            case tree.Let():
                return _let(statement, scope, build)
            case tree.Def():
                body = statement.body.expr
                if isinstance(body, tree.Call) and scope.find("py") is None and foreign(body, build) is not None:
                    said, hint = "a function from outside is a network that nobody trains", f'net {name.id}: R[2] -> R = py("module:Name") frozen'
                    raise build.log.fail("GE601", said, body.fn.span, "`def` is written in the language", hint=f"write `{hint}`")
                scope.names[name.id] = DefName(statement, scope)
                return None
    except Failed:
        scope.names.setdefault(name.id, Broken(name.span))
        if isinstance(statement, tree.Net) and statement.params is not None:
            scope.names.setdefault(statement.params.id, Broken(name.span))
        return None


def claim(name: tree.Name, scope: Scope, log: Log) -> None:
    """Raise Failed with GE102 where the name is taken; GW110 where it hides a word of the library."""
    before = scope.names.get(name.id)
    if isinstance(before, Broken) and before.span == name.span:
        raise Failed
    if before is not None:
        at = declared_at(before)
        raise log.fail("GE102", f"`{name.id}` is declared twice", name.span, "second declaration",
                       related=(Label(at, "first declaration"),) if at else (), hint=f"call one of them `{name.id}_2`")  # fmt: skip
    if name.id in BUILTIN:
        log.add("GW110", f"`{name.id}` hides a word of the library", name.span, hint=f"call it `{name.id}_`")


# ------------------------------------------------------------------ params, dims, lets


def _param(s: tree.Param, scope: Scope, build: Build, override: Const | None) -> ir.Param:
    written = evaluate(s.value, scope, build)
    value, span = (override.value, override.span) if override else (written, s.value.span)
    if isinstance(value, tuple):
        _check_array(value, s.value if override is None else None, build)
    if _kind(value) != _kind(written):
        raise build.log.fail("GE207", f"`{s.name.id}` is {_kind(written)}", span, f"found `{show(value)}`",
                             related=(Label(s.name.span, "declared here"),), hint=f"write {_kind(written)}, such as `{show(written)}`")  # fmt: skip
    kind = None if s.type is None else _check_param_type(s, value, scope, build)
    rng = lower_range(s.range, scope, build)
    if rng is not None and isinstance(value, Fraction) and not inside(value, rng):
        shown = f"[{'-inf' if rng.lo is None else rng.lo}, {'inf' if rng.hi is None else rng.hi}]"
        nearest_end = rng.lo if rng.lo is not None and value < rng.lo else rng.hi
        raise build.log.fail(
            "GE405", f"`{s.name.id}` is outside its range", span, f"{value} is not in {shown}", hint=f"write `{nearest_end}`, or change the range"
        )
    scope.names[s.name.id] = Const(s.name.id, value, s.name.span, rng, kind)
    build.spans[f"param:{s.name.id}"] = s.value.span if override is None else override.span
    return ir.Param(name=s.name.id, value=to_expr(value), range=rng, type=kind)


def _kind(value: object) -> str:
    names = {bool: "true or false", Fraction: "a number", tuple: "an array"}
    return "a number" if value in ("inf", "-inf") else names.get(type(value), "a word")


def _check_param_type(s: tree.Param, value: object, scope: Scope, build: Build) -> Type | None:
    """The type of a class or an index, None for plain numbers. Raises Failed with GE207 where the value is none."""
    assert s.type is not None
    kind = lower_type(s.type, scope, build)
    counts = kind == INDEX or kind.kind == "class"
    whole = not counts or (isinstance(value, Fraction) and value.denominator == 1 and (kind == INDEX or 0 <= value < kind.size))
    shape = shape_of(value)
    if shape is None or kind.kind not in ("real", "index", "prob", "class") or kind.shape != shape or not whole:
        raise build.log.fail("GE207", f"`{s.name.id}` is declared as another thing", s.value.span, f"{kind} is declared",
                             related=(Label(s.type.span, "declared here"),), hint="drop the type")  # fmt: skip
    return kind if counts else None


def _dim(s: tree.Dim, scope: Scope, build: Build) -> ir.Param | None:
    if s.value is None:
        scope.names[s.name.id] = FreeDim(s.name.id, s.name.span)
        return None
    value = evaluate(s.value, scope, build)
    if not isinstance(value, Fraction) or value.denominator != 1 or not 1 <= value <= LARGEST:
        raise build.log.fail("GE202", "a dimension is a whole number from 1", s.value.span, hint="write `4`")
    scope.names[s.name.id] = Const(s.name.id, value, s.name.span)
    return ir.Param(name=s.name.id, value=to_expr(value))


def _let(s: tree.Let, scope: Scope, build: Build) -> ir.Param | None:
    """A list of constants is a value of its own; everything else is written out where it is used."""
    scope.names[s.name.id] = LetName(s.name.id, s.body, scope, s.name.span)
    if not isinstance(s.body.expr, tree.List) or s.body.side:
        return None
    quiet = build.scratch()
    quiet.log = Log()
    try:
        value = evaluate(s.body.expr, scope, quiet)
    except Failed:
        return None
    assert isinstance(value, tuple)
    _check_array(value, s.body.expr, build)
    scope.names[s.name.id] = Const(s.name.id, value, s.name.span)
    return ir.Param(name=s.name.id, value=to_expr(value))


def shape_of(value: object) -> tuple[int, ...] | None:
    """The shape of a number or an array of numbers, None for anything else and for rows of different lengths."""
    if isinstance(value, Fraction) or value in ("inf", "-inf"):
        return ()
    if not isinstance(value, tuple):
        return None
    shapes = {shape_of(v) for v in value}
    inner = shapes.pop() if len(shapes) == 1 else () if not value else None
    return None if inner is None else (len(value), *inner)


def _check_array(value: tuple[object, ...], node: tree.Expr | None, build: Build) -> None:
    if node is not None and shape_of(value) is None and not all(isinstance(v, str) for v in value):
        raise build.log.fail("GE203", "the rows of this array have different lengths", node.span, hint="give each row as many numbers")


# ------------------------------------------------------------------ data and distributions


def _data(s: tree.Data, scope: Scope, build: Build) -> ir.Data:
    outside = foreign(s.source, build)
    given = outside is not None or (isinstance(s.source, tree.Name) and s.source.id == "given")
    source = outside or (ir.Use(word="given") if given else use(s.source, words("data"), "data source", "GE601", scope, build))
    tasks = isinstance(s.type, tree.TOf)
    if not given and not tasks:
        dims.tell(s.type, source, scope)
    fields = task_fields(s.type, s.range, scope, build) if isinstance(s.type, tree.TOf) else lower_fields(s.type, s.range, scope, build)
    if not given:
        check_columns(s, source, fields, build)
        check_moves(s, source, fields, build)
    data = ir.Data(name=s.name.id, fields=fields, source=source)
    scope.names[s.name.id] = DataName(data, s.name.span)
    build.spans[f"data:{s.name.id}"] = s.span
    return data


def _dist(s: tree.Dist, scope: Scope, build: Build) -> ir.Dist:
    source = foreign(s.source, build) or use(s.source, DISTS, "distribution", "GE601", scope, build)
    kind = lower_type(s.type, scope, build)
    if kind.kind != "real":
        raise build.log.fail("GE202", "a sample is a number or an array of numbers", s.type.span, hint="write `R[2]`")
    dist = ir.Dist(name=s.name.id, type=kind, source=source)
    scope.names[s.name.id] = DistName(dist, s.name.span)
    return dist


# ------------------------------------------------------------------ networks and variables


def _net(s: tree.Net, scope: Scope, build: Build) -> ir.Net:
    if not isinstance(s.type, tree.TFun):
        raise build.log.fail("GE202", "a network maps one type to another", s.type.span, hint=f"write `net {s.name.id}: R[2] -> R = mlp(64)`")
    given = isinstance(s.source, tree.Name) and s.source.id == "given"
    taken = s.type.source
    inputs = tuple(lower_type(f.type, scope, build) for f in taken.fields) if isinstance(taken, tree.TRecord) else (lower_type(taken, scope, build),)
    output = lower_type(s.type.target, scope, build)
    source = None if given else foreign(s.source, build) or use(s.source, words("networks"), "network", "GE601", scope, build)
    if source is not None and source.word != "py":
        _check_network(s, source, inputs, output, build)
    chosen = None if s.set is None else _function_class(s.set, scope, build)
    handle = s.params or s.name
    if s.params is not None:
        claim(s.params, scope, build.log)
    net = ir.Net(name=s.name.id, inputs=inputs, output=output, source=source, handle=handle.id, set=chosen, frozen=s.frozen)
    scope.names[handle.id] = NetName(net, handle.span, handle=True)
    scope.names[s.name.id] = NetName(net, s.name.span)
    build.taken.add(handle.id)
    build.spans[f"net:{s.name.id}"] = s.name.span
    return net


def _check_network(s: tree.Net, source: ir.Use, inputs: tuple[Type, ...], output: Type, build: Build) -> None:
    entry = words("networks")[source.word]
    fail = build.log.fail
    if len(inputs) != 1:
        raise fail(
            "GE203", f"`{source.word}` takes one input", s.type.span, f"{len(inputs)} declared", hint="use `= given` for a network of your own"
        )
    for kind in (*inputs, output):
        if kind.kind not in ("real", "logits", "prob"):
            raise fail(
                "GE203", f"`{source.word}` maps numbers to numbers", s.type.span, f"{kind} is declared", hint="write `R[n]`, `prob` or `logits[K]`"
            )
    args, options = plain_use(source)
    shapes = [(t.size,) if t.kind == "logits" else t.shape for t in (inputs[0], output)]
    misfit = entry.misfit(*shapes, *args, **options) if entry.misfit is not None else None
    if misfit is not None:
        raise fail("GE203", misfit.cause, s.type.span, f"{inputs[0]} -> {output} is declared", hint=misfit.hint)
    if entry.count(*shapes, *args, **options) > LARGEST:
        raise fail("GE202", "this network is too large", s.source.span, f"more than {LARGEST} parameters", hint="choose smaller widths")
    out = options.get("out", "none")
    if output.kind == "logits" and out != "none":
        raise fail("GE207", f"logits are before the {out}", s.source.span, f"this network ends in a {out}", hint=f"drop `out = {out}`")
    if output.kind == "prob" and out != "sigmoid":
        raise fail("GE207", "a probability needs a sigmoid", s.source.span, hint=f"write `{source.word}(.., out = sigmoid)`")


def _var(s: tree.Var, scope: Scope, build: Build) -> ir.Var:
    index, axis = "", 0
    if s.family is not None:
        name, over = s.family
        found = binders.index_set(over, scope, build)
        if found is None or found.first != 0 or found.skip is not None:
            raise build.log.fail("GE208", "a family runs over a range from 0", over.span, hint="write `0..2`")
        index, axis = name.id, found.last + 1
    ball = s.set if isinstance(s.set, tree.Call) and isinstance(s.set.fn, tree.Name) and s.set.fn.id == "Wball" else None
    chosen, told = (wball(ball, scope, build), None) if ball else lower_set(s.set, scope, build) if s.set is not None else (None, None)
    kind = lower_type(s.type, scope, build) if s.type is not None else told or REAL
    if kind.kind in ("dist", "params"):
        if not kind.net and chosen is not None and (any(p.word != "Box" for p in chosen.parts) or (told or REAL).shape not in ((), kind.shape)):
            at = s.set or s
            raise build.log.fail("GE403", "the points of a distribution lie in a box", at.span, hint=f"declare `{s.name.id}: {kind} in [-1, 1]`")
        return _mixture(s, kind, chosen, scope, build)
    no_words(kind, s.type or s, build)
    if kind.kind not in ("real", "prob"):
        raise build.log.fail("GE202", "a variable is a number or an array of numbers", (s.type or s).span, hint="write `R`, `R[n]` or `R[n, m]`")
    if told is not None and told.shape != kind.shape:
        at = s.set or s
        raise build.log.fail("GE203", "shapes do not match", at.span, f"{told} given, {kind} needed", hint=f"declare `{s.name.id}: {told}`")
    if axis:
        kind = Type(kind="real", shape=(axis, *kind.shape))
    init = to_expr(_init(s.init, kind, ranges(chosen), scope, build)) if s.init is not None else None
    if s.init is not None and init is not None and chosen is not None:
        _check_start(s.init, plain(init), kind, chosen, scope, build)
    var = ir.Var(name=s.name.id, type=kind, set=chosen, init=init, index=index, axis=axis)
    build.vars.append(var)
    build.spans[f"var:{s.name.id}"] = s.name.span
    scope.names[s.name.id] = VarName(var, s.name.span)
    return var


def _mixture(s: tree.Var, kind: Type, chosen: ir.Set | None, scope: Scope, build: Build) -> ir.Var:
    """A distribution that a player chooses, or a perturbation of all parameters of a network."""
    if s.family is not None:
        raise build.log.fail("GE290", f"a family of {kind} is not available in this version", s.span, hint="declare one variable for each")
    if s.init is not None:
        raise build.log.fail("GE207", f"`{kind}` starts by itself", s.init.span, hint="drop `init ..`")
    var = ir.Var(name=s.name.id, type=kind, set=chosen)
    build.vars.append(var)
    build.spans[f"var:{s.name.id}"] = s.name.span
    scope.names[s.name.id] = VarName(var, s.name.span)
    return var


def _function_class(node: tree.Expr, scope: Scope, build: Build) -> ir.Set:
    """`Lipschitz(1)`: the only set of networks there is."""
    call = isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and node.fn.id == "Lipschitz" and len(node.args) == 1
    bound = evaluate(node.args[0], scope, build) if call and isinstance(node, tree.Call) and not node.kwargs else None
    if not isinstance(bound, Fraction) or bound <= 0:
        raise build.log.fail("GE403", "a network lies in `Lipschitz(L)` with L > 0", node.span, hint="write `Lipschitz(1)`")
    return ir.Set(parts=(ir.Part(word="Lipschitz", args=(to_expr(bound),)),))


def _check_start(node: tree.Expr, value: object, kind: Type, chosen: ir.Set, scope: Scope, build: Build) -> None:
    """Raise Failed with GE405 where a start that is written down is no member of a set that is no box."""
    many = value if isinstance(value, tuple) else (value,) * math.prod(kind.shape)
    numbers = [float(v) for v in many if isinstance(v, (int, float))]
    if not numbers or len(numbers) < len(many):
        return
    for part in chosen.parts:
        entry = words("sets").get(part.word)
        if entry is None or entry.outside is None:
            continue
        found = [scope.find(a.name) if isinstance(a, Ref) else None for a in part.args]
        args = [float(f.value) if isinstance(f, Const) and isinstance(f.value, Fraction) else plain(a) for f, a in zip(found, part.args, strict=True)]
        why = entry.outside(numbers, *args[entry.sizes :])
        if why:
            raise build.log.fail("GE405", "a start outside the set", node.span, why, hint="write `uniform`, or a member")


def _init(node: tree.Expr, kind: Type, rng: Interval | None, scope: Scope, build: Build) -> object:
    if isinstance(node, tree.Name) and node.id in ("zeros", "uniform"):
        return node.id
    if isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and node.fn.id == "normal" and len(node.args) == 1:
        return ("normal", evaluate(node.args[0], scope, build))
    value = evaluate(node, scope, build)
    shape = shape_of(value)
    if shape is None or value in ("inf", "-inf"):
        raise build.log.fail("GE207", "a variable starts at a number", node.span, hint="write a number, `uniform`, `zeros` or `normal(0.1)`")
    if shape and shape != kind.shape:
        raise build.log.fail(
            "GE203",
            "shapes do not match",
            node.span,
            f"{Type(kind='real', shape=shape)} given, {kind} needed",
            hint="start every entry at one number: `init 0`",
        )
    if isinstance(value, Fraction) and rng is not None and not inside(value, rng):
        end = rng.lo if rng.lo is not None and value < rng.lo else rng.hi
        raise build.log.fail("GE405", "a start outside the set", node.span, f"{value} is not in it", hint=f"write `{end}`")
    return value
