"""Types and rows of IR expressions: the one place that says what shape a thing has."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.check.constant import columns_of
from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word
from gamespec.ir.game import Game
from gamespec.ir.types import BOOL, INDEX, REAL, Type
from gamespec.library.base import Misfit
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words


@dataclass(frozen=True, slots=True)
class Shaped:
    """The type of one sample of an expression, and whether there is one row per sample."""

    type: Type
    rows: bool = False


class ShapeError(Exception):
    """Two things do not fit."""

    def __init__(self, misfit: Misfit) -> None:
        self.misfit = misfit
        super().__init__(misfit.cause)


Names = dict[str, Shaped]


def call(fn: str, args: tuple[Shaped, ...]) -> Shaped:
    """The shape of a function's value. Raises ShapeError."""
    found: Type | Misfit
    moved = [a.type for a in args if a.type.kind == "params"]
    if moved and fn in ("add", "sub", "mul", "div", "neg"):
        return Shaped(_params(fn, tuple(a.type for a in args)), any(a.rows for a in args))
    if fn in FUNCTIONS:
        found = FUNCTIONS[fn].rule(tuple(a.type for a in args))
        rows = any(a.rows for a in args)
    elif fn in ("sample", "column"):
        return Shaped(REAL, rows=True)
    else:
        metric = words("metrics")[fn]
        found, rows = REAL, metric.result == "rows"
        if rows:
            found = args[-1].type if args[-1].rows else Type(kind="real", shape=args[0].type.shape)
    if isinstance(found, Misfit):
        raise ShapeError(found)
    return Shaped(found, rows)


def _params(fn: str, types: tuple[Type, ...]) -> Type:
    """Parameters of one network are added and subtracted, and multiplied by numbers. Raises ShapeError."""
    moved = [t for t in types if t.kind == "params"]
    others = [t for t in types if t.kind != "params"]
    if len({t.net for t in moved}) > 1:
        raise ShapeError(Misfit(f"{moved[0]} and {moved[1]} do not match"))
    scaled = fn in ("mul", "div") and len(moved) == 1 and all(t.numeric and not t.shape for t in others)
    if (fn in ("add", "sub", "neg") and not others) or (scaled and (fn == "mul" or types[0].kind == "params")):
        return moved[0]
    raise ShapeError(Misfit(f"{types[0]} and {types[-1]} do not match"))


def draw_names(game: Game, draw: Draw) -> Names:
    """The shapes of the names that a draw binds."""
    if draw.inner:
        source = next(d for d in game.data if d.name == draw.over.partition("/")[0])
        fields = [f for f in source.fields if f.name.partition(".")[0] == draw.part[1]]
        return {n: Shaped(f.type, rows=True) for n, f in zip(draw.names, fields, strict=True)}
    if not draw.over:
        return {n: Shaped(INDEX, rows=draw.skip is not None) for n in draw.names}
    for data in game.data:
        if data.name == draw.over and data.grouped:
            return {n: Shaped(Type(kind="table", net=data.name)) for n in draw.names}
        if data.name == draw.over:
            return {n: Shaped(f.type, rows=True) for n, f in zip(draw.names, data.fields, strict=False)}
    for var in game.vars:
        if var.name == draw.over:
            return _mixed(game, draw, var.type)
    dist = next(d for d in game.dists if d.name == draw.over)
    return {n: Shaped(dist.type, rows=True) for n in draw.names}


def _mixed(game: Game, draw: Draw, of: Type) -> Names:
    """The names of a draw from a distribution that a player chooses: over parameters, numbers, or samples of a source."""
    if not of.net or any(n.name == of.net for n in game.nets):
        kind = Type(kind="params", net=of.net) if of.net else Type(kind="real", shape=of.shape)
        return {n: Shaped(kind, rows=True) for n in draw.names}
    return draw_names(game, draw.model_copy(update={"over": of.net}))


def each(game: Game, draws: tuple[Draw, ...]) -> bool:
    """Whether what depends on these draws has one row per sample; of a sample that is a table there is one at a time."""
    grouped = {d.name for d in game.data if d.grouped}
    return any(d.over not in grouped for d in draws)


def globals_of(game: Game) -> Names:
    """The shapes of params and variables."""
    names: Names = {}
    for p in game.params:
        names[p.name] = Shaped(p.type) if p.type is not None else infer(p.value, {}, game)
    for v in game.vars:
        names[v.name] = Shaped(v.type, rows=each(game, v.scope))
    for n in game.nets:
        names[n.handle] = Shaped(Type(kind="params", net=n.name))
    return names


def _array(items: tuple[Shaped, ...]) -> Shaped:
    if not items:
        return Shaped(Type(kind="real", shape=(0,)))
    return Shaped(Type(kind="real", shape=(len(items), *items[0].type.shape)), any(i.rows for i in items))


def _indexed(base: Shaped, indices: tuple[Shaped, ...]) -> Shaped:
    shape = (base.type.size,) if base.type.kind == "logits" else base.type.shape
    rows = base.rows or any(i.rows for i in indices)
    return Shaped(Type(kind="real", shape=shape[len(indices) :]), rows)


def infer(expr: Expr, names: Names, game: Game) -> Shaped:
    """The shape of an expression whose free names have these shapes. Raises ShapeError."""
    match expr:
        case Num():
            return Shaped(REAL)
        case Word():
            return Shaped(Type(kind="word"))
        case Ref():
            return names.get(expr.name, Shaped(REAL))
        case Call(fn="column"):
            return column(game, expr)
        case Call(fn="sample"):
            return sampled(game, expr)
        case Call():
            return call(expr.fn, tuple(infer(a, names, game) for a in expr.args))
        case Apply():
            net = next(n for n in game.nets if n.name == expr.net)
            return Shaped(net.output, any(infer(a, names, game).rows for a in expr.args))
        case Value():
            return Shaped(REAL, rows=each(game, game.node(expr.node).scope))
        case Array():
            return _array(tuple(infer(i, names, game) for i in expr.items))
        case Index():
            return _element(expr, names, game)
    return _binding(expr, names, game)


def _binding(expr: Reduce | Grad | Stop | If, names: Names, game: Game) -> Shaped:
    match expr:
        case Reduce():
            inner = dict(names)
            for draw in expr.draws:
                # An index of a sum is one number at a time, whatever the samples leave out.
                inner |= draw_names(game, draw) if draw.over else {n: Shaped(INDEX) for n in draw.names}
            body = infer(expr.body, inner, game)
            each = body.rows or any(d.skip is not None and infer(d.skip, inner, game).rows for d in expr.draws)
            return Shaped(body.type if body.type.kind != "bool" else REAL, each and not any(d.over for d in expr.draws))
        case Grad():
            return infer(expr.at, names, game) if expr.at is not None else names[expr.name]
        case Stop():
            return infer(expr.body, names, game)
        case If():
            cond, then, other = (infer(e, names, game) for e in (expr.cond, expr.then, expr.other))
            kind = next((s.type for s in (then, other) if s.type.shape), Type(kind="real", shape=cond.type.shape))
            return Shaped(kind, cond.rows or then.rows or other.rows)


def _element(expr: Index, names: Names, game: Game) -> Shaped:
    if isinstance(expr.base, Ref):
        var = next((v for v in game.vars if v.name == expr.base.name and v.axis and v.scope), None)
        if var is not None:
            return Shaped(var.type, rows=True)
    return _indexed(infer(expr.base, names, game), tuple(infer(i, names, game) for i in expr.indices))


def column(game: Game, expr: Call) -> Shaped:
    """The shape of `data.column`."""
    data_name, column_name = (a.value for a in expr.args if isinstance(a, Word))
    data = next(d for d in game.data if d.name == data_name)
    for f in data.fields:
        if f.name == column_name:
            return Shaped(f.type, rows=True)
    offered = columns_of(data.source)[column_name]
    kinds = {"real": Type(kind="real", shape=offered.shape), "index": INDEX, "bool": BOOL}
    return Shaped(kinds.get(offered.kind, Type(kind="class", size=offered.size)), rows=True)


def sampled(game: Game, expr: Call) -> Shaped:
    """The shape of `sample(net, source, n)` or `sample(source, n)`."""
    first = expr.args[0]
    assert isinstance(first, Word)
    for n in game.nets:
        if n.name == first.value:
            return Shaped(n.output, rows=True)
    for d in game.data:
        if d.name == first.value:
            return Shaped(d.fields[0].type, rows=True)
    return Shaped(next(d for d in game.dists if d.name == first.value).type, rows=True)
