"""Offsets, lines and columns agree."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ab\n\r", max_size=30), st.data())
def test_the_column_finds_the_character_in_its_line(text, data):
    """A position names the line and the place in it where the character stands."""
    offset = data.draw(st.integers(0, len(text)))
    line, column = Source("a", text).position(offset)

    assert sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1 == offset


def test_lines_are_without_their_ends():
    """Both kinds of line ends are dropped."""
    source = Source("a", "one\r\ntwo\n")

    assert [source.line(number) for number in (1, 2, 3)] == ["one", "two", ""]


def test_a_span_to_another_covers_both():
    """In either order."""
    one, two = Span("a", 1, 2), Span("a", 5, 9)

    assert one.to(two) == two.to(one) == Span("a", 1, 9)


def test_an_error_sorts_its_diagnostics():
    """They come in the order of the file, and the text names them all."""
    late, early = (Diagnostic("GE001", f"at {at}", Label(Span("a", at, at))) for at in (5, 2))
    error = GameError((late, early))

    assert error.diagnostics == (early, late)
    assert str(error) == "GE001: at 2; GE001: at 5"
