"""A .csv file with a header as a table: numbers stay, words become one 1 among zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.library.base import Source
from gamespec.library.data.files import data_file, file_columns, file_rows, file_table
from gamespec.library.data.records import RECORD, record_columns, record_kinds, record_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


def load_csv(
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
    Error: FileNotFoundError; ValueError naming the column or the row that does not fit.
    """
    x, labels = record_tensors(*csv_rows_of(path), targets, features, missing, keep)
    return file_table(x, labels, 0, scale, keep=keep, **rows)


def csv_rows_of(path: str) -> tuple[list[str], Callable[[], Iterator[list[str]]]]:
    """The header of a file, and what gives its rows from the first on, cells without blanks around them.

    Error: ValueError for a file that is empty or no text.
    """
    import csv

    place = data_file(path)

    def rows() -> Iterator[list[str]]:
        try:
            with open(place, encoding="utf-8-sig", newline="") as file:
                lines = csv.reader(file)
                next(lines, None)
                for row in lines:
                    if row:
                        yield [cell.strip() for cell in row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is no text of cells with commas: {error}") from None

    try:
        with open(place, encoding="utf-8-sig", newline="") as file:
            header = [cell.strip() for cell in next(csv.reader(file), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no text of cells with commas: {error}") from None
    if not header or len({*header}) < len(header):
        raise ValueError(f"{path} has no header, or one with a name twice")
    return header, rows


def csv_rows(path: str = "", features: tuple[str, ...] = (), missing: str = "keep", targets: tuple[str, ...] = ("y",), **rows: Any) -> int:
    """How many rows `load_csv` gives. Cost: one pass over the file. Error: as there."""
    return len(file_rows(record_kinds(*csv_rows_of(path), targets, features, missing)[2], 0, **rows))


def csv_columns(
    path: str = "", features: tuple[str, ...] = (), missing: str = "keep", scale: str = "none", targets: tuple[str, ...] = ("y",), **_: Any 
) -> dict[str, Any]:  # fmt: skip
    """The columns of `load_csv`. Cost: one pass over the file. Error: as there."""
    shape, classes = record_columns(record_kinds(*csv_rows_of(path), targets, features, missing))
    return file_columns(shape, False, scale, classes)


SOURCE = Source(
    word="csv",
    options=RECORD,
    columns={},
    columns_of=csv_columns,
    load=load_csv,
    rows=csv_rows,
    source="RFC 4180, Common format for comma-separated values",
)
