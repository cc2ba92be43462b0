"""Several candidate answers: what they ask of the leader together, and how they are kept apart."""

from __future__ import annotations

import torch

from gamespec.kernels.beam import hull_slopes, scattered


def vector(*numbers: float) -> torch.Tensor:
    """A float64 vector."""
    return torch.tensor(numbers, dtype=torch.float64)


def test_the_hull_of_opposite_slopes_holds_zero() -> None:
    """Of max_d x d over [-1, 1] at x = 0 both ends are best: 0 lies between their slopes, and the leader stops."""
    (both,) = hull_slopes(vector(0, 0), [vector(1, -1)], 1e-9, True)
    (one,) = hull_slopes(vector(0.3, 0), [vector(1, -1)], 0.1, True)

    assert abs(float(both)) <= 1e-9
    assert float(one) == 1.0


def test_candidates_that_are_worse_have_no_say() -> None:
    """Only candidates within eps of the best count, for a follower of either sense; tensors of a leader stay together."""
    values, slopes = vector(1.0, 0.95, 0.2), [torch.stack([vector(1, 0), vector(0, 1), vector(-9, -9)]), vector(2, 2, -9)]
    near = hull_slopes(values, slopes, 0.1, True)
    low = hull_slopes(-values, slopes, 0.1, False)

    assert torch.allclose(near[0], vector(0.5, 0.5), atol=1e-8)
    assert torch.allclose(near[1], vector(2.0)[0], atol=1e-8)
    assert all(torch.equal(a, b) for a, b in zip(near, low, strict=True))


def test_hull_slopes_are_vmap_closed() -> None:
    """A stack of beams gives the stack of slopes."""
    rng = torch.Generator().manual_seed(0)
    values, slopes = torch.randn(4, 5, generator=rng, dtype=torch.float64), torch.randn(4, 5, 3, generator=rng, dtype=torch.float64)
    stacked = torch.func.vmap(lambda v, s: hull_slopes(v, [s], 0.7, True)[0])(values, slopes)

    assert torch.allclose(stacked, torch.stack([hull_slopes(v, [s], 0.7, True)[0] for v, s in zip(values, slopes, strict=True)]), atol=1e-12)


def test_equal_candidates_are_drawn_anew_and_the_best_stays() -> None:
    """Of those nearer than the distance, the best is kept, of equals the first; those apart stay where they are."""
    points, fresh = [vector(0.5, 0.5, 0.505, -0.5, 0.1)], [vector(9, 8, 7, 6, 5)]
    kept = scattered(points, vector(1, 1, 0.99, 0.4, 0.2), fresh, 0.01, True)[0]
    lowest = scattered(points, vector(1, 1, 0.99, 0.4, 0.2), fresh, 0.01, False)[0]

    assert kept.tolist() == [0.5, 8, 7, -0.5, 0.1]
    assert lowest.tolist() == [9, 8, 0.505, -0.5, 0.1]
