"""Thresholds and rates that theory gives, reproduced: on x*y every linear method multiplies the distance by a known factor."""

from __future__ import annotations

import cmath
import math

import pytest
import torch

from gamespec.library.registry import words
from tests.emit.build import program

HEAD = "language 1\ngame rates\n"
SEEDS = range(5)


def module(objective, method, *, init="normal(1)", box="R", head="", more="", roles=None, batch=None):
    """The program of a game of two variables that move at once."""
    at = [init, init] if isinstance(init, str) else init
    box = "R" if box == "R" else f"R in [-{box}, {box}]"
    solve = roles or f"solve min{{x}} max{{y}} [ {objective} ]"
    solve += "" if roles or words("solvers")[method.split("(")[0]].accepts.order == "sequential" else "  order simultaneous"
    variables = f"var x: {box} init {at[0]}\nvar y: {box} init {at[1]}\n"
    rows = f"batch = {batch}" if batch else ""
    return program(f"{HEAD}{head}{variables}{solve}\nschedule {{ method: {method} {more} }}\nrun {{ steps = 10  seed = 0  {rows} }}")


def run(made, steps, seed=0):
    """The state after some steps, and the distance from 0 before and after."""
    s = made.start(seed)
    begun = math.hypot(*made.point(s))
    for _ in range(steps):
        made.step(s)
    return s, begun, math.hypot(*made.point(s))


def optimistic(a):
    """The larger root of m^2 - (1 - 2ia) m - ia: past gradients on a field that turns by i."""
    turn = 1 - 2j * a
    root = cmath.sqrt(turn**2 + 4j * a)
    return max(abs((turn + root) / 2), abs((turn - root) / 2))


def momentum(a, beta):
    """The spectral radius of alternating steps with momentum, the follower y first."""
    # y' = y + a x + beta (y - y_), then x' = x - a y' + beta (x - x_).
    row = torch.tensor([a, 1 + beta, 0, -beta])
    move = torch.stack([torch.tensor([1 + beta, 0.0, -beta, 0]) - a * row, row, torch.tensor([1.0, 0, 0, 0]), torch.tensor([0.0, 1, 0, 0])])
    return float(torch.linalg.eigvals(move.double()).abs().max())


A = 0.3
RATES = {
    "simultaneous": math.sqrt(1 + A**2),
    "mirror_descent": math.sqrt(1 + A**2),
    "extragradient": math.sqrt(1 - A**2 + A**4),
    "mirror_prox": math.sqrt(1 - A**2 + A**4),
    "eg_plus": abs(1 - 0.5j * A * (1 - 1j * A)),
    "ceg_plus": abs(1 - 0.5j * A * (1 - 1j * A)),
    "proximal_point": 1 / math.sqrt(1 + A**2),
    "competitive": 1 / math.sqrt(1 + A**2),
    "hamiltonian": 1 - A,
    "consensus": abs(1 - A - 1j * A),
    "symplectic": abs(1 - A - 1j * A),
    "optimistic": optimistic(A),
    "optimistic_mirror": optimistic(A),
    "reflected": optimistic(A),
    "negative_momentum": momentum(A, -0.5),
    # gamma = 0.99 and alpha = 1 / (1 + gamma^2) - gamma / 2, the change of z - gamma F being -(gamma^2 + i gamma) z.
    "curvature_eg_plus": abs(1 - (1 / (1 + 0.99**2) - 0.495) * (0.99**2 + 0.99j)),
}
"""The factor of one step on x*y at rate 0.3, seen as a complex number that the field turns by i."""


@pytest.mark.parametrize("method", RATES)
def test_the_rate_on_the_bilinear_game_is_the_known_one(method):
    """From five seeds the distance shrinks, or grows, by the factor that theory states."""
    made = module("x*y", method if method == "curvature_eg_plus" else f"{method}(lr = {A})")
    for seed in SEEDS:
        s, _, middle = run(made, 30, seed)
        for _ in range(30):
            made.step(s)
        end = math.hypot(*made.point(s))

        assert (end / middle) ** (1 / 30) == pytest.approx(RATES[method], rel=0.03 if method == "negative_momentum" else 1e-3)


@pytest.mark.parametrize(("method", "below", "above"), [
    ("extragradient", 0.99, 1.01), ("mirror_prox", 0.99, 1.01), ("optimistic", 0.577, 0.578), ("reflected", 0.577, 0.578),
    ("optimistic_mirror", 0.577, 0.578),
])  # fmt: skip
def test_the_threshold_on_the_bilinear_game_is_the_known_one(method, below, above):
    """Extragradient converges for steps below 1, methods of past gradients below 1/sqrt(3) = 0.57735."""
    distance = {}
    for lr in (below, above):
        made = module("x*y", f"{method}(lr = {lr})", init=("1", "1"))
        s, _, early = run(made, 200)
        for _ in range(1500):
            made.step(s)
        distance[lr] = math.hypot(*made.point(s)) / early

    assert distance[below] < 1 < distance[above]


@pytest.mark.parametrize("lr", [0.5, 3.0])
def test_the_proximal_point_converges_at_any_rate(lr):
    """Its factor on x*y is 1/sqrt(1 + a^2) for every a."""
    _, begun, end = run(module("x*y", f"proximal_point(lr = {lr})"), 20)

    assert end / begun == pytest.approx((1 + lr**2) ** -10, rel=1e-6)


@pytest.mark.parametrize(("c", "alpha"), [(0.1, 0.7), (0.1, 0.9), (0.3, 0.3), (0.3, 0.5), (0.45, 0.05), (0.45, 0.15)])
def test_eg_plus_on_the_weak_minty_quadratic(c, alpha):
    """With F = [[-c, b], [-b, -c]] z, c^2 + b^2 = 1 and rate 1, it converges exactly where 2c + alpha < 1."""
    b = math.sqrt(1 - c**2)
    made = module(f"-{c}*x^2/2 + {b}*x*y + {c}*y^2/2", f"eg_plus(lr = 1.0, alpha = {alpha})")
    for seed in SEEDS:
        _, begun, end = run(made, 300, seed)

        assert (end < begun) == (2 * c + alpha < 1)


def test_anchoring_has_the_fastest_rate():
    """The squared slope falls as 1/k^2, with the constant of Yoon and Ryu, and k^2 of it no longer grows."""
    made = module("x*y", "anchored(lr = 0.125)")
    for seed in SEEDS:
        s, begun, _ = run(made, 0, seed)
        scaled = []
        for k in range(1, 1601):
            made.step(s)
            scaled.append((k + 1) ** 2 * math.hypot(*made.point(s)) ** 2)

        assert max(scaled) <= 260 * begun**2
        assert max(scaled[800:]) <= 1.01 * max(scaled[:800])


@pytest.mark.parametrize(("start", "method", "factor"), [
    (("0.8", "0.8"), "simultaneous", 1 + 0.1), (("0.6", "0.6"), "extragradient", 1 - 0.1), (("1.5", "1.5"), "extragradient", 1 - 0.1),
    (("0.6", "0.6"), "optimistic", 1 - 0.1),
])  # fmt: skip
def test_the_cycle_of_the_almost_bilinear_game_has_the_known_radius(start, method, factor):
    """sqrt(4/3 (1 +- rate/eps)), averaging over a turn: outside for plain steps, inside for looks ahead. Here eps = 0.1."""
    made = module("x*y + (y^2/2 - y^4/4)/10", f"{method}(lr = 0.01)", init=start)
    s, _, _ = run(made, 6000)
    radii = []
    for _ in range(700):
        made.step(s)
        radii.append(math.hypot(*made.point(s)))

    assert (max(radii) + min(radii)) / 2 == pytest.approx(math.sqrt(4 / 3 * factor), rel=0.01)


def test_a_look_ahead_longer_than_eps_leaves_the_cycle():
    """For rates above eps the cycle is gone and extragradient converges."""
    made = module("x*y + (y^2/2 - y^4/4)/10", "extragradient(lr = 0.2)", init=("0.5", "0.5"))

    assert run(made, 1500)[2] < 1e-5


def test_steps_of_one_length_grow_the_norm_by_known_steps():
    """On a bilinear game of two scalars in one player's view: after k steps the squared norm is that of the start + k lr^2."""
    # One player who owns both: the joint field (y, -x) is the gradient of nothing, so it is taken from stopped values.
    text = f"{HEAD}var z: R[2] init [1, 1]\nsolve min{{z}} [ stop(z[1])*z[0] - stop(z[0])*z[1] ]\nschedule {{ z: normalized_sgd(lr = 0.1) }}"
    _, begun, end = run(program(text), 100)

    assert end**2 == pytest.approx(begun**2 + 100 * 0.1**2, rel=1e-6)


RING = "def ring(s) = a/32 * (16/3*s^3 - 25/2*s^2 + 9*s)\n"
FORSAKEN = "x*(y - {c}) + (x^2/4 - x^4/2 + x^6/6) - (y^2/4 - y^4/2 + y^6/6)"


@pytest.mark.parametrize(("a", "rate", "method", "steps", "arrives"), [
    (1, 0.0539143, "ceg_plus(lr = {}, alpha = 1)", 600, False), (1, 0.0539143, "ceg_plus(lr = {}, alpha = 0.5)", 600, False),
    (0.75, 0.0717443, "ceg_plus(lr = {}, alpha = 1)", 600, False), (0.75, 0.0717443, "ceg_plus(lr = {}, alpha = 0.5)", 1200, True),
    (1 / 3, 0.1585769, "ceg_plus(lr = {}, alpha = 1)", 600, True), (1, 0, "curvature_eg_plus", 300, True),
])  # fmt: skip
def test_the_polar_games_need_the_curvature(a, rate, method, steps, arrives):
    """From (1, 0.5) fixed steps stay on the cycle where the constant is too small; steps by the curvature arrive."""
    roles = "solve nash { one: min{x} [ ring(x^2 + y^2) - x*y ]  two: min{y} [ ring(x^2 + y^2) + x*y ] }"
    made = module("", method.format(rate), init=("1", "0.5"), box="1.1", head=f"param a = {a}\n{RING}", roles=roles)
    end = run(made, steps)[2]

    assert end < 0.01 if arrives else end > 0.7


@pytest.mark.parametrize(("c", "at"), [(0.1, None), (0.45, (0.078027, 0.411934)), (0.5, (0.046019, 0.477185))])
def test_the_forsaken_games_are_solved_by_the_curvature_where_it_can(c, at):
    """From (1, -0.8) it reaches the stationary point for c = 0.45 and 0.5, and turns for c = 0.1."""
    made = module(FORSAKEN.format(c=c), "curvature_eg_plus", init=("1", "-0.8"), box="1.5")
    s, _, end = run(made, 800)

    assert made.point(s) == pytest.approx(at, abs=1e-3) if at else end > 0.8


NOISY = "dist w: R[2] = Normal(0, 1)\n"


@pytest.mark.parametrize("method", ["seg_plus", "bc_seg_plus"])
def test_fading_steps_outlive_the_noise(method):
    """On a noisy weak Minty quadratic EG+ stays at a noise floor; with the same look ahead, steps that fade go below it."""
    objective = "E{e ~ w}[ -0.05*x^2 + sqrt(0.99)*x*y + 0.05*y^2 + 0.3*(e[0]*x - e[1]*y) ]"
    ends = {}
    for played in ("eg_plus", method):
        made = module(objective, f"{played}(lr = 0.5, alpha = 0.3)", init=("1", "1"), head=NOISY, batch=1)
        s, _, _ = run(made, 1500)
        ends[played] = sum(math.hypot(*made.point(s)) for _ in range(300) if made.step(s)) / 300

    assert ends[method] < 0.6 * ends["eg_plus"]


def faded(k, alpha=0.3):
    """The share of the step that SEG+ and BC-SEG+ make at step k."""
    return alpha / math.sqrt(1 + (k - 1) / 100)


def seg_plus(z, steps):
    """SEG+ on a field that turns by i, as one complex number."""
    for k in range(1, steps + 1):
        z -= faded(k) * A * 1j * (z - A * 1j * z)
    return z


def bc_seg_plus(z, steps):
    """BC-SEG+ on a field that turns by i: algorithm 1 of Pethick et al. 2023, begun with its look ahead at the start."""
    past = ahead = z
    for k in range(1, steps + 1):
        turned = z - A * 1j * z + (1 - faded(k)) * (ahead - past + A * 1j * past)
        past, ahead, z = z, turned, z - faded(k) * A * 1j * turned
    return z


@pytest.mark.parametrize(("method", "theory"), [("seg_plus", seg_plus), ("bc_seg_plus", bc_seg_plus)])
def test_fading_steps_have_the_known_product_of_factors(method, theory):
    """Without noise, on x*y: the distance after 400 steps from five seeds is that of the recursion, and smaller than at first."""
    made = module("x*y", f"{method}(lr = {A}, alpha = 0.3)")
    for seed in SEEDS:
        _, begun, end = run(made, 400, seed)

        assert end / begun == pytest.approx(abs(theory(1, 400)), rel=1e-9)
        assert end < 0.2 * begun


@pytest.mark.parametrize("lr", [0.1, 0.01])
def test_steps_of_one_length_arrive_in_time_and_stay_within_one_step(lr):
    """Normalised on x^2 - y^2 from five seeds: after |z| / lr steps each player is within lr of the saddle point, and stays."""
    made = module("x^2 - y^2", f"normalised(lr = {lr})")
    for seed in SEEDS:
        s, begun, _ = run(made, 0, seed)
        for _ in range(math.ceil(begun / lr)):
            made.step(s)
        for _ in range(20):
            assert max(map(abs, made.point(s))) <= lr + 1e-12
            made.step(s)


NO_RATE = {"optimistic_adam": "its papers prove no rate on x*y", "extra_adam": "its papers prove no rate on x*y"}
"""Methods that have neither a factor on x*y nor another law here, why: Adam at a constant rate need not converge (Reddi et al. 2018)."""


@pytest.mark.parametrize(("method", "bound"), [("optimistic_adam", 0.05), ("extra_adam", 0.05)])
def test_variants_of_adam_that_look_ahead_end_near_a_strong_saddle(method, bound):
    """Without a theorem to reproduce, at least: from five seeds they end near the saddle of x^2 + x*y - y^2."""
    made = module("x^2 + x*y - y^2", f"{method}(lr = 0.01)")
    for seed in SEEDS:
        assert run(made, 1500, seed)[2] < bound


TURNS = float(torch.linalg.eigvals(torch.tensor([[1 - A**2, -A * (1 - 2 * A)], [A, 1 - 2 * A]], dtype=torch.float64)).abs().max())
"""Spectral radius of y + a (x - 2 y), then x - a y at the new y; the other order has the same."""
IN_TURN = {
    "alternating": (f"alternating(lr = {A})", TURNS),
    "k_beam": (f"k_beam(lr = {A})", TURNS),
    # The value max over y of x y - y^2 is x^2/4, of slope x/2; on its total derivative the leader has that slope wherever y stands.
    "nested": (f"nested(lr = {A})  y: newton", 1 - A / 2),
    "stackelberg": (f"stackelberg(lr = {A})", 1 - A / 2),
    # The direction q that minimises (x + q)^2/4 + q^2/2 is -x/3.
    "kiwiel": ("kiwiel(climbs = 2, planes = 14, trials = 1)  x: sgd(lr = 1.0)  y: sgd(lr = 0.5)", 2 / 3),
}
"""The factor of one step on x*y - y^2, of methods in turn."""


@pytest.mark.parametrize("method", IN_TURN)
def test_the_rate_of_methods_in_turn_is_the_known_one(method):
    """From five seeds the distance shrinks by the factor that theory states."""
    schedule, factor = IN_TURN[method]
    made, steps = module("x*y - y^2", schedule), 2 if method == "kiwiel" else 20
    for seed in SEEDS:
        s, _, middle = run(made, steps, seed)
        for _ in range(steps):
            made.step(s)

        assert (math.hypot(*made.point(s)) / middle) ** (1 / steps) == pytest.approx(factor, rel=5e-3)


def test_one_player_descends_at_the_rate_of_its_curvature():
    """1 - a h on a parabola of curvature h, from five seeds."""
    made = program(f"{HEAD}var x: R[2] init normal(1)\nsolve min{{x}} [ norm(x)^2 ]\nschedule {{ method: descent(lr = {A}) }}")
    for seed in SEEDS:
        _, begun, end = run(made, 20, seed)

        assert end / begun == pytest.approx((1 - 2 * A) ** 20, rel=1e-9)


AT_ONCE = {
    "linear_program": (
        "var x in Simplex(2) init uniform\nvar y in Simplex(2) init uniform\nsolve min{x} max{y} [ x @ [[2, -1], [-1, 1]] @ y ]",
        [0.4, 0.6, 0.4, 0.6],
    ),
    "lexicographic": (
        "var x in [-1, 1] init uniform\nvar y in [-1, 1] init uniform\n"
        "solve min{x} [ x^2 + y s.t. y in argmin{y}[ (1 + x^2)*(y^2 - 1/4)^2 ] ]  ties optimistic",
        [0, -0.5],
    ),
}


@pytest.mark.parametrize("method", AT_ONCE)
def test_methods_that_search_or_solve_arrive_in_one_step(method):
    """From five seeds the first step is the last: the solution, which is known."""
    text, at = AT_ONCE[method]
    made = program(f"{HEAD}{text}\nschedule {{ method: {method}{'(leader = 21, follower = 41)' if method == 'lexicographic' else ''} }}")
    for seed in SEEDS:
        s, _, _ = run(made, 1, seed)

        assert made.point(s) == pytest.approx(at, abs=1e-6)


LAWS = {*RATES, *NO_RATE, *IN_TURN, *AT_ONCE, "anchored", "seg_plus", "bc_seg_plus", "normalised", "descent"}
"""Methods with a rate here, or with the reason why there is none."""


def test_every_method_has_a_rate_or_a_reason():
    """A new method is in the tables, or this fails."""
    assert set(words("solvers")) == LAWS


@pytest.mark.parametrize("method", ["simultaneous", "extragradient", "optimistic"])
def test_the_rate_is_the_same_in_tensors(method):
    """The lane of tensors walks the path of the lane that is chosen by default, to rounding."""
    text = f"{HEAD}var x: R init 1\nvar y: R init 0.5\nsolve min{{x}} max{{y}} [ x*y ]  order simultaneous\nschedule {{ method: {method}(lr = {A}) }}"
    ends = [run(program(text, lane=lane), 60)[2] for lane in ("auto", "torch")]

    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_adam_cycles_and_its_look_ahead_cycles_nearer():
    """With constant steps neither reaches the saddle point; the mean distance over the tail is smaller with a look ahead."""
    tails = {}
    for method, rule in (("simultaneous", "adam"), ("extra_adam", "adam")):
        rules = f"x: {rule}(lr = 0.01, betas = [0.5, 0.9])  y: {rule}(lr = 0.01, betas = [0.5, 0.9])"
        made = module("x*y", method, init=("1", "1"), more=rules)
        s, _, _ = run(made, 3000)
        tails[method] = sum(math.hypot(*made.point(s)) for _ in range(300) if made.step(s)) / 300

    assert tails["simultaneous"] == pytest.approx(0.163, abs=0.01)
    assert tails["extra_adam"] == pytest.approx(0.0403, abs=0.002)
