"""What a program says of its result: residual, certificate, metrics, expectations."""

from __future__ import annotations

from gamespec.check.shape import Shaped
from gamespec.emit.answers import respond_function, respond_name, respond_parameters
from gamespec.emit.expr import attribute, constant_text, handle_text, spelled
from gamespec.emit.functions import Scene, Text, draws_of, function_name, needs, parameters
from gamespec.emit.sets import projection
from gamespec.emit.step import Steps
from gamespec.ir.expr import Array, Call, Expr, Ref, Value
from gamespec.ir.types import Type
from gamespec.ir.walk import free_names, rebuild, walk
from gamespec.plan.ops import Choose, Derive, Op, Plan, Repeat, Respond, Rule, Sample, Select
from gamespec.plan.response import Envelope, Frozen, Response
from gamespec.solvers.base import Seat, Table

_BATCH = 1024
"""Rows on which residuals and follower checks of large data are taken."""


# ------------------------------------------------------------------ residual


def residual_function(scene: Scene, text: Text) -> None:
    """Write `residual`: the optimality map of the plan at the present point, on the same rows every time."""
    scene.reached.update({"natural_residual", "gradients"})
    text.add("", "", "def residual(s):", '    """Distance from first-order optimality: the largest z - P(z - g) over all players, 0-d."""')
    steps = Steps(scene, text, moves=False)
    _fixed_batch(steps)
    steps.load()
    steps.hoist()
    for op in _reruns(scene.plan.body):
        steps.write((op,))
    terms = []
    for node, through in scene.plan.residual:
        if scene.game.node(node).scope:
            continue
        terms += _terms(steps, node, through)
    text.add(f"    terms = [{', '.join(terms)}]")
    text.add("    return natural_residual(*(list(column) for column in zip(*terms, strict=True)))")


def _fixed_batch(steps: Steps) -> None:
    scene = steps.scene
    names = steps.batch_names()
    data = [d for d in scene.game.data if d.name in names]
    size = ""
    for d in data:
        name = attribute(d.name)
        source = f"s.{name}" if _table(scene, d.name) else f"(draw_{name}(s, {_BATCH}, stream(s.seed, 5, s.device)),)"
        target = ", ".join(names[d.name])
        cut = f"(t[:{_BATCH}] for t in {source})" if _table(scene, d.name) and not _exact(scene, d.name) else source
        steps.line(f"{target}{',' if len(names[d.name]) == 1 else ''} = {cut}")
        size = size or f"len({names[d.name][0]})"
    for d in scene.game.dists:
        if d.name in names:
            steps.line(f"{names[d.name][0]} = draw_{attribute(d.name)}(s, {size or _BATCH}, stream(s.seed, 6, s.device))")


def _exact(scene: Scene, source: str) -> bool:
    """Whether an objective sums over this whole table."""
    return any(not d.draws and d.over == source for n in scene.nodes for d in draws_of(scene, scene.game.node(n).objective))


def _table(scene: Scene, source: str) -> bool:
    from gamespec.library.registry import words

    data = next(d for d in scene.game.data if d.name == source)
    entry = words("data").get(data.source.word)
    return entry is None or entry.load is not None


def _reruns(ops: tuple[Op, ...]) -> list[Op]:
    """What must be computed anew before gradients are taken: answers per sample, choices, selections."""
    found: list[Op] = []
    for op in ops:
        if isinstance(op, Repeat):
            found += _reruns(op.body)
        elif isinstance(op, (Respond, Choose, Select)):
            found.append(op)
    return found


def _terms(steps: Steps, node: str, through: tuple[tuple[str, Response], ...]) -> list[str]:
    """One (point, gradient, projection) for everything that a player owns."""
    scene = steps.scene
    owner = scene.game.node(node)
    if any(o in scene.beams for o in owner.owns):
        return _beam_terms(steps, node)
    led = [e.child for e in scene.game.edges if e.parent == node and any(o in scene.beams for o in scene.game.node(e.child).owns)]
    if led:
        return _hull_terms(steps, node, led[0])
    steps.derive(Derive((node,), "now", tuple((f, r) for f, r in through if not isinstance(r, Frozen))))
    terms = []
    for o in owner.owns:
        own = spelled(o)
        sign = "-" if owner.sense == "max" and o not in steps.raised else ""
        var, net = scene.var(o), scene.net(o)
        if net is not None:
            target = handle_text(net) if net.name in scene.explicit else f"list({spelled(net.name)}.parameters())"
            terms.append(f"*[(p.detach(), {sign}g, None) for p, g in zip({target}, g_{own}, strict=True)]")
        else:
            assert var is not None
            project = "None" if var.set is None else f"lambda at: {projection(var.set, 'at', steps.writer, rows=False)}"
            terms.append(f"({own}.detach(), {sign}g_{own}, {project})")
        steps.raised.discard(o)
    return terms


def _beam_terms(steps: Steps, node: str) -> list[str]:
    """The candidates that are best, within a hair, must not want to move."""
    scene = steps.scene
    owner = scene.game.node(node)
    (own,) = owner.owns
    name = spelled(own)
    var = scene.var(own)
    assert var is not None
    steps.line(f"{name} = leaf({name})", f"values = {steps.beam_values(node)}", f"g_{name} = torch.autograd.grad(values.sum(), {name})[0]")
    scene.reached.add("leaf")
    sign = "-" if owner.sense == "max" else ""
    project = "None" if var.set is None else f"lambda at: {projection(var.set, 'at', steps.writer, rows=True)}"
    steps.line(f"top = values.argmax{'' if owner.sense == 'max' else '(-values)'}()" if owner.sense == "max" else "top = values.argmin()")
    return [f"({name}[top].detach()[None], {sign}g_{name}[top][None], {project})"]


def _hull_terms(steps: Steps, node: str, child: str) -> list[str]:
    """A leader against several best answers is stationary where 0 is a convex combination of its gradients."""
    scene = steps.scene
    scene.reached.update({"min_norm_in_hull", "leaf"})
    owner, follower = scene.game.node(node), scene.game.node(child)
    (own,) = owner.owns
    name, beam = spelled(own), spelled(follower.owns[0])
    var = scene.var(own)
    assert var is not None
    scene_call = steps.call(node, {beam: "answer"})
    steps.line(f"{name} = leaf({name})", f"reached = {steps.beam_values(child)}.detach()")
    best = "reached.amax()" if follower.sense == "max" else "reached.amin()"
    steps.line(f"near = (reached - {best}).abs() <= 0.01 * (1 + {best}.abs())  # answers as good as the best")
    steps.line(f"pulls = [torch.autograd.grad({scene_call}, {name})[0].reshape(-1) for answer in {beam}[near].detach()]")
    sign = "-" if owner.sense == "max" else ""
    project = "None" if var.set is None else f"lambda at: {projection(var.set, 'at', steps.writer, rows=False)}"
    return [f"({name}.detach(), {sign}min_norm_in_hull(torch.stack(pulls)).view_as({name}), {project})"]


def stationary_function(scene: Scene, text: Text) -> None:
    """Write `stationary_near` for games of variables alone whose players all stand still for each other."""
    frozen = all(isinstance(r, (Frozen, Envelope)) for _, rs in scene.plan.residual for _, r in rs)
    if not scene.scalar or scene.beams or not frozen or any(scene.game.node(n).axis for n in scene.nodes):
        return
    scene.reached.update({"stationary_point", "gradients"})
    owned = [(n, o) for n in scene.nodes for o in scene.game.node(n).owns]
    shared = [spelled(v.name) for v in scene.game.vars if not v.scope]
    text.add("", "", "def stationary_near(start):", '    """The point near `start` (a list of numbers) at which no player\'s own gradient pulls; None where none is found."""')
    shapes = ", ".join(f"torch.zeros({tuple(v.type.shape)!r}, dtype=DTYPE)" for v in scene.game.vars if not v.scope)
    text.add("    def field(points):", f"        {', '.join(shared)}{',' if len(shared) == 1 else ''} = points", "        pulls = []")
    for n in dict.fromkeys(n for n, _ in owned):
        owner = scene.game.node(n)
        call = f"{function_name(scene.game, n)}({', '.join(f's.{p}' if p in _arrays(scene) else p for p in parameters(scene, n))})"
        mine = ", ".join(spelled(o) for o in owner.owns)
        text.add(f"        pulls += gradients([{'-' if owner.sense == 'max' else ''}{call}], [{mine}], graph=True)")
    order = [spelled(o) for _, o in owned]
    text.add(f"        return [pulls[k] for k in {[order.index(v) for v in shared]!r}]", "")
    if _arrays(scene):
        text.add("    s = State()")
        for p in scene.game.params:
            if spelled(p.name) in _arrays(scene):
                text.add(f"    s.{spelled(p.name)} = torch.tensor({constant_text(p.value)}, dtype=DTYPE)")
    text.add(f"    found = stationary_point(field, unflatten_list(torch.tensor(start, dtype=DTYPE), [{shapes}]))", "    return None if found is None else torch.cat([t.reshape(-1) for t in found]).tolist()")
    scene.reached.add("unflatten_list")


def _arrays(scene: Scene) -> set[str]:
    return {spelled(p.name) for p in scene.game.params if isinstance(p.value, Array)}


# ------------------------------------------------------------------ certificate


def certify_function(scene: Scene, text: Text) -> None:
    """Write `certify`: the residual, and for followers per sample what a stronger answer gains."""
    text.add("", "", "def certify(s):", '    """What was checked at the final point: name, value, tolerance (None: reported only), verdict, note."""')
    note = "on all players' own variables" if scene.scalar else f"gradient norm on {_BATCH} fixed rows; reported, as networks are not expected to reach 0"
    text.add("    found = float(residual(s))")
    ok = "found <= TOL" if scene.plan.tol is not None else "None"
    text.add(f'    entries = [{{"name": "residual", "value": found, "tol": TOL, "ok": {ok}, "note": "{note}"}}]')
    for node in scene.nodes:
        owner = scene.game.node(node)
        if owner.scope and owner.choice is None and not owner.axis:
            _suboptimality(scene, node, text)
    text.add("    return entries")


def _suboptimality(scene: Scene, node: str, text: Text) -> None:
    owner = scene.game.node(node)
    (own,) = owner.owns
    name = spelled(own)
    op = next(o for o in _flat(scene.plan.body) if isinstance(o, Respond) and o.node == node)
    steps = Steps(scene, text, moves=False)
    _fixed_batch(steps)
    steps.load()
    steps.hoist()
    args = ", ".join(["s", *respond_parameters(scene, node), "stream(s.seed, 7, s.device)"])
    call = steps.call(node)
    text.add(
        f"    {name} = {respond_name(scene, node)}({args})",
        f"    usual = {call}.mean().detach()",
        f"    {name} = {respond_name(scene, node)}({args}, steps={5 * op.steps})",
        f"    gain = float({call}.mean().detach() - usual)",
        f'    entries.append({{"name": "{own}: gain of {5 * op.steps} steps over {op.steps}", "value": {"gain" if owner.sense == "max" else "-gain"}, "tol": None, "ok": None,',
        '                    "note": "in the follower\'s objective, mean over fixed rows; near 0 means that it answers well"})',
    )


def _flat(body: tuple[Op, ...]) -> list[Op]:
    return [o for op in body for o in ([op, *_flat(op.body)] if isinstance(op, Repeat) else [op])]


# ------------------------------------------------------------------ metrics


def metric_functions(scene: Scene, table: Table, text: Text) -> None:
    """Write one function for each metric, `measure`, `probe`, `value` and, for small games, `point`."""
    for node in scene.game.nodes:
        if node.id.startswith("@") and node.choice is None:
            seat = table.seat(node.id)
            rule = dict(seat.rules)[node.owns[0]]
            respond_function(scene, _respond(seat, rule), text)
    for m in scene.game.metrics:
        _metric(scene, m.name, m.value, text)
    _value(scene, text)
    names = [m.name for m in scene.game.metrics]
    text.add("", "", "def measure(s):", '    """Every metric of the game at the present point."""', "    s.rng_measure = stream(s.seed, 2, s.device)")
    entries = [f'"{n}": float(metric_{n}(s))' for n in names]
    entries += ['"value": float(value(s))'] if scene.scalar else []
    text.add(f"    return {{{', '.join(entries)}}}")
    _probe(scene, text)
    if scene.scalar:
        _point(scene, text)


def _respond(seat: Seat, rule: Rule) -> Respond:
    return Respond(seat.node, rule, seat.steps, seat.start, seat.restarts, seat.surrogates)


def _inner(expr: Expr) -> list[str]:
    return [e.node for e in walk(expr) if isinstance(e, Value)]


def _metric(scene: Scene, name: str, expr: Expr, text: Text) -> None:
    inner = _inner(expr)
    extra = ", rows=None, steps=None, restarts=None" if inner else ""
    span = scene.spans.get(f"metric:{name}")
    body = Text()
    _locals(scene, expr, body, cut=bool(inner))
    for node in inner:
        seat_args = ", ".join(respond_parameters(scene, node))
        (own,) = scene.game.node(node).owns
        body.add(f"more = {{k: v for k, v in ((\"steps\", steps), (\"restarts\", restarts)) if v}}")
        body.add(f"{spelled(own)} = {respond_name(scene, node)}(s, {seat_args}, s.rng_measure, **more)")
    expr = rebuild_values(scene, expr)
    writer = scene.writer()
    piece = writer.write(expr)
    text.add("", "", f"def metric_{name}(s{extra}):", f'    """The metric `{name}`."""')
    text.add(*(f"    {line}" for line in body.lines), "    with torch.no_grad():", f"        return {piece.text}", span=span)


def rebuild_values(scene: Scene, expr: Expr) -> Expr:
    """The expression with each player's objective in place of its value, at the answer that was found."""
    if isinstance(expr, Value):
        return scene.game.node(expr.node).objective
    return rebuild(expr, lambda e: rebuild_values(scene, e))


def _locals(scene: Scene, expr: Expr, body: Text, *, cut: bool) -> None:
    """Local names for everything that a metric mentions: networks, variables, whole tables."""
    wanted = needs(scene, expr)
    nets = [spelled(n.name) for n in scene.game.nets if spelled(n.name) in wanted]
    if nets:
        body.add(f"{', '.join(nets)} = {', '.join(f's.{n}' for n in nets)}")
    for n in scene.game.nets:
        if n.name in scene.explicit and handle_text(n) in wanted:
            body.add(f"{handle_text(n)} = list({spelled(n.name)}.parameters())")
    _variables(scene, wanted, body)
    for d in draws_of(scene, expr):
        names = [spelled(n) for n in d.names]
        target = f"{', '.join(names)}{',' if len(names) == 1 else ''}"
        if any(x.name == d.over for x in scene.game.dists) or not _table(scene, d.over):
            drawn = f"draw_{attribute(d.over)}(s, 4096, s.rng_measure)"
            body.add(f"{names[0]} = {drawn}")
        else:
            body.add(f"{target} = (t[:rows] for t in s.{attribute(d.over)})" if cut else f"{target} = s.{attribute(d.over)}")


def _variables(scene: Scene, wanted: list[str], body: Text) -> None:
    arrays = [spelled(p.name) for p in scene.game.params if isinstance(p.value, Array) and spelled(p.name) in wanted]
    shared = [v for v in scene.game.vars if not v.scope and spelled(v.name) in wanted]
    for name in arrays:
        body.add(f"{name} = s.{name}")
    for v in shared:
        name = spelled(v.name)
        body.add(f"{name} = best_{name}(s)" if v.name in scene.beams else f"{name} = s.{name}")


def _value(scene: Scene, text: Text) -> None:
    root = scene.game.root[0]
    if scene.beams:
        for node in scene.nodes:
            for o in scene.game.node(node).owns:
                if o in scene.beams:
                    _best(scene, node, o, text)
    if not scene.scalar:
        return
    text.add("", "", "def value(s):", '    """The value of the game to its first player."""')
    body = Text()
    owner = scene.game.node(root)
    if owner.axis:
        body.add(f"{spelled(owner.index)} = 0")
    _variables(scene, parameters(scene, root), body)
    steps = Steps(scene, Text())
    steps.renamed = {}
    text.add(*(f"    {line}" for line in body.lines), f"    return {steps.call(root)}")


def _best(scene: Scene, node: str, own: str, text: Text) -> None:
    owner = scene.game.node(node)
    steps = Steps(scene, text)
    text.add("", "", f"def best_{spelled(own)}(s):", f'    """The best candidate for `{own}`."""')
    steps.load()
    steps.hoist()
    steps.line(f"return {spelled(own)}[{steps.beam_values(node)}.{'argmax' if owner.sense == 'max' else 'argmin'}()]")


def _probe(scene: Scene, text: Text) -> None:
    """Cheap metrics on the way: fewer rows, steps and restarts for those that search."""
    text.add("", "", "def probe(s):", '    """Cheap versions of the metrics, for progress; the generators of the game are not touched."""')
    text.add("    s.rng_measure = stream(s.seed, 2, s.device)")
    entries = []
    for m in scene.game.metrics:
        if _inner(m.value):
            entries.append(f'"{m.name}": float(metric_{m.name}(s, rows=128, steps=10, restarts=1))')
        elif not any(isinstance(e, Call) and e.fn in ("logistic_accuracy",) for e in walk(m.value)):
            entries.append(f'"{m.name}": float(metric_{m.name}(s))')
    text.add(f"    return {{{', '.join(entries)}}}")


def _point(scene: Scene, text: Text) -> None:
    owned = [v for v in scene.game.vars if not v.scope]
    parts = ", ".join(f"best_{spelled(v.name)}(s)" if v.name in scene.beams else f"s.{spelled(v.name)}" for v in owned)
    text.add("", "", "def point(s):", '    """All variables as one list of numbers."""', f"    return torch.cat([t.reshape(-1) for t in ({parts},)]).tolist()")


# ------------------------------------------------------------------ expectations


def expectations_function(scene: Scene, schedule: str, default: str, text: Text) -> None:
    """Write `expectations`: the conditions that belong to this schedule."""
    mine = [e for e in scene.game.expects if (e.schedule or default) == schedule]
    text.add("", "", "def expectations(s, values, status):", '    """Every `expect` of this schedule with whether it holds."""')
    body = Text()
    wanted: list[str] = []
    metrics = {m.name for m in scene.game.metrics}
    for e in mine:
        wanted += [n for n in free_names(e.condition) if n not in wanted]
    for n in wanted:
        if n in metrics or n == "value":
            body.add(f'{_local(n)} = torch.tensor(values["{n}"])')
    named = [spelled(n) for n in wanted if n not in metrics]
    _variables(scene, named, body)
    conditions = []
    for e in mine:
        writer = scene.writer({"status ": Shaped(Type(kind="word"))})
        condition = _safe(e.condition)
        conditions.append(f"({e.text!r}, bool({writer.write(condition).text}))")
    text.add(*(f"    {line}" for line in body.lines), f"    return [{', '.join(conditions)}]")


def _local(name: str) -> str:
    return "value_" if name == "value" else spelled(name)


def _safe(expr: Expr) -> Expr:
    """`status` is an argument of the function, and `value` a name of the program."""
    if isinstance(expr, Ref) and expr.name == "status":
        return Ref(name="status ")
    return rebuild(expr, _safe)


__all__ = ["certify_function", "expectations_function", "metric_functions", "residual_function"]
