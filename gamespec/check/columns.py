"""A declared data source against the columns that the library offers for it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import column_names, columns_of, row_count
from gamespec.ir import game as ir
from gamespec.ir.types import Field, Interval, Type
from gamespec.report.source import Span
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check_columns(s: tree.Data, source: ir.Use, fields: tuple[Field, ...], build: Build) -> None:
    """The declared type against what the source offers (GE602)."""
    try:
        columns = columns_of(source)
    except OSError as error:
        raise build.log.fail("GE603", f"cannot read `{error.filename or source.word}`", s.source.span, error.strerror or "",
                             hint="give its path relative to the folder of the game, or set GAMESPEC_DATA") from None  # fmt: skip
    except ImportError as error:
        package = {"PIL": "pillow"}.get((error.name or "").split(".")[0], (error.name or "").split(".")[0])
        raise build.log.fail("GE605", f"`{source.word}` needs the package `{package}`", s.source.span, hint=f"type `pip install {package}`") from None
    except ValueError as error:
        raise build.log.fail("GE602", f"`{source.word}` does not fit its file", s.source.span, str(error)) from None
    try:
        row_count(source)
    except ValueError as error:
        raise build.log.fail("GE602", f"`{source.word}` has no such rows", s.source.span, str(error), hint="ask for rows that it has") from None
    for field, wanted in zip(fields, column_names(source, fields), strict=True):
        column = columns.get(wanted)
        if column is None:
            raise build.log.fail("GE602", f"`{source.word}` has no column `{wanted}`", s.source.span, hint=f"columns: {', '.join(columns)}")
        if not _fits(field.type, Type(kind=column.kind, shape=column.shape, size=column.size)):
            offered = f"class[{column.size}]" if column.kind == "class" else str(Type(kind=column.kind, shape=column.shape))
            raise build.log.fail("GE602", f"`{source.word}` gives {offered} for `{field.name}`", s.type.span, f"{field.type} is declared",
                                 hint=f"declare `{field.name}: {offered}`")  # fmt: skip
        if field.range is None or column.range is None:
            continue
        lo, hi = (Fraction(str(end)) for end in column.range)
        place, hint = _range_span(s, field.name), f"write `[{lo}, {hi}]`"
        if not (inside(lo, field.range) and inside(hi, field.range)):
            raise build.log.fail("GE602", f"`{source.word}` has values in [{lo}, {hi}]", place, "another range is declared", hint=hint)
        if too_wide(field.range, *column.range):
            build.log.add("GW414", f"`{source.word}` has values in [{lo}, {hi}], far inside of what is declared", place,
                          "radii, steps and `domain` are reckoned in these units", hint=hint)  # fmt: skip


def too_wide(declared: Interval, lo: float, hi: float) -> bool:
    """Whether values fill less than a tenth of a finite declared range: pixels from 0 to 1 declared as 0 to 255."""
    return declared.width is not None and lo < hi and float(declared.width) > 10 * (hi - lo)


def _range_span(s: tree.Data, field: str) -> Span:
    """Where the range of a field is written: behind it, or behind all of them."""
    own = [f.range for f in s.type.fields if f.name is not None and f.name.id == field] if isinstance(s.type, tree.TRecord) else []
    return next((node.span for node in (*own, s.range) if node is not None), s.type.span)


def _fits(declared: Type, offered: Type) -> bool:
    if declared.kind in ("class", "index"):
        return declared.kind == offered.kind and (declared.kind == "index" or declared.size == offered.size)
    return declared.kind == offered.kind == "real" and (math.prod(declared.shape) == math.prod(offered.shape) or not offered.shape)


def inside(value: Fraction, rng: Interval) -> bool:
    """Whether a number lies in a range, ends included."""
    return (rng.lo is None or value >= rng.lo) and (rng.hi is None or value <= rng.hi)
