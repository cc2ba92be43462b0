"""Declarations: params, dims, data, distributions, networks, variables, lets and defs enter the scope."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import evaluate, plain_use, to_expr
from gamespec.check.scope import Broken, Const, DataName, DefName, DistName, Failed, LetName, Log, NetName, Scope, VarName, declared_at
from gamespec.check.sets import lower_set
from gamespec.check.types import lower_fields, lower_range, lower_type
from gamespec.check.words import use
from gamespec.ir import game as ir
from gamespec.ir.types import INDEX, REAL, Field, Type
from gamespec.library.base import Option
from gamespec.library.registry import words
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gamespec.check.expressions import Build

DISTS: dict[str, tuple[Option, ...]] = {
    "Normal": (Option("mean", float, 0), Option("std", float, 1)),
    "Uniform": (Option("lo", float, 0), Option("hi", float, 1)),
}


def _claim(name: tree.Name, scope: Scope, log: Log) -> None:
    before = scope.names.get(name.id)
    if before is not None and not isinstance(before, Broken):
        at = declared_at(before)
        log.add("GE103", f"`{name.id}` is declared twice", name.span, "second declaration",
                related=(Label(at, "first declaration"),) if at else (), hint=f"call one of them `{name.id}_2`")  # fmt: skip
        raise Failed


def declare(statement: tree.Statement, scope: Scope, build: Build, overrides: Mapping[str, object]) -> object | None:
    """Enter one declaration into the scope; gives its IR value, if it has one."""
    name = getattr(statement, "name", None)
    if not isinstance(name, tree.Name):
        return None
    try:
        _claim(name, scope, build.log)
        return _declare(statement, scope, build, overrides)
    except Failed:
        scope.names.setdefault(name.id, Broken(name.span))
        return None


def _declare(statement: tree.Statement, scope: Scope, build: Build, overrides: Mapping[str, object]) -> object | None:
    match statement:
        case tree.Param():
            return _param(statement, scope, build, overrides)
        case tree.Dim():
            if statement.value is None:
                raise build.log.fail("GE290", "a `dim` without a value is not available in this version", statement.span, hint="write `dim n = 4`")
            value = evaluate(statement.value, scope, build.log)
            scope.names[statement.name.id] = Const(statement.name.id, value, statement.name.span)
            build.taken.add(statement.name.id)
            return ir.Param(name=statement.name.id, value=to_expr(value))
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
            scope.names[statement.name.id] = DefName(statement, scope)
    return None


def _param(s: tree.Param, scope: Scope, build: Build, overrides: Mapping[str, object]) -> ir.Param:
    value = overrides.get(s.name.id, evaluate(s.value, scope, build.log))
    rng = lower_range(s.range, scope, build.log)
    if rng is not None and isinstance(value, Fraction) and ((rng.lo is not None and value < rng.lo) or (rng.hi is not None and value > rng.hi)):
        build.log.add("GE405", f"`{s.name.id}` is outside its range", s.value.span, f"{value} is not in [{rng.lo}, {rng.hi}]",
                      hint="change the value or the range")  # fmt: skip
    build.taken.add(s.name.id)
    scope.names[s.name.id] = Const(s.name.id, value, s.name.span, rng)
    build.spans[f"param:{s.name.id}"] = s.value.span
    return ir.Param(name=s.name.id, value=to_expr(value), range=rng)


def _data(s: tree.Data, scope: Scope, build: Build) -> ir.Data:
    table = {k: v.options for k, v in words("data").items()} | {"given": ()}
    source = use(s.source, table, "data source", "GE601", scope, build.log)
    fields = lower_fields(s.type, s.range, scope, build.log)
    if source.word != "given":
        _check_columns(s, source, fields, build)
    data = ir.Data(name=s.name.id, fields=fields, source=source)
    scope.names[s.name.id] = DataName(data, s.name.span)
    build.spans[f"data:{s.name.id}"] = s.span
    return data


def _check_columns(s: tree.Data, source: ir.Use, fields: tuple[Field, ...], build: Build) -> None:
    """The declared type against what the source offers (GE602)."""
    entry = words("data")[source.word]
    _, options = plain_use(source)
    targets = list(options.get("targets") or ("y",))  # type: ignore[call-overload]  # a tuple of words; until 2027-11
    for field in fields:
        if field.type.kind == "class":
            wanted = targets.pop(0) if targets else "y"
        else:
            wanted = "i" if field.type.kind == "index" else "x"
        column = entry.columns.get(wanted)
        if column is None:
            raise build.log.fail("GE602", f"`{source.word}` has no column `{wanted}`", s.source.span, hint=f"columns: {', '.join(entry.columns)}")
        if not _fits(field.type, column.kind, column.shape, column.size):
            offered = f"class[{column.size}]" if column.kind == "class" else f"R{list(column.shape)}"
            raise build.log.fail("GE602", f"`{source.word}` gives {offered} for `{field.name}`", s.type.span, f"{field.type} is declared",
                                 hint=f"declare `{field.name}: {offered}`")  # fmt: skip
        if field.range is not None and column.range is not None and _wider(column.range, field):
            raise build.log.fail("GE602", f"`{source.word}` has values in {list(column.range)}", s.type.span,
                                 f"[{field.range.lo}, {field.range.hi}] is declared", hint=f"declare `in {list(column.range)}`")  # fmt: skip


def _fits(kind: Type, offered: str, shape: tuple[int, ...], size: int) -> bool:
    if kind.kind == "class":
        return offered == "class" and kind.size == size
    if kind.kind == "index":
        return offered == "index"
    total = 1
    for n in kind.shape:
        total *= n
    have = 1
    for n in shape:
        have *= n
    return offered == "real" and (total == have or not shape)


def _wider(offered: tuple[float, float], field: Field) -> bool:
    assert field.range is not None
    lo, hi = field.range.lo, field.range.hi
    return (lo is not None and offered[0] < lo) or (hi is not None and offered[1] > hi)


def _dist(s: tree.Dist, scope: Scope, build: Build) -> ir.Dist:
    source = use(s.source, DISTS, "distribution", "GE601", scope, build.log)
    dist = ir.Dist(name=s.name.id, type=lower_type(s.type, scope, build.log), source=source)
    scope.names[s.name.id] = DistName(dist, s.name.span)
    return dist


def _net(s: tree.Net, scope: Scope, build: Build) -> ir.Net:
    if not isinstance(s.type, tree.TFun):
        raise build.log.fail("GE202", "a network maps one type to another", s.type.span, hint="write `net h: R[2] -> R = mlp(64)`")
    inputs = (
        tuple(lower_type(f.type, scope, build.log) for f in s.type.source.fields)
        if isinstance(s.type.source, tree.TRecord)
        else (lower_type(s.type.source, scope, build.log),)
    )
    output = lower_type(s.type.target, scope, build.log)
    table = {k: v.options for k, v in words("networks").items()} | {"given": ()}
    source: ir.Use | None = use(s.source, table, "network", "GE601", scope, build.log)
    assert source is not None
    if source.word == "given":
        source = None
    else:
        _check_network(s, source, inputs, output, build)
    found = lower_set(s.set, scope, build) if s.set is not None else None
    handle = s.params.id if s.params else s.name.id
    net = ir.Net(name=s.name.id, inputs=inputs, output=output, source=source, handle=handle, set=found[0] if found else None, frozen=s.frozen)
    scope.names[s.name.id] = NetName(net, s.name.span)
    build.taken |= {s.name.id, handle}
    build.spans[f"net:{s.name.id}"] = s.name.span
    if s.params is not None:
        _claim(s.params, scope, build.log)
        scope.names[handle] = NetName(net, s.params.span, handle=True)
    return net


def _check_network(s: tree.Net, source: ir.Use, inputs: tuple[Type, ...], output: Type, build: Build) -> None:
    entry = words("networks")[source.word]
    if len(inputs) != 1:
        raise build.log.fail("GE203", f"`{source.word}` takes one input", s.type.span, f"{len(inputs)} declared", hint="use `= given` for a network of your own")
    if entry.rank is not None and len(inputs[0].shape) != entry.rank:
        raise build.log.fail("GE203", f"`{source.word}` takes an image", s.type.span, f"{inputs[0]} declared", hint="write `image[1, 8, 8]`")
    _, options = plain_use(source)
    if output.kind == "logits" and options.get("out") in ("sigmoid", "softmax"):
        raise build.log.fail("GE207", "logits are before the sigmoid", s.source.span, "this network ends in a sigmoid", hint="drop `out = sigmoid`")
    if output.kind == "prob" and options.get("out") != "sigmoid":
        raise build.log.fail("GE207", "a probability needs a sigmoid", s.source.span, hint=f"write `{source.word}(.., out = sigmoid)`")


def _var(s: tree.Var, scope: Scope, build: Build) -> ir.Var:
    index, axis = "", 0
    inner = scope
    if s.family is not None:
        from gamespec.check.binders import index_set

        name, source = s.family
        found = index_set(source, scope, build)
        if found is None or found.first != 0:
            raise build.log.fail("GE208", "a family runs over a range from 0", source.span, hint="write `i in 0..2`")
        index, axis = name.id, found.last + 1
    found_set = lower_set(s.set, inner, build) if s.set is not None else None
    if s.type is not None:
        kind = lower_type(s.type, scope, build.log)
    else:
        kind = _member(found_set[0]) if found_set else REAL
    if kind.kind not in ("real", "prob", "index") or kind == INDEX:
        raise build.log.fail("GE202", "a variable is a number or an array of numbers", (s.type or s).span, hint="write `R`, `R[n]` or `R[n, m]`")
    init = to_expr(_init(s.init, scope, build)) if s.init is not None else None
    if axis:
        kind = Type(kind="real", shape=(axis, *kind.shape))
    var = ir.Var(name=s.name.id, type=kind, set=found_set[0] if found_set else None, init=init, index=index, axis=axis)
    build.vars.append(var)
    build.taken.add(s.name.id)
    build.spans[f"var:{s.name.id}"] = s.name.span
    scope.names[s.name.id] = VarName(var, s.name.span)
    return var


def _init(node: tree.Expr, scope: Scope, build: Build) -> object:
    if isinstance(node, tree.Name) and node.id in ("zeros", "uniform"):
        return node.id
    if isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) and node.fn.id == "normal" and len(node.args) == 1:
        return ("normal", evaluate(node.args[0], scope, build.log))
    return evaluate(node, scope, build.log)


def _member(found: ir.Set) -> Type:
    """The type of a set's members where the set itself tells it: Simplex(n) holds R[n]."""
    for part in found.parts:
        if part.word == "Simplex":
            _, _options = plain_use(part)
            (n,) = plain_use(part)[0][:1]
            return Type(kind="real", shape=(int(n),))  # type: ignore[call-overload]  # checked by the set's options; until 2027-11
    return REAL


def _let(s: tree.Let, scope: Scope, build: Build) -> ir.Param | None:
    build.taken.add(s.name.id)
    if isinstance(s.body.expr, tree.List) and not s.body.side:
        quiet = Log()
        try:
            value = evaluate(s.body.expr, scope, quiet)
        except Failed:
            value = None
        if value is not None:
            scope.names[s.name.id] = Const(s.name.id, value, s.name.span)
            return ir.Param(name=s.name.id, value=to_expr(value))
    scope.names[s.name.id] = LetName(s.name.id, s.body, scope, s.name.span)
    return None
