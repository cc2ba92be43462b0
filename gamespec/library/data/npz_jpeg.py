"""JPEG images inside an .npz file: all bytes in one array, offsets in another, labels in a third; read by pillow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Option, Source
from gamespec.library.data.disk import kept_empty
from gamespec.library.data.files import FILE, file_columns, file_rows, file_table, npz_array, npz_bytes, npz_header, npz_names, npz_raw
from gamespec.library.data.image_folder import decoded_image
from gamespec.library.data.npz import npz_classes

if TYPE_CHECKING:
    from torch import Tensor


def load_npz_jpeg(
    path: str = "",
    channels: int = 3,
    scale: str = "unit",
    targets: tuple[str, ...] = ("y",),
    keep: str = "memory",
    **rows: Any,
) -> dict[str, Tensor]:
    """Images of `train_jpeg` and `test_jpeg`, cut at `train_offsets` and `test_offsets`; `train_labels` are the classes.

    Only the images of the rows asked for are decoded, unless `scale` needs all of the train split.
    Shapes: x [n, channels, height, width] float32; the target, y_clean and i [n] int64; is_noisy [n] bool.
    Error: FileNotFoundError; ModuleNotFoundError without pillow; ValueError for arrays and rows that there are not.
    """
    import io

    counts, (_, height, width) = jpeg_counts(path, channels, targets)
    wanted = file_rows(sum(counts), counts[0], **rows)
    x = kept_empty((sum(counts), channels, height, width), keep, torch.uint8)
    first = 0
    for part, count in zip(("train", "test"), counts, strict=True):
        raw, ends = npz_bytes(path, f"{part}_jpeg", keep)[3], npz_array(path, f"{part}_offsets").tolist()
        if len(ends) != count + 1 or sorted(ends) != ends or ends[0] < 0 or ends[-1] > len(raw):
            raise ValueError(f"`{part}_offsets` of {path} do not cut `{part}_jpeg` into {count} images")
        for k in range(count):
            if first + k in wanted or (scale == "standard" and part == "train"):
                packed = io.BytesIO(raw[ends[k] : ends[k + 1]])
                image = decoded_image(packed, f"image {k} of `{part}_jpeg`", channels)
                if image.shape != x.shape[1:]:
                    raise ValueError(f"image {k} of `{part}_jpeg` has shape {list(image.shape)}, the first has {list(x.shape[1:])}")
                x[first + k] = image
        first += count
    y = torch.cat([npz_array(path, f"{part}_labels") for part in ("train", "test")]).long()
    classes = max(jpeg_classes(path, part) for part in ("train", "test"))
    return file_table(x, {targets[0]: (y, classes)}, counts[0], scale, keep=keep, **rows)


def jpeg_classes(path: str, part: str) -> int:
    """How many classes the labels of a part count. Error: ValueError for what are no class numbers."""
    return npz_classes(path, f"{part}_labels")


def jpeg_counts(path: str, channels: int, targets: tuple[str, ...]) -> tuple[list[int], tuple[int, int, int]]:
    """Number of images in train and in test, and the shape of one, from headers alone.

    Error: ValueError for arrays that there are not, and for other channels than 1 and 3.
    """
    if len(targets) != 1 or channels not in (1, 3):
        raise ValueError(f"one target and 1 or 3 channels can be asked, not {len(targets)} and {channels}")
    names = npz_names(path)
    for name in [f"{part}_{kind}" for part in ("train", "test") for kind in ("jpeg", "offsets", "labels")]:
        if name not in names:
            raise ValueError(f"{path} has no array `{name}`; there are {', '.join(names) or 'none'}")
    counts = [math.prod(npz_header(path, f"{part}_labels")[2]) for part in ("train", "test")]
    return counts, (channels, *jpeg_size(path))


def jpeg_size(path: str) -> tuple[int, int]:
    """Height and width of the first image, from the frame header among its first bytes.

    Error: ValueError where there is none.
    Source: ITU-T T.81, annex B.2.2.
    """
    _, raw = npz_raw(path, "train_jpeg", 65536)
    at = 2
    while raw[:2] == b"\xff\xd8" and at + 9 < len(raw) and raw[at] == 0xFF:
        if 0xC0 <= raw[at + 1] <= 0xCF and raw[at + 1] not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 5 : at + 7], "big"), int.from_bytes(raw[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    raise ValueError(f"`train_jpeg` of {path} does not begin with a JPEG image")


def npz_jpeg_rows(path: str = "", channels: int = 3, targets: tuple[str, ...] = ("y",), **rows: Any) -> int:
    """How many rows `load_npz_jpeg` gives; only headers are read. Error: as there."""
    counts, _ = jpeg_counts(path, channels, targets)
    return len(file_rows(sum(counts), counts[0], **rows))


def npz_jpeg_columns(path: str = "", channels: int = 3, scale: str = "unit", targets: tuple[str, ...] = ("y",), **_: Any) -> dict[str, Any]:
    """The columns of `load_npz_jpeg`: headers are read, and the labels. Error: as there."""
    _counts, shape = jpeg_counts(path, channels, targets)
    return file_columns(shape, True, scale, {targets[0]: max(jpeg_classes(path, part) for part in ("train", "test"))})


SOURCE = Source(
    word="npz_jpeg",
    options=(Option("path", str, ""), Option("channels", int, 3), Option("scale", str, "unit", words=("none", "unit", "standard")), *FILE),
    columns={},
    columns_of=npz_jpeg_columns,
    load=load_npz_jpeg,
    rows=npz_jpeg_rows,
    source="ITU-T T.81 inside NEP 1",
)
