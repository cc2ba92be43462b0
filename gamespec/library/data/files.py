"""What sources from files share: where a file is, arrays of numpy's format without numpy or pickle, splits and units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.library.base import Option
from gamespec.library.data.disk import DiskBytes, disk_units, kept_bytes, kept_empty, kept_tensor, rows_at_once
from gamespec.library.data.tables import MOVES, noisy_labels, rows_of_split, shuffled

if TYPE_CHECKING:
    from torch import Tensor

FILE = (
    Option("split", str, "all", words=("train", "test", "all")),
    Option("subset", int, None),
    Option("offset", int, 0),
    Option("label_noise", float, 0.0),
    Option("noise_seed", int, 0),
    Option("targets", tuple, ("y",)),
    Option("keep", str, "memory", words=("memory", "disk")),
    *MOVES,
)
"""The options of every table that is read from a file: those of `file_table`, and the targets.

`keep` says where a table lies that may not fit into memory; on the disk it is read and written a part at a time.
"""


def data_file(path: str) -> str:
    """Where a data file is: in one of the folders that `GAMESPEC_DATA` lists, else as written from where one runs.

    While a game is compiled its own folder is the first of them.

    Error: FileNotFoundError with the path as written; ValueError where none is written.
    """
    import errno
    import os

    if not path:
        raise ValueError("the name of a file is needed, in quotes")
    folders = [folder for folder in os.environ.get("GAMESPEC_DATA", "").split(os.pathsep) if folder]
    places = [*(os.path.join(folder, path) for folder in folders), path]
    found = next((place for place in places if os.path.exists(place)), None)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return found


@contextmanager
def beside(game: str) -> Iterator[None]:
    """Inside, the folder of a game's file is the first in which data files are looked for."""
    import os

    before = os.environ.get("GAMESPEC_DATA")
    os.environ["GAMESPEC_DATA"] = os.pathsep.join([os.path.dirname(os.path.abspath(game)), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["GAMESPEC_DATA"]
        else:
            os.environ["GAMESPEC_DATA"] = before


def npz_names(path: str) -> list[str]:
    """The arrays of an .npz file. Error: ValueError where the file is no zip archive."""
    import zipfile

    try:
        with zipfile.ZipFile(data_file(path)) as archive:
            return [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
    except (zipfile.BadZipFile, NotImplementedError, OverflowError):
        raise ValueError(f"{path} is no .npz file: it is no zip archive, or a damaged one") from None


def npy_header(handle: Any, name: str) -> tuple[str, bool, tuple[int, ...]]:  # noqa: ANN401  # an open file; until 2027-11
    """Type, order and shape of an array, read from its first bytes; `handle` stands at the numbers afterwards.

    Error: ValueError for what is no array, for Python objects, which only pickle could read, and for more than 4 GiB.
    Source: NEP 1, "A simple file format for NumPy arrays".
    """
    import ast

    if handle.read(6) != b"\x93NUMPY":
        raise ValueError(f"`{name}` is no array in numpy's format")
    version = handle.read(2)
    size = int.from_bytes(handle.read(2 if version[:1] == b"\x01" else 4), "little")
    if size > 65536:
        raise ValueError(f"the header of `{name}` is damaged")
    try:
        head = ast.literal_eval(handle.read(size).decode("latin-1"))
        kind, fortran, shape = head["descr"], bool(head["fortran_order"]), tuple(int(n) for n in head["shape"])
    except (SyntaxError, ValueError, KeyError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"the header of `{name}` is damaged") from None
    if not isinstance(kind, str) or "O" in kind:
        raise ValueError(f"`{name}` holds Python objects, which only pickle could read: save plain numbers")
    if any(n < 0 for n in shape) or math.prod(shape) * 8 > 2**35:
        raise ValueError(f"`{name}` has shape {list(shape)}, more than is read at once")
    return kind, fortran, shape


def npz_header(path: str, name: str) -> tuple[str, bool, tuple[int, ...]]:
    """Type, order and shape of one array of an .npz file; none of its numbers is read. Error: as `npz_raw`."""
    return npz_raw(path, name, 0)[0]


def npz_raw(path: str, name: str, most: int) -> tuple[tuple[str, bool, tuple[int, ...]], bytearray]:
    """The header of one array of an .npz file and at most so many bytes of its numbers. Error: as `npz_filled`."""
    raw = bytearray()
    return npz_filled(path, name, most, raw), raw


def npz_filled(path: str, name: str, most: int, raw: bytearray | DiskBytes) -> tuple[str, bool, tuple[int, ...]]:
    """The header of one array of an .npz file; at most so many bytes of its numbers are put behind `raw`, which is empty.

    Error: ValueError as `npy_header`, for an array that there is not, and for a damaged archive.
    """
    import struct
    import zipfile
    import zlib

    names = npz_names(path)
    if name not in names:
        raise ValueError(f"{path} has no array `{name}`; there are {', '.join(names) or 'none'}")
    try:
        with zipfile.ZipFile(data_file(path)) as archive, archive.open(f"{name}.npy") as handle:
            head = npy_header(handle, name)
            while len(raw) < most and (part := handle.read(min(most - len(raw), 1 << 22))):
                raw.extend(part)
            if len(raw) == most > 0:
                # The check of the whole array is made at its end.
                handle.read(1)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, OverflowError, RuntimeError, OSError) as error:
        raise ValueError(f"`{name}` of {path} is damaged: {error or 'it ends too early'}") from None
    return head


def npz_kind(path: str, name: str) -> tuple[str, bool, tuple[int, ...], int]:
    """Type, order, shape and number of bytes of one array of an .npz file. Error: ValueError for types that are no numbers."""
    kind, fortran, shape = npz_header(path, name)
    if kind[1:] not in ("u1", "i1", "b1", "i2", "i4", "i8", "f2", "f4", "f8") or kind[0] == ">":
        raise ValueError(f"`{name}` has the type {kind}; signed numbers, uint8, bool and floats are read")
    return kind, fortran, shape, math.prod(shape) * int(kind[2])


def npz_bytes(path: str, name: str, keep: str = "memory") -> tuple[str, bool, tuple[int, ...], bytearray | DiskBytes]:
    """Type, order, shape and raw numbers of one array of an .npz file, in memory or on the disk.

    Error: ValueError as `npz_filled` and `npz_kind`, and where bytes are missing.
    """
    kind, fortran, shape, wanted = npz_kind(path, name)
    raw = kept_bytes(wanted, keep)
    npz_filled(path, name, wanted, raw)
    if len(raw) != wanted:
        raise ValueError(f"`{name}` of {path} ends after {len(raw)} of {wanted} bytes")
    return kind, fortran, shape, raw


def npz_array(path: str, name: str, keep: str = "memory") -> Tensor:
    """One array of an .npz file, in its own type and shape, in memory or on the disk.

    Error: as `npz_bytes`; ValueError for an array stored column by column that is to lie on the disk.
    """
    types = {
        "u1": torch.uint8, "i1": torch.int8, "b1": torch.bool, "i2": torch.int16, "i4": torch.int32, "i8": torch.int64,
        "f2": torch.float16, "f4": torch.float32, "f8": torch.float64,
    }  # fmt: skip
    if keep == "disk" and npz_kind(path, name)[1] and len(npz_kind(path, name)[2]) > 1:
        raise ValueError(f"`{name}` is stored column by column: save `numpy.ascontiguousarray` of it, or leave out `keep = disk`")
    kind, fortran, shape, raw = npz_bytes(path, name, keep)
    flat = kept_tensor(raw, types[kind[1:]])
    if not fortran:
        return flat.reshape(shape)
    return flat.reshape(shape[::-1]).permute(*range(len(shape) - 1, -1, -1)).contiguous()


def npz_parts(names: list[str], column: str) -> list[str]:
    """The arrays that make a column: `x_train` and `x_test` where both are there, else `x` alone.

    Error: ValueError where neither is.
    """
    if f"{column}_train" in names and f"{column}_test" in names:
        return [f"{column}_train", f"{column}_test"]
    if column in names:
        return [column]
    raise ValueError(f"no array `{column}`, and no `{column}_train` with `{column}_test`; there are {', '.join(names) or 'none'}")


def file_rows(total: int, train: int, split: str = "all", subset: int | None = None, offset: int = 0, **_: Any) -> range:
    """Places of the rows asked for. `train` rows at the front make the train split; 0 takes 80 % of a shuffled order.

    Options that choose no rows are left out.

    Error: ValueError for another split and for rows that it does not have.
    """
    if not train:
        return rows_of_split(total, split, subset, offset)
    first, last = {"train": (0, train), "test": (train, total), "all": (0, total)}[split]
    end = last if subset is None else first + offset + subset
    if offset < 0 or not first + offset < end <= last:
        raise ValueError(f"rows {offset} to {end - first} asked of {split}, which has {last - first}")
    return range(first + offset, end)


def file_table(
    x: Tensor,
    labels: dict[str, tuple[Tensor, int]],
    train: int,
    scale: str,
    split: str = "all",
    subset: int | None = None,
    offset: int = 0,
    label_noise: float = 0.0,
    noise_seed: int = 0,
    keep: str = "memory",
) -> dict[str, Tensor]:
    """The rows asked for, as the columns of a table; `labels` has codes and number of classes of each target.

    Shapes: x [n, ...] float32; targets, y_clean, i and row [n] int64; is_noisy [n] bool. The first target has the noise, and
    `row` is where each row stands in the file, from 0.
    Error: ValueError for rows that there are not, for lengths that differ, for NaN, and for `unit` of what is no uint8.
    """
    total = len(x)
    for name, (codes, _) in labels.items():
        if len(codes) != total:
            raise ValueError(f"`{name}` has {len(codes)} rows and `x` has {total}")
    rows = file_rows(total, train, split, subset, offset)
    order = torch.arange(total) if train else shuffled(total)
    chosen = order[rows.start : rows.stop]
    if scale == "unit" and x.dtype != torch.uint8:
        raise ValueError(f"`scale = unit` divides bytes by 255, and `x` holds {x.dtype}".replace("torch.", ""))
    mean = spread = torch.ones(())
    if scale == "standard":
        rows_of_units = order[: train or total * 4 // 5]
        base = None if keep == "disk" else x[rows_of_units].float()
        mean, spread = disk_units(x, rows_of_units) if base is None else (base.mean(dim=0), base.std(dim=0, correction=0))
    picked = kept_empty((len(chosen), *x.shape[1:]), keep)
    for first in range(0, len(chosen), rows_at_once(x)):
        places = chosen[first : first + rows_at_once(x)]
        part = x[places].float()
        bad = part.reshape(len(part), -1).isfinite().logical_not().any(dim=1)
        if bool(bad.any()):
            raise ValueError(f"row {int(places[bad][0])} of `x` holds a number that is not finite")
        if scale == "unit":
            part = part / 255
        if scale == "standard":
            # A column that never changes in the train rows has no unit of its own.
            part = (part - mean) / torch.where(spread > 0, spread, torch.ones_like(spread))
        picked[first : first + len(part)] = part
    columns = {"x": picked, "i": torch.arange(len(chosen)), "row": chosen}
    for k, (name, (codes, classes)) in enumerate(labels.items()):
        clean = codes[chosen].long()
        if k == 0:
            columns[name], columns["is_noisy"] = noisy_labels(clean, classes, label_noise, noise_seed)
            columns["y_clean"] = clean
        else:
            columns[name] = clean
    return columns


def file_columns(shape: tuple[int, ...], byte: bool, scale: str, classes: dict[str, int]) -> dict[str, dict[str, Any]]:
    """What `file_table` will give: kind, shape, classes and range of each column, without reading a row."""
    found: dict[str, dict[str, Any]] = {"x": {"kind": "real", "shape": shape}, "i": {"kind": "index"}, "row": {"kind": "index"}}
    if byte and scale != "standard":
        found["x"]["range"] = (0.0, 1.0 if scale == "unit" else 255.0)
    for k, (name, size) in enumerate(classes.items()):
        found[name] = {"kind": "class", "size": size}
        if k == 0:
            found |= {"is_noisy": {"kind": "bool"}, "y_clean": {"kind": "class", "size": size}}
    return found
