"""Which points are local Nash, local minimax or Stackelberg points, on games whose answers are known."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec.kernels.concepts import (
    along_tangents,
    field_jacobian,
    gain_from_restarts,
    hessian_product,
    lanczos_extremes,
    leader_curvature,
    least_eigenvalue,
    minimax_margin,
    nash_margin,
    own_slopes,
    tangent,
    total_slope,
)
from gamespec.kernels.verdicts import minimax_check

D = torch.float64


def phi(z):
    """The well of the forsaken game."""
    return z**2 / 4 - z**4 / 2 + z**6 / 6


def forsaken(c):
    """The forsaken game at one shift."""
    return lambda u, v: u * (v - c) + phi(u) - phi(v)


def weapons(u, v):
    """Danskin's allocation of weapons."""
    return torch.exp(-10 * (u + 0.5) * torch.exp(-(v + 0.5))) + torch.exp(-10 * (0.5 - u) * torch.exp(v - 0.5)) - 2


def zero_sum(f):
    """Both players' costs, from points of one number each."""
    return lambda z: [f(z[0], z[1]).sum(), -f(z[0], z[1]).sum()]


def measured(f, u, v, box):
    """Largest projected slope, Nash margin, and the two minimax margins at a point of the box [-box, box]^2."""
    z = [torch.tensor([u], dtype=D), torch.tensor([v], dtype=D)]
    slopes = own_slopes(zero_sum(f), z)
    tangents = [tangent(lambda a: a.clamp(-box, box), a, g) for a, g in zip(z, slopes, strict=True)]
    moved = [a - (a - g).clamp(-box, box) for a, g in zip(z, slopes, strict=True)]
    matrix = along_tangents(field_jacobian(zero_sum(f), z), tangents)
    sizes = [bend.numel() for _, bend in tangents]
    below, along = minimax_margin(matrix, sizes[0])
    return float(torch.cat(moved).abs().sum()), float(nash_margin(matrix, sizes)), float(below), float(along)


@pytest.mark.parametrize(
    ("f", "u", "v", "box", "stationary", "nash", "minimax"),
    [
        (lambda u, v: u**2 - v**2, 0, 0, 0.5, True, True, True),
        (lambda u, v: u**2 - v**2 + 2 * u * v, 0, 0, 0.5, True, True, True),
        (lambda u, v: v**3 - 3 * v * u**2, 0.25, -0.25, 0.5, False, True, True),
        (lambda u, v: v**3 - 3 * v * u**2, 0.25, 0.5, 0.5, False, False, False),
        (lambda u, v: -(u**2) + v**2 + 2 * u * v, 0, 0, 0.5, True, False, False),
        (lambda u, v: -(u**2) + v**2 + 2 * u * v, 0.4999, 0.5, 0.5, False, False, False),
        (weapons, 0, 0.5, 0.5, False, True, True),
        (weapons, 0.1579533, 0.5, 0.5, True, True, True),
        # A07 and B17: -u^2 + 4uv - v^2 is minimax at 0 and no Nash point.
        (lambda u, v: -(u**2) + 4 * u * v - v**2, 0, 0, math.inf, True, False, True),
        # B12: the same with a follower so slow that every one-timescale method leaves.
        (lambda u, v: -3 * u**2 - v**2 + 4 * u * v, 0, 0, math.inf, True, False, True),
        (lambda u, v: 3 * u**2 + v**2 + 4 * u * v, 0, 0, math.inf, True, False, False),
        (lambda u, v: 0.2 * u * v - torch.cos(v), 0, math.pi, 1e9, False, None, None),
        (lambda u, v: 0.2 * u * v - torch.cos(v), 0, 0, 1e9, True, False, False),
        (forsaken(0.1), 0.03921586906, 0.08051259167, math.inf, True, True, True),
        (forsaken(0.45), 0.07802666874, 0.4119338514, math.inf, True, False, False),
        (forsaken(0.5), 0.04601900398, 0.477185205, math.inf, True, False, False),
    ],
)
def test_points_of_known_games_are_what_they_are(f, u, v, box, stationary, nash, minimax):
    """Slopes vanish at stationary points only; margins have the sign that the concept asks for."""
    slope, nash_found, below, along = measured(f, float(u), float(v), box)

    assert (slope < 1e-5) == stationary
    if nash is not None:
        assert (nash_found > 1e-9) == nash
        assert (min(below, along) > 1e-9) == minimax


def test_the_curvatures_of_the_forsaken_game_are_those_of_the_table():
    """Own curvatures at c = 1/10."""
    z = [torch.tensor([0.03921586906], dtype=D), torch.tensor([0.08051259167], dtype=D)]
    jacobian = field_jacobian(zero_sum(forsaken(0.1)), z)

    assert torch.allclose(jacobian.diagonal(), torch.tensor([0.4907845191, 0.4613164351], dtype=D), atol=1e-8)


def slopes_of(cost):
    """The follower's own slope of its cost."""

    def field(u, v):
        return torch.autograd.grad(cost(u, v), v, create_graph=True)[0]

    return field


def cournot(q1, q2):
    """A firm's cost in the duopoly with price 10 - q and unit costs."""
    return -((9 - q1 - q2) * q1).sum()


@pytest.mark.parametrize(("q1", "q2", "slope"), [(4.5, 2.25, 0.0), (3.0, 3.0, -1.5)])
def test_cournot_s_leader_is_stationary_at_its_own_point_only(q1, q2, slope):
    """The total slope vanishes at (9/2, 9/4), and at the Nash point (3, 3) the leader would sell more."""
    u, v = torch.tensor([q1], dtype=D, requires_grad=True), torch.tensor([q2], dtype=D, requires_grad=True)
    field = slopes_of(lambda a, b: cournot(b, a))

    assert float(total_slope(cournot, field, u, v).detach()) == pytest.approx(slope, abs=1e-12)
    assert float(leader_curvature(cournot, field, u, v)) == pytest.approx(1.0)


def test_the_curvature_through_an_answer_is_that_of_the_answer_put_in():
    """With v = tanh(u) as the answer, the leader's curvature is that of its cost along the curve."""
    u = torch.tensor([0.7], dtype=D, requires_grad=True)
    v = torch.tensor([math.tanh(0.7)], dtype=D, requires_grad=True)

    def lead(a, b):
        return (torch.sin(a) * b + b**3).sum()

    field = slopes_of(lambda a, b: ((b - torch.tanh(a)) ** 2 * (1 + a**2)).sum())
    along = torch.func.grad(lambda a: lead(a, torch.tanh(a)))

    assert torch.allclose(total_slope(lead, field, u, v), along(u))
    assert torch.allclose(leader_curvature(lead, field, u, v)[0], torch.func.jacrev(along)(u)[0])


def test_a_held_follower_does_not_answer():
    """Without a direction for the follower, the leader's slope and curvature are its own."""
    u, none = torch.tensor([0.2], dtype=D, requires_grad=True), torch.zeros(0, dtype=D, requires_grad=True)

    def lead(a, _):
        return (a**2 + 3 * a * 0.5).sum()

    assert float(total_slope(lead, lambda a, b: b, u, none).detach()) == pytest.approx(2 * 0.2 + 1.5)
    assert float(leader_curvature(lead, lambda a, b: b, u, none)) == pytest.approx(2.0)


def ball(z):
    """The nearest point of the unit ball."""
    return z / z.norm().clamp_min(1.0)


def simplex(z):
    """The nearest point of the simplex of three numbers, by bisection on the shift that sums to 1."""
    low, high = z.detach().amin() - 1, z.detach().amax()
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (z.detach() - middle).clamp_min(0).sum() > 1 else (low, middle)
    support = z.detach() > middle
    return torch.where(support, z - (z[support].sum() - 1) / support.sum(), 0.0)


@pytest.mark.parametrize(("project", "z", "slope", "count", "bends"), [
    (None, [3.0, 4.0], [1.0, 1.0], 2, [0, 0]),
    (lambda z: z.clamp(-1, 1), [0.5, 1.0], [0.0, -2.0], 1, [0]),
    (lambda z: z.clamp(-1, 1), [0.5, 0.9], [0.0, -2.0], 2, [0, 0]),
    (ball, [0.3, 0.4], [-3.0, -4.0], 2, [0, 0]),
    (ball, [0.6, 0.8], [-2.4, -3.2], 1, [4.0]),
    (simplex, [0.5, 0.5, 0.0], [0.0, 0.0, 2.0], 1, [0]),
    (simplex, [0.5, 0.4, 0.1], [0.0, 0.0, 0.0], 2, [0, 0]),
])  # fmt: skip
def test_the_directions_of_a_set_are_those_that_its_sides_leave(project, z, slope, count, bends):
    """Sides that are pushed against take their directions away; the ball bends by the slope over its radius."""
    at = torch.tensor(z, dtype=D)
    directions, bend = tangent(project, at, torch.tensor(slope, dtype=D))

    assert directions.shape == (len(z), count)
    assert bend.tolist() == pytest.approx(bends, abs=1e-6)
    if project is ball and count == 1:
        assert abs(float(directions[:, 0] @ at)) < 1e-9


def test_a_minimum_on_a_ball_needs_its_boundary():
    """-u[0]^2 / 4 - u[1] is minimised at (0, 1) only because the ball bends there: the cost itself falls sideways."""
    z = torch.tensor([0.0, 1.0], dtype=D)

    def cost(points):
        return [-(points[0][0] ** 2) / 4 - points[0][1]]

    matrix = along_tangents(field_jacobian(cost, [z]), [tangent(ball, z, own_slopes(cost, [z])[0])])

    assert float(nash_margin(matrix, [1])) == pytest.approx(0.5)


def test_no_directions_leave_nothing_to_fail():
    """A corner that everything pushes into has an infinite margin."""
    assert float(least_eigenvalue(torch.zeros(0, 0, dtype=D))) == math.inf
    assert float(nash_margin(torch.eye(2, dtype=D), [0, 2])) == 1.0


def test_margins_are_closed_under_vmap():
    """A stack of matrices equals stacked calls."""
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(6, 4, 4, generator=rng, dtype=D)

    stacked = torch.func.vmap(least_eigenvalue)(a)
    below, along = torch.func.vmap(lambda m: minimax_margin(m, 2))(a)

    for k in range(6):
        assert torch.allclose(stacked[k], torch.linalg.eigvalsh((a[k] + a[k].mT) / 2)[0])
        assert torch.allclose(torch.stack([below[k], along[k]]), torch.stack(minimax_margin(a[k], 2)))


@pytest.mark.parametrize("n", [1, 2, 30])
def test_lanczos_finds_the_ends_of_the_spectrum(n):
    """As many steps as numbers give both ends; the products come from a cost without its matrix."""
    rng = torch.Generator().manual_seed(n)
    a = torch.randn(n, n, generator=rng, dtype=D)
    a = a + a.mT
    z = torch.zeros(n, dtype=D, requires_grad=True)
    product = hessian_product(z @ a @ z / 2, [z])

    low, high = lanczos_extremes(product, torch.randn(n, generator=rng, dtype=D), n)

    values = torch.linalg.eigvalsh(a)
    assert torch.allclose(torch.stack([low, high]), values[[0, -1]])


def test_lanczos_of_one_eigenvalue_ends_early():
    """A multiple of the identity has one Ritz value, however many steps are asked for."""
    low, high = lanczos_extremes(lambda d: 3.0 * d, torch.ones(8, dtype=D), 8)

    assert (float(low), float(high)) == (pytest.approx(3.0), pytest.approx(3.0))


def test_few_lanczos_steps_never_claim_too_much():
    """Ritz values lie inside the spectrum, and a clearly negative end is found negative."""
    spectrum = torch.cat([torch.linspace(0.1, 1.0, 200, dtype=D), torch.tensor([-2.0], dtype=D)])
    start = torch.ones(201, dtype=D)

    low, high = lanczos_extremes(lambda d: spectrum * d, start, 12)

    assert -2.0 - 1e-12 <= float(low) < -1.9
    assert float(high) <= 1.0 + 1e-12


def clip(z):
    """Into the box of the weapons game."""
    return z.clamp(-0.5, 0.5)


def gains(f, u, v, seed=0):
    """What each player of the box [-1/2, 1/2]^2 gains alone."""
    rng = torch.Generator().manual_seed(seed)
    starts = torch.rand(8, 1, generator=rng, dtype=D) - 0.5
    a, b = torch.tensor([u], dtype=D), torch.tensor([v], dtype=D)
    low, _ = gain_from_restarts(lambda z: f(z, b).sum(), a, starts, clip, 60)
    high, answer = gain_from_restarts(lambda z: -f(a, z).sum(), b, starts, clip, 60)
    return low, high, answer


def test_the_gap_vanishes_at_a_saddle_point_only():
    """At (0, 0) nobody gains; elsewhere the gap is what the known game says."""

    def f(u, v):
        return u**2 - v**2

    assert float(sum(gains(f, 0.0, 0.0)[:2])) < 1e-12
    assert float(sum(gains(f, 0.3, -0.2)[:2])) == pytest.approx(0.13)


def test_restarts_find_the_far_answer():
    """Where a beam has collapsed on a point that is flat, other starts show what the follower can gain."""
    low, high, answer = gains(lambda w, e: (w + e) ** 2, 0.3, -0.3)

    assert float(high) == pytest.approx(0.64)
    assert float(answer) == pytest.approx(0.5)
    assert float(low) < 1e-12


def test_a_minimax_point_is_no_saddle_point_by_its_gap():
    """At (0, 1/2) of the anti-saddle the follower answers well and the leader would move alone."""
    low, high, _ = gains(lambda u, v: -(u**2) + v**2 + 2 * u * v, 0.0, 0.5)

    assert float(high) < 1e-12
    assert float(low) == pytest.approx(0.75)


@pytest.mark.parametrize(("curved", "ok"), [(0.0, None), (1e-14, None), (-1.0, False), (1.0, True)])
def test_no_curvature_is_taken_along_an_answer_without_a_derivative(curved, ok):
    """The follower of u^2 + uv - c v^2/2: where c is 0 but for rounding nothing is said of the leader, and 1/c is not shown as a curvature."""
    points = [torch.zeros(1, dtype=D), torch.zeros(1, dtype=D)]
    entry = minimax_check(zero_sum(lambda u, v: u**2 + u * v - curved * v**2 / 2), points, [None, None], 1e-3, "")

    assert entry["ok"] is ok
    assert ("singular" in entry["note"]) == (ok is None)
