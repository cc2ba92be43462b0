"""Games of two numbers: the field of both players, the path of the run, stationary points by kind, and cycles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from gamespec.ir.expr import Call, Expr, Num
from gamespec.ir.game import Game
from gamespec.lazy import torch
from gamespec.run.result import Status
from gamespec.view.contour import contour, joined
from gamespec.view.field import Forces, Stationary, forces, over, stationary_points
from gamespec.view.opened import Opened
from gamespec.view.picture import FAINT, INK, Arrows, Curve, Dots, Mark, Panel, Picture, Shape

Point = tuple[float, float]
Window = tuple[Point, Point]

_ARROWS = 13
_LEVELS = 12
_GRID = 61
_STARTS, _AHEAD = 5, 200
"""Other starts a side whose paths are drawn, and how many of their steps."""

_TAILS = 10
"""Steps of the path that are made again, at most, in what the program looks at when it ends."""

_TAIL = 1500
"""Last points in which a period is looked for."""

_SWINGING = 400
"""Steps of a path that keeps swinging which fit side by side."""

_KINDS: dict[str, tuple[Shape, int]] = {
    "local Nash": ("diamond", 2),
    "local minimax": ("triangle", 4),
    "stationary, flat": ("square", 7),
    "neither": ("cross", 5),
}


def plane(run: Opened) -> Picture:
    """The plane of both variables; Undrawable for a game that is not one of two numbers."""
    f = forces(run)
    path, whole = walked(run)
    window = _window(run.game, f.names, path)
    points = stationary_points(f, (window[0][0], window[1][0]), (window[0][1], window[1][1]))
    behind = [*_contours(f, window), _arrows(f, window), *_others(run, window)]
    ahead = _kinds(points)
    panels = [
        Panel(
            "The path in the field of both players",
            f.names[0],
            f.names[1],
            (*behind, *_path(path, window), *ahead),
            *window,
            note=_described(path, points),
        )
    ]
    if run.status is Status.CYCLING or len(path) > 2000:
        panels.append(_near_the_end(path, ahead, f, run))
    panels.append(_times(path, f.names))
    return Picture("plane", "The game in the plane", tuple(panels), _caption(f, points, whole=whole))


def walked(run: Opened) -> tuple[list[Point], bool]:
    """Every point of the run, its steps made again from its seed, and whether those are all of them."""
    module = run.module
    s = module.start(seed=run.manifest["seed"])
    last = int(run.history[-1]["step"]) if run.history else int(run.manifest["steps"])
    points: list[Point] = [_pair(module.point(s))]
    for _ in range(min(last, _TAILS * module.TAIL)):
        module.step(s)
        points.append(_pair(module.point(s)))
        if not all(map(math.isfinite, points[-1])):
            break
    return points, len(points) == last + 1


def _pair(numbers: Sequence[float]) -> Point:
    return float(numbers[0]), float(numbers[1])


def _window(game: Game, names: tuple[str, str], path: Sequence[Point]) -> Window:
    """The sets of the variables where those are bounded, else the path with room around it."""
    sides = []
    for k, name in enumerate(names):
        bounds = _bounds(game, name)
        seen = [p[k] for p in path if math.isfinite(p[k])]
        low, high = min(seen), max(seen)
        if bounds is None or bounds[1] - bounds[0] > 20 * max(high - low, 1e-3):
            # The first points of a path that runs away tell more than its end.
            early = seen[: max(len(seen) // 2, 2)] if high - low > 1e6 else seen
            low, high = min(early), max(early)
            pad = 0.25 * (high - low) or 1.0
            bounds = (low - pad, high + pad)
        room = 0.04 * (bounds[1] - bounds[0])
        sides.append((bounds[0] - room, bounds[1] + room))
    return sides[0], sides[1]


def _bounds(game: Game, name: str) -> Point | None:
    """The box of a variable, where its set is one with constant sides."""
    found = next(v for v in game.vars if v.name == name).set
    for part in found.parts if found else ():
        args = [_number(a) for a in part.args]
        if part.shift is None and part.word == "Box" and len(args) == 2 and args[0] is not None and args[1] is not None:
            return args[0], args[1]
        if part.shift is None and part.word in ("Linf", "L2") and args and args[0] is not None:
            return -args[0], args[0]
    return None


def _number(expr: Expr) -> float | None:
    if isinstance(expr, Num):
        return float(expr.value)
    if isinstance(expr, Call) and expr.fn == "neg" and (inner := _number(expr.args[0])) is not None:
        return -inner
    return None


def _grid(window: Window, side: int, *, inside: bool) -> tuple[list[float], list[float]]:
    """Places along both axes; `inside` leaves half a cell at each end."""

    def line(low: float, high: float) -> list[float]:
        if inside:
            return [low + (high - low) * (k + 0.5) / side for k in range(side)]
        return [low + (high - low) * k / (side - 1) for k in range(side)]

    return line(*window[0]), line(*window[1])


def _arrows(f: Forces, window: Window) -> Arrows:
    """Where the players would go; long arrows for strong forces, none longer than a cell."""
    xs, ys = _grid(window, _ARROWS, inside=True)
    points = torch.cartesian_prod(torch.tensor(xs, dtype=torch.float64), torch.tensor(ys, dtype=torch.float64))
    pull = -over(f.gradient, points)
    cell = torch.tensor([(w[1] - w[0]) / _ARROWS for w in window], dtype=torch.float64)
    scaled = pull / cell  # [n, 2]
    size = scaled.norm(dim=1, keepdim=True)
    usual = size[size.isfinite()].median().clamp_min(1e-12)
    length = 0.35 + 0.5 * size / (size + usual)
    step = torch.nan_to_num(scaled / size.clamp_min(1e-300) * length * cell)
    start = points - step / 2
    return Arrows(start[:, 0].tolist(), start[:, 1].tolist(), step[:, 0].tolist(), step[:, 1].tolist(), "where both players push")


def _contours(f: Forces, window: Window) -> list[Mark]:
    """Lines of equal value, where one value is all there is to the game."""
    xs, ys = _grid(window, _GRID, inside=False)
    points = torch.cartesian_prod(torch.tensor(ys, dtype=torch.float64), torch.tensor(xs, dtype=torch.float64)).flip(1)
    if not f.zero_sum(points):
        return []
    values = over(f.value, points)
    finite = values[values.isfinite()]
    levels = sorted(set(torch.quantile(finite, torch.linspace(0.03, 0.97, _LEVELS, dtype=torch.float64)).tolist()))
    rows = values.reshape(_GRID, _GRID).tolist()
    marks: list[Mark] = []
    for level in levels:
        for line in joined(contour(rows, xs, ys, level)):
            name = "" if marks else "equal value"
            marks.append(Curve([x for x, _ in line], [y for _, y in line], name, FAINT, 0.7, opacity=0.55))
    return marks


def _others(run: Opened, window: Window) -> list[Mark]:
    """The first steps of the method from starts all over the window, up to where they leave it; plain numbers play them at once."""
    if not hasattr(run.module, "portrait"):
        return []
    xs, ys = _grid(window, _STARTS, inside=True)
    starts = torch.cartesian_prod(torch.tensor(xs, dtype=torch.float64), torch.tensor(ys, dtype=torch.float64))
    seen = run.module.portrait(starts, _AHEAD, 1)  # [points, starts, 2]
    low, high = torch.tensor(window, dtype=torch.float64).T
    inside = ((seen >= low) & (seen <= high)).all(2).cumprod(0).sum(0).tolist()
    found: list[Mark] = []
    for k, length in enumerate(inside):
        points = seen[:length, k]
        # A method that hops is seen better from its own path.
        if length > 1 and not _hops([_pair(p) for p in points.tolist()], window):
            name = "" if found else f"{_AHEAD} steps from other starts"
            found.append(Curve(points[:, 0].tolist(), points[:, 1].tolist(), name, 0, 0.9, opacity=0.3))
    return found


def _path(path: Sequence[Point], window: Window) -> list[Mark]:
    """The path from its start to its end; one that hops is drawn as dots."""
    finite = [p for p in path if all(map(math.isfinite, p))]
    xs, ys = [x for x, _ in finite], [y for _, y in finite]
    name = "path of the run"
    line = Dots(xs, ys, name, 0, "circle", 1.6, 0.5) if _hops(finite, window) else Curve(xs, ys, name, 0, 1.3, opacity=0.85)
    return [
        line,
        Dots(xs[:1], ys[:1], "start", INK, "ring", 4.0),
        Dots(xs[-1:], ys[-1:], "end", INK, "circle", 3.6),
    ]


def _hops(path: Sequence[Point], window: Window) -> bool:
    """Whether an ordinary step crosses a tenth of the picture, as the best of several answers does."""
    tail = path[-200:]
    wide, tall = (high - low for low, high in window)
    far = sum(abs(a - c) > 0.1 * wide or abs(b - d) > 0.1 * tall for (a, b), (c, d) in pairwise(tail))
    return len(tail) > 20 and far > 0.2 * len(tail)


def _kinds(points: Sequence[Stationary]) -> list[Mark]:
    """Stationary points, one mark for each kind and motion."""
    groups: dict[tuple[str, str], list[Stationary]] = {}
    for p in points:
        groups.setdefault((p.kind, p.motion), []).append(p)
    marks: list[Mark] = []
    for (kind, motion), members in groups.items():
        shape, tone = _KINDS[kind]
        name = f"{kind}, {motion}" if kind != "neither" else f"stationary only, {motion}"
        marks.append(Dots([p.at[0] for p in members], [p.at[1] for p in members], name, tone, shape, 5.0))
    return marks


def _near_the_end(path: Sequence[Point], ahead: list[Mark], f: Forces, run: Opened) -> Panel:
    """The last points alone, with the cycle where there is one."""
    tail = [p for p in path[-_TAIL:] if all(map(math.isfinite, p))]
    xs, ys = [x for x, _ in tail], [y for _, y in tail]
    # The way to a cycle hides its period: where the whole tail has none, its second half may.
    parts = (tail, tail[len(tail) // 2 :]) if run.status is Status.CYCLING else ()
    found = next((d for part in parts if (d := run.module.diagnose(part)).period), None)
    wide, tall = max(xs) - min(xs) or 1e-9, max(ys) - min(ys) or 1e-9
    xlim, ylim = (min(xs) - 0.1 * wide, max(xs) + 0.1 * wide), (min(ys) - 0.1 * tall, max(ys) + 0.1 * tall)
    name = title = f"The last {len(tail)} points"
    dotted = _hops(tail, (xlim, ylim))
    marks: list[Mark] = [Dots(xs, ys, name, 0, "circle", 1.6, 0.5) if dotted else Curve(xs, ys, name, 0, 1.0, opacity=0.5)]
    if found is not None and found.period:
        n = round(found.period) + 1
        marks.append(Curve(xs[-n:], ys[-n:], f"cycle, once in {found.period:.4g} steps", 1, 2.2))
        title = "The cycle"
    marks += [Dots(xs[-1:], ys[-1:], "end", INK, "circle", 3.6)]

    def shown(mark: Mark) -> bool:
        places = zip(mark.xs, mark.ys, strict=True) if isinstance(mark, Dots) else ()
        return any(xlim[0] <= x <= xlim[1] and ylim[0] <= y <= ylim[1] for x, y in places)

    near = [m for m in ahead if shown(m)]
    return Panel(title, f.names[0], f.names[1], (*marks, *near), xlim, ylim)


def _times(path: Sequence[Point], names: tuple[str, str]) -> Panel:
    """Both numbers over the steps, as many of the last as can be told apart where they keep swinging."""
    tail = path[-_TAIL:]
    swings = sum((a - b) * (b - c) < 0 for (a, _), (b, _), (c, _) in zip(tail, tail[1:], tail[2:], strict=False))
    shown = path[-_SWINGING:] if len(path) > _SWINGING and swings > 12 else path
    steps = [float(k) for k in range(len(path) - len(shown), len(path))]
    marks = tuple(Curve(steps, [p[k] for p in shown], names[k], k, 1.2) for k in (0, 1))
    title = "Both variables over time" if len(shown) == len(path) else f"Both variables, last {_SWINGING} steps"
    return Panel(title, "step", "", marks)


def _described(path: Sequence[Point], points: Sequence[Stationary]) -> str:
    (a, b), (c, d) = path[0], path[-1]
    return f"from ({a:.4g}, {b:.4g}) to ({c:.4g}, {d:.4g}); {len(points)} stationary points inside"


def _caption(f: Forces, points: Sequence[Stationary], *, whole: bool) -> str:
    words = {"neither": "is neither local Nash nor local minimax"}
    said = [f"({p.at[0]:.4g}, {p.at[1]:.4g}) {words.get(p.kind, f'is {p.kind}')}; it {p.motion}." for p in points[:8]]
    if len(points) > 8:
        said.append(f"{len(points) - 8} more are drawn.")
    rest = "" if whole else " The path is cut: it has more steps than are drawn."
    own = " Arrows are each player's own gradient; the leader's total derivative also sees the answer." if f.sequential else ""
    return ("Stationary points: " + " ".join(said) if said else "No stationary point inside the picture.") + own + rest
