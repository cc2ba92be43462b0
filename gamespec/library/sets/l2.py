"""The ball of the Euclidean norm over all coordinates of one point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def project_l2(z: Tensor, radius: float) -> Tensor:
    """Nearest point with Euclidean norm at most radius, the norm over all of z.

    Shapes: z has any shape and is one point; `project_l2_rows` takes a stack.
    """
    floor = max(radius, torch.finfo(z.dtype).tiny)
    return z * (radius / torch.clamp(torch.linalg.vector_norm(z), min=floor))


def project_l2_rows(z: Tensor, radius: float) -> Tensor:
    """Nearest point of the ball for every row.

    Shapes: z is [b, ...] and each of its b rows is one point.
    """
    floor = max(radius, torch.finfo(z.dtype).tiny)
    norm = torch.linalg.vector_norm(z.reshape(z.shape[0], -1), dim=1)  # [b]
    scale = radius / torch.clamp(norm, min=floor)
    return z * scale.reshape(-1, *[1] * (z.dim() - 1))  # [b, ...]


def l2_numbers(z: list[float] | list[Tensor], radius: float) -> list[float] | list[Tensor]:
    """The nearest point of the ball to a list of floats, or of tensors [starts]."""
    columns = [x for x in z if isinstance(x, torch.Tensor)]
    if columns:
        rows = project_l2_rows(torch.stack(columns, -1).reshape(-1, len(z)), radius)  # [starts, n]
        return list(rows.T.reshape(len(z), *columns[0].shape).unbind())
    plain = [float(x) for x in z]
    norm = math.hypot(*plain)
    scale = radius / max(norm, radius) if norm else 1.0
    return [scale * x for x in plain]


def start_l2_rows(shape: tuple[int, ...], radius: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A uniform draw in the ball for every row, on the device of the noise.

    Shapes: shape is (b, ...) and each of the b rows is one point.
    Source: Muller 1959.
    """
    direction = rng.normal(shape, dtype).reshape(shape[0], -1)  # [b, n]
    level = rng.uniform((shape[0], 1), dtype)
    # A root by logarithms: that of `pow` may differ in its last bit from place to place in a batch.
    length = radius * torch.exp(torch.log(level) / max(direction.shape[1], 1))  # [b, 1]
    norm = torch.linalg.vector_norm(direction, dim=1, keepdim=True)  # of a row of one number it may be exactly 0
    return (direction * (length / norm.clamp(min=torch.finfo(norm.dtype).tiny))).reshape(shape)


def start_l2(shape: tuple[int, ...], radius: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A uniform draw in the ball, one point of that shape."""
    return start_l2_rows((1, *shape), radius, rng, dtype)[0]


def l2_diameter(radius: float) -> float:
    """The largest distance of two members in one coordinate."""
    return 2 * radius


def outside_l2(numbers: list[float], radius: float) -> str:
    """Why these numbers are no member."""
    size = sum(v * v for v in numbers) ** 0.5
    return "" if size <= radius * (1 + 1e-6) else f"its norm is {size:g}"


SET = Set(
    word="L2",
    options=(Option("radius", float),),
    convex=True,
    compact=True,
    project=project_l2,
    project_rows=project_l2_rows,
    outside=outside_l2,
    source="Boyd and Vandenberghe 2004, section 8.1.1",
    diameter=l2_diameter,
    start=start_l2,
    start_rows=start_l2_rows,
    project_numbers=l2_numbers,
)
