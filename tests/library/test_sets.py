"""Laws that every set keeps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec.kernels.noise import Noise
from gamespec.library.base import Set
from gamespec.library.registry import words
from gamespec.library.sets.box import project_box
from gamespec.library.sets.l2 import project_l2, start_l2_rows

SETS = words("sets")
# Word -> the options of some instances. A set without a row here is tried with its defaults.
INSTANCES: dict[str, list[tuple[Any, ...]]] = {
    "Box": [(-0.5, 1.5), (0.0, None), (None, 0.25), (None, None)],
    "Linf": [(0.3,), (0.0,)],
    "L1": [(1.0,), (6.0,), (0.0,)],
    "L2": [(1.0,), (0.0,)],
    "Lipschitz": [(1.0,), (0.5,)],
    "Simplex": [(4, 1.0), (4, 2.5)],
}
CASES = [(word, options) for word in SETS for options in INSTANCES.get(word, [()])]
seeds = st.integers(0, 2**31)


def point(seed: int, *shape: int) -> torch.Tensor:
    """A point with coordinates of size about 2."""
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def nearest(entry: Set, z: torch.Tensor, options: tuple[Any, ...]) -> torch.Tensor:
    """The projection with the options it takes."""
    return entry.project(z, *options[entry.sizes :])


@pytest.mark.parametrize(("word", "options"), CASES)
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_projection_is_idempotent(word: str, options: tuple[Any, ...], seed: int) -> None:
    """A member stays where it is."""
    once = nearest(SETS[word], point(seed, 4), options)

    assert torch.allclose(nearest(SETS[word], once, options), once, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("word", "options"), CASES)
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_projection_is_closer_than_any_other_member(word: str, options: tuple[Any, ...], seed: int) -> None:
    """No other member lies nearer, and the angle to every member is obtuse, as for any convex set."""
    z = point(seed, 4)
    other = nearest(SETS[word], point(seed + 1, 4), options)
    near = nearest(SETS[word], z, options)

    assert (near - z).norm() <= (other - z).norm() + 1e-9
    assert (z - near) @ (other - near) <= 1e-9


@pytest.mark.parametrize(("word", "options"), CASES)
@settings(deadline=None, max_examples=10)
@given(seed=seeds, lanes=st.integers(1, 5))
def test_projection_is_vmap_closed(word: str, options: tuple[Any, ...], seed: int, lanes: int) -> None:
    """Projecting a stack of points equals stacking the projections; `project_rows` does the same."""
    entry, stack = SETS[word], point(seed, lanes, 2, 4)
    one_by_one = torch.stack([nearest(entry, z, options) for z in stack])
    rows = (entry.project_rows or entry.project)(stack, *options[entry.sizes :])

    assert torch.equal(torch.func.vmap(lambda z: nearest(entry, z, options))(stack), one_by_one)
    assert torch.allclose(rows, one_by_one, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("word", "options"), CASES)
@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_declared_bounds_and_diameter_hold(word: str, options: tuple[Any, ...], seed: int) -> None:
    """Members keep to the declared bounds and are never further apart than the declared diameter."""
    entry = SETS[word]
    a, b = nearest(entry, point(seed, 4), options), nearest(entry, point(seed + 1, 4), options)
    lo, hi = entry.bounds(*options) if entry.bounds else (None, None)
    diameter = entry.diameter(*options) if entry.diameter else None

    assert lo is None or a.min() >= lo
    assert hi is None or a.max() <= hi
    assert diameter is None or (a - b).abs().max() <= diameter + 1e-12
    assert diameter is not None or not entry.compact


@pytest.mark.parametrize(("word", "options"), [(w, o) for w, o in CASES if SETS[w].start])
@settings(deadline=None, max_examples=10)
@given(seed=seeds)
def test_start_is_a_member_and_set_by_its_generator(word: str, options: tuple[Any, ...], seed: int) -> None:
    """A random start lies in the set, is repeatable, and leaves the global generator alone."""
    entry, before = SETS[word], torch.get_rng_state()
    draws = [
        entry.start((4,), *options[entry.sizes :], rng=Noise(torch.tensor(seed), torch.zeros(1, dtype=torch.int64)), dtype=torch.float64)
        for _ in range(2)
    ]

    assert torch.equal(*draws)
    assert torch.allclose(nearest(entry, draws[0], options), draws[0], rtol=0, atol=1e-12)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("word", [w for w in SETS if SETS[w].contains_zero])
def test_zero_is_a_member_where_declared(word: str) -> None:
    """A set that says that it contains zero projects zero on itself, with a finite derivative."""
    z = torch.zeros(4, requires_grad=True)
    near = nearest(SETS[word], z, INSTANCES[word][0])
    (slope,) = torch.autograd.grad(near.sum(), z)

    assert near.abs().max() == 0
    assert slope.isfinite().all()


def test_box_takes_numbers_and_tensors_together() -> None:
    """One side may be a number and the other a tensor."""
    z = torch.tensor([-2.0, 0.5, 2.0])
    hi = torch.tensor([0.0, 0.25, 1.0])

    assert project_box(z, -1.0, hi).tolist() == [-1.0, 0.25, 1.0]
    assert project_box(z, None, hi).tolist() == [-2.0, 0.25, 1.0]
    assert project_box(z, -hi, hi).tolist() == [0.0, 0.25, 1.0]


def test_l2_keeps_float32_and_shape() -> None:
    """The norm runs over all dimensions of one point; type and shape stay."""
    near = project_l2(torch.full((2, 2), 3.0), 1.0)

    assert near.dtype == torch.float32
    assert near.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_start_in_a_ball_without_a_direction_is_its_centre() -> None:
    """A normal number is exactly 0 once in some ten million; a row of it alone has no direction."""

    class Zeros:
        """Noise of which every number is 0."""

        def normal(self, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
            """As `Noise.normal`."""
            return torch.zeros(shape, dtype=dtype)

        uniform = normal

    assert torch.equal(start_l2_rows((4, 1), 0.5, Zeros()), torch.zeros(4, 1))
