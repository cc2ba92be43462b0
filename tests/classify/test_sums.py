"""How objectives add up, as read, as polynomials, and by sympy."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamespec.classify import classify, symbolic
from gamespec.classify.bounds import Known
from gamespec.classify.expand import Expansion
from gamespec.classify.sums import linear
from gamespec.ir.types import vector

from . import games
from .games import E, bilevel, block, call, fold, node, raw, sample, var, x

u, v = x("u"), x("v")
PAIR = [var("u", -1, 1), var("v", -1, 1)]


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ((u + v) ** 2, -(u**2) - 2 * u * v - v**2, "zero-sum"),
        (u * v + 3, 2 - v * u, "constant-sum"),
        (u * v + u, u + v * u, "identical-interest"),
        (u * v, u * v**2, "general-sum"),
        (call("exp", u) * v, -(v * call("exp", u)), "zero-sum"),
    ],
)
def test_the_sum_of_two_costs_names_a_nash_game(first: E, second: E, name: str) -> None:
    """Zero, constant, identical, general."""
    assert classify(block(PAIR, ("min", "u", first), ("min", "v", second))).kind.split(", ")[2] == name


def test_a_nash_game_of_opposite_senses_on_one_objective_is_zero_sum() -> None:
    """One minimises what the other maximises; on compact sets the value is unique."""
    facts = classify(block(PAIR, ("min", "u", u * v), ("max", "v", u * v)))

    assert facts.zero_sum.verdict
    assert facts.saddle.verdict
    assert facts.kind == "Nash, 2 players, zero-sum"


def test_a_zero_sum_block_bent_the_wrong_way_names_its_players() -> None:
    """There is no leader in a block."""
    f = v**2 - u**2 + 2 * u * v
    facts = classify(block(PAIR, ("min", "u", f), ("max", "v", f)))

    assert facts.saddle.verdict is False


def test_a_zero_sum_block_of_three_is_no_minimax() -> None:
    """Three costs that add up to zero."""
    three = [*PAIR, var("w", -1, 1)]
    facts = classify(block(three, ("min", "u", u), ("min", "v", v), ("min", "w", -u - v)))

    assert facts.zero_sum.verdict
    assert facts.saddle.reason.text == "not a game of two players"


def test_equal_mixed_derivatives_make_a_potential() -> None:
    """Players with their own terms and one common coupling."""
    shared = classify(block(PAIR, ("min", "u", u**2 + u * v), ("min", "v", v**4 + u * v)))
    apart = classify(block(PAIR, ("min", "u", u**2 + u * v), ("min", "v", v**4 - 2 * u * v)))
    kinked = classify(block(PAIR, ("min", "u", call("abs", u - v)), ("min", "v", v**4)))

    assert shared.potential.verdict
    assert shared.kind.endswith("general-sum, potential")
    assert apart.potential.verdict is False
    assert kinked.potential.verdict is None


def test_sympy_sees_what_terms_do_not() -> None:
    """sigmoid(u) + sigmoid(-u) is one."""
    first = v * (call("sigmoid", u) + call("sigmoid", -u))
    facts = classify(block(PAIR, ("min", "u", first), ("min", "v", -v)))

    assert facts.zero_sum.verdict


def test_long_forms_and_other_functions_are_not_given_to_sympy() -> None:
    """Neither a sum with very many terms nor one that points already rule out."""
    long = Expansion(games.alone(PAIR, u)).read(((1 + u + v) ** 8).expr).items[0]
    facts = classify(block(PAIR, ("min", "u", call("exp", u) + 1), ("min", "v", call("exp", v))))

    assert not symbolic.vanishes(long)
    assert facts.zero_sum.verdict is None


def test_sympy_reads_every_function() -> None:
    """Each function of a closed form has its counterpart."""
    t = x("u")
    whole = call("abs", t) + call("softplus", t) + 1 / (t**2 + 1) + call("sin", t) * call("tanh", t) + x("pi")
    found = Expansion(games.alone([var("u")], t)).read((whole - whole).expr).items[0]
    form = Expansion(games.alone([var("u")], t)).read(whole.expr).items[0]

    assert not found.terms
    assert not symbolic.vanishes(form)


def test_a_response_that_raises_its_leaders_cost_is_zero_sum() -> None:
    """An argmax of the leader's own objective is a minimax in other words, also up to the leader's own terms."""
    f = u * v - v**2
    facts = classify(bilevel(PAIR, ("min", "u", f + u**2), ("max", "v", f)))

    assert facts.kind == "minimax, zero-sum, simultaneous"
    assert facts.saddle.verdict
    assert facts.player("main").convexity.verdict


def test_a_response_of_each_sample_is_compared_within_the_sample() -> None:
    """The leader's objective is an expectation of what the follower raises."""
    base = games.pgd()
    draw = sample("a", "b", of="train")
    loss = call("ce", games.net("h", x("a") + x("eta")), x("b"))
    nodes = (base.nodes[0], node("main", "min", "h", fold("E", draw, loss)))
    edge = base.edges[0].model_copy(update={"kind": "response"})
    facts = classify(base.model_copy(update={"nodes": nodes, "edges": (edge,)}))

    assert facts.zero_sum.verdict
    assert facts.order_reason.startswith("one inner problem per sample")


def test_a_response_with_its_leaders_objective_is_one_optimisation() -> None:
    """Leader and follower want the same."""
    f = (u - v) ** 2
    facts = classify(bilevel(PAIR, ("min", "u", f), ("min", "v", f)))

    assert facts.identical.verdict
    assert facts.zero_sum.verdict is False


def test_network_objectives_are_compared_as_written() -> None:
    """A saturating block adds up to zero whatever its samples are called; a common one is a potential."""
    base = games.gan()
    real, noise = sample("r", of="x_real"), sample("s", of="p_z")
    other = fold("E", noise, call("log", 1 - games.net("D", games.net("G", x("s"))))) + fold(
        "E", real, call("log", games.net("D", x("r")))
    )
    f = E(base.nodes[0].objective)
    common = {"nets": base.nets, "data": base.data, "dists": base.dists}
    zero = classify(block([], ("min", "u", f), ("max", "v", other / 2 + 0.5 * other), **common))
    same = classify(block([], ("min", "u", f), ("min", "v", other), **common))
    constant = classify(block([], ("min", "u", f), ("max", "v", other - fold("E", real, raw(2))), **common))

    assert zero.kind == "Nash, 2 players, zero-sum"
    assert zero.saddle.verdict is None
    assert same.kind == "Nash, 2 players, identical-interest"
    assert same.potential.verdict
    assert constant.constant_sum.verdict
    assert not constant.zero_sum.verdict


def test_terms_are_collected_with_their_factors() -> None:
    """Signs, quotients and numbers are taken apart; the rest is kept as it is."""
    known = Known(games.alone(PAIR, u))
    found = linear((3 * u - v / 2 + 2 - u * 3 + u * v).expr, known)

    assert found == {
        v.expr: Fraction(-1, 2),
        raw(1): Fraction(2),
        (u * v).expr: Fraction(1),
    }


def test_an_unknown_sign_leaves_the_sum_open() -> None:
    """A follower's value under a weight of unknown sign."""
    base = games.anti_saddle()
    edge = base.edges[0].model_copy(update={"sign": 0})

    assert classify(base.model_copy(update={"edges": (edge,)})).zero_sum.verdict is None


def test_a_family_inside_a_block_of_networks_is_left_open() -> None:
    """No closed form, several members."""
    base = games.gan(nash=True)
    first = base.nodes[0].model_copy(update={"owns": ("q",), "axis": 2, "index": "i"})
    q = var("q", type=vector(2), index="i", axis=2)
    facts = classify(base.model_copy(update={"nodes": (first, base.nodes[1]), "vars": (q,)}))

    assert facts.zero_sum.reason.text == "a family without closed form"


def test_bent_the_wrong_way_in_a_block_without_bounds() -> None:
    """The player who goes on for ever is named."""
    free = [var("u"), var("v")]
    f = v**2 - u**2
    facts = classify(block(free, ("min", "u", f), ("max", "v", f)))

    assert facts.saddle.reason.text == "no saddle point: `u` can gain without end, whatever the other does"


def test_simultaneous_order_of_a_block_needs_no_warning() -> None:
    """It is what a block means."""
    facts = classify(block(PAIR, ("min", "u", u * v), ("max", "v", u * v), order_word="simultaneous"))

    assert facts.order_reason == "as you wrote"
    assert not facts.notes
