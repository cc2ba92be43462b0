"""Answers that solve the followers' optimality conditions, as differentiable functions of everything above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters, writer
from gamespec.emit.scene import Scene, Text
from gamespec.emit.sets import projection
from gamespec.emit.spell import handle, spelled, target
from gamespec.solvers.base import children, team

if TYPE_CHECKING:
    from gamespec.emit.step import Steps

Team = tuple[str, ...]
"""Followers whose conditions are solved together: one, or several in equilibrium."""


def answer_functions(scene: Scene, text: Text) -> None:
    """For every team of followers whose conditions are solved: its answer, with its derivative in all other names."""
    limits = dict(scene.solved)
    deep = max((_depth(scene, (root,)) for root in scene.game.root), default=0) > 4
    for members in reversed(list(dict.fromkeys(team(scene.game, node) for node in limits))):
        scene.reached.update({"implicit_response", "gradients"})
        owns, span, how = owned(scene, members), scene.span(members[0]), limits[members[0]]
        doc = f"{_doing(scene, members)}, with {'its' if len(members) == 1 else 'the'} derivative in all other names."
        text.define(_name(scene, members), ", ".join(_parameters(scene, members)), doc, span)
        text.add("", "    def field(points):", f"        {target(owns)} = points")
        text.add(*(f"        {_assigned(scene, b, inside=True)}" for b in _below(scene, members)))
        slopes = [slope(scene, node) for node in members]
        if len(slopes) == 1:
            text.add(f"        return {slopes[0]}", "", span=span)
        else:
            text.add("        return [", *(f"            *{s}," for s in slopes), "        ]", "", span=span)
        starts, order = ", ".join(f"{o}_start" for o in owns), ", attached=3" if deep else ""
        result = f"implicit_response(field, [{starts}], {projected(scene, members)}, steps={how.steps}, tol={how.tol!r}{order})"
        text.add(f"    {'(answer,)' if len(owns) == 1 else 'answer'} = {result}", "    return answer", span=span)


def slope(scene: Scene, node: str) -> str:
    """The gradients that a player descends on, one for each thing that it owns, as the text of a list."""
    owner = scene.game.node(node)
    sign = "-" if owner.sense == "max" else ""
    call = f"{objective_name(scene, node)}({', '.join(parameters(scene, node))})"
    owns = [spelled(o) if (net := scene.net(o)) is None else f"*{handle(net)}" for o in owner.owns]
    whole = ".sum()" if owner.scope else ""  # each sample has an answer of its own
    found = f"gradients([{sign}{call}{whole}], [{', '.join(owns)}], graph=True)"
    if owner.axis and not owner.scope:
        index = spelled(owner.index)
        return f"[torch.stack([{found}[0][{index}] for {index} in range({owner.axis})])]"
    return found


def owned(scene: Scene, members: Team) -> list[str]:
    """What a team chooses, as Python names."""
    return [spelled(o) for node in members for o in scene.game.node(node).owns]


def _doing(scene: Scene, members: Team) -> str:
    """Who does what: `q1 minimising its objective`."""
    said = [f"{' and '.join(n.owns)}, {n.sense}imising its objective" for n in map(scene.game.node, members)]
    return said[0] if len(said) == 1 else f"{'; '.join(said)}: in equilibrium"


def _name(scene: Scene, members: Team) -> str:
    return f"answer_{'_'.join(scene.title(node) for node in members)}"


def _below(scene: Scene, members: Team) -> list[Team]:
    """The nearest teams below a team whose answers are solved as well: who stands still in between does not hide them."""
    solved = dict(scene.solved)
    led = dict.fromkeys(team(scene.game, e.child) for node in members for e in children(scene.game, node))
    return list(dict.fromkeys(b for t in led for b in ([t] if t[0] in solved else _below(scene, t))))


def _depth(scene: Scene, members: Team) -> int:
    """Levels from a team down; two attached Newton steps are exact for four of them."""
    return 1 + max((_depth(scene, below) for below in _below(scene, members)), default=0)


def _tree(scene: Scene, members: Team) -> list[str]:
    return [*members, *(d for b in _below(scene, members) for d in _tree(scene, b))]


def projected(scene: Scene, members: Team) -> str:
    """A function that puts all that a team owns back into its sets; None where it owns no set."""
    owns = [o for node in members for o in scene.game.node(node).owns]
    plain = [f"points[{k}]" for k in range(len(owns))]
    found = [projection(v.set, at, writer(scene), rows=False) for o, at in zip(owns, plain, strict=True) if (v := scene.var(o)) is not None]
    return "None" if found == plain else f"lambda points: [{', '.join(found)}]"


def _parameters(scene: Scene, members: Team) -> list[str]:
    """Everything that an answer depends on: where it and its followers start, and what others chose."""
    below = _tree(scene, members)
    owns = [spelled(o) for n in below for o in scene.game.node(n).owns]
    indices = {spelled(scene.game.node(n).index) for n in below}
    rest = dict.fromkeys(p for n in below for p in parameters(scene, n) if p not in (*owns, *indices))
    return [*(f"{o}_start" for o in owns), *rest]


def _assigned(scene: Scene, members: Team, *, inside: bool) -> str:
    """The assignment of an answer; `inside` another answer the starts are its parameters."""
    args = [p if inside else p.removesuffix("_start") for p in _parameters(scene, members)]
    return f"{', '.join(owned(scene, members))} = {_name(scene, members)}({', '.join(args)})"


def answer_call(steps: Steps, nodes: Team) -> None:
    """Compute the answers of the followers of these players, top down, each with its derivative."""
    scene = steps.scene
    for members in _below(scene, nodes):
        steps.line(_assigned(scene, members, inside=False), node=members[0])
        answer_call(steps, members)
        if not steps.moves:
            continue
        for child in members:
            for o in scene.game.node(child).owns:
                steps.line(f"s.{spelled(o)} = {spelled(o)}.detach()")
            value = f"value_{scene.title(child)}"
            steps.line(f"{value} = {steps.call(child)}")
            steps.losses[steps.label(child)] = value
