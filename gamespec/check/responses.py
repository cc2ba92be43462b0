"""Responses: `w = argmin{w}[ g ]` after `s.t.` is a follower with an objective of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gamespec.check import binders, calls, players
from gamespec.check.names import circle, free, in_order
from gamespec.check.scope import Bound, Broken, DefName, Failed, LetName, NetName, Scope, Typed, VarName
from gamespec.check.sets import lower_set
from gamespec.ir import game as ir
from gamespec.ir.expr import Draw, Expr, Index, Ref
from gamespec.ir.types import INDEX
from gamespec.ir.walk import free_names
from gamespec.report.diagnostic import Label
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build

_NASH = "followers that answer each other"


def is_response(item: tree.Item) -> bool:
    """Whether an item after `s.t.` is the answer of a follower."""
    right = item.right
    return isinstance(right, tree.Equilibrium) or (isinstance(right, tree.Bound) and right.binders[0].op in ("argmin", "argmax"))


def called(item: tree.Item, scope: Scope, build: Build) -> tuple[tree.Item, Scope] | None:
    """`w = adapted(tau)`, where a definition gives the response, with its body in place and the scope of that; None for others."""
    right = item.right
    found = scope.find(right.fn.id) if isinstance(right, tree.Call) and isinstance(right.fn, tree.Name) else None
    body = found.definition.body if isinstance(found, DefName) else None
    if not isinstance(found, DefName) or body is None or not isinstance(right, tree.Call) or body.side:
        return None
    if not isinstance(body.expr, tree.Bound) or body.expr.binders[0].op not in ("argmin", "argmax"):
        return None
    return replace(item, right=body.expr), calls.formals(right, found, scope, build)


def lower_all(items: list[tuple[tree.Item, Scope]], inner: Scope, build: Build) -> None:
    """Every response of a body, each after those that its objective mentions; with each the scope that it was written in."""
    answers: dict[str, tuple[tree.Item, tree.Bound, tree.Name]] = {}
    scopes: dict[str, Scope] = {}
    for item, at in items:
        if isinstance(item.right, tree.Equilibrium):
            _equilibrium(item, item.right, inner, build)
            continue
        right, name = _parts(item, build)
        if name.id in answers:
            raise build.log.fail("GE102", f"`{name.id}` is answered twice", name.span, hint="keep one of the two")
        answers[name.id] = (item, right, name)
        scopes[name.id] = at
    uses = {name: tuple(_mentions(right, scopes[name]) & (answers.keys() - {name})) for name, (_, right, _) in answers.items()}
    for own, (_, bound, left) in answers.items():
        if inner.find(own) is None and own in free(bound) and own != bound.binders[0].binds[0].pattern.names[0].id:
            raise build.log.fail("GE105", f"`{own}` is answered by itself", free(bound)[own].span, "it stands inside its own response",
                                 related=(Label(left.span, "the answer"),), hint="use the bound name there, or another player's answer")  # fmt: skip
    path = circle(uses)
    if path:
        raise build.log.fail("GE290", _NASH, answers[path[0]][0].span, " -> ".join([*path, path[0]]),
                             hint="write `(u, v) = nash { min{u}[ .. ] min{v}[ .. ] }`")  # fmt: skip
    made = [(answers[name], _declare(*answers[name], inner, scopes[name], build)) for name in in_order(uses)]
    for (item, right, name), var in made:
        _lower(item, right, name, var, scopes[name.id], build)


def _parts(item: tree.Item, build: Build) -> tuple[tree.Bound, tree.Name]:
    left = item.left.base if isinstance(item.left, tree.Index) else item.left
    if not isinstance(item.right, tree.Bound) or not isinstance(left, tree.Name):
        raise build.log.fail("GE208", "a response has one name on its left", item.span, hint="write one for each follower: `w = argmin{w}[ .. ]`")
    binder = item.right.binders[0]
    bind = binder.binds[0]
    if len(binder.binds) != 1 or len(bind.pattern.names) != 1 or bind.draws:
        raise build.log.fail("GE208", "a response chooses one variable", binder.span, hint=f"write `{binder.op}{{{left.id}}}[ .. ]`")
    indices = item.left.indices if isinstance(item.left, tree.Index) else ()
    if [n.id if isinstance(n, tree.Name) else "" for n in indices] != [f.name.id for f in item.foralls] or len(indices) > 1:
        raise build.log.fail("GE208", "a family of responses has one index on its left, and a range for it", item.span,
                             hint=f"write `{left.id}[k] in {binder.op}{{..}}[ .. ] forall k in 0..9`")  # fmt: skip
    return item.right, left


def _mentions(node: tree.Bound, scope: Scope) -> set[str]:
    """The names that a response uses, those behind local names included."""
    found: set[str] = set()
    fresh = set(free(node))
    while fresh:
        name = fresh.pop()
        found.add(name)
        binding = scope.names.get(name)
        if isinstance(binding, LetName):
            fresh |= set(free(binding.body)) - found
    return found


def _declare(item: tree.Item, right: tree.Bound, name: tree.Name, inner: Scope, at: Scope, build: Build) -> ir.Var | None:
    """The variable that a response makes, known before any response is lowered; None where it speaks of a declared player.

    `inner` will know it; what stands on the right was written in the scope `at`.
    """
    bind = right.binders[0].binds[0]
    written = bind.pattern.names[0]
    found = inner.find(name.id)
    if isinstance(found, Broken):
        raise Failed
    if isinstance(found, NetName) or (isinstance(found, VarName) and not found.inner and not item.foralls):
        if not _same(found, inner.find(written.id)):
            raise build.log.fail("GE304", f"`{name.id}` is answered by `{written.id}`", written.span, "the two sides name different players",
                                 related=(Label(name.span, "the answer"),), hint=f"write `{name.id}`")  # fmt: skip
        return None
    binders.hide(name, inner, build)
    if written.id != name.id:
        binders.hide(written, inner, build)
    if bind.source is None and bind.type is None:
        raise build.log.fail("GE208", f"`{name.id}` has no set", bind.span, hint=f"declare `var {name.id}`, or write `{{{written.id} in [0, 1]}}`")
    scope = players.dependence(right, at, build, frozenset())
    choice = binders.index_set(bind.source, at, build)
    var = ir.Var(name=build.fresh(name.id), type=INDEX, scope=scope) if choice else _family(item, right, name, scope, at, build)
    players.enter(var, name, bind, inner, build)
    return var


def _same(left: NetName | VarName, right: object) -> bool:
    if isinstance(left, NetName):
        return isinstance(right, NetName) and right.net.name == left.net.name
    return isinstance(right, VarName) and right.var.name == left.var.name


def _family(item: tree.Item, right: tree.Bound, name: tree.Name, scope: tuple[Draw, ...], inner: Scope, build: Build) -> ir.Var:
    """A variable of the followers, one for each element that `forall` runs over."""
    bind, outer = right.binders[0].binds[0], inner.child()
    index, axis, skip = "", 0, None
    for forall in item.foralls:
        over = binders.index_set(forall.source, inner, build)
        if over is None or over.first != 0:
            raise build.log.fail("GE208", "a range from 0 is needed after `in`", forall.source.span, hint="write `forall k in 0..9`")
        index, axis, skip = over.bind(forall.name, outer, build, each=True), over.last + 1 - (over.skip is not None), over.skip
    found = lower_set(bind.source, outer, build) if bind.source is not None else None
    kind = players.type_of(bind, found, outer, build, binders.inside(right))
    return ir.Var(name=build.fresh(name.id), type=kind, set=found[0] if found else None, index=index, axis=axis, skip=skip, scope=scope)


def _lower(item: tree.Item, right: tree.Bound, name: tree.Name, var: ir.Var | None, inner: Scope, build: Build) -> None:
    binder = right.binders[0]
    bind = binder.binds[0]
    ident = players.node_id(build.path, binder.op[3:], name.id, build)
    measured = build.path.startswith("@") and build.path != "@"
    if measured and (var is None or not var.scope or var.type == INDEX or var.index):
        raise build.log.fail("GE290", "a response in a metric answers each sample in this version", item.span, hint="measure the solved players")
    if var is None:
        players.lower_player(ident, right, inner, build)
    else:
        scope, written = inner.child(), bind.pattern.names[0]
        choice = None
        found = binders.index_set(bind.source, inner, build)
        if found is not None:
            choice = found.draw(found.bind(written, scope, build, each=True))
        else:
            for forall in item.foralls:
                scope.names[forall.name.id] = Bound(Typed(Ref(name=var.index), INDEX, rows=True), forall.name.span)
            # Inside its own subproblem the variable is the one answer of this element of the family.
            answer: Expr = Index(base=Ref(name=var.name), indices=(Ref(name=var.index),)) if var.index else Ref(name=var.name)
            scope.names[written.id] = Bound(Typed(answer, var.type, rows=inner.each(var.scope)), written.span)
            scope.indices |= {var.index} if var.index else frozenset()
        players.lower_player(ident, right, scope, build, index=var.index, axis=var.axis, owned=(var.name,), choice=choice)
    if not measured:
        build.edges.append(ir.Edge(kind="response", parent=build.path, child=ident, unique=item.kind == "unique"))


def _equilibrium(item: tree.Item, right: tree.Equilibrium, inner: Scope, build: Build) -> None:
    """`(u, v) = nash { min{u}[ .. ] min{v}[ .. ] }`: followers that move at once, each answered by the others."""
    if build.path.startswith("@") and build.path != "@":
        raise build.log.fail("GE290", "a response in a metric is not available in this version", item.span, hint="measure the solved players")
    lefts = item.left.items if isinstance(item.left, tree.Tuple) else (item.left,)
    names = [n for n in lefts if isinstance(n, tree.Name)]
    if len(names) != len(lefts) or item.foralls:
        raise build.log.fail("GE208", "an equilibrium is answered by the players that are in it", item.left.span, hint="write `(u, v) = nash { .. }`")
    parent, made, begin = build.path, list[ir.Node](), len(build.nodes)
    together = f"{parent}/nash"
    inner, below, shared = of_all(right.side, together, inner, build)
    above = len(build.nodes)
    for player in right.players:
        binder = player.game.binders[0]
        if binder.op not in ("min", "max"):
            raise build.log.fail("GE204", f"`{binder.op}` where a player is needed", binder.op_span, hint="begin with `min{..}` or `max{..}`")
        if player.foralls:
            raise build.log.fail("GE290", "a family of followers in equilibrium is not available in this version", player.foralls[0].span,
                                 hint="write a player for each element")  # fmt: skip
        first = binder.binds[0].pattern.names[0]
        ident = players.node_id(parent, binder.op, player.label.id if player.label else first.id, build)
        if not isinstance(inner.find(first.id), (NetName, VarName)):
            raise build.log.fail("GE208", f"`{first.id}` is seen by the other followers, and is declared nowhere", binder.span,
                                 hint=f"declare `var {first.id}`")  # fmt: skip
        made.append(players.lower_player(ident, player.game, inner, build))
    owned = [o for node in made for o in node.owns]
    answered = [_owner_name(inner.find(n.id)) or n.id for n in names]
    if sorted(owned) != sorted(answered):
        raise build.log.fail("GE304", "the two sides of an equilibrium name different players", item.left.span,
                             f"{', '.join(owned)} play", hint=f"write `({', '.join(owned)})`")  # fmt: skip
    build.groups.append(ir.Group(id=together, nodes=tuple(node.id for node in made), constraints=shared))
    unique = item.kind == "unique"
    build.edges += [ir.Edge(kind="response", parent=parent, child=node.id, unique=unique) for node in made]
    lead(tuple(node.id for node in made), below, build)
    foreseen(build.nodes[begin:above], [n for n in build.nodes[above:] if n not in made], inner, build)


def of_all(side: tuple[tree.Item, ...], ident: str, scope: Scope, build: Build) -> tuple[Scope, list[ir.Edge], tuple[Expr, ...]]:
    """What stands after the `s.t.` of players that move at once: their scope, the followers of all, the constraints they share.

    The edges lead from `ident`; `lead` gives them to the players.
    """
    path, build.path, known = build.path, ident, len(build.edges)
    try:
        inner = binders.lower_items(side, scope, build)
    finally:
        build.path = path
    below = [e for e in build.edges[known:] if e.parent == ident]
    build.edges[:] = [e for e in build.edges if e not in below]
    return inner, below, build.limits.pop(ident, ())


def lead(leaders: tuple[str, ...], below: list[ir.Edge], build: Build) -> None:
    """Every one of these players leads these followers: one answer, which each of them foresees."""
    build.edges += [e.model_copy(update={"parent": leader}) for leader in leaders for e in below]


def foreseen(answering: list[ir.Node], alone: list[ir.Node], scope: Scope, build: Build) -> None:
    """Who follows all players does not answer those who follow one of them alone: the others would not foresee it.

    Raises Failed with GE290.
    """
    owned = {o for node in alone for o in node.owns}
    for node in answering:
        used = [n for e in (node.objective, *node.constraints) for n in free_names(e)]
        seen = next((n for n in used if n in owned or _owner_name(scope.find(n)) in owned), None)
        if seen is not None:
            raise build.log.fail("GE290", f"`{node.owns[0]}` follows all players, and answers `{seen}`, which follows one of them",
                                 build.spans[f"node:{node.id}"], hint=f"write the answer of `{seen}` after the `s.t.` of the block, too")  # fmt: skip


def _owner_name(found: object) -> str:
    if isinstance(found, NetName):
        return found.net.handle
    return found.var.name if isinstance(found, VarName) else ""
