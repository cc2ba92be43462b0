"""`gamec expand` writes definitions in place, and the game means the same; every tree can be said as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamespec import pipeline
from gamespec.notation.inline import inlined
from gamespec.report.diagnostic import Fix, GameError
from gamespec.report.fixes import edit
from gamespec.report.source import Source
from gamespec.syntax import tree
from gamespec.syntax.parse import parse
from gamespec.syntax.say import body, kind, say, statement
from tests.syntax.conftest import bare
from tests.syntax.test_layout import INLINE

TESTS = Path(__file__).parent
GAMES = sorted([*(TESTS.parent / "specs").rglob("*.game"), *(TESTS / "check" / "examples").glob("*.game"), *(TESTS / "truth").glob("*.game")])


def written_out(source: Source) -> str:
    """The text with its definitions in place."""
    return edit(source.text, source.name, [Fix("", (e,)) for e in inlined(parse(source), source.name)])[0]


def meaning(source: Source) -> str | list[str]:
    """The hash of a game, or the codes of its mistakes."""
    try:
        return pipeline.check(source).game.hash()
    except GameError as error:
        return [d.code for d in error.diagnostics]


@pytest.mark.parametrize("path", GAMES, ids=lambda p: p.stem)
def test_a_game_without_its_definitions_means_the_same(path: Path):
    """Neither `def`, `let` nor `import` is left where all of them are formulas, and the meaning is the same to the hash."""
    source = Source(str(path), path.read_text(encoding="utf-8"))
    text = written_out(source)
    assert meaning(Source(str(path), text)) == meaning(source)
    assert "import" not in {s.split()[0] for s in text.splitlines() if s and not s.startswith("#")}


HEAD = "language 1\nvar u in [-1, 1]\nvar v in [-1, 1]\n"


@pytest.mark.parametrize(
    ("lines", "formula", "expected"),
    [
        ("def f(x) = x^2", "f(u + v)*2", "(u + v)^2*2"),
        ("def f(x) = x + 1", "2*f(u)", "2*(u + 1)"),
        ("def f(x) = sum{i in 0..2}[ i*x ]", "sum{i in 0..1}[ f(i*u) ]", "sum{i in 0..1}[ sum{i_2 in 0..2}[ i_2*(i*u) ] ]"),
        ("def f(x) = sum{i in 0..2}[ x*sum{x in 0..1}[ x*i ] ]", "f(u)", "sum{i in 0..2}[ u*sum{x in 0..1}[ x*i ] ]"),
        ("def f(x) = y*z where y = x + z, z = x", "f(u)", "(u + u)*u"),
        ("def f(x) = y where y = x, z = x*2", "f(u)", "u"),
        ("def f(x) = g(x) - 1\ndef g(x) = h(x, u)\ndef h(a, b) = a*b", "f(v)", "v*u - 1"),
        ("let a = u*b\nlet b = 3", "a^2", "(u*3)^2"),
        ("let a = u\ndef f(x) = a + x", "sum{a in 0..1}[ a*f(a) ]", "sum{a in 0..1}[ a*(u + a) ]"),
        ("def f(x) = grad{x}[ x^2 where x = u ]", "f(v)", "grad{x}[ x^2 where x = u ]"),
        ("let c = if u > 0 then 1 else 2", "c*u", "(if u > 0 then 1 else 2)*u"),
    ],
    ids=str,
)
def test_no_name_catches_another(lines: str, formula: str, expected: str):
    """Bound names are renamed where an argument would be caught; brackets stand where they are needed."""
    text = written_out(Source("a.game", f"{HEAD}{lines}\nsolve min{{u}} max{{v}} [ {formula} ]\n"))
    assert f"[ {expected} ]" in text
    assert "def" not in text
    assert "let" not in text


def test_what_answers_stays_a_definition_and_comes_along_from_an_import(tmp_path: Path):
    """A definition with a response is kept; an imported one enters the file with the name of its import, and so does its param."""
    (tmp_path / "lib.game").write_text("language 1\nparam c = 2\ndef cost(x, w) = c*(x - w)^2\n")
    source = Source(
        str(tmp_path / "main.game"),
        f'{HEAD}import "lib.game" as lib\ndef best(x) = w^2 + x s.t. w = argmin{{w: R}}[ lib.cost(x, w) ]\n'
        "let f = best(u)\nsolve min{u} max{v} [ u*v + lib.c ]\n",
    )
    text = written_out(source)
    assert "param lib_c = 2" in text
    assert "argmin{w: R}[ lib_c*(x - w)^2 ]" in text
    assert "u*v + lib_c" in text


@pytest.mark.parametrize("text", [*INLINE, *(p.read_text(encoding="utf-8") for p in GAMES)], ids=lambda t: t[:30])
def test_every_tree_is_said_as_text(text: str):
    """What is said of an expression, a body, a type or a definition is read as the same tree."""
    found = 0
    for s in parse(Source("a.game", text)).statements:
        if isinstance(s, tree.Param | tree.Dim | tree.Dist | tree.Let | tree.Def):
            (again,) = parse(Source("a.game", statement(s))).statements
            assert bare(again) == bare(s)
            found += 1
        if isinstance(s, tree.Solve) and isinstance(s.game, tree.Bound):
            assert bare(parse(Source("a.game", f"let x = {say(s.game)}")).statements[0].body.expr) == bare(s.game)
            found += 1
        if isinstance(s, tree.Metric):
            assert bare(parse(Source("a.game", f"metric {s.name.id} = {body(s.body)}")).statements[0]) == bare(s)
            found += 1
        if isinstance(s, tree.Data | tree.Net):
            (again,) = parse(Source("a.game", f"net x: {kind(s.type)} = {say(s.source)}")).statements
            assert (bare(again.type), bare(again.source)) == (bare(s.type), bare(s.source))
            found += 1
    assert found or "solve" not in text or "{min" in text or "nash" in text
