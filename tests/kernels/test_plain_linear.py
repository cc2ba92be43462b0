"""Linear systems of a few plain numbers: singular ones, and those of games that ran away."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec.kernels.plain_linear import solved_of


@pytest.mark.parametrize("far", [math.nan, math.inf])
def test_a_start_that_ran_away_stops_no_other(far):
    """Least squares for a singular system, the solution for a regular one, and no error for one beyond all numbers."""
    tables = torch.tensor([[[0, 0], [0, 1]], [[2, 1], [0, 1]], [[1, far], [0, 1]], [[0, 0], [far, 0]]], dtype=torch.float64)  # [starts, 2, 2]
    b = [torch.full((4,), 3.0, dtype=torch.float64), torch.ones(4, dtype=torch.float64)]
    found = torch.stack(solved_of([[tables[:, i, k] for k in range(2)] for i in range(2)], b), 1)

    assert torch.allclose(found[:2], torch.tensor([[0.0, 1.0], [1.0, 1.0]], dtype=torch.float64))
    assert found[3].isnan().all()


def test_a_singular_system_beyond_all_numbers_has_no_answer():
    """A game on plain numbers that ran away ends by its own numbers, and not by an error of linear algebra."""
    assert all(math.isnan(x) for x in solved_of([[0.0, 0.0], [math.nan, 1.0]], [1.0, 1.0]))
    assert solved_of([[0.0, 0.0], [0.0, 2.0]], [1.0, 1.0]) == pytest.approx([0.0, 0.5])
