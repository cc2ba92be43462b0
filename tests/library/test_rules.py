"""Laws that every step rule keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gamespec.library.registry import words
from gamespec.library.rules.adam import Adam
from gamespec.library.rules.decay import decayed

RULES = words("rules")
TORCH: list[tuple[str, type[torch.optim.Optimizer], dict[str, Any]]] = [
    ("sgd", torch.optim.SGD, {"lr": 0.05}),
    ("sgd", torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    ("sgd", torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("adam", torch.optim.Adam, {"lr": 0.01}),
    ("adam", torch.optim.Adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1}),
    ("adamw", torch.optim.AdamW, {"lr": 0.01}),
    ("adamw", torch.optim.AdamW, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1}),
    ("rmsprop", torch.optim.RMSprop, {"lr": 0.01}),
    ("rmsprop", torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1}),
    ("rmsprop", torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "centered": True, "eps": 1e-6}),
]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *[(word, {}) for word in RULES],
    *[(word, options) for word, _, options in TORCH],
    *[(word, {"decay": "cosine", "total": 90}) for word in RULES],
    ("sgd", {"lr": 0.05, "momentum": -0.5}),
    *[(word, {"per": "layer", "momentum": 0.9, "lr": 0.003}) for word in ("normalized_sgd", "ada_lr", "ada_dir")],
]


def points(dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    """Three tensors of different shapes, one of them 0-d."""
    rng = torch.Generator().manual_seed(1)
    return [torch.randn(s, generator=rng, dtype=dtype).requires_grad_() for s in [(3, 4), (5,), ()]]


def size(tensors: list[torch.Tensor]) -> float:
    """The sum of all squares."""
    return sum(p.detach().square().sum().item() for p in tensors)


def slopes(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Gradients of a smooth convex function; the first comes transposed in memory."""
    value = sum((p**2).sum() + (p - 1).sigmoid().sum() for p in tensors)
    first, *rest = torch.autograd.grad(value, tensors)
    return [first.T.contiguous().T, *rest]


@pytest.mark.parametrize(("word", "reference", "options"), TORCH)
def test_rule_agrees_with_torch(word: str, reference: Callable[..., Any], options: dict[str, Any]) -> None:
    """Fifty steps end where the optimizer of torch ends."""
    ours, theirs = points(), points()
    rule, optimizer = RULES[word].build(ours, **options), reference(theirs, foreach=False, **options)
    for _ in range(50):
        rule.update(ours, slopes(ours))
        for p, g in zip(theirs, slopes(theirs), strict=True):
            p.grad = g
        optimizer.step()

    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-9 if word in ("sgd", "rmsprop") else 1e-6)


@pytest.mark.parametrize(("word", "options"), VARIANTS)
def test_descent_lowers_a_quadratic(word: str, options: dict[str, Any]) -> None:
    """Steps against the gradient bring |x|^2 down."""
    tensors = points()
    rule, before = RULES[word].build(tensors, **options), size(tensors)
    for _ in range(80):
        rule.update(tensors, [2 * p.detach() for p in tensors])

    assert size(tensors) < before


@pytest.mark.parametrize(("word", "options"), VARIANTS)
def test_saved_state_continues_to_the_same_bits(word: str, options: dict[str, Any]) -> None:
    """Stopping, saving, loading and going on gives the bits of never having stopped."""
    straight, halted = points(torch.float32), points(torch.float32)
    one, two = RULES[word].build(straight, **options), RULES[word].build(halted, **options)
    for _ in range(10):
        one.update(straight, slopes(straight))
    for _ in range(5):
        two.update(halted, slopes(halted))
    saved = two.state()
    two.update([p.clone() for p in halted], slopes(halted))
    three = RULES[word].build(halted, **options)
    three.load(saved)
    for _ in range(5):
        three.update(halted, slopes(halted))

    assert all(torch.equal(a, b) for a, b in zip(straight, halted, strict=True))


@pytest.mark.parametrize("word", RULES)
def test_rule_moves_a_single_scalar(word: str) -> None:
    """A player may be one number."""
    x = torch.tensor(1.0, requires_grad=True)
    RULES[word].build([x]).update([x], [torch.tensor(3.0)])

    assert x < 1.0


@pytest.mark.parametrize("word", RULES)
def test_step_between_forward_and_backward_is_noticed(word: str) -> None:
    """Stepping a tensor that a pending backward needs raises an error and never gives a wrong gradient."""
    x, y = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    pending = (x * y).sum()
    RULES[word].build([x]).update([x], [torch.ones(3)])

    with pytest.raises(RuntimeError, match="inplace"):
        torch.autograd.grad(pending, y)


def test_momentum_may_be_negative() -> None:
    """A step adds -1/2 of the last move to that of the gradient, which torch.optim.SGD refuses to do."""
    x, before = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.tensor([1.0, -2.0], dtype=torch.float64)
    rule = RULES["sgd"].build([x], lr=0.1, momentum=-0.5)
    for _ in range(5):
        expected = x - 0.1 * x.cos() - 0.5 * (x - before)
        before = x.clone()
        rule.update([x], [x.cos()])

        assert torch.allclose(x, expected, rtol=0, atol=1e-12)


def test_adam_without_the_fused_call_gives_the_same_steps() -> None:
    """Both ways through Adam agree to rounding, weight decay and a falling rate included."""
    fused, foreach = points(), points()
    options = {"weight_decay": 0.1, "decay": "sqrt"}
    one, two = Adam(fused, **options), Adam(foreach, **options)
    two.fused = False
    for _ in range(50):
        one.update(fused, slopes(fused))
        two.update(foreach, slopes(foreach))

    assert one.fused
    assert all(torch.allclose(a, b, rtol=0, atol=1e-7) for a, b in zip(fused, foreach, strict=True))


def test_adam_handles_tensors_of_another_memory_order() -> None:
    """A transposed parameter is stepped right."""
    straight = torch.ones(3, 4)
    turned = torch.ones(4, 3).T
    grad = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    Adam([straight]).update([straight], [grad])
    Adam([turned]).update([turned], [grad])

    assert torch.allclose(straight, turned, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("decay", "t", "expected"),
    [
        ("constant", 7, 0.5),
        ("sqrt", 4, 0.25),
        ("linear", 6, 0.25),
        ("linear", 30, 0.0),
        ("cosine", 6, 0.25),
        ("cosine", 11, 0.0),
        ("steps", 5, 0.5),
        ("steps", 6, 0.05),
        ("steps", 9, 0.005),
        ("cyclic", 1, 1 / 11),
        ("cyclic", 10, 1 / 11),
        ("cyclic", 30, 0.0),
        ("warmup", 11, 0.0),
    ],
)
def test_decay_gives_the_rate_of_a_step(decay: str, t: int, expected: float) -> None:
    """The rate is that of the word, and what ends has ended after `total` steps."""
    assert float(decayed(0.5, decay, torch.tensor(float(t)), 10)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("decay", "needed"), [("linear", "needs total"), ("stairs", "linear, cosine, steps, cyclic or warmup"), ("cyclic", "needs total")]
)
def test_decay_names_what_it_needs(decay: str, needed: str) -> None:
    """A missing total and an unknown word are errors."""
    with pytest.raises(ValueError, match=needed):
        decayed(0.5, decay, torch.tensor(1.0), 0)
