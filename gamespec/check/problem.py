"""The problem: which `solve` is meant, who plays at the root, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from gamespec.check import players, responses
from gamespec.check.binders import index_set
from gamespec.check.scope import Failed, Scope
from gamespec.ir import game as ir
from gamespec.ir.expr import Value
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build
    from gamespec.report.source import Span


@dataclass(frozen=True, slots=True)
class Solved:
    """Who stands at the root, and what was said about the order of play."""

    root: tuple[str, ...]
    concept: Literal["nested", "nash", "block"]
    order: tuple[tuple[str, ...], ...]
    order_word: Literal["", "auto", "simultaneous"]
    label: str = ""


def solve(spec: tree.Spec, scope: Scope, build: Build, label: str | None, start: Span) -> Solved | None:
    """The `solve` of this label, the first one without it; None where there is none, or where it has a mistake.

    The other games of the file are checked as well, and schedules may speak of their players.
    """
    found = [s for s in spec.statements if isinstance(s, tree.Solve)]
    labels = [s.label.id for s in found if s.label is not None]
    for k, s in enumerate(found):
        if s.label is None and k:
            build.log.add("GE102", "a second `solve` without a label", s.game.span, hint="give it one: `solve second: ..`")
        if s.label is not None and s.label.id in [o.label.id for o in found[:k] if o.label is not None]:
            build.log.add("GE102", f"`{s.label.id}` is solved twice", s.label.span, hint=f"call one of them `{s.label.id}_2`")
    if label is not None and label not in labels:
        near = nearest(label, labels)
        build.log.add("GE309", f"no `solve` is called `{label}`", start, f"did you mean `{near}`?" if near else "",
                      hint=f"write `--solve {near}`" if near else f"labels: {', '.join(labels) or 'none'}")  # fmt: skip
        return None
    chosen = next((s for s in found if label is None or (s.label is not None and s.label.id == label)), None)
    result = None if chosen is None else _solved(chosen, scope, build)
    for s in found:
        if s is not chosen:
            other = build.scratch()
            _solved(s, scope, other)
            build.elsewhere |= {build.written.get(o, o) for n in other.nodes for o in n.owns} | set(other.written.values())
    return result


def _solved(s: tree.Solve, scope: Scope, build: Build) -> Solved | None:
    label = s.label.id if s.label else ""
    try:
        if isinstance(s.game, tree.Bound):
            root: tuple[str, ...] = (players.root_player("main", s.game, scope, build),)
            concept: Literal["nested", "nash", "block"] = "nested"
        else:
            root = _block(s.game, scope, build)
            concept = "nash" if s.game.nash else "block"
        order, word = _order(s, build, root)
        if concept == "nash" and len(order) > 1:
            written = next(tail.span for tail in s.tails if isinstance(tail, tree.Order))
            raise build.log.fail("GE308", "a Nash equilibrium has no order of play", written, "in `nash { .. }` nobody sees another's choice",
                                 hint="drop `nash` for the game in turn, or drop `order`")  # fmt: skip
        if concept == "block" and len(order) > 1:
            root = _in_turn(s, order, build)
            order, concept = (order, "nested") if len(root) == 1 else ((), "block")
        _ties(s, build)
        return Solved(root, concept, order, word, label)
    except Failed:
        return None


_TIES = ("optimistic", "pessimistic", "any")


def _ties(s: tree.Solve, build: Build) -> None:
    """Which answer counts where a follower has several: for every response of the game."""
    for tail in s.tails:
        if not isinstance(tail, tree.Ties):
            continue
        word = tail.rule.id
        if word not in _TIES:
            near = nearest(word, _TIES)
            raise build.log.fail("GE208", f"`ties` is one of {', '.join(_TIES)}", tail.rule.span, f"did you mean `{near}`?" if near else "",
                                 hint=f"write `{near or 'any'}`")  # fmt: skip
        if not any(e.kind == "response" and not e.unique for e in build.edges):
            build.log.add("GE208", "`ties` speaks of nobody", tail.span, "no follower's answer is written with `in`",
                          hint="write `w in argmin{w}[ .. ]`, or drop `ties`")  # fmt: skip
        build.edges[:] = [_tied(e, word) if e.kind == "response" and not e.unique else e for e in build.edges]


def _tied(edge: ir.Edge, word: str) -> ir.Edge:
    return ir.Edge.model_validate(edge.model_dump() | {"ties": word})


def _block(block: tree.Block, scope: Scope, build: Build) -> tuple[str, ...]:
    roots = [player.label.id if player.label else f"player{k + 1}" for k, player in enumerate(block.players)]
    for k, (name, player) in enumerate(zip(roots, block.players, strict=True)):
        if name in roots[:k]:
            raise build.log.fail("GE102", f"player `{name}` is declared twice", (player.label or player).span, hint=f"call one of them `{name}_2`")
    outer, below, shared = responses.of_all(block.side, "group", scope, build)
    above = len(build.nodes)
    responses.lead(tuple(roots), below, build)
    for label, player in zip(roots, block.players, strict=True):
        inner, index, axis = outer.child(), "", 0
        for forall in player.foralls:
            over = index_set(forall.source, outer, build)
            if over is None or over.first != 0 or over.skip is not None or index:
                raise build.log.fail("GE208", "one range from 0 is needed after `in`", forall.source.span, hint="write `0..2`")
            index, axis = over.bind(forall.name, inner, build), over.last + 1
        players.root_player(label, player.game, inner, build, index, axis)
    responses.foreseen(build.nodes[:above], [n for n in build.nodes[above:] if n.id not in roots], scope, build)
    build.groups.append(ir.Group(id="group", nodes=tuple(roots), constraints=shared))
    return tuple(roots)


def _order(s: tree.Solve, build: Build, root: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], Literal["", "auto", "simultaneous"]]:
    """The ranks of `order`, as nodes, or its word."""
    found = [tail for tail in s.tails if isinstance(tail, tree.Order)]
    if not found:
        return (), ""
    match [[n.id for n in rank] for rank in found[0].ranks]:
        case [["auto" | "simultaneous" as word]]:
            build.spans["order"] = found[0].span
            return (), "auto" if word == "auto" else "simultaneous"
    known = {o: n.id for n in build.nodes for o in n.owns} | {n.id: n.id for n in build.nodes if n.id in root}
    ranks: list[tuple[str, ...]] = []
    for rank in found[0].ranks:
        for n in rank:
            if n.id not in known:
                near = nearest(n.id, [*known, "auto", "simultaneous"])
                raise build.log.fail("GE101", f"unknown player `{n.id}`", n.span, f"did you mean `{near}`?" if near else "",
                                     hint=f"write `{near}`" if near else f"players: {', '.join(known)}")  # fmt: skip
        ranks.append(tuple(known[n.id] for n in rank))
    _check_ranks(ranks, found[0], root, build)
    return tuple(ranks), ""


def _in_turn(s: tree.Solve, ranks: tuple[tuple[str, ...], ...], build: Build) -> tuple[str, ...]:
    """A block with an order is its first players, with the next ones as their followers, and so on; gives the roots.

    Several of one turn move at once, and lead the next ones together; what follows all of the block follows the last.
    A follower with the leader's own objective, pushed the other way, is the inner player of a minimax problem: it is
    written as one, so that everything known of those holds. Any other follower is a response, which need not be unique.
    """
    written = next(tail.span for tail in s.tails if isinstance(tail, tree.Order))
    group = next(g for g in build.groups if g.id == "group")
    nodes = {n.id: n for n in build.nodes}
    if group.constraints or any(nodes[n].axis for rank in ranks[:-1] for n in rank):
        raise build.log.fail("GE290", "a family of leaders in turn, or constraints shared across turns, are not available in this version", written,
                             hint="give each leader a name of its own, or write `order simultaneous`")  # fmt: skip
    inner = next((n for rank in ranks for n in rank if n not in group.nodes), None)
    if inner is not None:
        raise build.log.fail("GE308", f"`{nodes[inner].owns[0]}` follows players of the block", written, "and is no player of it",
                             hint="leave it out of `order`: it answers the last of those that it follows")  # fmt: skip
    build.groups.remove(group)
    of_all = {e.child for e in build.edges if all(e.model_copy(update={"parent": n}) in build.edges for n in group.nodes)}
    build.edges[:] = [e for e in build.edges if e.child not in of_all or e.parent not in group.nodes or e.parent in ranks[-1]]
    for rank, above in zip(ranks, ((), *ranks), strict=False):
        if len(rank) > 1:
            build.groups.append(ir.Group(id=f"{above[0]}/nash" if above else "group", nodes=rank))
    for above, below in pairwise(ranks):
        leader, follower = nodes[above[0]], nodes[below[0]]
        pair = len(above) == len(below) == 1
        if pair and leader.objective == follower.objective and leader.sense != follower.sense and not follower.axis:
            changed = leader.model_copy(update={"objective": Value(node=follower.id)})
            build.nodes[build.nodes.index(leader)] = changed
            build.edges.append(ir.Edge(kind="value", parent=leader.id, child=follower.id))
        else:
            build.edges += [ir.Edge(kind="response", parent=parent, child=child) for parent in above for child in below]
    return ranks[0]


def _check_ranks(ranks: list[tuple[str, ...]], written: tree.Order, root: tuple[str, ...], build: Build) -> None:
    """Everybody moves once; who is written inside another player moves after it."""
    flat = [n for rank in ranks for n in rank]
    for k, n in enumerate(flat):
        if n in flat[:k]:
            raise build.log.fail("GE102", f"`{n}` has two places in the order", written.span, hint="name each player once")
    missing = [r for r in root if r not in flat]
    if missing:
        raise build.log.fail("GE308", f"`{missing[0]}` has no place in the order", written.span, hint="name every player once")
    place = {n: k for k, rank in enumerate(ranks) for n in rank}
    for edge in build.edges:
        if place.get(edge.parent, -1) >= place.get(edge.child, len(ranks)):
            raise build.log.fail("GE308", "a follower cannot move before its leader", written.span, f"`{edge.child}` stands inside `{edge.parent}`",
                                 hint="write `order auto`, or turn the two around in the game")  # fmt: skip
