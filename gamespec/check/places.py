"""Where schedules stand: every entry, every directive of it, and every argument of that, under keys that later stages know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build
    from gamespec.check.lower import SourceMap
    from gamespec.ir.game import Entry
    from gamespec.report.source import Span


def note(schedule: str, target: str, entry: tree.Entry, build: Build) -> None:
    """Remember `schedule:default.d`, `schedule:default.d:pgd`, `schedule:default.d:pgd.start`, and `d:particles.0` by place."""
    key = f"schedule:{schedule}.{target}"
    build.spans[key] = entry.span
    for value in entry.values:
        word = value.fn if isinstance(value, tree.Call) else value
        if not isinstance(word, tree.Name):
            continue
        build.spans[f"{key}:{word.id}"] = value.span
        if isinstance(value, tree.Call):
            build.spans |= {f"{key}:{word.id}.{k}": a.span for k, a in enumerate(value.args)}
            build.spans |= {f"{key}:{word.id}.{a.key}": a.span for a in value.kwargs}


def inherit(schedule: str, base: str, kept: tuple[Entry, ...], build: Build) -> None:
    """Entries that a schedule keeps of the one that it extends stand where those do."""
    for entry in kept:
        key = f"schedule:{base}.{entry.target}"
        found = {k.removeprefix(key): span for k, span in build.spans.items() if k == key or k.startswith(f"{key}:")}
        build.spans |= {f"schedule:{schedule}.{entry.target}{rest}": span for rest, span in found.items()}


def find(spans: SourceMap, schedule: str, *keys: str) -> Span | None:
    """The first of these places that is known: one of a schedule, `d:pgd.start`, or one of the game, `var:d`."""
    for key in keys:
        entry, _, rest = key.partition(":")
        shorter = (key, f"{entry}:{rest.partition('.')[0]}", entry)
        places = (*(f"schedule:{schedule}.{k}" for k in shorter), key)
        found = next((place for place in map(spans.get, places) if place is not None), None)
        if found is not None:
            return found
    return None
