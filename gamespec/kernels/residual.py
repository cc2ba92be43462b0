"""How far a joint point is from being optimal for every player."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def natural_residual(
    points: list[Tensor], grads: list[Tensor], projections: list[Callable[[Tensor], Tensor] | None]
) -> Tensor:
    """Largest coordinate of z - P(z - g) over all variables: 0 exactly at first-order optimality.

    Each g is the gradient that its player descends on and P projects on its set; None is the whole space. Moving by
    the gradient and back into the set must change nothing: one formula for free and bound variables, whatever the set.
    Shapes: lists of equal length; projections keep shapes; the result is 0-d.
    Batching: closed under vmap.
    Source: Facchinei and Pang 2003, section 1.5.
    """
    moves = []
    for z, g, project in zip(points, grads, projections, strict=True):
        move = g if project is None else z - project(z - g)
        moves.append(move.abs().amax())
    return torch.stack(moves).amax()
