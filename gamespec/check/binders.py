"""Binders: draws and index sets, players inside an objective, responses after `s.t.`, points of a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import expressions, players
from gamespec.check.constant import evaluate
from gamespec.check.scope import Bound, Broken, DataName, DistName, Failed, LetName, NetName, Scope, Typed, VarName, unknown_name
from gamespec.check.sets import lower_set
from gamespec.ir.expr import Draw, Expr, Grad, Reduce, Ref
from gamespec.ir.types import INDEX, REAL, Interval
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.expressions import Build

REDUCTIONS = {"sum", "mean", "prod", "E"}


@dataclass(frozen=True, slots=True)
class Indices:
    """An index set `first..last` without `skip`."""

    first: int
    last: int
    skip: Expr | None = None


def written_names(node: object) -> Iterator[str]:
    """Every identifier below a syntax node."""
    if isinstance(node, tree.Name):
        yield node.id
    elif isinstance(node, tree.Node):
        for f in fields(node):
            yield from written_names(getattr(node, f.name))
    elif isinstance(node, tuple):
        for item in node:
            yield from written_names(item)


def lower_bound(node: tree.Bound, scope: Scope, build: Build) -> Typed:
    """`OP{..} OP{..} [ body ]` where a number is needed."""
    return _binders(node, 0, scope, build)


def _binders(node: tree.Bound, at: int, scope: Scope, build: Build) -> Typed:
    if at == len(node.binders):
        typed = expressions.lower_body(node.body, scope, build)
        return expressions.scalar(node.body.expr, typed, build, "an objective")
    binder = node.binders[at]
    if binder.op in REDUCTIONS:
        return _reduction(node, at, scope, build)
    if binder.op == "grad":
        return _gradient(node, at, scope, build)
    if binder.op in ("argmin", "argmax"):
        word = binder.op[3:]
        raise build.log.fail(
            "GE204", f"`{binder.op}` gives a point, and a number is needed", binder.op_span, f"`{word}` is the value",
            hint=f"write `{word}{{..}}[..]`, or `w = {binder.op}{{w}}[..]` after `s.t.`",
        )  # fmt: skip
    return _optimum(node, at, scope, build)


# ------------------------------------------------------------------ expectations and sums


def _reduction(node: tree.Bound, at: int, scope: Scope, build: Build) -> Typed:
    binder = node.binders[at]
    inner = scope.child()
    draws = [_draw(binder, bind, inner, build) for bind in binder.binds]
    inner.draws = (*scope.draws, *draws)
    body = _binders(node, at + 1, inner, build)
    range_ = Interval(lo=Fraction(0)) if body.range and body.range.lo is not None and body.range.lo >= 0 else None
    over_samples = any(d.over or d.skip is not None for d in draws)
    expr = Reduce(op=binder.op, draws=tuple(draws), body=body.expr)  # type: ignore[arg-type]  # the grammar's words; until 2027-11
    return Typed(expr, REAL if body.type.kind == "bool" else body.type, body.rows and not over_samples, range_)


def _draw(binder: tree.Binder, bind: tree.Bind, inner: Scope, build: Build) -> Draw:
    if bind.source is None:
        raise build.log.fail("GE208", f"`{binder.op}` needs to know where `{bind.pattern.names[0].id}` comes from", bind.span,
                             hint=f"write `{binder.op}{{{bind.pattern.names[0].id} ~ data}}[ .. ]`")  # fmt: skip
    found = inner.find(bind.source.id) if isinstance(bind.source, tree.Name) else None
    if isinstance(found, (DataName, DistName)):
        if binder.op == "E" and not bind.draws:
            raise build.log.fail("GE208", "an expectation draws", bind.span, hint="write `~` in place of `in`")
        return _samples(bind, found, inner, build)
    if isinstance(found, Broken):
        raise Failed
    if found is None and isinstance(bind.source, tree.Name) and bind.draws:
        raise unknown_name(build.log, bind.source, inner, (), "distribution")
    return _indices(bind, inner, build)


def _samples(bind: tree.Bind, found: DataName | DistName, inner: Scope, build: Build) -> Draw:
    source = found.data if isinstance(found, DataName) else found.dist
    types = [(f.type, f.range) for f in found.data.fields] if isinstance(found, DataName) else [(found.dist.type, None)]
    written = bind.pattern.names
    if len(written) != len(types):
        raise build.log.fail("GE209", f"`{source.name}` has {len(types)} field(s)", bind.pattern.span, f"{len(written)} name(s) given",
                             hint=_pattern_hint(source.name, found))  # fmt: skip
    if source.name not in build.samples:
        build.samples[source.name] = tuple(build.fresh(n.id) for n in written)
    names = build.samples[source.name]
    for n, unique, (kind, rng) in zip(written, names, types, strict=True):
        inner.names[n.id] = Bound(Typed(Ref(name=unique), kind, rows=True, range=rng), n.span)
    inner.samples |= {n.id for n in written}
    cond = expressions.lower(bind.cond, inner, build).expr if bind.cond is not None else None
    return Draw(names=names, over=source.name, draws=bind.draws, cond=cond)


def _pattern_hint(name: str, found: DataName | DistName) -> str:
    fields_ = [f.name for f in found.data.fields] if isinstance(found, DataName) else ["z"]
    pattern = fields_[0] if len(fields_) == 1 else f"({', '.join(fields_)})"
    return f"write `{pattern} ~ {name}`"


def index_set(node: tree.Expr, scope: Scope, build: Build) -> Indices | None:
    """`a..b`, possibly without one element; None when the expression is no index set."""
    if isinstance(node, tree.Binary) and node.op == "\\":
        base = index_set(node.left, scope, build)
        if base is None or not isinstance(node.right, tree.SetLit) or len(node.right.items) != 1:
            return None
        return Indices(base.first, base.last, expressions.lower(node.right.items[0], scope, build).expr)
    if not (isinstance(node, tree.Binary) and node.op == ".."):
        return None
    ends = [evaluate(e, scope, build.log) for e in (node.left, node.right)]
    if not all(isinstance(e, Fraction) and e.denominator == 1 for e in ends):
        raise build.log.fail("GE206", "the ends of a range are whole numbers", node.span)
    first, last = (int(e) for e in ends)  # type: ignore[call-overload]  # checked the line above; until 2027-11
    if last < first or last - first > 10**6:
        raise build.log.fail("GE402", "this range is empty or far too long", node.span, f"{first}..{last}")
    return Indices(first, last)


def _indices(bind: tree.Bind, inner: Scope, build: Build) -> Draw:
    assert bind.source is not None
    found = index_set(bind.source, inner, build)
    if found is None or len(bind.pattern.names) != 1:
        raise build.log.fail("GE208", "a data source, a distribution or a range is needed here", bind.source.span,
                             hint="write `x ~ data`, or `i in 0..2`")  # fmt: skip
    name = bind.pattern.names[0]
    unique = build.fresh(name.id)
    inner.names[name.id] = Bound(Typed(Ref(name=unique), INDEX, rows=found.skip is not None), name.span)
    return Draw(names=(unique,), draws=False, first=found.first, last=found.last, skip=found.skip)


# ------------------------------------------------------------------ gradients


def _gradient(node: tree.Bound, at: int, scope: Scope, build: Build) -> Typed:
    binder = node.binders[at]
    written = binder.binds[0].pattern.names[0]
    local = next((i for i in node.body.side if i.kind == "unique" and isinstance(i.left, tree.Name) and i.left.id == written.id), None)
    body = node.body
    if local is not None:
        assert local.right is not None
        point = expressions.lower(local.right, scope, build)
        body = tree.Body(body.span, body.expr, tuple(i for i in body.side if i is not local))
    else:
        point = expressions.lower(written, scope, build)
    inner = scope.child()
    unique = build.fresh(f"{written.id}_point")
    inner.names[written.id] = Bound(Typed(Ref(name=unique), point.type, point.rows, point.range), written.span)
    inner.samples |= {written.id} if point.rows else set()
    rest = tree.Bound(node.span, node.binders[at + 1 :], body)
    value = _binders(rest, 0, inner, build)
    return Typed(Grad(name=unique, body=value.expr, at=point.expr), point.type, point.rows)


# ------------------------------------------------------------------ players inside an objective


def _optimum(node: tree.Bound, at: int, scope: Scope, build: Build) -> Typed:
    binder = node.binders[at]
    bind = binder.binds[0]
    if bind.source is not None and len(binder.binds) == 1:
        found = index_set(bind.source, scope, build)
        if found is not None:
            return _extreme(node, at, found, scope, build)
    rest = tree.Bound(node.span, node.binders[at + 1 :], node.body)
    return players.value_player(node, binder, rest, scope, build)


def _extreme(node: tree.Bound, at: int, found: Indices, scope: Scope, build: Build) -> Typed:
    binder = node.binders[at]
    name = binder.binds[0].pattern.names[0]
    inner = scope.child()
    unique = build.fresh(name.id)
    inner.names[name.id] = Bound(Typed(Ref(name=unique), INDEX, rows=found.skip is not None), name.span)
    body = _binders(node, at + 1, inner, build)
    draw = Draw(names=(unique,), draws=False, first=found.first, last=found.last, skip=found.skip)
    expr = Reduce(op=binder.op, draws=(draw,), body=body.expr)  # type: ignore[arg-type]  # the grammar's words; until 2027-11
    return Typed(expr, body.type, body.rows)


# ------------------------------------------------------------------ what follows `s.t.` and `where`


def lower_items(body: tree.Body, scope: Scope, build: Build) -> Scope:
    """The scope of a body: local names bound, responses declared and lowered as players.

    Local names may stand in any order; responses are lowered in the order in which they need each other.
    """
    if not body.side:
        return scope
    inner = scope.child()
    responses = []
    for item in body.side:
        if players.is_response(item):
            responses.append(item)
        elif item.kind == "unique" and isinstance(item.left, tree.Name):
            _local(item, inner, build)
        elif item.kind == "constraint":
            raise build.log.fail("GE291", "constraints between players are not available in this version", item.span,
                                 hint="declare a set on the variable: `var x in [0, 1]`")  # fmt: skip
        else:
            raise build.log.fail("GE208", "a name is defined here, or a response", item.span,
                                 hint="write `a = ..`, or `w = argmin{w}[ .. ]`")  # fmt: skip
    for item in responses:
        players.declare_response(item, inner, build)
    for item in responses:
        players.response_player(item, inner, build)
    return inner


def _local(item: tree.Item, inner: Scope, build: Build) -> None:
    assert isinstance(item.left, tree.Name)
    assert item.right is not None
    outer = inner.find(item.left.id)
    if isinstance(outer, (NetName, VarName, DataName, DistName)):
        build.log.add("GE104", f"`{item.left.id}` is already a player or a source", item.left.span, "a local name may not hide it",
                      hint=f"call it `{item.left.id}_`")  # fmt: skip
        return
    # A local name that mentions itself means the outer one (`p = p + 1` would be a cycle).
    inner.names[item.left.id] = LetName(item.left.id, tree.Body(item.span, item.right, ()), inner, item.left.span)
    if any(n in inner.samples for n in written_names(item.right)):
        inner.samples |= {item.left.id}


def check_log(typed: Typed, node: tree.Expr, build: Build) -> None:
    """Warn about `log` of what may not be positive (GW403)."""
    if typed.type.kind == "prob" or typed.range is None:
        return
    if typed.range.lo is None or typed.range.lo < 0:
        build.log.notice("GW403", "`log` of a number that may be negative", node.span, f"between {typed.range.lo} and {typed.range.hi}",
                         hint="declare its range, or give the network the type `prob`")  # fmt: skip
