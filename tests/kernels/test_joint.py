"""Derivatives through several followers, and through followers on the boundary of a set, against central differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gamespec.kernels.gradient import gradients
from gamespec.kernels.hypergradient import hypergradient_implicit
from gamespec.kernels.linear import gmres
from gamespec.kernels.unroll import hypergradient_forward, hypergradient_unrolled
from gamespec.library.sets.box import project_box
from gamespec.library.sets.l2 import project_l2
from gamespec.library.sets.simplex import project_simplex

Lists = list[torch.Tensor]


def vector(*numbers: float) -> torch.Tensor:
    """A float64 vector."""
    return torch.tensor(numbers, dtype=torch.float64)


PULL = torch.tensor([[2.0, 0.6, -0.3], [0.1, 1.5, 0.4], [0.5, -0.2, 1.8]], dtype=torch.float64)
"""Not symmetric: three followers of one number each that have no common objective, in equilibrium."""

SETS: dict[str, Callable[[Lists], Lists] | None] = {
    "free": None,
    "box": lambda z: [project_box(z[0], -0.2, 0.5)],
    "ball": lambda z: [project_l2(z[0], 0.4)],
    "simplex": lambda z: [project_simplex(z[0])],
}


def outer(u: Lists, z: Lists) -> torch.Tensor:
    """A leader's objective that is curved in both."""
    return ((z[0] - vector(1, 0, 2)) ** 2).sum() + torch.sin(u[0]).sum() * z[0][1] + torch.exp(z[0][2] * u[0][0])


def field(u: Lists, z: Lists) -> Lists:
    """Strongly monotone, curved in the leader's choice."""
    return [PULL @ z[0] + 0.2 * z[0] ** 3 - torch.cat([u[0], u[0][:1] * u[0][1:]]) ** 2]


def answer(project: Callable[[Lists], Lists] | None, u: torch.Tensor) -> Lists:
    """The followers' equilibrium by many small steps."""
    z = [vector(0.1, 0.1, 0.1)]
    for _ in range(4000):
        z = [t - 0.1 * g for t, g in zip(z, field([u], z), strict=True)]
        z = z if project is None else project(z)
    return z


def central(f: Callable[[torch.Tensor], torch.Tensor], u: torch.Tensor) -> torch.Tensor:
    """Central differences of f."""
    wide = 1e-5 * torch.eye(len(u), dtype=torch.float64)
    return torch.stack([(f(u + d) - f(u - d)) / 2e-5 for d in wide])


@pytest.mark.parametrize("start", [(0.3, -0.4), (1.4, 1.1), (-0.9, 0.2)])
@pytest.mark.parametrize("name", SETS)
def test_through_the_answer_equals_central_differences(name: str, start: tuple[float, ...]) -> None:
    """Active and inactive coordinates alike: the starts lie inside each set, on a face of it and in a corner."""
    project, u = SETS[name], vector(*start)
    z = answer(project, u)
    value, (found,) = hypergradient_implicit(outer, field, [u], z, lambda p, b: gmres(p, b, 20, 1e-12), project)
    wanted = central(lambda at: outer([at], answer(project, at)), u)

    assert abs(value - outer([u], z)) < 1e-12
    assert torch.allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_the_starts_reach_both_sides_of_every_bound() -> None:
    """Among the starts of the test above, each set binds in one and, the simplex apart, holds nothing in another."""
    held = {name: set() for name in SETS}
    for name, project in SETS.items():
        for start in ((0.3, -0.4), (1.4, 1.1), (-0.9, 0.2)):
            z = answer(project, vector(*start))
            held[name].add(bool(field([vector(*start)], z)[0].abs().max() > 1e-6))

    assert held == {"free": {False}, "box": {False, True}, "ball": {False, True}, "simplex": {True}}


@pytest.mark.parametrize("kernel", [hypergradient_unrolled, hypergradient_forward])
@pytest.mark.parametrize("name", SETS)
def test_unrolled_is_the_derivative_of_the_steps(name: str, kernel: Callable[..., tuple[torch.Tensor, Lists, Lists]]) -> None:
    """Five projected steps of all followers at once, and where they end."""
    project, u, z = SETS[name], vector(0.9, -0.7), [vector(0.1, 0.3, 0.2)]

    def walked(at: torch.Tensor) -> Lists:
        point = z
        for _ in range(5):
            point = [t - 0.2 * g for t, g in zip(point, field([at], point), strict=True)]
            point = point if project is None else project(point)
        return point

    def advance(u: Lists, z: Lists, _memory: list[Lists], _k: int, _graph: bool) -> tuple[Lists, list[Lists]]:
        moved = [t - 0.2 * g for t, g in zip(z, field(u, z), strict=True)]
        return moved if project is None else project(moved), []

    value, (found,), end = kernel(outer, advance, [u], z, 5)

    assert torch.equal(end[0], walked(u)[0])
    assert abs(value - outer([u], walked(u))) < 1e-12
    assert torch.allclose(found, central(lambda at: outer([at], walked(at)), u), rtol=1e-6, atol=1e-8)


def test_what_no_follower_feels_stands_still() -> None:
    """A tensor that no follower's gradient depends on brings its direct slope to nobody and disturbs nobody."""

    def loose(u: Lists, z: Lists) -> Lists:
        return gradients([((z[0] - u[0]) ** 2).sum()], z, graph=True)

    u, z = [vector(0.5)], [vector(0.5), vector(3.0, 4.0)]
    _, (found,) = hypergradient_implicit(lambda u, z: (z[0] * u[0]).sum() + z[1].sum(), loose, u, z, lambda p, b: gmres(p, b, 20, 1e-12))

    assert torch.allclose(found, vector(1.0))


@pytest.mark.parametrize("n", [1, 3, 8])
def test_gmres_solves_what_is_not_symmetric(n: int) -> None:
    """Exact after n products; no right side needs none."""
    rng = torch.Generator().manual_seed(n)
    a = torch.randn(n, n, generator=rng, dtype=torch.float64) + 3 * torch.eye(n, dtype=torch.float64)
    b = torch.randn(n, generator=rng, dtype=torch.float64)
    v = gmres(lambda p: a @ p, b, n, 0.0)

    assert torch.allclose(a @ v, b, rtol=0, atol=1e-10)
    assert torch.equal(gmres(lambda p: a @ p, 0 * b, n, 0.0), 0 * b)


def test_gmres_on_a_turn_needs_all_steps_and_gets_there() -> None:
    """A rotation, on which steepest descent of any length makes no progress."""
    a = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)

    assert torch.allclose(gmres(lambda p: a @ p, vector(1.0, 2.0), 5, 1e-12), vector(-2.0, 1.0))
