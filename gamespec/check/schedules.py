"""Schedules, metrics, the `run` block and expectations: everything that is not the problem."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import contradictions, expressions, keeping, phases, places
from gamespec.check.constant import to_expr
from gamespec.check.declare import claim
from gamespec.check.names import below, free
from gamespec.check.scope import Bound, Broken, Failed, Scope, Typed
from gamespec.check.words import Word, checked, evaluate_word, use
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Num, Ref
from gamespec.ir.expr import Word as Symbol
from gamespec.ir.types import INDEX, REAL, Type
from gamespec.library.base import Option
from gamespec.library.directives import DIRECTIVES, SETTINGS
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words
from gamespec.library.responses import RESPONSES
from gamespec.report.suggest import nearest
from gamespec.syntax import tree
from gamespec.syntax.say import say

if TYPE_CHECKING:
    from gamespec.check.build import Build

STATUSES = ("converged", "finished", "cycling", "drifting", "diverging", "stalled", "nan")
SURROGATES = tuple(sorted({name for f in FUNCTIONS.values() for name, _ in f.surrogates}))
_WORD = Type(kind="word")
ELSEWHERE = {
    "fgsm": "pgd(steps = 1, start = zero)", "bim": "pgd(start = zero)", "ifgsm": "pgd(start = zero)", "i_fgsm": "pgd(start = zero)",
    "gradient_descent": "descent(lr = 0.1)", "gradient_ascent": "ascent(lr = 0.1)", "gd": "descent(lr = 0.1)", "ga": "ascent(lr = 0.1)",
    "momentum": "sgd(momentum = 0.9)", "nesterov": "sgd(momentum = 0.9)", "unroll": "through(unroll)", "implicit": "through(implicit)",
    "autoattack": "pgd(steps = 50, restarts = 5, surrogate = [ce, margin])", "cg": "through(implicit)", "weight_clip": "clip(0.01)",
}  # fmt: skip
"""What other tools call what a directive does, in lower case."""


def lower_metrics(spec: tree.Spec, scope: Scope, build: Build) -> tuple[ir.Metric, ...]:
    """The metrics; each draws samples of its own, under the names of the problem's samples."""
    found: dict[str, ir.Metric] = {}
    named = Scope(names=dict(scope.names))
    samples, taken = build.samples, set(build.taken)
    unbound = taken - {n for names in samples.values() for n in names}
    known = {s.name.id for s in spec.statements if isinstance(s, tree.Metric)}
    for s in spec.statements:
        if not isinstance(s, tree.Metric):
            continue
        build.samples, build.taken, build.path = {}, unbound | {v.name for v in build.vars}, f"@{s.name.id}"
        build.spans[f"metric:{s.name.id}"] = s.span
        try:
            other = next((n for k, n in free(s.body).items() if k in known and scope.find(k) is None), None)
            if other is not None:
                raise build.log.fail("GE101", "metrics cannot name each other", other.span, f"`{other.id}` is a metric",
                                     hint=f"give what both need a name: `let {other.id}_value = ..`")  # fmt: skip
            claim(s.name, named, build.log)
            named.names[s.name.id] = Broken(s.name.span)
            typed = expressions.scalar(s.body.expr, expressions.lower_body(s.body, scope, build), build, "a metric")
            if typed.rows:
                raise build.log.fail(
                    "GE204", "a metric is one number", s.body.expr.span, "this is one per sample", hint="write `E{(a, b) ~ test}[ .. ]`"
                )
            found[s.name.id] = ir.Metric(name=s.name.id, value=typed.expr)
        except Failed:
            continue
    build.samples, build.taken, build.path = samples, taken | build.taken, ""
    return tuple(found.values())


def lower_expects(spec: tree.Spec, metrics: tuple[ir.Metric, ...], scope: Scope, build: Build, known: list[str], text: str) -> tuple[ir.Expect, ...]:
    """The conditions on the result, over metrics, players, `value` and `status`."""
    inner = scope.child()
    lowered = {m.name for m in metrics}
    for s in spec.statements:
        if isinstance(s, tree.Metric):
            inner.names[s.name.id] = Bound(Typed(Ref(name=s.name.id), REAL), s.name.span) if s.name.id in lowered else Broken(s.name.span)
    start = spec.statements[0].span
    inner.names["value"] = Bound(Typed(Ref(name="value"), REAL), start)
    inner.names["status"] = Bound(Typed(Ref(name="status"), _WORD), start)
    for word in STATUSES:
        inner.names.setdefault(word, Bound(Typed(Symbol(value=word), _WORD), start))
    found: list[ir.Expect] = []
    build.path = "@expect"
    for k, s in enumerate(x for x in spec.statements if isinstance(x, tree.Expect)):
        build.spans[f"expect:{k}"] = s.span
        try:
            if s.schedule is not None and s.schedule.id not in known:
                raise _unknown_schedule(s.schedule, known, build)
            for bound in below(s.condition, tree.Bound):
                if any(b.op not in ("sum", "mean", "prod") for b in bound.binders):
                    raise build.log.fail("GE290", "an expectation holds no binder but sums in this version", bound.span,
                                         hint="give it a name, `metric m = ..`, and write `expect m <= ..`")  # fmt: skip
            typed = expressions.lower(s.condition, inner, build)
            if typed.type.kind != "bool" or typed.type.shape or typed.rows:
                raise build.log.fail("GE207", "an expectation is one condition", s.condition.span, hint="compare numbers: `value <= 0.1`")
            build.shallow(typed.expr, s.condition.span)
            written = text[s.condition.span.start : s.condition.span.end]
            if not written.isprintable():
                written = say(s.condition)  # on one line, without comments
            found.append(ir.Expect(schedule=s.schedule.id if s.schedule else "", condition=typed.expr, text=written))
        except Failed:
            continue
    build.path = ""
    return tuple(found)


# ------------------------------------------------------------------ schedules


def lower_schedules(spec: tree.Spec, nets: tuple[ir.Net, ...], scope: Scope, build: Build, *, solved: bool) -> tuple[ir.Schedule, ...]:
    """The schedules, with what they extend merged in. Who the players are is only known where the game was `solved`."""
    found: dict[str, ir.Schedule] = {}
    targets = _targets(nets, build) if solved else None
    for s in spec.statements:
        if not isinstance(s, tree.Schedule):
            continue
        name = s.name.id if s.name else "default"
        at = s.name.span if s.name else s.span
        if name in found:
            build.log.add("GE102", f"schedule `{name}` is declared twice", at, hint="give one of them another name")
            continue
        base = found.get(s.extends.id) if s.extends is not None else None
        if s.extends is not None and base is None:
            _unknown_schedule(s.extends, list(found), build)
        own: dict[str, ir.Entry] = {}
        for entry in s.entries:
            lowered = _entry(entry, targets, nets, scope, build)
            if lowered is None:
                continue
            if lowered.target in own:
                build.log.add("GE102", f"`{lowered.target}` is scheduled twice", entry.path.span, hint="list its directives after one colon")
            own[lowered.target] = lowered
            places.note(name, lowered.target, entry, build)
        _check_beam(own, s, build)
        _check_answers(own, s, build)
        kept = tuple(e for e in base.entries if e.target not in own) if base is not None else ()
        if base is not None:
            places.inherit(name, base.name, kept, build)
        found[name] = ir.Schedule(name=name, entries=kept + tuple(own.values()))
        build.spans[f"schedule:{name}"] = s.span
    if "default" not in found:
        found = {"default": ir.Schedule(name="default", entries=()), **found}
    return tuple(found.values())


def _check_beam(own: dict[str, ir.Entry], s: tree.Schedule, build: Build) -> None:
    """`beam` keeps copies of a follower, which methods that move all players at once do not have."""
    method = next((u.word for u in own["method"].directives), "k_beam") if "method" in own else "k_beam"
    at = next((v for e in s.entries for v in e.values if isinstance(v, tree.Call) and isinstance(v.fn, tree.Name) and v.fn.id == "beam"), None)
    if at is not None and method in words("solvers") and words("solvers")[method].accepts.order == "simultaneous":
        build.log.add("GE506", f"`{method}` keeps no copies", at.span, "`beam` keeps several answers of a follower", hint="write `method: k_beam`")


def _check_answers(own: dict[str, ir.Entry], s: tree.Schedule, build: Build) -> None:
    """A hull is that of several answers, each found from a start of its own; a kept answer has one start, where it was."""
    for entry in (e for e in s.entries if ".".join(e.path.keys) in own):
        uses = {u.word: {o.key: o.value for o in u.options} for u in own[".".join(entry.path.keys)].directives}
        calls = {v.fn.id: v for v in entry.values if isinstance(v, tree.Call) and isinstance(v.fn, tree.Name)}
        kept = next((w for w in ("pgd", "langevin") if uses.get(w, {}).get("start") == Symbol(value="warm")), "")
        if kept:
            _check_warm(uses[kept], calls[kept], ".".join(entry.path.keys), build)
        at = calls.get("through")
        through = next((u.args[0] for u in own[".".join(entry.path.keys)].directives if u.word == "through"), None)
        if at is None or through != Symbol(value="hull"):
            continue
        restarts = uses.get("pgd", {}).get("restarts")
        if not isinstance(restarts, Num) or restarts.value < 2:
            said = "the hull is that of the slopes at several answers"
            build.log.add("GE506", "`hull` needs several answers", at.span, said, hint="write `pgd(steps = 10, restarts = 5), through(hull)`")
        elif "surrogate" in uses["pgd"]:
            said = "`surrogate` climbs something else"
            build.log.add("GE506", "`hull` is of answers to the objective itself", at.span, said, hint="drop `surrogate`")


def _check_warm(options: dict[str, Expr], at: tree.Call, path: str, build: Build) -> None:
    restarts = options.get("restarts")
    if "." in path:
        said = "what is measured is searched for anew, on rows of its own"
        build.log.add("GE506", f"`{path}` goes on from no earlier visit", at.span, said, hint="write `start = uniform`")
    elif (isinstance(restarts, Num) and restarts.value > 1) or "surrogate" in options:
        said = "the best of several is kept by `restarts` and `surrogate`"
        build.log.add(
            "GE506", "`start = warm` goes on from one answer", at.span, said, hint="drop `restarts` and `surrogate`, or write `start = uniform`"
        )


def _unknown_schedule(name: tree.Name, known: list[str], build: Build) -> Failed:
    near = nearest(name.id, known)
    return build.log.fail("GE502", f"unknown schedule `{name.id}`", name.span, f"did you mean `{near}`?" if near else "",
                          hint=f"write `{near}`" if near else f"schedules: {', '.join(known) or 'none'}")  # fmt: skip


def _targets(nets: tuple[ir.Net, ...], build: Build) -> dict[str, str]:
    """What a schedule may speak of, as it is written, and the variable or handle that it means."""
    known = {"method": "method"}
    for node in build.nodes:
        metric = f"{node.id.split('/')[0][1:]}." if node.id.startswith("@") else ""
        for owned in node.owns:
            known[metric + owned] = metric + owned
            known.setdefault(metric + build.written.get(owned, owned), metric + owned)
    for name in build.indices():
        known.setdefault(build.written.get(name, name), name)
    return known | {n.name: n.handle for n in nets if n.handle in known}


def _entry(entry: tree.Entry, targets: dict[str, str] | None, nets: tuple[ir.Net, ...], scope: Scope, build: Build) -> ir.Entry | None:
    path = ".".join(entry.path.keys)
    if path == "phases" and path not in (targets or {}):
        try:
            return phases.lower(entry, targets, scope, build)
        except Failed:
            return None
    if targets is not None and path not in targets and path not in build.elsewhere:
        near = nearest(path, targets)
        build.log.add("GE503", f"no player `{path}`", entry.path.span, f"did you mean `{near}`?" if near else "",
                      hint=f"write `{near}`" if near else f"players: {', '.join(targets)}")  # fmt: skip
    directives: list[ir.Use] = []
    target = path if targets is None else targets.get(path)
    for value in entry.values:
        try:
            found = _method(value, scope, build) if path == "method" else _directive(value, scope, build)
            if targets is not None and target not in (None, "method"):
                _suits(found, value, path, target.rpartition(".")[2], nets, build)
            contradictions.check(found, directives, value, build, method=path == "method")
            directives.append(found)
        except Failed:
            continue
    return None if target is None else ir.Entry(target=target, directives=tuple(directives))


def _suits(found: ir.Use, node: tree.Expr, path: str, owned: str, nets: tuple[ir.Net, ...], build: Build) -> None:
    """Raise Failed with GE506 where a directive is for another kind of player."""
    var = next((v for v in build.vars if v.name == owned), None)
    per_sample = var is not None and bool(var.scope)
    chosen = var is not None and var.type == INDEX
    if owned in (alone := build.indices()):
        again = sum(build.written.get(name, name) == path for name in alone) > 1
        _weighs(found, node, path, alone[owned] or "several indices have this name" * again, build)
        return
    if chosen != (found.word == "enumerate"):
        said = f"`{path}` is chosen among few" if chosen else f"`{path}` is not chosen among few"
        why = "every element is tried" if chosen else "`enumerate` tries every element"
        hint = "write `enumerate`" if chosen else "write `sgd(lr = 0.1)`"
        raise build.log.fail("GE506", said, node.span, why, hint=hint)
    net = next((n for n in nets if n.handle == owned), None)
    if found.word == "particles" and (var is None or var.type.kind != "dist"):
        raise build.log.fail("GE506", f"`{path}` is no distribution", node.span, "`particles` stand for one", hint="drop `particles`")
    if found.word in ("spectral", "clip") and (net is None or net.set is None):
        said = "declare it `in Lipschitz(1)`" if net is not None else "it is no network"
        raise build.log.fail("GE506", f"`{path}` lies in no set of networks", node.span, said, hint=f"drop `{found.word}`")
    mixture = var is not None and var.type.kind == "dist" and (not var.type.net or any(n.name == var.type.net for n in nets))
    if found.word == "hedge" and not mixture and (var is None or var.set is None or [p.word for p in var.set.parts] != ["Simplex"]):
        why = "`hedge` weighs the elements of a simplex"
        raise build.log.fail("GE506", f"`{path}` lies in no simplex", node.span, why, hint="write `sgd(lr = 0.1)`")
    answers = any(owned in n.owns and (n.id.startswith("@") or any(e.child == n.id for e in build.edges)) for n in build.nodes)
    if found.word == "newton" and (net is not None or per_sample):
        said, hint = ("is a network", "sgd(lr = 0.1)") if net is not None else ("is one answer for each sample", "pgd(steps = 10)")
        raise build.log.fail("GE506", f"`{path}` {said}", node.span, "`newton` solves for few numbers at once", hint=f"write `{hint}`")
    if not per_sample and not answers:
        if found.word in ("pgd", "langevin", "newton"):
            anew = f"`{found.word}` finds an answer anew before a leader moves"
            raise build.log.fail("GE506", f"`{path}` answers nobody", node.span, anew, hint="write `sgd(lr = 0.1)`")
        if found.word == "through" or any(o.key == "steps" for o in found.options):
            said = "`through` says how a leader sees its answer" if found.word == "through" else "`steps` are those of an answer"
            hint = "drop `through`" if found.word == "through" else "write `repeat(5)` for moves per turn"
            raise build.log.fail("GE506", f"`{path}` answers nobody", node.span, said, hint=hint)
    through = found.args[0] if found.word == "through" else None
    value = next((e for e in build.edges if e.kind == "value" and any(n.id == e.child and owned in n.owns for n in build.nodes)), None)
    if isinstance(through, Symbol) and through.value == "hull" and value is None:
        why = "the hull is that of a leader's slopes where its follower has the same objective"
        raise build.log.fail("GE506", f"`{path}` has an objective of its own", node.span, why, hint="write `through(implicit)`")
    if isinstance(through, Symbol) and through.value not in ("stop", "envelope", "hull") and per_sample and value is not None:
        raise build.log.fail(
            "GE506", f"only the value of `{path}` is seen", node.span, "the leader's gradient passes by its answer", hint="write `through(envelope)`"
        )


def _weighs(found: ir.Use, node: tree.Expr, path: str, why: str, build: Build) -> None:
    """Raise Failed with GE506 unless an index of `min` or `max` is enumerated, or weighed where one mixture is what is asked for."""
    if found.word == "hedge" and why:
        raise build.log.fail("GE506", f"`{path}` has no weights of its own", node.span, why, hint="write `enumerate`")
    if found.word not in ("hedge", "enumerate"):
        said = "every element is tried, or all are weighed"
        raise build.log.fail("GE506", f"`{path}` is chosen among few", node.span, said, hint="write `enumerate` or `hedge(lr = 0.1)`")


def _method(value: tree.Expr, scope: Scope, build: Build) -> ir.Use:
    table = words("solvers")
    found = use(value, table, "method", "GE501", scope, build)
    _not_negative(value, found, build)
    return found


def _directive(value: tree.Expr, scope: Scope, build: Build) -> ir.Use:
    word = value.fn if isinstance(value, tree.Call) else value
    if isinstance(word, tree.Name) and word.id == "through":
        return _through(value, scope, build)
    if isinstance(word, tree.Name) and word.id not in DIRECTIVES and word.id.lower() in ELSEWHERE:
        meant = ELSEWHERE[word.id.lower()]
        raise build.log.fail("GE501", f"unknown directive `{word.id}`", value.span, "it has another name here", hint=f"write `{meant}`")
    found = use(value, DIRECTIVES, "directive", "GE501", scope, build)
    _not_negative(value, found, build)
    for option in found.options:
        if option.key == "surrogate":
            _check_surrogates(value, option, build)
    return found


def _through(value: tree.Expr, scope: Scope, build: Build) -> ir.Use:
    if not isinstance(value, tree.Call) or len(value.args) != 1 or value.kwargs:
        raise build.log.fail("GE501", "`through` takes 1 argument", value.span, hint=f"write `through({next(iter(RESPONSES))})`")
    inner = use(value.args[0], {w: Word(r.options) for w, r in RESPONSES.items()}, "response", "GE501", scope, build)
    _not_negative(value.args[0], inner, build)
    return ir.Use(word="through", args=(Symbol(value=inner.word),), options=inner.options)


def _not_negative(node: tree.Expr, found: ir.Use, build: Build) -> None:
    """No number of a schedule is negative but momentum, which cures cycles so (Gidel et al. 2019)."""
    for option in found.options:
        value = getattr(option.value, "value", None)
        if isinstance(value, Fraction) and value < 0 and option.key != "momentum":
            at = next((k.value for k in node.kwargs if k.key == option.key), node) if isinstance(node, tree.Call) else node
            raise build.log.fail("GE501", f"`{option.key}` of `{found.word}` is negative", at.span, f"found {value}", hint=f"write `{-value}`")


def _check_surrogates(node: tree.Expr, option: ir.Option, build: Build) -> None:
    given = [i.value for i in getattr(option.value, "items", ()) if isinstance(i, Symbol)]
    for name in given:
        if name not in SURROGATES:
            near = nearest(name, SURROGATES)
            at = next((n for n in below(node, tree.Name) if n.id == name), node)
            raise build.log.fail("GE501", f"`{name}` stands in for nothing", at.span, f"did you mean `{near}`?" if near else "",
                                 hint=f"write `{near or SURROGATES[0]}`")  # fmt: skip


# ------------------------------------------------------------------ the `run` block


def lower_settings(spec: tree.Spec, scope: Scope, build: Build, known: list[str]) -> tuple[ir.Setting, ...]:
    """The settings of `run`, each once; the seed is 0 where none is written."""
    found: dict[str, ir.Setting] = {}
    for setting in (x for s in spec.statements if isinstance(s, tree.Run) for x in s.settings):
        key = ".".join(setting.path.keys)
        if key not in SETTINGS:
            near = nearest(key, SETTINGS)
            build.log.add("GE501", f"unknown setting `{key}` of `run`", setting.path.span, f"did you mean `{near}`?" if near else "",
                          hint=f"write `{near}`" if near else f"settings: {', '.join(SETTINGS)}")  # fmt: skip
            continue
        if key in found:
            build.log.add("GE102", f"`{key}` is set twice", setting.path.span, hint="set it once")
            continue
        try:
            found[key] = ir.Setting(key=key, value=to_expr(_setting(key, setting, scope, build, known)))
            build.spans[f"run:{key}"] = setting.span
        except Failed:
            continue
    found.setdefault("seed", ir.Setting(key="seed", value=to_expr(0)))
    return tuple(found.values())


def _setting(key: str, setting: tree.Setting, scope: Scope, build: Build, known: list[str]) -> object:
    if key == "schedule":
        name = setting.value
        if not isinstance(name, tree.Name):
            raise build.log.fail("GE501", "a schedule is meant here", name.span, hint=f"write `{known[0]}`")
        if name.id not in known:
            raise _unknown_schedule(name, known, build)
        return name.id
    if key == "keep":
        return _keep(setting.value, scope, build)
    if key == "batch" and evaluate_word(setting.value, scope, build) == "full":
        return 0
    option = SETTINGS[key]
    # No setting must be a number of at least 1: 0 steps, an empty batch and seed 0 all have a meaning.
    value = checked(setting.value, Option(key, option.type, 0 if option.type is int else option.default, option.words), "run", scope, build)
    if isinstance(value, Fraction) and value < 0:
        raise build.log.fail("GE501", f"`{key}` of `run` is negative", setting.value.span, f"found {value}", hint=f"write `{-value}`")
    return value


def _keep(value: tree.Expr, scope: Scope, build: Build) -> tuple[object, ...]:
    """`best(metric)` or `least(metric)` as two words."""
    build.spans["run:keep"] = value.span
    known = [s[len("metric:") :] for s in build.spans if s.startswith("metric:")]
    called = value.fn.id if isinstance(value, tree.Call) and isinstance(value.fn, tree.Name) else ""
    metric = value.args[0] if isinstance(value, tree.Call) and len(value.args) == 1 and not value.kwargs else None
    if called not in keeping.WORDS or not isinstance(metric, tree.Name):
        example = known[0] if known else "validation"
        raise build.log.fail("GE501", "`keep` takes the best or the least of a metric", value.span, hint=f"write `keep = best({example})`")
    if metric.id not in known:
        near = nearest(metric.id, known)
        raise build.log.fail("GE501", f"no metric `{metric.id}`", metric.span, f"did you mean `{near}`?" if near else "",
                             hint=f"write `best({near})`" if near else f"metrics: {', '.join(known) or 'none'}")  # fmt: skip
    return (called, metric.id)


__all__ = ["STATUSES", "lower_expects", "lower_metrics", "lower_schedules", "lower_settings"]
