"""Searches of a leader's and a follower's boxes as Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.sets import box
from gamespec.emit.spell import spelled
from gamespec.plan.ops import Survey

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def survey(steps: Steps, op: Survey) -> None:
    """Both players stand where the search ends."""
    steps.scene.reached.add("survey")
    _objectives(steps, op)
    with steps.block("if s.k == 1:  # a second search of the same boxes finds the same"):
        steps.line(f"lead, follow = survey(outer, inner, {_boxes(steps, op)})", node=op.leader)
        for node, source in ((op.leader, "lead"), (op.follower, "follow")):
            for name, part in _parts(steps, node, source):
                steps.line(f"s.{name} = {name} = {part}")
    for node in (op.leader, op.follower):
        steps.losses[steps.label(node)] = f"value_{steps.scene.title(node)}"
        steps.line(f"value_{steps.scene.title(node)} = {steps.call(node)}", node=node)


def gap(steps: Steps, op: Survey) -> None:
    """The residual: what a second search finds better."""
    steps.scene.reached.add("survey_gap")
    _objectives(steps, op)
    points = [f"torch.cat([{', '.join(f'{spelled(o)}.reshape(-1)' for o in steps.scene.game.node(n).owns)}])" for n in (op.leader, op.follower)]
    steps.line(f"return survey_gap(outer, inner, {', '.join(points)}, {_boxes(steps, op)})")


def _objectives(steps: Steps, op: Survey) -> None:
    """Both costs as functions of vectors, of one pair or of any number of pairs at once."""
    scene = steps.scene
    for name, node in (("outer", op.leader), ("inner", op.follower)):
        with steps.block(f"def {name}_of(lead, follow):"):
            for player, source in ((op.leader, "lead"), (op.follower, "follow")):
                for own, part in _parts(steps, player, source):
                    steps.line(f"{own} = {part}")
            sign = "-" if scene.game.node(node).sense == "max" else ""
            steps.line(f"return {sign}{objective_name(scene, node)}({', '.join(parameters(scene, node))})", node=node)
        steps.text.add("")
        with steps.block(f"def {name}(lead, follow):"):
            steps.line(
                f"flat = torch.vmap({name}_of)(lead.reshape(-1, lead.shape[-1]), follow.reshape(-1, follow.shape[-1]))",
                "return flat.reshape(lead.shape[:-1])",
            )
        steps.text.add("")


def _parts(steps: Steps, node: str, source: str) -> list[tuple[str, str]]:
    """The variables of a player with their parts of its vector."""
    found, at = [], 0
    for o in steps.scene.game.node(node).owns:
        var = steps.scene.var(o)
        assert var is not None  # networks are rejected before
        count = math.prod(var.type.shape)
        part = f"{source}[{at}:{at + count}].view({var.type.shape!r})" if var.type.shape else f"{source}[{at}]"
        found.append((spelled(o), part))
        at += count
    return found


def _boxes(steps: Steps, op: Survey) -> str:
    """The sides of both boxes, as vectors, and how the search goes."""
    sides = []
    for node in (op.leader, op.follower):
        lows, highs = [], []
        for o in steps.scene.game.node(node).owns:
            var = steps.scene.var(o)
            found = box(var.set, steps.writer) if var is not None and var.set is not None else None
            if var is None or found is None or found.lo is None or found.hi is None or found.tensors:
                raise UnsupportedError(f"a search needs a box with two sides, and `{o}` has none", f"declare `var {o} in [-1, 1]`")
            full = "torch.full(({n},), {side}, dtype=DTYPE, device=s.device)"
            count = math.prod(var.type.shape)
            lows.append(full.format(n=count, side=found.lo))
            highs.append(full.format(n=count, side=found.hi))
        sides.append(f"(torch.cat([{', '.join(lows)}]), torch.cat([{', '.join(highs)}]))")
    return f"lead={sides[0]}, follow={sides[1]}, worst={op.worst}, counts={op.counts}"
