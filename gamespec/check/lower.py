"""From syntax to IR: the statements of a file in an order that lets them see each other, all mistakes collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gamespec.check import expressions, owners, players, polarity, radius, schedules
from gamespec.check.binders import circles, index_set
from gamespec.check.build import Build
from gamespec.check.declare import Declaration, declare
from gamespec.check.names import BUILTIN, free
from gamespec.check.scope import Broken, Const, Failed, LetName, Log, Scope, unknown_name
from gamespec.check.sets import is_set, lower_set
from gamespec.ir import game as ir
from gamespec.library.registry import words
from gamespec.report.diagnostic import Diagnostic, Edit, Fix, GameError
from gamespec.report.source import Source, Span
from gamespec.report.suggest import nearest
from gamespec.syntax import tree


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where things of the IR were written: `node:main`, `var:eta`, `net:h`, `metric:clean`."""

    spans: tuple[tuple[str, Span], ...]

    def get(self, key: str) -> Span | None:
        """The place of a thing, None when it was not written."""
        return dict(self.spans).get(key)


@dataclass(frozen=True, slots=True)
class Lowered:
    """A game, where its parts were written, and the warnings and notes on the way."""

    game: ir.Game
    spans: SourceMap
    diagnostics: tuple[Diagnostic, ...]


def lower(spec: tree.Spec, source: Source, overrides: Mapping[str, Const] | None = None) -> Lowered:
    """The game that a file describes. Raises GameError with every mistake found.

    `overrides` maps param names to values that replace what the file says (`--set`).
    """
    log = Log()
    build, scope = Build(log), Scope()
    start = Span(source.name, 0, 0)
    _header(spec, log, start)
    declared = _declarations(spec, scope, build, overrides or {})
    solved = _problem(spec, scope, build, start)
    nets = tuple(d for d in declared if isinstance(d, ir.Net))
    metrics = schedules.lower_metrics(spec, scope, build)
    plans = schedules.lower_schedules(spec, nets, scope, build, solved=solved is not None)
    known = [s.name for s in plans]
    settings = schedules.lower_settings(spec, scope, build, known)
    expects = schedules.lower_expects(spec, metrics, scope, build, known, source.text)
    _unused(scope, build)
    _unknown(spec, scope, build)
    if solved is None:
        raise GameError(tuple(log.diagnostics))
    game = ir.Game(
        name=next((s.name.id for s in spec.statements if isinstance(s, tree.GameName)), "game"),
        params=tuple(d for d in declared if isinstance(d, ir.Param)),
        data=tuple(d for d in declared if isinstance(d, ir.Data)),
        dists=tuple(d for d in declared if isinstance(d, ir.Dist)),
        nets=nets,
        vars=tuple(build.vars),
        nodes=tuple(build.nodes),
        edges=tuple(build.edges),
        groups=tuple(build.groups),
        root=solved.root,
        concept=solved.concept,
        order=solved.order,
        order_word=solved.order_word,
        schedules=plans,
        metrics=metrics,
        run=settings,
        expects=expects,
    )
    game = polarity.merged(polarity.signed(game))
    owners.check(game, build)
    owners.polarity(game, build)
    radius.check(game, build)
    if log.failed:
        raise GameError(tuple(log.diagnostics))
    return Lowered(owners.without_idle(game), SourceMap(tuple(build.spans.items())), tuple(log.diagnostics))


def _header(spec: tree.Spec, log: Log, start: Span) -> None:
    for kind, word in ((tree.Language, "language"), (tree.GameName, "game"), (tree.Solve, "solve")):
        found = [s for s in spec.statements if isinstance(s, kind)]
        if len(found) > 1 and kind is not tree.Solve:
            log.add("GE102", f"`{word}` is written twice", found[1].span, hint="keep one of the two")
        if len(found) > 1 and kind is tree.Solve:
            log.add("GE290", "several `solve` statements in one file are not available in this version", found[1].span,
                    hint="put the second game into a file of its own")  # fmt: skip
        if not found and kind is tree.Solve:
            log.add("GE305", "the file has no `solve`", start, "nobody plays", hint="write `solve min{x} max{y} [ x*y ]`")
        if not found and kind is tree.Language:
            pin = Fix("begin the file with `language 1`", (Edit(start, "language 1\n"),), safe=True)
            log.add("GW001", "the language version is not pinned", start, hint="begin the file with `language 1`", fixes=(pin,))
    for s in spec.statements:
        if isinstance(s, tree.Language) and s.version != 1:
            log.add("GE021", f"language {s.version} is not known", s.span, "this gamec knows language 1", hint="write `language 1`")
        if isinstance(s, (tree.Import, tree.Assume)):
            word = "import" if isinstance(s, tree.Import) else "assume"
            log.add(
                "GE290", f"`{word}` is not available in this version", s.span, hint="write the definitions here" if word == "import" else "drop it"
            )


def _declarations(
    spec: tree.Spec, scope: Scope, build: Build, overrides: Mapping[str, Const]
) -> list[ir.Param | ir.Data | ir.Dist | ir.Net | ir.Var]:
    """The declarations in the order of the file; lets and defs may use what is written after them, but not one another in a circle."""
    definitions = [s for s in spec.statements if isinstance(s, (tree.Let, tree.Def))]
    uses = {s.name.id: tuple(_used(s)) for s in definitions}
    for name in circles(uses, {s.name.id: s.name.span for s in definitions}, build.log):
        scope.names[name] = Broken(next(s.name.span for s in definitions if s.name.id == name))
    found = [declare(s, scope, build, overrides) for s in spec.statements if isinstance(s, Declaration)]
    return [f for f in found if f is not None]


def _used(s: tree.Let | tree.Def) -> set[str]:
    formals = {f.name.id for f in s.formals} if isinstance(s, tree.Def) else set()
    return set(free(s.body)) - formals


def _unused(scope: Scope, build: Build) -> None:
    """Lower the lets that nothing uses, so that their mistakes are reported too."""
    scratch = build.scratch()
    for name, binding in list(scope.names.items()):
        if isinstance(binding, LetName) and name not in build.used:
            try:
                if is_set(binding.body.expr, binding.scope):
                    lower_set(binding.body.expr, binding.scope, scratch)
                else:
                    expressions.lower_body(binding.body, binding.scope, scratch)
            except Failed:
                continue


def _unknown(spec: tree.Spec, scope: Scope, build: Build) -> None:
    """Every unknown name of the formulas: lowering stops at the first mistake of a statement."""
    known = {d.primary.span for d in build.log.diagnostics}
    for s in spec.statements:
        match s:
            case tree.Solve(game=tree.Bound() as game):
                found = free(game)
            case tree.Solve(game=tree.Block() as block):
                found = {n: at for p in block.players for n, at in free(p.game).items() if n not in {f.name.id for f in p.foralls}}
            case tree.Metric() | tree.Let():
                found = free(s.body)
            case tree.Def():
                found = {n: at for n, at in free(s.body).items() if n not in {f.name.id for f in s.formals}}
            case _:
                found = {}
        for name, at in found.items():
            if (
                at.span not in known
                and scope.find(name) is None
                and name not in BUILTIN
                and name not in words("sets")
                and name not in words("metrics")
            ):
                unknown_name(build.log, at, scope)


# ------------------------------------------------------------------ the problem


@dataclass(frozen=True, slots=True)
class _Solved:
    """Who stands at the root, and what was said about the order of play."""

    root: tuple[str, ...]
    concept: Literal["nested", "nash", "block"]
    order: tuple[tuple[str, ...], ...]
    order_word: Literal["", "auto", "simultaneous"]


def _problem(spec: tree.Spec, scope: Scope, build: Build, start: Span) -> _Solved | None:
    """The first `solve`; None where there is none, or where it has a mistake."""
    s = next((s for s in spec.statements if isinstance(s, tree.Solve)), None)
    if s is None:
        return None
    try:
        if isinstance(s.game, tree.Bound):
            root: tuple[str, ...] = (players.root_player("main", s.game, scope, build),)
            return _Solved(root, "nested", *_order(s, build, root))
        root = _block(s.game, scope, build)
        return _Solved(root, "nash" if s.game.nash else "block", *_order(s, build, root))
    except Failed:
        return None


def _block(block: tree.Block, scope: Scope, build: Build) -> tuple[str, ...]:
    roots: list[str] = []
    if block.side:
        raise build.log.fail(
            "GE291", "shared constraints are not available in this version", block.side[0].span, hint="declare a set on each variable"
        )
    for k, player in enumerate(block.players):
        label = player.label.id if player.label else f"player{k + 1}"
        if label in roots:
            raise build.log.fail("GE102", f"player `{label}` is declared twice", (player.label or player).span, hint=f"call one of them `{label}_2`")
        inner, index, axis = scope.child(), "", 0
        for forall in player.foralls:
            over = index_set(forall.source, scope, build)
            if over is None or over.first != 0 or over.skip is not None or index:
                raise build.log.fail("GE208", "one range from 0 is needed after `in`", forall.source.span, hint="write `0..2`")
            index, axis = over.bind(forall.name, inner, build), over.last + 1
        roots.append(players.root_player(label, player.game, inner, build, index, axis))
    build.groups.append(ir.Group(id="group", nodes=tuple(roots)))
    return tuple(roots)


def _order(s: tree.Solve, build: Build, root: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], Literal["", "auto", "simultaneous"]]:
    """The ranks of `order`, as nodes, or its word."""
    found: list[tree.Order] = []
    for tail in s.tails:
        if isinstance(tail, tree.Ties):
            build.log.add("GE290", "`ties` is not available in this version", tail.span, hint="drop it")
        else:
            found.append(tail)
    if not found:
        return (), ""
    match [[n.id for n in rank] for rank in found[0].ranks]:
        case [["auto" | "simultaneous" as word]]:
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
