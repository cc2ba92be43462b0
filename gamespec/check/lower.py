"""From syntax to IR: the statements of a file in an order that lets them see each other, all mistakes collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gamespec.check import expressions, owners, players, polarity, radius, schedules
from gamespec.check.binders import index_set
from gamespec.check.declare import declare
from gamespec.check.expressions import Build
from gamespec.check.scope import Bound, Failed, Log, Scope, Typed
from gamespec.ir import game as ir
from gamespec.ir.expr import Ref
from gamespec.ir.types import INDEX
from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.report.source import Source, Span
from gamespec.syntax import tree

DECLARATIONS = (tree.Param, tree.Dim, tree.Data, tree.Dist, tree.Net, tree.Var, tree.Let, tree.Def)


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


def lower(spec: tree.Spec, source: Source, overrides: Mapping[str, object] | None = None) -> Lowered:
    """The game that a file describes. Raises GameError with every mistake found.

    `overrides` maps param names to values that replace what the file says (`--set`).
    """
    log = Log()
    build = Build(log, text=source.text)
    scope = Scope()
    found = _declarations(spec, scope, build, overrides or {})
    start = Span(source.name, 0, 0)
    game = _game(spec, scope, build, found, start)
    if game is not None:
        game = polarity.merged(polarity.signed(game))
        owners.check(game, build)
        radius.check(game, build)
    if game is None or log.failed:
        raise GameError(tuple(log.diagnostics))
    return Lowered(game, SourceMap(tuple(build.spans.items())), tuple(log.diagnostics))


def _declarations(spec: tree.Spec, scope: Scope, build: Build, overrides: Mapping[str, object]) -> list[object]:
    found = []
    for statement in spec.statements:
        if isinstance(statement, DECLARATIONS):
            found.append(declare(statement, scope, build, overrides))
        elif isinstance(statement, (tree.Import, tree.Assume)):
            word = "import" if isinstance(statement, tree.Import) else "assume"
            build.log.add("GE290", f"`{word}` is not available in this version", statement.span, hint="write the definitions here")
    return [f for f in found if f is not None]


def _attempt(log: Log, action: Callable[[], None]) -> bool:
    try:
        action()
    except Failed:
        return False
    except RecursionError:
        log.add("GE007", "this expression is nested too deeply", Span("", 0, 0))
        return False
    return True


def _game(spec: tree.Spec, scope: Scope, build: Build, found: list[object], start: Span) -> ir.Game | None:
    by_kind: dict[type, list[tree.Statement]] = {}
    for s in spec.statements:
        by_kind.setdefault(type(s), []).append(s)
    _header(by_kind, build, start)
    solves = [s for s in by_kind.get(tree.Solve, []) if isinstance(s, tree.Solve)]
    if not solves:
        build.log.add("GE305", "the file has no `solve`", start, hint="write `solve min{x} max{y} [ x*y ]`")
        _uses(spec, scope, build)
        return None
    if len(solves) > 1:
        build.log.add("GE290", "several `solve` statements in one file are not available in this version", solves[1].span,
                      hint="put the second game into a file of its own")  # fmt: skip
    solved: list[_Solved] = []
    _attempt(build.log, lambda: solved.append(_solve(solves[0], scope, build)))
    if not solved:
        return None
    names = [s.name.id for s in by_kind.get(tree.GameName, []) if isinstance(s, tree.GameName)]
    game = ir.Game(
        name=names[0] if names else "game",
        params=tuple(p for p in found if isinstance(p, ir.Param)),
        data=tuple(d for d in found if isinstance(d, ir.Data)),
        dists=tuple(d for d in found if isinstance(d, ir.Dist)),
        nets=tuple(n for n in found if isinstance(n, ir.Net)),
        vars=tuple(build.vars),
        nodes=tuple(build.nodes),
        edges=tuple(build.edges),
        groups=tuple(build.groups),
        root=solved[0].root,
        concept=solved[0].concept,
        order=solved[0].order,
        order_word=solved[0].order_word,
    )
    return schedules.complete(spec, game, scope, build)


def _header(by_kind: dict[type, list[tree.Statement]], build: Build, start: Span) -> None:
    for s in by_kind.get(tree.Language, []):
        if isinstance(s, tree.Language) and s.version != 1:
            build.log.add("GE010", f"language {s.version} is not known", s.span, hint="write `language 1`")
    if tree.Language not in by_kind:
        build.log.notice("GW001", "the language version is not pinned", start, hint="begin the file with `language 1`")


def _uses(spec: tree.Spec, scope: Scope, build: Build) -> None:
    """Lower the lets although nothing solves them, so that their mistakes are reported too."""
    for s in spec.statements:
        if isinstance(s, tree.Let):
            _attempt(build.log, lambda s=s: expressions.lower_body(s.body, scope, build) and None)  # type: ignore[misc]  # a thunk; until 2027-11


@dataclass(frozen=True, slots=True)
class _Solved:
    root: tuple[str, ...]
    concept: str
    order: tuple[tuple[str, ...], ...]
    order_word: str


def _solve(s: tree.Solve, scope: Scope, build: Build) -> _Solved:
    if isinstance(s.game, tree.Bound):
        root = (players.root_player(s.label.id if s.label else "main", s.game, scope, build),)
        concept = "nested"
    else:
        root = _block(s.game, scope, build)
        concept = "nash" if s.game.nash else "block"
    order, word = _order(s, build, root)
    return _Solved(root, concept, order, word)


def _block(block: tree.Block, scope: Scope, build: Build) -> tuple[str, ...]:
    roots = []
    for k, player in enumerate(block.players):
        label = player.label.id if player.label else (f"player{k + 1}" if len(block.players) > 1 else "main")
        inner, index, axis = scope.child(), "", 0
        if player.foralls:
            forall = player.foralls[0]
            over = index_set(forall.source, scope, build)
            if over is None or over.first != 0:
                raise build.log.fail("GE208", "a range from 0 is needed after `in`", forall.source.span, hint="write `forall i in 0..2`")
            index, axis = build.fresh(forall.name.id), over.last + 1
            inner.names[forall.name.id] = Bound(Typed(Ref(name=index), INDEX), forall.name.span)
        build.path = ""
        roots.append(players.root_player(label, player.game, inner, build, index, axis))
    if block.side:
        raise build.log.fail("GE291", "shared constraints are not available in this version", block.side[0].span)
    build.groups.append(ir.Group(id="group", nodes=tuple(roots)))
    return tuple(roots)


def _order(s: tree.Solve, build: Build, root: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], str]:
    for tail in s.tails:
        if isinstance(tail, tree.Ties):
            build.log.add("GE290", "`ties` is not available in this version", tail.span)
            continue
        words = [n.id for rank in tail.ranks for n in rank]
        if len(tail.ranks) == 1 and words in (["auto"], ["simultaneous"]):
            return (), words[0]
        known = {n: r for r in root for n in (r, *next(x.owns for x in build.nodes if x.id == r))}
        known |= {n.id: n.id for n in build.nodes} | {o: n.id for n in build.nodes for o in n.owns}
        ranks = []
        for rank in tail.ranks:
            for n in rank:
                if n.id not in known:
                    raise build.log.fail("GE101", f"unknown player `{n.id}`", n.span, hint=f"players: {', '.join(sorted(known))}")
            ranks.append(tuple(known[n.id] for n in rank))
        return tuple(ranks), ""
    return (), ""
