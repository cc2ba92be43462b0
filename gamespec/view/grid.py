"""The result of a sweep: a table with mean and spread, and a picture of each metric over what was swept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from gamespec.run.sweep import Line
from gamespec.view.listing import aligned
from gamespec.view.picture import Band, Curve, Dots, Mark, Panel, Picture


def metrics_of(lines: Sequence[Line]) -> list[str]:
    """Every metric that some cell has."""
    return list(dict.fromkeys(name for line in lines for name in line.metrics))


def as_text(lines: Sequence[Line]) -> str:
    """Rows of the table: values, how the seeds ended, mean and spread of each metric."""
    names = [name for name, _ in lines[0].values]
    metrics = metrics_of(lines)
    rows = [[*names, "runs", *metrics]]
    for line in lines:
        ended = [f"{n} {status}" for status, n in Counter(line.statuses).items()]
        ended += [f"{line.failed} FAILED"] if line.failed else []
        rows.append([*(v for _, v in line.values), ", ".join(ended), *(_measured(line, m) for m in metrics)])
    return aligned(rows)


def _measured(line: Line, metric: str) -> str:
    mean, spread = line.mean(metric), line.spread(metric)
    if math.isnan(spread):
        return "" if math.isnan(mean) else f"{mean:.4g}"
    return f"{mean:.4g} \N{PLUS-MINUS SIGN} {spread:.2g}"


def as_rows(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The table for programs."""
    return [
        {
            "values": dict(line.values),
            "runs": len(line.statuses),
            "failed": line.failed,
            "statuses": dict(Counter(line.statuses)),
            "metrics": {m: {"mean": line.mean(m), "spread": line.spread(m), "values": list(v)} for m, v in line.metrics.items()},
        }
        for line in lines
    ]


def picture(lines: Sequence[Line], title: str) -> Picture:
    """One panel for each metric; the first name swept that is a number, or the first of all, runs along the axis."""
    names = [name for name, _ in lines[0].values]
    along = next((n for n in names if all(_number(dict(line.values)[n]) is not None for line in lines)), names[0] if names else "")
    panels = [_panel(lines, along, metric) for metric in metrics_of(lines)]
    panels += _tradeoff(lines)
    caption = "Dots are single seeds, lines their mean, bands one standard deviation."
    return Picture("sweep", title, tuple(panels), caption)


def _number(text: str) -> float | None:
    try:
        return float(Fraction(text.replace("_", "")))
    except (ValueError, ZeroDivisionError):
        return None


def _panel(lines: Sequence[Line], along: str, metric: str) -> Panel:
    """A metric over one name, a curve for each combination of the others."""
    words = list(dict.fromkeys(dict(line.values).get(along, "all") for line in lines))
    numbers = [_number(word) for word in words]
    numeric = all(n is not None for n in numbers)
    place = {word: n if numeric and n is not None else float(k) for k, (word, n) in enumerate(zip(words, numbers, strict=True))}
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(", ".join(f"{k} = {v}" for k, v in line.values if k != along), []).append(line)
    marks: list[Mark] = []
    for tone, (name, members) in enumerate(groups.items()):
        ordered = sorted((m for m in members if m.metrics.get(metric)), key=lambda m: place[dict(m.values).get(along, "all")])
        xs = [place[dict(m.values).get(along, "all")] for m in ordered]
        means = [m.mean(metric) for m in ordered]
        spreads = [0.0 if math.isnan(s := m.spread(metric)) else s for m in ordered]
        if numeric and len(xs) > 1:
            low, high = ([m + sign * s for m, s in zip(means, spreads, strict=True)] for sign in (-1, 1))
            marks.append(Band(xs, low, high, tone))
            marks.append(Curve(xs, means, name, tone))
        else:
            marks.append(Dots(xs, means, name or "mean", tone, "diamond", 5.0))
        single = [(x, v) for x, m in zip(xs, ordered, strict=True) for v in m.metrics[metric]]
        marks.append(Dots([x for x, _ in single], [v for _, v in single], "", tone, "circle", 2.0, 0.6))
    limits = None if numeric else (-0.5, len(words) - 0.5)
    return Panel(metric, along if numeric else "", "", tuple(marks), limits, words=() if numeric else tuple(words))


def _tradeoff(lines: Sequence[Line]) -> list[Panel]:
    """Two metrics against each other over all combinations: privacy and utility, or the only two, not counting the value."""
    metrics = [m for m in metrics_of(lines) if m != "value"]
    metrics = ["privacy", "utility"] if {"privacy", "utility"} <= {*metrics} else metrics
    if len(metrics) != 2 or len(lines) < 3:
        return []
    points = [(line.mean(metrics[0]), line.mean(metrics[1])) for line in lines]
    points = sorted(p for p in points if all(map(math.isfinite, p)))
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return [
        Panel(
            f"{metrics[1]} against {metrics[0]}",
            metrics[0],
            metrics[1],
            (Curve(xs, ys, tone=2, opacity=0.5), Dots(xs, ys, "one combination", 2, size=3.5)),
        )
    ]
