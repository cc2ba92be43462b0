"""Suggested changes made: from a text and the fixes of its diagnostics to the text without what they mend."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gamespec.report.diagnostic import Diagnostic, Fix
from gamespec.report.source import Source

MAX_ROUNDS = 10
"""How often a mended text is looked at again: a fix may lay open the next."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A text after its fixes, and how many were made."""

    text: str
    made: int


def mend(source: Source, find: Callable[[Source], Iterable[Diagnostic]], *, unsafe: bool = False) -> Mended:
    """Make every fix that is safe, or every fix, until `find` offers none that changes the text.

    A change after which more is wrong with the syntax than before is taken back.
    """
    text, made = source.text, 0
    found = list(find(source))
    for _ in range(MAX_ROUNDS):
        changed, count = edit(text, source.name, chosen(found, unsafe=unsafe))
        if not count or changed == text:
            break
        after = list(find(Source(source.name, changed)))
        if _syntax(after) > _syntax(found):
            break
        text, made, found = changed, made + count, after
    return Mended(text, made)


def chosen(diagnostics: Iterable[Diagnostic], *, unsafe: bool = False) -> list[Fix]:
    """The first fix of each diagnostic that may be made."""
    offered = ([fix for fix in d.fixes if unsafe or fix.safe] for d in diagnostics)
    return [fixes[0] for fixes in offered if fixes]


def edit(text: str, name: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """The text with the fixes made, from its end to its beginning, and how many; of two that overlap the first."""
    taken: list[tuple[int, int, str]] = []
    made = 0
    for fix in fixes:
        edits = [(e.span.start, e.span.end, e.text) for e in fix.edits]
        here = all(e.span.file == name for e in fix.edits)
        if here and edits and not any(_overlap(one, other) for one in edits for other in taken):
            taken += edits
            made += 1
    for start, end, new in sorted(taken, reverse=True):
        text = text[:start] + new + text[end:]
    return text, made


def difference(name: str, before: str, after: str) -> str:
    """What changed, as a unified diff; nothing where nothing did."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return "\n".join(lines)


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return (one[0] < other[1] and other[0] < one[1]) or one[0] == other[0]


def _syntax(diagnostics: Iterable[Diagnostic]) -> int:
    return sum(d.code.startswith("GE0") for d in diagnostics)
