"""Players: every `min` and `max` becomes a node of the game graph, with its owner, set and scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import binders, constraints, expressions, sifting
from gamespec.check.names import below, free, mentioned
from gamespec.check.scope import Bound, Broken, Const, DataName, DefName, DistName, Failed, NetName, Scope, Typed, VarName, unknown_name
from gamespec.check.sets import lower_set
from gamespec.check.types import lower_type, no_words
from gamespec.ir import game as ir
from gamespec.ir.expr import Draw, Ref, Value
from gamespec.ir.types import REAL, Type
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gamespec.check.build import Build

_SENSES: dict[str, ir.Sense] = {"min": "min", "max": "max", "argmin": "min", "argmax": "max"}


def node_id(parent: str, op: str, name: str, build: Build) -> str:
    """A stable path: `main/max:eta`."""
    base = f"{parent}/{op}:{name}"
    unique, k = base, 2
    while f"node:{unique}" in build.spans:
        unique, k = f"{base}.{k}", k + 1
    return unique


def root_player(label: str, game: tree.Bound, scope: Scope, build: Build, index: str = "", axis: int = 0) -> str:
    """The outermost player of a `solve` or one player of a block; gives its node id."""
    binder = game.binders[0]
    if binder.op.startswith("arg"):
        raise build.log.fail("GE204", f"`{binder.op}` where `{binder.op[3:]}` is meant", binder.op_span, hint=f"write `{binder.op[3:]}`")
    if binder.op not in _SENSES:
        raise build.log.fail("GE204", f"`{binder.op}` where a player is needed", binder.op_span, hint="begin with `min{..}` or `max{..}`")
    lower_player(label, game, scope, build, index=index, axis=axis)
    return label


def value_player(node: tree.Bound, scope: Scope, build: Build) -> Typed:
    """`max{d in S}[..]` inside an objective: a follower whose value stands here."""
    binder = node.binders[0]
    ident = node_id(build.path, binder.op, binder.binds[0].pattern.names[0].id, build)
    made = lower_player(ident, node, scope, build)
    if not build.path.startswith("@"):
        build.edges.append(ir.Edge(kind="value", parent=build.path, child=ident))
    return Typed(Value(node=ident), REAL, rows=scope.each(made.scope))


def lower_player(
    ident: str, node: tree.Bound, scope: Scope, build: Build, *, index: str = "", axis: int = 0,
    owned: tuple[str, ...] = (), choice: Draw | None = None,
) -> ir.Node:  # fmt: skip
    """The node of the first binder, whose objective is the rest. `owned` are variables that exist already."""
    binder = node.binders[0]
    for bind in (b for b in binder.binds if b.cond is not None):
        raise sifting.refused(binder, bind, build)
    build.spans[f"node:{ident}"] = binder.span
    own = {index, *(choice.names if choice else ())}
    draws = dependence(node, scope, build, frozenset(own))
    inner = scope.child()
    owns = owned or tuple(_owned(bind, inner, build, draws, binders.inside(node), index, axis) for bind in binder.binds)
    for k, name in enumerate(owns):
        if name in owns[:k]:
            raise build.log.fail("GE102", f"`{name}` is listed twice", binder.binds[k].span, hint="list it once")
    path, build.path = build.path, ident
    try:
        body = binders.lower_bound(binders.inside(node), inner, build)
    finally:
        build.path = path
    if body.rows and not draws:
        raise build.log.fail("GE210", "this objective is one number per sample, and its player is shared by all samples", binder.span,
                             hint="take the expectation: `E{(a, b) ~ data}[ .. ]`")  # fmt: skip
    made = ir.Node(
        id=ident, sense=_SENSES[binder.op], owns=owns, objective=body.expr, scope=draws, index=index, axis=axis, choice=choice,
        constraints=build.limits.pop(ident, ()),
    )  # fmt: skip
    build.nodes.append(made)
    constraints.of_samples(made, build)
    return made


def dependence(node: tree.Bound, scope: Scope, build: Build, own: frozenset[str]) -> tuple[Draw, ...]:
    """The draws around a subproblem that it depends on: its variables are then one per sample of these.

    Raises Failed with GE290 where it depends on the index of a sum: one player for each element of it is not written.
    """
    used = mentioned(free(node), scope, build)
    if used & (scope.indices - own):
        raise build.log.fail("GE290", "a player for every element of a sum or a family is not available here in this version", node.binders[0].span,
                             hint="give the elements names: `max{u, v}[ .. ]`, or declare `var d[k in 0..2]`")  # fmt: skip
    return tuple(d for d in scope.draws if d.over and used & set(d.names))


# ------------------------------------------------------------------ what a binder owns


def _owned(bind: tree.Bind, inner: Scope, build: Build, draws: tuple[Draw, ...], rest: tree.Bound, index: str, axis: int) -> str:
    name = bind.pattern.names[0]
    if bind.draws:
        raise build.log.fail("GE208", "`~` draws, and a player chooses", bind.span, hint="write `in` in place of `~`")
    if len(bind.pattern.names) > 1:
        raise build.log.fail("GE208", "a player chooses one variable per entry", bind.span, hint="write `min{u, v}`")
    found = inner.find(name.id)
    if isinstance(found, Broken):
        raise Failed
    declared = (isinstance(found, VarName) and not found.inner) or isinstance(found, NetName)
    if (bind.type is None and declared) or (isinstance(found, VarName) and bind.source is None and bind.type is None):
        if draws:
            raise build.log.fail("GE210", f"`{name.id}` is one for all samples, and its objective is one number per sample", bind.span,
                                 hint="take the expectation inside, or give the binder a variable of its own: `{d in [0, 1]}`")  # fmt: skip
        return (
            _owned_net(bind, name, found, build, index)
            if isinstance(found, NetName)
            else _owned_variable(bind, name, found, inner, build, index, axis)
        )
    if isinstance(found, (Const, DataName, DistName)) and bind.source is None and bind.type is None:
        raise build.log.fail("GE302", f"`{name.id}` cannot be chosen by a player", name.span, hint="declare it with `var` or `net`")
    if bind.source is None and bind.type is None:
        raise unknown_name(build.log, name, inner, (), "player")
    binders.hide(name, inner, build)
    return new_variable(bind, inner, build, draws, rest)


def _owned_net(bind: tree.Bind, name: tree.Name, found: NetName, build: Build, index: str) -> str:
    if found.net.frozen:
        raise build.log.fail("GE303", f"`{name.id}` is frozen", name.span, "and a player wants to choose it",
                             hint="drop `frozen` where it is declared")  # fmt: skip
    if bind.source is not None:
        raise build.log.fail("GE290", "a set of networks is not available in this version", bind.source.span, hint="drop it")
    _only_one(name, index, build)
    return found.net.handle


def _only_one(name: tree.Name, index: str, build: Build) -> None:
    if index:
        raise build.log.fail("GE301", f"`{name.id}` has many owners", name.span, "every element of the family chooses it",
                             hint=f"declare `var {name.id}[i in 0..2]` and choose `{name.id}[i]`")  # fmt: skip


def _owned_variable(bind: tree.Bind, name: tree.Name, found: object, inner: Scope, build: Build, index: str, axis: int) -> str:
    assert isinstance(found, VarName)
    var, at = found.var, bind.pattern.indices
    if at and not var.axis:
        raise build.log.fail("GE203", f"`{name.id}` has no index", bind.pattern.span, hint=f"write `{name.id}`")
    if not at:
        _only_one(name, index, build)
    else:
        written = inner.find(at[0].id) if len(at) == 1 and isinstance(at[0], tree.Name) else None
        if not isinstance(written, Bound) or not index or written.typed.expr != Ref(name=index):
            raise build.log.fail("GE208", "a player of a family chooses its own element", bind.pattern.span,
                                 hint=f"write `{{{name.id}[i]}}` and `forall i in 0..{var.axis - 1}`, or `{{{name.id}}}` for all of it")  # fmt: skip
        if axis != var.axis:
            raise build.log.fail("GE203", f"`{name.id}` has {var.axis} elements", bind.pattern.span, f"and {axis} of them have a player",
                                 hint=f"write `forall i in 0..{var.axis - 1}`")  # fmt: skip
    if bind.source is not None:
        if var.set is not None:
            raise build.log.fail("GE307", f"`{name.id}` has two sets", bind.source.span, related=(Label(found.span, "declared here with a set"),),
                                 hint="keep one of them")  # fmt: skip
        chosen = var.model_copy(update={"set": lower_set(bind.source, inner, build)[0]})
        _note_radius(var.name, bind.source, build)
        build.vars[:] = [chosen if v.name == var.name else v for v in build.vars]
    return var.name


def new_variable(bind: tree.Bind, inner: Scope, build: Build, draws: tuple[Draw, ...], rest: tree.Bound) -> str:
    """A variable that lives inside a binder; its type from the annotation, its set, or the sum that it stands in."""
    name = bind.pattern.names[0]
    found = lower_set(bind.source, inner, build) if bind.source is not None else None
    var = ir.Var(name=build.fresh(name.id), type=type_of(bind, found, inner, build, rest), set=found[0] if found else None, scope=draws)
    enter(var, name, bind, inner, build)
    return var.name


def enter(var: ir.Var, name: tree.Name, bind: tree.Bind, inner: Scope, build: Build) -> None:
    """A new variable joins the game, visible as `name`."""
    build.vars.append(var)
    build.spans[f"var:{var.name}"] = name.span
    _note_radius(var.name, bind.source, build)
    inner.names[name.id] = VarName(var, name.span, inner=True)


def _note_radius(var: str, source: tree.Expr | None, build: Build) -> None:
    """Remember where a set and the radius of a ball were written, for what may be said about it later."""
    if source is not None:
        build.spans[f"set:{var}"] = source.span
    while isinstance(source, tree.Binary):
        source = source.left
    if isinstance(source, tree.Call) and source.args:
        build.spans[f"radius:{var}"] = source.args[0].span


# ------------------------------------------------------------------ the type of a variable inside a binder


def type_of(bind: tree.Bind, found: tuple[ir.Set, Type | None] | None, inner: Scope, build: Build, rest: tree.Bound) -> Type:
    """The type of a variable that only a binder names. Raises Failed with GE205 where nothing tells it."""
    name = bind.pattern.names[0]
    if bind.type is not None:
        kind = lower_type(bind.type, inner, build)
        no_words(kind, bind.type, build)
        if kind.kind not in ("real", "prob", "params"):
            raise build.log.fail("GE202", "a variable is a number or an array of numbers", bind.type.span, hint="write `R`, `R[n]` or `R[n, m]`")
        return kind
    if found is not None and found[1] is not None:
        return Type(kind="real", shape=found[1].shape)
    partner = next((t for t in _partners(name.id, rest, inner) if t is not None), None)
    interval = found is not None and all(p.word == "Box" for p in found[0].parts)
    if partner is None and interval:
        return REAL
    if partner is None or (interval and partner.shape):
        guess = partner or Type(kind="real", shape=(2,))
        said = "an interval holds one number or many" if interval else ""
        at, typed = (bind.source or bind).span, f"{name.id}: {guess}"
        raise build.log.fail("GE205", f"the shape of `{name.id}` cannot be told from here", name.span, said, related=(Label(at, "by its set"),),
                             hint=f"write `{typed}`")  # fmt: skip
    return Type(kind="real", shape=partner.shape)


def _partners(name: str, node: object, scope: Scope) -> Iterator[Type | None]:
    """The types of what `name` is added to: `a + d` tells that `d` has the shape of `a`."""
    from_draws = {n.id: t for binder in below(node, tree.Binder) for bind in binder.binds for n, t in _drawn(bind, scope)}
    for sum_ in below(node, tree.Binary):
        if sum_.op in ("+", "-"):
            for mine, other in ((sum_.left, sum_.right), (sum_.right, sum_.left)):
                if isinstance(mine, tree.Name) and mine.id == name:
                    yield _type_of(other, from_draws, scope)
    for call in below(node, tree.Call):
        yield from _inside(name, call, from_draws, scope)


def _type_of(node: tree.Expr, drawn: dict[str, Type], scope: Scope) -> Type | None:
    """The type of a name or of a network's value, None where more would have to be lowered."""
    if isinstance(node, tree.Name):
        return drawn.get(node.id) or _type_in(scope, node.id)
    found = scope.find(node.fn.id) if isinstance(node, tree.Call) and isinstance(node.fn, tree.Name) else None
    return found.net.output if isinstance(found, NetName) and found.net.output.kind == "real" else None


def _inside(name: str, call: tree.Call, drawn: dict[str, Type], scope: Scope) -> Iterator[Type | None]:
    """What `name` is added to in a definition that it is an argument of."""
    found = scope.find(call.fn.id) if isinstance(call.fn, tree.Name) else None
    if not isinstance(found, DefName) or len(found.definition.formals) != len(call.args):
        return
    inner, mine = found.scope.child(), list[str]()
    for formal, arg in zip(found.definition.formals, call.args, strict=True):
        known = _type_of(arg, drawn, scope)
        if isinstance(arg, tree.Name) and arg.id == name:
            mine.append(formal.name.id)
        elif known is not None:
            inner.names[formal.name.id] = Bound(Typed(Ref(name=formal.name.id), known), formal.name.span)
    for formal_name in mine:
        yield from _partners(formal_name, found.definition.body, inner)


def _drawn(bind: tree.Bind, scope: Scope) -> list[tuple[tree.Name, Type]]:
    found = scope.find(bind.source.id) if isinstance(bind.source, tree.Name) else None
    if isinstance(found, DataName):
        return list(zip(bind.pattern.names, (f.type for f in found.data.fields), strict=False))
    return [(bind.pattern.names[0], found.dist.type)] if isinstance(found, DistName) else []


def _type_in(scope: Scope, name: str) -> Type | None:
    match scope.find(name):
        case Bound() as binding:
            return binding.typed.type
        case VarName() as binding:
            return binding.var.type
        case Const(value=tuple() as value):
            return Type(kind="real", shape=expressions.tuple_shape(value))
    return None
