"""Closed forms, intervals and matrices by themselves."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.classify import interval, matrix
from gamespec.classify.answers import substitute
from gamespec.classify.expand import Expansion, seats
from gamespec.classify.form import Form, Unfit, apply, derivative, enclose, number, spell, variable
from gamespec.ir import expr as ir
from gamespec.ir.game import Param
from gamespec.ir.types import vector

from . import games
from .games import E, alone, call, fold, over, raw, sample, var, x

u, v, w = x("u"), x("v"), x("w")


def expansion() -> Expansion:
    """Two numbers, a vector of three, a matrix."""
    base = alone([var("u"), var("v"), var("w", type=vector(3)), var("big", type=vector(99))], u)
    params = (Param(name="A", value=raw([[1, 2, 3], [4, 5, 6]])), Param(name="n", value=raw(2)))
    return Expansion(base.model_copy(update={"params": params}))


def read(e: E) -> tuple[Form, ...]:
    """The closed forms of an expression."""
    return expansion().read(raw(e)).items


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((u + v) ** 2, u**2 + 2 * u * v + v**2),
        ((u + v) ** 0, 1),
        (u**3 / u, u**2),
        (1 / (u + v) * (1 / (u + v)), (u + v) ** -2),
        (call("sqrt", u + v) ** 2, u + v),
        (call("abs", u) ** 2, u**2),
        (u ** Fraction(3, 2), call("sqrt", u) ** 3),
        (call("exp", 0) + call("log", 1) + call("abs", -2), 3),
        (call("max", u, v), -call("min", -u, -v)),
        (call("relu", u), call("max", u, 0)),
        (call("max", w), call("max", call("max", w[0], w[1]), w[2])),
        (call("min", w), -call("max", -w)),
        (call("norm", w) ** 2, w @ w),
        (call("norm", w, 1), call("sum", call("abs", w))),
        (call("norm", w, x("inf")), call("max", call("abs", w))),
        (call("norm", w, ir.Word(value="inf")), call("max", call("abs", w))),
        (call("sum", w), w[0] + w[1] + w[-1]),
        (call("mean", w) * 3, call("sum", w)),
        (call("mse", w, 0 * w) * 3, w @ w),
        ((x("A") @ w)[1], 4 * w[0] + 5 * w[1] + 6 * w[2]),
        ((raw([u, v]) and E(raw([u, v])) @ x("A"))[2], 3 * u + 6 * v),
        (E(raw([[1, 0], [0, 1]])) @ x("A") @ w, x("A") @ w),
        (fold("sum", over("i", 0, 2), w[x("i")]), call("sum", w)),
        (fold("mean", over("i", 0, 2), w[x("i")]), call("mean", w)),
        (fold("prod", over("i", 1, 2), w[x("i")]), w[1] * w[2]),
        (fold("max", over("i", 0, 2), w[x("i")]), call("max", w)),
        (fold("min", over("i", 0, 2), w[x("i")]), call("min", w)),
        (fold("sum", over("i", 0, 2, skip=1), w[x("i")]), w[0] + w[2]),
        (fold("sum", [over("i", 0, 1), over("j", 0, 1)], x("i") * x("j") * u), u),
        (fold("sum", over("i", 1, 0), u), 0),
        (u ** x("n"), u * u),
        (x("pi") * 2, x("pi") + x("pi")),
    ],
)
def test_equal_expressions_have_equal_forms(a: E, b: E) -> None:
    """Two ways to write the same."""
    assert read(a) == read(b)


@pytest.mark.parametrize(
    "e",
    [
        1 / (u - u), u**v, u ** Fraction(1, 3), u**99, (1 + u + v + call("sum", w)) ** 12, w[3], w[u], w[w],
        call("norm", w, 3), call("softmax", w), E(raw([u, w])), w + E(raw([u, v])), w @ E(raw([u, v])), u @ w,
        fold("E", sample("a", of="train"), u), fold("prod", over("i", 1, 0), u), x("unheard"), x("big"),
        E(ir.Stop(body=raw(u))), games.net("h", u), E(ir.Word(value="uniform")),
    ],
)  # fmt: skip
def test_what_has_no_closed_form_says_so(e: E) -> None:
    """Data, networks, arrays of other shapes, very long products."""
    with pytest.raises(Unfit):
        read(e)


def test_very_long_sums_are_refused() -> None:
    """Many terms of many variables."""
    long = sum((variable(f"a{k}") for k in range(30)), number(0))

    with pytest.raises(Unfit, match="very many terms"):
        long**3
    with pytest.raises(Unfit, match="product with very many terms"):
        read((1 + u + v) ** 11 * (1 + u + v) ** 11)


def test_players_of_samples_and_of_networks_have_no_seat() -> None:
    """Their numbers are not those of the game."""
    base = alone([var("u")], u)
    sampled = base.nodes[0].model_copy(update={"scope": (sample("a", of="train"),)})
    network = base.nodes[0].model_copy(update={"owns": ("h",)})

    for owner in (sampled, network):
        with pytest.raises(Unfit):
            seats(base.model_copy(update={"nodes": (owner,)}))


def test_an_objective_that_is_no_number_has_no_seat() -> None:
    """A vector is no objective, and a value without number is none exactly."""
    with pytest.raises(Unfit):
        seats(alone([var("w", type=vector(2))], w))
    assert expansion().exact(raw(w)) is None
    assert expansion().exact(raw(x("unheard"))) is None


@pytest.mark.parametrize(
    ("e", "slope"),
    [
        (u**5, 5 * u**4),
        (call("exp", u * v), v * call("exp", u * v)),
        (call("log", u), 1 / u),
        (call("sqrt", u) ** 3, Fraction(3, 2) * call("sqrt", u)),
        (call("sin", u) + call("cos", u), call("cos", u) - call("sin", u)),
        (call("tanh", u), 1 - call("tanh", u) ** 2),
        (call("sigmoid", u), call("sigmoid", u) - call("sigmoid", u) ** 2),
        (call("softplus", u), call("sigmoid", u)),
        (1 / (u + v), -((u + v) ** -2)),
        (call("abs", v) + x("pi") * u, x("pi")),
    ],
)
def test_derivatives(e: E, slope: E) -> None:
    """One rule a line."""
    assert derivative(read(e)[0], "u") == read(slope)[0]


def test_substitution_enters_functions_and_quotients() -> None:
    """Every atom is replaced."""
    form = read(call("exp", u) / (u + v) + x("pi"))[0]

    assert (
        substitute(form, {"u": number(0), "v": variable("t")})
        == apply("exp", number(0)) * variable("t") ** -1 + read(x("pi"))[0]
    )
    assert spell(number(0)) == "0"


finite = st.floats(-1e9, 1e9, allow_nan=False)


def spans(a: float, b: float) -> interval.Interval:
    """The interval between two numbers."""
    return min(a, b), max(a, b)


@settings(deadline=None, derandomize=True)
@given(a=finite, b=finite, c=finite, d=finite, n=st.integers(-4, 6))
def test_arithmetic_holds_the_exact_result(a: float, b: float, c: float, d: float, n: int) -> None:
    """Sums, products, reciprocals and powers of the ends, in exact fractions."""
    left, right = spans(a, b), spans(c, d)
    exact = {interval.add: lambda p, q: p + q, interval.mul: lambda p, q: p * q}
    for operation, truth in exact.items():
        lo, hi = operation(left, right)
        for p in left:
            for q in right:
                assert lo <= truth(Fraction(p), Fraction(q)) <= hi
    lo, hi = interval.power(left, n)
    for p in left:
        if p or n >= 0:
            assert lo <= Fraction(p) ** n <= hi


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (interval.exact(Fraction(10) ** 400), (math.nextafter(math.inf, 0), math.inf)),
        (interval.exact(-(Fraction(10) ** 400)), (-math.inf, math.nextafter(-math.inf, 0))),
        (interval.add((1e308, 1e308), (1e308, 1e308)), (math.nextafter(math.inf, 0), math.inf)),
        (interval.mul((0.0, 0.0), interval.ALL), (0.0, 0.0)),
        (interval.mul((1.0, 2.0), (3.0, math.inf)), (3.0, math.inf)),
        (interval.inverse((-1.0, 1.0)), interval.ALL),
        (interval.inverse((0.0, math.inf)), (0.0, math.inf)),
        (interval.power((-2.0, 1.0), 2), (0.0, 4.0)),
        (interval.power((-2.0, -1.0), 3), (-8.0, -1.0)),
        (interval.log((-2.0, -1.0)), interval.ALL),
        (interval.sqrt((-2.0, -1.0)), interval.ALL),
        (interval.cos((0.0, 7.0)), (-1.0, 1.0)),
        (interval.cos((1e9, 1e9)), (-1.0, 1.0)),
        (interval.hull((0.0, 1.0), (3.0, 4.0)), (0.0, 4.0)),
    ],
)
def test_ends_of_intervals(found: interval.Interval, expected: interval.Interval) -> None:
    """Overflow, zero times infinity, poles, and functions outside their domain."""
    assert found == expected


@pytest.mark.parametrize("fn", sorted(interval.FUNCTIONS))
def test_functions_hold_their_values(fn: str) -> None:
    """Points of wide and narrow intervals."""
    truth = {
        "abs": abs, "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos,
        "tanh": math.tanh, "sigmoid": lambda t: 1 / (1 + math.exp(-t)), "softplus": lambda t: math.log1p(math.exp(t)),
    }[fn]  # fmt: skip
    for lo, hi in ((0.25, 0.25), (0.5, 3.0), (2.0, 9.0), (0.0, 0.5)):
        low, high = interval.FUNCTIONS[fn]((lo, hi))
        for k in range(11):
            at = lo + (hi - lo) * k / 10
            assert at == 0 or low <= truth(at) <= high
        assert lo == 0 or high - low < 9000
    low, high = interval.FUNCTIONS["exp"]((1000.0, 2000.0))
    assert 1e308 < low < high == math.inf


F = Fraction


@pytest.mark.parametrize(
    ("a", "least", "semidefinite"),
    [
        ([[F(2)]], F(2), True),
        ([[F(2), F(0)], [F(0), F(3)]], F(2), True),
        ([[F(1), F(1)], [F(1), F(1)]], F(0), True),
        ([[F(0), F(1)], [F(1), F(5)]], None, False),
        ([[F(1), F(2)], [F(2), F(1)]], F(-1), False),
        ([[F(2), F(1), F(0)], [F(1), F(2), F(1)], [F(0), F(1), F(2)]], None, True),
    ],
)
def test_definiteness_and_smallest_eigenvalue(
    a: list[list[Fraction]], least: Fraction | None, semidefinite: bool
) -> None:
    """Exact where the eigenvalue is a simple fraction, otherwise a bound from below that is close."""
    found = matrix.least(a)
    near, _ = matrix.smallest([[float(t) for t in row] for row in a])

    assert matrix.semidefinite(a) is semidefinite
    assert found == least if least is not None else near - 1e-6 < found <= near + 1e-12


def test_linear_systems() -> None:
    """Rows are swapped where needed; singular ones have no solution."""
    assert matrix.solve([[F(0), F(1)], [F(2), F(0)]], [F(3), F(4)]) == [F(2), F(3)]
    assert matrix.solve([[F(1), F(1)], [F(1), F(1)]], [F(1), F(2)]) is None


def test_an_enclosure_knows_pi() -> None:
    """The constant lies inside its interval."""
    lo, hi = enclose(read(x("pi"))[0], {})

    assert lo <= math.pi <= hi
    assert hi - lo < 1e-15


def test_a_product_of_intervals_is_that_of_its_ends() -> None:
    """The smallest and the largest of the four products of ends, infinite and zero ones included."""
    ends = (-math.inf, -3.0, -1.5, -0.1, 0.0, 0.2, 1.0, 2.5, math.inf)
    found = [(a, b) for a in ends for b in ends if a <= b and not (a == b and math.isinf(a))]
    for one, other in itertools.product(found, found):
        products = [0.0 if 0 in pair else pair[0] * pair[1] for pair in itertools.product(one, other)]
        low, high = interval.mul(one, other)
        assert low <= min(products) <= math.nextafter(low, math.inf) or low == min(products)
        assert math.nextafter(high, -math.inf) <= max(products) <= high or high == max(products)
