"""Distances of samples and qualities of classifiers against known values."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec.library.data.mog import grid_centers
from gamespec.library.data.two_modes import two_mode_centers
from gamespec.library.metrics.confusion import confusion
from gamespec.library.metrics.ece import ece
from gamespec.library.metrics.mmd import median_distance, mmd
from gamespec.library.metrics.mode_cosine import mode_cosine
from gamespec.library.metrics.sliced_wasserstein import sliced_wasserstein, transport_on_lines
from gamespec.library.metrics.worst_class_accuracy import worst_class_accuracy
from gamespec.library.registry import words

LOGITS = torch.tensor([[3.0, 0, 0], [2, 1, 0], [0, 1, 0], [0, 3, 1], [1, 0, 0], [0, 0, 4]])
TRUTH = torch.tensor([0, 0, 1, 1, 1, 0])


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Repeatable normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_mmd_of_shifted_normals_is_the_known_one() -> None:
    """For N(0, 1) and N(s, 1) and bandwidth h it is 2 (1 - exp(-s^2 / (2 h^2 + 4))) / sqrt(1 + 2 / h^2)."""
    shift, h = 1.5, 0.8
    expected = 2 * (1 - math.exp(-(shift**2) / (2 * h**2 + 4))) / math.sqrt(1 + 2 / h**2)
    found = mmd(normal(0, 4000, 1), normal(1, 3000, 1) + shift, h)

    assert float(found) == pytest.approx(expected, rel=0.05)


def test_mmd_has_no_bias() -> None:
    """Over many small samples of one law it is 0 on average, and negative for some."""
    found = torch.stack([mmd(normal(k, 20, 2), normal(1000 + k, 30, 2), 1.0) for k in range(300)])

    assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(300)
    assert found.min() < 0


def test_mmd_takes_the_median_distance_and_many_rows() -> None:
    """The bandwidth is the median distance of both samples; blocks of rows change nothing; one point repeated is no error."""
    a, b = normal(0, 700, 3), normal(1, 600, 3) + 0.3
    pair = torch.tensor([[0.0], [0.0], [0.0]], dtype=torch.float64)

    assert torch.equal(mmd(a, b), mmd(a, b, float(median_distance(torch.cat([a, b])))))
    assert float(mmd(a, b)) == pytest.approx(float(mmd(b, a)), abs=1e-12)
    assert mmd(pair, pair) == 0


@pytest.mark.parametrize(("n", "m"), [(50, 50), (30, 50), (7, 3)])
def test_transport_on_a_line_is_exact(n: int, m: int) -> None:
    """Equal to sorting both samples after repeating their rows up to a common number."""
    a, b = normal(0, n, 2), normal(1, m, 2) + 0.5
    many_a, many_b = a.repeat_interleave(m, dim=0).sort(dim=0).values, b.repeat_interleave(n, dim=0).sort(dim=0).values

    assert torch.allclose(transport_on_lines(a, b), ((many_a - many_b) ** 2).mean(dim=0), rtol=0, atol=1e-12)


def test_sliced_wasserstein_of_a_shift_is_its_length_over_the_root_of_the_dimension() -> None:
    """A shift s moves every projection by s . direction, whose square is |s|^2 / d on average."""
    a, shift = normal(0, 40, 4), torch.tensor([3.0, 0.0, 4.0, 0.0], dtype=torch.float64)

    assert sliced_wasserstein(a, a) == 0
    assert float(sliced_wasserstein(a, a + shift, 20_000)) == pytest.approx(5 / 2, rel=0.02)
    assert torch.equal(sliced_wasserstein(a, a + shift), sliced_wasserstein(a, a + shift))
    assert not torch.equal(sliced_wasserstein(a, a + shift), sliced_wasserstein(a, a + shift, seed=1))


def test_worst_class_accuracy_of_known_rows() -> None:
    """Both classes are right in two rows of three; a class without rows does not count, nor does its column."""
    assert float(worst_class_accuracy(LOGITS, TRUTH)) == pytest.approx(2 / 3)
    assert worst_class_accuracy(LOGITS, torch.tensor([1, 1, 0, 0, 0, 2])) == 0
    assert float(worst_class_accuracy(LOGITS, torch.tensor([1, 1, 1, 1, 1, 2]))) == pytest.approx(0.4)


def test_confusion_of_known_rows() -> None:
    """The rows of a class are shared out among the predicted classes; none for a class that does not occur."""
    table = [[float(confusion(LOGITS, TRUTH, t, p)) for p in range(3)] for t in range(3)]

    assert table[0] == pytest.approx([2 / 3, 0, 1 / 3])
    assert table[1] == pytest.approx([1 / 3, 2 / 3, 0])
    assert table[2] == [0, 0, 0]


def test_ece_of_known_confidences() -> None:
    """Rows that are sure at 0.9 and right in one of two are off by 0.4; sure and right is off by nothing."""
    sure = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]).log()

    assert float(ece(sure[:2], torch.tensor([0, 1]))) == pytest.approx(0.4, abs=1e-6)
    assert float(ece(sure, torch.tensor([0, 1, 1, 1]))) == pytest.approx((0.4 + 0.4) / 2, abs=1e-6)
    assert float(ece(sure, torch.tensor([0, 1, 1, 1]), bins=1)) == pytest.approx(0.0, abs=1e-6)
    assert ece(100 * LOGITS[:2], torch.tensor([0, 0])) == 0


def test_mode_cosine_is_that_of_the_worst_met_mode() -> None:
    """Length does not matter; the middle of two modes has the cosine of half their angle; nothing has cosine 0."""
    modes = two_mode_centers(0.3)
    middle = modes.sum(dim=0, keepdim=True)

    assert float(mode_cosine(torch.cat([5 * modes, -modes]), modes)) == pytest.approx(1.0)
    assert float(mode_cosine(middle, modes)) == pytest.approx(math.sqrt((1 + 0.3) / 2))
    assert mode_cosine(torch.zeros(1, 64), modes) == 0


def test_centres_are_those_the_data_draw_around() -> None:
    """`grid` and `pair` give the modes of `mog` on a grid and of `two_modes`."""
    assert torch.equal(words("metrics")["grid"].compute(9, 1.0), grid_centers(9, 1.0))
    assert torch.equal(words("metrics")["pair"].compute(0.5), two_mode_centers(0.5))
