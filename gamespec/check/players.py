"""Players: every `min`, `max`, `argmin`, `argmax` becomes a node of the game graph, with its owner, set and scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import binders, expressions
from gamespec.check.scope import Bound, Broken, Failed, NetName, Scope, Typed, VarName, unknown_name
from gamespec.check.sets import lower_set, ranges
from gamespec.check.types import lower_type
from gamespec.ir import game as ir
from gamespec.ir.expr import Draw, Expr, Index, Ref, Value
from gamespec.ir.types import INDEX, REAL, Type
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.expressions import Build

SENSES: dict[str, ir.Sense] = {"min": "min", "max": "max", "argmin": "min", "argmax": "max"}


def node_id(parent: str, op: str, name: str, build: Build) -> str:
    """A stable path: `main/max:eta`."""
    base = f"{parent}/{op}:{name}" if parent else "main"
    taken = {n.id for n in build.nodes} | set(build.spans)
    unique, k = base, 2
    while f"node:{unique}" in taken or unique in taken:
        unique, k = f"{base}.{k}", k + 1
    return unique


def root_player(label: str, game: tree.Bound, scope: Scope, build: Build, index: str = "", axis: int = 0) -> str:
    """The outermost player of a `solve` or one player of a block; gives its node id."""
    binder = game.binders[0]
    if binder.op not in ("min", "max"):
        hint = f"write `{binder.op[3:]}`" if binder.op.startswith("arg") else "begin with `min{..}` or `max{..}`"
        message = f"`{binder.op}` where a player is needed" if not binder.op.startswith("arg") else f"`{binder.op}` where `{binder.op[3:]}` is meant"
        raise build.log.fail("GE204", message, binder.op_span, hint=hint)
    rest = tree.Bound(game.span, game.binders[1:], game.body)
    return _node(label or "main", binder, rest, scope, build, index=index, axis=axis)


def value_player(node: tree.Bound, binder: tree.Binder, rest: tree.Bound, scope: Scope, build: Build) -> Typed:
    """`max{d in S}[..]` inside an objective: a follower whose value stands here."""
    name = binder.binds[0].pattern.names[0].id
    ident = node_id(build.path, binder.op, name, build)
    parent = build.path
    _node(ident, binder, rest, scope, build)
    if not parent.startswith("@"):
        build.edges.append(ir.Edge(kind="value", parent=parent, child=ident))
    rows = bool(next(n for n in build.nodes if n.id == ident).scope)
    return Typed(Value(node=ident), REAL, rows)


def _node(
    ident: str, binder: tree.Binder, rest: tree.Bound, scope: Scope, build: Build, *, index: str = "", axis: int = 0,
    owned: tuple[str, ...] | None = None, choice: Draw | None = None,
) -> str:  # fmt: skip
    build.spans[f"node:{ident}"] = binder.span
    inner = scope.child()
    mentioned = _mentions_sample(binder, rest, scope)
    owns = owned if owned is not None else tuple(_owned(bind, inner, build, mentioned, rest) for bind in binder.binds)
    path, build.path = build.path, ident
    try:
        body = binders.lower_bound(rest, inner, build)
    finally:
        build.path = path
    draws = scope.draws if mentioned else ()
    if body.rows and not draws:
        raise build.log.fail("GE210", "this objective is one number per sample, and its player is shared by all samples", binder.span,
                             hint="take the expectation outside: `E{(a, b) ~ data}[ .. ]`")  # fmt: skip
    build.nodes.append(
        ir.Node(id=ident, sense=SENSES[binder.op], owns=owns, objective=body.expr, scope=draws, index=index, axis=axis, choice=choice)
    )
    return ident


def _mentions_sample(binder: tree.Binder, rest: tree.Bound, scope: Scope) -> bool:
    """Whether a subproblem depends on a sample that is open around it: then its variable is one per sample."""
    names = set(binders.written_names(tuple(binder.binds))) | set(binders.written_names(rest))
    return bool(names & scope.samples)


# ------------------------------------------------------------------ what a binder owns


def _owned(bind: tree.Bind, inner: Scope, build: Build, per_sample: bool, rest: tree.Bound) -> str:
    name = bind.pattern.names[0]
    if len(bind.pattern.names) > 1 or bind.draws:
        raise build.log.fail("GE208", "a player chooses one variable per entry", bind.span, hint="write `min{u, v}`")
    found = inner.find(name.id)
    match found:
        case NetName():
            return _owned_net(name, found, build)
        case VarName() if not found.var.scope and not _shadows(bind):
            return _owned_variable(bind, name, found, inner, build)
        case Broken():
            raise Failed
        case None | Bound() | VarName():
            if bind.source is None and bind.type is None:
                raise unknown_name(build.log, name, inner, (), "player")
            return new_variable(bind, name, inner, build, per_sample, rest)
    build.log.add("GE302", f"`{name.id}` cannot be chosen by a player", name.span, hint="declare it with `var` or `net`")
    raise Failed


def _shadows(bind: tree.Bind) -> bool:
    return bind.type is not None


def _owned_net(name: tree.Name, found: NetName, build: Build) -> str:
    if found.net.frozen:
        raise build.log.fail("GE303", f"`{name.id}` is frozen", name.span, "and a player wants to choose it",
                             hint="drop `frozen` where it is declared")  # fmt: skip
    return found.net.handle


def _owned_variable(bind: tree.Bind, name: tree.Name, found: VarName, inner: Scope, build: Build) -> str:
    var = found.var
    if bind.pattern.indices and not var.axis:
        raise build.log.fail("GE203", f"`{name.id}` has no index", bind.pattern.span, hint=f"declare `var {name.id}[i in 0..2]`")
    if bind.source is not None:
        found_set = lower_set(bind.source, inner, build)
        assert found_set is not None
        build.vars[:] = [v.model_copy(update={"set": found_set[0]}) if v.name == var.name else v for v in build.vars]
    return var.name


def new_variable(bind: tree.Bind, name: tree.Name, inner: Scope, build: Build, per_sample: bool, rest: object) -> str:
    """A variable that lives inside a binder; its type from the annotation, its set, or the sum that it stands in."""
    found_set = lower_set(bind.source, inner, build) if bind.source is not None else None
    kind = _type_of(bind, name, found_set[1] if found_set else None, inner, build, rest)
    unique = build.fresh(name.id)
    scope = inner.draws if per_sample else ()
    var = ir.Var(name=unique, type=kind, set=found_set[0] if found_set else None, scope=scope)
    build.vars.append(var)
    build.spans[f"var:{unique}"] = name.span
    inner.names[name.id] = VarName(var, name.span)
    if per_sample:
        inner.samples |= {name.id}
    return unique


def _type_of(bind: tree.Bind, name: tree.Name, from_set: Type | None, inner: Scope, build: Build, rest: object) -> Type:
    if bind.type is not None:
        if isinstance(bind.type, tree.TName) and bind.type.name == "params":
            raise build.log.fail("GE290", "perturbations of parameters are not available in this version", bind.type.span)
        return lower_type(bind.type, inner, build.log)
    if from_set is not None:
        return Type(kind="real", shape=from_set.shape)
    partner = _partner(name.id, rest)
    if partner is not None:
        typed = expressions.lower(partner, inner, build)
        return Type(kind="real", shape=typed.type.shape)
    assert bind.source is not None
    found = lower_set(bind.source, inner, build)
    if found is not None and ranges(found[0]) is not None:
        return REAL
    raise build.log.fail("GE205", f"the shape of `{name.id}` cannot be told from here", name.span,
                         hint=f"write it: `{{{name.id}: R[2] in ..}}`")  # fmt: skip


def _partner(name: str, node: object) -> tree.Expr | None:
    """The name that `name` is added to somewhere below: `a + d` tells that `d` has the shape of `a`."""
    from dataclasses import fields

    if isinstance(node, tree.Binary) and node.op in ("+", "-"):
        for mine, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(mine, tree.Name) and mine.id == name and isinstance(other, tree.Name):
                return other
    if isinstance(node, tree.Node):
        parts: tuple[object, ...] = tuple(getattr(node, f.name) for f in fields(node))
    else:
        parts = node if isinstance(node, tuple) else ()
    for part in parts:
        found = _partner(name, part)
        if found is not None:
            return found
    return None


# ------------------------------------------------------------------ responses


def is_response(item: tree.Item) -> bool:
    """Whether an item after `s.t.` is the answer of a follower."""
    right = item.right
    return isinstance(right, tree.Equilibrium) or (isinstance(right, tree.Bound) and right.binders[-1].op in ("argmin", "argmax"))


def _left_name(item: tree.Item, build: Build) -> tree.Name:
    left = item.left.base if isinstance(item.left, tree.Index) else item.left
    if isinstance(left, tree.Name):
        return left
    raise build.log.fail("GE290", "an equilibrium among followers is not available in this version", item.left.span)


def declare_response(item: tree.Item, inner: Scope, build: Build) -> None:
    """Make the name on the left known before any response is lowered, so that they may mention each other."""
    name = _left_name(item, build)
    if not isinstance(item.right, tree.Bound):
        raise build.log.fail("GE290", "an equilibrium among followers is not available in this version", item.span)
    if isinstance(inner.find(name.id), (NetName, VarName)) and not isinstance(item.left, tree.Index):
        return
    bind = item.right.binders[0].binds[0]
    choice = binders.index_set(bind.source, inner, build) if bind.source is not None else None
    per_sample = bool({*binders.written_names(item.right)} & inner.samples)
    scope = inner.draws if per_sample else ()
    if choice is not None:
        var = ir.Var(name=build.fresh(name.id), type=INDEX, scope=scope)
    else:
        var = _family(item, name, bind, inner, build, scope)
    build.vars.append(var)
    build.spans[f"var:{var.name}"] = name.span
    inner.names[name.id] = VarName(var, name.span)
    if per_sample:
        inner.samples |= {name.id}


def _family(item: tree.Item, name: tree.Name, bind: tree.Bind, inner: Scope, build: Build, scope: tuple[Draw, ...]) -> ir.Var:
    assert isinstance(item.right, tree.Bound)
    outer = inner.child()
    index, axis, skip = "", 0, None
    if item.foralls:
        forall = item.foralls[0]
        over = binders.index_set(forall.source, inner, build)
        if over is None:
            raise build.log.fail("GE208", "a range is needed after `in`", forall.source.span, hint="write `forall k in 0..9`")
        index, axis, skip = build.fresh(forall.name.id), over.last - over.first + 1 - (over.skip is not None), over.skip
        outer.names[forall.name.id] = Bound(Typed(Ref(name=index), INDEX, rows=skip is not None), forall.name.span)
    found = lower_set(bind.source, outer, build) if bind.source is not None else None
    kind = _type_of(bind, bind.pattern.names[0], found[1] if found else None, outer, build, item.right.body)
    return ir.Var(
        name=build.fresh(name.id), type=kind, set=found[0] if found else None, index=index, axis=axis, skip=skip, scope=scope
    )


def response_player(item: tree.Item, inner: Scope, build: Build) -> None:
    """`w = argmin{w}[ g ]`: a follower with an objective of its own, whose answer the leader sees."""
    assert isinstance(item.right, tree.Bound)
    name = _left_name(item, build)
    binder = item.right.binders[0]
    own = inner.find(name.id)
    rest = tree.Bound(item.right.span, item.right.binders[1:], item.right.body)
    scope = inner.child()
    ident = node_id(build.path, binder.op[3:], name.id, build)
    index, axis, choice, owned = "", 0, None, None
    bind = binder.binds[0]
    written = bind.pattern.names[0]
    if isinstance(own, VarName) and own.var.name not in [v.name for v in build.vars if not v.scope and v.name == written.id]:
        owned = (own.var.name,)
        found = binders.index_set(bind.source, inner, build) if bind.source is not None else None
        if found is not None:
            iterated = build.fresh(written.id)
            scope.names[written.id] = Bound(Typed(Ref(name=iterated), INDEX, rows=bool(inner.samples)), written.span)
            choice = Draw(names=(iterated,), draws=False, first=found.first, last=found.last, skip=found.skip)
        else:
            index, axis = own.var.index, own.var.axis
            if item.foralls:
                forall = item.foralls[0].name
                scope.names[forall.id] = Bound(Typed(Ref(name=index), INDEX, rows=True), forall.span)
            # Inside its own subproblem the variable is the one answer of this element of the family.
            scope.names[written.id] = Bound(Typed(_own(own, index), own.var.type, rows=bool(own.var.scope)), written.span)
        scope.samples = scope.samples | ({written.id} if own.var.scope else set())
    _node(ident, binder, rest, scope, build, index=index, axis=axis, owned=owned, choice=choice)
    build.edges.append(ir.Edge(kind="response", parent=build.path, child=ident, unique=item.kind == "unique"))
    _check_left(item, name, ident, build)


def _own(own: VarName, index: str) -> Expr:
    return Index(base=Ref(name=own.var.name), indices=(Ref(name=index),)) if index else Ref(name=own.var.name)


def _check_left(item: tree.Item, name: tree.Name, ident: str, build: Build) -> None:
    owns = next(n.owns for n in build.nodes if n.id == ident)
    declared = {v.name for v in build.vars} | {name.id}
    if len(owns) == 1 and owns[0] not in declared and owns[0] != name.id:
        build.log.add("GE304", f"`{name.id}` is answered by `{owns[0]}`", item.left.span, "the two sides name different players",
                      hint=f"write `{owns[0]} = argmin{{{owns[0]}}}[ .. ]`",
                      related=(Label(item.right.span, f"chooses `{owns[0]}`"),) if item.right else ())  # fmt: skip
