"""The stored parse table is the one of the grammar, and every production is built."""

from __future__ import annotations

import json

import pytest

from gamespec.syntax import table as module
from gamespec.syntax.build import Build
from gamespec.syntax.expected import EXAMPLES, EXPRESSION, OPERATORS, expected, statement_words
from gamespec.syntax.table import END, grammar, table


def test_the_module_writes_the_stored_table(tmp_path, monkeypatch):
    """`python -m gamespec.syntax.table` would write the file that is there."""
    pytest.importorskip("lark")
    (tmp_path / "game.lark").write_text(grammar().read_text(encoding="utf-8"), encoding="utf-8")
    stored = grammar().with_suffix(".json").read_text(encoding="utf-8")
    monkeypatch.setattr(module, "PLACES", (tmp_path,))
    module.write()

    assert (tmp_path / "game.json").read_text(encoding="utf-8") == stored


def test_a_changed_grammar_is_compiled_anew(tmp_path, monkeypatch):
    """A table of another grammar is not used, and writing one mends that."""
    pytest.importorskip("lark")
    changed = tmp_path / "game.lark"
    changed.write_text(grammar().read_text(encoding="utf-8").replace('"assume"', '"suppose"'), encoding="utf-8")
    monkeypatch.setattr(module, "PLACES", (tmp_path / "nowhere", tmp_path))

    assert "suppose" in module.table.__wrapped__().words
    module.write()
    assert module.table.__wrapped__() == module.from_json(json.loads((tmp_path / "game.json").read_text()))


def test_every_production_has_its_method():
    """Nothing that the grammar allows is left unbuilt."""
    build = Build("t.game")

    for rule in table().rules:
        if not rule.origin.startswith("_") and not (rule.transparent and rule.length == 1):
            assert callable(build.action(rule.action))


def test_every_expected_set_has_words():
    """For each state of the parser the terminals it expects can be said, without their internal names."""
    for row in table().rows:
        terminals = frozenset(symbol for symbol in row if symbol == END or symbol.isupper())
        if terminals:
            phrase = expected(terminals)
            assert phrase
            assert not any(word.isupper() and len(word) > 1 for word in phrase.replace("`", " ").split())


def test_every_statement_has_an_example_that_parses(texts):
    """The hint for an unfinished statement is a statement."""
    assert EXAMPLES.keys() == statement_words()
    for text in EXAMPLES.values():
        assert texts.mistakes(text.split("`")[1]) == ()


@pytest.mark.parametrize(
    ("accepts", "phrase"),
    [
        ({"NAME"}, "a name"),
        (EXPRESSION, "an expression"),
        (OPERATORS | {"RSQB", "COMMA"}, "an operator, `,` or `]`"),
        ({"NAME", "KEYWORD_KEY", "RBRACE"}, "a key or `}`"),
        ({"LET", "VAR", END, "ORDER"}, "`order` or the next statement"),
    ],
)
def test_sets_of_terminals_are_said_in_words(accepts, phrase):
    """Groups come first, the end last."""
    assert expected(frozenset(accepts)) == phrase
