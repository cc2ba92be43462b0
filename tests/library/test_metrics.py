"""Metrics against known values."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec.kernels.noise import Noise
from gamespec.library.data.breast_cancer import load_breast_cancer
from gamespec.library.data.mog import draw_mog, ring_centers
from gamespec.library.metrics.f1_score import f1_score
from gamespec.library.metrics.histogram_jsd import histogram_jsd
from gamespec.library.metrics.logistic_accuracy import logistic_accuracy, logistic_regression, logistic_slope
from gamespec.library.metrics.modes_covered import modes_covered
from gamespec.library.metrics.pca import pca
from gamespec.library.metrics.share_within import share_within
from gamespec.library.registry import words


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Repeatable normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_logistic_regression_ends_where_its_gradient_vanishes() -> None:
    """The fit is optimal, its gradient formula is that of autograd, and a second fit gives the same bits."""
    x, y = normal(0, 80, 3), torch.arange(80) % 3
    w = logistic_regression(x, y, 3, 0.01)
    inputs, target = torch.cat([x, torch.ones(80, 1)], dim=1), torch.nn.functional.one_hot(y, 3).double()
    shrink = torch.tensor([[0.01], [0.01], [0.01], [0.0]], dtype=torch.float64)
    value, grad = logistic_slope(inputs, target, w, shrink)
    at = normal(1, 4, 3).requires_grad_()
    loss = torch.nn.functional.cross_entropy(inputs @ at, y) + (shrink * at**2).sum() / 2

    assert grad.abs().max() < 1e-6
    assert value < logistic_slope(inputs, target, w + 0.01 * normal(2, 4, 3), shrink)[0]
    assert torch.allclose(torch.autograd.grad(loss, at)[0], logistic_slope(inputs, target, at.detach(), shrink)[1])
    assert torch.equal(logistic_regression(x, y, 3, 0.01), w)


def test_logistic_accuracy_agrees_with_scikit_learn() -> None:
    """The same share of test rows right as the reference implementation."""
    linear = pytest.importorskip("sklearn.linear_model")
    train, test = load_breast_cancer("train"), load_breast_cancer("test")
    fit = linear.LogisticRegression(C=1 / (1e-2 * 455), tol=1e-9, max_iter=5000)
    fit.fit(train["x"].double().numpy(), train["y"].numpy())
    expected = fit.score(test["x"].double().numpy(), test["y"].numpy())
    found = logistic_accuracy(train["x"], train["y"], test["x"], test["y"], 1e-2)

    assert float(found) == pytest.approx(expected, abs=0.01)


def test_logistic_accuracy_survives_a_constant_column_and_an_unseen_class() -> None:
    """A column without spread and a class that training never shows are no errors."""
    x = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.1, 1.0], [0.9, 1.0]])

    assert logistic_accuracy(x, torch.tensor([0, 1, 0, 1]), x, torch.tensor([0, 1, 0, 2])) == 0.75


def test_pca_keeps_the_directions_of_largest_variance() -> None:
    """Coordinates have falling variance, signs are fixed, and rows of fit alone set the directions."""
    fit = normal(0, 200, 3) * torch.tensor([1.0, 5.0, 2.0]) + 7
    rows = pca(fit, fit[:4], 2)

    assert rows.shape == (4, 2)
    assert torch.allclose(rows[:, 0], (fit - fit.mean(dim=0))[:4, 1], atol=0.6)
    assert torch.allclose(pca(fit.flip(0), fit[:4], 2), rows)
    with pytest.raises(ValueError, match="4 directions asked of a table of 200 x 3"):
        pca(fit, fit, 4)


def test_f1_score_of_known_counts() -> None:
    """Two hits, one false alarm, one miss give 2/3; no case and no alarm give 0."""
    predicted, truth = torch.tensor([1, 1, 1, 0, 0]), torch.tensor([True, True, False, True, False])

    assert f1_score(predicted, truth) == pytest.approx(2 / 3)
    assert f1_score(truth, truth) == 1
    assert f1_score(torch.zeros(3), torch.zeros(3)) == 0


def test_modes_covered_and_share_within_of_a_mixture() -> None:
    """All modes of the mixture itself; three of eight when the others are left out; stray points are not near."""
    x, centers = draw_mog(4000, Noise(torch.tensor(0), torch.arange(4000))), ring_centers()
    three = x[torch.cdist(x.double(), centers).argmin(dim=1) < 3]
    stray = torch.cat([three, torch.zeros(len(three), 2)])

    assert modes_covered(x, centers, 0.3) == 8
    assert modes_covered(three, centers, 0.3) == 3
    assert modes_covered(stray, centers, 0.3, 0.2) == 0
    assert share_within(x, centers, 0.3) == 1
    assert share_within(stray, centers, 0.3) == 0.5


def test_ring_is_the_ring_of_the_mixture() -> None:
    """The metric gives the very centres that the mixture draws around."""
    assert torch.equal(words("metrics")["ring"].compute(5, 1.5), ring_centers(5, 1.5))
    assert torch.allclose(ring_centers(4, 2.0), torch.tensor([[2.0, 0], [0, 2], [-2, 0], [0, -2]], dtype=torch.float64))


@pytest.mark.parametrize("shape", [(500,), (500, 2)])
def test_histogram_jsd_runs_from_zero_to_log_two(shape: tuple[int, ...]) -> None:
    """0 for a sample and itself, log 2 for samples far apart, in between otherwise, and symmetric."""
    a, b = normal(0, *shape), normal(1, *shape) + 0.5

    assert histogram_jsd(a, a) == 0
    assert float(histogram_jsd(a, a + 100)) == pytest.approx(math.log(2))
    assert 0.01 < histogram_jsd(a, b, 10) < 0.6
    assert float(histogram_jsd(a, b)) == pytest.approx(float(histogram_jsd(b, a)), abs=1e-12)


def test_histogram_jsd_refuses_many_dimensions() -> None:
    """More than three dimensions would need too many boxes."""
    with pytest.raises(ValueError, match="at most 3 dimensions, 4 given"):
        histogram_jsd(normal(0, 5, 4), normal(1, 5, 4))


@pytest.mark.parametrize("word", words("metrics"))
def test_metric_declares_its_arguments(word: str) -> None:
    """The columns and then the options, by the names and defaults of the function."""
    import inspect

    entry = words("metrics")[word]
    taken = list(inspect.signature(entry.compute).parameters.values())

    assert [(p.name, p.default) for p in taken[entry.arity :]] == [(o.name, o.default) for o in entry.options]
