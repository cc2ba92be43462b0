"""Texts of a game that stand in its program: they stay texts, whatever characters they hold."""

from __future__ import annotations

import ast
from fractions import Fraction

import pytest

from gamespec import pipeline
from gamespec.emit.data import quoted
from gamespec.report.source import Source
from tests.emit.build import program

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


@pytest.mark.parametrize("start", ["1e-6", "1e-20", "0.5", "3", "-1/3", "1e20"])
def test_a_start_is_a_number_of_python(start: str):
    """However small or large, whole or not: the program begins there, as a floating-point number."""
    made = program(f"language 1\nvar x: R init {start}\nsolve min{{x}} [ x^2 ]\n")
    assert made.start().x.item() == float(Fraction(start))
