"""A picture as a value: panels with marks on them, drawn by `svg` and by `png` alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["circle", "ring", "square", "diamond", "cross", "triangle"]

FAINT = -1
"""The tone of what stands behind: contours, arrows of a field."""

INK = -2
"""The tone of the text itself."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points. `tone` counts the colours of the palette from 0; `name` stands in the legend."""

    xs: Sequence[float]
    ys: Sequence[float]
    name: str = ""
    tone: int = 0
    width: float = 1.6
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Dots:
    """Points of one kind."""

    xs: Sequence[float]
    ys: Sequence[float]
    name: str = ""
    tone: int = 0
    shape: Shape = "circle"
    size: float = 2.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Arrows:
    """Short arrows from (x, y) along (u, v), which are in units of the axes."""

    xs: Sequence[float]
    ys: Sequence[float]
    us: Sequence[float]
    vs: Sequence[float]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """The region between two lines over the same places: a spread around a mean."""

    xs: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    tone: int = 0


@dataclass(frozen=True, slots=True)
class Regions:
    """Cells of a grid, each in the tone of its class: rows from the lowest y on, None where nothing is drawn."""

    cells: Sequence[Sequence[int | None]]
    x: tuple[float, float]
    y: tuple[float, float]
    opacity: float = 0.25


Mark = Curve | Dots | Arrows | Band | Regions


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes with its marks, the first at the back. Limits that are None follow from the marks."""

    title: str
    x: str = ""
    y: str = ""
    marks: tuple[Mark, ...] = ()
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    equal: bool = False
    log: bool = False
    note: str = ""
    words: tuple[str, ...] = ()
    """Names for the places 0, 1, ... of the first axis, where it has no numbers."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Small images in rows: each pixel in 0..1, or in -1..1 where `signed`; [rows][columns][channel][y][x]."""

    title: str
    rows: Sequence[Sequence[Sequence[Sequence[Sequence[float]]]]]
    names: tuple[str, ...] = ()
    note: str = ""
    signed: tuple[int, ...] = ()
    """The columns that hold differences, drawn in two colours around none."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Panels about one thing, with the sentence that a reader needs under them."""

    name: str
    title: str
    panels: tuple[Panel | Tiles, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Album:
    """All pictures of a run, and what could not be drawn with the reason."""

    pictures: tuple[Picture, ...] = ()
    missing: tuple[str, ...] = field(default=())
