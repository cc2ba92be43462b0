"""Answers that solve the follower's optimality condition, as differentiable functions of everything above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters, writer
from gamespec.emit.scene import Scene, Text
from gamespec.emit.sets import projection
from gamespec.emit.spell import spelled, target
from gamespec.solvers.base import children

if TYPE_CHECKING:
    from gamespec.emit.step import Steps


def answer_functions(scene: Scene, text: Text) -> None:
    """For every follower whose condition is solved: its answer, with its derivative in all other names."""
    for node, how in reversed(scene.solved):
        scene.reached.update({"implicit_response", "gradients"})
        owner = scene.game.node(node)
        owns = [spelled(o) for o in owner.owns]
        doc = f"{' and '.join(owner.owns)}, {owner.sense}imising its objective, with its derivative in all other names."
        text.define(_name(scene, node), ", ".join(_parameters(scene, node)), doc, scene.span(node))
        text.add("", "    def field(points):", f"        {target(owns)} = points")
        text.add(*(f"        {_assigned(scene, b, inside=True)}" for b in _below(scene, node)))
        sign = "-" if owner.sense == "max" else ""
        call = f"{objective_name(scene, node)}({', '.join(parameters(scene, node))})"
        text.add(f"        return gradients([{sign}{call}], points, graph=True)", "", span=scene.span(node))
        result = f"implicit_response(field, [{', '.join(f'{o}_start' for o in owns)}], {_projected(scene, node)}, steps={how.steps}, tol={how.tol!r})"
        text.add(f"    {'(answer,)' if len(owns) == 1 else 'answer'} = {result}", "    return answer", span=scene.span(node))


def _name(scene: Scene, node: str) -> str:
    return f"answer_{scene.title(node)}"


def _below(scene: Scene, node: str) -> list[str]:
    """The followers of a node whose answers are solved as well."""
    solved = dict(scene.solved)
    return [e.child for e in children(scene.game, node) if e.child in solved]


def _tree(scene: Scene, node: str) -> list[str]:
    return [node, *(d for b in _below(scene, node) for d in _tree(scene, b))]


def _projected(scene: Scene, node: str) -> str:
    """A function that puts all that a node owns back into its sets; None where it owns no set."""
    owns = scene.game.node(node).owns
    plain = [f"points[{k}]" for k in range(len(owns))]
    found = [projection(v.set, at, writer(scene), rows=False) for o, at in zip(owns, plain, strict=True) if (v := scene.var(o)) is not None]
    return "None" if found == plain else f"lambda points: [{', '.join(found)}]"


def _parameters(scene: Scene, node: str) -> list[str]:
    """Everything that an answer depends on: where it and its followers start, and what others chose."""
    below = _tree(scene, node)
    owns = [spelled(o) for n in below for o in scene.game.node(n).owns]
    rest = dict.fromkeys(p for n in below for p in parameters(scene, n) if p not in owns)
    return [*(f"{o}_start" for o in owns), *rest]


def _assigned(scene: Scene, node: str, *, inside: bool) -> str:
    """The assignment of an answer; `inside` another answer the starts are its parameters."""
    owns = [spelled(o) for o in scene.game.node(node).owns]
    args = [p if inside else p.removesuffix("_start") for p in _parameters(scene, node)]
    return f"{', '.join(owns)} = {_name(scene, node)}({', '.join(args)})"


def answer_call(steps: Steps, node: str) -> None:
    """Compute the answers of a leader's followers, top down, each with its derivative."""
    scene = steps.scene
    for child in _below(scene, node):
        steps.line(_assigned(scene, child, inside=False), node=child)
        answer_call(steps, child)
        if steps.moves:
            for o in scene.game.node(child).owns:
                steps.line(f"s.{spelled(o)} = {spelled(o)}.detach()")
            value = f"value_{scene.title(child)}"
            steps.line(f"{value} = {steps.call(child)}")
            steps.losses[steps.label(child)] = value
