"""Gradients of players' objectives as Python: their own, joint ones, those of a family, of a beam, and through followers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gamespec.emit import joint
from gamespec.emit.beam import answers_derivative, hull_derivative
from gamespec.emit.functions import moved_name, moved_part, needs
from gamespec.emit.points import local, named
from gamespec.emit.priced import priced_derivative
from gamespec.emit.solved import answer_call
from gamespec.emit.spell import point_name, spelled
from gamespec.ir.expr import Grad
from gamespec.ir.walk import expanded, walk
from gamespec.plan.ops import GRADIENT, NOW, Derive
from gamespec.plan.response import Differences, Envelope, Frozen, Hull, Implicit, Penalty, Stop, ValueFunction

if TYPE_CHECKING:
    from gamespec.emit.step import Steps

Wanted = tuple[str, str, bool]
"""What a player differentiates in: name, Python text, whether it is a list of tensors."""


def derive(steps: Steps, op: Derive) -> None:
    """Gradients of these players at one point, all before any move."""
    scene = steps.scene
    owned = [o for n in scene.nodes for o in scene.game.node(n).owns if scene.game.node(n).choice is None]
    at = {} if op.at == NOW else {local(scene, o): steps.at(o, op.at) for o in owned}
    where = _Where(at, op.at, op.into)
    through: joint.Through = [(f, r) for f, r in op.through if not isinstance(r, (Frozen, Envelope, Stop))]
    with steps.playing(op.nodes):
        if through and isinstance(through[0][1], Hull) and through[0][1].answers:
            answers_derivative(steps, op.nodes[0], through[0][0])
        elif through and isinstance(through[0][1], Hull):
            hull_derivative(steps, op.nodes[0], through[0][0], through[0][1].eps)
        elif through and isinstance(through[0][1], Differences):
            for node in op.nodes:
                priced_derivative(steps, (node,), *through[0])
        elif through and isinstance(through[0][1], (Penalty, ValueFunction)):
            priced_derivative(steps, op.nodes, *through[0])
        elif _newton(through):
            _answered(steps, op.nodes)
        elif through:
            joint.joint_derivative(steps, op.nodes, through)
        elif _one_objective(steps, op.nodes):
            _joint(steps, op.nodes, where)
        else:
            for node in op.nodes:
                _own(steps, node, where)
        for name, weights, place in scene.plan.shares if steps.moves else ():
            if any(name in scene.game.node(n).owns for n in op.nodes):
                _shared(steps, (name, weights, place), where)


def _newton(through: joint.Through) -> bool:
    return any(isinstance(how, Implicit) and how.how == "newton" for _, how in through)


def _one_objective(steps: Steps, nodes: tuple[str, ...]) -> bool:
    """Whether all these players share one objective, so that one forward serves them all."""
    game = steps.scene.game
    if len(nodes) < 2 or any(game.node(n).axis for n in nodes) or steps.scene.moody:
        return False
    return all(expanded(game, n) == expanded(game, nodes[-1]) for n in nodes[:-1])


@dataclass(frozen=True, slots=True)
class _Where:
    """Where gradients are taken: the names of everything there, the point, and what the gradients are called."""

    names: dict[str, str] = field(default_factory=dict)
    point: str = NOW
    into: str = GRADIENT


def _leaf(steps: Steps, nodes: tuple[str, ...], where: _Where) -> None:
    owned = [o for n in nodes for o in steps.scene.game.node(n).owns]
    names = [steps.at(o, where.point) for o in owned if steps.scene.var(o)]
    if names:
        steps.scene.reached.add("leaf")
        steps.line(f"{', '.join(names)} = {', '.join(f'leaf({n})' for n in names)}")
    for o in owned if where.point != NOW else ():
        at = steps.at(o, where.point)
        if steps.scene.var(o) is None and at != local(steps.scene, o):
            steps.scene.reached.add("leaf")
            steps.line(f"{at} = [leaf(t) for t in {at}]")


def wanted(steps: Steps, node: str, where: _Where | None = None) -> list[Wanted]:
    """What a player differentiates in, at a point."""
    where = where or _Where()
    found = []
    for o in steps.scene.game.node(node).owns:
        name = named(steps.scene, o, where.into, gradient=True).removeprefix("g_")
        found.append((name, steps.at(o, where.point), steps.scene.var(o) is None))
    return found


def _joint(steps: Steps, nodes: tuple[str, ...], where: _Where) -> None:
    _leaf(steps, nodes, where)
    value = point_name("value", where.point)
    steps.line(f"{value} = {steps.call(nodes[-1], where.names)}", node=nodes[-1])
    for n in nodes:
        steps.losses.setdefault(steps.label(n), value)
    own = {n: wanted(steps, n, where) for n in nodes}
    _grad(steps, value, [w for n in nodes for w in own[n]], nodes[-1])
    for n in nodes:
        if steps.scene.game.node(n).sense == "max":
            for name, _, many in own[n]:
                if many:
                    steps.line(f"g_{name} = [-g for g in g_{name}]")


def _grad(steps: Steps, value: str, found: list[Wanted], node: str, *, again: bool = False) -> None:
    """The gradients of a value; `again` where its graph serves another player, too."""
    graph = ", retain_graph=True" if again else ""
    whole = f"{graph}, materialize_grads=True" if _partial(steps, node) else graph
    if len(found) == 1:
        name, text, many = found[0]
        into, more = (f"g_{name}", whole) if many else (f"(g_{name},)", graph)
        steps.line(f"{into} = torch.autograd.grad({value}, {text}{more})", node=node)
        return
    if not any(many for _, _, many in found):
        targets = ", ".join(f"g_{n}" for n, _, _ in found)
        steps.line(f"{targets} = torch.autograd.grad({value}, ({', '.join(t for _, t, _ in found)}){graph})", node=node)
        return
    for name, text, many in found:
        steps.line(f"at_{name} = {text if many else f'[{text}]'}")
    steps.line(f"g_all = list(torch.autograd.grad({value}, [{', '.join(f'*at_{n}' for n, _, _ in found)}]{whole}))", node=node)
    for name, _, many in found:
        steps.line(f"g_{name}, g_all = g_all[:len(at_{name})], g_all[len(at_{name}):]" if many else f"g_{name} = g_all.pop(0)")


def _partial(steps: Steps, node: str) -> bool:
    """Whether an objective may leave some weights of a network unused: a slope does not see the last bias."""
    scene = steps.scene
    owned = [n for n in scene.game.nets if n.handle in scene.game.node(node).owns]
    slopes = any(isinstance(e, Grad) for e in walk(expanded(scene.game, node)))
    return bool(owned) and (slopes or any(n.name in scene.moody for n in owned))


def _own(steps: Steps, node: str, where: _Where) -> None:
    """A maximiser's networks get the gradient of minus the objective, on which step rules descend."""
    scene = steps.scene
    owner = scene.game.node(node)
    _leaf(steps, (node,), where)
    name = point_name(f"value_{scene.title(node)}", where.point)
    if owner.axis and not owner.scope:
        _family(steps, node, where, name)
        return
    found = wanted(steps, node, where)
    raised = owner.sense == "max" and any(many for _, _, many in found)
    if any(o in scene.beams for o in owner.owns):
        steps.line(f"{name} = {steps.beam_values(node)}  # [{max(scene.beams.values())}]", node=node)
        steps.losses.setdefault(steps.label(node), f"{name}.{'amax' if owner.sense == 'max' else 'amin'}()")
        _descended(steps, f"{name}.sum()", found, node, raised=raised)
        return
    part = moved_part(scene, node) if where.point == NOW else None
    shared = next((steps.losses.get(steps.label(e.child)) for e in scene.game.edges if e.parent == node), None)
    if part is not None and shared is not None:
        args = [steps.renamed.get(a, a) for a in needs(scene, part)]
        steps.line(f"{name} = {moved_name(scene, node)}({', '.join(args)})", node=node)
        steps.losses.setdefault(steps.label(node), shared)
    else:
        steps.line(f"{name} = {steps.call(node, where.names)}", node=node)
        steps.losses.setdefault(steps.label(node), name)
    _descended(steps, name, found, node, raised=raised)


def _shared(steps: Steps, share: tuple[str, str, int], where: _Where) -> None:
    """A particle's own slope: that of the mixture, divided by its weight where the slope was taken. One of no weight stands still."""
    name, weights, place = share
    scene, slope = steps.scene, named(steps.scene, name, where.into, gradient=True)
    var = scene.var(name)
    wide = f"[...{', None' * (len(var.type.shape) - 1)}]" if place < 0 and var is not None and len(var.type.shape) > 1 else ""
    by = f"{steps.at(weights, where.point)}{f'[{place}]' if place >= 0 else ''}.detach().clamp(min=1e-30){wide}"
    steps.line(f"{slope} = {f'{slope} / {by}' if var is not None else f'[g / {by} for g in {slope}]'}")


def _descended(steps: Steps, value: str, found: list[Wanted], node: str, *, raised: bool) -> None:
    """Gradients of a value, or of minus it where networks climb; variables keep theirs."""
    _grad(steps, f"-{value}" if raised else value, found, node)
    if raised:
        for variable in (n for n, _, many in found if not many):
            steps.line(f"g_{variable} = -g_{variable}")


def _family(steps: Steps, node: str, where: _Where, name: str) -> None:
    """One gradient for each player of a family: its own objective in its own entry."""
    owner = steps.scene.game.node(node)
    (own,) = owner.owns
    var, index = steps.at(own, where.point), spelled(owner.index)
    steps.line(f"{name} = [{steps.call(node, where.names)} for {index} in range({owner.axis})]  # one for each {owner.label or 'player'}", node=node)
    slope = f"torch.autograd.grad(value, {var}, retain_graph=True)[0][{index}] for {index}, value in enumerate({name})"
    steps.line(f"{named(steps.scene, own, where.into, gradient=True)} = torch.stack([{slope}])")
    for i in range(min(owner.axis, 8)):
        steps.losses.setdefault(f"{own}[{i}]", f"{name}[{i}]")


# ------------------------------------------------------------------ through a follower's answer


def _answered(steps: Steps, nodes: tuple[str, ...]) -> None:
    """Answers that solve the followers' conditions carry their derivative in themselves: once for all who lead them."""
    scene = steps.scene
    _leaf(steps, nodes, _Where())
    answer_call(steps, nodes)
    for node in nodes:
        name = f"value_{scene.title(node)}"
        if scene.game.node(node).axis:
            _family(steps, node, _Where(), name)
            continue
        steps.line(f"{name} = {steps.call(node)}", node=node)
        steps.losses.setdefault(steps.label(node), name)
        _grad(steps, name, wanted(steps, node), node, again=node != nodes[-1])
