"""Derivative of a leader's objective through the optimum of its followers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf, shares, unflatten_list
from gamespec.kernels.linear import neumann


def hypergradient_implicit(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    field: Callable[[list[Tensor], list[Tensor]], list[Tensor]],
    u: list[Tensor],
    z: list[Tensor],
    solve: Callable[[Callable[[Tensor], Tensor], Tensor], Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None = None,
    parts: tuple[int, ...] = (),
) -> tuple[Tensor, list[Tensor]]:
    """Value and total gradient in u of outer(u, z(u)) at the answer z(u) of R(u, z) = 0, by the implicit function theorem.

    R is the field of the followers' own gradients, stacked, or z - P(z - field) where a `project` P puts them back into
    their sets. du = f_u - R_u' v with R_z' v = f_z, where f is outer; `solve(product, b)` gives v from v -> R_z' v and b.
    R_z is symmetric for one follower without a set, and for no other. What no follower feels stands still, and so does a
    coordinate that its set holds fast.
    Shapes: u, z, field(u, z) and project(z) are lists of any tensors, 0-d ones included; outer gives a 0-d tensor, or one
    number for each of several leaders, who have `parts` of u each, and get the gradient of their own value in those.
    Error: that of `solve`, and one proportional to the distance of z from the answer; R_z must be regular there, hence no
    coordinate about to leave its bound.
    Cost: one field; for each leader one gradient of outer, and one product with R_z' for each that `solve` asks for.
    Source: Pedregosa 2016, algorithm 1; Blondel et al. 2022, section 2.2, for projected answers.
    """
    u, z = [leaf(t) for t in u], [leaf(t) for t in z]
    value = outer(u, z)
    leaders = shares(value, u, parts)
    slopes = [gradients([v], [*u[own], *z], keep=v is not leaders[-1][0]) for v, own in leaders]
    direct = [g for (_, own), found in zip(leaders, slopes, strict=True) for g in found[: len(u[own])]]
    pull = field(u, z)
    bound = [j for j, g in enumerate(pull) if g.grad_fn is not None]  # what nothing depends on comes as a leaf of zeros
    if not bound:
        return value.detach(), direct
    rest = pull
    if project is not None:
        rest = [t - p for t, p in zip(z, project([t - g for t, g in zip(z, pull, strict=True)]), strict=True)]
    moving, left, turned = [z[j] for j in bound], [rest[j] for j in bound], list[Tensor]()
    for (_, own), found in zip(leaders, slopes, strict=True):
        through = flatten_list([found[len(u[own]) + j] for j in bound])  # [n]
        v = solve(lambda p: flatten_list(gradients(left, moving, unflatten_list(p, left), keep=True)), through)
        turned += gradients(left, u[own], unflatten_list(v, left), keep=True)
    return value.detach(), [d - t for d, t in zip(direct, turned, strict=True)]


def hypergradient_differences(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    terms: int,
    rate: float,
    scale: float,
) -> tuple[Tensor, list[Tensor]]:
    """Value and total gradient in u of outer(u, w(u)) from first derivatives alone, w near argmin inner(u, .).

    Second derivatives of inner along a direction are the difference of its gradients `scale` to both sides of w; its
    inverse Hessian is the first `terms` of the Neumann series. One term is the derivative through one step of `rate`.
    Shapes: u and w are lists of any tensors, 0-d ones included; outer and inner give 0-d tensors.
    Error: that of `terms` unrolled steps at the optimum, and O(scale^2); none from the differences on a quadratic.
    Cost: one gradient of outer and two of inner for each term; no graph of a gradient is kept.
    Source: Liu, Simonyan and Yang 2019, equation 8, for one term; Lorraine, Vicol and Duvenaud 2020, algorithm 3.
    """
    u, w = [leaf(t) for t in u], [leaf(t) for t in w]
    value = outer(u, w)
    slopes = gradients([value], [*u, *w])

    def second(direction: Tensor) -> list[Tensor]:
        """g_uw d and g_ww d for a direction d of w."""
        size = torch.linalg.vector_norm(direction)
        width = scale / torch.where(size > 0, size, 1.0)
        ends = []
        for side in (width, -width):
            at = [leaf(t + side * d) for t, d in zip(w, unflatten_list(direction, w), strict=True)]
            ends.append(gradients([inner(u, at)], [*u, *at]))
        return [(a - b) / (2 * width) for a, b in zip(*ends, strict=True)]

    v = neumann(lambda p: flatten_list(second(p)[len(u) :]), flatten_list(slopes[len(u) :]), terms - 1, rate)
    return value.detach(), [d - t for d, t in zip(slopes, second(v)[: len(u)], strict=False)]


def penalty_value(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    gamma: float | Tensor,
    multiplier: Tensor | None = None,
    project: Callable[[list[Tensor]], list[Tensor]] | None = None,
) -> Tensor:
    """Give outer + gamma / 2 * |gradient of inner in w|^2: the follower's optimality as a price for its leader.

    A `multiplier` [n] adds its product with that gradient: the augmented Lagrangian. With a `project` the gradient is
    replaced by w - P(w - gradient), which vanishes where the set holds the follower.
    Shapes: u and w are lists of tensors, w requiring gradients; the result is 0-d and differentiable in both.
    Source: Mehra and Hamm 2021, algorithm 1 and section 3.3.
    """
    slope = pulled(inner, u, w, project, graph=True)
    value = outer(u, w) + gamma / 2 * (slope @ slope)
    return value if multiplier is None else value + multiplier @ slope


def pulled(
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    *,
    graph: bool,
) -> Tensor:
    """The gradient of inner in w, or w - P(w - gradient), as one vector."""
    slope = gradients([inner(u, w)], w, graph=graph)
    if project is not None:
        slope = [t - p for t, p in zip(w, project([t - g for t, g in zip(w, slope, strict=True)]), strict=True)]
    return flatten_list(slope)


class Price:
    """What a follower's slope costs its leader: a weight that grows and, if asked for, multipliers.

    Both change where the slopes of the priced objective have fallen to `when`, which then falls as the weight grows.
    Source: Mehra and Hamm 2021, algorithm 1.
    """

    def __init__(self, tensors: list[Tensor], gamma: float, growth: float, when: float, multiplied: bool) -> None:
        like = tensors[0].detach()
        self.growth = growth
        self.gamma, self.when = (torch.tensor(x, dtype=like.dtype, device=like.device) for x in (gamma, when))
        self.multiplier = torch.zeros_like(flatten_list([t.detach() for t in tensors])) if multiplied else None

    def update(self, slopes: list[Tensor], pull: Tensor) -> None:
        """Raise the price after a step: `slopes` of the priced objective in all points, `pull` [n] the follower's own."""
        ready = torch.linalg.vector_norm(flatten_list(slopes)) <= self.when
        if self.multiplier is not None:
            self.multiplier = self.multiplier + torch.where(ready, self.gamma, 0.0) * pull
        # A weight without a bound would drown the objective in rounding.
        self.gamma = torch.where(ready, torch.clamp(self.gamma * self.growth, max=1e8), self.gamma)
        self.when = torch.where(ready, self.when / self.growth, self.when)


def descended(
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    lr: float,
    project: Callable[[list[Tensor]], list[Tensor]] | None = None,
) -> list[Tensor]:
    """Where plain gradient steps on inner, each put back by `project`, lead from w, without a graph."""
    point = [t.detach() for t in w]
    for _ in range(steps):
        at = [leaf(t) for t in point]
        moved = [t.detach() - lr * g for t, g in zip(at, gradients([inner(u, at)], at), strict=True)]
        point = moved if project is None else project(moved)
    return point


def value_function_slopes(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    inner: Callable[[list[Tensor], list[Tensor]], Tensor],
    u: list[Tensor],
    w: list[Tensor],
    best: list[Tensor],
    weight: float | None,
    pace: float = 0.5,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Value of outer, and the slopes in u and w of outer + weight * (inner(u, w) - inner(u, best)), best held fixed.

    The difference q is what the follower loses by standing at w. Without a weight it is the smallest one, not below 0,
    under which a step along the slopes lowers q by `pace` times the square of its own slope.
    Shapes: u, w and best are lists of tensors; outer and inner give 0-d tensors.
    Error: O(1 / weight) in the solution, for a strongly convex inner and best = argmin inner(u, .).
    Cost: one gradient of outer and two of inner, first derivatives only.
    Source: Kwon et al. 2023, algorithm 1 (F2SA); Ye et al. 2022, equation 6, for the weight (BOME).
    """
    u, w, best = [leaf(t) for t in u], [leaf(t) for t in w], [t.detach() for t in best]
    value = outer(u, w)
    slopes = gradients([value], [*u, *w])
    loss = gradients([inner(u, w), -inner(u, best)], [*u, *w])
    raised: float | Tensor
    if weight is None:
        along, size = flatten_list(loss) @ flatten_list(slopes), flatten_list(loss).square().sum()
        raised = torch.where(size > 0, torch.clamp(pace - along / torch.where(size > 0, size, 1.0), min=0.0), 0.0)
    else:
        raised = weight
    total = [s + raised * g for s, g in zip(slopes, loss, strict=True)]
    return value.detach(), total[: len(u)], total[len(u) :]
