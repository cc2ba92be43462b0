"""Noise of rows: numbers that depend on what a row is, not on the batch that it came in."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def signed(x: int) -> int:
    """The int64 with the low 64 bits of x."""
    return (x + 2**63) % 2**64 - 2**63


def stirred(z: Tensor) -> Tensor:
    """Two rounds of SplitMix64, after which the high 31 bits are as they stay: each depends on all bits of z.

    Shapes: z is int64 of any shape and is left as it was; the result has its shape. Products wrap around.
    Source: Steele, Lea and Flood 2014, with the constants of Stafford's variant 13.
    """
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z >> shift).bitwise_and_(2 ** (64 - shift) - 1).bitwise_xor_(z).mul_(signed(factor))
    return z


def mixed(z: Tensor) -> Tensor:
    """64 bits for each of 64, one to one: the output of SplitMix64 in state z. As `stirred`, with the low bits as well."""
    z = stirred(z)
    return (z >> 31).bitwise_and_(2**33 - 1).bitwise_xor_(z)


def stream_key(seed: int, number: int, device: str | torch.device) -> Tensor:
    """Where the noise of the random stream with this number, 0..4095, begins under a seed: 0-d int64."""
    return mixed(torch.tensor(signed(seed * 4096 + number), device=device))


class Noise:
    """Random numbers for rows: a row gets the same in any batch, of any size and in any order.

    Number j of a row depends on the stream, the number of the row and j alone: SplitMix64 at a place of its own, the
    places a lattice whose points lie far apart. `key` is 0-d and `rows` [n], both int64; numbers of rows may be negative.
    Where shapes begin with something else than n, rows share the whole evenly: those of one row may have any shape.
    Source: Salmon et al. 2011 (counters as states); Roberts 2018 (the lattice).
    """

    def __init__(self, key: Tensor, rows: Tensor) -> None:
        self.device, self.used = rows.device, 0
        self.places = rows * signed(0x533AE6BD911FC89B) + key  # [n]

    def states(self, shape: tuple[int, ...]) -> Tensor:
        """A place for every number of that shape, as int64; further ones at every call."""
        size = math.prod(shape) // max(len(self.places), 1)
        self.used += size
        along = torch.arange(self.used - size, self.used, device=self.device)  # [size]
        return (self.places[:, None] + along).mul_(signed(0x91E10DA5C79E7B1D)).reshape(shape)

    def cells(self, shape: tuple[int, ...], dtype: torch.dtype | None) -> tuple[Tensor, float]:
        """Whole numbers from -2^(k-1) to 2^(k-1) - 1, all alike, in dtype, and 2^-k; k is 53 for float64 and 24 else."""
        z = self.states(shape)
        if dtype == torch.float64:
            return (mixed(z) >> 11).to(dtype), 2.0**-53
        return (stirred(z) >> 40).to(dtype or torch.get_default_dtype()), 2.0**-24

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
        """Uniform on [0, 1), every bit that dtype keeps there."""
        cell, width = self.cells(shape, dtype)
        return cell.mul_(width).add_(0.5)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
        """Normal with mean 0 and deviation 1: of size 5.8 at most in float32, 8.6 in float64.

        Source: Box and Muller 1958; the two numbers of a pair stand half a row apart.
        """
        rows = max(len(self.places), 1)
        size = math.prod(shape) // rows
        cell, width = self.cells((rows, 2, (size + 1) // 2), dtype)
        level, turn = cell.mul_(width).unbind(1)  # [rows, pairs] each, in [-1/2, 1/2)
        length, angle = (level + (0.5 + width)).log_().mul_(-2).sqrt_(), turn * (2 * math.pi)
        return torch.cat([length * angle.cos(), length * angle.sin()], 1)[:, :size].reshape(shape)

    def whole(self, shape: tuple[int, ...], size: int) -> Tensor:
        """Whole numbers 0 .. size - 1, all alike, as int64."""
        return mixed(self.states(shape)).remainder(size)


def noise_of_first(seed: int, number: int, n: int, device: str | torch.device) -> Noise:
    """The noise of the first n rows, the same at every look; a run does not come to rows with such numbers."""
    return Noise(stream_key(seed, number, device), torch.arange(2**62, 2**62 + n, device=device))


def counted(n: int, came: Tensor) -> Tensor:
    """Numbers for the next n of what has none of its own, in the order in which it comes: -1, -2, ...; `came` counts it.

    Shapes: `came` is 0-d int64 and raised in place; the result is [n].
    """
    numbers = torch.arange(-1, -1 - n, -1, device=came.device) - came
    came += n
    return numbers


class Ahead:
    """Samples in the order in which they come, drawn for several batches at once, which costs little more than for one.

    Number k is the same whatever batch it comes in, and however many are drawn at once. `key` is as in `Noise`.
    """

    def __init__(self, key: Tensor) -> None:
        self.key, self.came, self.first = key, 0, 0
        self.block: Tensor | None = None  # samples first, first + 1, ..

    def take(self, n: int, draw: Callable[[int, Noise], Tensor]) -> Tensor:
        """The next n samples, [n, ..]; `draw(n, rng)` draws n of them."""
        at, self.came = self.came - self.first, self.came + n
        if self.block is None or at + n > len(self.block):
            size = 0 if self.block is None else self.block[0].numel() * n
            self.first, at = self.came - n, 0
            total = n * max(1, min(16, 2**16 // size)) if size else n
            numbers = torch.arange(-1 - self.first, -1 - self.first - total, -1, device=self.key.device)
            self.block = draw(total, Noise(self.key, numbers))
        return self.block[at : at + n]


class Drawn:
    """The numbers of `Noise`, for what has no rows: from a generator, one after the other."""

    def __init__(self, rng: torch.Generator) -> None:
        self.rng = rng

    @property
    def device(self) -> torch.device:
        """Where the numbers are drawn."""
        return self.rng.device

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
        """Uniform on [0, 1)."""
        return torch.rand(shape, generator=self.rng, device=self.device, dtype=dtype)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
        """Normal with mean 0 and deviation 1."""
        return torch.randn(shape, generator=self.rng, device=self.device, dtype=dtype)

    def whole(self, shape: tuple[int, ...], size: int) -> Tensor:
        """Whole numbers 0 .. size - 1, all alike."""
        return torch.randint(size, shape, generator=self.rng, device=self.device)
