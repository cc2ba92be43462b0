"""Derivatives that need the follower's objective itself: by differences, and where its optimality has a price, as Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.joint import Pack, as_function
from gamespec.emit.spell import spelled
from gamespec.plan.response import Differences, Penalty, Response, ValueFunction
from gamespec.solvers.base import leaders

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def priced_derivative(steps: Steps, nodes: tuple[str, ...], follower: str, how: Response) -> None:
    """Gradients of the leader, of the follower who pays a price to it, or of both, for whom `nodes` names.

    Both objectives are written so that their owners lower them, and gradients are turned back for a maximiser's variables.
    """
    scene = steps.scene
    leader = next(n for n in (*nodes, *leaders(scene.game, follower)) if n != follower)
    lead, follow = Pack(steps, (leader,)), Pack(steps, (follower,))
    value, down = f"value_{scene.title(leader)}", scene.game.node(leader).sense == "max"
    if steps.defines(leader, follower):
        lead.sizes()
        follow.sizes()
        as_function(steps, "outer", (leader,), lead, follow, negated=down)
        as_function(steps, "inner", (follower,), lead, follow, negated=scene.game.node(follower).sense == "max")
    for node in nodes:
        steps.losses.setdefault(steps.label(node), f"(-{value})" if down else value)
    with follow.kept():
        match how:
            case Differences():
                scene.reached.add("hypergradient_differences")
                options = f"terms={how.terms}, rate={how.rate!r}, scale={how.scale!r}"
                steps.line(f"{value}, g_lead = hypergradient_differences(outer, inner, {lead.text}, {follow.text}, {options})", node=leader)
            case Penalty():
                _penalty(steps, nodes[0], how, lead, follow)
            case ValueFunction():
                _value_function(steps, nodes, how, lead, follow)
    for pack, source in ((lead, "g_lead"), (follow, "g_follow")):
        if pack.nodes[0] in nodes:
            pack.split(source, lowered=True)


def _bound(follow: Pack) -> str:
    return f", project={follow.projected()}" if follow.bound else ""


def _penalty(steps: Steps, mover: str, how: Penalty, lead: Pack, follow: Pack) -> None:
    steps.scene.reached.update({"penalty_value", "leaf"})
    leads = mover == lead.nodes[0]
    value, price = f"value_{steps.scene.title(lead.nodes[0])}", price_name(steps, follow.nodes[0])
    growing = repr(how.gamma) if how.growth == 1 else f"min({how.gamma!r} * {how.growth!r} ** s.k, 1e8)"
    weight = growing if how.steady else f"{price}.gamma, {price}.multiplier"
    steps.line(f"lead, follow = {f'[leaf(t) for t in {lead.text}]' if leads else lead.text}, [leaf(t) for t in {follow.text}]")
    steps.line(f"{value} = penalty_value(outer, inner, lead, follow, {weight}{_bound(follow)})", node=follow.nodes[0])
    if how.steady or not leads or not steps.moves:
        found, point = ("g_lead", "lead") if leads else ("g_follow", "follow")
        steps.line(f"{found} = list(torch.autograd.grad({value}, {point}, materialize_grads=True))")
        return
    steps.scene.reached.add("pulled")
    steps.line(
        f"g_all = list(torch.autograd.grad({value}, [*lead, *follow], materialize_grads=True))",
        "g_lead = g_all[:len(lead)]",
        f"{price}.update(g_all, pulled(inner, lead, follow, {follow.projected()}, graph=False))",
    )


def price_name(steps: Steps, node: str) -> str:
    """Where the state keeps what a follower's slope costs."""
    return f"s.rule_{spelled(steps.scene.game.node(node).owns[0])}_price"


def _value_function(steps: Steps, nodes: tuple[str, ...], how: ValueFunction, lead: Pack, follow: Pack) -> None:
    steps.scene.reached.update({"value_function_slopes", "descended"})
    value = f"value_{steps.scene.title(lead.nodes[0])}"
    alone = nodes == follow.nodes
    # Where only the follower moves, what it compares itself with is a constant.
    best = follow.text if alone else f"descended(inner, {lead.text}, {follow.text}, steps={how.steps}, lr={how.lr!r}{_bound(follow)})"
    weight = f"None, pace={how.pace!r}"
    if how.gamma is not None:
        weight = repr(how.gamma) if how.growth == 1 else f"min({how.gamma!r} * {how.growth!r} ** s.k, 1e8)"
    g_lead, g_follow = ("g_lead" if lead.nodes[0] in nodes else "_"), ("g_follow" if follow.nodes[0] in nodes else "_")
    steps.line(f"best = {best}", f"{value}, {g_lead}, {g_follow} = value_function_slopes(outer, inner, {lead.text}, {follow.text}, best, {weight})",
               node=follow.nodes[0])  # fmt: skip
