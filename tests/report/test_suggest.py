"""The nearest word is the one that was meant."""

from __future__ import annotations

import pytest

from gamespec.report.suggest import nearest

WORDS = ["simplex", "Linf", "L2", "steps", "solve", "schedule"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("simplx", "simplex"), ("linf", "Linf"), ("step", "steps"), ("sovle", "solve"), ("xyz", None), ("", None)],
)
def test_the_nearest_word_is_found(word, meant):
    """A slip of a letter or of case is mended, another word is not."""
    assert nearest(word, WORDS) == meant


def test_long_words_are_not_compared():
    """The time that comparing takes is bounded."""
    assert nearest("a" * 100_000, ["a" * 100_000]) is None


def test_the_order_of_the_candidates_does_not_matter():
    """Two equally near words give the same answer however they come."""
    assert nearest("ab", ["abc", "abd"]) == nearest("ab", ["abd", "abc"])


def test_a_word_of_another_tool_is_understood():
    """Where the word that it means here would do, and nowhere else."""
    assert nearest("cross_entropy", ["ce", "cos"]) == "ce"
    assert nearest("learning_rate", ["lr", "steps"]) == "lr"
    assert nearest("iterations", ["lr", "seed"]) is None
