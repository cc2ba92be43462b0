"""No false proof about whole games: saddle points, unique answers, monotone fields, values and stationary points."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gamespec.classify import classify
from gamespec.classify.expand import seats
from gamespec.classify.form import Unfit, derivative, enclose
from gamespec.classify.globally import landscape
from gamespec.classify.judge import judge

from .games import E, bilevel, block, minimax, raw, var, x
from .test_proofs import boxes, expressions, number, values

effort = settings(max_examples=35, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
GRID = 12
SLACK = mpmath.mpf(10) ** -9

smooth_leaves = st.sampled_from([x("u"), x("v"), x("u") ** 2, x("v") ** 2, x("u") * x("v")])
factors = st.sampled_from([Fraction(n, d) for n in range(-4, 5) for d in (1, 2)])
quadratics = st.lists(st.tuples(factors, smooth_leaves), min_size=1, max_size=6).map(lambda terms: sum((E(raw(c)) * t for c, t in terms), E(raw(0))))
games = st.one_of(quadratics, expressions)


def surface(f: E, box: tuple[Fraction, Fraction]) -> list[list[mpmath.mpf]] | None:
    """Values on a grid: rows for u, columns for v."""
    lo, hi = (number(Fraction(b)) for b in box)
    points = [lo + (hi - lo) * k / GRID for k in range(GRID + 1)]
    found = [values(f.expr, [{"u": u, "v": v} for v in points]) for u in points]
    return None if any(row is None for row in found) else found  # type: ignore[return-value]  # no row is None; until 2027-11


def reaches(f: E, box: tuple[Fraction, Fraction]) -> tuple[mpmath.mpf, mpmath.mpf] | None:
    """How much values may change between points of the grid, along u and along v, by proved bounds of the slopes."""
    try:
        cost = seats(block([var("u", *box), var("v", *box)], ("min", "u", f), ("max", "v", f)))[0].cost
        whole = {name: (float(Fraction(box[0])) - 1e-9, float(Fraction(box[1])) + 1e-9) for name in "uv"}
        steep = [max(map(abs, enclose(derivative(cost, name), whole))) for name in "uv"]
    except Unfit:
        return None
    width = float(Fraction(box[1]) - Fraction(box[0])) / GRID / 2
    return mpmath.mpf(steep[0]) * width, mpmath.mpf(steep[1]) * width


@effort
@given(f=games, box=boxes)
def test_proved_and_refuted_saddle_points_fit_the_values(f: E, box: tuple[Fraction, Fraction]) -> None:
    """Where a saddle point is proved the values on a grid are not apart, where it is refuted they do not meet."""
    facts = classify(minimax([var("u", *box), var("v", *box)], f))
    assume(facts.saddle.verdict is not None)

    with mpmath.workdps(30):
        found, reach = surface(f, box), reaches(f, box)
        assume(found is not None)
        assume(reach is not None)
        assume(all(map(mpmath.isfinite, reach)))
        low = min(map(max, found))
        high = max(map(min, zip(*found, strict=True)))
        # On the grid minimax is off by at most what the values change between its points, and so is maximin.
        if facts.saddle.verdict:
            assert low - high <= reach[0] + reach[1] + SLACK
        else:
            assert low + reach[1] > high - reach[0] - SLACK


@settings(effort, max_examples=25)
@given(f=games, box=boxes)
def test_a_proved_unique_answer_is_unique_on_a_grid(f: E, box: tuple[Fraction, Fraction]) -> None:
    """No two points of the follower are both best and have nothing better between them."""
    facts = classify(minimax([var("u", *box), var("v", *box)], f))
    assume(facts.players[1].unique.verdict)

    with mpmath.workdps(30):
        found = surface(f, box)
        assume(found is not None)
        for row in found:
            best = max(row)
            where = [k for k, value in enumerate(row) if value == best]
            assert len(where) == 1 or (len(where) == 2 and where[1] - where[0] == 1)


@effort
@given(f=games, g=games, box=boxes)
def test_a_proved_monotone_field_has_no_two_points_the_other_way(f: E, g: E, box: tuple[Fraction, Fraction]) -> None:
    """The change of the field goes along with the change of the point."""
    game = block([var("u", *box), var("v", *box)], ("min", "u", f), ("min", "v", g))
    facts = classify(game)
    assume(facts.monotone.verdict)
    try:
        field = [derivative(seat.cost, name) for seat, name in zip(seats(game), "uv", strict=True)]
    except Unfit:
        assume(False)
    lo, hi = (float(Fraction(b)) for b in box)
    grid = [lo + (hi - lo) * k / 4 for k in range(5)]
    points = [(u, v) for u in grid for v in grid]
    slopes = [[enclose(form, {"u": (u, u), "v": (v, v)}) for form in field] for u, v in points]

    for p, a in zip(points, slopes, strict=True):
        for q, b in zip(points, slopes, strict=True):
            highest = sum(max((s - t) * (y - z) for s in left for t in right) for left, right, y, z in zip(a, b, p, q, strict=True))
            assert highest >= -1e-9


@effort
@given(f=games, box=boxes)
def test_brackets_hold_the_values(f: E, box: tuple[Fraction, Fraction]) -> None:
    """Minimax lies below every worst case of the grid, maximin above every best case."""
    game = minimax([var("u", *box), var("v", *box)], f)
    found = landscape(game, 2000)
    assume(found is not None)
    assume(found.minimax is not None)

    with mpmath.workdps(30):
        rows = surface(f, box)
        reach = reaches(f, box)
        assume(rows is not None)
        assume(reach is not None)
        low, high = min(map(max, rows)), max(map(min, zip(*rows, strict=True)))
        assert found.minimax.value[0] <= low + reach[1] + SLACK
        assert found.minimax.value[1] >= low - reach[0] - SLACK
        assert found.maximin.value[1] >= high - reach[0] - SLACK
        assert found.maximin.value[0] <= high + reach[1] + SLACK


@effort
@given(f=games, box=boxes)
def test_what_is_called_a_local_nash_point_is_one(f: E, box: tuple[Fraction, Fraction]) -> None:
    """A small step of one player from such a point never gains; from a saddle point no step does."""
    game = minimax([var("u", *box), var("v", *box)], f)
    found = landscape(game, 4000)
    assume(found is not None)
    named = [p for p in found.points if {"local Nash", "saddle"} & set(p.kinds)]
    assume(named)
    lo, hi = (number(Fraction(b)) for b in box)

    with mpmath.workdps(40):
        for point in named:
            at = {name: mpmath.mpf(t) for name, t in point.zero.point.items()}
            (here,) = values(f.expr, [at]) or [None]
            assume(here is not None)
            steps = [mpmath.mpf(10) ** -4] + ([(hi - lo) / 3] if "saddle" in point.kinds else [])
            for name, sign in (("u", 1), ("v", -1)):
                for step in (s for h in steps for s in (h, -h)):
                    there = values(f.expr, [{**at, name: min(max(at[name] + step, lo), hi)}])
                    assert there is None or sign * (there[0] - here) > -(mpmath.mpf(10) ** -5)


@pytest.mark.parametrize(
    ("f", "kinds"),
    [
        (x("u") ** 2 - x("v") ** 2, {(0.0, 0.0)}),
        (x("u") * x("v"), {(0.0, 0.0)}),
        (9 * x("u") - x("u") ** 2 + x("v") ** 2 + 9 * x("v"), {(-1.0, 1.0)}),
    ],
)
def test_saddle_points_are_listed(f: E, kinds: set[tuple[float, float]]) -> None:
    """Inside and at corners."""
    found = landscape(minimax([var("u", -1, 1), var("v", -1, 1)], f))

    assert found is not None
    assert {tuple(p.zero.point.values()) for p in found.points if "saddle" in p.kinds} == kinds


def test_coordinates_keep_their_order_on_every_side() -> None:
    """A point at a side names its numbers in the order of the players."""
    u, v = x("u"), x("v")
    found = landscape(minimax([var("u", -1, 1), var("v", -1, 1)], (u - Fraction(1, 4)) ** 2 + 3 * v))

    assert found is not None
    assert [tuple(p.zero.point) for p in found.points] == [("u", "v")] * len(found.points)
    assert any(p.zero.point == pytest.approx({"u": 0.25, "v": 1.0}) for p in found.points)


def test_a_player_without_end_is_refuted_by_its_leading_term() -> None:
    """The quartic decides, whatever the quadratic does near zero."""
    u, v = x("u"), x("v")
    facts = classify(minimax([var("u"), var("v")], u**2 - u**4 + u * v - v**2))

    assert facts.saddle.verdict is False
    assert facts.order_matters


def test_a_beam_that_collapsed_is_seen_through() -> None:
    """At (3/10, -3/10) nothing pulls, but the follower gains by going to the other side."""
    u, v = x("u"), x("v")
    box = (Fraction(-3, 10), Fraction(3, 10))
    found = judge(minimax([var("u", -1, 1), var("v", *box)], (u + v) ** 2), {"u": 0.3, "v": -0.3})

    assert found is not None
    assert found.slope == 0.0
    assert found.gap == pytest.approx(0.36)
    assert found.regret == pytest.approx(0.27, abs=1e-3)
    assert found.refuted


@pytest.mark.parametrize(
    ("leader", "follower", "verdict", "said"),
    [
        # Two firms with price 10 - q1 - q2 and unit costs: whoever leads sells more.
        ((x("v") + x("u") - 9) * x("u"), (x("v") + x("u") - 9) * x("v"), True, "in turn (u, v) = (9/2, 9/4), at once (u, v) = (3, 3)"),
        ((x("u") - 1) ** 2, (x("v") - x("u")) ** 2, False, "in turn and at once both end at (u, v) = (1, 1)"),
        ((x("u") - 1) ** 2 - 3 * x("v") ** 2, (x("v") - x("u")) ** 2, None, ""),
        ((x("u") - 1) ** 2 + x("v"), (x("v") - x("u")) ** 4, None, ""),
    ],
)
def test_it_is_said_whether_the_order_of_a_general_sum_game_matters(leader: E, follower: E, verdict: bool | None, said: str) -> None:
    """For strictly convex quadratics both solutions are exact, and compared."""
    facts = classify(bilevel([var("u"), var("v")], ("min", "u", leader), ("min", "v", follower)))

    assert facts.order_matters is verdict
    assert said in facts.apart.reason.text
    assert (f"the order of play matters: {facts.apart.reason.source}" in str(facts)) == (verdict is not None)
