"""The equilibrium of a matrix game by linear programming."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import linprog
from torch import Tensor

from gamespec.kernels.gradient import leaf
from gamespec.kernels.response import jacobian


def matrix_game(
    field: Callable[[list[Tensor]], list[Tensor]],
    points: list[Tensor],
    project: Callable[[list[Tensor]], list[Tensor]] | None,
) -> list[Tensor]:
    """An equilibrium of x @ A @ y + b @ x + c @ y, x minimising and y maximising, both in the probability simplex.

    The field is (A y + b, -(A^T x + c)), or with its parts turned around where the first player maximises; A, b and c are
    read off it. Each player's strategy is the optimum of its own program: min over x of the largest A^T x + c.
    Shapes: points are [m] and [n]. `project` is what other functions of points take, and not needed.
    Error: that of the simplex method of HiGHS, whose basic solutions are right to rounding; ValueError where it fails.
    Source: von Neumann 1928; Dantzig 1951.
    """
    at = [leaf(p) for p in points]
    slopes = field(at)
    found = []
    for mine, other in ((0, 1), (1, 0)):
        # What a pure strategy of the other costs: its slope, affine in mine; the largest of them is to be small.
        turned = jacobian(-slopes[other], at[mine])                                            # [n_other, n_mine]
        fixed = -slopes[other].detach() - turned @ at[mine].detach()
        own = slopes[mine].detach() - jacobian(slopes[mine], at[other]) @ at[other].detach()
        n = len(at[mine])
        rows = torch.cat([turned, -torch.ones_like(fixed)[:, None]], dim=1)
        cost = torch.cat([own, torch.ones_like(own[:1])])
        solved = linprog(
            cost.cpu().numpy(),
            A_ub=rows.cpu().numpy(),
            b_ub=(-fixed).cpu().numpy(),
            A_eq=[[1.0] * n + [0.0]],
            b_eq=[1.0],
            bounds=[(0, None)] * n + [(None, None)],
            method="highs-ds",
        )
        if solved.x is None:
            raise ValueError(f"the linear program was not solved: {solved.message}")
        found.append(torch.as_tensor(solved.x[:n], dtype=points[mine].dtype, device=points[mine].device))
    return found
