"""Moves as Python: steps by arithmetic or by a rule with a memory, from any point to any other, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.points import factor_code, named, total, total_of_lists
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.sets import mirror, projection
from gamespec.emit.spell import spelled
from gamespec.plan.ops import NOW, Keep, Move, Rule
from gamespec.plan.sums import Factor, Fading
from gamespec.solvers.base import plain_steps
from gamespec.solvers.setup import real

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def move(steps: Steps, op: Move) -> None:
    """Step along the gradients, then project."""
    owns = [(o, node) for node in op.nodes for o in steps.scene.game.node(node).owns]
    for o, node in owns:
        if steps.scene.var(o) is None:
            _network(steps, o, op)
        else:
            _variable(steps, o, steps.scene.game.node(node).sense, op)
    steps.stand(op.to, [o for o, _ in owns])


def _terms(steps: Steps, owned: str, op: Move) -> tuple[list[tuple[str, Factor]], list[tuple[str, Factor]]]:
    """Where a step starts and what it goes along, with the names of the program."""
    start = [(steps.at(owned, point), factor) for point, factor in op.origin]
    return start, [(named(steps.scene, owned, name, gradient=True), factor) for name, factor in op.along]


def _variable(steps: Steps, name: str, sense: str, op: Move) -> None:
    scene, own, var = steps.scene, spelled(name), steps.scene.var(name)
    assert var is not None  # what is none is a network
    (sign, up), rule = (("+", "-") if sense == "max" else ("-", "")), scene.plan.rule(name)
    begun, slopes = _terms(steps, name, op)
    start, along = total(begun), total(slopes)
    along = f"({along})" if len(slopes) > 1 else along
    rows = name in scene.beams
    target = f"s.{own} = {own}" if op.to == NOW else named(scene, name, op.to, gradient=False)
    mirrored = mirror(var.set, steps.writer, rows=rows) if op.mirror or rule.word == "hedge" else None
    if mirrored is not None and not plain_steps(rule):
        raise UnsupportedError(f"steps of `{name}` in the geometry of its set are plain", f"write `{name}: sgd(lr = 0.1)`")
    if slopes and not plain_steps(rule):
        _by_rule(steps, own, (start, f"{up}{along}"), op.scale, in_place=op.to == NOW and start == own)
        moved = own if op.to == NOW and start == own and op.scale == 1 else "moved"
        steps.line(f"{target} = {projection(var.set if op.project else None, moved, steps.writer, rows=rows)}")
        return
    if not slopes:
        moved = start
    elif mirrored is not None:
        moved = mirrored(start, f"{'-' if sense == 'max' else ''}{rate_text(rule, op.scale)} * {along}")
        steps.line(f"{target} = {moved}.detach()")
        return
    else:
        moved = f"{start} {sign} {rate_text(rule, op.scale)} * {along}"
    put = projection(var.set, moved, steps.writer, rows=rows) if op.project else moved
    steps.line(f"{target} = {f'({moved})' if put == moved else put}.detach()")


def _by_rule(steps: Steps, own: str, step: tuple[str, str], scale: Factor, *, in_place: bool) -> None:
    """A step by a rule with a memory; of a part of it, where the scale is not 1."""
    start, along = step
    start = start if start.isidentifier() else f"({start})"
    if in_place and scale == 1:
        steps.line(f"{own} = {own}.detach().clone()", f"s.rule_{own}.update([{own}], [{along}])")
        return
    steps.line(f"moved = {start}.detach().clone()", f"s.rule_{own}.update([moved], [{along}])")
    if scale != 1:
        steps.line(f"moved = {start}.detach() + {factor_code(scale)} * (moved - {start}.detach())")


def _network(steps: Steps, name: str, op: Move) -> None:
    scene, net, rule = steps.scene, steps.scene.net(name), f"s.rule_{spelled(name)}"
    assert net is not None  # what is no variable is the handle of a network
    begun, slopes = _terms(steps, name, op)
    start, along = total_of_lists(scene, begun), total_of_lists(scene, slopes) if slopes else ""
    own = scene.own(net)
    if op.to == NOW and start == own and op.scale == 1:
        steps.line(f"{rule}.update({own}, {along})", *scene.keeping(net))
        return
    moved = start
    if slopes:
        scene.reached.add("stepped")
        moved = f"stepped({rule}, {start}, {along}{f', {factor_code(op.scale)}' if op.scale != 1 else ''})"
    if op.to == NOW:
        scene.reached.add("put")
        steps.line(f"put({own}, {moved})", *scene.keeping(net))
    elif scene.keeping(net):
        raise UnsupportedError(f"`{net.name}` is put back into its set where it stands, not where it looks ahead", "write `method: alternating`")
    else:
        steps.line(f"{named(scene, name, op.to, gradient=False)} = {moved}")


def keep(steps: Steps, op: Keep) -> None:
    """Remember points or gradients in the state."""
    if op.weight == 0:
        return
    scene = steps.scene
    for o in (o for node in op.nodes for o in scene.game.node(node).owns):
        name = named(scene, o, op.name, gradient=op.gradient)
        many = scene.var(o) is None
        of = named(scene, o, op.of, gradient=True) if op.gradient else steps.at(o, op.of)
        if many and not op.gradient:
            scene.reached.add("copied")
            of = f"copied({of})"
        elif not many and op.weight == 1:
            of = f"{of}.detach().clone()"  # memory of its own: a compiled step writes into it
        elif not op.gradient:
            of = f"{of}.detach()"
        if op.weight != 1:
            scene.reached.update({"blended"} if many else set())
            weight = factor_code(op.weight)
            of = f"blended({name}, {of}, {weight})" if many else f"{name} + {weight} * ({of} - {name})"
        steps.line(f"s.{name} = {name} = {of}")


def rate_text(rule: Rule, scale: Factor = 1.0) -> str:
    """The length of a step by arithmetic, as Python."""
    options = dict(rule.options)
    lr, fades = real(options["lr"]), isinstance(scale, Fading)
    text = repr(lr) if isinstance(scale, Fading) else repr(lr * scale)
    text += " / math.sqrt(s.k)" if options.get("decay") == "sqrt" else ""
    return f"{text} * {factor_code(scale)}" if fades else text
