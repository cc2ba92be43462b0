"""Calls: functions of the library, networks, metrics, samples, and definitions, which are written out."""

from __future__ import annotations

from fractions import Fraction

from gamespec.check import expressions, sets
from gamespec.check.build import Build
from gamespec.check.constant import evaluate, length, to_expr
from gamespec.check.names import BUILTIN
from gamespec.check.scope import Bound, Broken, Const, DataName, DefName, DistName, Failed, NetName, Scope, SetName, Typed, unknown_name
from gamespec.check.types import lower_type
from gamespec.check.words import checked, unknown_argument
from gamespec.ir.expr import Apply, Call, Num, Ref, Stop, Word
from gamespec.ir.types import INDEX, REAL, Interval, Type
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree


def lower_call(node: tree.Call, scope: Scope, build: Build) -> Typed:
    """`f(a, b)`. Raises Failed where `f` is unknown or takes something else."""
    if isinstance(node.fn, tree.Attr) and isinstance(node.fn.base, tree.Name):
        name, key = node.fn.base.id, node.fn.key
        own = isinstance(scope.find(name), NetName) and key in ("parameters", "named_parameters", "weights", "state_dict")
        hint = f"write `params w` behind the declaration of `{name}`, and `w` here" if own else f"write `{key}({name})`"
        raise build.log.fail("GE204", "only names can be called", node.fn.span, "a name has no functions of its own", hint=hint)
    if not isinstance(node.fn, tree.Name):
        raise build.log.fail("GE204", "only names can be called", node.fn.span, hint="write `*` to multiply")
    binding = scope.find(node.fn.id)
    match binding:
        case NetName():
            return _apply(node, binding, scope, build)
        case DefName():
            return expressions.lower_body(binding.definition.body, formals(node, binding, scope, build), build)
        case Broken():
            raise Failed
        case None if node.fn.id in FUNCTIONS:
            return _function(node, node.fn, scope, build)
        case None if node.fn.id in _SPECIAL:
            _plain(node, build)
            return _SPECIAL[node.fn.id](node, scope, build)
        case None if node.fn.id in words("metrics"):
            return _metric(node, node.fn, scope, build)
        case None:
            raise unknown_name(build.log, node.fn, scope, (*BUILTIN, *words("metrics")), "function")
    raise build.log.fail("GE204", f"`{node.fn.id}` is no function", node.fn.span, hint=f"write `{node.fn.id} * (..)` to multiply")


def _plain(node: tree.Call, build: Build) -> None:
    """Raise Failed where a call has arguments by name, or parameters, and takes none."""
    assert isinstance(node.fn, tree.Name)
    if node.kwargs:
        raise build.log.fail("GE207", f"`{node.fn.id}` has no named arguments", node.kwargs[0].span, hint="give it by place")
    if node.params:
        raise build.log.fail("GE207", f"`{node.fn.id}` is no network, and takes no parameters", node.params[0].span, hint="write `,` in place of `;`")


def _count(node: tree.Call, what: str, least: int, most: int, build: Build) -> None:
    if not least <= len(node.args) <= most:
        many = str(least) if least == most else f"{least} to {most}"
        raise build.log.fail(
            "GE207", f"`{what}` takes {many} argument{'s' * (many != '1')}", node.span, f"{len(node.args)} given", hint=f"give it {many}"
        )


# ------------------------------------------------------------------ functions


def _function(node: tree.Call, fn: tree.Name, scope: Scope, build: Build) -> Typed:
    if fn.id not in BUILTIN:
        raise unknown_name(build.log, fn, scope, tuple(BUILTIN), "function")
    _plain(node, build)
    _count(node, fn.id, *FUNCTIONS[fn.id].arity, build)
    args = tuple(expressions.lower(a, scope, build) for a in node.args)
    if fn.id == "log":
        _check_log(args[0], node.args[0], build)
    return expressions.function(fn.id, args, node.args, node, build)


def _check_log(arg: Typed, node: tree.Expr, build: Build) -> None:
    if arg.type.kind == "prob" or arg.range is None or (arg.range.lo is not None and arg.range.lo >= 0):
        return
    least = "anything" if arg.range.lo is None else str(arg.range.lo)
    build.log.add("GW403", "`log` of a number that may be negative", node.span, f"it can be {least}",
                  hint="declare its range, or give the network the type `prob`")  # fmt: skip


def _stop(node: tree.Call, scope: Scope, build: Build) -> Typed:
    _count(node, "stop", 1, 1, build)
    inner = expressions.lower(node.args[0], scope, build)
    return Typed(Stop(body=inner.expr), inner.type, inner.rows, inner.range)


def _len(node: tree.Call, scope: Scope, build: Build) -> Typed:
    if len(node.args) != 1 or not isinstance(node.args[0], tree.Name):
        raise build.log.fail("GE207", "`len` takes the name of a data source", node.span, hint="write `len(train)`")
    rows = length(node.args[0], scope, build.log)
    return Typed(Num(value=rows), REAL, range=Interval(lo=rows, hi=rows))


def _sample(node: tree.Call, scope: Scope, build: Build) -> Typed:
    """`sample(source, n)` or `sample(net, source, n)`: n draws, through the network where one is named."""
    bindings = [scope.find(a.id) if isinstance(a, tree.Name) else None for a in node.args[:-1]]
    if any(isinstance(b, Broken) for b in bindings):
        raise Failed
    match bindings:
        case [NetName() as net, DataName() | DistName()]:
            kind = net.net.output
        case [DataName() as data]:
            kind = data.data.fields[0].type
        case [DistName() as dist]:
            kind = dist.dist.type
        case _:
            raise build.log.fail("GE207", "`sample` takes a source and a number, or a network, a source and a number", node.span,
                                 hint="write `sample(G, z, 4096)`")  # fmt: skip
    count = evaluate(node.args[-1], scope, build)
    if not isinstance(count, Fraction) or count.denominator != 1 or not 1 <= count <= 10**7:
        raise build.log.fail("GE207", "the number of draws is a whole number up to 10 000 000", node.args[-1].span, hint="write `4096`")
    names = tuple(Word(value=a.id) for a in node.args[:-1] if isinstance(a, tree.Name))
    return Typed(Call(fn="sample", args=(*names, to_expr(count))), kind, rows=True)


def _domain(node: tree.Call, scope: Scope, build: Build) -> Typed:
    raise build.log.fail("GE204", "`domain` is a set, and a number is needed", node.span, hint="sets stand after `in`")


_SPECIAL = {"stop": _stop, "len": _len, "sample": _sample, "domain": _domain}


def _metric(node: tree.Call, fn: tree.Name, scope: Scope, build: Build) -> Typed:
    """A function of whole columns: tensors first, then its options."""
    if not build.path.startswith("@"):
        raise build.log.fail("GE212", f"`{fn.id}` measures whole columns, and no player can move it", fn.span, hint="use it in a `metric`")
    entry = words("metrics")[fn.id]
    most = entry.arity + len(entry.options)
    _count(node, fn.id, entry.arity, most, build)
    args = [expressions.lower(a, scope, build) for a in node.args[: entry.arity]]
    for arg, at in zip(args, node.args, strict=False):
        if arg.type.kind in ("word", "params"):
            raise build.log.fail("GE207", f"`{arg.type}` is no column", at.span, hint="write a column: `train.x`")
    values: dict[str, object] = {o.name: o.default for o in entry.options}
    for option, given in zip(entry.options, node.args[entry.arity :], strict=False):
        values[option.name] = checked(given, option, fn.id, scope, build)
    for kwarg in node.kwargs:
        named = next((o for o in entry.options if o.name == kwarg.key), None)
        if named is None:
            raise unknown_argument(fn.id, kwarg, entry.options, build.log)
        values[named.name] = checked(kwarg.value, named, fn.id, scope, build)
    constants = tuple(to_expr(Fraction(str(v)) if isinstance(v, float) else v) for v in values.values())
    expr = Call(fn=fn.id, args=(*(a.expr for a in args), *constants))
    if entry.result == "rows":
        return Typed(expr, args[-1].type if args else Type(kind="real", shape=(2,)), rows=True)
    return Typed(expr, REAL)


# ------------------------------------------------------------------ networks


def _apply(node: tree.Call, binding: NetName, scope: Scope, build: Build) -> Typed:
    net = binding.net
    if node.kwargs:
        raise build.log.fail("GE207", f"`{net.name}` has no named arguments", node.kwargs[0].span, hint="give it by place")
    _count(node, net.name, len(net.inputs), len(net.inputs), build)
    args = tuple(expressions.lower(a, scope, build) for a in node.args)
    for arg, want, arg_node in zip(args, net.inputs, node.args, strict=True):
        if not _fits(arg.type, want):
            raise build.log.fail(
                "GE203", "shapes do not match", arg_node.span, f"{arg.type} given, {want} needed",
                hint=f"give `{net.name}` {want}, or declare that it takes {arg.type}", related=(Label(binding.span, f"`{net.name}` takes {want}"),),
            )  # fmt: skip
    at, rows = None, any(a.rows for a in args)
    for params in node.params:
        given = expressions.lower(params, scope, build)
        if given.expr != Ref(name=net.handle):
            if given.type.kind != "params":
                raise build.log.fail("GE207", f"parameters of `{net.name}` are needed after `;`", params.span, f"this is {given.type}",
                                     hint=f"write `{net.handle}`")  # fmt: skip
            if given.type.net != net.name:
                raise build.log.fail("GE203", "parameters of another network", params.span, f"{given.type} given, params({net.name}) needed",
                                     hint=f"write `{net.handle}`")  # fmt: skip
            at, rows = given.expr, given.rows
    rng = Interval(lo=Fraction(0), hi=Fraction(1)) if net.output.kind == "prob" else None
    return Typed(Apply(net=net.name, args=tuple(a.expr for a in args), at=at), net.output, rows, rng)


def _fits(given: Type, want: Type) -> bool:
    if want.kind == "index":
        return given == INDEX
    if want.kind == "tokens":
        return given == want
    shape = (given.size,) if given.kind == "logits" else given.shape
    wanted = (want.size,) if want.kind == "logits" else want.shape
    return given.kind in ("real", "prob", "logits", "bool") and shape == wanted


# ------------------------------------------------------------------ definitions


def formals(node: tree.Call, binding: DefName, scope: Scope, build: Build) -> Scope:
    """The scope of the body of a definition, its formal arguments bound to those of a call."""
    definition = binding.definition
    _plain(node, build)
    if len(node.args) != len(definition.formals):
        raise build.log.fail("GE207", f"`{definition.name.id}` takes {len(definition.formals)} argument(s)", node.span, f"{len(node.args)} given",
                             related=(Label(definition.name.span, "defined here"),), hint=f"give it {len(definition.formals)}")  # fmt: skip
    inner = binding.scope.called_from(scope)
    for formal, arg in zip(definition.formals, node.args, strict=True):
        found = _argument(arg, scope, build)
        if formal.type is not None and isinstance(found, Bound):
            _check_formal(formal.type, found, inner, build)
        inner.names[formal.name.id] = found
    return inner


def _argument(arg: tree.Expr, scope: Scope, build: Build) -> Bound | NetName | DataName | DistName | SetName | DefName:
    if isinstance(arg, tree.Name):
        binding = scope.find(arg.id)
        if isinstance(binding, (NetName, DataName, DistName, SetName, DefName)):
            return binding
    if sets.is_set(arg, scope):
        return SetName(*sets.lower_set(arg, scope, build), arg.span)
    return Bound(expressions.lower(arg, scope, build), arg.span, (arg, scope))


def _check_formal(written: tree.Type, found: Bound, inner: Scope, build: Build) -> None:
    """An argument against the type of its formal; dimensions that are no known names take the argument's sizes."""
    given = found.typed.type
    if isinstance(written, tree.TName):
        sizes = (given.size,) if given.kind in ("class", "logits") else given.shape
        if len(sizes) == len(written.dims):
            for dim, size in zip(written.dims, sizes, strict=True):
                if isinstance(dim, tree.Name) and inner.find(dim.id) is None:
                    inner.names[dim.id] = Const(dim.id, Fraction(size), dim.span)
    want = lower_type(written, inner, build)
    if not (_fits(given, want) or given == want or {want.kind, given.kind} == {"index", "class"}):
        raise build.log.fail("GE203", "shapes do not match", found.span, f"{given} given, {want} needed",
                             related=(Label(written.span, "declared here"),), hint=f"give it {want}, or change the definition")  # fmt: skip


__all__ = ["formals", "lower_call"]
