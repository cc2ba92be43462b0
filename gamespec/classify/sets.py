"""What is known of the set a variable lies in: compact, convex, and the values of its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from gamespec.classify import interval
from gamespec.classify.interval import Interval
from gamespec.classify.proof import Range
from gamespec.ir import expr as ir
from gamespec.ir.game import Part, Set
from gamespec.library import base
from gamespec.library.registry import words

_BALLS = ("L1", "L2", "Linf")
_OPEN = ir.Word(value="inf")


class Values(Protocol):
    """What is known of the values of expressions."""

    def exact(self, e: ir.Expr) -> Fraction | None:
        """The value where it is one known rational, else None."""

    def bounds(self, e: ir.Expr) -> Interval:
        """An interval around all values."""


@dataclass(frozen=True, slots=True)
class Place:
    """A set as far as it is known (None: not known). `text` names it for a person."""

    compact: bool | None
    convex: bool | None
    range: Range
    text: str


FREE = Place(compact=False, convex=True, range=Range(), text="unbounded")


def place(of: Set | None, values: Values) -> Place:
    """What is known of a set."""
    if of is None or not of.parts:
        return FREE
    parts = [_part(part, values) for part in of.parts]
    lows = [p.range.lo for p in parts if p.range.lo is not None]
    highs = [p.range.hi for p in parts if p.range.hi is not None]
    alone = len(parts) == 1
    span = Range(
        max(lows, default=None), min(highs, default=None),
        free=alone and parts[0].range.free, solid=alone and parts[0].range.solid,
    )  # fmt: skip
    text = " & ".join(part.word for part in of.parts)
    none_compact = every(None if p.compact is None else not p.compact for p in parts)
    compact = None if none_compact is None else not none_compact
    return Place(compact, every(p.convex for p in parts), span, text)


def every(claims: Iterable[bool | None]) -> bool | None:
    """Whether all claims hold; open where one is open and none fails."""
    found = list(claims)
    return False if False in found else (None if None in found else True)


def _part(part: Part, values: Values) -> Place:
    known: Mapping[str, base.Set] = words("sets")
    entry = known.get(part.word)
    if entry is None:
        return Place(compact=None, convex=None, range=Range(free=False, solid=False), text=part.word)
    span = _box(part, values) if part.word == "Box" else _ball(part, values)
    compact = entry.compact or (part.word == "Box" and all(map(_bounded, _ends(part))))
    if part.shift is not None:
        lo, hi = interval.add(span.interval, interval.neg(values.bounds(part.shift)))
        span = Range(_finite(lo), _finite(hi), free=False, solid=False)
    return Place(compact, entry.convex, span, part.word)


def _ends(part: Part) -> tuple[ir.Expr, ir.Expr]:
    lo, hi = (*part.args, _OPEN, _OPEN)[:2]
    return lo, hi


def _bounded(end: ir.Expr) -> bool:
    """Whether an end of a box is a finite number, whatever its value."""
    if isinstance(end, ir.Call) and end.fn == "neg":
        return _bounded(end.args[0])
    return getattr(end, "name", getattr(end, "value", "")) not in ("inf", "none", "None")


def _finite(x: float) -> Fraction | None:
    return Fraction(x) if math.isfinite(x) else None


def _box(part: Part, values: Values) -> Range:
    ends = _ends(part)
    exact = [values.exact(end) if _bounded(end) else None for end in ends]
    known = all(value is not None or not _bounded(end) for value, end in zip(exact, ends, strict=True))
    if known:
        lo, hi = exact
        return Range(lo, hi, free=True, solid=lo is None or hi is None or lo < hi)
    lo, hi = (
        value if value is not None or not _bounded(end) else _finite(values.bounds(end)[side])
        for side, (value, end) in enumerate(zip(exact, ends, strict=True))
    )
    return Range(lo, hi, free=False, solid=False)


def _ball(part: Part, values: Values) -> Range:
    """The values of a number of a member of a ball or a simplex."""
    if part.word == "Simplex":
        total = values.exact(part.args[1]) if len(part.args) > 1 else Fraction(1)
        return Range(Fraction(0), total, free=False, solid=False)
    if part.word not in _BALLS or not part.args:
        return Range(free=False, solid=False)
    radius = values.exact(part.args[0])
    reach = radius if radius is not None else _finite(values.bounds(part.args[0])[1])
    certain = radius is not None and radius > 0
    return Range(None if reach is None else -reach, reach, free=certain and part.word == "Linf", solid=certain)
