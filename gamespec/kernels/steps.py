"""Steps that are found rather than made: the proximal point, and the step whose length the curvature sets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.field import field_at
from gamespec.kernels.gradient import flatten_list, unflatten_list
from gamespec.kernels.response import solve_natural


def proximal_point(
    field: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    rates: list[list[float]],
    steps: int,
    tol: float,
) -> list[Tensor]:
    """The point w = P(z - R F(w)) that a step of the rates R ends in if the field is taken where it ends.

    Shapes: points and field(points) are lists of the same shapes, about 100 numbers in all: the Jacobian is dense;
    `rates` lists one for each tensor, player by player.
    Error: residual <= tol where Newton's method converges; where it stalls, the best point found.
    Source: Martinet 1970; Rockafellar 1976, equation 1.2.
    """
    start, lengths = [p.detach() for p in points], [r for own in rates for r in own]

    def pulled(w: list[Tensor]) -> list[Tensor]:
        return [r * f + (t - z) for r, f, t, z in zip(lengths, field(w), w, start, strict=True)]

    found = solve_natural(pulled, start, project, flatten_list(start), steps, tol)
    return unflatten_list(found.detach(), start)


def curvature_step(
    field: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
    nu: float,
    tau: float,
) -> list[Tensor]:
    """CurvatureEG+: a look ahead as long as the local curvature allows, then a step that it proves to be right.

    With H = z - gamma F(z) and z' = P(H): gamma starts at nu over the norm of the Jacobian and shrinks by tau until
    gamma |F(z') - F(z)| <= nu |z' - z|. Then z + alpha d with d = H' - H and alpha = <z' - z, d> / |d|^2 - nu / 2, the
    last term for the smallest weak Minty constant, -gamma nu / 2, that the look ahead can bear.
    Shapes: points and field(points) are lists of the same shapes, about 100 numbers in all: the Jacobian is dense.
    Source: Pethick et al. 2022, algorithm 1 and section 5.
    """
    at, slopes = field_at(field, points)
    z, f = flatten_list(at), flatten_list(slopes)
    curved = _spectral_norm(f, at)
    z, f = z.detach(), f.detach()
    gamma = nu / max(curved, torch.finfo(z.dtype).tiny)
    if not bool(f.abs().amax() > 0):
        return unflatten_list(z, at)
    for _ in range(60):
        aimed = z - gamma * f
        ahead = aimed if project is None else flatten_list(project(unflatten_list(aimed, at))).detach()
        f_ahead = flatten_list(field_at(field, unflatten_list(ahead, at))[1]).detach()
        # On a linear field the first length meets the bound with equality, which rounding must not decide.
        slack = 1 + 100 * torch.finfo(z.dtype).eps
        if gamma * float((f_ahead - f).norm()) <= slack * nu * float((ahead - z).norm()):
            break
        gamma *= tau
    d = (ahead - gamma * f_ahead) - aimed
    size = d @ d
    if not bool(size > 0):
        return unflatten_list(z, at)
    return unflatten_list(z + ((ahead - z) @ d / size - nu / 2) * d, at)


def _spectral_norm(slope: Tensor, at: list[Tensor]) -> float:
    """The largest singular value of the Jacobian of a field at its points."""
    rows = [flatten_list(list(torch.autograd.grad(v, at, retain_graph=True, materialize_grads=True))) for v in slope.unbind() if v.requires_grad]
    return float(torch.linalg.matrix_norm(torch.stack(rows), ord=2)) if rows else 0.0
