"""Did you mean: the nearest of the words that would do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 64


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like the word, or None where none is like it; upper and lower case count as alike."""
    if len(word) > LONGEST:
        return None
    spelled: dict[str, str] = {}
    for candidate in sorted(candidates):
        spelled.setdefault(candidate.lower(), candidate)
    found = get_close_matches(word.lower(), spelled, n=1, cutoff=0.66)
    return spelled[found[0]] if found else None
