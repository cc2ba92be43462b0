"""The builder: whatever a file can say it says as well, and what it makes means the same."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

import gamespec as gs
from gamespec import builder as b
from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.parse import parse
from tests.builder.replay import rebuilt

TESTS = Path(__file__).parents[1]
GAMES = sorted([*(TESTS.parent / "specs").rglob("*.game"), *(TESTS / "check" / "examples").glob("*.game"), *(TESTS / "truth").glob("*.game")])
U, V = b.names("u v")


@pytest.mark.parametrize("path", GAMES, ids=lambda p: p.stem)
def test_the_builder_makes_every_game_there_is(path: Path):
    """Built node by node, a game has the meaning, or the mistakes, that its file has."""
    text = path.read_text(encoding="utf-8")
    # `meaning`, not `game()`: imports and tables are found beside the file.
    assert meaning(path, rebuilt(parse(Source(path.name, text))).text) == meaning(path, text)


def meaning(path: Path, text: str) -> str | list[str]:
    """The hash of what a text means, or the codes of its mistakes."""
    try:
        return pipeline.check(Source(str(path), text)).game.hash()
    except GameError as error:
        return [d.code for d in error.diagnostics]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (-(U**2), "-u^2"),
        ((-U) ** 2, "(-u)^2"),
        (U ** (-V), "u^-v"),
        ((U**V) ** 2, "(u^v)^2"),
        (U - (V - 1), "u - (v - 1)"),
        (1 - U - V, "1 - u - v"),
        (2 * (U + V) / 3, "2*(u + v)/3"),
        (U / (V * 2), "u/(v*2)"),
        (1 / U + U @ V, "1/u + u @ v"),
        (b.number(1) / 3 * U, "1/3*u"),
        (Fraction(1, 3) * U, "1/3*u"),
        (U * Fraction(-1, 3), "u*(-1/3)"),
        (U**0.5 - 1e-07, "u^0.5 - 0.0000001"),
        (2**U, "2^u"),
        ((U <= 1), "u <= 1"),
        (b.chain(0, "<=", U + 1, "<", V), "0 <= u + 1 < v"),
        (b.both(U < 1, b.either(V > 2, b.negation(U == V))), "u < 1 and (v > 2 or not u == v)"),
        (b.when(U > 0, U, -U) + 1, "(if u > 0 then u else -u) + 1"),
        (b.word.Linf(U) & (b.word.domain(V) - V), "Linf(u) & domain(v) - v"),
        (b.span(0, U - 1).without(b.finite(V)), "0..u - 1 \\ {v}"),
        (b.word.h(U, params=[V + 1]), "h(u; v + 1)"),
        (b.word.q[U, V].key("x"), "q[u, v].x"),
        (b.word.csv('a"\\b'), 'csv("a\\"\\\\b")'),
        (b.word.f([1, True, float("inf")], (U, V)), "f([1, true, inf], (u, v))"),
    ],
    ids=str,
)
def test_brackets_stand_where_they_are_needed(term: b.Term, text: str):
    """Terms are written with the brackets that keep their meaning, and no others."""
    assert term.text == text


def saddle() -> b.Builder:
    """x*y on a box."""
    g = b.Builder("saddle")
    x, y = g.var("x", within=[-1, 1]), g.var("y", within=[-1, 1])
    g.solve(b.min(x, body=b.max(y, body=x * y)))
    return g


def test_a_built_game_runs():
    """From Python to a result, without a file."""
    result = saddle().game().solve(steps=200)
    assert result.value == pytest.approx(0, abs=1e-3)


def test_params_of_a_built_game_can_be_replaced():
    """As in `load`."""
    g = b.Builder("shifted")
    c = g.param("c", 1)
    u = g.var("u", within=[-2, 2])
    g.solve(b.min(u, body=(u - c) ** 2))
    assert g.game().ir().hash() != g.game(params={"c": "1/2"}).ir().hash()


def test_a_mistake_is_shown_in_the_text():
    """Diagnostics point into the text that was built."""
    g = saddle()
    g.metric("m", b.word.z + 1)
    with pytest.raises(gs.CheckError) as caught:
        g.game()
    (found,) = caught.value.diagnostics
    assert found.code == "GE101"
    assert "metric m = z + 1" in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    "mistake",
    [lambda: bool(U <= 1), lambda: 0 <= U <= 1, lambda: list(U), lambda: U + object(), lambda: U + {}, lambda: U.where(U.equals(V)) + 1],
    ids=["bool", "chain", "list", "object", "dict", "part of a body"],
)
def test_what_python_would_lose_is_refused(mistake):
    """A chain of comparisons, a loop over a term, a value without a form: told at once, with what to write."""
    with pytest.raises(TypeError, match=r"write `|name its parts|has no form|has side items|unsupported"):
        mistake()


def test_building_loads_neither_torch_nor_the_compiler():
    """`import gamespec.builder` is cheap."""
    code = "import sys; from gamespec import builder as b; b.Builder('x').text; print({'torch', 'sympy', 'gamespec.pipeline'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_text_from_python_is_checked_as_a_file_is():
    """`from_text` names the source and raises what a file would raise."""
    with pytest.raises(GameError) as caught:
        gs.from_text("language 1\nsolve min{u} [ u^2 ]\n", "mine.game")
    assert caught.value.diagnostics[0].primary.span.file == "mine.game"
