"""Derivative of a leader's objective through several followers at once, or through followers that are bound to sets.

The followers' own gradients, stacked, are the field F(u, z), and their answer solves R(u, z) = z - P(z - F(u, z)) = 0
with P the projection on their sets. Followers in equilibrium have no common objective, so that the derivative of F is
not symmetric.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf
from gamespec.kernels.linear import gmres


def hypergradient_joint(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    field: Callable[[list[Tensor], list[Tensor]], list[Tensor]],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    u: list[Tensor],
    z: list[Tensor],
    steps: int,
    tol: float,
) -> tuple[Tensor, list[Tensor]]:
    """Value and total gradient in u of outer(u, z(u)) where z(u) solves R(u, z) = 0, by the implicit function theorem.

    du = f_u - R_u' v with R_z' v = f_z, where f is outer. A coordinate that its set holds fast has a row of the unit
    matrix in R_z and none in R_u: it stands still.
    Shapes: u, z, field(u, z) and project(z) are lists of any tensors, 0-d ones included; outer gives a 0-d tensor.
    Error: exact where z is the answer, R_z is regular there (no coordinate is about to leave its bound) and GMRES ended
    within tol; proportional to the distance of z from the answer otherwise.
    Cost: one gradient of outer, one field, and one product with R_z' for each of the `steps`, whose vectors are kept.
    Source: Facchinei and Pang 2003, section 1.5, for R; Blondel et al. 2022, section 2.2, for its derivative.
    """
    u, z = [leaf(t) for t in u], [leaf(t) for t in z]
    value = outer(u, z)
    slopes = gradients([value], [*u, *z])
    direct, through = slopes[: len(u)], slopes[len(u) :]
    slope = field(u, z)
    if project is not None:
        slope = [t - p for t, p in zip(z, project([t - g for t, g in zip(z, slope, strict=True)]), strict=True)]
    left = flatten_list(slope)  # [n]
    v = gmres(lambda p: flatten_list(gradients([left], z, [p], keep=True)), flatten_list(through), steps, tol)
    turned = gradients([left], u, [v])
    return value.detach(), [d - t for d, t in zip(direct, turned, strict=True)]


def hypergradient_joint_unrolled(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    field: Callable[[list[Tensor], list[Tensor]], list[Tensor]],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    u: list[Tensor],
    z: list[Tensor],
    steps: int,
    rates: list[float],
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Value, gradient in u and last iterate of outer(u, z_k) after k = steps moves z <- P(z - rate F(u, z)) at once.

    The exact derivative of the finite computation, the first z held fixed.
    Shapes: u, z, field(u, z) and project(z) are lists of any tensors, one rate for each of z; outer gives a 0-d tensor.
    Cost: a field and a vector-Jacobian product a step, and memory for the graphs of all steps.
    Source: Franceschi et al. 2017, section 3.1, with the joint step of all followers as the dynamics.
    """
    u, point = [leaf(t) for t in u], [t.detach() for t in z]
    walked = []
    for _ in range(steps):
        at = [leaf(t) for t in point]
        moved = [t - rate * g for t, rate, g in zip(at, rates, field(u, at), strict=True)]
        moved = moved if project is None else project(moved)
        walked.append((at, moved))
        point = [t.detach() for t in moved]
    end = [leaf(t) for t in point]
    value = outer(u, end)
    slopes = gradients([value], [*u, *end])
    total, back = slopes[: len(u)], slopes[len(u) :]
    while walked:
        # Popped, so that the graph of a step is freed as soon as it has been used.
        at, moved = walked.pop()
        turned = gradients(moved, [*u, *at], back)
        total = [s + t for s, t in zip(total, turned, strict=False)]
        back = turned[len(u) :]
    return value.detach(), total, point
