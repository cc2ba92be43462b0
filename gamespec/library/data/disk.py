"""Tables that lie on the disk: the system holds as many of their pages in memory as it has room for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class DiskBytes:
    """Bytes in a file without a name, filled from the front by `extend`; the file goes with what refers to them.

    Error: OSError where the folder for temporary files (`TMPDIR`) has no room.
    """

    def __init__(self, count: int) -> None:
        import mmap
        import os
        import tempfile

        handle, name = tempfile.mkstemp(prefix="gamespec-")
        try:
            os.truncate(handle, max(count, 1))
            if hasattr(os, "posix_fallocate"):
                # Room is taken now: a full disk is an error here, and not a signal on the first write.
                os.posix_fallocate(handle, 0, max(count, 1))
            self.pages = mmap.mmap(handle, max(count, 1))
        finally:
            os.close(handle)
            os.unlink(name)
        self.count, self.filled = count, 0

    def __len__(self) -> int:
        """How many bytes were filled in."""
        return self.filled

    def __getitem__(self, part: slice) -> bytes:
        """Some of the bytes, read from the disk."""
        return self.pages[part]

    def extend(self, part: bytes) -> None:
        """Put bytes behind those that are there."""
        self.pages[self.filled : self.filled + len(part)] = part
        self.filled += len(part)


def kept_bytes(count: int, keep: str) -> bytearray | DiskBytes:
    """Room for so many bytes, in memory or on the disk, to be filled by `extend`."""
    return DiskBytes(count) if keep == "disk" else bytearray()


def kept_tensor(raw: bytearray | DiskBytes, dtype: torch.dtype) -> Tensor:
    """All numbers that bytes hold, which are not copied."""
    if isinstance(raw, DiskBytes):
        return torch.frombuffer(raw.pages, dtype=torch.uint8)[: raw.count].view(dtype)
    return torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)


def kept_empty(shape: tuple[int, ...], keep: str, dtype: torch.dtype | None = None) -> Tensor:
    """A table of zeros to be filled, of float32 where no type is given, in memory or on the disk."""
    kind = torch.float32 if dtype is None else dtype
    if keep == "disk":
        return kept_tensor(DiskBytes(kind.itemsize * math.prod(shape)), kind).reshape(shape)
    return torch.zeros(shape, dtype=kind)


def kept_joined(parts: list[Tensor], keep: str) -> Tensor:
    """Tables of one type under one another, in memory or on the disk."""
    if keep != "disk" or len(parts) == 1:
        return torch.cat(parts) if len(parts) > 1 else parts[0]
    whole = kept_empty((sum(map(len, parts)), *parts[0].shape[1:]), keep, parts[0].dtype)
    torch.cat(parts, out=whole)
    return whole


def rows_at_once(x: Tensor) -> int:
    """How many rows of a table are taken at a time: at most 16384, and about a million numbers."""
    return max(1, 2**20 // max(64, math.prod(x.shape[1:])))


def disk_units(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of each column over some rows, a part read at a time, in float64; both are given in float32."""
    total = torch.zeros(x.shape[1:], dtype=torch.float64)
    squares, most = torch.zeros_like(total), rows_at_once(x)
    for first in range(0, len(rows), most):
        total += x[rows[first : first + most]].double().sum(0)
    mean = total / len(rows)
    for first in range(0, len(rows), most):
        squares += (x[rows[first : first + most]].double() - mean).square().sum(0)
    return mean.float(), (squares / len(rows)).sqrt().float()
