"""`gamec rule`: every code has a program that shows it, and the same program mended."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.report.codes import CODES, RESERVED
from gamespec.report.diagnostic import GameError
from gamespec.report.examples import EXAMPLES
from gamespec.report.manual import manual, page
from gamespec.report.source import Source

SHOWN = [code for code, row in CODES.items() if not row.command]


def codes(text: str) -> set[str]:
    """Give the codes of everything that is said about a program."""
    try:
        return {d.code for d in pipeline.check(Source("a.game", text)).diagnostics}
    except GameError as error:
        return {d.code for d in error.diagnostics}


@pytest.mark.parametrize("code", SHOWN)
def test_a_program_shows_its_code_and_no_other(code):
    """The bad one has this mistake alone, the good one has none."""
    assert codes(CODES[code].bad) == {code}
    assert codes(CODES[code].good) == set()


def test_every_code_has_an_example():
    """A program and its fix, or a command line; and no example is of a code that is not."""
    assert EXAMPLES.keys() == CODES.keys()
    assert [code for code, row in CODES.items() if bool(row.command) == bool(row.bad)] == []


def test_numbers_are_not_used_again():
    """What is reserved is no code."""
    assert RESERVED.keys() & CODES.keys() == set()


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_everything(code):
    """Title, explanation, and the program or the command."""
    row = CODES[code]
    text = page(row)

    assert row.title in text
    assert row.explanation in text
    assert row.command in text
    assert "\n  + " in text or "\n  - " in text or row.command
    assert manual(row)["code"] == code


def test_long_lines_of_examples_are_cut():
    """Two hundred brackets are not shown."""
    assert max(map(len, page(CODES["GE007"]).splitlines())) <= 100
