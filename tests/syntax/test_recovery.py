"""All mistakes of a file are reported at once, each once."""

from __future__ import annotations

import pytest

from gamespec.syntax.lex import MAX_PROBLEMS


def codes(texts, text: str) -> list[tuple[str, int]]:
    """Give code and offset of each diagnostic."""
    return [(d.code, d.primary.span.start) for d in texts.mistakes(text)]


def test_mistakes_in_different_statements_are_all_reported(texts):
    """Three wrong statements among right ones give three diagnostics, in the order of the file."""
    text = "let a = 2u\nlet b = 1\nlet c = (b\nsolve min{u}, max{v} [ f ]\nlet d = 2"

    assert codes(texts, text) == [("GE003", 9), ("GE002", 29), ("GE013", 44)]


def test_mistakes_on_one_line_are_all_reported(texts):
    """The cut is at the reserved words, not at line ends."""
    assert codes(texts, "let a = 2u let b = 1 let c = (b let d = 2") == [("GE003", 9), ("GE002", 29)]


def test_wrong_characters_and_wrong_statements_are_reported_together(texts):
    """Lexer, parser and builder each add their own."""
    text = "language 1.5\nlet a = b × c\nlet d = 2u\nlet e = x²"

    assert codes(texts, text) == [("GE008", 9), ("GE012", 23), ("GE003", 36), ("GE017", 47)]


def test_a_wrong_character_hides_no_earlier_mistake_of_its_statement(texts):
    """What is wrong before the character is still said, what is after it is not."""
    assert codes(texts, "let a = 2u + $ + 3v") == [("GE003", 9), ("GE012", 13)]
    assert codes(texts, "let a = $ + 3v") == [("GE012", 8)]


@pytest.mark.parametrize(
    "text",
    [
        "let a = 2u + net(x)",
        "let net = 3",
        "solve min{u} [ data(u) + net(u) + 2v ]",
        "let let = 2",
        "net solve: R = f()",
    ],
)
def test_a_reserved_word_makes_no_second_mistake(text, texts):
    """The statement that the word seems to begin is not complained about."""
    assert len(texts.mistakes(text)) == 1


def test_an_unfinished_statement_before_a_right_one_stays_unfinished(texts):
    """The next statement is right, so its word is no name."""
    assert codes(texts, "let f = let g = 2") == [("GE015", 6)]


def test_unknown_words_between_statements_are_reported_once_each(texts):
    """Each line that begins with no statement word after a whole statement is one mistake."""
    assert codes(texts, "let a = 1\nsovle min{u} [ a ]\nlet b = 2\nmetirc c = 3") == [("GE009", 10), ("GE009", 39)]


@pytest.mark.parametrize("text", ["let " * 5000, "let a = 2u\n" * 5000, "$ a " * 5000, "let f = 'a'\n" * 5000])
def test_the_number_of_reports_is_bounded(text, texts):
    """A file of mistakes is given up after enough of them."""
    assert 1 <= len(texts.mistakes(text)) <= MAX_PROBLEMS
