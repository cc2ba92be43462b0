"""Arrays of an .npz file as a table: no numpy, and never pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Option, Source
from gamespec.library.data.disk import kept_joined
from gamespec.library.data.files import FILE, file_columns, file_rows, file_table, npz_array, npz_bytes, npz_header, npz_names, npz_parts

if TYPE_CHECKING:
    from torch import Tensor


def load_npz(
    path: str = "",
    x: str = "x",
    scale: str = "none",
    targets: tuple[str, ...] = ("y",),
    keep: str = "memory",
    **rows: Any,
) -> dict[str, Tensor]:
    """The array `x` and one of class numbers for each target; `x_train` beside `x_test` are a split of their own.

    Shapes: x [n, ...] float32; targets, y_clean and i [n] int64; is_noisy [n] bool.
    Error: FileNotFoundError; ValueError for arrays, rows and targets that there are not, and for Python objects.
    """
    names = npz_names(path)
    parts = npz_parts(names, x)
    arrays = [npz_array(path, part, keep) for part in parts]
    train = len(arrays[0]) if len(arrays) == 2 else 0
    labels = {}
    for name in targets:
        codes = torch.cat([npz_array(path, part) for part in npz_parts(names, name)]).long()
        labels[name] = (codes, npz_classes(path, name))
    return file_table(kept_joined(arrays, keep), labels, train, scale, keep=keep, **rows)


def npz_classes(path: str, column: str) -> int:
    """One more than the largest class number of a column. Error: ValueError for what are no class numbers."""
    import array

    most = -1
    for part in npz_parts(npz_names(path), column):
        kind, _, shape, raw = npz_bytes(path, part)
        codes = {"u1": "B", "b1": "B", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
        if len(shape) != 1 or kind[1:] not in codes:
            raise ValueError(f"target `{part}` is no column of class numbers: it has the type {kind} and the shape {list(shape)}")
        numbers = array.array(codes[kind[1:]], raw[:])
        if numbers and min(numbers) < 0:
            raise ValueError(f"row {numbers.index(min(numbers))} of `{part}` holds {min(numbers)}; classes count from 0")
        most = max(most, max(numbers, default=-1))
    return most + 1


def npz_rows(path: str = "", x: str = "x", **rows: Any) -> int:
    """How many rows `load_npz` gives; only headers are read. Error: as there."""
    sizes = [npz_header(path, part)[2][:1] or (0,) for part in npz_parts(npz_names(path), x)]
    total = sum(size[0] for size in sizes)
    return len(file_rows(total, sizes[0][0] if len(sizes) == 2 else 0, **rows))


def npz_columns(path: str = "", x: str = "x", scale: str = "none", targets: tuple[str, ...] = ("y",), **_: Any) -> dict[str, Any]:
    """The columns of `load_npz`: headers are read, and the class numbers. Error: as there."""
    names = npz_names(path)
    heads = [npz_header(path, part) for part in npz_parts(names, x)]
    shapes = {head[2][1:] for head in heads}
    if len(shapes) > 1 or not heads[0][2]:
        raise ValueError(f"the arrays of `{x}` have no common shape of a row")
    return file_columns(shapes.pop(), heads[0][0].endswith("u1"), scale, {name: npz_classes(path, name) for name in targets})


SOURCE = Source(
    word="npz",
    options=(Option("path", str, ""), Option("x", str, "x"), Option("scale", str, "none", words=("none", "unit", "standard")), *FILE),
    columns={},
    columns_of=npz_columns,
    load=load_npz,
    rows=npz_rows,
    source="NEP 1, A simple file format for NumPy arrays",
)
