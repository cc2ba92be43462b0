"""The followers' answer and its derivatives: closed forms, bounds, nested levels, equilibria."""

from __future__ import annotations

import pytest
import torch

from gamespec.kernels.response import implicit_response
from gamespec.library.sets.box import project_box

Lists = list[torch.Tensor]


def number(x: float) -> torch.Tensor:
    """A 0-d float64 point to differentiate at."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def slope(value: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The derivative, differentiable once more."""
    return torch.autograd.grad(value, at, create_graph=True, materialize_grads=True)[0]


@pytest.mark.parametrize("u0", [-1.3, 0.0, 0.4, 2.0])
def test_scalar_answer_has_right_derivatives_up_to_order_three(u0: float) -> None:
    """For min z^4/4 + z - u z the answer solves z^3 + 1 = u: here 1 + z^3 + z = u, whose derivatives are known."""
    u = number(u0)
    (z,) = implicit_response(lambda z: [z[0] ** 3 + z[0] + 1 - u], [number(0.0)])
    first = slope(z, u)
    second = slope(first, u)
    third = slope(second, u)
    d = 1 / (3 * z**2 + 1)

    assert abs(z**3 + z + 1 - u) < 1e-12
    assert torch.allclose(first, d, rtol=1e-10)
    assert torch.allclose(second, -6 * z * d**3, rtol=1e-9, atol=1e-12)
    assert torch.allclose(third, -6 * d**4 + 108 * z**2 * d**5, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("u0", "z", "dz"), [(0.3, 0.3, 1.0), (1.7, 1.0, 0.0), (-0.4, 0.0, 0.0)])
def test_answer_on_a_bound_stands_still(u0: float, z: float, dz: float) -> None:
    """The answer of min (z - u)^2 over 0..1 follows u inside and stays on the bound outside."""
    u = number(u0)
    (found,) = implicit_response(
        lambda z: [2 * (z[0] - u)], [number(0.5)], lambda z: [project_box(z[0], 0.0, 1.0)]
    )

    assert abs(found - z) < 1e-12
    assert abs(slope(found, u) - dz) < 1e-12


def test_bounds_bind_some_coordinates_only() -> None:
    """A quadratic over a box of vectors: the free coordinates answer with the bound ones fixed."""
    a = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    u = torch.tensor([-5.0, 2.0], dtype=torch.float64, requires_grad=True)
    (z,) = implicit_response(
        lambda z: [a @ z[0] - u],
        [torch.zeros(2, dtype=torch.float64)],
        lambda z: [project_box(z[0], 0.0, None)],
    )
    rows = torch.stack([slope(v, u) for v in z])

    assert torch.allclose(z, torch.tensor([0.0, 1.0], dtype=torch.float64), atol=1e-12)
    assert torch.allclose(rows, torch.tensor([[0.0, 0.0], [0.0, 0.5]], dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("start", [-2.5, -0.5, 0.9, 3.0, 40.0])
def test_a_minimiser_is_found_and_no_maximiser(start: float) -> None:
    """For z^4 / 4 - z^2 / 2 the answer is a minimum from either side of the maximum at 0."""
    (z,) = implicit_response(lambda z: [z[0] ** 3 - z[0]], [number(start)])

    assert abs(abs(z) - 1) < 1e-12


def test_newton_with_full_steps_alone_would_run_away() -> None:
    """arctan, from where plain Newton diverges."""
    u = number(0.2)
    (z,) = implicit_response(lambda z: [torch.atan(z[0]) - u], [number(5.0)])

    assert torch.allclose(z, torch.tan(u), atol=1e-12)
    assert torch.allclose(slope(z, u), 1 + z**2, atol=1e-10)


def test_three_levels_reach_the_known_answer() -> None:
    """Nested min (u1-1)^2+u2^2+u3^2, argmin (u2-2)^2+u3^2, argmin (u3-u1-u2)^2 gives (2/3, 2/3, 4/3)."""

    def third(u1: torch.Tensor, u2: torch.Tensor) -> torch.Tensor:
        return implicit_response(lambda z: [2 * (z[0] - u1 - u2)], [torch.zeros_like(u1)])[0]

    def second(u1: torch.Tensor) -> torch.Tensor:
        return implicit_response(
            lambda z: [slope((z[0] - 2) ** 2 + third(u1, z[0]) ** 2, z[0])], [torch.zeros_like(u1)]
        )[0]

    def first(z: Lists) -> Lists:
        u2 = second(z[0])
        return [slope((z[0] - 1) ** 2 + u2**2 + third(z[0], u2) ** 2, z[0])]

    (u1,) = implicit_response(first, [number(0.0)])
    u2 = second(u1)

    assert torch.allclose(torch.stack([u1, u2, third(u1, u2)]), torch.tensor([2.0, 2, 4], dtype=torch.float64) / 3)


def test_three_nonlinear_levels_agree_with_central_differences() -> None:
    """The leader's slope through two curved answers is that of its value."""

    def third(u1: torch.Tensor, u2: torch.Tensor) -> torch.Tensor:
        return implicit_response(lambda z: [torch.sinh(z[0]) + z[0] - torch.sin(u1) * u2], [torch.zeros_like(u1)])[0]

    def second(u1: torch.Tensor) -> torch.Tensor:
        def field(z: Lists) -> Lists:
            return [slope((z[0] - 2) ** 2 + z[0] ** 4 / 8 + third(u1, z[0]) ** 2, z[0])]

        return implicit_response(field, [torch.zeros_like(u1)])[0]

    def value(u1: torch.Tensor) -> torch.Tensor:
        u2 = second(u1)
        return (u1 - 1) ** 2 + u2**2 + third(u1, u2) ** 2

    u = number(0.7)
    found = slope(value(u), u)
    expected = (value(u + 1e-5) - value(u - 1e-5)).detach() / 2e-5
    curved = (slope(value(u + 1e-5), u) - slope(value(u - 1e-5), u)).detach() / 2e-5

    assert torch.allclose(found, expected, rtol=0, atol=1e-6)
    assert torch.allclose(slope(found, u), curved, rtol=0, atol=1e-6)


def duopoly(s: torch.Tensor) -> torch.Tensor:
    """Value of a leader whose two followers sell in equilibrium with each other, quantities not below 0."""
    cost = 1 + s

    def field(q: Lists) -> Lists:
        return [cost - 12 + 2 * q[0] + q[1], cost - 12 + q[0] + 2 * q[1]]

    q = implicit_response(field, [torch.zeros_like(s)] * 2, lambda q: [project_box(t, 0.0, None) for t in q])
    return -s * (q[0] + q[1]) + 2 * s**2


def test_leader_of_two_followers_in_equilibrium() -> None:
    """The leader's slope vanishes at 11/8 and is that of central differences elsewhere."""
    s, t = number(11 / 8), number(0.3)
    expected = (duopoly(t + 1e-5) - duopoly(t - 1e-5)).detach() / 2e-5

    assert abs(slope(duopoly(s), s)) < 1e-10
    assert torch.allclose(slope(duopoly(t), t), expected, rtol=0, atol=1e-6)


def test_followers_of_any_shape_answer_in_float32() -> None:
    """Shapes and type are kept; the tolerance gives way to the rounding of the type."""
    u = torch.tensor(0.5, requires_grad=True)
    z = implicit_response(lambda z: [z[0] - u, 3 * (z[1] + u)], [torch.zeros(2, 3), torch.zeros(())])

    assert [t.shape for t in z] == [(2, 3), ()]
    assert z[0].dtype == torch.float32
    assert torch.allclose(z[1], -u)


def test_answer_is_found_where_gradients_are_off() -> None:
    """The derivative is attached although the caller measures without gradients."""
    u = number(0.5)
    with torch.no_grad():
        (z,) = implicit_response(lambda z: [z[0] ** 3 - u], [number(1.0)])

    assert torch.allclose(z, u ** (1 / 3))
