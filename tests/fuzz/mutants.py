"""Texts near to games: the tokens of real ones changed, and parts of one put into another."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import strategies as st

from gamespec.report.source import Source
from gamespec.syntax.lex import lex
from gamespec.syntax.table import table

TESTS = Path(__file__).parents[1]
FENCE = re.compile(r"^```game[^\n]*\n(.*?)^```$", re.M | re.S)


def _programs() -> list[list[str]]:
    files = [*(TESTS.parent / "specs").rglob("*.game"), *(TESTS / "check" / "examples").glob("*.game"), *(TESTS / "truth").glob("*.game")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(files)]
    texts += [m for page in sorted((TESTS / "docs").glob("*.md")) for m in FENCE.findall(page.read_text(encoding="utf-8"))]
    return [[t.text for t in lex(Source("a.game", text), table()).tokens] for text in texts]


PROGRAMS = _programs()
WORDS = sorted({w for p in PROGRAMS for w in p})
ODD = [
    "0", "10^9", "-1", "1/0", "1e308", "1e-308", "0..2", "0..10^9", "[1, 2]", "[]", "{", "}", "[", "]", "(", ")", "'", '"', '"\\n"', "$", "²",
    "ε", "x̂", "\x00", "\t", "\ufeff", "s.t.", "where", "in", "~", "forall k in 0..3", "if", "then", "else", "true", "inf", "nan", "∞",
    "language 2", "game", "solve", "solve min{q in [0, 1]} [ q ]", "E", "∑{i in 0..2}[ i ]", "max{d in Linf(1)}", "argmin{w: R}[ w^2 ]", ";", "#",
    "\\",
]  # fmt: skip
PAIRS = {"[": "]", "{": "}", "(": ")"}


def part(words: list[str], at: int) -> tuple[int, int]:
    """The bracketed part that begins at or behind a place, else the one token there."""
    for start in range(at, min(at + 20, len(words))):
        if words[start] in PAIRS:
            depth = 0
            for end in range(start, len(words)):
                depth += (words[end] in PAIRS) - (words[end] in PAIRS.values())
                if depth == 0:
                    return start, end + 1
    return at, min(at + 1, len(words))


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A real game with one to five changes; most are near enough to reach the checks behind the parser."""
    words = list(draw(st.sampled_from(PROGRAMS)))
    for _ in range(draw(st.integers(1, 5))):
        if not words:
            break
        i, j = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, len(words) - 1))
        match draw(st.integers(0, 7)):
            case 0:
                del words[i]
            case 1:
                words.insert(i, words[j])
            case 2:
                words[i], words[j] = words[j], words[i]
            case 3:
                words[i] = draw(st.sampled_from(WORDS))
            case 4:
                words[i] = draw(st.sampled_from(ODD))
            case 5:
                other = draw(st.sampled_from(PROGRAMS))
                a, b = part(words, i)
                c, d = part(other, draw(st.integers(0, len(other) - 1)))
                words[a:b] = other[c:d]
            case 6:
                a, b = part(words, i)
                del words[a:b]
            case _:
                words[i] = draw(st.text(max_size=8))
    return draw(st.sampled_from([" ", "\n"])).join(words)
