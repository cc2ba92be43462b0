"""The joint field of all players as a differentiable Python function, and what is made of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters
from gamespec.emit.moves import rate_text
from gamespec.emit.points import local, named
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.sets import projection
from gamespec.emit.spell import spelled, target
from gamespec.plan.ops import NOW, Adjust, Reach
from gamespec.solvers.base import plain_steps

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def adjust(steps: Steps, op: Adjust) -> None:
    """A direction made of the field and its Jacobian, as the gradients of all players."""
    names = _field(steps, op)
    slopes = [named(steps.scene, o, op.into, gradient=True) for o in names]
    _call(steps, op, slopes, "")
    for o, g in zip(names, slopes, strict=True):
        owner = next(n for n in op.nodes if o in steps.scene.game.node(n).owns)
        if steps.scene.var(o) is not None and steps.scene.game.node(owner).sense == "max":
            steps.line(f"{g} = -{g}")


def reach(steps: Steps, op: Reach) -> None:
    """A point that is found at once."""
    scene = steps.scene
    names = _field(steps, op)
    plain = [f"points[{k}]" for k in range(len(names))]
    put = [projection(v.set, at, steps.writer, rows=False) if (v := scene.var(o)) is not None else at for o, at in zip(names, plain, strict=True)]
    project = "None" if put == plain else f"lambda points: [{', '.join(put)}]"
    if project != "None" and any(scene.var(o) is None for o in names):
        raise UnsupportedError("this method finds points of variables alone, or of networks alone, where a variable has a set")
    moved = [f"moved_{local(scene, o)}" if op.to == NOW else named(scene, o, op.to, gradient=False) for o in names]
    _call(steps, op, moved, f", {project}")
    for o, found in zip(names, moved, strict=True) if op.to == NOW else ():
        net = scene.net(o)
        if net is None:
            steps.line(f"s.{spelled(o)} = {spelled(o)} = {found}")
        else:
            scene.reached.add("put")
            steps.line(f"put({scene.own(net)}, {found})")
    steps.stand(op.to, names)


def _field(steps: Steps, op: Adjust | Reach) -> list[str]:
    """Write `field(points)`: every player's direction of descent in what it owns, differentiable. Gives what is owned."""
    scene = steps.scene
    scene.reached.update({"gradients", op.call})
    names = [o for n in op.nodes for o in scene.game.node(n).owns]
    mine, nets = [local(scene, o) for o in names], [scene.var(o) is None for o in names]
    if any(nets):
        scene.reached.add("parted")
        sizes = ", ".join(f"len({m})" if net else "1" for m, net in zip(mine, nets, strict=True))
        steps.line(f"sizes = [{sizes}]")
    steps.text.add("")
    with steps.block("def field(points):"):
        _unpack(steps, list(zip(mine, nets, strict=True)), "points")
        for n in op.nodes:
            _slopes(steps, n)
        steps.line(f"return [{', '.join(f'{chr(42) if net else str()}g_{spelled(o)}' for o, net in zip(names, nets, strict=True))}]")
    steps.text.add("")
    if isinstance(op, Reach) and op.values:
        with steps.block("def value(points):"):
            _unpack(steps, list(zip(mine, nets, strict=True)), "points")
            steps.line(f"return {_lowered(steps, op.nodes[0])}", node=op.nodes[0])
        steps.text.add("")
    return names


def _lowered(steps: Steps, node: str) -> str:
    """What a player makes small, whatever its sense."""
    scene = steps.scene
    return f"{'-' if scene.game.node(node).sense == 'max' else ''}{objective_name(scene, node)}({', '.join(parameters(scene, node))})"


def _unpack(steps: Steps, names: list[tuple[str, bool]], value: str) -> None:
    """Cut a list of tensors into what each name stands for; True marks a list of tensors."""
    if any(many for _, many in names):
        value = f"parted({value}, sizes)"
        steps.line(f"{target([n if many else f'({n},)' for n, many in names])} = {value}")
    else:
        steps.line(f"{target([n for n, _ in names])} = {value}")


def _slopes(steps: Steps, node: str) -> None:
    """One player's direction of descent inside `field`."""
    scene = steps.scene
    owner = scene.game.node(node)
    call = _lowered(steps, node)
    if owner.axis:
        (own,) = (spelled(o) for o in owner.owns)
        index = spelled(owner.index)
        each = f"gradients([{call}], [{own}], graph=True)[0][{index}] for {index} in range({owner.axis})"
        steps.line(f"g_{own} = torch.stack([{each}])", node=node)
        return
    owned = [(o, scene.var(o) is None) for o in owner.owns]
    at = ", ".join(f"*{local(scene, o)}" if net else local(scene, o) for o, net in owned)
    found = f"gradients([{call}], [{at}], graph=True)"
    if owned == [(owner.owns[0], True)]:
        steps.line(f"g_{spelled(owner.owns[0])} = {found}", node=node)
    elif any(net for _, net in owned):
        scene.reached.add("parted")
        sizes = ", ".join(f"len({local(scene, o)})" if net else "1" for o, net in owned)
        names = target([f"g_{spelled(o)}" if net else f"(g_{spelled(o)},)" for o, net in owned])
        steps.line(f"{names} = parted({found}, [{sizes}])", node=node)
    else:
        steps.line(f"{target([f'g_{spelled(o)}' for o, _ in owned])} = {found}", node=node)


def _call(steps: Steps, op: Adjust | Reach, results: list[str], project: str) -> None:
    """Call the function of the library and give its results names; report the players' objectives."""
    scene = steps.scene
    names = [o for n in op.nodes for o in scene.game.node(n).owns]
    nets = [scene.var(o) is None for o in names]
    at = ", ".join(f"*{steps.at(o, op.at)}" if net else steps.at(o, op.at) for o, net in zip(names, nets, strict=True))
    each = [" + ".join(_rate(steps, o) for o in scene.game.node(n).owns) for n in op.nodes] if op.rates else []
    rates = f", [{', '.join(each)}]" if op.rates else ""
    options = "".join(f", {k}={v!r}" for k, v in op.options) + (", value=value" if isinstance(op, Reach) and op.values else "")
    with steps.playing(op.nodes):
        _unpack(steps, list(zip(results, nets, strict=True)), f"{op.call}(field, [{at}]{project}{rates}{options})")
        for n in op.nodes:
            if steps.label(n) not in steps.losses and not scene.game.node(n).axis:
                value = f"value_{scene.title(n)}"
                steps.line(f"{value} = {steps.call(n)}", node=n)
                steps.losses[steps.label(n)] = value
            elif steps.label(n) not in steps.losses:
                _family_losses(steps, n)


def _family_losses(steps: Steps, node: str) -> None:
    owner = steps.scene.game.node(node)
    (own,), index, name = owner.owns, spelled(owner.index), f"value_{steps.scene.title(node)}"
    if f"{own}[0]" not in steps.losses:
        steps.line(f"{name} = [{steps.call(node)} for {index} in range({owner.axis})]")
        steps.losses |= {f"{own}[{i}]": f"{name}[{i}]" for i in range(min(owner.axis, 8))}


def _rate(steps: Steps, owned: str) -> str:
    """The step size of a player, which must be plain: it enters the equations of the method."""
    rule = steps.scene.plan.rule(owned)
    if not plain_steps(rule):
        raise UnsupportedError(f"the step size of `{owned}` enters the equations of this method", f"write `{owned}: sgd(lr = 0.1)`")
    text = rate_text(rule)
    return f"[{text}] * len({local(steps.scene, owned)})" if steps.scene.var(owned) is None else f"[{text}]"
