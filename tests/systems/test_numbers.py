"""Known numbers of systems of the field, from their texts: thresholds, cycles, biases, expectations, traps."""

from __future__ import annotations

import math

import pytest

import gamespec as gs
from tests.emit.build import program

HEAD = "language 1\ngame numbers\n"


def ended(text, steps, seed=0):
    """The state of a program after some steps."""
    made = program(HEAD + text)
    s = made.start(seed)
    for _ in range(steps):
        made.step(s)
    return made, s


HAMM = (
    "var u: R[2] init 1/2\nvar v: R[2] init 1/2\nsolve min{{u}} [ norm(u)^2 + norm(v)^2 - 1  s.t. v = argmin{{v}}[ norm(1 - u - v)^2 ] ]\n"
    "schedule {{ method: {} }}\n"
)


def test_a_penalty_is_off_by_one_over_gamma():
    """The leader ends at u = 2 gamma/(1 + 4 gamma), 1/(2 + 8 gamma) below 1/2: of order 1, to which a fit comes within 5 %."""
    gammas, errors = (4, 8, 16), []
    for gamma in gammas:
        rate = 1.2 / (2 + 8 * gamma)
        _, s = ended(HAMM.format(f"nested  u: sgd(lr = {rate})  v: sgd(lr = {rate}), through(penalty(gamma = {gamma}))"), 30 * gamma)
        errors.append(0.5 - float(s.u[0]))

        assert errors[-1] == pytest.approx(1 / (2 + 8 * gamma), rel=1e-3)
    order = math.log(errors[0] / errors[-1]) / math.log(gammas[-1] / gammas[0])

    assert order == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("steps", [1, 5, 10])
def test_unrolling_few_steps_from_zero_ends_where_its_closed_form_says(steps):
    """The answer after T steps of rate r from 0 is (1 - q)(1 - u), q = (1 - 2 r)^T: the leader ends at (1 - q)^2/(1 + (1 - q)^2)."""
    how = f"nested(start = cold)  u: sgd(lr = 0.2)  v: sgd(lr = 0.1, steps = {steps}), through(unroll)"
    _, s = ended(HAMM.format(how).replace("v: R[2] init 1/2", "v: R[2] init 0"), 200)
    part = (1 - 0.8**steps) ** 2

    assert s.u.tolist() == pytest.approx([part / (1 + part)] * 2, abs=1e-9)


@pytest.mark.parametrize("last", [1, 3])
def test_truncated_unrolling_ends_where_its_closed_form_says(last):
    """Through the last k of many steps dv/du is -(1 - q), q = (1 - 2 r)^k: 2 u = 2 (1 - q)(1 - u)."""
    how = f"nested  u: sgd(lr = 0.1)  v: sgd(lr = 0.1, steps = 80), through(unroll(last = {last}))"
    _, s = ended(HAMM.format(how), 200)
    part = 1 - 0.8**last

    assert s.u.tolist() == pytest.approx([part / (1 + part)] * 2, abs=1e-6)


@pytest.mark.parametrize(("h", "rho", "lr"), [(2, 0.3, 0.1), (1, 0.1, 0.5)])
def test_sharpness_aware_steps_end_in_a_cycle_of_two(h, rho, lr):
    """On h w^2/2 at a constant rate: w and -w in turn, of size lr h rho/(2 - lr h), although 0 is the solution."""
    made, s = ended(
        f"var w: R init 0.7\nvar e in [-{rho}, {rho}]\nsolve min{{w}} max{{e}} [ {h}*(w + e)^2/2 ]\n"
        f"schedule {{ method: nested  w: sgd(lr = {lr})  e: pgd(steps = 1, lr = {rho}, start = zero) }}",
        400,
    )
    first = float(s.w)
    made.step(s)

    assert abs(first) == pytest.approx(lr * h * rho / (2 - lr * h), abs=1e-12)
    assert float(s.w) == pytest.approx(-first, abs=1e-12)


@pytest.mark.parametrize(("tau", "arrives"), [(1, False), (2.9, False), (3.1, True), (6, True)])
def test_a_minimax_point_that_is_no_nash_point_needs_a_faster_follower(tau, arrives):
    """-3 x^2 + 4 x y - y^2 has its minimax point at 0: steps at once arrive where the follower is more than 3 times as fast."""
    rules = f"schedule {{ method: simultaneous  x: sgd(lr = 0.002)  y: sgd(lr = {0.002 * tau}) }}"
    text = f"var x: R init 0.1\nvar y: R init 0.1\nsolve min{{x}} max{{y}} [ -3*x^2 + 4*x*y - y^2 ]  order simultaneous\n{rules}"
    distances = []
    for steps in (4000, 12000):
        made, s = ended(text, steps)
        distances.append(math.hypot(*made.point(s)))

    assert (distances[1] < distances[0]) == arrives


def test_steps_at_once_may_arrive_at_a_minimax_point_that_is_no_nash_point():
    """-x^2 + 4 x y - 3 y^2: the minimiser's own curvature is negative at 0, and equal steps arrive there."""
    made, s = ended(
        "var x: R init 1\nvar y: R init 1\nsolve min{x} max{y} [ -x^2 + 4*x*y - 3*y^2 ]  order simultaneous\nschedule { method: simultaneous }", 500
    )

    assert math.hypot(*made.point(s)) <= 1e-9


@pytest.mark.parametrize("method", ["simultaneous", "extragradient", "optimistic"])
def test_steps_are_trapped_where_the_field_vanishes_and_the_certificate_says_so(method):
    """The max over x, min over y of x^2 y^2 - x y: the saddle points have value 0, and every x y = 1/2 of value -1/4 stops all gradients."""
    result = gs.from_text(
        f"{HEAD}var x in [-2, 2] init 1\nvar y in [-2, 2] init 0.3\nsolve max{{x}} min{{y}} [ x^2*y^2 - x*y ]  order simultaneous\n"
        f"schedule {{ method: {method}(lr = 0.05) }}\nrun {{ steps = 3000  tol = 1e-9  seed = 0 }}"
    ).solve()

    assert float(result.players["x"] * result.players["y"]) == pytest.approx(0.5, abs=1e-6)
    assert result.value == pytest.approx(-0.25, abs=1e-6)
    assert not result.certificates["ok"]


SHORTEST = (
    "var x: R[2] init [1, 0]\nvar y in [0, 1] init uniform\n"
    "solve min{{x}} max{{y}} [ y*norm(x - [0, -1])^2 + (1 - y)*norm(x - [0, 1])^2 - y*(1 - y) ]\n"
    "schedule {{ method: {}  x: normalized_sgd(lr = 0.1)  y: ascent(lr = 1) }}"
)


def arrival(method, seed):
    """The first of 60 steps after which the worst case is below 1.1."""
    made = program(HEAD + SHORTEST.format(method))
    s = made.start(seed)
    for k in range(1, 61):
        made.step(s)
        if float(s.x[0] ** 2 + (s.x[1].abs() + 1) ** 2) < 1.1:
            return k
    return 60


def test_the_shortest_vector_between_two_slopes_descends_where_one_slope_climbs():
    """The worst case falls at once along the shortest vector of the hull of both slopes, and late along the slope at one of them."""
    hull = [arrival("k_beam(K = 10, eps = 0.1)", seed) for seed in range(5)]
    one = [arrival("k_beam(K = 1)", seed) for seed in range(5)]

    assert max(hull) <= 10
    assert min(one) >= 15


def test_the_local_linearity_penalty_of_a_parabola_has_its_known_mean():
    """Between two points of the ball a parabola of curvature h leaves its chord by 2 h^2 eps^4/225 in the mean square."""
    h, eps, rows = 2, 0.5, 200_000
    made = program(
        f"{HEAD}dist a: R = Uniform(-{eps}, {eps})\ndist b: R = Uniform(-{eps}, {eps})\ndist unit: R = Uniform(0, 1)\n"
        f"var x init 1\ndef l(z) = {h}*z^2/2\n"
        "solve min{x} E{p ~ a, q ~ b, t ~ unit}[ (l(t*(x + p) + (1 - t)*(x + q)) - t*l(x + p) - (1 - t)*l(x + q))^2 ]\n"
        f"schedule {{ x: sgd(lr = 0.001) }}\nrun {{ batch = {rows}  precision = float64  seed = 0 }}"
    )
    found = float(next(iter(made.step(made.start(0)).values())))

    # The square has mean h^4/16 * 1/630 * eps^8 * 256/45.
    spread = math.sqrt(h**4 / 16 / 630 * eps**8 * 256 / 45 - (2 * h**2 * eps**4 / 225) ** 2)
    assert abs(found - 2 * h**2 * eps**4 / 225) <= 3 * spread / math.sqrt(rows)


@pytest.mark.parametrize("how", ["", "gap.a: pgd(steps = 50, lr = 0.1)  gap.b: sgd(lr = 9, steps = 50)"])
def test_a_metric_that_searches_both_sets_is_the_duality_gap(how):
    """On x y over boxes of half-width 2 it is 2 |x| + 2 |y|, wherever the players stand, scheduled or not."""
    result = gs.from_text(
        f"{HEAD}var x in [-2, 2] init 1\nvar y in [-2, 2] init 0.3\nsolve min{{x}} max{{y}} [ x*y ]\n"
        "metric gap = max{b in [-2, 2]}[ x*b ] - min{a in [-2, 2]}[ a*y ]\n"
        f"schedule {{ method: extragradient(lr = 0.5)  {how} }}\nrun {{ steps = 3  seed = 0 }}"
    ).solve()

    assert result.metrics["gap"] == pytest.approx(2 * sum(abs(float(result.players[v])) for v in "xy"), rel=1e-12)


def test_a_squared_normal_has_mean_one_and_variance_two():
    """The pushforward of a normal law by the square, from 4096 draws, within three standard errors."""
    text = f"{HEAD}dist w: R = Normal(0, 1)\nvar m init 0\nsolve min{{m}} [ m^2 ]\n"
    metrics = "metric mean = E{z ~ w}[ z^2 ]\nmetric spread = E{z ~ w}[ (z^2 - 1)^2 ]\nrun { steps = 1  seed = 0 }"
    found = gs.from_text(text + metrics.replace("metric mean =", "metric m1 =")).solve().metrics

    assert abs(found["m1"] - 1) <= 3 * math.sqrt(2 / 4096)
    # The fourth central moment of chi-squared of one degree is 60.
    assert abs(found["spread"] - 2) <= 3 * math.sqrt(56 / 4096)


DIVERGENCES = {
    "Kullback-Leibler": ("u*log(u)", 3, lambda u: u * math.log(u)),
    "reverse Kullback-Leibler": ("-log(u)", -1 / 10, lambda u: -math.log(u)),
    "Pearson": ("(u - 1)^2", 3, lambda u: (u - 1) ** 2),
    "Hellinger": ("(sqrt(u) - 1)^2", 9 / 10, lambda u: (math.sqrt(u) - 1) ** 2),
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_dual_of_a_divergence_has_its_value(name):
    """The max over T of E_P[T] - E_Q[f*(T)] is sum q f(p/q), with P = (0.7, 0.3) and Q = (0.4, 0.6)."""
    text, most, f = DIVERGENCES[name]
    result = gs.from_text(
        f"{HEAD}var T: R[2] in [-9, {most}] init -1/2\ndef f(u) = {text}\ndef conjugate(t) = max{{u in [1/100, 100]}}[ u*t - f(u) ]\n"
        "solve max{T} [ 0.7*T[0] + 0.3*T[1] - 0.4*conjugate(T[0]) - 0.6*conjugate(T[1]) ]\n"
        "schedule { method: nested  T: sgd(lr = 0.2)  u: newton  u_2: newton }\nrun { steps = 400  tol = 1e-8  seed = 0 }"
    ).solve()

    assert result.value == pytest.approx(0.4 * f(0.7 / 0.4) + 0.6 * f(0.3 / 0.6), abs=1e-6)
