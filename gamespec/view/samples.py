"""Generators beside their data, and decision regions, in the plane."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gamespec.emit.spell import spelled
from gamespec.ir.expr import Num, Ref
from gamespec.ir.game import Data, Dist, Net
from gamespec.lazy import torch
from gamespec.run.sampled import fixed_noise, generators
from gamespec.view.beside import Cast, casts
from gamespec.view.opened import Opened, Undrawable
from gamespec.view.picture import Dots, Panel, Picture, Regions, Tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_POINTS = 1000
_TIMES = 6
_SIDE = 100
"""The stream that pictures draw from: never one of the run."""


def generated(run: Opened) -> Picture:
    """What each generator of points in the plane, or of images, makes of noise, beside the data."""
    pairs = generators(run.game)
    if not pairs:
        raise Undrawable("no network makes points of the plane or images out of noise")
    panels = tuple(_generated(run, net, dist) for net, dist in pairs)
    return Picture("samples", "Generated samples", panels, "Fresh noise, not that of the run; the data is what the game trains on.")


def _generated(run: Opened, net: Net, dist: Dist) -> Panel | Tiles:
    s, rng = run.state, fixed_noise(run.module, _POINTS, "cpu")
    draw = getattr(run.module, f"draw_{dist.name}", None)
    module = run.module.players(s).get(net.handle, getattr(s, spelled(net.name), None))
    if draw is None or module is None:
        raise Undrawable(f"the program has no generator `{net.name}`")
    with torch.no_grad():
        made = module(draw(s, _POINTS, rng)).float()
    if net.output.shape != (2,):
        low, high = float(made.min()), float(made.max())
        images = ((made[:32] - low) / max(high - low, 1e-9)).tolist()
        return Tiles(f"{net.name}({dist.name})", [images[k : k + 8] for k in range(0, 32, 8)])
    data = next((d for d in run.game.data if [f.type.shape for f in d.fields] == [(2,)]), None)
    real = rows(run, data, rng)[0].float() if data is not None else torch.empty(0, 2)
    marks = (
        Dots(real[:, 0].tolist(), real[:, 1].tolist(), f"data {data.name}" if data else "", 7, "circle", 1.7, 0.45),
        Dots(made[:, 0].tolist(), made[:, 1].tolist(), f"{net.name}({dist.name})", 1, "circle", 1.7, 0.6),
    )
    return Panel(f"{net.name} against the data", "", "", marks if data else marks[1:], equal=True, note=f"{_POINTS} samples of each")


def over_time(run: Opened) -> Picture:
    """What each generator made of the same noise at the reports where the run kept it, the first and the last among them."""
    kept = [(row["step"], row["@samples"]) for row in run.history if "@samples" in row]
    if not kept:
        raise Undrawable("the run kept no samples")
    few = sorted({round(k * (len(kept) - 1) / (_TIMES - 1)) for k in range(_TIMES)})
    panels: list[Panel | Tiles] = []
    for name in kept[-1][1]:
        shown = [(kept[k][0], kept[k][1][name]) for k in few]
        panels += [_tiles(name, shown)] if isinstance(shown[0][1][0][0], list) else _clouds(run, name, shown)
    steps = ", ".join(str(kept[k][0]) for k in few)
    return Picture("over_time", "Samples over time", tuple(panels), f"The same noise at steps {steps}; images have one row for each.")


def _tiles(name: str, shown: list[tuple[int, Any]]) -> Tiles:
    """A row of images for each step."""
    images = [[[[[v / 255 for v in line] for line in channel] for channel in image] for image in made] for _, made in shown]
    return Tiles(f"{name} over time", images)


def _clouds(run: Opened, name: str, shown: list[tuple[int, Any]]) -> list[Panel | Tiles]:
    """A panel of points for each step, all with the axes of the data where there is data in the plane."""
    data = next((d for d in run.game.data if [f.type.shape for f in d.fields] == [(2,)]), None)
    real = rows(run, data, fixed_noise(run.module, _POINTS, "cpu"))[0].float()[:300].tolist() if data is not None else []
    everything = [*real, *(point for _, made in shown for point in made if all(math.isfinite(v) for v in point))] or [[0.0, 0.0]]
    low, high = ([end(p[k] for p in everything) for k in (0, 1)] for end in (min, max))
    gaps = [0.05 * max(b - a, 1e-6) for a, b in zip(low, high, strict=True)]
    xlim, ylim = ((low[k] - gaps[k], high[k] + gaps[k]) for k in (0, 1))
    behind = (Dots([p[0] for p in real], [p[1] for p in real], "", 7, "circle", 1.4, 0.35),) if real else ()
    panels: list[Panel | Tiles] = []
    for step, made in shown:
        cloud = Dots([p[0] for p in made], [p[1] for p in made], "", 1, "circle", 1.7, 0.7)
        panels.append(Panel(f"{name}, step {step}", "", "", (*behind, cloud), xlim, ylim, equal=True))
    return panels


def rows(run: Opened, data: Data, rng: Any, most: int = _POINTS) -> tuple[Tensor, ...]:  # noqa: ANN401  # of the program; until 2027-11
    """Some rows of a data source: the first of a table, fresh ones of a stream."""
    s = run.state
    for name in (data.name, f"{data.name}_"):
        table = getattr(s, name, None)
        if isinstance(table, tuple):
            return tuple(column[:most] for column in table)
        if hasattr(run.module, f"draw_{name}"):
            return (getattr(run.module, f"draw_{name}")(s, most, rng),)
    raise Undrawable(f"the program has no data `{data.name}`")


def boundaries(run: Opened, others: Sequence[Opened] = ()) -> Picture:
    """Regions of the classes that a classifier of the plane, and those of other runs, tell apart, and those that no perturbation leaves."""
    found = [
        (net, data)
        for net in run.game.nets
        for data in run.game.data
        if net.output.kind in ("logits", "prob") and net.inputs and net.inputs[0].shape == (2,)
        and len(data.fields) >= 2 and data.fields[0].type == net.inputs[0] and data.fields[1].type.kind == "class"
    ]  # fmt: skip
    if not found:
        raise Undrawable("no network tells classes of points of the plane apart")
    net, data = found[0]
    panels = [panel for cast in casts(run, net, data, others) for panel in _boundary(run, cast, net, data)]
    return Picture("boundary", "Decision regions", tuple(panels), "A region is robust where every point within the radius has the same class.")


def _boundary(run: Opened, cast: Cast, net: Net, data: Data) -> list[Panel]:
    x, y = (column.cpu() for column in rows(run, data, fixed_noise(run.module, _POINTS, "cpu"))[:2])
    low, high = x.amin(0), x.amax(0)
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    lines = [torch.linspace(float(low[k]), float(high[k]), _SIDE, dtype=x.dtype) for k in (0, 1)]
    grid = torch.cartesian_prod(lines[1], lines[0]).flip(1)
    with torch.no_grad():
        scores = cast.net(grid)
    classes = (scores.argmax(-1) if net.output.kind == "logits" else (scores.reshape(-1) > 0.5).long()).reshape(_SIDE, _SIDE)
    xlim, ylim = (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))
    dots = tuple(
        Dots(x[y == k][:300, 0].tolist(), x[y == k][:300, 1].tolist(), f"class {k}", k, "circle" if k % 2 else "ring", 2.0, 0.9)
        for k in sorted(set(y.tolist()))
    )
    panels = [Panel(cast.titled("Clean"), "", "", (Regions(classes.tolist(), xlim, ylim), *dots), xlim, ylim, equal=True)]
    radius, word = _radius(run)
    if radius:
        kept = _robust(classes, lines, radius, word)
        title = cast.titled(f"Robust to {word}({radius:g})")
        panels.append(Panel(title, "", "", (Regions(kept, xlim, ylim), *dots), xlim, ylim, equal=True))
    return panels


def _radius(run: Opened) -> tuple[float, str]:
    """The radius of the ball that a player chooses from per sample, 0 without one."""
    for var in run.game.vars:
        for part in var.set.parts if var.scope and var.set else ():
            if part.word in ("Linf", "L2") and part.args:
                size = part.args[0]
                value = float(size.value) if isinstance(size, Num) else getattr(run.module, size.name, 0.0) if isinstance(size, Ref) else 0.0
                return float(value), part.word
    return 0.0, ""


def _robust(classes: Tensor, lines: list[Tensor], radius: float, word: str) -> list[list[int | None]]:
    """The classes of the cells around which all cells within the radius agree."""
    steps = [max(round(radius / float(line[1] - line[0])), 1) for line in lines]
    same = torch.ones_like(classes, dtype=torch.bool)
    for down in range(-steps[1], steps[1] + 1):
        for right in range(-steps[0], steps[0] + 1):
            if word == "L2" and (down / steps[1]) ** 2 + (right / steps[0]) ** 2 > 1:
                continue
            inner = classes[max(down, 0) : _SIDE + min(down, 0), max(right, 0) : _SIDE + min(right, 0)]
            outer = (slice(max(-down, 0), _SIDE + min(-down, 0)), slice(max(-right, 0), _SIDE + min(-right, 0)))
            same[outer] &= classes[outer] == inner
    return [[int(c) if ok else None for c, ok in zip(cs, oks, strict=True)] for cs, oks in zip(classes.tolist(), same.tolist(), strict=True)]
