"""Texts of a game that stand in its program: they stay texts, whatever characters they hold."""

from __future__ import annotations

import ast

import pytest

from gamespec import pipeline
from gamespec.emit.data import quoted
from gamespec.report.source import Source

HEAD = "language 1\nvar x in [-1, 1] init 0\nsolve min{x} [ x^2 ]\n"


@pytest.mark.parametrize(
    "condition",
    ["abs(x)\n <= 1", "abs(x) # '''\n <= 1", 'abs(x) # """\n <= 1', "abs(x) # \\\n <=\t1", "abs(x) <=  1"],
    ids=["two lines", "a comment with quotes", "a comment with more quotes", "a backslash and a tab", "one line"],
)
def test_a_condition_on_several_lines_is_one_text(condition: str):
    """The program can be read by Python, and names the condition as one line."""
    program = pipeline.compile(pipeline.check(Source("a.game", f"{HEAD}expect {condition}"))).program.text
    names = [n.value for n in ast.walk(ast.parse(program)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert {"abs(x) <= 1", "abs(x) <=  1"} & {*names}


@pytest.mark.parametrize("value", ["plain", 'a"b', "a\\", "a\nb", "a\r", "\x00", "\u2028", '"""', "'", "{x}"])
def test_a_text_is_quoted(value: str):
    """What Python reads is the text itself, on one line."""
    assert ast.literal_eval(quoted(value)) == value
    assert len(quoted(value).splitlines()) == 1
