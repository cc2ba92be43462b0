"""What texts mean: precedence, spelling and the shape of every statement."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source, Span
from gamespec.syntax import tree as t
from gamespec.syntax.parse import parse, parse_expression

SAME = [
    ("-u^2", "-(u^2)"),
    ("a - b - c", "(a - b) - c"),
    ("a ^ b ^ c", "a ^ (b ^ c)"),
    ("a + b * c", "a + (b * c)"),
    ("a / b * c", "(a / b) * c"),
    ("x^-2", "x^(-2)"),
    ("not a and b or c", "((not a) and b) or c"),
    ("0..n-1 \\ {3}", "(0..(n-1)) \\ {3}"),
    ("A & B & C", "(A & B) & C"),
    ("a < b and c", "(a < b) and c"),
    ("f(x)[0].y", "((f(x))[0]).y"),
    ("if a then b else c + d", "if a then b else (c + d)"),
    ("a ≤ b ≥ c ≠ d", "a <= b >= c != d"),
    ("𝔼{x ∼ p}[x]", "E{x ~ p}[x]"),
    ("∑{i ∈ S}[i]", "sum{i in S}[i]"),
    ("∇{x}[f ∖ g]", "grad{x}[f \\ g]"),
    ("∑(x)", "sum(x)"),
    ("ϵ + µ", "ε + μ"),
    ("x₁", "x1"),
    ("1_000", "1000"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_are_one_tree(one, other, texts):
    """Both texts have the same tree."""
    assert texts.expr(one) == texts.expr(other)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.1", Fraction(1, 10)), ("5e-4", Fraction(1, 2000)), ("2_0", Fraction(20)), ("1E2", Fraction(100))],
)
def test_numbers_are_exact(text, value):
    """A literal is the fraction that it spells."""
    assert parse_expression(Source("t.game", text)) == t.Num(Span("t.game", 0, len(text)), value)


def test_parentheses_are_inside_the_span_of_the_operation():
    """The span of `(a + b) * c` begins at the parenthesis, that of `a + b` inside it."""
    product = parse_expression(Source("t.game", "(a + b) * c"))

    assert product.span == Span("t.game", 0, 11)
    assert product.left.span == Span("t.game", 1, 6)


def test_strings_lose_their_quotes_and_escapes():
    """The value of a string is what was meant, not what was typed."""
    assert parse_expression(Source("t.game", r'"a\\b\"c\n\t"')).value == 'a\\b"c\n\t'


def test_arguments_are_sorted_by_kind(texts):
    """A call keeps its arguments by place, by name and after the semicolon apart."""
    call = parse_expression(Source("t.game", "f(a, order = b; c, d)"))

    assert [arg.id for arg in call.args] == ["a"]
    assert [(arg.key, arg.value.id) for arg in call.kwargs] == [("order", "b")]
    assert [arg.id for arg in call.params] == ["c", "d"]


def only(text: str) -> t.Statement:
    """Give the one statement of a text."""
    (statement,) = parse(Source("t.game", text)).statements
    return statement


def test_a_stack_of_binders_is_one_node():
    """Binders in a row share one body, and know what they draw or choose."""
    bound = only("solve min{u: R[2] in S, (a, b)} E{x ~ p | x > 0} [ f s.t. g <= 1, w = h forall i in S, w in T ]").game

    assert [(b.op, [bind.draws for bind in b.binds]) for b in bound.binders] == [("min", [False, False]), ("E", [True])]
    assert [name.id for name in bound.binders[0].binds[1].pattern.names] == ["a", "b"]
    assert [item.kind for item in bound.body.side] == ["constraint", "unique", "any"]
    assert bound.body.side[1].foralls[0].name.id == "i"
    assert bound.binders[1].op_span == Span("t.game", 32, 33)


def test_a_block_says_whether_it_is_a_nash_game():
    """`nash` before the braces is kept, and so are labels and what holds for all players."""
    block = only("solve both: nash { one: min{u}[u] max{v}[v] where u <= v }").game

    assert block.nash
    assert [player.label and player.label.id for player in block.players] == ["one", None]
    assert len(block.side) == 1
    assert not only("solve { min{u}[u] }").game.nash


def test_order_and_ties_follow_a_solve():
    """The ranks of an order are groups of names."""
    order, ties = only("solve min{u}[u] order a then (b, c) ties any").tails

    assert [[name.id for name in rank] for rank in order.ranks] == [["a"], ["b", "c"]]
    assert ties.rule.id == "any"


def test_the_options_of_a_net_may_stand_in_any_order():
    """`params`, `in` and `frozen` are found wherever they stand."""
    net = only("net h: R -> R = f() frozen in Lipschitz(1) params w")

    assert (net.params.id, net.set.fn.id, net.frozen) == ("w", "Lipschitz", True)


def test_an_expectation_may_be_of_one_schedule():
    """The label of `expect` names the schedule, and most have none."""
    assert only("expect fast: value < 1").schedule.id == "fast"
    assert only("expect value < 1").schedule is None


def test_types_nest():
    """Records, arrows and families of types keep their parts."""
    data = only("data d: TaskSet of (x: image[1, 2] in [0, 1], class[K]) = given")

    assert data.type.name == "TaskSet"
    assert [field.name and field.name.id for field in data.type.inner.fields] == ["x", None]
    assert data.type.inner.fields[0].range is not None
    assert isinstance(only("net n: A -> params(h) = f").type, t.TFun)


def test_a_schedule_may_have_no_name():
    """The unnamed schedule is the default one; entries keep their path and their directives."""
    schedule = only("schedule extends base { robust.e: pgd(steps = 1), project  init: x }")

    assert (schedule.name, schedule.extends.id) == (None, "base")
    assert [entry.path.keys for entry in schedule.entries] == [("robust", "e"), ("init",)]
    assert [len(entry.values) for entry in schedule.entries] == [2, 1]


def test_an_expression_alone_is_one_expression_only():
    """A statement is no expression."""
    with pytest.raises(GameError) as caught:
        parse_expression(Source("t.game", "let f = 2"))

    assert caught.value.diagnostics[0].primary.span == Span("t.game", 0, 3)
