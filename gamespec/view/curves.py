"""Learning curves: every player's objective and every metric over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gamespec.view.opened import Opened
from gamespec.view.picture import Curve, Dots, Mark, Panel, Picture

_MANY = 8
"""Curves in one panel."""

_FEW = 20
"""Reports that are also marked by a dot."""

_KEPT = ("step", "time", "losses", "@point", "@length", "@samples")


def learning_curves(run: Opened) -> Picture | None:
    """Objectives and metrics over the steps, from metrics.jsonl; None where nothing was reported."""
    rows = run.history
    if not rows:
        return None
    panels = [*_objectives(rows), *_metrics(rows, run.result["metrics"])]
    return Picture("curves", "Learning curves", tuple(panels), "Each point is one report of the run; the last point of a metric is its final value.")


def _objectives(rows: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """One panel for all players; those whose numbers are the same share a curve."""
    curves: dict[tuple[float, ...], list[str]] = {}
    for name in dict.fromkeys(n for row in rows for n in row["losses"]):
        ys = tuple(float(row["losses"].get(name, math.nan)) for row in rows)
        curves.setdefault(ys, []).append(name)
    xs = [float(row["step"]) for row in rows]
    drawn = [Curve(xs, ys, ", ".join(names), k) for k, (ys, names) in enumerate(curves.items())]
    panels = []
    for first in range(0, len(drawn), _MANY):
        part = tuple(drawn[first : first + _MANY])
        title = "Objective of each player" if len(drawn) > 1 else f"Objective of {drawn[0].name}"
        panels.append(Panel(title, "step", "", part, note=_described(part)))
        gaps = _gaps(part) if len(drawn) <= _MANY else ()
        if gaps:
            panels.append(Panel("Distance from the last value", "step", "logarithmic", gaps, log=True))
    return panels


def _gaps(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """How far each curve is from where it ends, where that falls over three or more powers of ten."""
    found = []
    for curve in curves:
        ys = [abs(y - curve.ys[-1]) for y in curve.ys[:-1]]
        positive = [y for y in ys if math.isfinite(y) and y > 0]
        if len(positive) >= 4 and min(positive) < 1e-3 * positive[0]:
            found.append(Curve(curve.xs[:-1], ys, curve.name, curve.tone))
    return tuple(found)


def _metrics(rows: Sequence[Mapping[str, Any]], final: Mapping[str, float]) -> list[Panel]:
    """One panel for each metric that was seen on the way; what is known only at the end stands in the table."""
    last = float(rows[-1]["step"])
    panels = []
    for k, name in enumerate(dict.fromkeys(n for row in rows for n in row if n not in _KEPT)):
        seen = [(float(row["step"]), float(row[name])) for row in rows if isinstance(row.get(name), int | float)]
        xs, ys = [x for x, _ in seen], [y for _, y in seen]
        marks: list[Mark] = [Curve(xs, ys, "on the way (cheap)", k)]
        if len(seen) <= _FEW:
            marks.append(Dots(xs, ys, "", k, "circle", 2.4))
        if name in final:
            marks.append(Dots([last], [final[name]], "at the end (full)", k, "diamond", 4.5))
        panels.append(Panel(f"Metric {name}", "step", "", tuple(marks), note=f"ends at {final.get(name, math.nan):.4g}"))
    return panels


def _described(curves: Sequence[Curve]) -> str:
    """The same for those who do not see the picture."""
    return "; ".join(f"{c.name} goes from {c.ys[0]:.4g} to {c.ys[-1]:.4g}" for c in curves)
