"""The IR is an immutable value: JSON and back, one hash for one meaning, walks that miss nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import ValidationError

from gamespec import pipeline
from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word
from gamespec.ir.game import Game
from gamespec.ir.types import BOOL, INDEX, PROB, REAL, Interval, Type, vector
from gamespec.ir.walk import children, depth, expanded, free_names, problem, rebuild, replace_values, walk
from gamespec.report.source import Source
from tests.check.programs import ROBUST, WORKING


def ref(name: str) -> Ref:
    """A name."""
    return Ref(name=name)


ONE = Num(value=Fraction(1))
SAMPLE = Draw(names=("a",), over="train", cond=Call(fn="le", args=(ref("a"), ref("c"))))
EACH = Draw(names=("i",), draws=False, first=0, last=2, skip=ref("b"))

# Every kind of expression, with its children and its free names.
KINDS: list[tuple[Expr, int, list[str]]] = [
    (ONE, 0, []),
    (Word(value="uniform"), 0, []),
    (ref("x"), 0, ["x"]),
    (Value(node="main/max:d"), 0, []),
    (Call(fn="add", args=(ref("x"), ref("y"))), 2, ["x", "y"]),
    (Apply(net="h", args=(ref("x"),)), 1, ["h", "x"]),
    (Apply(net="h", args=(ref("x"),), at=ref("w")), 2, ["h", "x", "w"]),
    (Reduce(op="E", draws=(SAMPLE,), body=Call(fn="mul", args=(ref("a"), ref("x")))), 2, ["c", "x"]),
    (Reduce(op="sum", draws=(EACH,), body=Index(base=ref("q"), indices=(ref("i"),))), 2, ["b", "q"]),
    (Grad(name="z", body=Call(fn="mul", args=(ref("z"), ref("x"))), at=ref("y")), 2, ["y", "x"]),
    (Grad(name="z", body=ref("z")), 1, []),
    (Stop(body=ref("x")), 1, ["x"]),
    (If(cond=ref("c"), then=ref("x"), other=ref("y")), 3, ["c", "x", "y"]),
    (Array(items=(ref("x"), ONE)), 2, ["x"]),
    (Index(base=ref("q"), indices=(ref("i"),)), 2, ["q", "i"]),
]


@pytest.mark.parametrize(("expr", "count", "names"), KINDS, ids=lambda v: getattr(v, "kind", ""))
def test_walks_see_every_child(expr, count, names):
    """Children are all there, names that are bound inside are not free, and rebuilding with no change changes nothing."""
    assert len(children(expr)) == count
    assert free_names(expr) == names
    assert rebuild(expr, lambda e: e) == expr
    assert next(iter(walk(expr))) == expr
    assert len(list(walk(expr))) >= 1 + count


@pytest.mark.parametrize(("expr", "count", "names"), KINDS, ids=lambda v: getattr(v, "kind", ""))
def test_expressions_are_values(expr, count, names):
    """Equal ones have equal hashes, and none can be changed."""
    assert hash(expr) == hash(expr.model_copy())
    with pytest.raises(ValidationError):
        expr.kind = "other"


def test_depth_counts_the_longest_way_down():
    """`-(-(x))` has three nodes on its way."""
    assert depth(ONE) == 1
    assert depth(Call(fn="neg", args=(Call(fn="neg", args=(ref("x"),)),))) == 3


def test_values_are_replaced_all_the_way():
    """A value may stand inside the objective that replaces another."""
    table = {"a": Call(fn="neg", args=(Value(node="b"),)), "b": ONE}
    formula = Call(fn="add", args=(Value(node="a"), Value(node="c")))

    assert replace_values(formula, table.get) == Call(fn="add", args=(Call(fn="neg", args=(ONE,)), Value(node="c")))


@pytest.mark.parametrize("name", sorted(WORKING))
def test_a_game_goes_through_json(name):
    """Nothing is lost on the way to JSON and back."""
    game = pipeline.check(Source("a.game", WORKING[name])).game

    assert Game.model_validate_json(game.model_dump_json()) == game


def test_the_hash_follows_the_meaning():
    """Layout and comments change nothing, a number does."""
    hashes = [pipeline.check(Source("a.game", text)).game.hash() for text in (ROBUST, "# a comment\n" + ROBUST.replace("\n", "\n  "))]
    other = pipeline.check(Source("a.game", ROBUST.replace("0.15", "0.14"))).game.hash()

    assert hashes[0] == hashes[1]
    assert other != hashes[0]


def test_an_objective_can_be_written_out():
    """`expanded` puts the follower's objective where its value stands; `problem` leaves the metrics' players out."""
    text = ROBUST.replace("schedule {", "metric r = E{(a, b) ~ test} min{e in Linf(eps)}[ correct(h(a + e), b) ]\nschedule {")
    text = text.replace("d: pgd(steps = 10, lr = 0.04)", "r.e: pgd(surrogate = [ce])")
    game = pipeline.check(Source("a.game", text)).game

    assert not any(isinstance(e, Value) for e in walk(expanded(game, "main")))
    assert {n.id for n in game.nodes} - {n.id for n in problem(game).nodes} == {"@r/min:e"}


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (REAL, "R"),
        (PROB, "prob"),
        (BOOL, "bool"),
        (INDEX, "index"),
        (vector(2, 3), "R[2, 3]"),
        (vector(1, 8, 8), "image[1, 8, 8]"),
        (Type(kind="class", size=3), "class[3]"),
        (Type(kind="logits", size=3), "logits[3]"),
        (Type(kind="params", net="h"), "params(h)"),
    ],
)
def test_types_print_as_they_are_written(kind, written):
    """A type in a message looks as in a file."""
    assert str(kind) == written
    assert kind.numeric == (kind.kind not in ("class", "params"))


def test_an_interval_knows_its_width():
    """Open sides have none."""
    assert Interval(lo=Fraction(-1), hi=Fraction(2)).width == 3
    assert Interval(lo=Fraction(0)).width is None


def test_fractions_stay_exact_in_json():
    """8/255 is a text there."""
    assert Num(value=Fraction(8, 255)).model_dump(mode="json")["value"] == "8/255"
    assert Num.model_validate({"value": "8/255"}).value == Fraction(8, 255)


def test_unknown_fields_are_refused():
    """The IR is strict."""
    with pytest.raises(ValidationError):
        Num.model_validate({"value": 1, "extra": 2})
