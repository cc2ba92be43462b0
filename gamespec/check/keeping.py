"""`keep = best(metric)`: players are chosen by rows that nothing else is reported on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check.constant import plain, plain_use
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Reduce, Value
from gamespec.ir.walk import walk
from gamespec.library.registry import words

if TYPE_CHECKING:
    from gamespec.check.build import Build

WORDS = ("best", "least")
"""The largest value of the metric, and the smallest."""

_ROWS = ("split", "subset", "offset")


def check(game: ir.Game, build: Build) -> None:
    """Refuse a choice by rows that another metric, or none but this one, is reported on (GE508)."""
    setting = next((s for s in game.run if s.key == "keep"), None)
    if setting is None:
        return
    written = plain(setting.value)
    name = written[1] if isinstance(written, tuple) else ""
    own = [d for m in game.metrics if m.name == name for d in drawn(game, m)]
    others = [m for m in game.metrics if m.name != name and m.value is not None]
    place = build.spans["run:keep"]
    for metric in others:
        shared = next((a for a in own for b in drawn(game, metric) if overlap(a, b)), None)
        if shared is not None:
            build.log.add("GE508", f"the players are kept by `{name}` and reported by `{metric.name}`, both on `{shared.name}`", place,
                          "what is chosen by these rows looks better on them than it is",
                          hint='measure one of them on other rows, for example `digits("train", subset = 300, offset = 1_137)`')  # fmt: skip
            return
    if own and not any(drawn(game, m) for m in others):
        build.log.add("GE508", f"the players are kept by `{name}`, and no other metric is reported", place,
                      "what is chosen by these rows looks better on them than it is",
                      hint="add a metric on a test split that nothing is chosen by")  # fmt: skip


def drawn(game: ir.Game, metric: ir.Metric) -> list[ir.Data]:
    """The data sources that a metric draws from, through the players inside it as well."""
    ahead, over = [metric.value], set()
    while ahead:
        formula: Expr = ahead.pop()
        for e in walk(formula):
            if isinstance(e, Reduce):
                over |= {d.over for d in e.draws}
            if isinstance(e, Value):
                ahead.append(game.node(e.node).objective)
    return [d for d in game.data if d.name in over]


def overlap(a: ir.Data, b: ir.Data) -> bool:
    """Whether two sources may share rows: the same one, or two cuts of one table that are not known to be apart."""
    if a.name == b.name:
        return True
    if a.source.word != b.source.word or a.source.word in ("given", "py"):
        return False
    entry = words("data").get(a.source.word)
    if entry is None or entry.load is None:
        return False
    cuts = []
    for source in (a.source, b.source):
        args, options = plain_use(source)
        named = dict(zip((o.name for o in entry.options if o.name not in options), args, strict=False)) | options
        cuts.append(({k: v for k, v in named.items() if k not in (*_ROWS, "label_noise", "noise_seed", "targets")}, named))
    (one, first), (other, second) = cuts
    return one == other and not _apart(first, second)


def _apart(a: dict[str, object], b: dict[str, object]) -> bool:
    """Whether two cuts of one table have no row in common."""
    splits = [c.get("split", "all") for c in (a, b)]
    if splits[0] != splits[1]:
        return "all" not in splits
    spans = []
    for c in (a, b):
        offset, subset = c.get("offset") or 0, c.get("subset")
        assert isinstance(offset, int)  # the library's options say so
        spans.append((offset, offset + subset if isinstance(subset, int) else float("inf")))
    (low, high), (start, end) = spans
    return high <= start or end <= low
