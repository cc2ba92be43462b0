"""A slice of the K-beam table with the default tests, the whole of it among the slow ones."""

from __future__ import annotations

import pytest
import torch

from tests.bench import k_beam


@pytest.mark.parametrize(("surface", "method"), [("anti_saddle", "beam_5"), ("monkey", "at_once")])
def test_a_slice_of_the_table(surface: str, method: str) -> None:
    """300 trials of two cells lie within three standard errors of the known means, and are not all alike."""
    found = k_beam.cell(surface, method, 300)

    assert found.right, found
    assert found.spread > 0


@pytest.mark.slow
@pytest.mark.parametrize("surface", k_beam.TABLE)
def test_the_whole_table(surface: str) -> None:
    """2,000 trials of every cell."""
    assert [c for m in k_beam.METHODS if not (c := k_beam.cell(surface, m, 2000)).right] == []


@pytest.mark.parametrize("method", ["in_turn", "beam_5"])
def test_a_stack_of_trials_is_the_program_run_one_by_one(method: str) -> None:
    """What is batched is the emitted step: three trials over five steps, the same to rounding."""
    module, rng = k_beam.program("weapons", method), torch.Generator().manual_seed(1)
    copies = module.start(0).v.shape
    u, v = (0.9 * torch.rand((3, *shape), generator=rng, dtype=torch.float64) - 0.45 for shape in ((), copies))
    step = k_beam.batched(k_beam.program("weapons", method), 3)
    stacked = (u, v)
    for k in range(1, 6):
        stacked = step(*stacked, torch.tensor(float(k), dtype=torch.float64))
    for trial in range(3):
        s = module.start(0)
        s.u, s.v = u[trial].clone(), v[trial].clone()
        for _ in range(5):
            module.step(s)

        assert torch.allclose(s.u, stacked[0][trial], rtol=0, atol=1e-14)
        assert torch.allclose(s.v, stacked[1][trial], rtol=0, atol=1e-14)
