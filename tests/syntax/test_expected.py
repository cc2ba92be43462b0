"""Every place of the grammar has its message: each set of words that can be expected, and each word that cannot stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gamespec.report.codes import CODES
from gamespec.report.source import Source
from gamespec.syntax.expected import expected
from gamespec.syntax.parse import parse
from gamespec.syntax.table import END, table
from tests.syntax.automaton import SAMPLES, catalogue, places, text

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "expected.txt"
TERMINALS = sorted({symbol for row in table().rows for symbol in row if symbol.isupper() and symbol != END})
NAMES = re.compile(r"\b(?!GE|TeX)_?[A-Z]{2,}\b")


def test_every_set_of_expected_words_is_said_as_agreed():
    """The phrases stand in a file, to be read as a whole; `python -m tests.syntax.automaton` prints it anew."""
    assert catalogue() == GOLDEN.read_text(encoding="utf-8")


def test_no_place_is_further_than_was_looked():
    """Longer texts meet no other set."""
    assert places(11).keys() == places().keys()


def test_phrases_are_short_and_in_words():
    """No name of a terminal, no list that nobody reads."""
    for accepts in places():
        phrase = expected(accepts)
        assert phrase
        assert NAMES.search(phrase) is None
        assert phrase.count(",") <= 8


@pytest.mark.parametrize("kind", [*TERMINALS, END])
def test_every_wrong_word_is_answered(kind, texts):
    """At every place of the grammar: a code of syntax, a message and a hint, and nothing of how the parser works."""
    asked = 0
    for accepts, before in places().items():
        if kind in accepts or not before:
            continue
        asked += 1
        written = text(before if kind == END else (*before, kind))
        found = texts.mistakes(written)
        said = [" ".join([d.message, d.primary.text, d.hint]) for d in found]
        assert all(d.code in CODES and d.code.startswith("GE0") and d.hint for d in found), written
        assert [words for words in said if NAMES.search(words)] == [], written
        # In a text the word may be read otherwise than in the grammar: `params a` is one thing, `params` another.
        assert found or parse(Source("t.game", written)), written

    assert asked > 20
    assert kind == END or kind in SAMPLES or kind in table().words.values()
