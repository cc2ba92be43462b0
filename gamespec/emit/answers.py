"""Followers' answers as Python: per-sample attacks, discrete choices, bilevel derivatives, solved conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit import sets
from gamespec.emit.expr import UnsupportedError, Writer, handle_text, spelled
from gamespec.emit.functions import Scene, Text, draws_of, function_name, needs, parameters
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Reduce, Ref, Value
from gamespec.ir.walk import rebuild
from gamespec.library.functions import FUNCTIONS
from gamespec.plan.ops import Respond, Rule
from gamespec.plan.response import Implicit, Penalty, Response, Unrolled
from gamespec.solvers.base import descendants

if TYPE_CHECKING:
    from gamespec.emit.step import Steps

# ------------------------------------------------------------------ one answer per sample


def respond_name(scene: Scene, node: str) -> str:
    """The name of the function that gives a per-sample player's answers."""
    prefix = f"{node.split('/')[0][1:]}_" if node.startswith("@") else ""
    return f"respond_{prefix}{scene.game.node(node).owns[0]}"


def respond_parameters(scene: Scene, node: str) -> list[str]:
    """What an answer depends on: everything in the objective and in the set but the answer itself."""
    (own,) = scene.game.node(node).owns
    var = scene.var(own)
    assert var is not None
    names = [p for p in parameters(scene, node) if p != spelled(own)]
    for part in var.set.parts if var.set else ():
        if part.shift is not None:
            names += [n for n in needs(scene, part.shift) if n not in names]
    return names


def respond_function(scene: Scene, op: Respond, text: Text) -> None:
    """Write the function that answers for every sample: projected steps from a start, the best of some restarts."""
    node, (own,) = scene.game.node(op.node), scene.game.node(op.node).owns
    var, name = scene.var(own), spelled(own)
    assert var is not None
    writer = scene.writer()
    args = respond_parameters(scene, op.node)
    scene.reached.add("leaf")
    span = scene.spans.get(f"node:{op.node}")
    kind = "sign" if op.rule.word == "sign" else op.rule.word
    each = ", ".join(n for d in node.scope for n in d.names)
    first = next(spelled(n) for d in node.scope for n in d.names if scene.names[n].type.shape or scene.names[n].rows)
    body = Text()
    sides = sets.box(var.set, writer) if var.set is not None else None
    if sides is not None and sides.tensors:
        body.add(f"lo, hi = {sides.lo}, {sides.hi}  # {list(var.type.shape)} each")
        writer.reached.add("project_box")
    shape = f"({', '.join([f'len({first})', *map(str, var.type.shape)])},)" if not var.type.shape else f"({', '.join([f'len({first})', *map(str, var.type.shape)])})"
    trained = op.restarts == 1 and not op.surrogates
    start = f"torch.zeros({shape}, device=s.device, dtype=DTYPE)" if op.start == "zero" else sets.draw(var.set, shape, "rng", writer, rows=True)
    losses = _surrogates(scene, op)
    loop = _ascent(scene, op, name, writer, sides)
    if trained:
        body.add(f"{name} = {start}", f"for _ in range({'steps'}):", *(f"    {line}" for line in loop(losses[0][0], losses[0][1])), f"return {name}")
    else:
        _best_of(scene, op, body, start, loop, losses, shape)
    doc = f"{name} for each ({each}): {op.steps} projected {kind} steps"
    text.add(
        "", "", f"def {respond_name(scene, op.node)}(s, {', '.join(args)}, rng, steps={op.steps}, restarts={op.restarts}):",
        f'    """{doc}{f", the best of {op.restarts} restarts" if op.restarts > 1 else ""}."""',
    )  # fmt: skip
    text.add(*(f"    {line}" for line in body.lines), span=span)


def _ascent(scene: Scene, op: Respond, name: str, writer: Writer, sides: sets.Box | None):  # type: ignore[no-untyped-def]  # noqa: ANN202  # a local closure; until 2027-11
    var = scene.var(scene.game.node(op.node).owns[0])
    assert var is not None

    def lines(objective: str, sign: str) -> list[str]:
        rate = repr(op.rule.option("lr"))
        direction = {"sign": "torch.sign(slope)"}.get(op.rule.word, "slope")
        moved = f"{name} {sign} {rate} * {direction}"
        if sides is not None and sides.tensors:
            moved = f"project_box({moved}, lo, hi)"
        else:
            moved = sets.projection(var.set, moved, writer, rows=True)
        return [
            f"{name} = leaf({name})",
            f"slope = torch.autograd.grad({objective}.sum(), {name})[0]",
            f"{name} = {moved}.detach()" if moved.startswith("project") else f"{name} = ({moved}).detach()",
        ]

    return lines


def _surrogates(scene: Scene, op: Respond) -> list[tuple[str, str]]:
    """The objective calls to climb or descend, with the sign of the step."""
    node = scene.game.node(op.node)
    call = f"{function_name(scene.game, op.node)}({', '.join(parameters(scene, op.node))})"
    sign = "+" if node.sense == "max" else "-"
    if not op.surrogates:
        return [(call, sign)]
    found = []
    for word in op.surrogates:
        flip = 0

        def swap(e: Expr, word: str = word) -> Expr:
            nonlocal flip
            if isinstance(e, Call) and e.fn in FUNCTIONS and word in dict(FUNCTIONS[e.fn].surrogates):
                flip = dict(FUNCTIONS[e.fn].surrogates)[word]
                return Call(fn=word, args=e.args)
            return rebuild(e, swap)

        expr = swap(node.objective)
        if not flip:
            raise UnsupportedError(f"`{word}` stands in for nothing in this objective", "surrogates of `correct`: ce, margin")
        up = (1 if node.sense == "max" else -1) * flip
        found.append((scene.writer().write(expr).text, "+" if up > 0 else "-"))
    return found


def _best_of(scene: Scene, op: Respond, body: Text, start: str, loop, losses: list[tuple[str, str]], shape: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Keep, for each sample, the answer that is best for the player's own objective over losses and restarts."""
    node, name = scene.game.node(op.node), spelled(scene.game.node(op.node).owns[0])
    call = f"{function_name(scene.game, op.node)}({', '.join(parameters(scene, op.node))})"
    better = "<" if node.sense == "min" else ">"
    wide = ", None" * (len((scene.var(node.owns[0]) or ir.Var(name="", type=scene.names[node.owns[0]].type)).type.shape))
    body.add(
        f"best = torch.zeros({shape}, device=s.device, dtype=DTYPE)",
        f"{name} = best",
        "with torch.no_grad():",
        f"    reached = {call}  # [rows]: the player's own objective so far",
    )
    for objective, sign in losses:
        body.add(
            "for _ in range(restarts):",
            f"    {name} = {start}",
            "    for _ in range(steps):",
            *(f"        {line}" for line in loop(objective, sign)),
            "    with torch.no_grad():",
            f"        found = {call}",
            f"    won = found {better} reached",
            f"    best = torch.where(won[:{wide}], {name}, best)",
            "    reached = torch.where(won, found, reached)",
        )
    body.add("return best")


def respond_call(steps: Steps, node: str) -> None:
    """Call the function that answers for every sample; a family answers for every element in one batch."""
    scene = steps.scene
    owner = scene.game.node(node)
    (own,) = owner.owns
    args = [steps.renamed.get(p, p) for p in respond_parameters(scene, node)]
    if owner.axis:
        rows = _expand(steps, node)
        args = [rows.get(a, a) for a in args]
    steps.line(f"{spelled(own)} = {respond_name(scene, node)}({', '.join(['s', *args])}, s.rng_start)", node=node)
    _answer_loss(steps, node)


def _answer_loss(steps: Steps, node: str) -> None:
    """What to report of a follower per sample: its leader's value where that is the same, else its own mean."""
    scene = steps.scene
    owner = scene.game.node(node)
    edge = next(e for e in scene.game.edges if e.child == node)
    if edge.kind == "value":
        leader = scene.game.node(edge.parent)
        if leader.objective == Reduce(op="E", draws=owner.scope, body=Value(node=node)):
            steps.losses[steps.label(node)] = f"value_{'_'.join(map(spelled, leader.owns))}"
        return
    if owner.axis:
        return  # the choice among the family reports it
    steps.line("with torch.no_grad():")
    steps.line(f"    value_{spelled(owner.owns[0])} = {steps.call(node)}.mean()", node=node)
    steps.losses[steps.label(node)] = f"value_{spelled(owner.owns[0])}"


def _expand(steps: Steps, node: str) -> dict[str, str]:
    """Repeat every sample once for each element of a family; the element becomes one more column."""
    scene = steps.scene
    owner = scene.game.node(node)
    var = scene.var(owner.owns[0])
    assert var is not None
    samples = [n for d in owner.scope for n in d.names]
    skip = var.skip.name if isinstance(var.skip, Ref) else ""
    renamed = {}
    index = spelled(owner.index)
    if skip:
        scene.reached.add("others")
        steps.line(f"{index} = others({spelled(skip)}, {owner.axis + 1}).flatten()  # [{owner.axis} * rows]: every element but the sample's own")
    else:
        first = spelled(samples[0])
        steps.line(f"{index} = torch.arange({owner.axis}, device=s.device).repeat_interleave(len({first}))")
    for n in samples:
        kind = scene.names[n].type
        tail = ", 1" * len(kind.shape)
        renamed[spelled(n)] = f"{spelled(n)}_each"
        steps.line(f"{spelled(n)}_each = {spelled(n)}.repeat({owner.axis}{tail})")
    return renamed


# ------------------------------------------------------------------ a discrete answer


def choice(steps: Steps, node: str) -> None:
    """Try every element for every sample and keep the best: its number, and the family members it picks."""
    scene = steps.scene
    owner = scene.game.node(node)
    assert owner.choice is not None
    (own,) = owner.owns
    members = owner.choice.last - owner.choice.first + 1 - (owner.choice.skip is not None)
    families = [v for v in scene.game.vars if v.axis and v.scope and spelled(v.name) in needs(scene, owner.objective)]
    if not families or any(f.axis != members or f.skip != owner.choice.skip for f in families):
        raise UnsupportedError("a discrete answer runs over the same elements as the family it picks from in this version")
    index = spelled(families[0].index)
    iterated = spelled(owner.choice.names[0])
    samples = [spelled(n) for d in owner.scope for n in d.names]
    first = samples[0]
    renamed = {s: f"{s}_each" for s in samples} | {iterated: index}
    objective = _rename(owner.objective, renamed, scene)
    text = scene.writer().write(objective).text
    word = "argmax" if owner.sense == "max" else "argmin"
    steps.line("with torch.no_grad():")
    steps.line(f"    score = ({text}).view({members}, len({first}))  # one score for each element and sample", node=node)
    steps.line(f"at_{spelled(own)} = score.{word}(dim=0)")
    steps.line(f"here = torch.arange(len({first}), device=s.device)")
    steps.line(f"{spelled(own)} = {index}.view({members}, -1)[at_{spelled(own)}, here]")
    for f in families:
        shape = "".join(f", {n}" for n in f.type.shape)
        steps.line(f"{spelled(f.name)}_{spelled(own)} = {spelled(f.name)}.view({members}, len({first}){shape})[at_{spelled(own)}, here]")
    steps.losses[steps.label(node)] = f"score.{'amax' if owner.sense == 'max' else 'amin'}(dim=0).mean()"


def _rename(expr: Expr, renamed: dict[str, str], scene: Scene) -> Expr:
    if isinstance(expr, Ref) and spelled(expr.name) in renamed:
        new = renamed[spelled(expr.name)]
        scene.names.setdefault(new, scene.names[expr.name])
        return Ref(name=new)
    return rebuild(expr, lambda e: _rename(e, renamed, scene))


# ------------------------------------------------------------------ through a follower's answer


def bilevel(steps: Steps, node: str, how: Response, *, follower: bool, child: str = "") -> None:
    """The derivative of a leader through its follower, by one of the hypergradient kernels; or a follower under a penalty."""
    scene = steps.scene
    leader = next(e.parent for e in scene.game.edges if e.child == node) if follower else node
    inner = node if follower else child
    up, low = steps.wanted(leader, {}), steps.wanted(inner, {})
    steps.line("def outer(lead, follow):")
    _unpack(steps, up, low, function_name(scene.game, leader), parameters(scene, leader), leader)
    steps.line("def inner(lead, follow):")
    _unpack(steps, up, low, function_name(scene.game, inner), parameters(scene, inner), inner)
    lead, follow = _joined(up), _joined(low)
    label = "_".join(n for n, _, _ in up)
    if isinstance(how, Penalty):
        scene.reached.update({"penalty_value", "leaf"})
        gamma = repr(how.gamma) if how.growth == 1 else f"min({how.gamma!r} * {how.growth!r} ** s.k, 1e8)"
        moving, still = (low, "follow") if follower else (up, "lead")
        steps.line(f"lead, follow = {lead}, {follow}")
        steps.line(f"follow = [leaf(t) for t in follow]{'' if follower else '; lead = [leaf(t) for t in lead]'}")
        steps.line(f"value_{label} = penalty_value(outer, inner, lead, follow, {gamma})", node=inner)
        steps.line(f"g_all = torch.autograd.grad(value_{label}, {still})")
        _split(steps, moving, "g_all")
        steps.losses.setdefault(steps.label(node), f"value_{label}")
        return
    if isinstance(how, Unrolled):
        scene.reached.add("hypergradient_unrolled")
        steps.line(
            f"value_{label}, g_all, end = hypergradient_unrolled(outer, inner, {lead}, {follow}, steps={how.steps}, lr={how.lr!r})", node=inner
        )
        if steps.moves:
            _keep(steps, inner)
    elif isinstance(how, Implicit):
        scene.reached.add("hypergradient_implicit")
        steps.line(f"value_{label}, g_all = hypergradient_implicit(outer, inner, {lead}, {follow}, steps={how.steps}, tol={how.tol!r})", node=inner)
    steps.losses.setdefault(steps.label(node), f"value_{label}")
    _split(steps, up, "g_all")


def _unpack(steps: Steps, up: list[tuple[str, str, bool]], low: list[tuple[str, str, bool]], function: str, args: list[str], node: str) -> None:
    handles = {h: handle_text(n) for n in steps.scene.game.nets for h in [spelled(n.handle)]}
    for source, names in (("lead", up), ("follow", low)):
        if len(names) == 1:
            name, _, many = names[0]
            steps.line(f"    {handles.get(name, name)} = {source}" if many else f"    ({name},) = {source}")
            continue
        if any(many for _, _, many in names):
            raise UnsupportedError("a leader with several networks cannot pass through a follower in this version")
        steps.line(f"    {', '.join(n for n, _, _ in names)} = {source}")
    steps.line(f"    return {function}({', '.join(args)})", node=node)


def _joined(names: list[tuple[str, str, bool]]) -> str:
    if len(names) == 1:
        return names[0][1] if names[0][2] else f"[{names[0][1]}]"
    return f"[{', '.join(f'*{t}' if many else t for _, t, many in names)}]"


def _split(steps: Steps, names: list[tuple[str, str, bool]], source: str) -> None:
    if len(names) == 1:
        name, _, many = names[0]
        steps.line(f"g_{name} = list({source})" if many else f"(g_{name},) = {source}")
        return
    steps.line(f"{', '.join(f'g_{n}' for n, _, _ in names)} = {source}")


def _keep(steps: Steps, node: str) -> None:
    """The follower stays where its last unrolled step ended."""
    for o in steps.scene.game.node(node).owns:
        net = steps.scene.net(o)
        if net is not None:
            steps.line("with torch.no_grad():")
            steps.line(f"    for p, q in zip({handle_text(net)}, end, strict=True):")
            steps.line("        p.copy_(q)")
        else:
            steps.line(f"(s.{spelled(o)},) = end")
            steps.line(f"{spelled(o)} = s.{spelled(o)}")


# ------------------------------------------------------------------ solved optimality conditions


def answer_functions(scene: Scene, text: Text) -> None:
    """For every follower whose condition is solved: its answer as a differentiable function of everything above it."""
    for node, how in {r for _, rs in scene.plan.residual for r in rs if isinstance(r[1], Implicit) and r[1].how == "newton"}:
        scene.reached.update({"implicit_response", "gradients"})
        owner = scene.game.node(node)
        owns = [spelled(o) for o in owner.owns]
        args = answer_parameters(scene, node)
        below = [e.child for e in scene.game.edges if e.parent == node]
        steps_ = getattr(how, "steps", 50)
        text.add("", "", f"def answer_{'_'.join(owns)}({', '.join(args)}):", f'    """{", ".join(owns)}: {owner.sense}imiser of its objective, with its derivative in all other names."""')
        text.add("    def field(points):", f"        {', '.join(owns)}{',' if len(owns) == 1 else ''} = points")
        for b in below:
            text.add(f"        {_assigned(scene, b, inside=True)}")
        sign = "-" if owner.sense == "max" else ""
        call = f"{function_name(scene.game, node)}({', '.join(parameters(scene, node))})"
        text.add(f"        return gradients([{sign}{call}], points, graph=True)", "", span=scene.spans.get(f"node:{node}"))
        writer = scene.writer()
        shapes = [sets.projection(v.set, f"points[{k}]", writer, rows=False) for k, o in enumerate(owner.owns) if (v := scene.var(o)) is not None]
        project = "None" if all(s == f"points[{k}]" for k, s in enumerate(shapes)) else f"lambda points: [{', '.join(shapes)}]"
        tol = getattr(how, "tol", 1e-12)
        result = f"implicit_response(field, [{', '.join(f'{o}_start' for o in owns)}], {project}, steps={steps_}, tol={tol!r})"
        text.add(f"    return {result}{'[0]' if len(owns) == 1 else ''}")


def answer_parameters(scene: Scene, node: str) -> list[str]:
    """Everything that a follower's answer depends on: where it and its followers start, and what others chose."""
    below = descendants(scene.game, node)
    owns = [spelled(o) for n in below for o in scene.game.node(n).owns]
    rest = dict.fromkeys(p for n in below for p in parameters(scene, n) if p not in owns)
    return [*(f"{o}_start" for o in owns), *rest]


def _assigned(scene: Scene, node: str, *, inside: bool) -> str:
    """The assignment of a follower's answer; `inside` another answer the starts are its parameters."""
    owns = [spelled(o) for o in scene.game.node(node).owns]
    args = [p if inside else p.removesuffix("_start") for p in answer_parameters(scene, node)]
    return f"{', '.join(owns)} = answer_{'_'.join(owns)}({', '.join(args)})"


def answer_call(steps: Steps, node: str) -> None:
    """Compute the answers of a leader's followers, top down, each with its derivative."""
    scene = steps.scene
    below = [e.child for e in scene.game.edges if e.parent == node]
    for child in below:
        owner = scene.game.node(child)
        steps.line(_assigned(scene, child, inside=False), node=child)
        answer_call(steps, child)
        if steps.moves:
            for o in owner.owns:
                steps.line(f"s.{spelled(o)} = {spelled(o)}.detach()")
            value = f"value_{'_'.join(map(spelled, owner.owns))}"
            steps.line(f"{value} = {steps.call(child)}")
            steps.losses[steps.label(child)] = value


__all__ = ["Rule", "answer_call", "answer_functions", "bilevel", "choice", "draws_of", "respond_call", "respond_function"]
