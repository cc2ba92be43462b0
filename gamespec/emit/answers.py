"""Followers' answers as Python: one for each sample, found by projected steps, and discrete ones, found by trying all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.check.shape import each as each_row
from gamespec.emit import sets
from gamespec.emit.functions import needs, objective_name, parameters, writer
from gamespec.emit.noise import answered, draws, keys, stream_number
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.rows import bounded_body, multipliers
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import spelled
from gamespec.emit.warm import begun, keep_answers
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Reduce, Ref, Value
from gamespec.ir.walk import rebuild
from gamespec.library.functions import FUNCTIONS
from gamespec.plan.ops import Respond
from gamespec.solvers.base import plain_steps
from gamespec.solvers.rows import row_limits

if TYPE_CHECKING:
    from gamespec.emit.expr import Writer
    from gamespec.emit.step import Steps

# ------------------------------------------------------------------ one answer per sample


def respond_name(scene: Scene, node: str, *, still: bool = False) -> str:
    """The name of the function that gives a per-sample player's answers, or where it stands while it has no phase."""
    return f"{'stand' if still else 'respond'}_{scene.title(node)}"


def searches(op: Respond) -> bool:
    """Whether the best of several answers is kept, rather than the last of one."""
    return op.restarts > 1 or bool(op.surrogates) or op.each


def _variable(scene: Scene, node: str) -> ir.Var:
    """The one variable of a player who answers each sample."""
    (own,) = scene.game.node(node).owns
    return next(v for v in scene.game.vars if v.name == own)


def respond_parameters(scene: Scene, node: str) -> list[str]:
    """What an answer depends on: everything in the objective and in the set but the answer itself."""
    var = _variable(scene, node)
    names = [p for p in parameters(scene, node) if p not in (spelled(var.name), multipliers(scene, node))]
    for limit in row_limits(scene.game.node(node)) if multipliers(scene, node) else ():
        names += [n for n in needs(scene, limit.slack) if n not in (*names, spelled(var.name))]
    for part in var.set.parts if var.set else ():
        for expr in (*part.args, *((part.shift,) if part.shift is not None else ())):
            names += [n for n in needs(scene, expr) if n not in names]
    samples = [spelled(n) for d in scene.game.node(node).scope for n in d.names]
    return names if not samples or any(s in names for s in samples) else [*names, samples[0]]


def answer_noise(steps: Steps, op: Respond) -> str:
    """The noise that a player answers with: made for a batch, or that of the first rows; None where nothing is left to chance."""
    scene, node = steps.scene, op.node
    draw, title = answered(scene, node), scene.title(node)
    if not draws(op):
        return "None"
    if steps.moves and draw is not None:
        return f"noise_{keys(scene)[node]}"
    if steps.moves:
        scene.reached.update({"Noise", "counted"})
        return f"Noise(s.key_{keys(scene)[node]}, counted(1, s.came_{title}))"
    axis = scene.game.node(node).axis
    return steps.look(stream_number(scene, node), "1" if draw is None else f"{axis} * {steps.count(draw)}" if axis else steps.count(draw))


def respond_function(scene: Scene, op: Respond, text: Text) -> None:
    """Write the function that answers for every sample, or once for all: projected steps from a start, the best of some restarts."""
    node, var, write = scene.game.node(op.node), _variable(scene, op.node), writer(scene)
    name, span = spelled(var.name), scene.span(op.node)
    args = respond_parameters(scene, op.node)
    if op.rule.word not in ("sign", "langevin") and not plain_steps(op.rule):
        raise UnsupportedError(
            f"`{var.name}` is answered anew, by steps without a memory", f"write `{var.name}: sgd(lr = 0.1)` without momentum, or `pgd`"
        )
    scene.reached.add("leaf")
    first = next((spelled(n) for d in node.scope for n in d.names if spelled(n) in args), "")
    grouped = bool(node.scope) and not each_row(scene.game, node.scope)
    shape = scene.shape(var, f"len({first}{'[0]' if grouped else ''})" if first else "")
    body = Text()
    sides = sets.box(var.set, write) if var.set is not None else None
    if sides is not None and sides.tensors:
        body.add(f"lo, hi = {sides.lo}, {sides.hi}  # [{', '.join(['n', *map(str, var.type.shape)])}] each")
    net = next((n for n in scene.game.nets if var.type.kind == "params" and n.name == var.type.net), None)
    own = _own_weights(scene, net, shape) if op.start == "own" and net is not None else ""
    zero = own or _projected(var, f"torch.zeros({shape}, device=s.device, dtype=DTYPE)", write, sides)
    warm = _projected(var, "start", write, sides) if op.start == "warm" else ""
    start = zero if op.start in ("zero", "own") else warm or sets.draw(var.set, shape, "rng", write, rows=bool(first))
    if multipliers(scene, op.node):
        bounded_body(scene, op, start, zero, _moved(op, var, "+" if node.sense == "max" else "-", write, sides, "share * "), body)
    elif op.each:
        _all_of(scene, op, body, start, sides)
    elif not searches(op):
        call = f"{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"
        body.add(f"{name} = {start}")
        lines = ["for _ in range(steps):", *(f"    {x}" for x in _climb(op, var, call, "+" if node.sense == "max" else "-", write, sides))]
        if scene.plan.precision == "mixed" and not op.node.startswith("@"):
            body.add("with torch.autocast(torch.device(s.device).type, torch.bfloat16):  # networks alone: steps and projections stay float32")
            lines = [f"    {line}" for line in lines]
        body.add(*lines, f"return {name}")
    elif _least_is_zero(scene, op):
        _best_of_left(scene, op, body, start, zero, sides)
    else:
        _best_of(scene, op, body, start, zero, sides)
    sign = _steepest(op, var, write).startswith("torch")
    kind = f"{op.steps} {'projected ' if var.set is not None else ''}{'sign' if sign else 'gradient'} steps" if op.steps else "where its steps begin"
    restarts = f", restarts={op.restarts}" if searches(op) else ""
    restarts += ", only=slice(None)" if len(op.surrogates) > 1 else ""
    each = ", ".join(n for d in node.scope for n in d.names)
    best = f", the best of {op.restarts} restarts{' for each loss' if len(op.surrogates) > 1 else ''}" if op.restarts > 1 else ""
    best = f", {op.restarts} answers, the best first" if op.each else best
    kind += " on the augmented Lagrangian, and its multipliers" if multipliers(scene, op.node) else ""
    doc = f"{var.name} for {f'each ({each})' if each else 'all samples'}: {kind}{best}."
    begins = ", start" if op.start == "warm" else ""
    text.define(respond_name(scene, op.node, still=op.still), f"s, {', '.join(args)}, rng{begins}, steps={op.steps}{restarts}", doc, span)
    text.add(*(f"    {line}" for line in body.lines), span=span)


def _own_weights(scene: Scene, net: ir.Net, shape: str) -> str:
    """The weights of a network as they are, once for every sample."""
    scene.reached.update({"flatten_list", "trainable"})
    return f"flatten_list(trainable(s.{spelled(net.name)})).detach().expand({shape}).clone()"


def _projected(var: ir.Var, point: str, write: Writer, sides: sets.Box | None) -> str:
    """A point put back into the set; a box that differs from sample to sample has its sides in lo and hi."""
    if sides is not None and sides.tensors:
        write.reached.add("project_box")
        return f"project_box({point}, {'None' if sides.lo is None else 'lo'}, {'None' if sides.hi is None else 'hi'})"
    return sets.projection(var.set, point, write, rows=bool(var.scope))


def _climb(op: Respond, var: ir.Var, objective: str, sign: str, write: Writer, sides: sets.Box | None) -> list[str]:
    """One step along the objective, projected."""
    name, moved = spelled(var.name), _moved(op, var, sign, write, sides)
    return [
        f"{name} = leaf({name})",
        f"(slope,) = torch.autograd.grad({objective}.sum(), {name})",
        f"{name} = {moved}.detach()" if moved.startswith("project") else f"{name} = ({moved}).detach()",
    ]


def _moved(op: Respond, var: ir.Var, sign: str, write: Writer, sides: sets.Box | None, share: str = "") -> str:
    """Where one step along `slope` leads, or a share of it."""
    name, noise = spelled(var.name), ""
    if op.rule.word == "langevin":
        noise = f" + {op.rule.option('noise')!r} * rng.normal({name}.shape, DTYPE)"
    return _projected(var, f"{name} {sign} {share}{op.rule.option('lr')!r} * {_steepest(op, var, write)}{noise}", write, sides)


def _steepest(op: Respond, var: ir.Var, write: Writer) -> str:
    """The direction of a unit step: that of the norm whose ball the answer lies in, the l2 norm where that is the ball."""
    if op.rule.word != "sign" and not (op.rule.word == "langevin" and op.rule.option("sign")):
        return "slope"
    if any(part.word == "L2" for part in (var.set.parts if var.set else ())):
        write.reached.add("unit_rows")
        return "unit_rows(slope)" if var.scope else "unit_rows(slope[None])[0]"
    return "torch.sign(slope)"


def _surrogates(scene: Scene, op: Respond) -> list[str]:
    """What to climb: the objective, or each of its differentiable stand-ins, with its sign."""
    node = scene.game.node(op.node)
    up = 1 if node.sense == "max" else -1
    if not op.surrogates:
        return [f"{'' if up > 0 else '-'}{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"]
    found = []
    for word in op.surrogates:
        signs: list[int] = []
        piece = writer(scene).write(_swapped(node.objective, word, signs))
        if not signs:
            raise UnsupportedError(f"`{word}` stands in for nothing in this objective", "surrogates of `correct`: ce, margin")
        found.append(piece.text if up * signs[0] > 0 else f"-{piece.within(0)}")
    return found


def _swapped(expr: Expr, word: str, signs: list[int]) -> Expr:
    """The expression with `word` in place of what it stands in for, and the sign of each replacement."""
    if isinstance(expr, Call) and expr.fn in FUNCTIONS and word in dict(FUNCTIONS[expr.fn].surrogates):
        signs.append(dict(FUNCTIONS[expr.fn].surrogates)[word])
        return Call(fn=word, args=expr.args)
    return rebuild(expr, lambda e: _swapped(e, word, signs))


def _best_of(scene: Scene, op: Respond, body: Text, start: str, zero: str, sides: sets.Box | None) -> None:
    """Keep, for each sample, the answer that is best for the player's own objective over losses and restarts."""
    node, var, write = scene.game.node(op.node), _variable(scene, op.node), writer(scene)
    name = spelled(var.name)
    call = f"{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"
    climbed = _surrogates(scene, op)
    many, inner = len(climbed) > 1, climbed[0]
    if many:
        body.add("climbs = [", *(f"    lambda {name}: {c}," for c in climbed), "]")
        inner = f"climb({name})"
    body.add(f"best = {name} = {zero}", "with torch.no_grad():", f"    reached = {call}  # [n], the player's own objective so far")
    if many:
        body.add("for climb in climbs[only]:")
    wide = f"[:{', None' * len(var.type.shape)}]" if var.type.shape and var.scope else ""
    lines = [
        "for _ in range(restarts):",
        f"    {name} = {start}",
        "    for _ in range(steps):",
        *(f"        {line}" for line in _climb(op, var, f"({inner})" if inner.startswith("-") else inner, "+", write, sides)),
        "    with torch.no_grad():",
        f"        found = {call}",
        f"    won = found {'<' if node.sense == 'min' else '>'} reached",
        f"    best = torch.where(won{wide}, {name}, best)",
        "    reached = torch.where(won, found, reached)",
    ]
    body.add(*(f"    {line}" if many else line for line in lines), "return best")


def _all_of(scene: Scene, op: Respond, body: Text, start: str, sides: sets.Box | None) -> None:
    """All answers of the restarts, for a leader that looks at each."""
    node, var, write = scene.game.node(op.node), _variable(scene, op.node), writer(scene)
    name, highest = spelled(var.name), node.sense == "max"
    call = f"{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"
    write.reached.add("near_best")
    body.add(
        "points, values = [], []",
        "for _ in range(restarts):",
        f"    {name} = {start}",
        "    for _ in range(steps):",
        *(f"        {line}" for line in _climb(op, var, call, "+" if highest else "-", write, sides)),
        "    with torch.no_grad():",
        f"        points.append({name})",
        f"        values.append({call})",
        f"return near_best(points, values, {'math.inf' if math.isinf(op.eps) else repr(op.eps)}, {highest})",
    )


def _least_is_zero(scene: Scene, op: Respond) -> bool:
    """Whether a sample that reached 0 is done: the player minimises `correct`, sample by sample."""
    node = scene.game.node(op.node)
    return node.sense == "min" and isinstance(node.objective, Call) and node.objective.fn == "correct" and bool(node.scope) and not node.axis


_LOOK = 10
"""Steps after which a search looks which samples are missed: a look costs a third of a step."""


def _best_of_left(scene: Scene, op: Respond, body: Text, start: str, zero: str, sides: sets.Box | None) -> None:
    """As `_best_of`, but a sample that is missed once takes no further part: nothing can be less than 0."""
    node, var, write = scene.game.node(op.node), _variable(scene, op.node), writer(scene)
    name, used = spelled(var.name), {*parameters(scene, op.node), *respond_parameters(scene, op.node)}
    samples = [n for d in node.scope for n in map(spelled, d.names) if n in used]
    call = f"{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"
    climbed = _surrogates(scene, op)
    many, inner = len(climbed) > 1, climbed[0]
    scene.reached.add("rows_above_zero")
    args = ", ".join([name, *samples])
    if many:
        body.add("climbs = [", *(f"    lambda {args}: {c}," for c in climbed), "]")
        inner = f"climb({args})"
    body.add("", f"def climbed({'climb, ' if many else ''}{args}, steps):")
    body.add(f'    """{var.name} for some of the samples, with what the player reaches there."""')
    if sides is not None and sides.tensors:
        body.add(f"    lo, hi = {sides.lo}, {sides.hi}")
    body.add("    for _ in range(steps):")
    body.add(*(f"        {line}" for line in _climb(op, var, f"({inner})" if inner.startswith("-") else inner, "+", write, sides)))
    body.add("    with torch.no_grad():", f"        return {name}, {call}", "")
    body.add(f"best = {name} = {zero}", "with torch.no_grad():", f"    reached = {call}  # [n], the player's own objective so far")
    if many:
        body.add("for climb in climbs[only]:")
    wide = f"[:{', None' * len(var.type.shape)}]" if var.type.shape else ""
    some = ", ".join(["climb"] * many + [f"{n}[rows]" for n in (name, *samples)])
    lines = [
        "for _ in range(restarts):",
        f"    {name} = {start}",
        f"    for done in range(0, max(steps, 1), {_LOOK}):",
        "        for rows in rows_above_zero(reached):  # a sample that is missed cannot be missed more",
        f"            at, found = climbed({some}, min({_LOOK}, steps - done))",
        f"            {name}[rows] = at",
        f"            best[rows] = torch.where((found < reached[rows]){wide}, at, best[rows])",
        "            reached[rows] = torch.minimum(found, reached[rows])",
    ]
    body.add(*(f"    {line}" if many else line for line in lines), "return best")


def respond_call(steps: Steps, op: Respond) -> None:
    """Call the function that answers for every sample; a family answers for every element in one batch."""
    scene, node = steps.scene, op.node
    var = _variable(scene, node)
    args = [steps.renamed.get(p, p) for p in respond_parameters(scene, node)]
    if var.axis:
        rows = _expand(steps, node, var)
        args = [rows.get(a, a) for a in args]
    rng = answer_noise(steps, op)
    size = ", ".join(
        [*([f"{var.axis} * n" if var.axis else "n"] if var.scope else []), *(map(str, var.type.shape) if var.type.kind != "params" else ["p"])]
    )
    with steps.playing():
        own, call = spelled(var.name), f"{respond_name(scene, node, still=op.still)}({', '.join(['s', *args])}, {rng}{begun(steps, op)})"
        if op.each:
            shape = ", ".join([str(op.restarts), *([size] if size else [])])
            steps.line(f"{own}_each = {call}  # [{shape}], the best first", f"{own} = {own}_each[0]", node=node)
        else:
            priced = multipliers(scene, node)
            steps.line(f"{own}{', ' * bool(priced)}{priced} = {call}  # [{size}]", node=node)
        keep_answers(steps, op)
        if not var.scope and steps.moves:
            steps.line(f"s.{spelled(var.name)} = {spelled(var.name)}")
        _report(steps, node)


def _report(steps: Steps, node: str) -> None:
    """What to report of a follower per sample: its leader's value where that is the same, else its own mean."""
    scene = steps.scene
    owner = scene.game.node(node)
    edge = next(e for e in scene.game.edges if e.child == node)
    leader = scene.game.node(edge.parent)
    if owner.axis or not steps.moves:
        return  # the choice among a family reports it
    whole: Expr = Reduce(op="E", draws=owner.scope, body=Value(node=node)) if owner.scope else Value(node=node)
    if edge.kind == "value" and leader.objective == whole and edge.parent in steps.derived:
        steps.losses[steps.label(node)] = f"value_{scene.title(edge.parent)}"
        return
    with steps.block("with torch.no_grad():"):
        steps.line(f"value_{scene.title(node)} = {steps.call(node)}.mean()", node=node)
    steps.losses[steps.label(node)] = f"value_{scene.title(node)}"


def _expand(steps: Steps, node: str, var: ir.Var) -> dict[str, str]:
    """Repeat every sample once for each element of a family; the element becomes one more column."""
    scene = steps.scene
    owner = scene.game.node(node)
    samples = [n for d in owner.scope for n in d.names]
    index = spelled(owner.index)
    if isinstance(var.skip, Ref):
        scene.reached.add("others")
        steps.line(
            f"{index} = others({spelled(var.skip.name)}, {owner.axis + 1}).flatten()  # [{owner.axis} * n], every element but the sample's own"
        )
    else:
        steps.line(f"{index} = torch.arange({owner.axis}, device=s.device).repeat_interleave(len({spelled(samples[0])}))  # [{owner.axis} * n]")
    used = {*parameters(scene, node), *respond_parameters(scene, node)}
    for n in (n for n in samples if spelled(n) in used):
        ones = ", 1" * len(scene.names[n].type.shape)
        steps.line(f"{spelled(n)}_each = {spelled(n)}.repeat({owner.axis}{ones})")
    return {spelled(n): f"{spelled(n)}_each" for n in samples}


# ------------------------------------------------------------------ a discrete answer


def choice(steps: Steps, node: str) -> None:
    """Try every element for every sample and keep the best: its number, and the family members it picks."""
    scene = steps.scene
    owner = scene.game.node(node)
    assert owner.choice is not None  # what a `Choose` is made for
    (own,) = map(spelled, owner.owns)
    members = owner.choice.last - owner.choice.first + 1 - (owner.choice.skip is not None)
    families = [v for v in scene.game.vars if v.axis and v.scope and spelled(v.name) in needs(scene, owner.objective)]
    if not families or any(f.axis != members or f.skip != owner.choice.skip for f in families) or owner.choice.first:
        raise UnsupportedError("a discrete answer runs over the same elements as the family it picks from in this version")
    index = spelled(families[0].index)
    samples = [n for d in owner.scope for n in d.names]
    first = spelled(samples[0])
    texts = {n: f"{spelled(n)}_each" for n in samples} | {owner.choice.names[0]: index}
    scores = writer(scene, texts=texts).write(owner.objective)
    with steps.playing(), steps.block("with torch.no_grad():"):
        steps.line(f"score = {scores.within(0)}.view({members}, len({first}))  # [{members}, n], one for each element and sample", node=node)
    steps.line(f"best = score.{'argmax' if owner.sense == 'max' else 'argmin'}(dim=0)", f"here = torch.arange(len({first}), device=s.device)")
    if any(own in parameters(scene, n) for n in scene.nodes if scene.game.node(n).choice is None):
        steps.line(f"{own} = {index}.view({members}, -1)[best, here]  # [n]")
    for f in families:
        shape = "".join(f", {n}" for n in f.type.shape)
        steps.line(f"{spelled(f.name)}_at_{own} = {spelled(f.name)}.view({members}, len({first}){shape})[best, here]  # [n{shape}]")
    steps.losses[steps.label(node)] = f"score.{'amax' if owner.sense == 'max' else 'amin'}(dim=0).mean()"
