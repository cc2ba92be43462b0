"""What methods of second order make of the joint field of all players, by products with its Jacobian alone.

The field F lists every player's direction of steepest ascent of what it minimises, in what it owns; J is its Jacobian.
Everything here takes `field(points)`, differentiable, and points in the same shapes, and gives a direction to descend in.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, gradients, leaf, unflatten_list
from gamespec.kernels.linear import gmres


def field_at(field: Callable[[list[Tensor]], list[Tensor]], points: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Fresh points to differentiate at, and the field there with its graph."""
    at = [leaf(p) for p in points]
    return at, field(at)


def transposed_product(slopes: list[Tensor], at: list[Tensor], v: list[Tensor]) -> list[Tensor]:
    """J^T v for the field `slopes`, taken at the points `at` with its graph, which is kept."""
    return [g.detach() for g in gradients(slopes, at, v, keep=True)]


def product(slopes: list[Tensor], at: list[Tensor], v: list[Tensor]) -> list[Tensor]:
    """J v for the field `slopes`, taken at the points `at` with its graph, which is kept.

    J^T w is linear in w, so its own derivative in w along v is J v.
    Source: Pearlmutter 1994, section 3; the form in reverse mode alone is due to Townsend 2017.
    """
    w = [torch.zeros_like(s).requires_grad_() for s in slopes]
    return [g.detach() for g in gradients(gradients(slopes, at, w, graph=True), w, v, keep=True)]


def hamiltonian_field(field: Callable[[list[Tensor]], list[Tensor]], points: list[Tensor]) -> list[Tensor]:
    """J^T F, the gradient of half the squared norm of the field.

    Source: Abernethy, Lai and Wibisono 2019, section 3.
    """
    at, slopes = field_at(field, points)
    return transposed_product(slopes, at, slopes)


def consensus_field(field: Callable[[list[Tensor]], list[Tensor]], points: list[Tensor], weight: float) -> list[Tensor]:
    """F + weight J^T F.

    Source: Mescheder, Nowozin and Geiger 2017, equation 12.
    """
    at, slopes = field_at(field, points)
    turned = transposed_product(slopes, at, slopes)
    return [s.detach() + weight * t for s, t in zip(slopes, turned, strict=True)]


def symplectic_field(field: Callable[[list[Tensor]], list[Tensor]], points: list[Tensor], weight: float, *, align: bool) -> list[Tensor]:
    """F + weight A^T F, with A = (J - J^T) / 2 the part of the Jacobian that turns.

    With `align` the sign of the weight is that of <F, J^T F> <A^T F, J^T F> / n + 0.1, n the count of numbers, which
    pulls towards stable and pushes away from unstable fixed points.
    Source: Balduzzi et al. 2018, algorithm 1 and proposition 9.
    """
    at, slopes = field_at(field, points)
    pulled, pushed = transposed_product(slopes, at, slopes), product(slopes, at, slopes)
    turned = [(a - b) / 2 for a, b in zip(pulled, pushed, strict=True)]
    f = [s.detach() for s in slopes]
    sign = torch.ones_like(f[0].sum())
    if align:
        flat, down, around = flatten_list(f), flatten_list(pulled), flatten_list(turned)
        sign = torch.where((flat @ down) * (around @ down) / flat.numel() + 0.1 >= 0, sign, -sign)
    return [s + weight * sign * t for s, t in zip(f, turned, strict=True)]


def competitive_field(
    field: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    rates: list[list[float]],
    steps: int,
    tol: float,
) -> list[Tensor]:
    """The field d that anticipates the others' step: (I + O R) d = F, with R the rates and O the Jacobian across players.

    `rates` lists one for each tensor, player by player. O is J without the blocks of a player with itself, so that the
    step -R d is the Nash point of the game in which every objective is bilinear in the moves and moving costs |d|^2 / 2R.
    Error: relative residual of at most tol where GMRES ends within `steps`.
    Cost: a product with the Jacobian for each of the `steps`.
    Source: Schäfer and Anandkumar 2019, equation 3; Ma et al. 2021 for more than two players.
    """
    at, slopes = field_at(field, points)
    f, lengths = [s.detach() for s in slopes], [r for own in rates for r in own]

    def across(v: Tensor) -> Tensor:
        moved = [r * t for r, t in zip(lengths, unflatten_list(v, f), strict=True)]
        pushed, begin = [], 0
        for own in rates:
            end = begin + len(own)
            others = [torch.zeros_like(m) if begin <= j < end else m for j, m in enumerate(moved)]
            pushed += product(slopes[begin:end], at, others)
            begin = end
        return v + flatten_list(pushed)

    return unflatten_list(gmres(across, flatten_list(f), steps, tol), f)
