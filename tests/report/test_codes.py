"""The table of codes is complete and in order."""

from __future__ import annotations

import re
from pathlib import Path

import gamespec
from gamespec.report.codes import CODES, RESERVED, ROWS

CODE = re.compile(r"""["'](G[EWN]\d{3})["']""")


def spoken(pattern: re.Pattern[str]) -> set[str]:
    """Give the codes in the sources, without those of the tables themselves."""
    folder = Path(gamespec.__file__).parent
    paths = [path for path in folder.rglob("*.py") if path.parent.name != "report" or path.stem not in {"codes", "examples"}]
    return {code for path in paths for code in pattern.findall(path.read_text(encoding="utf-8"))}


def test_every_code_in_the_source_is_in_the_table():
    """A diagnostic without a row cannot be explained, and a number is never given again."""
    used = spoken(CODE)

    assert used <= CODES.keys()
    assert used & RESERVED.keys() == set()


def test_no_row_is_of_a_code_that_nobody_says():
    """What no stage says any more is reserved."""
    assert CODES.keys() <= spoken(re.compile(r"\b(G[EWN]\d{3})\b"))


def test_no_code_and_no_name_is_used_twice():
    """Codes and names each mean one thing."""
    assert len(CODES) == len(ROWS) == len({row.name for row in ROWS})


def test_every_row_is_whole():
    """Every code has a machine name, a title and an explanation that is a sentence."""
    for row in ROWS:
        assert re.fullmatch(r"G[EWN][0-7]\d\d", row.code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.name)
        assert row.title
        assert row.explanation.endswith((".", "?"))
