"""The manual page of a code: what it means, the smallest program that shows it, and the same program mended."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gamespec.report.codes import Code

SEVERITIES = {"E": "error", "W": "warning", "N": "note"}
WIDEST = 96


def page(row: Code) -> str:
    """The page as text: a program, its lines that change marked with `-` and `+`."""
    lines = [f"{SEVERITIES[row.code[1]]}[{row.code}] {row.name}: {row.title}", "", f"  {row.explanation}", ""]
    if row.command:
        return "\n".join([*lines, f"  seen with: {row.command}", ""])
    changed = difflib.ndiff(row.bad.splitlines(), row.good.splitlines())
    return "\n".join([*lines, *(f"  {_cut(line)}".rstrip() for line in changed if not line.startswith("?")), ""])


def manual(row: Code) -> dict[str, str]:
    """The page for programs."""
    return {
        "code": row.code,
        "name": row.name,
        "severity": SEVERITIES[row.code[1]],
        "title": row.title,
        "explanation": row.explanation,
        "bad": row.bad,
        "good": row.good,
        "command": row.command,
    }


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 3]}..."
