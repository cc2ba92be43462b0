"""Answers for each sample under constraints of its own, as Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters, writer
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import spelled
from gamespec.ir import game as ir
from gamespec.plan.ops import Respond
from gamespec.solvers.prices import terms
from gamespec.solvers.rows import row_limits, row_multipliers

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def multipliers(scene: Scene, node: str) -> str:
    """The Python name of the multipliers that come with a player's answers; empty where there are none."""
    var = row_multipliers(scene.game, scene.game.node(node))
    return "" if var is None else spelled(var.name)


def bounded_body(scene: Scene, op: Respond, start: str, anchor: str, moved: str, body: Text) -> None:
    """The body of a function that answers under constraints: the best point of a primal-dual path, and its multipliers."""
    node = scene.game.node(op.node)
    (own,) = map(spelled, node.owns)
    if op.surrogates or op.restarts > 1 or op.each or op.rule.word == "langevin" or scene.plan.precision == "mixed":
        raise UnsupportedError(
            f"`{own}` has constraints: it is answered once, on its own objective, in one precision", f"write `{own}: pgd(steps = 50)` for it"
        )
    priced, write = multipliers(scene, op.node), writer(scene)
    found = row_limits(node)
    slacks = [write.write(limit.slack) for limit in found]
    if not all(piece.shaped.rows for piece in slacks):
        raise UnsupportedError(f"a constraint on `{own}` says nothing of one sample", f"bind `{own}` in it, or write it after the leader's `s.t.`")
    scene.reached.add("bounded_answers")
    _, rate = terms(scene.game, scene.plan.schedule, node)
    call = f"{objective_name(scene, op.node)}({', '.join(parameters(scene, op.node))})"
    body.add(
        f"def priced({own}, {priced}):",
        f"    return {call}",
        f"def slacks({own}):",
        f"    return torch.stack([{', '.join(piece.text for piece in slacks)}], dim=-1)  # [n, {len(slacks)}], at most 0",
        f"def moved({own}, slope, share):",
        f"    return {moved}",
        f"equal, sign = {tuple(limit.equal for limit in found)!r}, {1 if node.sense == 'max' else -1}",
        f"return bounded_answers(priced, slacks, moved, {start}, {anchor}, steps, {rate!r}, equal, sign)",
    )


def unpaid(steps: Steps, node: ir.Node) -> list[str]:
    """The line that takes multipliers away, so that an objective is what it is without prices; none where there are none."""
    priced = multipliers(steps.scene, node.id)
    return [f"{priced} = torch.zeros_like({priced})"] if priced else []
