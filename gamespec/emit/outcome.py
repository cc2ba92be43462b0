"""What a program says of where it stands: the residual, the nearest stationary point, and how its path goes on."""

from __future__ import annotations

from gamespec.emit.derive import derive
from gamespec.emit.functions import objective_name, parameters
from gamespec.emit.piece import constant_text
from gamespec.emit.points import local, seen
from gamespec.emit.scene import Scene, Text
from gamespec.emit.sets import projection
from gamespec.emit.spell import spelled, target
from gamespec.emit.step import Steps
from gamespec.emit.survey import gap
from gamespec.plan.ops import Choose, Derive, Respond, Select, Survey, flat
from gamespec.plan.response import Envelope, Frozen, Response
from gamespec.solvers.cost import work

TAIL, FEWEST = 2000, 64
"""Steps after the last of a run, on a copy, that show where the path leads; and how many there are at least."""

PASSES = 40_000
"""Forward and backward passes that those steps may take."""


def residual_function(scene: Scene, text: Text) -> None:
    """Write `residual`: the optimality map of the plan at the present point, on the same rows every time."""
    searched = next((op for op in flat(scene.plan.body) if isinstance(op, Survey)), None)
    if searched is not None:
        text.define("residual", "s", "What a second search, from other points, finds better for the leader or the follower, 0-d.")
        steps = Steps(scene, text, moves=False)
        steps.load()
        gap(steps, searched)
        return
    scene.reached.update({"natural_residual", "gradients"})
    text.define("residual", "s", "Distance from first-order optimality: the largest z - P(z - g) over all players, 0-d.")
    seen(scene, text)
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        steps.fixed()
        steps.load()
        steps.hoist()
        # Answers per sample, choices and selections are made anew before gradients are taken.
        steps.write(tuple(op for op in flat(scene.plan.body) if isinstance(op, (Respond, Choose, Select))))
        terms = [t for node, through in scene.plan.residual if not scene.game.node(node).scope for t in _terms(steps, node, through)]
        steps.line("terms = [", *(f"    {t}," for t in terms), "]", "return natural_residual(*map(list, zip(*terms, strict=True)))")


def _terms(steps: Steps, node: str, through: tuple[tuple[str, Response], ...]) -> list[str]:
    """One (point, gradient, projection) for everything that a player owns."""
    scene = steps.scene
    owner = scene.game.node(node)
    if any(o in scene.beams for o in owner.owns):
        return _beam_terms(steps, node)
    led = next((e.child for e in scene.game.edges if e.parent == node and any(o in scene.beams for o in scene.game.node(e.child).owns)), None)
    if led is not None and not any(scene.net(o) for o in (*owner.owns, *scene.game.node(led).owns)):
        return _hull_terms(steps, node, led)
    derive(steps, Derive((node,), "now", tuple((f, r) for f, r in through if not isinstance(r, Frozen))))
    terms = []
    for o in owner.owns:
        own, net = spelled(o), scene.net(o)
        if net is not None:
            terms.append(f"*((p.detach(), g, None) for p, g in zip({scene.own(net)}, g_{own}, strict=True))")
        else:
            terms.append(f"({own}.detach(), {_down(owner.sense)}g_{own}, {_projected(steps, o, rows=False)})")
    return terms


def _down(sense: str) -> str:
    return "-" if sense == "max" else ""


def _projected(steps: Steps, name: str, *, rows: bool) -> str:
    """The projection on a variable's set as a Python function, None for a free one."""
    var = steps.scene.var(name)
    moved = projection(var.set if var else None, "point", steps.writer, rows=rows)
    return "None" if moved == "point" else f"lambda point: {moved}"


def _beam_terms(steps: Steps, node: str) -> list[str]:
    """The best candidate must not want to move."""
    owner = steps.scene.game.node(node)
    if any(steps.scene.net(o) for o in owner.owns):
        return _stack_terms(steps, node)
    names = [spelled(o) for o in owner.owns]
    steps.scene.reached.add("leaf")
    steps.line(f"{', '.join(names)} = {', '.join(f'leaf({n})' for n in names)}", f"values = {steps.beam_values(node)}")
    steps.line(f"{target([f'g_{n}' for n in names])} = torch.autograd.grad(values.sum(), [{', '.join(names)}])")
    steps.line(f"top = values.{'argmax' if owner.sense == 'max' else 'argmin'}()")
    return [
        f"({n}[top].detach()[None], {_down(owner.sense)}g_{n}[top][None], {_projected(steps, o, rows=True)})"
        for n, o in zip(names, owner.owns, strict=True)
    ]


def _stack_terms(steps: Steps, node: str) -> list[str]:
    """The same for candidates that are networks, all at once: `best` was selected above."""
    owner = steps.scene.game.node(node)
    found = []
    steps.line(f"values = {steps.beam_values(node)}")
    for o in owner.owns:
        own, name = spelled(o), local(steps.scene, o)
        steps.line(f"g_{own} = torch.autograd.grad(values.sum(), {name}, retain_graph=True, materialize_grads=True)")
        found.append(f"*((p.detach()[best], g[best], None) for p, g in zip({name}, g_{own}, strict=True))")
    return found


def _hull_terms(steps: Steps, node: str, child: str) -> list[str]:
    """A leader against several best answers is stationary where 0 is a convex combination of its gradients."""
    scene = steps.scene
    scene.reached.update({"min_norm_in_hull", "leaf", "flatten_list", "unflatten_list"})
    owner, follower = scene.game.node(node), scene.game.node(child)
    names, beams = [spelled(o) for o in owner.owns], [spelled(o) for o in follower.owns]
    best = "reached.amax()" if follower.sense == "max" else "reached.amin()"
    steps.line(f"{', '.join(names)} = {', '.join(f'leaf({n})' for n in names)}", f"reached = {steps.beam_values(child)}.detach()")
    steps.line(f"near = (reached - {best}).abs() <= 0.01 * (1 + {best}.abs())  # answers as good as the best")
    steps.line("pulls = []")
    many = f"zip({', '.join(f'{b}[near]' for b in beams)}, strict=True)" if len(beams) > 1 else f"{beams[0]}[near]"
    with steps.block(f"for {', '.join(f'{b}_best' for b in beams)} in {many}:"):
        call = steps.call(node, {b: f"{b}_best" for b in beams})
        steps.line(f"pulls.append(flatten_list(torch.autograd.grad({call}, [{', '.join(names)}])))")
    steps.line(f"{target([f'g_{n}' for n in names])} = unflatten_list(min_norm_in_hull(torch.stack(pulls)), [{', '.join(names)}])")
    return [f"({n}.detach(), {_down(owner.sense)}g_{n}, {_projected(steps, o, rows=False)})" for n, o in zip(names, owner.owns, strict=True)]


def tail(scene: Scene) -> int:
    """The steps of a path that are looked at: as many as their work allows, whatever the clock says."""
    return max(FEWEST, min(TAIL, PASSES // max(work(scene.game, scene.plan), 1)))


def ending_function(scene: Scene, text: Text) -> None:
    """Write `ending` for games of variables alone."""
    if not scene.scalar:
        return
    near = "stationary_near" if _standing(scene) else "None"
    scene.reached.add("path_ending")
    doc = "How a run of all its steps ended, a word and a sentence: by its certificate and by how its path goes on."
    text.define("ending", "s, entries, points", doc)
    text.add(f"    return path_ending(s, step, point, residual, TOL, entries, points, {near}, TAIL)")


def _standing(scene: Scene) -> bool:
    """Whether players are variables alone that all stand still for each other."""
    still = all(isinstance(r, (Frozen, Envelope)) for _, rs in scene.plan.residual for _, r in rs)
    return scene.scalar and still and not scene.beams and not scene.game.dists and not any(scene.game.node(n).axis for n in scene.nodes)


def stationary_function(scene: Scene, text: Text) -> None:
    """Write `stationary_near` where it has a meaning."""
    if not _standing(scene):
        return
    scene.reached.update({"stationary_point", "gradients", "unflatten_list"})
    names = [spelled(v.name) for v in scene.shared]
    shapes = ", ".join(f"torch.zeros({list(v.type.shape)!r}, dtype=DTYPE)" for v in scene.shared)
    doc = "The point near `at` (a list of numbers) where no player's own gradient pulls; None where none is found."
    text.define("stationary_near", "at", doc)
    used = {p for n in scene.nodes for p in parameters(scene, n)}
    text.add(*(f"    {spelled(p.name)} = torch.tensor({constant_text(p.value)}, dtype=DTYPE)" for p in scene.arrays if spelled(p.name) in used))
    text.add(f"    shapes = [{shapes}]", "", "    def field(points):", f"        {target(names)} = points")
    for n in scene.nodes:
        owner = scene.game.node(n)
        owns = [spelled(o) for o in owner.owns]
        value = f"{_down(owner.sense)}{objective_name(scene, n)}({', '.join(parameters(scene, n))})"
        text.add(f"        {target([f'g_{o}' for o in owns])} = gradients([{value}], [{', '.join(owns)}], graph=True)")
    text.add(f"        return [{', '.join(f'g_{n}' for n in names)}]", "")
    text.add("    found = stationary_point(field, unflatten_list(torch.tensor(at, dtype=DTYPE), shapes))")
    text.add("    return None if found is None else [x for t in found for x in t.flatten().tolist()]")
