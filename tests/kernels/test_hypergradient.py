"""Derivatives through a follower's optimum agree with each other and with central differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gamespec.kernels.hypergradient import hypergradient_implicit, hypergradient_unrolled, penalty_value

Lists = list[torch.Tensor]
Objective = Callable[[Lists, Lists], torch.Tensor]


def scalar_outer(u: Lists, w: Lists) -> torch.Tensor:
    """A leader's objective of two numbers."""
    return torch.exp(0.3 * w[0]) + u[0] * w[0] + u[0] ** 2


def scalar_inner(u: Lists, w: Lists) -> torch.Tensor:
    """Strongly convex in w; the optimum moves nonlinearly with u."""
    return (w[0] - torch.sin(u[0])) ** 2 + 0.5 * w[0] ** 2 + torch.log1p(torch.exp(u[0] * w[0]))


def list_outer(u: Lists, w: Lists) -> torch.Tensor:
    """Leaves u[2] out."""
    return (w[0] ** 2).sum() + w[1] * w[0].sum() + torch.cos(u[0]).sum() + w[2].sum() * u[1]


def list_inner(u: Lists, w: Lists) -> torch.Tensor:
    """Leaves w[2] out."""
    pull = u[0] @ w[0] + u[1] * w[1] + u[2] * w[1] ** 2
    return (w[0] ** 2).sum() + (2 + u[2] ** 2) * w[1] ** 2 + pull + torch.log1p(torch.exp(w[0] * w[1])).sum()


def numbers(*shapes: tuple[int, ...]) -> Lists:
    """Repeatable float64 tensors."""
    rng = torch.Generator().manual_seed(3)
    return [0.5 * torch.randn(s, generator=rng, dtype=torch.float64) for s in shapes]


GAMES: list[tuple[Objective, Objective, Lists, Lists]] = [
    (scalar_outer, scalar_inner, numbers(()), numbers(())),
    (list_outer, list_inner, numbers((3,), (), ()), numbers((3,), (), (2,))),
]


def descend(inner: Objective, u: Lists, w: Lists, steps: int, lr: float) -> Lists:
    """Plain gradient steps on inner."""
    for _ in range(steps):
        at = [t.detach().requires_grad_() for t in w]
        grads = torch.autograd.grad(inner(u, at), at, materialize_grads=True)
        w = [t.detach() - lr * g for t, g in zip(at, grads, strict=True)]
    return w


def central(f: Callable[[Lists], torch.Tensor], u: Lists, width: float = 1e-5) -> Lists:
    """Central differences of f in every number of u."""
    slopes = []
    for j, t in enumerate(u):
        slope = torch.zeros_like(t).reshape(-1)
        for i in range(t.numel()):
            shift = torch.zeros_like(t).reshape(-1)
            shift[i] = width
            ends = [f([*u[:j], t + side * shift.view_as(t), *u[j + 1 :]]) for side in (1, -1)]
            slope[i] = (ends[0] - ends[1]) / (2 * width)
        slopes.append(slope.view_as(t))
    return slopes


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_implicit_agrees_with_central_differences(
    outer: Objective, inner: Objective, u: Lists, w: Lists
) -> None:
    """The implicit derivative is that of the leader's value at the follower's optimum."""
    best = descend(inner, u, w, 400, 0.2)
    value, slopes = hypergradient_implicit(outer, inner, u, best, 20, 1e-12)

    def total(u: Lists) -> torch.Tensor:
        return outer(u, descend(inner, u, best, 400, 0.2)).detach()

    assert torch.equal(value, outer(u, best))
    for found, expected in zip(slopes, central(total, u), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_unrolled_is_exact_for_the_steps_taken(
    outer: Objective, inner: Objective, u: Lists, w: Lists
) -> None:
    """The unrolled derivative is that of the finite computation, however far from the optimum."""
    value, slopes, end = hypergradient_unrolled(outer, inner, u, w, 7, 0.1)
    walked = descend(inner, u, w, 7, 0.1)

    def total(u: Lists) -> torch.Tensor:
        return outer(u, descend(inner, u, w, 7, 0.1)).detach()

    assert torch.equal(value, total(u))
    assert all(torch.equal(a, b) for a, b in zip(end, walked, strict=True))
    for found, expected in zip(slopes, central(total, u), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_unrolled_agrees_with_one_graph(
    outer: Objective, inner: Objective, u: Lists, w: Lists, recompute: bool
) -> None:
    """Going back step by step, each kept or computed again, gives the gradient of the loop as one graph."""
    _, slopes, _ = hypergradient_unrolled(outer, inner, u, w, 7, 0.1, recompute=recompute)
    start, at = [t.clone().requires_grad_() for t in u], [t.clone().requires_grad_() for t in w]
    for _ in range(7):
        grads = torch.autograd.grad(inner(start, at), at, create_graph=True, materialize_grads=True)
        at = [t - 0.1 * g for t, g in zip(at, grads, strict=True)]
    expected = torch.autograd.grad(outer(start, at), start, materialize_grads=True)

    for a, b in zip(slopes, expected, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_implicit_and_unrolled_agree_at_the_optimum(
    outer: Objective, inner: Objective, u: Lists, w: Lists
) -> None:
    """Many steps from the optimum give the implicit derivative."""
    best = descend(inner, u, w, 400, 0.2)
    _, implicit = hypergradient_implicit(outer, inner, u, best, 20, 1e-12)
    _, unrolled, _ = hypergradient_unrolled(outer, inner, u, best, 300, 0.2)

    for a, b in zip(implicit, unrolled, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-9)


def test_a_follower_that_ignores_everything_leaves_the_direct_gradient() -> None:
    """Where inner does not depend on w, nothing passes through the follower."""
    u, w = numbers(()), numbers((2,))
    _, slopes = hypergradient_implicit(lambda u, w: u[0] * w[0].sum(), lambda u, _: u[0] ** 2, u, w, 5, 1e-9)

    assert torch.equal(slopes[0], w[0].sum())


def test_the_callers_tensors_are_left_alone() -> None:
    """No gradient is stored and no flag is changed on what is passed in."""
    outer, inner, u, w = GAMES[1]
    hypergradient_implicit(outer, inner, u, w, 3, 1e-9)
    hypergradient_unrolled(outer, inner, u, w, 3, 0.1)

    assert not any(t.requires_grad or t.grad is not None for t in [*u, *w])


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_penalty_adds_the_squared_slope_of_the_follower(
    outer: Objective, inner: Objective, u: Lists, w: Lists
) -> None:
    """The penalty is gamma / 2 |grad|^2, and its derivatives in u and w are those of central differences."""
    at = [t.clone().requires_grad_() for t in [*u, *w]]
    k = len(u)
    value = penalty_value(outer, inner, at[:k], at[k:], 3.0)
    slopes = torch.autograd.grad(value, at, materialize_grads=True)

    def total(at: Lists) -> torch.Tensor:
        w = [t.detach().requires_grad_() for t in at[k:]]
        grads = torch.autograd.grad(inner(at[:k], w), w, materialize_grads=True)
        return (outer(at[:k], w) + 1.5 * sum((g**2).sum() for g in grads)).detach()

    assert torch.allclose(value, total([*u, *w]))
    for found, expected in zip(slopes, central(total, [*u, *w]), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
