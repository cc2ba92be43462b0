"""Several candidate answers of one follower as Python: the best, the hull of what they ask of the leader, fresh ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.points import local
from gamespec.emit.sets import draw
from gamespec.emit.spell import spelled, target
from gamespec.plan.ops import Scatter, Select

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def candidates(steps: Steps, op: Select | Scatter) -> None:
    """What is done with the candidates themselves."""
    if isinstance(op, Select):
        _select(steps, op.node)
    else:
        _scatter(steps, op)


def _select(steps: Steps, node: str) -> None:
    """The best candidate of a beam, for the leader to answer; chosen by index, so that nothing waits for the value."""
    owner = steps.scene.game.node(node)
    best = f"best = {steps.beam_values(node)}.{'argmax' if owner.sense == 'max' else 'argmin'}(dim=0, keepdim=True)  # [1]"
    if any(steps.scene.net(o) for o in owner.owns):
        with steps.block("with torch.no_grad():"):
            steps.line(best)
    else:
        steps.line(best)
    for o in owner.owns:
        name = local(steps.scene, o)
        one = f"{name}[best].squeeze(0)" if steps.scene.net(o) is None else f"[t.detach()[best].squeeze(0) for t in {name}]"
        steps.line(f"{name}_best = {one}")
        steps.renamed[name] = f"{name}_best"


def hull_derivative(steps: Steps, leader: str, follower: str, eps: float) -> None:
    """The shortest slope of a leader in the hull of those at the candidates that are nearly best."""
    scene = steps.scene
    scene.reached.update({"hull_slopes", "leaf"})
    owner, highest = scene.game.node(leader), scene.game.node(follower).sense == "max"
    names, copies = [spelled(o) for o in owner.owns], max(scene.beams.values())
    value = f"value_{scene.title(leader)}"
    steps.line(f"{', '.join(names)} = {', '.join(f'leaf({n})' for n in names)}")
    steps.line(f"{value} = {steps.beam_values(leader)}  # [{copies}], at every candidate", node=leader)
    each = f"torch.eye({copies}, device=s.device, dtype=DTYPE)"
    steps.line(f"slopes = torch.autograd.grad({value}, [{', '.join(names)}], {each}, is_grads_batched=True)", node=leader)
    found = f"hull_slopes({value}.detach(), list(slopes), {eps!r}, {highest})"
    steps.line(f"{target([f'g_{n}' for n in names])} = {found}")
    steps.losses.setdefault(steps.label(leader), f"{value}.{'amax' if highest else 'amin'}()")


def answers_derivative(steps: Steps, leader: str, follower: str) -> None:
    """The shortest slope of a leader in the hull of those at each of its follower's answers."""
    scene = steps.scene
    scene.reached.add("shortest_slope")
    owner, (own,) = scene.game.node(leader), scene.game.node(follower).owns
    variables = [spelled(o) for o in owner.owns if scene.net(o) is None]
    if variables:
        scene.reached.add("leaf")
        steps.line(f"{', '.join(variables)} = {', '.join(f'leaf({n})' for n in variables)}")
    texts = [f"*{scene.own(net)}" if (net := scene.net(o)) is not None else spelled(o) for o in owner.owns]
    value, own_part = f"value_{scene.title(leader)}", "[-g for g in g_all[:{0}]]" if owner.sense == "max" else "g_all[:{0}]"
    steps.line("slopes, values = [], []")
    with steps.block(f"for {spelled(own)}_one in {spelled(own)}_each:"):
        steps.line(f"values.append({steps.call(leader, {spelled(own): f'{spelled(own)}_one'})})", node=leader)
        steps.line(f"slopes.append(torch.autograd.grad(values[-1], [{', '.join(texts)}], materialize_grads=True))", node=leader)
    steps.line("g_all = shortest_slope(slopes)")
    for o, text in zip(owner.owns, texts, strict=True):
        name = spelled(o)
        if text.startswith("*"):
            count = f"len({text[1:]})"
            steps.line(f"g_{name}, g_all = {own_part.format(count)}, g_all[{count}:]")
        else:
            steps.line(f"g_{name} = g_all.pop(0)")
    highest = scene.game.node(follower).sense == "max"
    steps.line(f"{value} = torch.stack(values).{'amax' if highest else 'amin'}()")
    steps.losses.setdefault(steps.label(leader), value)


def _scatter(steps: Steps, op: Scatter) -> None:
    """Candidates that stand where a better one stands are drawn anew."""
    scene = steps.scene
    scene.reached.add("scattered")
    owner = scene.game.node(op.node)
    names = [spelled(o) for o in owner.owns]
    fresh = []
    for o in owner.owns:
        var = scene.var(o)
        assert var is not None  # copies of networks are refused
        fresh.append(draw(var.set, repr((scene.beams[o], *var.type.shape)), "s.rng_start", steps.writer, rows=True))
    call = f"scattered([{', '.join(names)}], {steps.beam_values(op.node)}, [{', '.join(fresh)}], {op.distance!r}, {owner.sense == 'max'})"
    steps.line(f"{target([f's.{n}' for n in names])} = {target(names)} = {call}", node=op.node)
