"""Rules that keep the direction and the length of a step apart, against their formulas; rates that rise first."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from gamespec.library.registry import words
from gamespec.library.rules.decay import decayed
from gamespec.library.rules.directions import step_lengths

RULES = words("rules")
SHAPES = [(3, 4), (5,), ()]


def points(seed: int) -> list[torch.Tensor]:
    """Three tensors of different shapes, one of them 0-d."""
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(s, generator=rng, dtype=torch.float64) for s in SHAPES]


def moves(word: str, steps: int, **options: Any) -> list[list[torch.Tensor]]:
    """How far each of some steps went, each with gradients of its own."""
    tensors, found = points(0), []
    rule = RULES[word].build(tensors, **options)
    for k in range(steps):
        before = [t.clone() for t in tensors]
        rule.update(tensors, points(10 + k))
        found.append([t - b for t, b in zip(tensors, before, strict=True)])
    return found


def length(tensors: list[torch.Tensor]) -> float:
    """The Euclidean length of all together."""
    return math.sqrt(sum(float(t.square().sum()) for t in tensors))


def velocities(steps: int, momentum: float) -> list[list[torch.Tensor]]:
    """The running sums of the gradients."""
    total, found = [torch.zeros(s, dtype=torch.float64) for s in SHAPES], []
    for k in range(steps):
        total = [momentum * v + g for v, g in zip(total, points(10 + k), strict=True)]
        found.append(total)
    return found


@pytest.mark.parametrize("momentum", [0.0, 0.9, -0.3])
def test_normalised_steps_have_one_length(momentum: float) -> None:
    """All tensors together move by lr, along the running sum of the gradients."""
    for step, along in zip(
        moves("normalized_sgd", 4, lr=0.02, momentum=momentum), velocities(4, momentum), strict=True
    ):
        assert length(step) == pytest.approx(0.02, abs=1e-9)
        assert all(
            torch.allclose(s, -0.02 * v / length(along), rtol=0, atol=1e-9) for s, v in zip(step, along, strict=True)
        )


def test_normalised_layers_have_one_length_each() -> None:
    """With per = "layer" every tensor moves by lr."""
    for step in moves("normalized_sgd", 3, lr=0.02, per="layer"):
        assert [length([s]) for s in step] == pytest.approx([0.02] * 3, abs=1e-6)


def test_normalised_descent_keeps_to_the_circle_of_a_bilinear_game() -> None:
    """On min max x y both players at once, k steps of length lr end at sqrt(|z0|^2 + k lr^2)."""
    x, y = torch.tensor([0.6], dtype=torch.float64), torch.tensor([0.8], dtype=torch.float64)
    both = [x, y]
    rule = RULES["normalized_sgd"].build(both, lr=0.01, eps=0.0)
    for _ in range(50):
        rule.update(both, [y.clone(), -x.clone()])

    assert length(both) == pytest.approx(math.sqrt(1 + 50 * 0.01**2), abs=1e-12)


@pytest.mark.parametrize("per", ["player", "layer"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_ada_lr_and_ada_dir_take_length_and_direction_apart(per: str, momentum: float) -> None:
    """AdaLR goes as far as Adam along the gradient; AdaDir as far as the gradient along Adam."""
    adam, descent = moves("adam", 4, lr=0.1), velocities(4, momentum)
    long, turned = (moves(word, 4, lr=0.1, per=per, momentum=momentum) for word in ("ada_lr", "ada_dir"))
    for a, v, one, two in zip(adam, descent, long, turned, strict=True):
        for k in range(3):
            part = slice(None) if per == "player" else slice(k, k + 1)
            scale = length(a[part]) / length(v[part])

            assert torch.allclose(one[k], -v[k] * scale, rtol=0, atol=1e-6)
            assert torch.allclose(two[k], 0.1 * a[k] / scale, rtol=0, atol=1e-6)


@pytest.mark.parametrize("word", ["normalized_sgd", "ada_lr", "ada_dir"])
def test_nothing_moves_at_a_zero_gradient(word: str) -> None:
    """A solution stays where it is, to the bit."""
    tensors = points(0)
    rule = RULES[word].build(tensors)
    rule.update(tensors, [torch.zeros_like(t) for t in tensors])

    assert all(torch.equal(t, p) for t, p in zip(tensors, points(0), strict=True))


def test_lengths_name_the_word_they_do_not_know() -> None:
    """A length is that of a player or of a layer."""
    with pytest.raises(ValueError, match="player or layer"):
        step_lengths(points(0), "network")


def test_optimistic_adam_takes_twice_the_step_less_the_last() -> None:
    """Its moves are 2 a_t - a_(t-1) of Adam's moves a_t on the same gradients."""
    adam, optimistic = moves("adam", 5, lr=0.1), moves("optimistic_adam", 5, lr=0.1)
    before = [torch.zeros(s, dtype=torch.float64) for s in SHAPES]
    for a, step in zip(adam, optimistic, strict=True):
        assert all(torch.allclose(s, 2 * x - b, rtol=0, atol=1e-6) for s, x, b in zip(step, a, before, strict=True))
        before = a


def test_optimistic_adam_stays_near_where_adam_runs_away() -> None:
    """On min max x y both players at once, it reaches the solution, which Adam leaves behind."""
    ends = {}
    for word in ("adam", "optimistic_adam"):
        both = [torch.tensor([1.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)]
        rule = RULES[word].build(both, lr=0.03, betas=(0.0, 0.999))
        for _ in range(3000):
            rule.update(both, [both[1].clone(), -both[0].clone()])
        ends[word] = length(both)

    assert ends["optimistic_adam"] < 1e-6
    assert ends["adam"] > math.sqrt(2)


@pytest.mark.parametrize(("t", "expected"), [(1, 0.05), (10, 0.5), (11, 0.5), (201, 0.0)])
def test_warm_up_rises_over_a_twentieth_and_then_falls(t: int, expected: float) -> None:
    """Ten of two hundred steps rise to the rate, the others fall as a cosine to 0."""
    assert float(decayed(0.5, "warmup", torch.tensor(float(t)), 200)) == pytest.approx(expected, abs=1e-6)


def test_cyclic_reaches_the_rate_in_the_middle() -> None:
    """The largest rate of a cycle is lr, the same number of steps from both ends."""
    rates = [float(decayed(0.2, "cyclic", torch.tensor(float(t)), 99)) for t in range(1, 100)]

    assert max(rates) == pytest.approx(0.2)
    assert rates.index(max(rates)) == 49
    assert rates == pytest.approx(rates[::-1], rel=1e-4)
    assert min(rates) > 0
