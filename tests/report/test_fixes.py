"""Fixes are made from the end of a text to its beginning, and never one over another."""

from __future__ import annotations

import pytest

from gamespec.report.diagnostic import Diagnostic, Edit, Fix, GameError, Label
from gamespec.report.fixes import MAX_ROUNDS, chosen, difference, edit, mend
from gamespec.report.source import Source, Span
from gamespec.syntax.parse import parse


def fix(start: int, end: int, text: str, *, safe: bool = True, file: str = "t") -> Fix:
    """Give a fix of one edit."""
    return Fix("change", (Edit(Span(file, start, end), text),), safe)


def find(source: Source) -> tuple[Diagnostic, ...]:
    """Give the mistakes of syntax in a text."""
    try:
        parse(source)
    except GameError as error:
        return error.diagnostics
    return ()


def mended(text: str, *, unsafe: bool = False) -> str:
    """Give a text after its fixes."""
    return mend(Source("t", text), find, unsafe=unsafe).text


def test_edits_do_not_move_one_another():
    """Offsets are those of the text before."""
    assert edit("abc", "t", [fix(0, 1, "AAA"), fix(2, 3, ""), fix(1, 1, "-")]) == ("AAA-b", 3)


@pytest.mark.parametrize("other", [fix(1, 3, "x"), fix(0, 1, "x"), fix(1, 1, "x", file="other")])
def test_of_two_that_overlap_the_first_is_made(other):
    """And nothing is changed in a file that is not this one."""
    assert edit("abc", "t", [fix(0, 2, "-"), other]) == ("-c", 1)


def test_the_first_fix_that_may_be_made_is_chosen():
    """An unsafe one only where it was asked for."""
    sure, guess = fix(0, 1, "a"), fix(0, 1, "b", safe=False)
    found = [Diagnostic("GE001", "no", Label(Span("t", 0, 1)), fixes=(guess, sure))]

    assert (chosen(found), chosen(found, unsafe=True)) == ([sure], [guess])


def test_a_fix_may_lay_open_the_next():
    """The text is looked at again until nothing more is offered."""
    assert mended("let f = 2u**2 && −v;\nrun { steps: 3, seed: 1 }") == "let f = 2*u^2 and -v\nrun { steps= 3 seed= 1 }"


def test_unsafe_fixes_are_made_where_asked_for():
    """A guess stays a guess."""
    assert mended("sovle min{u} [ a b ]") == "sovle min{u} [ a b ]"
    assert mended("sovle min{u} [ a b ]", unsafe=True) == "solve min{u} [ a*b ]"


def test_a_change_that_makes_it_worse_is_taken_back():
    """The text stays as it was."""
    worse = [Diagnostic("GE001", "no", Label(Span("t", 0, 1)), fixes=(fix(0, 1, "aa"),))]

    assert mend(Source("t", "a"), lambda source: worse * len(source.text)).text == "a"


def test_fixes_that_never_end_are_stopped():
    """After as many rounds as are allowed."""
    again = [Diagnostic("GE001", "no", Label(Span("t", 0, 0)), fixes=(fix(0, 0, "a"),))]

    assert mend(Source("t", ""), lambda _: again).text == "a" * MAX_ROUNDS


def test_a_difference_is_a_unified_diff():
    """Nothing where nothing changed."""
    assert difference("t", "a\nb\n", "a\nc\n") == "--- t\n+++ t\n@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert difference("t", "a", "a") == ""
