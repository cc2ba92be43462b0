"""`gamec fmt` prints every text in one layout, and changes neither its tree nor its comments."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.layout import layout
from gamespec.syntax.lex import lex
from gamespec.syntax.parse import parse
from gamespec.syntax.pretty import WIDTH
from gamespec.syntax.table import table
from tests.syntax.conftest import EXAMPLES, HERE, bare
from tests.work import calls

SPECS = sorted((HERE.parents[1] / "specs").rglob("*.game"))
PATHS = [*sorted((HERE / "programs").glob("*.game")), *SPECS, *sorted(EXAMPLES.rglob("*.game"))]
TEXTS = [path.read_text(encoding="utf-8") for path in PATHS]

# Forms that no program above has, and places where white space decides what a word is.
INLINE = [
    "let a = s . t . x + (s.t) . y",
    "let params = 1 let b = a s.t. params∈S",
    "let E=2 let f = E{x∼p}[x]≤3 let g=∑{i∈0..2}[i]∖{1} let h=∇{x}[x^2]≠sum(1)",
    "solve {min{u}[u]}order a then(b,c)ties any",
    "def f()=0 def g(x:R[2],y)->R=x where y=2 s.t. u in S,v=argmin{v}[v]",
    "let f = a subject to b <= 3 where c = nash{min{q}[q]}",
    "schedule{} run{} expect d:a==b",
    "let long = " + "+".join(f"coefficient_{i}*variable_{i}" for i in range(20)),
    "let table = [" + ",".join(map(str, range(100))) + "]",
    "let n = f(" + ",".join(f"argument_{i} = g({i}, x; p, q)" for i in range(12)) + ")",
    "let c = if a then b else if c then d else " + "e" * 90,
    "let t = a<=b<c and not d or e&f\\g",
    "data d:(x:R,z:R[2] in [0,1],y:TaskSet of(R)) in S=f() net h:R->R=f()frozen in S params w",
    "let comments = ( # one\n# two\na # three\n+ # four\nb) # five\n# six\n\n\n# seven",
    "# first\n\n# second\nlet a = 1 # here\n## doc\n\n## more\nlet b = 2",
    "solve min{u} # who\n[ u # what\n] # end",
    "schedule { a: b, # first\n c # second\n d: e # third\n}",
    "metric m = max{k in 0..N - 1}[ f(k) ] metric other = g((a+b)*2, 0..(n*2))",
]


def laid(text: str, unicode: bool = False) -> str:
    """Give the layout of a text."""
    return layout(Source("t.game", text), unicode=unicode)


def comments(text: str) -> list[str]:
    """Give the comments of a text, in order."""
    return [comment.text.rstrip() for comment in lex(Source("t.game", text), table()).comments]


def check(text: str, unicode: bool = False) -> None:
    """Tree and comments are kept, and a second time changes nothing."""
    made = laid(text, unicode)

    assert bare(parse(Source("t.game", made))) == bare(parse(Source("t.game", text)))
    assert comments(made) == comments(text)
    assert laid(made, unicode) == made


@pytest.mark.parametrize("unicode", [False, True])
@pytest.mark.parametrize("text", [*TEXTS, *INLINE], ids=[*(path.stem for path in PATHS), *(text[:24] for text in INLINE)])
def test_layout_keeps_tree_and_comments(text, unicode):
    """Whatever is laid out says what it said, in as many comments, and stays as it is from then on."""
    check(text, unicode)


@pytest.mark.parametrize("text", [*TEXTS, *INLINE])
def test_both_alphabets_have_one_layout(text):
    """Signs of mathematics and back: the ASCII layout does not depend on the alphabet of the text."""
    assert laid(laid(text, unicode=True)) == laid(text)


GAPS = ["", " ", " ", "\n", "\n\n\n", "\t ", " # c\n", "\n# own line\n", "\n\n## doc ε\n\n", "#\n"]


def spread(text: str, rng: random.Random) -> str:
    """Give a text with other white space, and with comments, between its words."""
    tokens = lex(Source("t.game", text), table()).tokens
    parts = [text[tokens[0].start : tokens[0].end]]
    for token, following in itertools.pairwise(tokens):
        apart = token.end < following.start
        near = token.type in {"OP", "CONCEPT", "KEYWORD_KEY", "_PARAMS"} or "." in token.text + following.text
        gap = " " * apart if near else rng.choice(GAPS)
        parts += [gap or " " * apart, text[following.start : following.end]]
    return "".join(parts)


@settings(max_examples=200)
@given(text=st.sampled_from([*TEXTS, *INLINE]), rng=st.randoms(use_true_random=False))
def test_any_layout_becomes_the_same(text, rng):
    """White space and comments anywhere change neither the tree nor what is kept of the comments."""
    other = spread(text, rng)

    assert undocumented(other) == undocumented(text)
    check(other)


def undocumented(text: str) -> str:
    """Give the tree of a text without what its `##` comments say."""
    return bare(parse(Source("t.game", text)).statements)


def test_lines_are_short():
    """Only comments and words that cannot be parted pass the width."""
    for text in TEXTS:
        long = [line for line in laid(text).splitlines() if len(line) > WIDTH and "#" not in line]
        assert long == []


def test_a_text_with_a_mistake_is_refused():
    """With the diagnostics of the parser."""
    with pytest.raises(GameError, match="GE003"):
        laid("let a = 2u")


GOLDEN = Path(__file__).with_name("layout")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.game")), ids=lambda path: path.stem)
def test_the_layout_is_the_one_that_was_agreed(path):
    """Texts that show every rule are printed as they stand in the folder."""
    text = path.read_text(encoding="utf-8")

    assert laid(text) == text


def test_the_sides_are_named_by_what_they_hold():
    """Responses and constraints follow `s.t.`, names follow `where`."""
    text = "let f = a where b = argmin{b}[b] s.t. c = 3 where d in S"

    assert laid(text) == "let f = a s.t. b = argmin{b}[ b ] where c = 3 s.t. d in S\n"


def test_signs_of_mathematics():
    """`--unicode` changes operators and binder words, never a name."""
    text = "let f = E{x ~ p}[ sum{i in S \\ {1}}[ eps ] ] <= sum(x) + grad{x}[ E ]"

    assert laid(text, unicode=True) == "let f = 𝔼{x ∼ p}[ ∑{i ∈ S ∖ {1}}[ eps ] ] ≤ sum(x) + ∇{x}[ E ]\n"


def test_long_files_take_work_in_proportion():
    """Four times the text takes about four times the calls."""

    def work(times: int) -> int:
        return calls(lambda: laid("\n# c\nlet f = -u^2 + (v^2 + 2*u*v) # d" * times))

    work(10)
    assert work(200) < 6 * work(50)
