"""The stationary point of a joint field that lies near a given point."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gamespec.kernels.gradient import flatten_list, leaf, unflatten_list
from gamespec.kernels.response import jacobian


def stationary_point(
    field: Callable[[list[Tensor]], list[Tensor]], z: list[Tensor], steps: int = 100, tol: float = 1e-10
) -> list[Tensor] | None:
    """A zero of the field by Newton steps, halved until its norm falls; None where they stall.

    Shapes: z and field(z) are lists of the same shapes, few numbers in all; field is differentiable.
    Source: Nocedal and Wright 2006, algorithm 11.4.
    """
    point = flatten_list([t.detach() for t in z])
    for _ in range(steps):
        at = leaf(point)
        slope = flatten_list(field(unflatten_list(at, z)))
        size = float(slope.detach().norm())
        if size <= tol:
            return unflatten_list(point, z)
        move = torch.linalg.lstsq(jacobian(slope, at), -slope.detach()[:, None]).solution[:, 0]
        for halvings in range(30):
            trial = point + 0.5**halvings * move
            found = flatten_list(field(unflatten_list(leaf(trial), z))).detach()
            if float(found.norm()) < size:
                break
        else:
            return None
        point = trial
    return None
