"""What is made of the joint field: each against dense linear algebra on a random polynomial game."""

from __future__ import annotations

import pytest
import torch

from gamespec.kernels.field import (
    competitive_field,
    consensus_field,
    field_at,
    hamiltonian_field,
    product,
    symplectic_field,
    transposed_product,
)
from gamespec.kernels.steps import curvature_step, proximal_point

RNG = torch.Generator().manual_seed(3)
M = torch.randn(5, 5, generator=RNG, dtype=torch.float64)
POINTS = [torch.randn(3, generator=RNG, dtype=torch.float64), torch.randn(2, generator=RNG, dtype=torch.float64)]


def field(points):
    """A smooth field of two players with 3 and 2 numbers."""
    z = torch.cat(points)
    return list(torch.split(M @ z + 0.3 * torch.sin(M.T @ z) ** 2 + 0.1 * z**3, [3, 2]))


def dense():
    """The field and its Jacobian at the points, as a vector and a matrix."""
    z = torch.cat(POINTS)
    whole = lambda v: torch.cat(field(list(torch.split(v, [3, 2]))))  # noqa: E731  # a function of one vector; until 2027-11
    return whole(z), torch.autograd.functional.jacobian(whole, z)


def near(found, wanted):
    """A list of tensors is a vector."""
    assert torch.allclose(torch.cat(found), wanted, rtol=1e-10, atol=1e-12)


def test_products_are_those_of_the_jacobian():
    """J v and J^T v without J."""
    _, jacobian = dense()
    v = [torch.ones(3, dtype=torch.float64), -torch.ones(2, dtype=torch.float64)]
    at, slopes = field_at(field, POINTS)

    near(product(slopes, at, v), jacobian @ torch.cat(v))
    near(transposed_product(slopes, at, v), jacobian.T @ torch.cat(v))


def test_adjusted_fields_are_those_of_their_papers():
    """Hamiltonian, consensus, symplectic with and without alignment."""
    f, jacobian = dense()
    turned = (jacobian - jacobian.T).T @ f / 2
    sign = 1.0 if (f @ jacobian.T @ f) * (turned @ jacobian.T @ f) / 5 + 0.1 >= 0 else -1.0

    near(hamiltonian_field(field, POINTS), jacobian.T @ f)
    near(consensus_field(field, POINTS, 0.7), f + 0.7 * jacobian.T @ f)
    near(symplectic_field(field, POINTS, 0.7, align=False), f + 0.7 * turned)
    near(symplectic_field(field, POINTS, 0.7, align=True), f + sign * 0.7 * turned)


def test_the_competitive_step_solves_the_coupled_system():
    """(I + O R) d = F with the blocks across players alone; for a zero-sum game the update of the paper."""
    f, jacobian = dense()
    across = jacobian.clone()
    across[:3, :3] = across[3:, 3:] = 0
    rates = torch.tensor([0.2, 0.2, 0.2, 0.5, 0.5], dtype=torch.float64)

    near(competitive_field(field, POINTS, [[0.2], [0.5]], 20, 1e-14), torch.linalg.solve(torch.eye(5) + across * rates, f))


def test_the_competitive_update_of_a_zero_sum_game_is_that_of_the_paper():
    """Here dx = -(I + r^2 D_xy D_yx)^-1 (f_x + r D_xy f_y), times r, with one rate r for both."""
    x, y = (p.clone().requires_grad_() for p in POINTS)
    value = x @ M[:3, 3:] @ y + (x**3).sum() - (y**3).sum()
    fx, fy = torch.autograd.grad(value, (x, y))
    d, r = M[:3, 3:], 0.3

    def own(points):
        a, b = points
        return [M[:3, 3:] @ b + 3 * a**2, -(M[:3, 3:].T @ a - 3 * b**2)]

    step = competitive_field(own, POINTS, [[r], [r]], 20, 1e-14)[0]
    assert torch.allclose(step, torch.linalg.solve(torch.eye(3, dtype=torch.float64) + r**2 * d @ d.T, fx + r * d @ fy), rtol=1e-10)


@pytest.mark.parametrize("rate", [0.05, 1.0])
def test_the_proximal_point_is_where_its_own_step_ends(rate):
    """The point w = P(z - r F(w)), free and in a box."""
    monotone = lambda points: [points[0] + 2 * points[1].sum(), 0.1 * points[1] ** 3 - 2 * points[0].sum()]  # noqa: E731  # until 2027-11
    box = lambda points: [p.clamp(-0.5, 0.5) for p in points]  # noqa: E731  # until 2027-11
    for project in (None, box):
        w = proximal_point(monotone, POINTS, project, [[rate], [rate]], 100, 1e-13)
        end = [z - rate * g for z, g in zip(POINTS, monotone(w), strict=True)]
        near(w, torch.cat(end if project is None else box(end)))


def test_the_curvature_step_stands_still_at_a_solution_and_at_a_bound():
    """No slope, no step; a slope that points out of the set does not move either."""
    zero = [torch.zeros(2, dtype=torch.float64)]
    assert torch.equal(curvature_step(lambda p: [p[0] * 1.0], zero, None, 0.99, 0.5)[0], zero[0])
    corner = [torch.ones(2, dtype=torch.float64)]
    assert torch.equal(curvature_step(lambda p: [p[0] - 3.0], corner, lambda p: [p[0].clamp(max=1)], 0.99, 0.5)[0], corner[0])
