"""Optimality of a joint point; the shortest vector of a hull."""

from __future__ import annotations

from itertools import combinations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.kernels.hull import min_norm_in_hull
from gamespec.kernels.residual import natural_residual
from gamespec.library.sets.box import project_box

seeds = st.integers(0, 2**31)


def test_residual_is_zero_exactly_at_optimal_points() -> None:
    """On a bound the slope may point outward; free coordinates need slope zero."""
    points = [torch.tensor([0.0, 1.0]), torch.tensor(3.0)]
    sides = [lambda z: project_box(z, 0.0, 1.0), None]

    assert natural_residual(points, [torch.tensor([2.0, -5.0]), torch.tensor(0.0)], sides) == 0
    assert natural_residual(points, [torch.tensor([-0.25, -5.0]), torch.tensor(0.0)], sides) == 0.25
    assert natural_residual(points, [torch.tensor([2.0, -5.0]), torch.tensor(-4.0)], sides) == 4


def test_residual_is_vmap_closed() -> None:
    """The residual of a stack of points is the stack of residuals."""
    rng = torch.Generator().manual_seed(0)
    z, g = torch.randn(5, 3, generator=rng), torch.randn(5, 3, generator=rng)

    def one(z: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return natural_residual([z], [g], [lambda z: project_box(z, -0.5, 0.5)])

    assert torch.equal(torch.func.vmap(one)(z, g), torch.stack([one(a, b) for a, b in zip(z, g, strict=True)]))


def shortest_by_enumeration(rows: torch.Tensor) -> torch.Tensor:
    """The least-norm point, from the affine least-norm point of every subset."""
    best = rows[0]
    for r in range(1, len(rows) + 1):
        for some in combinations(range(len(rows)), r):
            base, *others = (rows[i] for i in some)
            if others:
                span = torch.stack(others) - base
                weights = torch.linalg.lstsq(span.mT, -base.unsqueeze(1), driver="gelsd").solution[:, 0]
                if weights.min() < -1e-12 or weights.sum() > 1 + 1e-12:
                    continue
                base = base + weights @ span
            if base.norm() < best.norm():
                best = base
    return best


@settings(deadline=None, max_examples=30)
@given(
    seed=seeds, k=st.integers(1, 6), n=st.integers(1, 5), shift=st.sampled_from([0.0, 0.5, 3.0]), same=st.booleans()
)
def test_min_norm_is_the_shortest_of_the_hull(seed: int, k: int, n: int, shift: float, same: bool) -> None:
    """The result agrees with trying every face, equal rows and a hull around zero included."""
    rows = torch.randn(k, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift
    if same:
        rows[-1] = rows[0]

    assert torch.allclose(min_norm_in_hull(rows), shortest_by_enumeration(rows), rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_min_norm_of_sixteen_rows_is_certified(seed: int, scale: float) -> None:
    """Every row lies on the far side of the plane through the result: the condition that proves it shortest."""
    rows = torch.randn(16, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1
    x = min_norm_in_hull(scale * rows) / scale

    assert (rows @ x - x @ x).min() >= -1e-12


def test_min_norm_is_vmap_closed_and_survives_zeros() -> None:
    """A stack of hulls, one of them all zero, gives the stack of results."""
    stack = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.7
    stack[2] = 0
    one_by_one = torch.stack([min_norm_in_hull(rows) for rows in stack])

    assert torch.allclose(torch.func.vmap(min_norm_in_hull)(stack), one_by_one, rtol=0, atol=1e-12)
    assert one_by_one[2].abs().max() == 0
