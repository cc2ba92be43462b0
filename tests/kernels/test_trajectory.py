"""What a path says about how a run ended, on paths whose fate is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from gamespec.kernels.trajectory import cycle_said, diagnose
from gamespec.run.result import Status

Point = tuple[float, ...]


def walk(move: Callable[..., Point], start: Point, steps: int, skip: int = 0) -> list[Point]:
    """The points of a path after `skip` steps."""
    path = [start]
    for _ in range(steps + skip):
        path.append(move(*path[-1]))
    return path[-steps:]


def alternating(rate: float) -> Callable[..., Point]:
    """Descent-ascent on u v, one player after the other: an exact rotation in an ellipse."""

    def move(u: float, v: float) -> Point:
        u = u - rate * v
        return u, v + rate * u

    return move


def simultaneous(rate: float) -> Callable[..., Point]:
    """Both at once: a spiral out."""
    return lambda u, v: (u - rate * v, v + rate * u)


def extragradient(rate: float) -> Callable[..., Point]:
    """A spiral in."""

    def move(u: float, v: float) -> Point:
        a, b = u - rate * v, v + rate * u
        return u - rate * b, v + rate * a

    return move


def van_der_pol(h: float) -> Callable[..., Point]:
    """An oscillator with one attracting limit cycle."""
    return lambda x, y: (x + h * y, y + h * ((1 - x * x) * y - x))


def noise(steps: int, size: int = 2) -> list[Point]:
    """Independent normal points."""
    draws = torch.randn(steps, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return [tuple(p) for p in draws.tolist()]


def circle(t: float, radius: float = 1.0) -> Point:
    """A point on a circle."""
    return radius * math.cos(t), radius * math.sin(t)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 1.0, 1.7])
def test_an_exact_rotation_cycles_around_its_centre(rate):
    """Alternating descent-ascent on a bilinear game neither comes nearer nor goes away."""
    found = diagnose(walk(alternating(rate), (1.0, 1.0), 2000))

    assert found.status == Status.CYCLING
    assert math.hypot(*found.centre) < 0.1
    assert 0.9 < found.radius < 1.5


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_the_period_of_a_rotation_is_measured(rate):
    """One turn takes 2 pi / rate steps, here to half a percent."""
    found = diagnose(walk(alternating(rate), (1.0, 1.0), 2000))

    assert found.period == pytest.approx(2 * math.pi / rate, rel=5e-3)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1])
@pytest.mark.parametrize(("method", "status"), [(simultaneous, Status.DIVERGING), (extragradient, Status.FINISHED)])
def test_spirals_are_no_cycles(method, status, rate):
    """A spiral out diverges; a spiral in is on its way."""
    found = diagnose(walk(method(rate), (1.0, 1.0), 2000))

    assert found.status == status


def test_a_slow_spiral_in_is_no_cycle():
    """A shrinkage of one in ten thousand at every step shows over whole turns."""
    found = diagnose([circle(0.1 * i, 0.9999**i) for i in range(2000)])

    assert (found.status, found.rate < 0) == (Status.FINISHED, True)


@pytest.mark.parametrize("start", [(0.1, 0.0), (4.0, 0.0)])
def test_a_limit_cycle_is_a_cycle_from_inside_and_outside(start):
    """Growth or shrinkage that dies out on the way to a limit cycle is no divergence and no convergence."""
    assert diagnose(walk(van_der_pol(0.05), start, 2000)).status == Status.CYCLING


def test_a_rotation_with_noise_is_a_cycle():
    """Noise of two percent of the radius hides no cycle."""
    clean = [circle(0.1 * i) for i in range(2000)]
    shaken = [(x + 0.02 * a, y + 0.02 * b) for (x, y), (a, b) in zip(clean, noise(2000), strict=True)]

    assert diagnose(shaken).status == Status.CYCLING


def test_two_incommensurate_rotations_are_a_cycle_without_a_period():
    """Motion that never returns exactly, but stays and is smooth."""
    path = [(*circle(0.1 * i), *circle(0.1 * math.sqrt(2) * i)) for i in range(2000)]
    found = diagnose(path)

    assert (found.status, found.period) == (Status.CYCLING, None)


def test_jumping_between_two_points_is_a_cycle_of_two_steps():
    """The shortest cycle there is."""
    found = diagnose([((-1.0) ** i,) for i in range(200)])

    assert (found.status, found.period) == (Status.CYCLING, 2.0)


def test_noise_around_a_point_is_stalled():
    """Independent points have no period and no direction."""
    assert diagnose(noise(2000)).status == Status.STALLED


def test_correlated_noise_is_stalled():
    """A noisy pull to a point is not a cycle, though its points hang together."""
    steps, x, path = noise(2000), (0.0, 0.0), []
    for a, b in steps:
        x = (0.95 * x[0] + 0.1 * a, 0.95 * x[1] + 0.1 * b)
        path.append(x)

    assert diagnose(path).status == Status.STALLED


@pytest.mark.parametrize("shape", [lambda i: 0.1 * i, lambda i: math.sqrt(1 + i), lambda i: math.log(1 + i)])
def test_a_way_in_one_direction_drifts(shape):
    """Moving on and on, at a steady or falling pace."""
    assert diagnose([(shape(i), 1.0) for i in range(500)]).status == Status.DRIFTING


def test_exponential_growth_diverges():
    """Each step is larger than the one before."""
    assert diagnose([(math.exp(0.01 * i), 1.0) for i in range(500)]).status == Status.DIVERGING


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_exponential_decay_is_on_its_way(sign):
    """A path that settles, straight or from side to side, has not failed."""
    assert diagnose([(sign**i * math.exp(-0.003 * i), 1.0) for i in range(2000)]).status == Status.FINISHED


def test_a_part_of_a_turn_is_no_cycle_yet():
    """Less than three turns do not tell."""
    assert diagnose([circle(0.003 * i) for i in range(2000)]).status == Status.FINISHED


def test_standing_still_is_converged_where_the_residual_says_so():
    """The residual decides between an answer and a standstill."""
    still = [(1.0, 2.0)] * 100

    assert diagnose(still, 1e-9, 1e-6).status == Status.CONVERGED
    assert diagnose(still, 1e-3, 1e-6).status == Status.STALLED


@pytest.mark.parametrize("path", [[], [(1.0,)], [()] * 5])
def test_too_short_a_path_says_nothing(path):
    """No points, one point and points of no variables are all just finished."""
    assert diagnose(path).status == Status.FINISHED


def test_a_path_with_nan_is_nan():
    """One number is enough."""
    assert diagnose([(0.0,)] * 40 + [(math.nan,)]).status == Status.NAN


def test_the_message_names_the_point_that_was_cycle_said():
    """Where the path goes around, and which stationary point lies there."""
    found = diagnose(walk(alternating(0.1), (1.0, 1.0), 2000))
    said = cycle_said(found, [0.0, 0.0])

    assert "once in 62.8 steps" in said
    assert said.endswith("the stationary point (0, 0) was not reached")


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_advice(status):
    """One or two sentences for each."""
    assert status.advice.endswith(".")
