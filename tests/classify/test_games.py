"""The verdict on the games of the lectures: kind, order, facts and the words they are told in."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import pytest

from gamespec.classify import Facts, classify
from gamespec.ir import expr as ir
from gamespec.ir.game import Edge, Game, Group, Set
from gamespec.ir.types import vector

from . import games
from .games import bilevel, block, call, fold, inside, node, part, sample, value, var, x


def test_anti_saddle_has_no_saddle_point() -> None:
    """Concave in the leader, convex in the follower, with the numbers; the order is the written one."""
    facts = classify(games.anti_saddle())

    assert facts.kind == "minimax, zero-sum, sequential"
    assert facts.order == "sequential"
    assert facts.order_reason == (
        "concave in the leader (∂²f/∂u² = -2), convex in the follower (∂²f/∂v² = 2): no saddle point need exist"
    )
    assert facts.saddle.verdict is False
    assert facts.monotone.verdict is False
    assert facts.player("main").convexity.verdict is False


def test_simultaneous_play_of_a_game_without_saddle_point_is_warned_of() -> None:
    """The order is obeyed, and the note says what is lost."""
    facts = classify(games.anti_saddle(order_word="simultaneous"))

    assert (facts.order, facts.order_reason) == ("simultaneous", "as you wrote")
    assert "no saddle point need exist" in facts.notes[0]


def test_bent_the_wrong_way_on_the_plane_has_no_solution() -> None:
    """Without a box the leader goes on for ever."""
    u, v = x("u"), x("v")
    facts = classify(games.minimax([var("u"), var("v")], v**2 - u**2))

    assert facts.saddle.verdict is False
    assert "`u` can gain without end" in facts.saddle.reason.text


def test_bent_the_wrong_way_with_a_saddle_at_a_corner_is_proved() -> None:
    """A steep slope makes a corner a saddle point although both are bent the wrong way."""
    u, v = x("u"), x("v")
    facts = classify(games.minimax([var("u", 0, 1), var("v", 0, 1)], 9 * u - u**2 + v**2 + 9 * v))

    assert facts.saddle.verdict is True
    assert "neither gains from (u, v) = (0, 1)" in facts.saddle.reason.text


@pytest.mark.parametrize(("lo", "hi"), [(-1, 1), (0, 3)])
def test_bilinear_on_boxes_is_sions_case(lo: int, hi: int) -> None:
    """Affine in each player, compact: the order cannot matter."""
    facts = classify(games.bilinear(lo, hi))

    assert facts.convex_concave
    assert facts.player("main").affine.verdict
    assert facts.player("main").coupling == "bilinear"
    assert facts.saddle.reason.text == "minimax equals maximin (Sion), orders agree"
    assert (facts.order, facts.order_text) == ("simultaneous", "x, y at once")


def test_bilinear_on_the_plane_has_its_saddle_point_at_zero() -> None:
    """No set is compact, so Sion is not named; the field is monotone, and gradient steps may cycle."""
    facts = classify(games.bilinear())

    assert facts.saddle.verdict
    assert "Sion" not in str(facts)
    assert "stationary at (x, y) = (0, 0)" in facts.saddle.reason.text
    assert facts.monotone.reason.text == "not strictly: simultaneous gradient steps may cycle"


def test_affine_without_stationary_point_is_left_open() -> None:
    """The sum x + y has no saddle point on the plane, and nothing is claimed."""
    facts = classify(games.minimax([var("x"), var("y")], x("x") + x("y")))

    assert facts.saddle.verdict is None
    assert facts.saddle.reason.text == "convex-concave, but no side is compact"


def test_a_curved_field_is_not_solved() -> None:
    """Stationary points are looked for where the field is affine."""
    facts = classify(games.minimax([var("x"), var("y")], x("x") ** 4 - x("y") ** 4))

    assert facts.convex_concave
    assert facts.saddle.verdict is None


def test_a_stationary_point_outside_the_set_is_no_saddle_point() -> None:
    """The field of (x - 5)(y - 5) vanishes at 5, which x >= 7 does not allow."""
    facts = classify(games.minimax([var("x", 7), var("y")], (x("x") - 5) * (x("y") - 5)))

    assert facts.saddle.verdict is None


def test_strongly_convex_concave_needs_no_compact_set() -> None:
    """One saddle point on the whole plane, and a strongly monotone field."""
    u, v = x("u"), x("v")
    facts = classify(games.minimax([var("u"), var("v")], u**2 + 3 * u * v - v**2 / 2))

    assert "exactly one saddle point" in facts.saddle.reason.text
    assert facts.monotone.reason.text == "strongly, modulus 1"
    assert facts.player("main/max:v").unique.verdict


def test_forsaken_is_refuted_with_points() -> None:
    """Neither convex in x nor concave in y."""
    facts = classify(games.forsaken())

    assert str(facts.player("main").convexity) == "convex: refuted (∂²f/∂x² = -0.5 at (x, y) = (-1, 0))"
    assert facts.player("main/max:y").convexity.verdict is False
    assert facts.player("main").coupling == "bilinear"
    assert facts.saddle.verdict is None
    assert facts.order_reason.startswith("as you wrote; nonconvex: no theorem")


def test_a_coupling_that_is_not_bilinear_is_called_general() -> None:
    """The mixed derivative of x^2 y^2 moves."""
    facts = classify(games.minimax([var("x", -1, 1), var("y", -1, 1)], x("x") ** 2 * x("y") ** 2))

    assert facts.player("main").coupling == "general"


def test_separate_players_have_no_coupling() -> None:
    """Where no term holds both variables."""
    facts = classify(games.minimax([var("x", -1, 1), var("y", -1, 1)], x("x") ** 2 - x("y") ** 2))

    assert facts.player("main").coupling == "none"


def test_matrix_game_orders_agree() -> None:
    """Bilinear on two simplices."""
    facts = classify(games.matrix_game())

    assert facts.order == "simultaneous"
    assert facts.saddle.verdict
    assert facts.player("main").size == 2
    assert facts.player("main").place == "Simplex"


def test_cournot_is_strongly_monotone() -> None:
    """Each firm's cost has second derivative 2, the field modulus 1, and there is a potential."""
    facts = classify(games.cournot())

    assert facts.kind == "Nash, 3 players, general-sum, potential"
    assert (facts.order, facts.order_reason) == ("simultaneous", "as you wrote")
    assert str(facts.player("main").convexity) == "convex: proved (∂²f/∂q[i]² = 2)"
    assert facts.player("main").modulus == 2
    assert facts.player("main").count == 3
    assert facts.monotone.reason.text == "strongly, modulus 1"


def test_a_large_family_is_left_to_the_rules() -> None:
    """Forty firms are too many for closed forms; nothing false is said."""
    facts = classify(games.cournot(40))

    assert facts.zero_sum.verdict is None
    assert facts.player("main").convexity.verdict is None
    assert facts.monotone.verdict is None


def test_three_levels_are_solved_through() -> None:
    """The answers of the lower levels have closed forms, so that every level's curvature is known."""
    facts = classify(games.three_level())

    assert facts.kind == "multilevel, 3 levels, general-sum"
    assert facts.order_text == "u1 then u2 then u3"
    assert [p.modulus for p in facts.players] == [3, 4, 2]
    assert all(p.unique.verdict for p in facts.players)
    assert not facts.notes


def test_a_follower_with_a_set_hides_its_leaders_curvature() -> None:
    """The answer on a box is no affine function of the leader."""
    u, v = x("u"), x("v")
    facts = classify(bilevel([var("u"), var("v", 0, 1)], ("min", "u", u**2 + v), ("min", "v", (v - u) ** 2)))

    assert facts.player("main").convexity.verdict is None
    assert facts.player("main").affine.verdict is None
    assert facts.player("main/min:v").unique.verdict


def test_a_follower_with_a_curved_problem_hides_its_leaders_curvature() -> None:
    """No closed answer of a fourth power, nor of a function with a kink, nor of a flat one."""
    u, v = x("u"), x("v")
    for inner in ((v - u) ** 4, call("abs", v - u) + v**2, v * u):
        facts = classify(bilevel([var("u"), var("v")], ("min", "u", u**2 + v), ("min", "v", inner)))

        assert facts.player("main").convexity.verdict is None


def test_followers_in_equilibrium_are_not_solved_one_after_the_other() -> None:
    """Two followers who answer each other."""
    s, p, q = x("s"), x("p"), x("q")
    nodes = (
        node("main/a", "min", "p", p**2 + p * q + p * s),
        node("main/b", "min", "q", q**2 + p * q + q * s),
        node("main", "min", "s", s**2 - p - q),
    )
    group = Group(id="pair", nodes=("main/a", "main/b"))
    edge = Edge(kind="response", parent="main", child="pair", unique=True)
    found = Game(name="mpec", vars=tuple(map(var, "spq")), nodes=nodes, edges=(edge,), groups=(group,), root=("main",))
    facts = classify(found)

    assert facts.kind == "general-sum, bilevel"
    assert facts.player("main").convexity.verdict is None
    assert facts.order_text == "s then p, q"


def test_adversarial_training_has_one_follower_a_sample() -> None:
    """Sequential, because the leader must see the answer of each sample's follower."""
    facts = classify(games.pgd())
    eta = facts.player("main/max:eta")

    assert facts.kind == "minimax, zero-sum, sequential"
    assert facts.order_reason == "one inner problem per sample; the leader must see its answer"
    assert eta.per_sample == "one `eta` per (a, b)"
    assert eta.compact.verdict
    assert eta.convex_set.verdict
    assert eta.size == 64
    assert eta.convexity.reason.text == "`h` is a network"
    assert facts.saddle.reason.text == "nonconvex: no theorem; `h` is a network"


def test_simultaneous_play_with_followers_of_each_sample_is_warned_of() -> None:
    """They would move one step at a time."""
    facts = classify(games.pgd().model_copy(update={"order_word": "simultaneous"}))

    assert "one step at a time" in facts.notes[0]


def test_hyper_cleaning_with_regulariser_has_one_answer() -> None:
    """Cross-entropy of an affine network, non-negative weights, and a square norm."""
    facts = classify(games.cleaning())
    w = facts.player("main/min:w")

    assert facts.kind == "general-sum, bilevel"
    assert facts.order_reason == "general-sum follower"
    assert w.convexity.reason.text == "ce of an affine map, norm(w)^2"
    assert w.modulus == pytest.approx(0.002)
    assert w.unique.verdict
    assert w.smooth.verdict
    assert not facts.notes


def test_hyper_cleaning_without_regulariser_is_noted() -> None:
    """Convex, but uniqueness is not proved."""
    facts = classify(games.cleaning(regularised=False))

    assert facts.player("main/min:w").convexity.verdict
    assert facts.player("main/min:w").unique.verdict is None
    assert facts.notes[0].startswith("GW320 `=` says that `w` has one answer, which is not proved strictly convex")


def test_hyper_cleaning_with_weights_of_any_sign_is_open() -> None:
    """A negative weight may turn the loss around; so may a network."""
    signed = classify(games.cleaning(weights=inside("Box", -1, 1))).player("main/min:w")
    deep = classify(games.cleaning(word="mlp")).player("main/min:w")

    assert signed.convexity.reason.text == "a weight whose sign is unknown"
    assert deep.convexity.reason.text == "`h` is a network"
    assert deep.smooth.verdict is None


def test_gan_has_no_theorem() -> None:
    """Two networks, played as written."""
    facts = classify(games.gan())

    assert facts.order == "sequential"
    assert facts.order_reason == "as you wrote; nonconvex: no theorem; result is checked by local certificates"
    assert facts.player("main").convexity.verdict is None


def test_non_saturating_gan_in_a_block_is_played_at_once() -> None:
    """Two objectives, no order given: a local Nash point, and how to ask for the other reading."""
    facts = classify(games.gan(nash=True))

    assert facts.kind == "Nash, 2 players, general-sum"
    assert facts.order == "simultaneous"
    assert "add `order player1 then player2` for minimax" in facts.order_reason
    assert facts.notes[0].startswith("GN310")


def test_an_order_for_a_block_is_obeyed() -> None:
    """The block becomes a game in turn."""
    facts = classify(games.gan(nash=True, order=(("player1",), ("player2",))))

    assert facts.kind == "general-sum, bilevel"
    assert (facts.order, facts.order_text, facts.levels) == ("sequential", "u then v", 2)


def test_privacy_filter_is_concave_in_the_spy() -> None:
    """A minimum behind a minus is a player that maximises; the other minimum was merged."""
    facts = classify(games.privacy())
    v = facts.player("main/min:v")

    assert facts.kind == "minimax, zero-sum, sequential"
    assert str(v.convexity) == "concave: proved (-ce of an affine map)"
    assert v.sense == "max"
    assert facts.order_text == "g, w then v"
    assert facts.notes == ("GN303 `w` pushes its leader's way and became part of it",)


def test_best_targeted_attack_is_bilevel() -> None:
    """Attacks by class and sample, a discrete choice among them, a defender with another objective."""
    facts = classify(games.beta())

    assert facts.kind == "general-sum, bilevel"
    assert facts.levels == 2
    assert facts.player("main/max:d").per_sample == "one `d` per (a, b, k)"
    assert facts.player("main/max:d").size == 64
    assert facts.player("main/max:j").convexity.reason.text == "a discrete choice"
    assert facts.order_reason == "general-sum follower"


def test_a_single_player_has_nothing_to_order() -> None:
    """One optimisation."""
    facts = classify(games.alone([var("t")], x("t") ** 2))

    assert (facts.kind, facts.order_reason) == ("single-level", "one player: nothing to order")
    assert facts.order_text == "t"
    assert facts.zero_sum.verdict is None


def test_a_follower_that_pushes_its_leaders_way_opposes_nobody() -> None:
    """Two minimisations in a row are one, with a warning."""
    u, v = x("u"), x("v")
    nodes = (node("main/min:v", "min", "v", (u - v) ** 2), node("main", "min", "u", value("main/min:v")))
    edge = Edge(kind="value", parent="main", child="main/min:v")
    found = Game(name="same", vars=(var("u"), var("v", 0, 1)), nodes=nodes, edges=(edge,), root=("main",))
    facts = classify(found)

    assert facts.kind == "identical-interest, bilevel"
    assert facts.notes[0].startswith("GW301")


def test_a_shared_constraint_is_said() -> None:
    """Equal multipliers are an assumption."""
    group = Group(id="group", nodes=("player1", "player2"), constraints=(ir.Num(value=Fraction(1)),))
    found = block([var("u"), var("v")], ("min", "u", x("u") ** 2), ("min", "v", x("v") ** 2), groups=(group,))
    facts = classify(found)

    assert facts.order_reason == "a shared constraint: equal multipliers assumed"
    assert facts.kind.endswith("shared constraint")


def test_a_player_that_chooses_a_distribution_is_sampled() -> None:
    """Only some methods can move a distribution."""
    found = games.gan(nash=True)
    owner = found.nodes[0].model_copy(update={"owns": ("p_z",)})
    facts = classify(found.model_copy(update={"nodes": (owner, found.nodes[1])}))

    assert "a player chooses a distribution" in facts.order_reason
    assert facts.player("player1").size is None


def test_three_levels_of_values() -> None:
    """Classes and attacks against one model: a coalition of two, zero-sum."""
    draw = sample("a", "b", of="train")
    base = games.pgd("linear")
    attack = base.nodes[0].model_copy(update={"id": "main/max:lam/max:eta"})
    weighted = x("lam")[0] * fold("E", draw, value(attack.id))
    nodes = (
        attack,
        node("main/max:lam", "max", "lam", weighted),
        node("main", "min", "h", value("main/max:lam")),
    )
    edges = (
        Edge(kind="value", parent="main", child="main/max:lam"),
        Edge(kind="value", parent="main/max:lam", child=attack.id),
    )
    lam = var("lam", type=vector(3), set=inside("Simplex", 3))
    facts = classify(base.model_copy(update={"nodes": nodes, "edges": edges, "vars": (*base.vars, lam)}))

    assert facts.kind == "minimax, zero-sum, 3 levels, sequential"
    assert facts.saddle.verdict is None
    assert facts.player("main").convexity.verdict
    assert facts.player("main/max:lam").affine.verdict


def test_two_followers_of_one_side_are_judged_together() -> None:
    """Concave in each but not in both: no theorem; with less coupling Sion applies."""
    u, v, w = x("u"), x("v"), x("w")

    def coalition(k: int) -> Facts:
        f = u**2 - v**2 - w**2 + k * v * w
        nodes = (
            node("main/max:v/max:w", "max", "w", f),
            node("main/max:v", "max", "v", value("main/max:v/max:w")),
            node("main", "min", "u", value("main/max:v")),
        )
        edges = tuple(Edge(kind="value", parent=p.id, child=c.id) for c, p in pairwise(nodes))
        variables = tuple(var(n, -1, 1) for n in "uvw")
        return classify(Game(name="team", vars=variables, nodes=nodes, edges=edges, root=("main",)))

    assert coalition(1).saddle.verdict
    assert coalition(3).saddle.verdict is None
    assert coalition(3).convex_concave


def test_explain_text_of_the_anti_saddle() -> None:
    """The whole text as it is printed."""
    assert str(classify(games.anti_saddle())).splitlines() == [
        "anti_saddle: minimax, zero-sum, sequential",
        "  level 1    min  u   Box, compact, 1 number",
        "             convex: refuted (∂²f/∂u² = -2)",
        "  level 2    max  v   Box, compact, 1 number",
        "             concave: refuted (∂²f/∂v² = 2)",
        "             unique answer: unknown (not proved strictly concave)",
        "  facts      minimax = maximin: refuted"
        " (no saddle point: cost at least 0.1875 with `u` first, at most -0.1875 with `v` first)",
        "             monotone field: refuted (its symmetric part has the eigenvalue -2)",
        "  order      u then v   (concave in the leader (∂²f/∂u² = -2), convex in the follower (∂²f/∂v² = 2):"
        " no saddle point need exist)",
    ]


def test_network_games_need_neither_sympy_nor_torch() -> None:
    """Facts of adversarial training come without the two slow imports."""
    script = (
        "import sys; sys.path.insert(0, 'tests'); from classify import games; from gamespec.classify import classify;"
        "[str(classify(g)) for g in (games.pgd(), games.gan(), games.cleaning(), games.privacy(), games.beta())];"
        "print('torch' in sys.modules, 'sympy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["False", "False"]


def test_an_unknown_set_leaves_compactness_open() -> None:
    """A word that no file defines; known ones decide as far as they can."""
    u = x("u")
    facts = classify(games.alone([var("u", set=inside("Cloud", 1))], u**2))
    both = classify(games.alone([var("u", set=Set(parts=(part("Cloud", 1), part("L2", 1))))], u**2))

    assert facts.players[0].compact.verdict is None
    assert both.players[0].compact.verdict
    assert both.players[0].convex_set.verdict is None
    assert both.players[0].unique.verdict is None


def test_an_objective_without_the_own_variable_has_no_unique_answer() -> None:
    """Every answer is as good."""
    u, v = x("u"), x("v")
    facts = classify(bilevel([var("u"), var("v")], ("min", "u", u**2 + v**2), ("min", "v", u), unique=False))

    assert facts.player("main/min:v").unique.verdict is False
    assert facts.player("main/min:v").convexity.reason.text == "affine"


@pytest.mark.parametrize(
    "f",
    [
        call("abs", x("v")) - call("abs", x("u")),
        x("v") ** 4 - x("u") ** 4,
    ],
)
def test_corners_are_tried_only_for_strictly_bent_smooth_players(f: games.E) -> None:
    """Kinks and flat points leave the question open."""
    facts = classify(games.minimax([var("u", -1, 1), var("v", -1, 1)], f))

    assert facts.saddle.verdict is None
    assert "no saddle point need exist" in facts.order_reason


def test_corners_are_tried_only_for_two_numbers() -> None:
    """A leader with a vector."""
    u = var("u", type=vector(2), set=inside("Box", -1, 1))
    facts = classify(games.minimax([u, var("v", -1, 1)], x("v") ** 2 - x("u") @ x("u")))

    assert facts.saddle.verdict is None


def test_a_field_with_kinks_has_no_jacobian() -> None:
    """Slopes exist where their slopes do not; convex-concave functions still have monotone gradients."""
    u, v = x("u"), x("v")
    pair = [var("u", -1, 1), var("v", -1, 1)]
    crossed = classify(block(pair, ("min", "u", u * call("abs", v)), ("min", "v", v**2 + v)))
    kinked = classify(games.minimax(pair, call("abs", u) - call("abs", v)))

    assert crossed.monotone.verdict is None
    assert kinked.monotone.reason.text == "the gradients of a convex-concave function"
    assert kinked.saddle.verdict


def test_an_answer_where_the_leader_has_no_value_is_not_put_in() -> None:
    """The follower's answer is zero, and the leader divides by it."""
    u, v = x("u"), x("v")
    facts = classify(bilevel([var("u"), var("v")], ("min", "u", u + 1 / v), ("min", "v", v**2)))

    assert facts.player("main").convexity.verdict is None


def test_a_network_given_from_outside_has_no_known_size() -> None:
    """Its source is a hole."""
    base = games.pgd()
    given = base.nets[0].model_copy(update={"source": None})

    assert classify(base.model_copy(update={"nets": (given,)})).player("main").size is None


def test_players_of_metrics_are_not_players_of_the_game() -> None:
    """An attack that only a metric uses does not change what kind of game it is."""
    base = games.pgd()
    extra = base.nodes[0].model_copy(update={"id": "robust/min:e", "owns": ("e",)})
    attack = base.vars[0].model_copy(update={"name": "e"})
    facts = classify(base.model_copy(update={"nodes": (*base.nodes, extra), "vars": (*base.vars, attack)}))

    assert str(facts) == str(classify(base))


def test_a_set_that_is_not_known_to_be_convex_leaves_the_order_open() -> None:
    """Sion's theorem needs convex sets."""
    facts = classify(games.minimax([var("x", set=inside("Cloud", 1)), var("y", -1, 1)], x("x") * x("y")))

    assert facts.saddle.verdict is None
    assert "not known to be convex" in facts.saddle.reason.text
