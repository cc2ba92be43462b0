"""A parsed game made again with the builder, one call for every node: what the text can say, the builder can."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gamespec import builder as b
from gamespec.builder.terms import written as text
from gamespec.syntax import nodes as n
from gamespec.syntax import tree as t

OPERATORS = {
    "min": b.min,
    "max": b.max,
    "argmin": b.argmin,
    "argmax": b.argmax,
    "E": b.E,
    "sum": b.sum,
    "mean": b.mean,
    "prod": b.prod,
    "grad": b.grad,
}
BINARY = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "@": lambda x, y: x @ y,
    "^": lambda x, y: x**y,
    "&": lambda x, y: x & y,
    "\\": lambda x, y: x.without(y),
    "..": b.span,
    "and": b.both,
    "or": b.either,
}


def term(e: Any) -> Any:  # noqa: C901  # one case for each node; until 2027-11
    """An expression."""
    match e:
        case n.Num(value=value):
            return b.number(Decimal(value.numerator) / value.denominator)  # literals are decimal
        case n.Str(value=value) | n.Bool(value=value):
            return value
        case n.Name(id=name):
            return getattr(b.word, name)
        case n.Tuple(items=items):
            return b.pair(*map(term, items))
        case n.List(items=items):
            return [term(i) for i in items]
        case n.SetLit(items=items):
            return b.finite(*map(term, items))
        case n.Unary(op="-", arg=arg):
            return -term(arg)
        case n.Unary(arg=arg):
            return b.negation(term(arg))
        case n.Binary(op=op, left=left, right=right):
            return BINARY[op](term(left), term(right))
        case n.Compare(first=first, rest=rest):
            return b.chain(term(first), *(part for sign, e in rest for part in (sign, term(e))))
        case n.If(cond=cond, then=then, other=other):
            return b.when(term(cond), term(then), term(other))
        case n.Call(fn=fn, args=args, kwargs=kwargs, params=params):
            return term(fn)(*map(term, args), params=map(term, params), **{k.key: term(k.value) for k in kwargs})
        case n.Index(base=base, indices=indices):
            inside = tuple(map(term, indices))
            return term(base)[inside if len(inside) > 1 else inside[0]]
        case n.Attr(base=base, key=key):
            return term(base).key(key)
        case n.Bound(binders=binders, body=inside):
            return b.stack(*(OPERATORS[o.op](*map(bind, o.binds)) for o in binders), body(inside))
        case n.Equilibrium(players=players, side=side):
            return b.nash(*map(player, players), side=map(item, side))
    raise AssertionError(e)


def bind(x: n.Bind) -> Any:
    """One binding of a binder."""
    name = b.pair(*(term(p) for p in x.pattern.names)) if len(x.pattern.names) > 1 else term(x.pattern.names[0])
    if x.pattern.indices:
        name = name[tuple(map(term, x.pattern.indices))]
    if x.draws:
        return name.drawn(term(x.source), None if x.cond is None else term(x.cond))
    if x.source is not None:
        return name.within(term(x.source), written(x.type), None if x.cond is None else term(x.cond))
    return name.typed(written(x.type)) if x.type else name


def body(x: n.Body) -> Any:
    """An expression with its side items."""
    return term(x.expr).where(*map(item, x.side)) if x.side else term(x.expr)


def item(x: n.Item) -> Any:
    """One side item."""
    made = term(x.left)
    if x.kind != "constraint":
        made = made.equals(term(x.right)) if x.kind == "unique" else made.within(term(x.right))
    for f in x.foralls:
        made = made.for_all(term(f.name), term(f.source))
    return made


def player(x: n.Player) -> Any:
    """One player of a block."""
    made = b.player(term(x.game), x.label.id if x.label else "")
    for f in x.foralls:
        made = made.for_all(term(f.name), term(f.source))
    return made


def written(x: n.Type | None) -> str:
    """A type as text, which is how the builder takes it."""
    match x:
        case None:
            return ""
        case n.TName(name=name, args=args, dims=dims):
            inside = f"({', '.join(text(term(a)) for a in args)})" if args else ""
            return f"{name}{inside}" + (f"[{', '.join(text(term(d)) for d in dims)}]" if dims else "")
        case n.TFun(source=source, target=target):
            return f"{written(source)} -> {written(target)}"
        case n.TOf(name=name, inner=inner):
            return f"{name} of {written(inner)}"
        case n.TRecord(fields=fields):
            return f"({', '.join(_field(f) for f in fields)})"
    raise AssertionError(x)


def _field(f: n.TField) -> str:
    head = f"{f.name.id}: " if f.name else ""
    return f"{head}{written(f.type)}{f' in {text(term(f.range))}' if f.range is not None else ''}"


def rebuilt(spec: t.Spec) -> b.Builder:
    """The whole game, statement by statement."""
    g = b.Builder()
    for s in spec.statements:
        statement(g, s)
    return g


def optional(e: n.Expr | None) -> Any:
    """An expression that need not be there."""
    return None if e is None else term(e)


def statement(g: b.Builder, s: t.Statement) -> None:  # noqa: C901  # one case for each statement; until 2027-11
    """One statement."""
    match s:
        case t.Language(version=version):
            g.language = version
        case t.GameName(name=name):
            g.name = name.id
        case t.Import(path=path, name=name):
            g.use(path.value, name.id)
        case t.Param(name=name, type=kind, range=within, value=value):
            g.param(name.id, term(value), written(kind), optional(within))
        case t.Dim(name=name, value=value):
            g.dim(name.id, optional(value))
        case t.Data(name=name, type=kind, range=within, source=source):
            g.data(name.id, written(kind), term(source), optional(within))
        case t.Dist(name=name, type=kind, source=source):
            g.dist(name.id, written(kind), term(source))
        case t.Net():
            g.net(s.name.id, written(s.type), term(s.source), s.params.id if s.params else "", optional(s.set), s.frozen)
        case t.Var():
            family = s.family and term(s.family[0]).within(term(s.family[1]))
            g.var(s.name.id, written(s.type), optional(s.set), optional(s.init), family or None)
        case t.Def(name=name, formals=formals, result=result, body=inside):
            g.define(name.id, [b.formal(term(f.name), written(f.type)) for f in formals], body(inside), written(result))
        case t.Let(name=name, body=inside):
            g.let(name.id, body(inside))
        case t.Assume(fact=fact):
            g.assume(term(fact))
        case t.Solve():
            solve(g, s)
        case t.Schedule(name=name, extends=extends, entries=entries):
            chosen = {".".join(e.path.keys): [term(v) for v in e.values] for e in entries}
            g.schedule(chosen, name.id if name else "", extends.id if extends else "")
        case t.Metric(name=name, body=inside):
            g.metric(name.id, body(inside))
        case t.Run(settings=settings):
            g.run({".".join(x.path.keys): term(x.value) for x in settings})
        case t.Expect(schedule=schedule, condition=condition):
            g.expect(term(condition), schedule.id if schedule else "")


def solve(g: b.Builder, s: t.Solve) -> None:
    """The problem with its tails."""
    game = term(s.game) if isinstance(s.game, n.Bound) else b.block(*map(player, s.game.players), side=map(item, s.game.side), nash=s.game.nash)
    order = next((tail for tail in s.tails if isinstance(tail, t.Order)), None)
    ties = next((tail.rule.id for tail in s.tails if isinstance(tail, t.Ties)), "")
    ranks = [r[0].id if len(r) == 1 else f"({', '.join(x.id for x in r)})" for r in order.ranks] if order else []
    g.solve(game, s.label.id if s.label else "", " then ".join(ranks), ties)
