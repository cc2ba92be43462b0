"""How wide a text is on a terminal, and how it is shown so that nothing in it can act on the terminal."""

from __future__ import annotations

import unicodedata

TAB = 4
WIDEST = 96


def visible(text: str, keep_lines: str = " ") -> str:
    """The text with every control, direction and lone surrogate character escaped; `keep_lines` replaces line ends."""
    return keep_lines.join("".join(shown for shown, _ in cells(line)) for line in text.split("\n"))


def cells(line: str) -> list[tuple[str, int]]:
    """For each character of a line what is shown for it and how many columns that takes."""
    shown: list[tuple[str, int]] = []
    column = 0
    for char in line:
        text, width = _cell(char, column)
        shown.append((text, width))
        column += width
    return shown


def _cell(char: str, column: int) -> tuple[str, int]:
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        width = TAB - column % TAB
        return " " * width, width
    category = unicodedata.category(char)
    if category in {"Mn", "Me"}:
        return char, 0
    if category in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        code = ord(char)
        text = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        return text, len(text)
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """A line, cut around the characters `start` to `end` where it is too wide; the mark's column and its width."""
    near = max(0, start - 2 * WIDEST) if len(line) > 4 * WIDEST else 0
    far = min(len(line), near + 4 * WIDEST)
    row = cells(line[near:far])
    start, end = start - near, min(end - near, len(row))
    first, last = 0, len(row)
    while _width(row[first:last]) > WIDEST:
        # Drop from the end that is further from the mark, with twice as much kept after it as before.
        if first < start and 2 * (start - first) > last - start:
            first += 1
        else:
            last -= 1
    before, after = "..." if near + first > 0 else "", "..." if near + last < len(line) else ""
    left = len(before) + _width(row[first:start])
    return f"{before}{_text(row[first:last])}{after}", left, max(_width(row[start : min(end, last)]), 1)


def _text(row: list[tuple[str, int]]) -> str:
    return "".join(text for text, _ in row)


def _width(row: list[tuple[str, int]]) -> int:
    return sum(width for _, width in row)
