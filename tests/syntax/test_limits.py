"""No text, however long or deep, takes more than a moment or fails with anything but a diagnostic."""

from __future__ import annotations

import pytest

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.drive import MAX_DEPTH
from gamespec.syntax.lex import MAX_BRACKETS, MAX_CHARACTERS
from gamespec.syntax.parse import parse_expression
from tests.work import calls

DEEP = [
    ("let f = " + "[" * 10_000, 8 + MAX_BRACKETS),
    ("let f = " + "-" * 100_000 + "x", None),
    ("let f = " + "not " * 50_000 + "x", None),
    ("let f = " + "a + " * 50_000 + "a", None),
    ("let f = " + "a^" * 50_000 + "a", None),
    ("let f = " + "a and " * 50_000 + "a", None),
    ("let f = a" + "(b)" * 50_000, None),
    ("let f = a" + "[b]" * 50_000, None),
    ("let f = a" + ".b" * 50_000, None),
    ("let f = " + "if a then b else " * 20_000 + "c", None),
    ("let f = " + "max{u}[" * 10_000, None),
]


@pytest.mark.parametrize(("text", "start"), DEEP, ids=[row[0][8:20] for row in DEEP])
def test_deep_texts_are_refused(text, start, texts):
    """Nesting beyond the limit is one diagnostic at the place where it is passed."""
    (found,) = texts.mistakes(text)

    assert found.code == "GE007"
    assert start in (None, found.primary.span.start)
    assert "let part" in found.hint


def test_large_texts_are_refused_at_once(texts):
    """Ten million brackets are not looked at."""
    text = "[" * 10_000_000

    assert [d.code for d in texts.mistakes(text)] == ["GE006"]
    assert calls(lambda: texts.mistakes(text)) < 1000


def test_a_file_at_the_limit_is_read(texts):
    """The limit itself is allowed."""
    assert texts.mistakes("let f = 1" + " " * (MAX_CHARACTERS - 9)) == ()


def test_many_brackets_side_by_side_are_not_deep(texts):
    """Only what is open counts, and brackets in strings and comments do not."""
    side = '# ((((\nlet s = "((((" let f = ' + "[" + ", ".join(["(a)"] * 1000) + "]"

    assert texts.mistakes(side) == ()


def test_the_depth_limit_leaves_room_for_long_formulas():
    """A sum of as many terms as the limit is still a tree."""
    assert parse_expression(Source("t.game", " + ".join(["a"] * (MAX_DEPTH - 1))))


@pytest.mark.parametrize(
    ("start", "again", "end"),
    [
        ("", "let f = -u^2 + v^2 + 2*u*v\n", ""),
        ("let f = [", "1, ", "1]"),
        ("let f = [", "1, ", "1 1]"),
        ("schedule {", "a: b, c ", "}"),
        ("solve {", "min{u}[u] ", "}"),
    ],
)
def test_long_files_take_work_in_proportion(start, again, end, texts):
    """Four times the text takes about four times the calls."""

    def work(times: int) -> int:
        return calls(lambda: texts.mistakes(start + again * times + end))

    work(10)
    assert work(800) < 6 * work(200)


def test_an_expression_can_be_too_deep():
    """The limit holds for values on the command line."""
    with pytest.raises(GameError, match="GE007"):
        parse_expression(Source("--set", "-" * 5000 + "1"))
