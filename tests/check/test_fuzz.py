"""Broken games: whatever is deleted, doubled or swapped, only a GameError comes out, and soon."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamespec import pipeline, shipped
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from tests.check.programs import WORKING

FOLDER = shipped.folder()
SHIPPED = {path.stem: path.read_text(encoding="utf-8") for path in shipped.games(FOLDER)} if FOLDER else {}
PROGRAMS = WORKING | SHIPPED
SMALL = ["saddle", "bilevel", "nash", "bilinear", "matrix_game", "cournot", "three_level", "anti_saddle", "forsaken"]
TOKEN = re.compile(r"#[^\n]*|\"[^\"\n]*\"|s\.t\.|\d\w*(?:\.\d+)?(?:(?<=[eE])-\d+)?|\w+|\.\.|[<>=!]=|->|\S")
NOTHING = Diagnostic("GE001", "an error without a diagnostic", Label(Span("a.game", -1, -1)))


def tokens(text: str) -> list[str]:
    """A program as its tokens, comments dropped."""
    return [t for t in TOKEN.findall(text) if not t.startswith("#")]


@st.composite
def mutants(draw: st.DrawFn, names: list[str]) -> str:
    """A program with one to three changes of its tokens."""
    words = tokens(PROGRAMS[draw(st.sampled_from(names))])
    identifiers = sorted({w for w in words if w.isidentifier()} | {"x", "inf", "train", "domain", "E", "nash"})
    extra = [
        "0",
        "10^9",
        "-1",
        "1/0",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "0..2",
        "[1, 2]",
        "E",
        "max",
        "argmin",
        ",",
        "\\",
        "&",
        "~",
        "in",
        "s.t.",
        "true",
    ]
    for _ in range(draw(st.integers(1, 3))):
        i, j = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, len(words) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del words[i]
            case 1:
                words.insert(i, words[j])
            case 2:
                words[i], words[j] = words[j], words[i]
            case 3:
                places = [k for k, w in enumerate(words) if w.isidentifier()]
                words[places[i % len(places)]] = draw(st.sampled_from(identifiers))
            case _:
                words[i] = draw(st.sampled_from(extra))
        if not words:
            return ""
    return " ".join(words)


def outcome(text: str, *, whole: bool = False) -> str:
    """Whether a program is right, refused or (whole) cannot be played; anything else than a GameError escapes."""
    try:
        checked = pipeline.check(Source("a.game", text))
        if whole:
            pipeline.compile(checked)
        found: tuple[Diagnostic, ...] = ()
    except GameError as error:
        found = error.diagnostics or (NOTHING,)
    wrong = [d for d in found if not 0 <= d.primary.span.start <= d.primary.span.end <= len(text)]
    return f"misplaced: {wrong}" if wrong else "refused" if found else "fine"


@given(text=mutants(sorted(PROGRAMS)))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_broken_game_is_refused_or_right(text):
    """Nothing but a GameError leaves `check`."""
    assert outcome(text) in ("refused", "fine")


@given(text=mutants(SMALL))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_broken_small_game_is_refused_or_compiles(text):
    """What `check` lets through, the later stages take or refuse with a reason."""
    assert outcome(text, whole=True) in ("refused", "fine")


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_the_programs_themselves_are_right(name):
    """The mutants start from programs that compile, as they are and as their tokens."""
    assert outcome(PROGRAMS[name], whole=True) == "fine"
    assert outcome(" ".join(tokens(PROGRAMS[name]))) == "fine"


DOUBLING = "".join(f"let a{k + 1} = a{k} + a{k}\n" for k in range(60))
DOUBLING_DEFS = "def f0(t) = t + 1\n" + "".join(f"def f{k + 1}(t) = f{k}(f{k}(t))\n" for k in range(60))
ROOT = "language 1\nvar x: R\nvar y: R\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ROOT}let a0 = x\n{DOUBLING}solve min{{x}} max{{y}} [ x*y + a60 ]", id="doubling lets"),
        pytest.param(f"{ROOT}param a0 = 2\n{DOUBLING}param n = a60\nsolve min{{x}} max{{y}} [ x*y + n ]", id="doubling constants"),
        pytest.param(f"{ROOT}{DOUBLING_DEFS}solve min{{x}} max{{y}} [ x*y + f60(x) ]", id="doubling definitions"),
        pytest.param(f"{ROOT}solve min{{x}} max{{y}} [ x*y{' + x' * 5000} ]", id="a long sum"),
        pytest.param(f"{ROOT}solve min{{x}} max{{y}} [ x*y{' ^ 1' * 150} ]", id="a long tower"),
        pytest.param(f"{ROOT}solve min{{x}} max{{y}} [ {'sin(' * 150}x{')' * 150} ]", id="deep calls"),
        pytest.param(f"{ROOT}solve min{{x}} max{{y}} [ {'sum{i in 0..2}[' * 90}x{']' * 90} ]", id="deep sums"),
        pytest.param(f"{ROOT}solve min{{x}} {'max{d in [0, 1]} ' * 150}[ x ]", id="deep players"),
        pytest.param(f"{ROOT}param n = {'1 + ' * 5000}1\nsolve min{{x}} max{{y}} [ x*y ]", id="a long constant"),
        pytest.param(f"{ROOT}param n = {'-' * 150}1\nsolve min{{x}} max{{y}} [ x*y ]", id="many signs"),
        pytest.param(f"{ROOT}var z in {'Linf(1) & ' * 150}Linf(1)\nsolve min{{x}} max{{y}} [ x*y ]", id="many sets"),
        pytest.param(f"{ROOT}param n = 10^299 * 10^299\nsolve min{{x}} max{{y}} [ x*y + n ]", id="a huge number"),
    ],
)
def test_towers_are_refused_in_bounded_time(text):
    """A short file that stands for an enormous game costs no time."""
    assert outcome(text) == "refused"
