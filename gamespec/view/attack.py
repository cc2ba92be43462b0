"""Robust specs: a metric over the radius of the adversary, and what the adversary does to images."""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from gamespec.emit.spell import spelled
from gamespec.ir.expr import Apply, Ref
from gamespec.ir.game import Net, Node, Param, Var
from gamespec.ir.walk import walk
from gamespec.lazy import torch
from gamespec.run.sampled import fixed_noise
from gamespec.view.beside import Cast, casts, played
from gamespec.view.opened import Opened, Undrawable
from gamespec.view.picture import Curve, Dots, Panel, Picture, Tiles
from gamespec.view.samples import rows

_ROWS, _STEPS = 128, 10
_SECONDS = 12.0
"""Once this is spent no further radius is tried."""

_SHARES = (0.0, 1.0, 0.5, 2.0, 0.25, 0.75, 1.5)
"""Radii as shares of the one trained for, the telling ones first."""

_SEARCH = {"steps": 20, "restarts": 1}
"""How hard the adversary of a picture tries, as far as it can be told."""

_IMAGES = 4
_SALIENCY = "saliency is the size of the derivative of the largest score."


def over_radius(run: Opened, others: Sequence[Opened] = ()) -> Picture:
    """Each robust metric at several radii; the program measures the saved players again, and those of other runs in their place."""
    panels = []
    begin = time.perf_counter()
    for node, _, param in _adversaries(run, metrics=True):
        metric = node.id.split("/")[0][1:]
        measure = getattr(run.module, f"metric_{metric}", None)
        if measure is None or not {"rows", "steps", "restarts"} <= set(inspect.signature(measure).parameters):
            continue
        trained = float(getattr(run.module, param.name))
        if trained <= 0:
            continue
        net, data = _attacked(run, node), next(d for d in run.game.data if d.name == node.scope[0].over)
        shown = casts(run, net, data, others) if net is not None and others else [Cast("", None)]
        seen: list[list[tuple[float, float]]] = [[] for _ in shown]
        try:
            for share in _SHARES:
                if time.perf_counter() - begin > _SECONDS:
                    break
                setattr(run.module, param.name, share * trained)
                for points, cast in zip(seen, shown, strict=True):
                    with played(run, net, cast) if net is not None else nullcontext():
                        points.append((share * trained, float(measure(run.state, rows=_ROWS, steps=_STEPS, restarts=1))))
        finally:
            setattr(run.module, param.name, trained)
        marks: list[Any] = []
        for k, (points, cast) in enumerate(zip(seen, shown, strict=True)):
            xs, ys = zip(*sorted(points), strict=True)
            marks += [Curve(xs, ys, cast.name or f"{metric}, {_STEPS} steps", k), Dots(xs, ys, "", k, "circle", 2.6)]
        final = run.result["metrics"].get(metric)
        if final is not None:
            marks.append(Dots([trained], [final], "as measured by the run", len(shown), "diamond", 5.0))
        values = [y for points in seen for _, y in points]
        panels.append(Panel(f"{metric} over {param.name}", param.name, metric, tuple(marks), ylim=(min([0.0, *values]), max(1.0, *values))))
    if not panels:
        raise Undrawable("no metric has an adversary with a radius of its own")
    caption = f"Attacked anew on {_ROWS} rows with {_STEPS} steps and one start: weaker, on fewer rows than the metric, so it may read high."
    return Picture("radius", "Robustness over the radius", tuple(panels), caption)


def _attacked(run: Opened, node: Node) -> Net | None:
    """The network that an adversary moves the input of."""
    used = {e.net for e in walk(node.objective) if isinstance(e, Apply)}
    return next((n for n in run.game.nets if n.name in used), None)


def _adversaries(run: Opened, *, metrics: bool) -> list[tuple[Node, Var, Param]]:
    """Players per sample whose set has a parameter for its radius: those of metrics, or those of the game."""
    found = []
    params = {p.name: p for p in run.game.params}
    for node in run.game.nodes:
        var = next((v for v in run.game.vars if v.name in node.owns and v.scope and v.set), None)
        if var is None or node.id.startswith("@") is not metrics or var.set is None:
            continue
        for part in var.set.parts:
            size = part.args[0] if part.args else None
            if part.word in ("Linf", "L2") and isinstance(size, Ref) and size.name in params and hasattr(run.module, size.name):
                found.append((node, var, params[size.name]))
                break
    return found


def images(run: Opened, others: Sequence[Opened] = ()) -> Picture:
    """Some images, the perturbations found for them, and what the network sees then; of other networks what they look at.

    Networks of `others` are shown the same images, before the same adversary.
    """
    # The adversary of a metric may stand still where it wins nothing; that of the training always moves.
    for node, var, param in [p for first in (not others, bool(others)) for p in _adversaries(run, metrics=first)]:
        net = next((n for n in run.game.nets if n.inputs and n.inputs[0].shape == var.type.shape and n.output.kind == "logits"), None)
        prefix = f"{node.id.split('/')[0][1:]}_" if node.id.startswith("@") else ""
        respond = getattr(run.module, f"respond_{prefix}{var.name}", None)
        if len(var.type.shape) == 3 and net is not None and respond is not None:
            return _images(run, node, var, param, net, respond, others)
    raise Undrawable("no adversary changes images")


def _images(
    run: Opened, node: Node, var: Var, param: Param, net: Net, respond: Any, others: Sequence[Opened]  # noqa: ANN401  # of the program; until 2027-11
) -> Picture:  # fmt: skip
    draw = node.scope[0]
    data = next(d for d in run.game.data if d.name == draw.over)
    s = run.state
    table = dict(zip(draw.names, rows(run, data, fixed_noise(run.module, 32, "cpu"), 32), strict=True))
    taken = inspect.signature(respond).parameters
    wanted = [p for p in taken if p not in ("s", "rng", *_SEARCH)]
    unknown = [p for p in wanted if p not in table and not hasattr(s, p)]
    if unknown:
        raise Undrawable(f"the adversary also depends on `{unknown[0]}`")
    clean = next(c for c in table.values() if tuple(c.shape[1:]) == var.type.shape)
    shown = casts(run, net, data, others)
    found = []
    for cast in shown:
        with played(run, net, cast):
            given = {p: table[p] if p in table else getattr(s, p) for p in wanted}
            rng = fixed_noise(run.module, len(clean), "cpu")
            answer = respond(s, **given, rng=rng, **{k: v for k, v in _SEARCH.items() if k in taken})
            moved = (answer[0] if isinstance(answer, tuple) else answer).detach()  # multipliers may come with it
            with torch.no_grad():
                h = getattr(s, spelled(net.name))
                found.append((h, moved, h(clean).argmax(-1), h(clean + moved).argmax(-1)))
    fooled = [[bool(before[k] != after[k]) for _, _, before, after in found] for k in range(len(clean))]
    # Those that tell the networks apart come first, then those that fool any.
    chosen = sorted(range(len(clean)), key=lambda k: (len(set(fooled[k])) == 1, not any(fooled[k]), k))[:_IMAGES]
    high = max(float(moved.abs().max()) for _, moved, _, _ in found) or 1.0
    rest = [n for n in run.game.nets if n.name != net.name and n.inputs == net.inputs and n.output.kind == "logits" and hasattr(s, spelled(n.name))]
    beside = [] if others else rest
    panels, said = [], []
    title = "Images that tell them apart" if others else "Images, those that fool the network first"
    for cast, (h, moved, before, after) in zip(shown, found, strict=True):
        lookers = [(net.name if beside else "saliency", h), *((n.name, getattr(s, spelled(n.name))) for n in beside)]
        pairs = [(clean[k], moved[k]) for k in chosen]
        tiles = [[a.tolist(), (d / high).tolist(), (a + d).tolist(), *(_saliency(look, a[None]) for _, look in lookers)] for a, d in pairs]
        told = "; ".join(f"{int(before[k])} becomes {int(after[k])}" if before[k] != after[k] else f"{int(before[k])} stays" for k in chosen)
        names = ("image", "change", "attacked", *(name for name, _ in lookers))
        panels.append(Tiles(cast.titled(title), tiles, names, told, (1,)))
        said.append(f"{cast.name or 'the network'} says: {told}")
    whose = f"columns {', '.join(name for name, _ in lookers)}: what each network looks at; " if beside else ""
    size = float(getattr(run.module, param.name))
    caption = f"Row by row {'. '.join(said)}. Changes reach {high:.3g} ({param.name} = {size:g}); {whose}{_SALIENCY}"
    return Picture("images", "What the adversary does", tuple(panels), caption)


def _saliency(h: Any, image: Any) -> list[list[list[float]]]:  # noqa: ANN401  # a network and a tensor; until 2027-11
    """How much each pixel moves the largest score, as a share of the most that one does."""
    at = image.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(h(at).amax(), at)
    size = slope[0].abs().amax(0, keepdim=True)
    return list((size / size.max().clamp_min(1e-12)).tolist())
