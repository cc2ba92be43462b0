"""From syntax to IR: the statements of a file in an order that lets them see each other, all mistakes collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gamespec.check import assumptions, dims, expressions, imports, keeping, outgrown, owners, polarity, problem, radius, schedules, traps
from gamespec.check.binders import circles
from gamespec.check.build import Build
from gamespec.check.declare import Declaration, declare
from gamespec.check.names import BUILTIN, free
from gamespec.check.scope import Broken, Const, Failed, LetName, Log, Scope, unknown_name
from gamespec.check.sets import is_set, lower_set
from gamespec.ir import game as ir
from gamespec.library.registry import words
from gamespec.report.diagnostic import Diagnostic, Edit, Fix, GameError
from gamespec.report.source import Source, Span
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
    imported: Mapping[str, Source]


def lower(spec: tree.Spec, source: Source, overrides: Mapping[str, Const] | None = None, solve: str | None = None) -> Lowered:
    """The game that a file describes. Raises GameError with every mistake found.

    `overrides` maps param names to values that replace what the file says (`--set`); `solve` is the label of the game
    to solve where there are several, the first one without it.
    """
    log = Log()
    build, scope, files = Build(log), Scope(), imports.Files(source)
    start = Span(source.name, 0, 0)
    spec = imports.qualified(spec)
    _header(spec, log, start)
    brought = imports.enter(spec, source.name, files, scope, build)
    declared = [*brought, *_declarations(spec, scope, build, overrides or {})]
    solved = problem.solve(spec, scope, build, solve, start)
    nets = tuple(d for d in declared if isinstance(d, ir.Net))
    metrics = schedules.lower_metrics(spec, scope, build)
    plans = schedules.lower_schedules(spec, nets, scope, build, solved=solved is not None)
    known = [s.name for s in plans]
    settings = schedules.lower_settings(spec, scope, build, known)
    expects = schedules.lower_expects(spec, metrics, scope, build, known, source.text)
    assumed = assumptions.lower_assumptions(spec, scope, build)
    _unused(scope, build)
    _unknown(spec, scope, build)
    if solved is None:
        raise GameError(tuple(log.diagnostics))
    game = ir.Game(
        name=next((s.name.id for s in spec.statements if isinstance(s, tree.GameName)), "game"),
        params=tuple(d for d in declared if isinstance(d, ir.Param)),
        data=(*(d for d in declared if isinstance(d, ir.Data)), *build.sets.values()),
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
        assumptions=assumed,
        solve=solved.label,
    )
    game = polarity.merged(polarity.signed(game))
    owners.check(game, build)
    owners.polarity(game, build)
    radius.check(game, build)
    outgrown.check(game, build)
    keeping.check(game, build)
    traps.check(game, spec, build)
    if log.failed:
        raise GameError(tuple(log.diagnostics))
    return Lowered(owners.without_idle(game), SourceMap(tuple(build.spans.items())), tuple(log.diagnostics), files.found)


def _header(spec: tree.Spec, log: Log, start: Span) -> None:
    for kind, word in ((tree.Language, "language"), (tree.GameName, "game"), (tree.Solve, "solve")):
        found = [s for s in spec.statements if isinstance(s, kind)]
        if len(found) > 1 and kind is not tree.Solve:
            log.add("GE102", f"`{word}` is written twice", found[1].span, hint="keep one of the two")
        if not found and kind is tree.Solve:
            log.add("GE305", "the file has no `solve`", start, "nobody plays", hint="write `solve min{x} max{y} [ x*y ]`")
        if not found and kind is tree.Language:
            pin = Fix("begin the file with `language 1`", (Edit(start, "language 1\n"),), safe=True)
            log.add("GW001", "the language version is not pinned", start, hint="begin the file with `language 1`", fixes=(pin,))
    for s in spec.statements:
        if isinstance(s, tree.Language) and s.version != 1:
            log.add("GE021", f"language {s.version} is not known", s.span, "this gamec knows language 1", hint="write `language 1`")


def _declarations(
    spec: tree.Spec, scope: Scope, build: Build, overrides: Mapping[str, Const]
) -> list[ir.Param | ir.Data | ir.Dist | ir.Net | ir.Var]:
    """The declarations in the order of the file; lets and defs may use what is written after them, but not one another in a circle."""
    definitions = [s for s in spec.statements if isinstance(s, (tree.Let, tree.Def))]
    uses = {s.name.id: tuple(_used(s)) for s in definitions}
    for name in circles(uses, {s.name.id: s.name.span for s in definitions}, build.log):
        scope.names[name] = Broken(next(s.name.span for s in definitions if s.name.id == name))
    found = [declare(s, scope, build, overrides) for s in spec.statements if isinstance(s, Declaration)]
    return [*(f for f in found if f is not None), *dims.told(spec, scope, build)]


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
            case tree.Solve():
                found = free(s.game)
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
