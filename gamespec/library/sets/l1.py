"""The ball of the sum of absolute values over all coordinates of one point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def project_l1_rows(z: Tensor, radius: float) -> Tensor:
    """Nearest point of the ball for every row: all coordinates come nearer to 0 by one number.

    Shapes: z is [b, ...] and each of its b rows is one point.
    Cost: O(n log n) a row.
    Source: Duchi et al. 2008, figure 2.
    """
    flat = z.reshape(z.shape[0], -1)  # [b, n]
    falling = torch.sort(flat.abs(), dim=1, descending=True).values  # [b, n]
    rank = torch.arange(1, flat.shape[1] + 1, dtype=z.dtype, device=z.device)  # [n]
    cut = (torch.cumsum(falling, dim=1) - radius) / rank  # [b, n]
    kept = (falling > cut).sum(dim=1, keepdim=True).clamp(min=1)  # [b, 1]
    shift = torch.clamp(torch.gather(cut, 1, kept - 1), min=0.0)  # [b, 1]
    return (flat - torch.clamp(flat, -shift, shift)).reshape(z.shape)


def project_l1(z: Tensor, radius: float) -> Tensor:
    """Nearest point with absolute values summing to radius at most, over all of z.

    Shapes: z has any shape and is one point; `project_l1_rows` takes a stack.
    """
    return project_l1_rows(z.reshape(1, -1), radius).reshape(z.shape)


def l1_numbers(z: list[float] | list[Tensor], radius: float) -> list[float] | list[Tensor]:
    """The nearest point of the ball to a list of floats, or of tensors [starts]."""
    columns = [x for x in z if isinstance(x, torch.Tensor)]
    if columns:
        rows = project_l1_rows(torch.stack(columns, -1).reshape(-1, len(z)), radius)  # [starts, n]
        return list(rows.T.reshape(len(z), *columns[0].shape).unbind())
    plain = [float(x) for x in z]
    excess, shift = -radius, 0.0
    for rank, size in enumerate(sorted(map(abs, plain), reverse=True), 1):
        excess += size
        if size * rank > excess:
            shift = max(excess / rank, 0.0)
    return [x - min(max(x, -shift), shift) for x in plain]


def start_l1_rows(shape: tuple[int, ...], radius: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A uniform draw in the ball for every row, on the device of the noise.

    Shapes: shape is (b, ...) and each of the b rows is one point.
    Source: Barthe et al. 2005, theorem 1: Laplace numbers over their sum of sizes with one exponential number more.
    """
    sign = torch.where(rng.uniform(shape, dtype) < 0.5, -1.0, 1.0).to(dtype or torch.get_default_dtype())
    size = -torch.log1p(-rng.uniform(shape, dtype)).reshape(shape[0], -1)
    more = -torch.log1p(-rng.uniform((shape[0], 1), dtype))
    return sign * (radius * size / (size.sum(dim=1, keepdim=True) + more)).reshape(shape)


def start_l1(shape: tuple[int, ...], radius: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A uniform draw in the ball, one point of that shape."""
    return start_l1_rows((1, *shape), radius, rng, dtype)[0]


def l1_diameter(radius: float) -> float:
    """The largest distance of two members in one coordinate."""
    return 2 * radius


def outside_l1(numbers: list[float], radius: float) -> str:
    """Why these numbers are no member."""
    size = sum(map(abs, numbers))
    return "" if size <= radius * (1 + 1e-6) else f"its norm is {size:g}"


SET = Set(
    word="L1",
    options=(Option("radius", float),),
    convex=True,
    compact=True,
    project=project_l1,
    project_rows=project_l1_rows,
    outside=outside_l1,
    source="Duchi et al. 2008, figure 2",
    diameter=l1_diameter,
    start=start_l1,
    start_rows=start_l1_rows,
    project_numbers=l1_numbers,
)
