"""Schedules, metrics, the `run` block and expectations: everything that is not the problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import expressions
from gamespec.check.constant import to_expr
from gamespec.check.scope import Bound, Broken, Failed, Scope, Typed
from gamespec.check.words import evaluate_word, signature, use
from gamespec.ir import game as ir
from gamespec.ir.expr import Ref, Word
from gamespec.ir.types import REAL, Type
from gamespec.library.directives import DIRECTIVES, METHODS, RESPONSES, SETTINGS
from gamespec.library.registry import words
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.expressions import Build

STATUSES = ("converged", "finished", "cycling", "drifting", "diverging", "stalled", "nan")
_WORD = Type(kind="word")


def complete(spec: tree.Spec, game: ir.Game, scope: Scope, build: Build) -> ir.Game:
    """The game with its metrics, schedules, settings and expectations."""
    metrics = tuple(_metrics(spec, scope, build))
    schedules = _schedules(spec, game, scope, build)
    settings = _settings(spec, scope, build, [s.name for s in schedules])
    game = game.model_copy(
        update={
            "nodes": tuple(build.nodes), "vars": tuple(build.vars), "metrics": metrics, "schedules": tuple(schedules), "run": settings,
        }
    )  # fmt: skip
    return game.model_copy(update={"expects": tuple(_expects(spec, metrics, scope, build, [s.name for s in schedules]))})


# ------------------------------------------------------------------ metrics and expectations


def _metrics(spec: tree.Spec, scope: Scope, build: Build) -> list[ir.Metric]:
    found: list[ir.Metric] = []
    problem_samples, problem_names = build.samples, set(build.taken)
    samples = {n for names in problem_samples.values() for n in names}
    for s in spec.statements:
        if not isinstance(s, tree.Metric):
            continue
        build.samples, build.taken = {}, problem_names - samples | {v.name for v in build.vars}
        build.path = f"@{s.name.id}"
        build.spans[f"metric:{s.name.id}"] = s.span
        try:
            if any(m.name == s.name.id for m in found) or s.name.id in scope.names:
                raise build.log.fail("GE103", f"`{s.name.id}` is declared twice", s.name.span, hint=f"call it `{s.name.id}_2`")
            typed = expressions.lower_body(s.body, scope, build)
            expressions.scalar(s.body.expr, typed, build, "a metric")
            if typed.rows:
                raise build.log.fail("GE204", "a metric is one number", s.body.span, "this is one per sample", hint="write `E{(a, b) ~ test}[ .. ]`")
            found.append(ir.Metric(name=s.name.id, value=typed.expr))
        except Failed:
            continue
        finally:
            build.path = ""
    build.samples = problem_samples
    return found


def _expects(spec: tree.Spec, metrics: tuple[ir.Metric, ...], scope: Scope, build: Build, schedules: list[str]) -> list[ir.Expect]:
    inner = scope.child()
    start = spec.statements[0].span if spec.statements else None
    assert start is not None
    for m in metrics:
        inner.names[m.name] = Bound(Typed(Ref(name=m.name), REAL), start)
    for s in spec.statements:
        if isinstance(s, tree.Metric) and s.name.id not in inner.names:
            inner.names[s.name.id] = Broken(s.name.span)
    inner.names["value"] = Bound(Typed(Ref(name="value"), REAL), start)
    inner.names["status"] = Bound(Typed(Ref(name="status"), _WORD), start)
    for word in STATUSES:
        inner.names.setdefault(word, Bound(Typed(Word(value=word), _WORD), start))
    found = []
    for k, s in enumerate(x for x in spec.statements if isinstance(x, tree.Expect)):
        build.spans[f"expect:{k}"] = s.span
        try:
            if s.schedule is not None and s.schedule.id not in schedules:
                raise _unknown_schedule(s.schedule, schedules, build)
            typed = expressions.lower(s.condition, inner, build)
            if typed.type.kind != "bool" or typed.rows:
                raise build.log.fail("GE207", "an expectation is a condition", s.condition.span, hint="compare: `value <= 0.1`")
            found.append(ir.Expect(schedule=s.schedule.id if s.schedule else "", condition=typed.expr, text=build.text[s.condition.span.start : s.condition.span.end]))
        except Failed:
            continue
    return found


# ------------------------------------------------------------------ schedules


def _schedules(spec: tree.Spec, game: ir.Game, scope: Scope, build: Build) -> list[ir.Schedule]:
    found: dict[str, ir.Schedule] = {}
    targets = _targets(game, build)
    for s in spec.statements:
        if not isinstance(s, tree.Schedule):
            continue
        name = s.name.id if s.name else "default"
        if name in found:
            build.log.add("GE103", f"schedule `{name}` is declared twice", s.span, hint="give one of them another name")
            continue
        base: tuple[ir.Entry, ...] = ()
        if s.extends is not None:
            parent = found.get(s.extends.id)
            if parent is None:
                _unknown_schedule(s.extends, list(found), build)
                continue
            base = parent.entries
        own = [e for e in (_entry(entry, targets, scope, build) for entry in s.entries) if e is not None]
        replaced = {e.target for e in own}
        found[name] = ir.Schedule(name=name, entries=tuple(e for e in base if e.target not in replaced) + tuple(own))
        build.spans[f"schedule:{name}"] = s.span
        for entry, lowered in zip(s.entries, own, strict=False):
            build.spans[f"schedule:{name}.{lowered.target}"] = entry.span
    if "default" not in found:
        found = {"default": ir.Schedule(name="default", entries=()), **found}
    return list(found.values())


def _unknown_schedule(name: tree.Name, known: list[str], build: Build) -> Failed:
    near = nearest(name.id, known)
    return build.log.fail("GE502", f"unknown schedule `{name.id}`", name.span, f"did you mean `{near}`?" if near else "",
                          hint=f"schedules: {', '.join(known) or 'none'}")  # fmt: skip


def _targets(game: ir.Game, build: Build) -> dict[str, str]:
    """What a schedule may speak of, and the variable or handle that it means."""
    known = {"method": "method"}
    for node in build.nodes:
        for owned in node.owns:
            key = f"{node.id.split('/')[0][1:]}.{owned}" if node.id.startswith("@") else owned
            known[key] = key
    known |= {n.name: n.handle for n in game.nets if n.handle in known}
    return known


def _entry(entry: tree.Entry, targets: dict[str, str], scope: Scope, build: Build) -> ir.Entry | None:
    path = ".".join(entry.path.keys)
    if path not in targets:
        near = nearest(path, targets)
        build.log.add("GE503", f"no player `{path}`", entry.path.span, f"did you mean `{near}`?" if near else "", hint=f"players: {', '.join(targets)}")
        return None
    directives = []
    for value in entry.values:
        try:
            directives.append(_method(value, scope, build) if path == "method" else _directive(value, scope, build))
        except Failed:
            continue
    return ir.Entry(target=targets[path], directives=tuple(directives))


def _method(value: tree.Expr, scope: Scope, build: Build) -> ir.Use:
    table = {m: (*words("solvers")[m].options,) for m in words("solvers")} or {m: () for m in METHODS}
    return use(value, table, "method", "GE501", scope, build.log)


def _directive(value: tree.Expr, scope: Scope, build: Build) -> ir.Use:
    table = {d.word: d.options for d in DIRECTIVES.values()}
    table |= {r.word: (*r.options,) for r in words("rules").values() if r.word not in table}
    if isinstance(value, tree.Call) and isinstance(value.fn, tree.Name) and value.fn.id == "through":
        if len(value.args) != 1:
            raise build.log.fail("GE501", "`through` takes 1 argument", value.span, hint=f"responses: {', '.join(RESPONSES)}")
        inner = use(value.args[0], RESPONSES, "response", "GE501", scope, build.log)
        return ir.Use(word="through", args=(Word(value=inner.word),), options=inner.options)
    if isinstance(value, tree.Call) and isinstance(value.fn, tree.Name) and value.fn.id == "repeat" and len(value.args) == 1:
        times = evaluate_word(value.args[0], scope, build.log)
        return ir.Use(word="repeat", options=(ir.Option(key="times", value=to_expr(times)),))
    return use(value, table, "directive", "GE501", scope, build.log)


def _settings(spec: tree.Spec, scope: Scope, build: Build, schedules: list[str]) -> tuple[ir.Setting, ...]:
    found: dict[str, ir.Setting] = {}
    for s in spec.statements:
        for setting in s.settings if isinstance(s, tree.Run) else ():
            key = ".".join(setting.path.keys)
            if key not in SETTINGS:
                near = nearest(key, SETTINGS)
                build.log.add("GE501", f"unknown setting `{key}` of `run`", setting.path.span, f"did you mean `{near}`?" if near else "",
                              hint=f"settings: {', '.join(SETTINGS)}")  # fmt: skip
                continue
            try:
                value = _setting(key, setting, scope, build, schedules)
            except Failed:
                continue
            found[key] = ir.Setting(key=key, value=to_expr(value))
    if not any(isinstance(s, tree.Run) and any(x.path.keys == ("seed",) for x in s.settings) for s in spec.statements):
        found.setdefault("seed", ir.Setting(key="seed", value=to_expr(0)))
    return tuple(found.values())


def _setting(key: str, setting: tree.Setting, scope: Scope, build: Build, schedules: list[str]) -> object:
    option = SETTINGS[key]
    inner = scope.child()
    value = evaluate_word(setting.value, inner, build.log)
    if key == "batch" and value == "full":
        return 0
    if key == "schedule":
        if value not in schedules:
            name = tree.Name(setting.value.span, str(value))
            raise _unknown_schedule(name, schedules, build)
        return value
    if key == "probe" and not isinstance(value, tuple):
        return (value,)
    number = not isinstance(value, (bool, str, tuple))
    wanted = {int: number and getattr(value, "denominator", 0) == 1, float: number, bool: isinstance(value, bool), str: isinstance(value, str),
              tuple: isinstance(value, tuple)}[option.type]  # fmt: skip
    if not wanted or (number and value < 0):  # type: ignore[operator]  # a Fraction; until 2027-11
        raise build.log.fail("GE501", f"`{key}` cannot be this", setting.value.span, hint=signature("run", [option]))
    return value


__all__ = ["STATUSES", "complete"]
