"""What a program measures: metrics, the value of the game, where it stands, what was expected."""

from __future__ import annotations

from dataclasses import replace

from gamespec.check.shape import Shaped, draw_names
from gamespec.emit.answers import respond_function, respond_name, respond_parameters, searches
from gamespec.emit.data import quoted
from gamespec.emit.functions import writer, written
from gamespec.emit.noise import answered, draws, stream_number
from gamespec.emit.points import seen
from gamespec.emit.scene import Scene, Text, draws_of, is_table
from gamespec.emit.spell import attribute, spelled
from gamespec.emit.step import Steps
from gamespec.ir.expr import Call, Expr, Ref, Value
from gamespec.ir.game import Metric
from gamespec.ir.types import Type
from gamespec.ir.walk import free_names, rebuild, walk
from gamespec.plan.ops import Respond
from gamespec.solvers.base import Table
from gamespec.solvers.setup import settings

_SAMPLES = 4096
"""Draws of an endless source that a metric averages over."""

_TRAINED = ("logistic_accuracy",)
"""Metrics that train a model of their own: too long to show on the way."""


def metric_functions(scene: Scene, table: Table, text: Text) -> None:
    """Write one function for each metric, `measure`, `probe`, `value` and, for small games, `point`."""
    searched = {}
    for node in scene.game.nodes:
        if node.id.startswith("@") and node.choice is None:
            seat = table.seat(node.id)
            rule = dict(seat.rules)[node.owns[0]]
            searched[node.id] = Respond(seat.node, rule, seat.steps, seat.start, seat.restarts, seat.surrogates)
            respond_function(scene, searched[node.id], text)
    # What players share within a step is no part of a metric, which has rows of its own.
    for m in scene.game.metrics:
        names = {name: shape for d in draws_of(scene, m.value) for name, shape in draw_names(scene.game, d).items()}
        _metric(replace(scene, hoisted=(), names={**scene.names, **names}), m, searched, text)
    for player, own in ((n, o) for n in scene.nodes for o in scene.game.node(n).owns if o in scene.beams):
        _best(scene, player, own, text)
    entries = [f'"{m.name}": float(metric_{m.name}(s))' for m in scene.game.metrics]
    if scene.scalar:
        _value(scene, text)
        _point(scene, text)
        entries.append('"value": float(value(s))')
    _looks(scene, text, "measure", "Every metric of the game at the present point.", entries)
    keep = settings(scene.game).get("keep")
    if isinstance(keep, tuple):
        entry = f'"{keep[1]}": float(metric_{keep[1]}(s))'
        _looks(scene, text, "standing", f"What players are kept by: the {keep[0]} of `{keep[1]}`.", [entry])
    cheap = [f'"{m.name}": float(metric_{m.name}(s{_cheap(m, searched)}))' for m in scene.game.metrics if not _dear(m)]
    _looks(scene, text, "probe", "Cheap versions of the metrics, for progress; the generators of the game are not touched.", cheap)


def _looks(scene: Scene, text: Text, name: str, doc: str, entries: list[str]) -> None:
    text.define(name, "s", doc)
    seen(scene, text)
    if any("s.rng_measure" in line for line in text.lines):
        scene.reached.add("Drawn")
        text.add("    s.rng_measure = Drawn(stream(s.seed, 2, s.device))  # the same draws at every look")
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        if len(entries) < 2:
            steps.line(f"return {{{', '.join(entries)}}}")
        else:
            steps.line("return {", *(f"    {e}," for e in entries), "}")


def _inner(metric: Metric, searched: dict[str, Respond]) -> list[str]:
    """The players inside a metric: those whose value stands in it, and those who answer it."""
    return [n for n in searched if n.startswith(f"@{metric.name}/")]


def _dear(metric: Metric) -> bool:
    """Whether a metric trains a model of its own."""
    return any(isinstance(e, Call) and e.fn in _TRAINED for e in walk(metric.value))


def _cheap(metric: Metric, searched: dict[str, Respond]) -> str:
    """Arguments that make a search short: few rows, steps and restarts."""
    inner = _inner(metric, searched)
    restarts = ", restarts=1" if any(searches(searched[n]) for n in inner) else ""
    return f", rows=128, steps=10{restarts}" if inner else ""


def _metric(scene: Scene, metric: Metric, searched: dict[str, Respond], text: Text) -> None:
    inner = _inner(metric, searched)
    span = scene.spans.get(f"metric:{metric.name}")
    options = ""
    if inner:
        options = f", rows=None, steps={max(searched[n].steps for n in inner)}"
        options += f", restarts={max(searched[n].restarts for n in inner)}" if any(searches(searched[n]) for n in inner) else ""
    text.define(f"metric_{metric.name}", f"s{options}", f"The metric `{metric.name}`, 0-d.", span)
    seen(scene, text)
    steps = Steps(scene, text, moves=False)
    expr = _at_answers(scene, metric.value)
    steps.load([expr, *(scene.game.node(n).objective for n in inner)])
    for d in draws_of(scene, expr):
        if is_table(scene.game, d.over):
            source = f"s.{attribute(d.over)}"
            whole = f"(t[:rows] for t in {source})" if inner else source
            steps.bind(d, steps.sets(d.over, "rows or 10**9" if inner else "10**9") or whole, {})
        else:
            steps.line(f"{spelled(d.names[0])} = draw_{attribute(d.over)}(s, {_SAMPLES}, s.rng_measure)  # {steps.shapes(d)}")
    for node in inner:
        first = answered(scene, node)
        noise = steps.look(stream_number(scene, node), "1" if first is None else steps.count(first)) if draws(searched[node]) else "None"
        args = ", ".join(["s", *respond_parameters(scene, node), noise, "steps", *(["restarts"] if searches(searched[node]) else [])])
        steps.line(f"{spelled(scene.game.node(node).owns[0])} = {respond_name(scene, node)}({args})", node=node)
    lines, piece = written(steps.writer, expr)
    text.add("    with torch.no_grad():", *(f"        {line}" for line in lines), f"        return {piece.text}", span=span)


def _at_answers(scene: Scene, expr: Expr) -> Expr:
    """The expression with each player's objective in place of its value, at the answer that was found."""
    if isinstance(expr, Value):
        return scene.game.node(expr.node).objective
    return rebuild(expr, lambda e: _at_answers(scene, e))


def _value(scene: Scene, text: Text) -> None:
    root = scene.game.root[0]
    owner = scene.game.node(root)
    text.define("value", "s", f"The value of the game to {'its first player' if len(scene.nodes) > 1 or owner.axis else 'its player'}, 0-d.")
    seen(scene, text)
    steps = Steps(scene, text, moves=False)
    if owner.axis:
        steps.line(f"{spelled(owner.index)} = 0")
    steps.fixed()
    steps.load([owner.objective])
    steps.line(f"return {steps.call(root)}")


def _best(scene: Scene, node: str, own: str, text: Text) -> None:
    owner = scene.game.node(node)
    text.define(f"best_{spelled(own)}", "s", f"The best candidate for `{own}`.")
    steps = Steps(scene, text, moves=False)
    steps.fixed()
    steps.load()
    steps.hoist()
    best, net = f"{steps.beam_values(node)}.{'argmax' if owner.sense == 'max' else 'argmin'}()", scene.net(own)
    if net is not None:
        scene.reached.add("candidate")
        steps.line("with torch.no_grad():", f"    return candidate(s.{spelled(net.name)}, {best})")
        return
    steps.line(f"return {spelled(own)}[{best}]")


def chosen(scene: Scene, name: str) -> str:
    """What is owned, as Python text: the best of a beam."""
    net = scene.net(name)
    return f"best_{spelled(name)}(s)" if name in scene.beams else f"s.{spelled(name if net is None else net.name)}"


def _point(scene: Scene, text: Text) -> None:
    parts = ", ".join(chosen(scene, v.name) for v in scene.shared)
    text.define("point", "s", f"All variables as one list of numbers: {', '.join(v.name for v in scene.shared)}.")
    seen(scene, text)
    text.add(f"    return [x for t in ({parts},) for x in t.flatten().tolist()]")


def expectations_function(scene: Scene, schedule: str, default: str, text: Text) -> None:
    """Write `expectations`: the conditions that belong to this schedule."""
    mine = [e for e in scene.game.expects if (e.schedule or default) == schedule]
    text.define("expectations", "s, values, status", "Every `expect` of this schedule with whether it holds.")
    seen(scene, text)
    wanted = dict.fromkeys(n for e in mine for n in free_names(e.condition))
    measured = [n for n in wanted if n == "value" or any(m.name == n for m in scene.game.metrics)]
    texts = {n: f"{spelled(n)}" for n in measured} | {"status": "status"}
    write = writer(scene, {"status": Shaped(Type(kind="word"))}, texts)
    for n in measured:
        text.add(f'    {texts[n]} = torch.tensor(values["{n}"], dtype=torch.float64)')
    steps = Steps(scene, text, moves=False)
    steps.load([Ref(name=n) for n in wanted if n not in (*measured, "status")])
    if not mine:
        text.add("    return []")
        return
    text.add("    return [", *(f"        ({quoted(e.text)}, bool({write.write(e.condition).text}))," for e in mine), "    ]")
