"""How far apart two samples are, by what it costs to move one onto the other along random lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Metric, Option

if TYPE_CHECKING:
    from torch import Tensor


def transport_on_lines(a: Tensor, b: Tensor) -> Tensor:
    """The squared 2-Wasserstein distance of two samples of the line, exactly, in every column.

    The levels at which either distribution function jumps are whole numbers in units of 1 / (n m).
    Shapes: a [n, k] and b [m, k]; the result is [k].
    Source: Peyré and Cuturi 2019, remark 2.30.
    """
    n, m = len(a), len(b)
    a, b = a.sort(dim=0).values, b.sort(dim=0).values
    of_a, of_b = (torch.arange(1, k + 1, device=a.device) for k in (n, m))
    levels = torch.cat([of_a * m, of_b * n]).sort().values                                      # [n + m]
    share = torch.diff(levels, prepend=torch.zeros_like(levels[:1])).to(a) / (n * m)            # [n + m]
    apart = a[(levels + m - 1) // m - 1] - b[(levels + n - 1) // n - 1]                          # [n + m, k]
    return share @ apart**2


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 128, seed: int = 0) -> Tensor:
    """The root of the mean squared 2-Wasserstein distance of the samples along random directions.

    For two points it is about their distance over the root of the number of coordinates.
    Shapes: a [n, ...] and b [m, ...] with rows of the same shape; the result is 0-d.
    Source: Bonneel et al. 2015, definition 1.
    """
    a, b = a.reshape(len(a), -1).double(), b.reshape(len(b), -1).double()
    drawn = torch.randn((a.shape[1], directions), generator=torch.Generator().manual_seed(seed), dtype=a.dtype)
    along = torch.nn.functional.normalize(drawn, dim=0).to(a.device)                            # [d, directions]
    return torch.sqrt(transport_on_lines(a @ along, b @ along).mean())


METRIC = Metric(
    word="sliced_wasserstein",
    arity=2,
    options=(Option("directions", int, 128), Option("seed", int, 0)),
    compute=sliced_wasserstein,
    result="number",
    source="Bonneel et al. 2015, definition 1",
)
