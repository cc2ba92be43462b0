"""Binders: draws and index sets, gradients, and what follows `s.t.` and `where`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import constraints, expressions, groups, players, responses, sifting
from gamespec.check.constant import evaluate, row_count
from gamespec.check.names import BUILTIN, circle, depends, free
from gamespec.check.scope import (
    Bound,
    Broken,
    Const,
    DataName,
    DistName,
    Failed,
    FreeDim,
    LetName,
    ModuleName,
    NetName,
    Scope,
    Typed,
    VarName,
    declared_at,
    unknown_name,
)
from gamespec.ir.expr import Draw, Expr, Grad, Num, Reduce, Ref
from gamespec.ir.types import INDEX, REAL, Interval, Type
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from typing import Literal

    from gamespec.check.build import Build
    from gamespec.check.scope import Log
    from gamespec.report.source import Span

_REDUCTIONS: dict[str, Literal["E", "sum", "mean", "prod"]] = {"E": "E", "sum": "sum", "mean": "mean", "prod": "prod"}
_EXTREMES: dict[str, Literal["min", "max"]] = {"min": "min", "max": "max"}
_LONGEST = 10**6
MOST_TERMS = 10_000
"""Terms of a sum over indices; a program computes some thousands of them in a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Indices:
    """An index set `first..last` without `skip`."""

    first: int
    last: int
    skip: Expr | None = None
    rows: bool = False
    """Whether the element that is left out is one for each sample."""

    def draw(self, name: str) -> Draw:
        """The draw that runs over it."""
        return Draw(names=(name,), draws=False, first=self.first, last=self.last, skip=self.skip)

    def bind(self, name: tree.Name, inner: Scope, build: Build, *, each: bool = False) -> str:
        """The IR name of an index that runs over it, visible in a scope as it is written; `each` sample has elements of its own."""
        unique = build.fresh(name.id)
        span = Interval(lo=Fraction(self.first), hi=Fraction(self.last))
        hide(name, inner, build)
        inner.names[name.id] = Bound(Typed(Ref(name=unique), INDEX, each and self.skip is not None, span), name.span)
        inner.indices |= {unique}
        return unique


def hide(name: tree.Name, scope: Scope, build: Build) -> None:
    """Raise Failed with GE104 where a new name would hide a player, a param or a source; GW110 for a word of the library."""
    outer = scope.find(name.id)
    if isinstance(outer, (NetName, DataName, DistName, Const, ModuleName, FreeDim)) or (isinstance(outer, VarName) and not outer.inner):
        at = declared_at(outer)
        raise build.log.fail("GE104", f"`{name.id}` is declared already", name.span, "and would be hidden here",
                             related=(Label(at, "declared here"),) if at else (), hint=f"call it `{name.id}_`")  # fmt: skip
    if name.id in BUILTIN and outer is None:
        build.log.add("GW110", f"`{name.id}` hides a word of the library", name.span, hint=f"call it `{name.id}_`")


def lower_bound(node: tree.Bound, scope: Scope, build: Build) -> Typed:
    """`OP{..} OP{..} [ body ]` where a number is needed."""
    if not node.binders:
        return expressions.scalar(node.body.expr, expressions.lower_body(node.body, scope, build), build, "an objective")
    binder = node.binders[0]
    if binder.op in _REDUCTIONS:
        return _reduction(node, scope, build)
    if binder.op == "grad":
        return _gradient(node, scope, build)
    if binder.op in ("argmin", "argmax"):
        word = binder.op[3:]
        raise build.log.fail(
            "GE204", f"`{binder.op}` gives a point, and a number is needed", binder.op_span, f"`{word}` is the value",
            hint=f"write `{word}`, or `w = {binder.op}{{w}}[..]` after `s.t.`",
        )  # fmt: skip
    bind = binder.binds[0]
    found = index_set(bind.source, scope, build) if len(binder.binds) == 1 else None
    return players.value_player(node, scope, build) if found is None else _extreme(node, found, scope, build)


def inside(node: tree.Bound) -> tree.Bound:
    """What stands behind the first binder."""
    return tree.Bound(node.span, node.binders[1:], node.body)


# ------------------------------------------------------------------ expectations and sums


def _reduction(node: tree.Bound, scope: Scope, build: Build) -> Typed:
    binder = node.binders[0]
    inner, opened = scope.child(), len(build.open)
    try:
        draws = tuple(_draw(binder, bind, inner, build) for bind in binder.binds)
        inner.draws = (*scope.draws, *draws)
        _written_out(binder, inner, build)
        body = lower_bound(inside(node), inner, build)
    finally:
        del build.open[opened:]
    samples = {n for d in inner.draws if d.over for n in d.names}
    each = any(part is not None and depends(part, build) & samples for d in draws for part in (d.skip, None if d.over else d.cond))
    body, draws = sifting.sifted(draws, body)
    _check_draws(binder, draws, body, scope, build)
    positive = body.range is not None and body.range.lo is not None and body.range.lo >= 0
    kind = REAL if body.type.kind == "bool" else body.type
    over = any(d.over for d in draws)
    return Typed(
        _nested(_REDUCTIONS[binder.op], draws, body.expr), kind, (body.rows or each) and not over, Interval(lo=Fraction(0)) if positive else None
    )


def _written_out(binder: tree.Binder, inner: Scope, build: Build) -> None:
    """Raise Failed with GE211 where indices, those around them included, make more terms than are played one by one."""
    terms = math.prod(d.last - d.first + 1 for d in inner.draws if not d.over)
    if terms > MOST_TERMS:
        raise build.log.fail("GE211", f"{terms} terms are too many", binder.span, f"each is computed on its own, at most {MOST_TERMS} of them",
                             hint="write it with arrays, `sum(c * x)`, or as data: `sum{(x, y) in train}[ .. ]` takes all rows at once")  # fmt: skip


def _nested(op: Literal["E", "sum", "mean", "prod"], draws: tuple[Draw, ...], body: Expr) -> Expr:
    """A reduction for each index and one for all samples together; indices before the first sample stand around them."""
    first = next((k for k, d in enumerate(draws) if d.over), len(draws))
    samples = tuple(d for d in draws if d.over)
    parts = [(d,) for d in draws[:first]] + [samples] * bool(samples) + [(d,) for d in draws[first:] if not d.over]
    for part in reversed(parts):
        body = Reduce(op=op, draws=part, body=body)
    return body


def _check_draws(binder: tree.Binder, draws: tuple[Draw, ...], body: Typed, scope: Scope, build: Build) -> None:
    """Combinations that the emitted programs do not have; each would silently be another number."""
    over = [d.over for d in draws if d.over]
    fail, span = build.log.fail, binder.span
    first = next((k for k, d in enumerate(draws) if d.over), len(draws))
    later = {n for d in draws[first:] if not d.over for n in d.names}
    sifted = [depends(d.cond, build) for d in draws if d.cond is not None]
    if any(later & names for names in sifted):
        raise fail("GE290", "a condition looks at an index that is written behind the samples", span, hint="write the index first")
    if len(over) > 1 and binder.op != "E":
        raise fail("GE290", "an exact sum over two sources at once is not available in this version", span, hint="write `E` and `~`")
    mixed = {v.name for v in build.vars if v.type.kind == "dist"}
    outer = {n for d in scope.draws if d.over and d.over not in mixed for n in d.names}
    if all(d.inner for d in draws if d.over):
        return
    if over and depends(body.expr, build).union(*sifted) & outer:
        raise fail("GE290", "an expectation for every sample of another one is not available in this version", span,
                   hint="write one expectation: `E{(a, b) ~ train, z ~ noise}[ .. ]`")  # fmt: skip


def _draw(binder: tree.Binder, bind: tree.Bind, inner: Scope, build: Build) -> Draw:
    name = bind.pattern.names[0]
    if bind.source is None:
        raise build.log.fail("GE208", f"`{binder.op}` needs to know where `{name.id}` comes from", bind.span,
                             hint=f"write `{binder.op}{{{name.id} ~ data}}[ .. ]`")  # fmt: skip
    found = inner.find(bind.source.id) if isinstance(bind.source, tree.Name) else None
    if isinstance(bind.source, tree.Call) and isinstance(bind.source.fn, tree.Name) and bind.source.fn.id == "iid":
        found = groups.several(bind.source, inner, build)
    table = groups.table(bind.source, inner, build)
    if table is not None:
        return groups.rows(binder, bind, *table, inner, build)
    if isinstance(found, (DataName, DistName)):
        return _samples(binder, bind, found, inner, build)
    if isinstance(found, VarName) and found.var.type.kind == "dist" and bind.draws:
        return _mixed(binder, bind, found, inner, build)
    if isinstance(found, Broken):
        raise Failed
    if found is None and isinstance(bind.source, tree.Name) and bind.draws:
        raise unknown_name(build.log, bind.source, inner, (), "distribution")
    indices = index_set(bind.source, inner, build)
    if indices is None or len(bind.pattern.names) != 1:
        raise build.log.fail("GE208", "a data source, a distribution or a range is needed here", bind.source.span,
                             hint="write `x ~ data`, or `i in 0..2`")  # fmt: skip
    if bind.draws:
        raise build.log.fail("GE208", "`~` draws, and a range is run through", bind.span, hint="write `in` in place of `~`")
    if bind.cond is not None and binder.op != "sum":
        raise sifting.refused(binder, bind, build)
    unique = indices.bind(name, inner, build)
    return indices.draw(unique).model_copy(update={"cond": sifting.condition(bind, (unique,), inner, build)})


def _mixed(binder: tree.Binder, bind: tree.Bind, found: VarName, inner: Scope, build: Build) -> Draw:
    """A draw from a distribution that a player chooses: parameters of a network, or samples as those of a source."""
    of, log = found.var.type.net, build.log
    if binder.op != "E":
        raise log.fail("GE208", f"`{binder.op}` is exact", bind.span, hint="write `E`")
    over = inner.find(of)
    if isinstance(over, (DataName, DistName)):
        types = [(f.type, f.range) for f in over.data.fields] if isinstance(over, DataName) else [(over.dist.type, None)]
    else:
        types = [(Type(kind="params", net=of) if of else Type(kind="real", shape=found.var.type.shape), None)]
    names = bind.pattern.names
    if bind.cond is not None:
        raise sifting.refused(binder, bind, build)
    if len(names) != len(types):
        raise log.fail("GE209", f"`{found.var.name}` has {len(types)} field(s)", bind.pattern.span, f"{len(names)} name(s) given",
                       hint="name every field of its source")  # fmt: skip
    unique = tuple(build.fresh(n.id) for n in names)
    for n, fresh, (kind, rng) in zip(names, unique, types, strict=True):
        hide(n, inner, build)
        inner.names[n.id] = Bound(Typed(Ref(name=fresh), kind, rows=True, range=rng), n.span)
    return Draw(names=unique, over=found.var.name)


def _samples(binder: tree.Binder, bind: tree.Bind, found: DataName | DistName, inner: Scope, build: Build) -> Draw:
    source = found.data if isinstance(found, DataName) else found.dist
    log, pattern = build.log, bind.pattern
    if bind.draws != (binder.op == "E"):
        said, hint = ("an expectation draws", "write `~` in place of `in`") if binder.op == "E" else (f"`{binder.op}` is exact", "write `in`, or `E`")
        raise log.fail("GE208", said, bind.span, hint=hint)
    if not bind.draws and (isinstance(found, DistName) or (found.data.source.word not in ("given", "py") and row_count(found.data.source) is None)):
        raise log.fail("GE208", f"`{source.name}` has no end", bind.span, "an exact sum runs through every sample", hint="write `E` and `~`")
    types = [(f.type, f.range) for f in found.data.fields] if isinstance(found, DataName) else [(found.dist.type, None)]
    if isinstance(found, DataName) and found.data.grouped:
        types = [(Type(kind="table", net=source.name), None)]
    if len(pattern.names) != len(types):
        fields = ["tau"] if types[0][0].kind == "table" else [f.name for f in found.data.fields] if isinstance(found, DataName) else ["z"]
        shown = fields[0] if len(fields) == 1 else f"({', '.join(fields)})"
        raise log.fail(
            "GE209", f"`{source.name}` has {len(types)} field(s)", pattern.span, f"{len(pattern.names)} name(s) given", hint=f"write `{shown}`"
        )
    if source.name in build.open:
        raise log.fail("GE213", f"`{source.name}` is drawn already around here", bind.span, "both would be the same sample",
                       hint="declare a second source, or take one expectation of both")  # fmt: skip
    names = build.samples.get(source.name) or tuple(build.fresh(n.id) for n in pattern.names)
    build.samples[source.name] = names
    for n, unique, (kind, rng) in zip(pattern.names, names, types, strict=True):
        hide(n, inner, build)
        inner.names[n.id] = Bound(Typed(Ref(name=unique), kind, kind.kind != "table", _rows(kind, found) or rng), n.span)
    build.open.append(source.name)
    return Draw(names=names, over=source.name, draws=bind.draws, cond=sifting.condition(bind, names, inner, build))


def _rows(kind: Type, found: DataName | DistName) -> Interval | None:
    """The values of a column of indices."""
    rows = row_count(found.data.source) if kind == INDEX and isinstance(found, DataName) else None
    return None if rows is None else Interval(lo=Fraction(0), hi=Fraction(rows - 1))


def _listed(base: Indices, skip: Typed) -> str:
    """What to write for a range without something that is no label: the others, in an array."""
    if not isinstance(skip.expr, Num) or base.last - base.first > 9:
        return "write the label: `{b}`"
    others = [k for k in range(base.first, base.last + 1) if k != skip.expr.value]
    return f"list the others, `param a = {others}`, and run over `0..{len(others) - 1}`: `a[j]`"


def index_set(node: tree.Expr | None, scope: Scope, build: Build) -> Indices | None:
    """`a..b`, possibly without one element; None when the expression is no index set."""
    if isinstance(node, tree.Binary) and node.op == "\\":
        base = index_set(node.left, scope, build)
        if base is None or not isinstance(node.right, tree.SetLit) or len(node.right.items) != 1:
            return None
        skip = expressions.lower(node.right.items[0], scope, build)
        if skip.type.kind not in ("class", "index"):
            raise build.log.fail("GE207", "only a class can be left out", node.right.span, f"this is {skip.type}", hint=_listed(base, skip))
        return Indices(base.first, base.last, skip.expr, skip.rows)
    if not (isinstance(node, tree.Binary) and node.op == ".."):
        return None
    first, last = (evaluate(e, scope, build) for e in (node.left, node.right))
    if not (isinstance(first, Fraction) and isinstance(last, Fraction) and first.denominator == last.denominator == 1):
        raise build.log.fail("GE206", "the ends of a range are whole numbers", node.span, hint="write `0..2`")
    if not 0 <= last - first <= _LONGEST:
        said = "this range is empty" if last < first else "this range is too long"
        raise build.log.fail(
            "GE402", said, node.span, f"from {first} to {last}", hint=f"write `{last}..{first}`" if last < first else f"up to {_LONGEST} elements"
        )
    return Indices(int(first), int(last))


def _extreme(node: tree.Bound, found: Indices, scope: Scope, build: Build) -> Typed:
    """`max{k in 0..2}[ .. ]`: the largest of finitely many numbers, no player."""
    binder = node.binders[0]
    if binder.binds[0].cond is not None:
        raise sifting.refused(binder, binder.binds[0], build)
    inner = scope.child()
    unique = found.bind(binder.binds[0].pattern.names[0], inner, build)
    inner.draws = (*scope.draws, found.draw(unique))
    _written_out(binder, inner, build)
    body = lower_bound(inside(node), inner, build)
    return Typed(Reduce(op=_EXTREMES[binder.op], draws=(found.draw(unique),), body=body.expr), body.type, body.rows or found.rows)


# ------------------------------------------------------------------ gradients


def _gradient(node: tree.Bound, scope: Scope, build: Build) -> Typed:
    """`grad{z}[ e ]`: in a name from outside, or in the point that `where z = ..` sets."""
    binder = node.binders[0]
    if len(binder.binds) != 1 or len(binder.binds[0].pattern.names) != 1 or binder.binds[0].source is not None:
        raise build.log.fail("GE208", "a gradient is taken in one name", binder.span, hint="write `grad{z}[ .. ]`")
    name, body = binder.binds[0].pattern.names[0], node.body
    local = next((i for i in body.side if i.kind == "unique" and isinstance(i.left, tree.Name) and i.left.id == name.id), None)
    if local is not None and local.right is not None:
        point = expressions.lower(local.right, scope, build)
        hide(name, scope, build)
        body = tree.Body(body.span, body.expr, tuple(i for i in body.side if i is not local))
    else:
        point = expressions.lower(name, scope, build)
    inner = scope.child()
    unique = build.fresh(f"{name.id}_point")
    inner.names[name.id] = Bound(Typed(Ref(name=unique), point.type, point.rows, point.range), name.span)
    value = lower_bound(tree.Bound(node.span, node.binders[1:], body), inner, build)
    if value.rows and not point.rows:
        raise build.log.fail("GE290", "a gradient for every sample in what all samples share is not available in this version", binder.span,
                             hint="take the expectation inside: `grad{z}[ E{..}[ .. ] ]`")  # fmt: skip
    return Typed(Grad(name=unique, body=value.expr, at=point.expr), point.type, point.rows)


# ------------------------------------------------------------------ what follows `s.t.` and `where`


def lower_items(side: tuple[tree.Item, ...], scope: Scope, build: Build) -> Scope:
    """The scope of what has these items: local names bound in any order, responses declared and lowered as players."""
    if not side:
        return scope
    inner = scope.child()
    answers: list[tuple[tree.Item, Scope]] = []
    limits = []
    local: dict[str, tree.Item] = {}
    for item in side:
        called = responses.called(item, inner, build)
        if called is not None:
            answers.append(called)
        elif responses.is_response(item):
            answers.append((item, inner))
        elif item.kind == "any":
            raise build.log.fail("GE291", "a set for a variable after `s.t.` is not available in this version", item.span,
                                 hint="declare it on the variable: `var x in [0, 1]`")  # fmt: skip
        elif item.kind == "constraint":
            limits.append(item)
        elif not isinstance(item.left, tree.Name) or item.foralls:
            raise build.log.fail("GE208", "a name is defined here, or a response", item.span,
                                 hint="write `a = ..`, or `w = argmin{w}[ .. ]`")  # fmt: skip
        else:
            _local(item, item.left, inner, build)
            local[item.left.id] = item
    places = {name: item.left.span for name, item in local.items()}
    for name in circles({name: tuple(free(item.right)) for name, item in local.items()}, places, build.log):
        inner.names[name] = Broken(places[name])
    responses.lower_all(answers, inner, build)
    for item in limits:
        constraints.add(item, inner, build)
    return inner


def _local(item: tree.Item, name: tree.Name, inner: Scope, build: Build) -> None:
    assert item.right is not None
    right = item.right
    if isinstance(right, tree.Bound) and right.binders[0].op in _EXTREMES and isinstance(inner.find(name.id), (NetName, VarName)):
        op, span = right.binders[0].op, right.binders[0].op_span
        raise build.log.fail("GE204", f"`{op}` gives a value, and a point is needed", span, f"`arg{op}` is the point", hint=f"write `arg{op}`")
    if name.id in inner.names:
        raise build.log.fail("GE102", f"`{name.id}` is declared twice", name.span, hint=f"call one of them `{name.id}_2`")
    hide(name, inner, build)
    inner.names[name.id] = LetName(name.id, tree.Body(item.span, right, ()), inner, name.span)


def circles(uses: dict[str, tuple[str, ...]], places: dict[str, Span], log: Log) -> set[str]:
    """Record GE105 for every circle of definitions; gives the names on them, which stand for nothing."""
    found: set[str] = set()
    while path := circle(uses):
        said = "is defined by itself" if len(path) == 1 else "is defined in a circle"
        log.add("GE105", f"`{path[0]}` {said}", places[path[0]], " -> ".join([*path, path[0]]), hint="define one of them without the others")
        found |= set(path)
        uses = {name: used for name, used in uses.items() if name not in path}
    return found
