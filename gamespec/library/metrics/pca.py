"""The leading principal components of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def pca(fit: Tensor, x: Tensor, dim: int = 2) -> Tensor:
    """Coordinates of the rows of x along the `dim` directions of largest variance of the rows of fit.

    The largest entry of every direction is positive, so the result does not depend on the solver's signs.
    Shapes: fit [m, d] and x [n, d]; the result is [n, dim].
    Error: ValueError for more directions than fit has.
    Source: Pearson 1901; Jolliffe 2002, section 1.1.
    """
    fit, x = fit.reshape(len(fit), -1), x.reshape(len(x), -1)
    if dim > min(fit.shape):
        raise ValueError(f"{dim} directions asked of a table of {fit.shape[0]} x {fit.shape[1]}")
    center = fit.mean(dim=0)
    directions = torch.linalg.svd(fit - center, full_matrices=False).Vh[:dim]                   # [dim, d]
    lead = torch.gather(directions, 1, directions.abs().argmax(dim=1, keepdim=True))            # [dim, 1]
    return (x - center) @ (directions * torch.where(lead < 0, -1.0, 1.0)).mT


METRIC = Metric(
    word="pca",
    arity=2,
    options=(Option("dim", int, 2),),
    compute=pca,
    result="rows",
    source="Pearson 1901",
)
