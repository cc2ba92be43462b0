"""Steps against the worst answer to a linearised game: known directions, and a quadratic program by brute force."""

from __future__ import annotations

import pytest
import torch

from gamespec.kernels.gradient import gradients
from gamespec.kernels.hull import lowest_in_hull
from gamespec.kernels.linearised import linearised_direction, linearised_step


def value(points):
    """|u|^2 - |v|^2 - 2 u'v."""
    u, v = points
    return (u * u - v * v - 2 * u * v).sum()


def field(points):
    """The slope that the leader goes down, and that of the follower."""
    f = value(points)
    return [*gradients([f], points[:1], graph=True), *gradients([-f], points[1:], graph=True)]


@pytest.mark.parametrize("start", [1.0, -2.5, [1.0, 2.0, -0.5]])
def test_the_direction_of_the_quadratic_is_known(start):
    """With v = -(u + q) the auxiliary problem is u^2 + (u + q)^2 + 2 u q + q^2 / 2, hence q = -4 u / 3."""
    u = torch.tensor(start, dtype=torch.float64)
    (q,), fall = linearised_direction(field, value, [u], [torch.zeros_like(u)], None, [[1.0], [0.4]], 40, 24)

    assert torch.allclose(q, -4 * u / 3, rtol=0, atol=1e-6 * float(u.abs().max()))
    assert float(fall) == pytest.approx(float((q * q).sum()), rel=1e-9)


def test_the_line_search_takes_the_longest_step_that_lowers_enough():
    """The worst value is 2 u^2: from 1, q = -4/3 leads to 2/9; a share c of 1.5 asks for half the step."""
    u, v = torch.tensor(1.0, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
    ends = {}
    for c in (1e-4, 1.1, 5.0):
        found = linearised_step(field, [u, v], None, [[1.0], [0.4]], value=value, steps=40, planes=24, trials=6, c=c, sigma=0.5)
        ends[c] = [float(t) for t in found]

    # 2 - 2/9 = 1.78 is not 1.1 * 16/9 = 1.96; at half of it 2 - 2/9 = 1.78 is 1.1 * 8/9 = 0.98 and more.
    assert ends[1e-4] == pytest.approx([-1 / 3, 1 / 3], abs=1e-6)
    assert ends[1.1] == pytest.approx([1 / 3, -1 / 3], abs=1e-6)
    assert ends[5.0] == pytest.approx([1.0, -1.0], abs=1e-9)


def test_the_lowest_point_of_a_hull_is_that_of_a_fine_search():
    """|g|^2 / 2 - <a, h> over weights on a grid of three vectors; equal heights give the shortest vector."""
    rng = torch.Generator().manual_seed(5)
    grid = torch.tensor([[i, j, 400 - i - j] for i in range(401) for j in range(401 - i)], dtype=torch.float64) / 400
    for _ in range(5):
        rows, heights = torch.randn(3, 2, generator=rng, dtype=torch.float64), torch.randn(3, generator=rng, dtype=torch.float64)
        hull = grid @ rows
        least = (hull.square().sum(1) / 2 - grid @ heights).argmin()

        assert torch.allclose(lowest_in_hull(rows, heights), hull[least], atol=0.02)
