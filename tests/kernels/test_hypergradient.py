"""Derivatives through a follower's optimum agree with each other and with central differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gamespec.kernels.gradient import gradients
from gamespec.kernels.hypergradient import (
    Price,
    descended,
    hypergradient_differences,
    hypergradient_implicit,
    penalty_value,
    value_function_slopes,
)
from gamespec.kernels.linear import conjugate_gradient, descend_normal, gmres, neumann
from gamespec.kernels.unroll import hypergradient_forward, hypergradient_unrolled
from gamespec.library.registry import words

Lists = list[torch.Tensor]
Advance = Callable[[Lists, Lists, list[Lists], int, bool], tuple[Lists, list[Lists]]]
Objective = Callable[[Lists, Lists], torch.Tensor]


def scalar_outer(u: Lists, w: Lists) -> torch.Tensor:
    """A leader's objective of two numbers."""
    return torch.exp(0.3 * w[0]) + u[0] * w[0] + u[0] ** 2


def scalar_inner(u: Lists, w: Lists) -> torch.Tensor:
    """Strongly convex in w; the optimum moves nonlinearly with u."""
    return (w[0] - torch.sin(u[0])) ** 2 + 0.5 * w[0] ** 2 + torch.log1p(torch.exp(u[0] * w[0]))


def list_outer(u: Lists, w: Lists) -> torch.Tensor:
    """Leaves u[2] out."""
    return (w[0] ** 2).sum() + w[1] * w[0].sum() + torch.cos(u[0]).sum() + w[2].sum() * u[1]


def list_inner(u: Lists, w: Lists) -> torch.Tensor:
    """Leaves w[2] out."""
    pull = u[0] @ w[0] + u[1] * w[1] + u[2] * w[1] ** 2
    return (w[0] ** 2).sum() + (2 + u[2] ** 2) * w[1] ** 2 + pull + torch.log1p(torch.exp(w[0] * w[1])).sum()


def numbers(*shapes: tuple[int, ...]) -> Lists:
    """Repeatable float64 tensors."""
    rng = torch.Generator().manual_seed(3)
    return [0.5 * torch.randn(s, generator=rng, dtype=torch.float64) for s in shapes]


GAMES: list[tuple[Objective, Objective, Lists, Lists]] = [
    (scalar_outer, scalar_inner, numbers(()), numbers(())),
    (list_outer, list_inner, numbers((3,), (), ()), numbers((3,), (), (2,))),
]


def descend(inner: Objective, u: Lists, w: Lists, steps: int, lr: float) -> Lists:
    """Plain gradient steps on inner."""
    for _ in range(steps):
        at = [t.detach().requires_grad_() for t in w]
        grads = torch.autograd.grad(inner(u, at), at, materialize_grads=True)
        w = [t.detach() - lr * g for t, g in zip(at, grads, strict=True)]
    return w


def central(f: Callable[[Lists], torch.Tensor], u: Lists, width: float = 1e-5) -> Lists:
    """Central differences of f in every number of u."""
    slopes = []
    for j, t in enumerate(u):
        slope = torch.zeros_like(t).reshape(-1)
        for i in range(t.numel()):
            shift = torch.zeros_like(t).reshape(-1)
            shift[i] = width
            ends = [f([*u[:j], t + side * shift.view_as(t), *u[j + 1 :]]) for side in (1, -1)]
            slope[i] = (ends[0] - ends[1]) / (2 * width)
        slopes.append(slope.view_as(t))
    return slopes


SOLVES = {
    "cg": lambda p, b: conjugate_gradient(p, b, 20, 1e-12),
    "neumann": lambda p, b: neumann(p, b, 400, 0.2),
    "gmres": lambda p, b: gmres(p, b, 20, 1e-13),
    "approxgrad": lambda p, b: descend_normal(p, b, 1000, 0.06),
}


def field(inner: Objective) -> Callable[[Lists, Lists], Lists]:
    """The gradient that the follower descends on."""
    return lambda u, w: gradients([inner(u, w)], w, graph=True)


def stepping(inner: Objective, word: str = "sgd", **options: object) -> Advance:
    """A step of the follower by a rule of the library."""
    step = words("rules")[word].advance

    def advance(u: Lists, w: Lists, memory: list[Lists], k: int, graph: bool) -> tuple[Lists, list[Lists]]:
        slopes = gradients([inner(u, w)], w, graph=graph)
        moved, kept = step(w, memory[0] if memory else [], slopes, k, **options)
        return moved, [kept]

    return advance


def close(found: Lists, expected: Lists, rel: float = 1e-6) -> bool:
    """Whether two lists of tensors agree, relative to the size of the second."""
    a, b = (torch.cat([t.reshape(-1) for t in side]) for side in (found, expected))
    return float((a - b).norm()) <= rel * float(b.norm())


@pytest.mark.parametrize("solve", SOLVES)
@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_implicit_agrees_with_central_differences(outer: Objective, inner: Objective, u: Lists, w: Lists, solve: str) -> None:
    """The implicit derivative is that of the leader's value at the follower's optimum, however its system is solved."""
    best = descend(inner, u, w, 600, 0.2)
    value, slopes = hypergradient_implicit(outer, field(inner), u, best, SOLVES[solve])
    expected = central(lambda u: outer(u, descend(inner, u, best, 600, 0.2)).detach(), u)

    assert torch.equal(value, outer(u, best))
    assert close(slopes, expected)


RULES = [
    ("sgd", {"lr": 0.1}), ("sgd", {"lr": 0.05, "momentum": 0.8}), ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"lr": 0.2, "decay": "linear", "total": 9}), ("adam", {"lr": 0.05}), ("adam", {"lr": 0.05, "weight_decay": 0.1, "decay": "sqrt"}),
    ("adamw", {"lr": 0.05}), ("rmsprop", {"lr": 0.02}), ("rmsprop", {"lr": 0.02, "momentum": 0.5, "centered": True, "eps": 0.1}),
    ("normalized_sgd", {"lr": 0.05, "momentum": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("word", "options"), RULES)
def test_a_rule_advances_as_it_updates(word: str, options: dict[str, object]) -> None:
    """The differentiable step of a rule leads, with all that it remembers, where the rule itself leads."""
    _, inner, u, w = GAMES[1]
    rule, entry = words("rules")[word].build([t.clone() for t in w], **options), words("rules")[word]
    mine, walked, memory = [t.clone() for t in w], [t.clone() for t in w], []
    for k in range(1, 8):
        at = [t.detach().requires_grad_() for t in mine]
        rule.update(mine, [g.clone() for g in gradients([inner(u, at)], at)])
        at = [t.detach().requires_grad_() for t in walked]
        walked, memory = entry.advance(walked, memory, gradients([inner(u, at)], at), k, **options)

    # The rules compute a falling rate in single precision.
    assert all(torch.allclose(a, b, rtol=0, atol=1e-8 if "decay" in options else 1e-12) for a, b in zip(mine, walked, strict=True))


@pytest.mark.parametrize("way", ["kept", "recomputed", "forward"])
@pytest.mark.parametrize(("word", "options"), RULES)
def test_unrolled_is_exact_for_the_steps_taken(word: str, options: dict[str, object], way: str) -> None:
    """The derivative is that of the finite computation, however far from the optimum, by any rule and in any way."""
    outer, inner, u, w = GAMES[1]
    advance = stepping(inner, word, **options)
    kernel = hypergradient_forward if way == "forward" else hypergradient_unrolled
    value, slopes, end = kernel(outer, advance, u, w, 7, **({"recompute": True} if way == "recomputed" else {}))

    def walked(u: Lists) -> Lists:
        at, memory = w, []
        for k in range(1, 8):
            at, memory = advance(u, [t.detach().requires_grad_() for t in at], memory, k, False)
        return [t.detach() for t in at]

    assert torch.equal(value, outer(u, walked(u)))
    assert all(torch.equal(a, b) for a, b in zip(end, walked(u), strict=True))
    assert close(slopes, central(lambda u: outer(u, walked(u)), u))


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_the_ways_of_unrolling_agree(outer: Objective, inner: Objective, u: Lists, w: Lists) -> None:
    """One graph of all steps, backwards with graphs or iterates, and forwards: one gradient."""
    start, at = [t.clone().requires_grad_() for t in u], [t.clone().requires_grad_() for t in w]
    for _ in range(7):
        grads = torch.autograd.grad(inner(start, at), at, create_graph=True, materialize_grads=True)
        at = [t - 0.1 * g for t, g in zip(at, grads, strict=True)]
    expected = list(torch.autograd.grad(outer(start, at), start, materialize_grads=True))
    step = stepping(inner, lr=0.1)
    found = [hypergradient_unrolled(outer, step, u, w, 7, recompute=again)[1] for again in (False, True)]

    for slopes in (*found, hypergradient_forward(outer, step, u, w, 7)[1]):
        assert close(slopes, expected, 1e-12)


@pytest.mark.parametrize("last", [1, 3, 6, 7, 9])
@pytest.mark.parametrize("kernel", [hypergradient_unrolled, hypergradient_forward])
def test_the_last_steps_alone_fall_short_by_the_known_factor(kernel: Callable[..., tuple[torch.Tensor, Lists, Lists]], last: int) -> None:
    """On curvature a with steps of r, dw/du through the last k of K steps is 1 - (1 - r a)^k, where the truth is 1."""
    a, r, u, w = 1.7, 0.2, [torch.tensor(0.7, dtype=torch.float64)], [torch.tensor(-0.4, dtype=torch.float64)]
    step = stepping(lambda u, w: a / 2 * (w[0] - u[0]) ** 2, lr=r)
    _, (found,), _ = kernel(lambda _, w: w[0], step, u, w, 7, last)

    assert float(found) == pytest.approx(1 - (1 - r * a) ** min(last, 7), rel=1e-13)


@pytest.mark.parametrize("terms", [1, 2, 5])
def test_differences_are_so_many_unrolled_steps(terms: int) -> None:
    """On a quadratic, differences have no error of their own: n terms give what the last n steps at the optimum give."""
    a, r, u, w = 1.7, 0.2, [torch.tensor(0.7, dtype=torch.float64)], [torch.tensor(0.7, dtype=torch.float64)]
    _, (found,) = hypergradient_differences(lambda _, w: w[0], lambda u, w: a / 2 * (w[0] - u[0]) ** 2, u, w, terms, r, 0.01)

    assert float(found) == pytest.approx(1 - (1 - r * a) ** terms, rel=1e-9)


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_differences_err_by_the_square_of_their_scale(outer: Objective, inner: Objective, u: Lists, w: Lists) -> None:
    """With enough terms the implicit derivative is left, up to O(scale^2): a tenth of the scale, a hundredth of the error."""
    best = descend(inner, u, w, 600, 0.2)
    _, expected = hypergradient_implicit(outer, field(inner), u, best, SOLVES["cg"])
    errors = []
    for scale in (1e-1, 1e-2):
        _, found = hypergradient_differences(outer, inner, u, best, 200, 0.2, scale)
        errors.append(max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)))

    assert errors[0] > 1e-7
    assert 80 < errors[0] / errors[1] < 125


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_conjugate_gradients_ignore_the_scale_of_the_follower(scale: float) -> None:
    """Two and more iterations are right at any scale of the follower's objective, hence of its steps."""
    outer, inner, u, w = GAMES[1]
    best = descend(inner, u, w, 600, 0.2)
    _, expected = hypergradient_implicit(outer, field(inner), u, best, SOLVES["gmres"])
    _, found = hypergradient_implicit(outer, field(lambda u, w: scale * inner(u, w)), u, best, lambda p, b: conjugate_gradient(p, b, 4, 0.0))

    assert close(found, expected, 1e-6)


@pytest.mark.parametrize("way", ["kept", "recomputed", "forward"])
@pytest.mark.parametrize("word", ["adam", "adamw", "rmsprop"])
def test_a_gradient_that_is_exactly_zero_has_the_right_derivative(word: str, way: str) -> None:
    """At an entry whose gradient is 0 a step moves by c g / (c' |g| + eps): slope c / eps, no division by 0."""
    u, w = [torch.zeros(2, dtype=torch.float64)], [torch.zeros(2, dtype=torch.float64)]
    pull = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def inner(u: Lists, w: Lists) -> torch.Tensor:
        return ((w[0] - u[0] - pull) ** 2).sum() / 2

    options = {"lr": 0.1, "eps": 0.1} | ({"weight_decay": 0.0} if word == "adamw" else {})
    advance = stepping(inner, word, **options)
    kernel = hypergradient_forward if way == "forward" else hypergradient_unrolled
    _, (found,), _ = kernel(lambda _, w: w[0].sum(), advance, u, w, 3, **({"recompute": True} if way == "recomputed" else {}))

    def walked(u: Lists) -> torch.Tensor:
        at, memory = w, []
        for k in range(1, 4):
            at, memory = advance(u, [t.detach().requires_grad_() for t in at], memory, k, False)
        return at[0].detach().sum()

    # Between both sides of 0 a step is smooth only over |g| much below eps.
    (expected,) = central(walked, u, 1e-9)

    assert torch.isfinite(found).all()
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("gamma", [10.0, 100.0, 1000.0])
def test_the_answer_under_a_penalty_is_off_by_one_over_gamma(gamma: float) -> None:
    """With f = (w - 1)^2 + u^2 and w = u the penalty's optimum is u = gamma/(1 + 2 gamma), not 1/2."""
    z = torch.zeros(2, dtype=torch.float64)

    def value(z: torch.Tensor) -> torch.Tensor:
        return penalty_value(lambda u, w: (w[0] - 1) ** 2 + u[0] ** 2, lambda u, w: (w[0] - u[0]) ** 2 / 2, [z[0]], [z[1]], 2 * gamma)

    for _ in range(2):
        at = z.clone().requires_grad_()
        (slope,) = torch.autograd.grad(value(at), at, create_graph=True)
        bend = torch.stack([torch.autograd.grad(g, at, retain_graph=True)[0] for g in slope])
        z = z - torch.linalg.solve(bend, slope.detach())

    assert float(z[0]) == pytest.approx(gamma / (1 + 2 * gamma), rel=1e-10)
    assert float(z[1] - z[0]) == pytest.approx(1 / (1 + 2 * gamma), rel=1e-8)


def test_a_penalty_asks_nothing_of_a_follower_that_its_set_holds() -> None:
    """With a projection the price is that of w - P(w - slope): 0 on a bound that the slope pushes against."""
    u, w = [torch.tensor(2.0, dtype=torch.float64)], [torch.tensor(1.0, dtype=torch.float64, requires_grad=True)]
    held = penalty_value(lambda _, w: 0 * w[0], lambda u, w: (w[0] - u[0]) ** 2, u, w, 5.0, None, lambda z: [z[0].clamp(0.0, 1.0)])
    free = penalty_value(lambda _, w: 0 * w[0], lambda u, w: (w[0] - u[0]) ** 2, u, w, 5.0)

    assert held.item() == 0.0
    assert free.item() == pytest.approx(10.0)


def test_a_price_grows_where_slopes_have_fallen() -> None:
    """Nothing changes above the threshold; below it weight, multiplier and threshold do."""
    w = [torch.zeros(2, dtype=torch.float64)]
    price = Price(w, 2.0, 1.5, 0.1, True)
    pull = torch.tensor([0.5, -1.0], dtype=torch.float64)
    price.update([torch.ones(2, dtype=torch.float64)], pull)
    before = (float(price.gamma), float(price.when), price.multiplier.tolist())
    price.update([torch.full((2,), 0.01, dtype=torch.float64)], pull)

    assert before == (2.0, 0.1, [0.0, 0.0])
    assert (float(price.gamma), price.multiplier.tolist()) == (3.0, [1.0, -2.0])
    assert float(price.when) == pytest.approx(0.1 / 1.5)


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_slopes_of_the_value_function_are_central_differences(outer: Objective, inner: Objective, u: Lists, w: Lists) -> None:
    """The slopes are those of outer + weight * (inner at w - inner at the best), the best held fixed."""
    best = descended(inner, u, w, 30, 0.1)
    value, in_u, in_w = value_function_slopes(outer, inner, u, w, best, 3.0)

    def total(at: Lists) -> torch.Tensor:
        lead, follow = at[: len(u)], at[len(u) :]
        return outer(lead, follow) + 3 * (inner(lead, follow) - inner(lead, best))

    assert torch.equal(value, outer(u, w))
    assert close([*in_u, *in_w], central(total, [*u, *w]))


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_the_weight_of_bome_lowers_the_loss_at_its_pace(outer: Objective, inner: Objective, u: Lists, w: Lists) -> None:
    """Along the slopes q falls by at least pace |grad q|^2, and no faster where the weight is above 0."""
    best = descended(inner, u, w, 30, 0.1)
    _, *slopes = value_function_slopes(outer, inner, u, w, best, None, 0.5)
    point = [*u, *w]
    loss = central(lambda at: inner(at[: len(u)], at[len(u) :]) - inner(at[: len(u)], best), point)
    fall = sum(float((a * b).sum()) for a, b in zip([*slopes[0], *slopes[1]], loss, strict=True))
    size = sum(float((g * g).sum()) for g in loss)

    assert fall >= 0.5 * size - 1e-6
    _, *plain = value_function_slopes(outer, inner, u, w, best, 0.0)
    if not close([*slopes[0], *slopes[1]], [*plain[0], *plain[1]], 1e-9):
        assert fall == pytest.approx(0.5 * size, rel=1e-5)


def test_a_follower_that_ignores_everything_leaves_the_direct_gradient() -> None:
    """Where inner does not depend on w, nothing passes through the follower."""
    u, w = numbers(()), numbers((2,))
    _, slopes = hypergradient_implicit(lambda u, w: u[0] * w[0].sum(), field(lambda u, _: u[0] ** 2), u, w, SOLVES["cg"])

    assert torch.equal(slopes[0], w[0].sum())


def test_the_callers_tensors_are_left_alone() -> None:
    """No gradient is stored and no flag is changed on what is passed in."""
    outer, inner, u, w = GAMES[1]
    hypergradient_implicit(outer, field(inner), u, w, SOLVES["cg"])
    hypergradient_unrolled(outer, stepping(inner, lr=0.1), u, w, 3)
    hypergradient_forward(outer, stepping(inner, lr=0.1), u, w, 3)
    hypergradient_differences(outer, inner, u, w, 2, 0.1, 0.01)
    value_function_slopes(outer, inner, u, w, descended(inner, u, w, 3, 0.1), 1.0)

    assert not any(t.requires_grad or t.grad is not None for t in [*u, *w])


@pytest.mark.parametrize(("outer", "inner", "u", "w"), GAMES)
def test_penalty_adds_the_squared_slope_of_the_follower(outer: Objective, inner: Objective, u: Lists, w: Lists) -> None:
    """The penalty is gamma / 2 |grad|^2, and its derivatives in u and w are those of central differences."""
    at = [t.clone().requires_grad_() for t in [*u, *w]]
    k = len(u)
    value = penalty_value(outer, inner, at[:k], at[k:], 3.0)
    slopes = torch.autograd.grad(value, at, materialize_grads=True)

    def total(at: Lists) -> torch.Tensor:
        w = [t.detach().requires_grad_() for t in at[k:]]
        grads = torch.autograd.grad(inner(at[:k], w), w, materialize_grads=True)
        return (outer(at[:k], w) + 1.5 * sum((g**2).sum() for g in grads)).detach()

    assert torch.allclose(value, total([*u, *w]))
    for found, expected in zip(slopes, central(total, [*u, *w]), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
