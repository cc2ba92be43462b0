"""The simplex: z >= 0 and sum(z) = total, along the last dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option, Set

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.kernels.noise import Noise


def project_simplex(z: Tensor, total: float = 1.0) -> Tensor:
    """Nearest point of the simplex along the last dimension.

    Shapes: z is [..., n] and every row is projected on its own.
    Cost: O(n log n) a row.
    Source: Duchi et al. 2008, figure 1.
    """
    # The answer is the same for z less any number; from far away only differences have digits left.
    z = z - z.detach().amax(dim=-1, keepdim=True)
    falling = torch.sort(z, dim=-1, descending=True).values  # [..., n]
    excess = torch.cumsum(falling, dim=-1) - total  # [..., n]
    rank = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)  # [n]
    kept = (falling * rank > excess).sum(dim=-1, keepdim=True).clamp(min=1)  # [..., 1]
    shift = torch.gather(excess, -1, kept - 1) / kept
    return torch.clamp(z - shift, min=0.0)


def simplex_numbers(z: list[float] | list[Tensor], total: float = 1.0) -> list[float] | list[Tensor]:
    """The nearest point of the simplex to a list of floats, or of tensors [starts]. Source: Duchi et al. 2008, figure 1."""
    columns = [x for x in z if isinstance(x, torch.Tensor)]
    if columns:
        return list(project_simplex(torch.stack(columns, -1), total).unbind(-1))
    top = max(float(x) for x in z)
    plain = [float(x) - top for x in z]
    excess, shift = -total, 0.0
    for rank, level in enumerate(sorted(plain, reverse=True), 1):
        excess += level
        if level * rank > excess:
            shift = excess / rank
    return [max(level - shift, 0.0) for level in plain]


def start_simplex(shape: tuple[int, ...], total: float, rng: Noise, dtype: torch.dtype | None = None) -> Tensor:
    """A uniform draw of the simplex along the last dimension, on the device of the noise."""
    level = rng.uniform(shape, dtype)
    gaps = -torch.log1p(-level)
    return total * gaps / gaps.sum(dim=-1, keepdim=True)


def mirror_simplex(z: Tensor, step: Tensor, total: float = 1.0) -> Tensor:
    """The entropic mirror step: z times exp(-step), scaled back to the simplex along the last dimension.

    Shapes: z and step are [..., n] and every row moves on its own. A coordinate that is 0 stays 0.
    Source: Beck and Teboulle 2003, section 5; Freund and Schapire 1999 (multiplicative weights).
    """
    return total * torch.softmax(torch.log(z) - step, dim=-1)


def simplex_diameter(n: int, total: float) -> float:
    """The largest distance of two members in one coordinate."""
    return total if n > 1 else 0.0


def outside_simplex(numbers: list[float], total: float) -> str:
    """Why these numbers are no member."""
    if min(numbers) < 0:
        return f"{min(numbers):g} is below 0"
    return "" if abs(sum(numbers) - total) <= 1e-6 * total else f"its numbers sum to {sum(numbers):g}"


SET = Set(
    word="Simplex",
    options=(Option("n", int), Option("total", float, 1.0)),
    sizes=1,
    convex=True,
    compact=True,
    project=project_simplex,
    source="Duchi et al. 2008, figure 1",
    diameter=simplex_diameter,
    contains_zero=False,
    start=start_simplex,
    outside=outside_simplex,
    mirror=mirror_simplex,
    project_numbers=simplex_numbers,
)
