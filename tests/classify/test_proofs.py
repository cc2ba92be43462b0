"""No false proof: verdicts about random closed forms survive a dense search, and intervals hold what they should."""

from __future__ import annotations

import itertools
from fractions import Fraction

import mpmath
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gamespec.classify import classify, interval
from gamespec.classify.form import Unfit, defined, derivative, enclose
from gamespec.classify.proof import Range, decide
from gamespec.ir import expr as ir
from gamespec.ir.types import vector

from .games import E, alone, call, inside, minimax, raw, var, x

small = st.sampled_from([Fraction(n, d) for n in range(-3, 4) for d in (1, 2)])
leaves = st.one_of(st.sampled_from([x("u"), x("v"), x("u"), x("v")]), small.map(lambda q: E(raw(q))))


def grown(inner: st.SearchStrategy[E]) -> st.SearchStrategy[E]:
    """Expressions one level higher."""
    pairs = st.tuples(st.sampled_from(["add", "sub", "mul", "mul", "div", "max"]), inner, inner).map(lambda t: call(*t))
    functions = ["neg", "exp", "abs", "sqrt", "log", "sin", "cos", "tanh", "sigmoid", "softplus", "relu"]
    singles = st.tuples(st.sampled_from(functions), inner).map(lambda t: call(*t))
    powers = st.tuples(inner, st.sampled_from([2, 2, 3, 4, -1, Fraction(1, 2)])).map(lambda t: t[0] ** t[1])
    return st.one_of(pairs, pairs, singles, powers)


expressions = st.recursive(leaves, grown, max_leaves=8)
boxes = st.sampled_from([(-1, 1), (0, 1), (Fraction(1, 2), 2), (-2, Fraction(-1, 2)), (-3, 3)])
effort = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

NUMERIC = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "max": max,
    "abs": abs,
    "relu": lambda a: max(a, mpmath.mpf(0)),
    "sigmoid": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log(1 + mpmath.exp(a)),
    **{fn: getattr(mpmath, fn) for fn in ("exp", "sqrt", "log", "sin", "cos", "tanh")},
}


def evaluate(e: ir.Expr, point: dict[str, object]) -> mpmath.mpf:
    """The value of an expression; ZeroDivisionError or ValueError where it has none."""
    if isinstance(e, ir.Num):
        return mpmath.mpf(e.value.numerator) / e.value.denominator
    if isinstance(e, ir.Ref):
        return point[e.name]
    assert isinstance(e, ir.Call)
    found = NUMERIC[e.fn](*(evaluate(a, point) for a in e.args))
    if not isinstance(found, mpmath.mpf) or not mpmath.isfinite(found):
        raise ValueError(e.fn)
    return found


def values(e: ir.Expr, points: list[dict[str, object]]) -> list[mpmath.mpf] | None:
    """The values at points, None where one is missing."""
    try:
        return [evaluate(e, point) for point in points]
    except (ZeroDivisionError, ValueError, OverflowError, TypeError):
        return None


def number(q: Fraction) -> mpmath.mpf:
    """A rational with many digits."""
    return mpmath.mpf(q.numerator) / q.denominator


def bends(e: ir.Expr, box: tuple[Fraction, Fraction], name: str, sign: int) -> bool:
    """Whether some three points in a row lie the wrong way."""
    lo, hi = (number(Fraction(b)) for b in box)
    grid = [lo + (hi - lo) * k / 8 for k in range(9)]
    other = "v" if name == "u" else "u"
    for still in grid[::2]:
        for a, b in itertools.combinations(grid, 2):
            found = values(e, [{name: t, other: still} for t in (a, (a + b) / 2, b)])
            if found is not None and sign * (found[0] + found[2] - 2 * found[1]) < -(mpmath.mpf(10) ** -25):
                return True
    return False


@effort
@given(f=expressions, box=boxes)
def test_what_is_proved_survives_a_dense_search(f: E, box: tuple[Fraction, Fraction]) -> None:
    """A proved convex leader and a proved concave follower show no three points the other way."""
    facts = classify(minimax([var("u", *box), var("v", *box)], f))

    with mpmath.workdps(40):
        for player, sign in zip(facts.players, (1, -1), strict=True):
            for fact, way in ((player.convexity, sign), (player.reverse, -sign)):
                assert not (fact.verdict and bends(f.expr, box, player.owns[0], way))


@effort
@given(f=expressions, box=boxes)
def test_what_is_refuted_is_wrong_at_its_point(f: E, box: tuple[Fraction, Fraction]) -> None:
    """The counterexample lies in the box, and three points around it lie the other way."""
    facts = classify(minimax([var("u", *box), var("v", *box)], f))
    lo, hi = map(Fraction, box)

    with mpmath.workdps(60):
        for player, sign in zip(facts.players, (1, -1), strict=True):
            fact = player.convexity
            if fact.verdict is not False:
                continue
            point = {"u": (lo + hi) / 2, "v": (lo + hi) / 2} | dict(fact.reason.point)
            assert all(lo <= value <= hi for value in point.values())
            name = player.owns[0]
            steps = [mpmath.mpf(10) ** -12, number(hi - lo) / 2, number(hi - lo) / 4]
            exact = {n: number(value) for n, value in point.items()}
            tries = (values(f.expr, [{**exact, name: exact[name] + k * h} for k in (-1, 0, 1)]) for h in steps)
            assert any(t is not None and sign * (t[0] + t[2] - 2 * t[1]) < 0 for t in tries)


@effort
@given(f=expressions, box=boxes, at=st.tuples(st.fractions(0, 1), st.fractions(0, 1)))
def test_enclosures_hold_the_value(f: E, box: tuple[Fraction, Fraction], at: tuple[Fraction, Fraction]) -> None:
    """The interval of a closed form over a box holds its value at every point of the box, and so do its slopes."""
    from gamespec.classify.expand import seats

    try:
        cost = seats(alone([var("u", *box), var("v", *box)], f))[0].cost
    except Unfit:
        assume(False)
    lo, hi = map(Fraction, box)
    point = {name: lo + (hi - lo) * t for name, t in zip("uv", at, strict=True)}
    whole = {name: interval.hull(interval.exact(lo), interval.exact(hi)) for name in "uv"}
    narrow = {name: interval.exact(value) for name, value in point.items()}

    with mpmath.workdps(60):
        exact = {name: number(value) for name, value in point.items()}
        found = values(f.expr, [exact])
        assume(found is not None)
        for span in (enclose(cost, whole), enclose(cost, narrow)):
            assert span[0] <= found[0] <= span[1]


def test_most_questions_are_decided() -> None:
    """Of random smooth expressions with values on the whole box, most convexity questions get an answer."""
    decided = []

    @settings(max_examples=120, deadline=None, derandomize=True, database=None)
    @given(f=expressions, box=boxes)
    def ask(f: E, box: tuple[Fraction, Fraction]) -> None:
        grid = [number(Fraction(b)) for b in (*box, (Fraction(box[0]) + box[1]) / 2)]
        assume(values(f.expr, [{"u": a, "v": b} for a in grid for b in grid]) is not None)
        decided.extend(
            p.convexity.verdict is not None for p in classify(minimax([var("u", *box), var("v", *box)], f)).players
        )

    ask()

    assert sum(decided) >= 0.6 * len(decided)


def test_a_wrong_direction_is_found_in_a_matrix() -> None:
    """A saddle of two variables is not convex jointly although it is in each alone."""
    facts = classify(alone([var("u", -1, 1), var("v", -1, 1)], x("u") ** 2 + x("v") ** 2 + 3 * x("u") * x("v")))

    assert facts.players[0].convexity.verdict is False
    assert "eigenvalue of its Hessian = -1" in str(facts.players[0].convexity)


@pytest.mark.parametrize(
    ("f", "verdict"),
    [
        (x("u") ** 4 + x("v") ** 4 + x("u") ** 2 + x("v") ** 2 + x("u") * x("v"), True),
        (call("exp", x("u") + x("v")) + x("u") ** 2 + x("v") ** 2, True),
        (call("exp", x("u") * x("v")), False),
        (x("u") ** 4 + x("v") ** 4 - x("u") ** 2, False),
        (call("abs", x("u")) - 2 * call("abs", x("v")), False),
        (call("norm", E(ir.Array(items=(raw(x("u")), raw(x("v")))))), True),
    ],
)
def test_joint_convexity_of_two_variables(f: E, verdict: bool) -> None:
    """Proofs and refutations of one player with two numbers."""
    facts = classify(alone([var("u", -1, 1), var("v", -1, 1)], f))

    assert facts.players[0].convexity.verdict is verdict


def test_three_variables_by_interval_matrices() -> None:
    """A quadratic with a small cubic disturbance is strongly convex on the box."""
    u, v, w = x("u"), x("v"), x("w")
    f = u**2 + v**2 + w**2 + u * v / 4 + v * w / 4 + u**3 / 20
    facts = classify(alone([var(n, -1, 1) for n in "uvw"], f))

    assert facts.players[0].strong.verdict
    assert 0 < facts.players[0].modulus < 2


def test_an_unbounded_box_is_cut_at_finite_places() -> None:
    """Even powers are convex on the whole line, on half lines, and odd powers on one half only."""
    t = x("u")

    assert classify(alone([var("u")], t**4 + t**2)).players[0].strong.verdict
    assert classify(alone([var("u", 0)], t**3)).players[0].convexity.verdict
    assert classify(alone([var("u", None, 0)], t**3)).players[0].reverse.verdict
    assert classify(alone([var("u")], t**3)).players[0].convexity.verdict is False
    assert classify(alone([var("u", None, -1)], t**4 + call("sin", t))).players[0].strong.verdict
    assert classify(alone([var("u", 1)], t**4 + call("sin", t))).players[0].strong.verdict


def test_a_function_that_is_undefined_in_places_is_not_called_convex() -> None:
    """The second derivative of 1 / u^2 is positive on both sides of zero, and the function is not convex."""
    facts = classify(alone([var("u", -1, 1)], x("u") ** -2))

    assert facts.players[0].convexity.verdict is None
    assert facts.players[0].smooth.verdict is None


def test_undecided_is_said_when_the_parts_run_out() -> None:
    """A Hessian that vanishes along a curve is neither proved nor refuted."""
    u, v = x("u"), x("v")
    form = ((u**2 - v) ** 2).expr
    from gamespec.classify.expand import Expansion

    game = alone([var("u", -1, 1), var("v", -1, 1)], u)
    cell = Expansion(game).read(form).items[0]
    span = {name: Range(Fraction(-1), Fraction(1)) for name in "uv"}

    assert decide(((cell,),), span).holds is None
    assert defined(cell, {"u": (-1.0, 1.0), "v": (-1.0, 1.0)})
    assert derivative(cell, "w").constant == 0


def test_flat_points_do_not_spoil_strictness() -> None:
    """A fourth power is strictly convex, so that its least point on a compact set is unique; a fold of it is not."""
    alone_ = classify(alone([var("u", -1, 1)], x("u") ** 4)).players[0]
    mixed = classify(minimax([var("u", -1, 1), var("v", -1, 1)], x("u") ** 4 * (1 + x("v")))).player("main")

    assert alone_.strict.verdict
    assert alone_.unique.reason.text == "strictly convex on a compact convex set"
    assert "strictly convex" in str(alone_)
    assert not alone_.modulus
    assert mixed.convexity.verdict
    assert mixed.strict.verdict is None


def test_long_forms_get_less_effort() -> None:
    """A power of a sum is decided by few points, or left open, without a long search."""
    u, v = x("u"), x("v")

    assert (
        classify(alone([var("u", -1, 1), var("v", -1, 1)], (1 + u + v) ** 12)).players[0].convexity.verdict is not False
    )


def test_matrices_on_unbounded_sets_are_not_averaged() -> None:
    """Three unbounded variables: the intervals have no middle, and the verdict stays open."""
    u, v, w = x("u"), x("v"), x("w")
    f = u**4 + v**4 + w**4 + u**2 * v**2 + v**2 * w**2 + u**2 + v**2 + w**2

    assert classify(alone([var(n) for n in "uvw"], f)).players[0].convexity.verdict is None


def test_kinks_on_sets_that_are_no_boxes_are_not_searched() -> None:
    """Points of the surrounding box may lie outside the set."""
    many = [var("u", type=vector(2), set=inside("L2", 1))]

    assert classify(alone(many, -call("norm", x("u"), 1))).players[0].convexity.verdict is None
    assert classify(alone(many, -(x("u") @ x("u")))).players[0].convexity.verdict is False
