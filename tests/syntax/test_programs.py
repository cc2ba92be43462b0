"""Whole programs parse, and their layout means nothing."""

from __future__ import annotations

import dataclasses
import re

from gamespec.report.source import Source, Span
from gamespec.syntax import tree as t
from gamespec.syntax.parse import parse, read


def test_every_program_parses(program):
    """Each program has a tree with at least one statement."""
    assert parse(read(program)).statements


def test_newlines_mean_nothing(program, texts):
    """A program on one line has the same tree."""
    text = re.sub(r"#[^\n]*", "", read(program).text)

    assert texts.tree(re.sub(r"\s+", " ", text)) == re.sub(r"docs=.*\)$", "docs=())", texts.tree(text))


def test_wide_space_means_nothing(program, texts):
    """A program with a line end after every space has the same tree."""
    text = re.sub(r"#[^\n]*", "", read(program).text)
    spread = re.sub(r'("[^"\n]*")| ', lambda m: m.group(1) or "\n\t ", text)

    assert texts.tree(spread) == texts.tree(text)


def test_every_node_lies_inside_its_parent(program):
    """The span of a node is not empty and covers the spans of its parts."""
    source = read(program)
    for statement in parse(source).statements:
        _check(statement, Span(source.name, 0, len(source.text)))


def _check(value: object, outer: Span) -> None:
    if isinstance(value, tuple):
        for part in value:
            _check(part, outer)
    elif isinstance(value, t.Node):
        assert outer.file == value.span.file
        assert outer.start <= value.span.start < value.span.end <= outer.end
        for field in dataclasses.fields(value):
            _check(getattr(value, field.name), value.span)


def test_names_stand_where_their_span_says(program):
    """The text under the span of a statement begins with its reserved word."""
    source = read(program)
    for statement in parse(source).statements:
        assert source.text[statement.span.start :].startswith(_WORDS[type(statement)])


_WORDS = {
    t.Language: "language", t.GameName: "game", t.Import: "import", t.Param: "param", t.Dim: "dim", t.Data: "data",
    t.Dist: "dist", t.Net: "net", t.Var: "var", t.Def: "def", t.Let: "let", t.Assume: "assume", t.Solve: "solve",
    t.Schedule: "schedule", t.Metric: "metric", t.Run: "run", t.Expect: "expect",
}  # fmt: skip


def test_documentation_belongs_to_the_next_statement():
    """Lines that begin with `##` are kept for the statement after them, and plain comments are not."""
    spec = parse(Source("t.game", "## About a.\n## Twice.\nlet a = 1\n# no\nlet b = ## inside\n2\n## last\nlet c = 3"))

    assert spec.docs == ((0, "About a.\nTwice."), (2, "last"))
