"""A folder of images with one folder for each class, read by pillow; `train` and `test` inside are a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Option, Source
from gamespec.library.data.disk import kept_empty
from gamespec.library.data.files import FILE, data_file, file_columns, file_rows, file_table

if TYPE_CHECKING:
    from torch import Tensor


def load_image_folder(
    path: str = "",
    size: int = 32,
    channels: int = 3,
    scale: str = "unit",
    targets: tuple[str, ...] = ("y",),
    keep: str = "memory",
    **rows: Any,
) -> dict[str, Tensor]:
    """Images of `size` by `size` pixels; the names of the folders, in order, are the classes.

    Shapes: x [n, channels, size, size] float32; the target, y_clean and i [n] int64; is_noisy [n] bool.
    Error: FileNotFoundError; ModuleNotFoundError without pillow; ValueError for a folder without images and a bad one.
    """
    files, classes, train = image_files(path, targets)
    x = kept_empty((len(files), channels, size, size), keep, torch.uint8)
    for k, (file, _) in enumerate(files):
        with open(file, "rb") as handle:
            x[k] = decoded_image(handle, file, channels, size)
    y = torch.tensor([code for _, code in files])
    return file_table(x, {targets[0]: (y, len(classes))}, train, scale, keep=keep, **rows)


def decoded_image(handle: Any, name: str, channels: int, size: int = 0) -> Tensor:  # noqa: ANN401  # an open file; until 2027-11
    """An image as bytes; 0 keeps its size. Shapes: [channels, height, width].

    Error: ModuleNotFoundError without pillow; ValueError where there is no image.
    """
    from PIL import Image

    try:
        with Image.open(handle) as image:
            plain = image.convert("L" if channels == 1 else "RGB")
            fitted = plain.resize((size, size), Image.Resampling.BILINEAR) if size and plain.size != (size, size) else plain
            raw = torch.frombuffer(bytearray(fitted.tobytes()), dtype=torch.uint8)
            return raw.reshape(fitted.height, fitted.width, channels).permute(2, 0, 1)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} is no image that can be read: {error}") from None


def image_files(path: str, targets: tuple[str, ...]) -> tuple[list[tuple[str, int]], list[str], int]:
    """Images with their class numbers, the names of the classes, and how many images are in `train` (0: no split).

    Error: FileNotFoundError; ValueError for a folder without classes or without images.
    """
    import os

    if len(targets) != 1:
        raise ValueError(f"a folder of images has one target, and {len(targets)} are asked")
    top = data_file(path)
    parts = ["train", "test"] if all(os.path.isdir(os.path.join(top, part)) for part in ("train", "test")) else [""]
    folders = [os.path.join(top, part) for part in parts]
    classes = sorted({entry.name for folder in folders for entry in os.scandir(folder) if entry.is_dir()})
    kinds = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
    files: list[tuple[str, int]] = []
    train = 0
    for folder in folders:
        for code, name in enumerate(classes):
            inside = os.path.join(folder, name)
            names = sorted(entry.name for entry in os.scandir(inside)) if os.path.isdir(inside) else []
            files += [(os.path.join(inside, file), code) for file in names if file.lower().endswith(kinds)]
        train = train or (len(files) if len(folders) == 2 else 0)
    if not files:
        raise ValueError(f"{path} has no images: one folder for each class is needed, with {', '.join(kinds)} inside")
    return files, classes, train


def image_folder_rows(path: str = "", targets: tuple[str, ...] = ("y",), **rows: Any) -> int:
    """How many rows `load_image_folder` gives; no image is opened. Error: as there."""
    files, _, train = image_files(path, targets)
    return len(file_rows(len(files), train, **rows))


def image_folder_columns(
    path: str = "", size: int = 32, channels: int = 3, scale: str = "unit", targets: tuple[str, ...] = ("y",), **_: Any 
) -> dict[str, Any]:  # fmt: skip
    """The columns of `load_image_folder`; no image is opened. Error: as there, and for other channels than 1 and 3."""
    if channels not in (1, 3) or not 1 <= size <= 4096:
        raise ValueError(f"images of {channels} channels and {size} pixels a side; 1 or 3 channels and 1 to 4096 pixels can be asked")
    return file_columns((channels, size, size), True, scale, {targets[0]: len(image_files(path, targets)[1])})


SOURCE = Source(
    word="image_folder",
    options=(
        Option("path", str, ""),
        Option("size", int, 32),
        Option("channels", int, 3),
        Option("scale", str, "unit", words=("none", "unit", "standard")),
        *FILE,
    ),
    columns={},
    columns_of=image_folder_columns,
    load=load_image_folder,
    rows=image_folder_rows,
    source="the layout of torchvision.datasets.ImageFolder",
)
