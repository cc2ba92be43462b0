"""Whatever the text, the parser gives a tree or diagnostics that point into it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.report.codes import CODES
from gamespec.report.diagnostic import GameError
from gamespec.report.render import as_json, human, short
from gamespec.report.source import Source
from gamespec.syntax.lex import lex
from gamespec.syntax.parse import parse, parse_expression
from gamespec.syntax.table import table

PROGRAMS = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "programs").glob("*.game"))]
TOKENS = [[token.text for token in lex(Source("t.game", text), table()).tokens] for text in PROGRAMS]
WORDS = sorted({word for tokens in TOKENS for word in tokens} | {"$", "'", '"', "²", "\n", "**", "=>", "for", "min_"})

briefly = settings(deadline=None, derandomize=True, max_examples=80)


def check(text: str) -> None:
    """Parse, and where that fails look at every diagnostic in every way."""
    source = Source("t.game", text)
    for entry in (parse, parse_expression):
        diagnostics = _diagnostics(entry, source)
        for found in diagnostics or ():
            assert found.code in CODES
            assert found.hint
            for label in (found.primary, *found.related):
                assert 0 <= label.span.start <= label.span.end <= len(text)
        if diagnostics is not None:
            sources = {"t.game": source}
            assert human(diagnostics, sources, color=True)
            assert short(diagnostics, sources)
            assert as_json(diagnostics, sources)["valid"] is False


def _diagnostics(entry, source: Source):
    try:
        entry(source)
    except GameError as error:
        return error.diagnostics
    return None


@briefly
@given(st.text())
def test_any_text_is_a_tree_or_diagnostics(text):
    """No text makes the parser fail in another way."""
    check(text)


@briefly
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", "", "\n"]))
def test_any_row_of_words_is_a_tree_or_diagnostics(words, between):
    """Nor does any mixture of the language's own words."""
    check(between.join(words))


@briefly
@given(st.data())
def test_a_program_without_some_of_its_words_is_a_tree_or_diagnostics(data):
    """Deleting or doubling words of a right program is answered, too."""
    tokens = list(data.draw(st.sampled_from(TOKENS)))
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(tokens) - 1))
        tokens[i] = data.draw(st.sampled_from(["", tokens[i] + " " + tokens[i], *WORDS]))
    check(" ".join(tokens))
