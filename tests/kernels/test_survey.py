"""Searches of a leader's and a follower's box: ties for and against the leader, jumps, and what cannot be attained."""

from __future__ import annotations

import pytest
import torch

from gamespec.kernels.survey import answers, compass, survey, survey_gap


def vector(*numbers: float) -> torch.Tensor:
    """A float64 vector."""
    return torch.tensor(numbers, dtype=torch.float64)


ONE = (vector(-1), vector(1))
COUNTS = (41, 61)


def free_at_zero(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Least at y = -sign(x), and everywhere at x = 0."""
    return x[..., 0] * y[..., 0]


def near_quarter(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The leader would like x = 1/4 and y = 0."""
    return (x[..., 0] - 0.25) ** 2 + y[..., 0] ** 2


@pytest.mark.parametrize(("worst", "x", "value"), [(False, 0.0, 1 / 16), (True, 0.25, 1.0)])
def test_a_tie_at_one_choice_alone_is_seen(worst: bool, x: float, value: float) -> None:
    """The optimistic and the pessimistic answers differ as they must."""
    lead, follow = survey(near_quarter, free_at_zero, ONE, ONE, worst=worst, counts=COUNTS)

    assert abs(float(lead) - x) < 1e-6
    assert abs(float(near_quarter(lead, follow)) - value) < 1e-6
    assert float(survey_gap(near_quarter, free_at_zero, lead, follow, ONE, ONE, worst=worst, counts=COUNTS)) < 1e-6


@pytest.mark.parametrize(("x", "y", "least"), [(0.3, -1.0, 0.5), (0.0, 0.8, 0.5), (0.0, 0.0, 1e-3)])
def test_what_is_no_solution_has_a_gap(x: float, y: float, least: float) -> None:
    """A wrong choice, a tie broken the wrong way; at the solution itself there is none."""
    found = survey_gap(near_quarter, free_at_zero, vector(x), vector(y), ONE, ONE, worst=False, counts=COUNTS)

    assert (float(found) >= least) == ((x, y) != (0.0, 0.0))


def test_an_infimum_that_is_not_attained_has_a_gap() -> None:
    """Below x = 0 the follower stands at -1, from 0 on its worst answer is 1: the leader wants x just below 0."""

    def outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x[..., 0] - 0.5) ** 2 + y[..., 0]

    def inner(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -x[..., 0] * y[..., 0]

    lead, follow = survey(outer, inner, ONE, ONE, worst=True, counts=COUNTS)

    assert abs(float(lead)) < 1e-6
    assert abs(float(outer(lead, follow)) + 0.75) < 1e-6
    assert float(survey_gap(outer, inner, lead, follow, ONE, ONE, worst=True, counts=COUNTS)) > 1


def test_an_answer_that_is_unique_is_found_whoever_breaks_ties() -> None:
    """Two numbers of the leader, and an answer that the leader cannot ask for another of."""

    def outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x[..., 0] - 0.2) ** 2 + (x[..., 1] + y[..., 0]) ** 2 + (y[..., 0] - 0.6) ** 2

    def inner(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (y[..., 0] - x[..., 0] + 0.3) ** 2

    # y = x_1 - 0.3 and x_2 = -y: (x_1 - 0.2)^2 + (x_1 - 0.9)^2 is least at 0.55.
    for worst in (False, True):
        lead, follow = survey(outer, inner, (vector(-1, -1), vector(1, 1)), ONE, worst=worst, counts=(9, 41))

        assert torch.allclose(lead, vector(0.55, -0.25), atol=1e-3)
        assert torch.allclose(follow, vector(0.25), atol=1e-3)


def test_the_least_cost_is_that_of_the_best_of_several_minima() -> None:
    """A deep narrow well beside a wide one, between two points of the grid."""

    def wells(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -torch.exp(-400 * (y[..., 0] - 0.513) ** 2) * (1 + x[..., 0]) - 0.9 * torch.exp(-4 * (y[..., 0] + 0.5) ** 2)

    x = vector(0.5, -0.5)[:, None]
    _, found, least = answers(lambda _, y: y[..., 0], wells, x, *ONE, 0.0, 81, worst=False)

    assert torch.allclose(found[:, 0], vector(0.513, -0.5), atol=1e-3)
    assert torch.allclose(least, vector(-1.5, -0.9), atol=0.03)


def test_compass_ends_in_a_corner_of_the_box() -> None:
    """A slope alone leads to where its box ends."""
    found = compass(lambda at: at.sum(-1), vector(0.3, -0.2), vector(-1, -1), vector(1, 1), vector(0.1, 0.1), 60)

    assert torch.allclose(found, vector(-1, -1), atol=1e-12)
