"""Panels as SVG: text stays text, colours follow the reader's light or dark."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from gamespec.view import dress
from gamespec.view.picture import FAINT, Arrows, Band, Curve, Dots, Mark, Panel, Picture, Regions, Tiles
from gamespec.view.scale import Scale, label, limits

WIDTH, HEIGHT = 380.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 12.0, 26.0, 38.0
_CHAR = 6.1
"""Width of a letter of the legend, on average."""

_GAP = 14.0
"""Space between panels of one file."""

_MOST = 1500
"""Points of one curve that are drawn."""

_clips = itertools.count(1)


def colour(tone: int) -> str:
    """The colour of a tone as CSS."""
    return "var(--faint)" if tone == FAINT else "var(--ink)" if tone < 0 else f"var(--tone-{tone % len(dress.LIGHT)})"


def panel_svg(panel: Panel | Tiles) -> tuple[str, float, float]:
    """The inside of a panel, its width and its height."""
    if isinstance(panel, Tiles):
        return _tiles(panel)
    (left, right), (low, high) = limits(panel)
    names = [(m.name, m) for m in panel.marks if isinstance(m, Curve | Dots | Arrows) and m.name]
    rows = _legend_rows([name for name, _ in names])
    foot = BOTTOM + 15.0 * len(rows)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    if panel.equal:
        tall = min(max(wide * (high - low) / (right - left), 60.0), 1.4 * wide)
    base = TOP + tall
    x, y = Scale(left, right, LEFT, LEFT + wide), Scale(low, high, base, TOP, panel.log)
    clip = f"clip-{next(_clips)}"
    parts = [f'<text class="t head" x="{LEFT - 40:g}" y="14">{escape(panel.title)}</text>']
    parts += _axes(panel, x, y)
    parts.append(f'<clipPath id="{clip}"><rect x="{LEFT:g}" y="{TOP:g}" width="{wide:g}" height="{tall:g}"/></clipPath>')
    parts.append(f'<g clip-path="url(#{clip})">{"".join(_mark(m, x, y) for m in panel.marks)}</g>')
    if panel.y:
        parts.append(f'<text class="t halo" x="{LEFT + 6:g}" y="{TOP + 12:g}">{escape(panel.y)}</text>')
    parts += _legend(names, rows, base + BOTTOM)
    return "".join(parts), WIDTH, base + foot


def standalone(panel: Panel | Tiles) -> str:
    """One panel as an `<svg>` element for a page that defines the colours."""
    inside, wide, tall = panel_svg(panel)
    name = quoteattr(f"{panel.title}. {panel.note}".strip())
    return f'<svg viewBox="0 0 {wide:g} {tall:g}" role="img" aria-label={name}>{inside}</svg>'


def document(pictures: Sequence[Picture], columns: int = 2) -> str:
    """All panels of the pictures as one SVG file."""
    drawn = [panel_svg(panel) for picture in pictures for panel in picture.panels]
    columns = max(1, min(columns, len(drawn)))
    parts, top, widest = [], _GAP, 0.0
    for first in range(0, len(drawn), columns):
        row = drawn[first : first + columns]
        left = _GAP
        for inside, wide, _ in row:
            parts.append(f'<g transform="translate({left:g} {top:g})">{inside}</g>')
            left += wide + _GAP
        widest = max(widest, left)
        top += max(tall for _, _, tall in row) + _GAP
    style = f"<style>{dress.variables('svg')}{dress.MARKS}</style>"
    paper = f'<rect width="{widest:g}" height="{top:g}" fill="var(--page)"/>'
    size = f'viewBox="0 0 {widest:g} {top:g}" width="{widest:g}" height="{top:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{paper}{"".join(parts)}</svg>\n'


def _axes(panel: Panel, x: Scale, y: Scale) -> list[str]:
    """Grid, numbers and names of both axes."""
    parts = []
    for value in y.ticks():
        at = y(value)
        parts.append(f'<path class="axis" d="M{x.start:g} {at:.1f}H{x.end:g}"/>')
        parts.append(f'<text class="t end" x="{x.start - 6:g}" y="{at + 4:.1f}">{label(value)}</text>')
    marks = [(float(k), word) for k, word in enumerate(panel.words)] or [(v, label(v)) for v in x.ticks()]
    for value, said in marks:
        parts.append(f'<path class="axis" d="M{x(value):.1f} {y.start:g}v4"/>')
        parts.append(f'<text class="t mid" x="{x(value):.1f}" y="{y.start + 16:g}">{escape(said)}</text>')
    parts.append(f'<path class="axis" d="M{x.start:g} {y.end:g}V{y.start:g}H{x.end:g}"/>')
    if panel.x:
        parts.append(f'<text class="t mid" x="{(x.start + x.end) / 2:g}" y="{y.start + 31:g}">{escape(panel.x)}</text>')
    return parts


def _mark(mark: Mark, x: Scale, y: Scale) -> str:
    match mark:
        case Curve():
            return _curve(mark, x, y)
        case Dots():
            paint = f'fill="{colour(mark.tone)}" stroke="{colour(mark.tone)}" opacity="{mark.opacity:g}"'
            places = [(x(a), y(b)) for a, b in zip(mark.xs, mark.ys, strict=True) if math.isfinite(a) and math.isfinite(b)]
            return f"<g {paint}>{''.join(_dot(a, b, mark) for a, b in places)}</g>"
        case Arrows():
            return f'<path class="arrow" d="{"".join(_arrow(*place, x, y) for place in _arrows(mark))}"/>'
        case Band():
            there = [f"{x(a):.1f} {y(b):.1f}" for a, b in zip(mark.xs, mark.low, strict=True)]
            back = [f"{x(a):.1f} {y(b):.1f}" for a, b in zip(mark.xs, mark.high, strict=True)]
            return f'<path d="M{"L".join(there + back[::-1])}Z" fill="{colour(mark.tone)}" opacity="0.18"/>'
        case Regions():
            return _regions(mark, x, y)


def _curve(mark: Curve, x: Scale, y: Scale) -> str:
    """A path, begun anew after what is not finite; a single point is a dot."""
    runs: list[list[str]] = [[]]
    for a, b in thinned(mark.xs, mark.ys):
        if math.isfinite(a) and math.isfinite(b) and not (y.log and b <= 0):
            runs[-1].append(f"{x(a):.1f} {y(b):.1f}")
        elif runs[-1]:
            runs.append([])
    path = "".join(f"M{'L'.join(run if len(run) > 1 else run * 2)}" for run in runs if run)
    dash = ' stroke-dasharray="5 4"' if mark.dashed else ""
    style = f'stroke="{colour(mark.tone)}" stroke-width="{mark.width:g}" opacity="{mark.opacity:g}"{dash}'
    return f'<path class="curve" {style} d="{path}"/>' if path else ""


def thinned(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
    """At most `_MOST` of the points, the first and the last among them."""
    points = list(zip(xs, ys, strict=True))
    stride = math.ceil(len(points) / _MOST) or 1
    kept = points[::stride]
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]


def _dot(a: float, b: float, mark: Dots) -> str:
    r = mark.size
    if mark.shape in ("circle", "ring"):
        hollow = f' fill="none" stroke-width="{max(r / 2.5, 1.4):.1f}"' if mark.shape == "ring" else ' stroke="none"'
        return f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{r:g}"{hollow}/>'
    path = {
        "square": f"M{a - r:.1f} {b - r:.1f}h{2 * r:g}v{2 * r:g}h{-2 * r:g}Z",
        "diamond": f"M{a:.1f} {b - r:.1f}l{r:g} {r:g}l{-r:g} {r:g}l{-r:g} {-r:g}Z",
        "triangle": f"M{a:.1f} {b - r:.1f}l{r:g} {1.8 * r:g}h{-2 * r:g}Z",
        "cross": f"M{a - r:.1f} {b - r:.1f}l{2 * r:g} {2 * r:g}m0 {-2 * r:g}l{-2 * r:g} {2 * r:g}",
    }[mark.shape]
    return f'<path d="{path}"{" stroke-width=" + chr(34) + "1.8" + chr(34) if mark.shape == "cross" else ""}/>'


def _arrows(mark: Arrows) -> Iterable[tuple[float, float, float, float]]:
    return zip(mark.xs, mark.ys, mark.us, mark.vs, strict=True)


def _arrow(a: float, b: float, u: float, v: float, x: Scale, y: Scale) -> str:
    """A shaft with two barbs, none where there is no direction."""
    p, q = x(a), y(b)
    dx, dy = x(a + u) - p, y(b + v) - q
    size = math.hypot(dx, dy)
    if not 0.3 < size < 1e4:
        return ""
    ex, ey = p + dx, q + dy
    hx, hy = dx / size * 3.0, dy / size * 3.0
    barbs = f"M{ex - hx - hy:.1f} {ey - hy + hx:.1f}L{ex:.1f} {ey:.1f}L{ex - hx + hy:.1f} {ey - hy - hx:.1f}"
    return f"M{p:.1f} {q:.1f}L{ex:.1f} {ey:.1f}{barbs}"


def _regions(mark: Regions, x: Scale, y: Scale) -> str:
    """One rectangle for each stretch of equal cells in a row."""
    tall = (mark.y[1] - mark.y[0]) / len(mark.cells)
    wide = (mark.x[1] - mark.x[0]) / len(mark.cells[0])
    parts = []
    for row, cells in enumerate(mark.cells):
        first, top, foot = 0, y(mark.y[0] + (row + 1) * tall), y(mark.y[0] + row * tall)
        for tone, stretch in itertools.groupby(cells):
            last = first + len(list(stretch))
            if tone is not None:
                left, right = x(mark.x[0] + first * wide), x(mark.x[0] + last * wide)
                box = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{foot - top + 0.4:.1f}"'
                parts.append(f'<rect {box} fill="{colour(tone)}"/>')
            first = last
    return f'<g opacity="{mark.opacity:g}" shape-rendering="crispEdges">{"".join(parts)}</g>'


def _legend_rows(names: Sequence[str]) -> list[list[int]]:
    """The places of the names, as many in a row as fit; no legend for one curve alone."""
    rows: list[list[int]] = []
    used = 0.0
    for k, name in enumerate(names):
        wide = 26 + _CHAR * len(name)
        if not rows or used + wide > WIDTH - 20:
            rows.append([])
            used = 0.0
        rows[-1].append(k)
        used += wide
    return rows


def _legend(names: Sequence[tuple[str, Mark]], rows: list[list[int]], top: float) -> list[str]:
    parts = []
    for number, row in enumerate(rows):
        left, at = 14.0, top + 15 * number + 9
        for k in row:
            name, mark = names[k]
            parts.append(_sample(mark, left, at - 4))
            parts.append(f'<text class="t" x="{left + 20:g}" y="{at:g}">{escape(name)}</text>')
            left += 26 + _CHAR * len(name)
    return parts


def _sample(mark: Mark, left: float, at: float) -> str:
    """The mark as it looks, in small."""
    if isinstance(mark, Dots):
        dot = _dot(left + 8, at, Dots((), (), tone=mark.tone, shape=mark.shape, size=min(max(mark.size, 3.0), 5.0)))
        return f'<g fill="{colour(mark.tone)}" stroke="{colour(mark.tone)}">{dot}</g>'
    if isinstance(mark, Arrows):
        return f'<path class="arrow" d="M{left:g} {at:g}h14m-4 -3l4 3l-4 3"/>'
    tone = mark.tone if isinstance(mark, Curve) else FAINT
    dash = ' stroke-dasharray="5 4"' if isinstance(mark, Curve) and mark.dashed else ""
    return f'<path class="curve" stroke="{colour(tone)}" stroke-width="2.2"{dash} d="M{left:g} {at:g}h14"/>'


def _tiles(panel: Tiles) -> tuple[str, float, float]:
    """Images on a grid, every pixel a rectangle."""
    columns = max((len(row) for row in panel.rows), default=1)
    side = min((WIDTH - 20) / columns - 4, 84.0)
    head = 26.0 + (16.0 if panel.names else 0.0)
    parts = [f'<text class="t head" x="10" y="14">{escape(panel.title)}</text>']
    for k, name in enumerate(panel.names):
        middle = 10 + (side + 4) * k + side / 2
        parts.append(f'<text class="t mid" x="{middle:g}" y="34">{escape(name)}</text>')
    for r, row in enumerate(panel.rows):
        for c, image in enumerate(row):
            inside = _pixels(image, c in panel.signed)
            place = f"translate({10 + (side + 4) * c:g} {head + (side + 4) * r:g}) scale({side / len(image[0][0]):.4f})"
            parts.append(f'<g transform="{place}" shape-rendering="crispEdges">{inside}</g>')
    return "".join(parts), WIDTH, head + (side + 4) * len(panel.rows) + 4


def _pixels(image: Sequence[Sequence[Sequence[float]]], signed: bool) -> str:
    """Rectangles for stretches of equal colour; differences go from blue over white to red."""
    parts = []
    for y in range(len(image[0])):
        first = 0
        colours = [_pixel([channel[y][x] for channel in image], signed) for x in range(len(image[0][0]))]
        for found, stretch in itertools.groupby(colours):
            wide = len(list(stretch))
            parts.append(f'<rect x="{first}" y="{y}" width="{wide}.02" height="1.02" fill="{found}"/>')
            first += wide
    return "".join(parts)


def _pixel(channels: Sequence[float], signed: bool) -> str:
    levels = [min(max(v, -1.0 if signed else 0.0), 1.0) for v in channels]
    if signed:
        mean = sum(levels) / len(levels)
        rest = round(255 * (1 - abs(mean)))
        return f"#ff{rest:02x}{rest:02x}" if mean > 0 else f"#{rest:02x}{rest:02x}ff"
    red, green, blue = (levels * 3)[:3] if len(levels) < 3 else levels[:3]
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
