"""A .parquet file as a table, read by pyarrow: numbers stay, words become one 1 among zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.library.base import Source
from gamespec.library.data.files import data_file, file_columns, file_rows, file_table
from gamespec.library.data.records import RECORD, record_columns, record_kinds, record_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


def load_parquet(
    path: str = "",
    features: tuple[str, ...] = (),
    missing: str = "keep",
    scale: str = "none",
    targets: tuple[str, ...] = ("y",),
    keep: str = "memory",
    **rows: Any,
) -> dict[str, Tensor]:
    """All columns but the targets, or those of `features`, as `x`; the words of a target are its classes, in order.

    Shapes: x [n, width] float32; targets, y_clean and i [n] int64; is_noisy [n] bool.
    Error: FileNotFoundError; ModuleNotFoundError without pyarrow; ValueError naming the column or row that does not fit.
    """
    x, labels = record_tensors(*parquet_rows_of(path), targets, features, missing, keep)
    return file_table(x, labels, 0, scale, keep=keep, **rows)


def parquet_rows_of(path: str) -> tuple[list[str], Callable[[], Iterator[list[str]]]]:
    """The names of the columns, and what gives the rows from the first on, a thousand read at a time; None is empty.

    Error: ModuleNotFoundError where pyarrow is missing; ValueError for another format.
    """
    from pyarrow import ArrowInvalid, parquet

    place = data_file(path)
    try:
        header = list(parquet.ParquetFile(place).schema_arrow.names)
    except ArrowInvalid as error:
        raise ValueError(f"{path} is no parquet file: {error}") from None

    def rows() -> Iterator[list[str]]:
        for batch in parquet.ParquetFile(place).iter_batches(1024):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield ["" if cell is None else str(cell) for cell in row]

    return header, rows


def parquet_rows(path: str = "", features: tuple[str, ...] = (), missing: str = "keep", targets: tuple[str, ...] = ("y",), **rows: Any) -> int:
    """How many rows `load_parquet` gives. Cost: one pass over the file. Error: as there."""
    return len(file_rows(record_kinds(*parquet_rows_of(path), targets, features, missing)[2], 0, **rows))


def parquet_columns(
    path: str = "", features: tuple[str, ...] = (), missing: str = "keep", scale: str = "none", targets: tuple[str, ...] = ("y",), **_: Any 
) -> dict[str, Any]:  # fmt: skip
    """The columns of `load_parquet`. Cost: one pass over the file. Error: as there."""
    shape, classes = record_columns(record_kinds(*parquet_rows_of(path), targets, features, missing))
    return file_columns(shape, False, scale, classes)


SOURCE = Source(
    word="parquet",
    options=RECORD,
    columns={},
    columns_of=parquet_columns,
    load=load_parquet,
    rows=parquet_rows,
    source="Apache Parquet, File format",
)
