"""Rows of words and numbers as a table: which columns are numbers, which are words, and how each becomes numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option
from gamespec.library.data.disk import kept_empty, rows_at_once
from gamespec.library.data.files import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


RECORD = (
    Option("path", str, ""),
    Option("features", tuple, ()),
    Option("missing", str, "keep", words=("keep", "drop")),
    Option("scale", str, "none", words=("none", "standard")),
    *FILE,
)
"""The options of rows of words and numbers."""


def record_number(cell: str) -> float | None:
    """The number in a cell, None where it is a word or no finite number."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def record_places(header: list[str], targets: tuple[str, ...], features: tuple[str, ...]) -> dict[str, int]:
    """Where each feature and then each target stands in a row. Error: ValueError for columns that there are not."""
    for name in (*targets, *features):
        if name not in header:
            raise ValueError(f"no column `{name}`; there are {', '.join(header)}")
    kept = [name for name in (features or header) if name not in targets]
    if not kept:
        raise ValueError("no column is left for `x`")
    return {name: header.index(name) for name in (*kept, *targets)}


def record_kinds(
    header: list[str], rows: Callable[[], Iterator[list[str]]], targets: tuple[str, ...], features: tuple[str, ...], missing: str
) -> tuple[list[tuple[str, list[str]]], dict[str, list[str]], int]:
    """Features with their words (none for a column of numbers), the classes of each target, and how many rows are kept.

    A cell that is empty or `?` is missing: such rows are dropped, or it is one more word, where `missing` is keep.
    Classes are in the order of their numbers or of the alphabet.
    Error: ValueError naming the row for a missing number that is kept, a row of another length, or a column with more
    than 1000 words; and for columns that there are not.
    """
    places = record_places(header, targets, features)
    words: dict[str, dict[str, None]] = {name: {} for name in places}
    gaps: dict[str, int] = {}
    numbers = set(places)
    count = 0
    for line, row in enumerate(rows(), 1):
        if len(row) != len(header):
            raise ValueError(f"row {line} has {len(row)} cells and the header has {len(header)}")
        absent = [name for name, k in places.items() if row[k] in ("", "?")]
        if absent and missing == "drop":
            continue
        count += 1
        gaps = {name: line for name in absent} | gaps
        numbers -= {name for name in numbers - {*absent} if record_number(row[places[name]]) is None}
        for name, k in places.items():
            if len(words[name]) <= 1000:
                words[name].setdefault(row[k])
    if count == 0:
        raise ValueError("no row is left")
    record_refusals(words, numbers - {*targets}, gaps)
    columns = [(name, [] if name in numbers else sorted(words[name])) for name in places if name not in targets]
    return columns, {name: sorted(words[name], key=record_order) for name in targets}, count


def record_order(word: str) -> tuple[bool, float, str]:
    """Numbers by size, before words by the alphabet."""
    value = record_number(word)
    return value is None, value or 0.0, word


def record_refusals(words: dict[str, dict[str, None]], numbers: set[str], gaps: dict[str, int]) -> None:
    """Raise ValueError for a number that is missing, and for columns of words with too many of them."""
    for name, line in gaps.items():
        if name in numbers:
            raise ValueError(f"row {line} has no number in `{name}`; write `missing = drop`, or leave the column out with `features`")
    for name, found in words.items():
        if name not in numbers and len(found) > 1000:
            raise ValueError(f"`{name}` has more than 1000 different words; leave it out with `features`")


def record_width(columns: list[tuple[str, list[str]]]) -> int:
    """How many numbers a row becomes: one for a number, one for each word."""
    return sum(len(words) or 1 for _, words in columns)


def record_tensors(
    header: list[str],
    rows: Callable[[], Iterator[list[str]]],
    targets: tuple[str, ...],
    features: tuple[str, ...],
    missing: str,
    keep: str = "memory",
) -> tuple[Tensor, dict[str, tuple[Tensor, int]]]:
    """All rows as numbers, words as one 1 among zeros; and the class numbers of each target with how many there are.

    Shapes: [n, width] float32, and [n] int64 each.
    Error: ValueError as `record_kinds`, and for a table of more than 4 GiB in memory.
    """
    import itertools

    columns, classes, count = record_kinds(header, rows, targets, features, missing)
    width = record_width(columns)
    if count * width * 4 > 2**32 and keep == "memory":
        raise ValueError(f"{count} rows of {width} numbers do not fit: choose columns with `features`, or write `keep = disk`")
    places = [(header.index(name), {w: k for k, w in enumerate(words)}) for name, words in columns]
    sought = [(header.index(name), {w: k for k, w in enumerate(found)}) for name, found in classes.items()]
    used = [k for k, _ in [*places, *sought]]
    x, codes = kept_empty((count, width), keep), torch.zeros(len(sought), count, dtype=torch.int64)
    left = (row for row in rows() if missing != "drop" or not any(row[k] in ("", "?") for k in used))
    first = 0
    while some := list(itertools.islice(left, rows_at_once(x))):
        part = torch.zeros(len(some), width)
        at = 0
        for k, words in places:
            if words:
                part[torch.arange(len(some)), torch.tensor([at + words[row[k]] for row in some])] = 1.0
            else:
                part[:, at] = torch.tensor([float(row[k]) for row in some], dtype=torch.float64).float()
            at += len(words) or 1
        x[first : first + len(some)] = part
        for c, (k, words) in enumerate(sought):
            codes[c, first : first + len(some)] = torch.tensor([words[row[k]] for row in some])
        first += len(some)
    return x, {name: (found, len(classes[name])) for name, found in zip(classes, codes, strict=True)}


def record_columns(shown: tuple[list[tuple[str, list[str]]], dict[str, list[str]], int]) -> tuple[tuple[int, ...], dict[str, int]]:
    """Shape of a row and number of classes of each target, from what `record_kinds` found."""
    return (record_width(shown[0]),), {name: len(found) for name, found in shown[1].items()}
