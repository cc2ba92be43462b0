"""The same pictures as a PNG, drawn by matplotlib, which is asked for only here."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gamespec.view import dress
from gamespec.view.opened import Undrawable
from gamespec.view.picture import FAINT, Arrows, Band, Curve, Dots, Mark, Panel, Picture, Regions, Tiles
from gamespec.view.scale import limits
from gamespec.view.svg import thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHAPES = {"circle": "o", "ring": "o", "square": "s", "diamond": "D", "cross": "x", "triangle": "^"}
_WIDE, _TALL, _DPI = 5.0, 4.0, 130


def document(pictures: Sequence[Picture], columns: int = 2) -> bytes:
    """All panels as one PNG in light colours. Error: Undrawable where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise Undrawable('a PNG needs matplotlib: pip install "gamespec[view]", or ask for an .svg') from None
    panels = [panel for picture in pictures for panel in picture.panels]
    columns = max(1, min(columns, len(panels)))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(_WIDE * columns, _TALL * lines), dpi=_DPI, layout="constrained", facecolor=dress.SURFACE["page"][0])
    FigureCanvasAgg(figure)
    for k, panel in enumerate(panels):
        axes = figure.add_subplot(lines, columns, k + 1)
        if isinstance(panel, Tiles):
            _tiles(axes, panel)
        else:
            _panel(axes, panel)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _colour(tone: int) -> str:
    if tone == FAINT:
        return dress.SURFACE["faint"][0]
    return dress.SURFACE["ink"][0] if tone < 0 else dress.LIGHT[tone % len(dress.LIGHT)]


def _panel(axes: Axes, panel: Panel) -> None:
    xlim, ylim = limits(panel)
    axes.set_title(panel.title, fontsize=11, fontweight="bold", loc="left")
    axes.set_facecolor(dress.SURFACE["page"][0])
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_yscale("log" if panel.log else "linear")
    axes.set_xlim(*xlim)
    axes.set_ylim(*ylim)
    axes.set_aspect("equal" if panel.equal else "auto")
    axes.grid(visible=True, color=dress.SURFACE["line"][0], linewidth=0.6)
    axes.set_axisbelow(True)
    if panel.words:
        axes.set_xticks(range(len(panel.words)), panel.words)
    for k, mark in enumerate(panel.marks):
        _mark(axes, mark, k)
    if any(getattr(m, "name", "") for m in panel.marks):
        axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _mark(axes: Axes, mark: Mark, order: int) -> None:
    style: dict[str, Any] = {"zorder": 2 + order}
    match mark:
        case Curve():
            points = thinned(mark.xs, mark.ys)
            line = "--" if mark.dashed else "-"
            axes.plot([x for x, _ in points], [y for _, y in points], line, color=_colour(mark.tone), lw=mark.width,
                      alpha=mark.opacity, label=mark.name or None, **style)  # fmt: skip
        case Dots():
            paint = _colour(mark.tone)
            style |= {"facecolors": "none", "edgecolors": paint} if mark.shape == "ring" else {"color": paint, "linewidths": 1.2}
            style |= {"marker": _SHAPES[mark.shape], "alpha": mark.opacity, "label": mark.name or None}
            axes.scatter(mark.xs, mark.ys, s=(2.2 * mark.size) ** 2, **style)
        case Arrows():
            axes.quiver(mark.xs, mark.ys, mark.us, mark.vs, angles="xy", scale_units="xy", scale=1, width=0.0028, color=_colour(FAINT), **style)
        case Band():
            axes.fill_between(mark.xs, mark.low, mark.high, color=_colour(mark.tone), alpha=0.18, linewidth=0, **style)
        case Regions():
            for tone in {t for row in mark.cells for t in row if t is not None}:
                shown = [[1.0 if t == tone else math.nan for t in row] for row in mark.cells]
                axes.imshow(shown, origin="lower", extent=(*mark.x, *mark.y), aspect="auto", alpha=mark.opacity, vmin=0, vmax=1,
                            cmap=_flat(_colour(tone)), **style)  # fmt: skip


def _flat(colour: str) -> Any:  # noqa: ANN401  # a colour map; until 2027-11
    from matplotlib.colors import ListedColormap

    return ListedColormap([colour])


def _tiles(axes: Axes, panel: Tiles) -> None:
    """All images on one pair of axes without numbers."""
    axes.set_title(panel.title, fontsize=11, fontweight="bold", loc="left")
    axes.set_axis_off()
    for r, row in enumerate(panel.rows):
        for c, image in enumerate(row):
            signed = c in panel.signed
            colours = [[[channel[y][x] for channel in image] for x in range(len(image[0][0]))] for y in range(len(image[0]))]
            grey = [[sum(pixel) / len(pixel) for pixel in line] for line in colours]
            shown: Any = colours if len(image) == 3 and not signed else grey
            place = (c + 0.03, c + 0.97, -r - 0.97, -r - 0.03)
            axes.imshow(shown, extent=place, cmap="bwr" if signed else "gray", vmin=-1 if signed else 0, vmax=1)
    for c, name in enumerate(panel.names):
        axes.text(c + 0.5, 0.05, name, ha="center", fontsize=8)
    axes.set_xlim(0, max((len(row) for row in panel.rows), default=1))
    axes.set_ylim(-len(panel.rows), 0.25)
    axes.set_aspect("equal")
