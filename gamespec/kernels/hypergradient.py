"""Derivative of a leader's objective through the optimum of its follower."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf
from gamespec.kernels.linear import conjugate_gradient


def hypergradient_implicit(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    tol: float,
) -> tuple[Tensor, list[Tensor]]:
    """Value and total gradient in u of outer(u, w(u)) at w = argmin inner(u, .), by the implicit function theorem.

    du = f_u - g_uw v with g_ww v = f_w, where f is outer and g is inner. Parts of w that inner does not depend on
    stand still.
    Shapes: u and w are lists of any tensors, 0-d ones included; outer and inner give 0-d tensors.
    Error: exact where w is optimal, g_ww is positive definite and conjugate gradients ended within tol; the error is
    proportional to the distance of w from the optimum.
    Cost: one gradient of outer, one of inner, and one product with g_ww for each of the `steps`.
    Source: Pedregosa 2016, algorithm 1.
    """
    u, w = [leaf(t) for t in u], [leaf(t) for t in w]
    value = outer(u, w)
    slopes = gradients([value], [*u, *w])
    direct, through = slopes[: len(u)], slopes[len(u) :]
    pull = torch.autograd.grad(inner(u, w), w, create_graph=True, allow_unused=True)
    bound = [j for j, g in enumerate(pull) if g is not None]
    if not bound:
        return value.detach(), direct
    moving = [w[j] for j in bound]
    slope = flatten_list([pull[j] for j in bound])                                                      # [n]
    pushed = flatten_list([through[j] for j in bound])
    v = conjugate_gradient(lambda p: flatten_list(gradients([slope], moving, [p], keep=True)), pushed, steps, tol)
    turned = gradients([slope], u, [v])
    return value.detach(), [d - t for d, t in zip(direct, turned, strict=True)]


def hypergradient_unrolled(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    lr: float,
    *,
    recompute: bool = False,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Value, gradient in u and last iterate of outer(u, w_k) after k = steps gradient steps on inner from w.

    The exact derivative of the finite computation, w held fixed.
    Shapes: u and w are lists of any tensors, 0-d ones included; outer and inner give 0-d tensors.
    Cost: one gradient of inner and one vector-Jacobian product a step, and memory for the graphs of all steps. With
    `recompute` only the iterates are kept: the graph of one step at a time, for a second gradient of inner a step,
    which takes 1.3 to 1.5 times as long.
    Source: Franceschi et al. 2017, section 3.1.
    """
    u, point = [leaf(t) for t in u], [t.detach() for t in w]
    walked = []
    for _ in range(steps):
        at = [leaf(t) for t in point]
        slope = gradients([inner(u, at)], at, graph=not recompute)
        walked.append((at, None if recompute else slope))
        point = [t.detach() - lr * g.detach() for t, g in zip(at, slope, strict=True)]
    end = [leaf(t) for t in point]
    value = outer(u, end)
    slopes = gradients([value], [*u, *end])
    total, back = slopes[: len(u)], slopes[len(u) :]
    while walked:
        # Popped, so that the graph of a step is freed as soon as it has been used.
        at, kept = walked.pop()
        slope = gradients([inner(u, at)], at, graph=True) if kept is None else kept
        # Nothing is asked of where the first step started.
        turned = gradients(slope, [*u, *at] if walked else u, back)
        total = [s - lr * t for s, t in zip(total, turned, strict=False)]
        back = [s - lr * t for s, t in zip(back, turned[len(u) :], strict=False)]
    return value.detach(), total, point


def penalty_value(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    gamma: float,
) -> Tensor:
    """Give outer + gamma / 2 * |gradient of inner in w|^2: the follower's optimality as a price for its leader.

    Shapes: u and w are lists of tensors, w requiring gradients; the result is 0-d and differentiable in both.
    Source: Mehra and Hamm 2021, algorithm 1.
    """
    slope = flatten_list(gradients([inner(u, w)], w, graph=True))
    return outer(u, w) + gamma / 2 * (slope @ slope)
