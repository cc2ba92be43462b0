"""A follower's answer as a differentiable function of what its leader chose.

The answer z* solves R(z, u) = z - P(z - F(z, u)) = 0 with F the followers' own gradients, stacked, and P the
projection on their sets. It is found without a graph; the derivative is attached afterwards by Newton steps taken
inside the graph of u, which for a smooth R give what the implicit function theorem gives, to any order that is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, leaf, unflatten_list


def implicit_response(
    field: Callable[[list[Tensor]], list[Tensor]],
    z: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None = None,
    steps: int = 50,
    tol: float = 1e-12,
    attached: int = 2,
) -> list[Tensor]:
    """The followers' answer, first-order optimal for every one of them, with derivatives up to order 2^attached - 1.

    `field(z)` gives each follower's gradient of its own objective in its own variables, differentiable in z and in
    what it closes over (take it with create_graph); one follower is a game of one. `project` maps all variables to
    their sets. The result carries the derivative in everything that `field` closes over.
    The solution found is right in order 0 as a function of u, and a Newton step squares the error, so `attached` steps,
    k of them, leave an error of order 2^k in the change of u: derivatives up to order 2^k - 1 are exact. The top of L
    levels asks for order L - 1 of the lowest one.
    Shapes: z, field(z) and project(z) are lists of the same shapes, about 100 numbers in all: the Jacobian is dense.
    Error: residual <= tol (at least 10 roundings) where Newton converges; where it stalls, the best point found.
    Cost: a Newton step takes one row of the Jacobian for each number in z.
    Batching: branches on values until it has converged, hence for neither vmap nor capture.
    Source: Qi and Sun 1993 for the semismooth method; Facchinei and Pang 2003, section 1.5, for the residual.
    """
    with torch.enable_grad():
        start = flatten_list([t.detach() for t in z])
        found = solve_natural(field, z, project, start, steps, tol)
        for _ in range(attached):
            at = found if found.requires_grad else leaf(found)
            residual, _ = natural_map(field, z, project, at)
            found = at - torch.linalg.solve(jacobian(residual, at, graph=True), residual)
    return unflatten_list(found, z)


def natural_map(
    field: Callable[[list[Tensor]], list[Tensor]],
    shapes: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    at: Tensor,
) -> tuple[Tensor, Tensor]:
    """Give z - P(z - F(z)) and F(z) for the vector z = at, both as vectors."""
    slope = flatten_list(field(unflatten_list(at, shapes)))
    if project is None:
        return slope, slope
    return at - flatten_list(project(unflatten_list(at - slope, shapes))), slope


def jacobian(value: Tensor, at: Tensor, *, graph: bool = False) -> Tensor:
    """Derivative of the vector value in the vector at, row by row.

    Shapes: value is [m], at is [n], the result is [m, n].
    """
    if not value.requires_grad:
        return value.new_zeros(value.shape[0], at.shape[0])
    rows = [torch.autograd.grad(v, at, retain_graph=True, create_graph=graph, materialize_grads=True)[0] for v in value.unbind()]
    return torch.stack(rows)


def solve_natural(
    field: Callable[[list[Tensor]], list[Tensor]],
    shapes: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    start: Tensor,
    steps: int,
    tol: float,
) -> Tensor:
    """A zero of the natural residual from `start`, as a vector without a graph.

    A Newton step is taken where it shrinks the residual, if need be shortened, and does not climb: a zero of a
    gradient may be a maximum as well. Elsewhere projected gradient steps bring the point nearer.
    """
    z = start if project is None else flatten_list(project(unflatten_list(start, shapes))).detach()
    for _ in range(steps):
        at = leaf(z)
        residual, slope = natural_map(field, shapes, project, at)
        size = float(residual.detach().norm())
        if size <= max(tol, 10 * torch.finfo(z.dtype).eps * (1 + float(z.norm()))):
            return z
        move = -torch.linalg.solve_ex(jacobian(residual, at), residual.detach()).result
        better = shortened_newton(field, shapes, project, z, move, size) if float(move @ slope.detach()) <= 0 else None
        z = projected_field_steps(field, shapes, project, z) if better is None else better
    return z


def shortened_newton(
    field: Callable[[list[Tensor]], list[Tensor]],
    shapes: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    z: Tensor,
    move: Tensor,
    size: float,
) -> Tensor | None:
    """The first of z + move, z + move / 2, z + move / 4, ... whose residual is clearly below size; None without one."""
    for halvings in range(12):
        length = 0.5**halvings
        trial = z + length * move
        residual, _ = natural_map(field, shapes, project, leaf(trial))
        if float(residual.detach().norm()) <= (1 - 1e-4 * length) * size:
            return trial
    return None


def projected_field_steps(
    field: Callable[[list[Tensor]], list[Tensor]],
    shapes: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    z: Tensor,
) -> Tensor:
    """Five projected steps along the field, each of length 1 over the size of its Jacobian."""
    for _ in range(5):
        at = leaf(z)
        slope = flatten_list(field(unflatten_list(at, shapes)))
        size = torch.linalg.matrix_norm(jacobian(slope, at))
        moved = z - slope.detach() / torch.clamp(size, min=torch.finfo(z.dtype).eps)
        z = moved if project is None else flatten_list(project(unflatten_list(moved, shapes))).detach()
    return z
