"""Linear systems given by products."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.kernels.linear import conjugate_gradient, neumann

seeds = st.integers(0, 2**31)


def systems(seed: int, lanes: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Positive definite matrices with eigenvalues in 1..~5 and right sides; the first side is zero."""
    rng = torch.Generator().manual_seed(seed)
    root = torch.randn(lanes, n, n, generator=rng, dtype=torch.float64) / n**0.5
    b = torch.randn(lanes, n, generator=rng, dtype=torch.float64)
    b[0] = 0
    return root @ root.mT + torch.eye(n, dtype=torch.float64), b


@settings(deadline=None, max_examples=20)
@given(seed=seeds, n=st.integers(1, 6))
def test_conjugate_gradient_solves(seed: int, n: int) -> None:
    """A v = b after n steps, and further steps change nothing."""
    a, b = (t[1] for t in systems(seed, 2, n))
    v = conjugate_gradient(lambda p: a @ p, b, n + 2, 1e-12)

    assert torch.allclose(a @ v, b, rtol=0, atol=1e-9)
    assert torch.allclose(conjugate_gradient(lambda p: a @ p, b, n + 9, 1e-12), v, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, lanes=st.integers(1, 5), n=st.integers(1, 6))
def test_conjugate_gradient_is_vmap_closed(seed: int, lanes: int, n: int) -> None:
    """Solving a stack of systems, one of them done at the start, equals stacking the solutions."""
    a, b = systems(seed, lanes, n)

    def solve(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return conjugate_gradient(lambda p: a @ p, b, n, 1e-12)

    stacked = torch.stack([solve(a[i], b[i]) for i in range(lanes)])

    assert torch.allclose(torch.func.vmap(solve)(a, b), stacked, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=10)
@given(seed=seeds, n=st.integers(1, 6))
def test_neumann_keeps_its_error_bound(seed: int, n: int) -> None:
    """The residual of the series is within the bound of its docstring, in a stack too."""
    a, b = systems(seed, 2, n)
    rate = 1 / float(torch.linalg.eigvalsh(a).max())

    def solve(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return neumann(lambda p: a @ p, b, 30, rate)

    v = torch.func.vmap(solve)(a, b)
    left = (torch.einsum("bij,bj->bi", a, v) - b).norm(dim=1)
    shrink = (1 - rate * torch.linalg.eigvalsh(a)).abs().amax(dim=1)

    assert (left <= b.norm(dim=1) * shrink**31 + 1e-9).all()
