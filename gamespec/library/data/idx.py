"""An IDX file of images and one of labels, packed by gzip or not, as MNIST was published."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Option, Source
from gamespec.library.data.disk import DiskBytes, kept_bytes, kept_tensor
from gamespec.library.data.files import FILE, data_file, file_columns, file_rows, file_table

if TYPE_CHECKING:
    from torch import Tensor


def load_idx(
    path: str = "",
    labels: str = "",
    scale: str = "none",
    targets: tuple[str, ...] = ("y",),
    keep: str = "memory",
    **rows: Any,
) -> dict[str, Tensor]:
    """Bytes of one file as `x`, and those of `labels` as class numbers.

    Shapes: x [n, ...] float32; the target, y_clean and i [n] int64; is_noisy [n] bool.
    Error: FileNotFoundError; ValueError for another format, for other types than bytes, and for rows that there are not.
    """
    shape, raw = idx_bytes(path, keep=keep)
    codes = idx_labels(labels, targets)
    x = kept_tensor(raw, torch.uint8).reshape(shape)
    return file_table(x, {targets[0]: (kept_tensor(codes, torch.uint8), max(codes) + 1)}, 0, scale, keep=keep, **rows)


def idx_bytes(path: str, *, head_only: bool = False, keep: str = "memory") -> tuple[tuple[int, ...], bytearray | DiskBytes]:
    """Shape and bytes of an IDX file, in memory or on the disk; no bytes where only the head is wanted.

    Error: ValueError for another format, another type than bytes, and where bytes are missing.
    Source: LeCun, Cortes and Burges, "The MNIST database", file formats.
    """
    import gzip
    import zlib

    place = data_file(path)
    try:
        with gzip.open(place) if path.endswith(".gz") else open(place, "rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != 8 or not 1 <= magic[3] <= 4:
                raise ValueError(f"{path} is no IDX file of bytes")
            shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(magic[3]))
            wanted = math.prod(shape)
            if wanted > 2**32 and keep == "memory" and not head_only:
                raise ValueError(f"{path} has shape {list(shape)}, which does not fit: write `keep = disk`")
            raw = kept_bytes(0 if head_only else wanted, keep)
            while not head_only and (part := file.read(min(wanted - len(raw), 1 << 22))):
                raw.extend(part)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise ValueError(f"{path} is damaged") from None
    if not head_only and (len(raw) != wanted or not wanted):
        raise ValueError(f"{path} ends after {len(raw)} of {wanted} bytes")
    return shape, raw


def idx_labels(labels: str, targets: tuple[str, ...]) -> bytearray:
    """The bytes of a file of labels. Error: ValueError as `idx_bytes`, and for another number of targets than one."""
    if len(targets) != 1:
        raise ValueError(f"an IDX file has labels for one target, and {len(targets)} are asked")
    shape, raw = idx_bytes(labels)
    if len(shape) != 1:
        raise ValueError(f"{labels} has shape {list(shape)}, and labels are one column")
    return bytearray(raw[:])


def idx_rows(path: str = "", **rows: Any) -> int:
    """How many rows `load_idx` gives; only the head is read. Error: as there."""
    return len(file_rows(idx_bytes(path, head_only=True)[0][0], 0, **rows))


def idx_columns(path: str = "", labels: str = "", scale: str = "none", targets: tuple[str, ...] = ("y",), **_: Any) -> dict[str, Any]:
    """The columns of `load_idx`: the head of the images is read, and the labels. Error: as there."""
    shape, _raw = idx_bytes(path, head_only=True)
    return file_columns(shape[1:], True, scale, {targets[0]: max(idx_labels(labels, targets)) + 1})


SOURCE = Source(
    word="idx",
    options=(Option("path", str, ""), Option("labels", str, ""), Option("scale", str, "none", words=("none", "unit", "standard")), *FILE),
    columns={},
    columns_of=idx_columns,
    load=load_idx,
    rows=idx_rows,
    source="LeCun, Cortes and Burges, The MNIST database",
)
