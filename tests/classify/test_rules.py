"""The composition rules, one expression a line."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamespec.classify import classify
from gamespec.classify.bounds import Known
from gamespec.classify.curvature import Rules
from gamespec.classify.kinks import kink
from gamespec.ir import expr as ir
from gamespec.ir.game import Game, Param
from gamespec.ir.types import vector

from . import games
from .games import E, call, fold, inside, net, over, raw, sample, value, var, x

w, c, k, s, m = x("w"), x("c"), x("k"), x("s"), x("m")


def game() -> Game:
    """A vector w and a number s of the player; c >= 0, k of any sign, m a matrix of the player."""
    variables = [
        var("w", type=vector(300)), var("s"), var("c", 0, None), var("k"), var("m", type=vector(20, 20)),
        var("p", type=vector(300), set=inside("Box", 1, 2)), var("q", type=vector(300), index="i", axis=300),
    ]  # fmt: skip
    base = games.pgd("linear")
    nets = (*base.nets, games.network("deep"))
    params = (Param(name="A", value=raw([[1, 2], [3, 4]])), Param(name="many", value=raw([1, 2, 3])))
    return base.model_copy(update={"vars": tuple(variables), "nets": nets, "params": params})


OWN = frozenset({"w", "s", "m", "p", "q", "h", "deep"})
DATA = sample("a", "b", of="train")
SAFE = call("softmax", net("h", x("a")))


@pytest.mark.parametrize(
    ("e", "shape"),
    [
        (k * c, "constant"),
        (w - c, "affine"),
        (-(w * k) / 3, "affine"),
        (c * call("norm", w - k, 1), "convex"),
        (call("norm", w) - call("norm", k * w), "unknown"),
        (k * call("norm", w), "unknown"),
        (-c * call("norm", w), "concave"),
        (call("norm", w) / c, "convex"),
        (call("norm", w) / -c, "concave"),
        (call("sum", w * w), "convex"),
        (w @ w, "convex"),
        ((w - k) @ (w - k), "convex"),
        ((2 * w) @ (2 * w), "convex"),
        (m @ m, "unknown"),
        (E(raw([s, s])) @ E(raw([s, s])), "unknown"),
        (x("A") @ E(raw([s, s])), "affine"),
        (w @ k, "affine"),
        (call("max", s, 0, s**2), "convex"),
        (call("max", s, -(s**2)), "unknown"),
        (call("min", s, -(s**2)), "concave"),
        (call("abs", call("abs", s)), "convex"),
        (call("abs", s**2 - 1), "unknown"),
        (call("exp", call("norm", w)), "convex"),
        (call("log", call("sqrt", s)), "concave"),
        (call("log", s**2), "unknown"),
        (call("exp", -call("sqrt", s)), "convex"),
        (call("exp", call("sqrt", s)), "unknown"),
        (call("tanh", s), "unknown"),
        (call("norm", w) ** 2, "convex"),
        (call("norm", w) ** 3, "convex"),
        (call("norm", w) ** Fraction(3, 2), "convex"),
        ((-call("norm", w)) ** 2, "convex"),
        ((-call("norm", w)) ** 3, "concave"),
        (s**3, "unknown"),
        (s**1, "affine"),
        (s ** Fraction(1, 2), "concave"),
        (x("p") ** -1, "convex"),
        (1 / call("sum", x("p")), "convex"),
        (1 / s, "unknown"),
        (s / (s + 1), "unknown"),
        (c**s, "unknown"),
        (call("mse", w, k), "convex"),
        (call("mse", w, s * w), "unknown"),
        (call("mse", w, 2 * w), "convex"),
        (call("ce", w, s), "unknown"),
        (fold("E", DATA, call("ce", net("h", x("a")), x("b"))), "convex"),
        (fold("E", DATA, call("ce", net("deep", x("a")), x("b"))), "unknown"),
        (fold("E", DATA, call("ce", net("h", x("a") + s), x("b"))), "unknown"),
        (fold("E", DATA, call("ce", net("h", x("a"), at=k), x("b"))), "constant"),
        (fold("E", DATA, call("ce", net("h", x("a"), at=x("h") + k), x("b"))), "convex"),
        (fold("max", over("i", 0, 3), call("norm", w - x("i"))), "convex"),
        (fold("min", over("i", 0, 3), s - x("i")), "concave"),
        (fold("prod", over("i", 0, 3), s), "unknown"),
        (fold("prod", over("i", 0, 3), c), "constant"),
        (fold("argmax", over("i", 0, 3), c), "constant"),
        (call("sum", x("q")), "affine"),
        (w[0] ** 2, "convex"),
        (w[s], "unknown"),
        (E(raw([s, s**2])), "convex"),
        (call("sum", E(raw([c, k]))), "constant"),
        (E(raw([c, k])), "constant"),
        (call("kl", SAFE, SAFE), "unknown"),
        (call("kl", x("p"), c), "convex"),
        (call("correct", net("h", x("a")), x("b")), "unknown"),
        (call("relu", w), "convex"),
        (call("mean", w**2), "convex"),
        (E(ir.If(cond=raw(call("le", c, 1)), then=raw(c), other=raw(k))), "constant"),
        (E(ir.If(cond=raw(call("le", s, 1)), then=raw(c), other=raw(k))), "unknown"),
        (E(ir.Grad(name="z", body=raw(c), at=raw(s))), "unknown"),
        (E(ir.Stop(body=raw(k))), "constant"),
        (call("norm", k, 1) + call("cos", c, 1) + call("margin", k, 1, 2), "constant"),
    ],
)  # fmt: skip
def test_shape(e: E, shape: str) -> None:
    """What the rules say of each expression."""
    assert Rules(Known(game()), OWN).read(e.expr).shape == shape


def test_a_condition_that_moves_ends_the_rules() -> None:
    """The samples counted depend on the player."""
    draw = DATA.model_copy(update={"cond": raw(call("le", s, 1))})
    found = Rules(Known(game()), OWN).read(fold("E", draw, s).expr)

    assert found.why == ("a condition that moves",)


@pytest.mark.parametrize(
    ("e", "strong"),
    [
        (call("norm", w) ** 2, {"w": 2}),
        (3 * call("norm", w - k) ** 2 + call("norm", w) ** 4, {"w": 6}),
        (call("sum", (w - 1) ** 2) / 2 + s**2, {"w": 1, "s": 2}),
        (call("mean", (k - w) ** 2), {"w": Fraction(2, 300)}),
        (w @ w, {"w": 2}),
        (-5 * (-1 * call("norm", w) ** 2), {"w": 10}),
        (fold("E", DATA, s**2), {"s": 2}),
        (call("exp", s**2), {}),
        ((2 * s) ** 2, {}),
        (c * s**2, {}),
        (call("sum", (s + k * x("p")) ** 2), {}),
        (fold("sum", DATA.model_copy(update={"cond": raw(call("le", c, 1))}), s**2), {}),
        (call("mean", x("h") ** 2), {}),
    ],
)
def test_strong_convexity_is_bounded_below(e: E, strong: dict[str, float]) -> None:
    """Square norms of whole variables count, with their weights; nothing else does."""
    assert dict(Rules(Known(game()), OWN).read(e.expr).strong) == pytest.approx(strong, rel=1e-12)


@pytest.mark.parametrize(
    ("e", "found"),
    [
        (call("norm", w) ** 2, None),
        (call("norm", w), "norm"),
        (call("relu", s) + s, "relu"),
        (call("abs", k) + s, None),
        (fold("max", over("i", 0, 3), s), "max"),
        (net("deep", x("a")), "deep"),
        (net("h", x("a")), None),
        (E(ir.If(cond=raw(call("le", c, 1)), then=raw(s), other=raw(k))), "if"),
        (call("le", s, 1), "le"),
    ],
)
def test_kinks(e: E, found: str | None) -> None:
    """The part that is not smooth in the player's variables."""
    assert kink(Rules(Known(game()), OWN), e.expr) == found


def test_kinks_are_seen_through_values() -> None:
    """The follower's objective is part of the leader's."""
    base = games.bilinear()
    rules = Rules(Known(base), frozenset({"x"}))

    assert kink(rules, value("main/max:y").expr) is None
    assert classify(games.alone([var("t", -1, 1)], call("abs", x("t")))).players[0].smooth.verdict is False
    many = [var("t", type=vector(99))]
    assert classify(games.alone(many, call("norm", x("t")))).players[0].smooth.verdict is None


@pytest.mark.parametrize(
    ("e", "lo", "hi"),
    [
        (x("many"), 1, 3),
        (x("many") @ x("many"), 0, None),
        (x("a"), 0, 1),
        (call("softmax", w), 0, 1),
        (call("relu", x("a") - 2), 0, 0),
        (call("max", x("a"), 2, 3), 3, 3),
        (call("min", x("a"), c), 0, 1),
        (call("mean", x("a")) - call("max", x("a")), -1, 1),
        (fold("mean", over("i", 2, 5), x("i")), 2, 5),
        (fold("sum", over("i", 2, 5), -x("i")), None, 0),
        (fold("prod", DATA, x("a")), 0, None),
        (fold("prod", DATA, k), None, None),
        (c**k, 0, None),
        (k**c, None, None),
        (x("a") / 2 + call("sum", x("a")), 0, None),
        (E(ir.If(cond=raw(k), then=raw(x("a")), other=raw(5))), 0, 5),
        (E(ir.Stop(body=raw(x("a")))), 0, 1),
        (value("main/max:eta"), 0, None),
        (E(raw([])), None, None),
        (x("unheard"), None, None),
        (x("h"), None, None),
        (E(ir.Word(value="uniform")), None, None),
        (call("margin", k, 1, 2), None, None),
        (w @ k, None, None),
    ],
)
def test_bounds(e: E, lo: float | None, hi: float | None) -> None:
    """The values that expressions can take."""
    base = game()
    holding = base.nodes[1].model_copy(update={"objective": e.expr})
    low, high = Known(base.model_copy(update={"nodes": (base.nodes[0], holding)})).bounds(e.expr)

    assert low == (float("-inf") if lo is None else lo)
    assert high == (float("inf") if hi is None else hi)
