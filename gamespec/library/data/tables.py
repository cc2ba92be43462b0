"""What the finite sources share: a file of scikit-learn, a split, a slice of rows, noise on labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.lazy import torch
from gamespec.library.base import Option

if TYPE_CHECKING:
    from torch import Tensor

MOVES = (Option("pad", int, 0), Option("flip", bool, False))
"""How far images of a minibatch are shifted, in pixels, and whether half of them are mirrored; the table itself stays."""

TABLE = (
    Option("split", str, "all", words=("train", "test", "all")),
    Option("subset", int, None),
    Option("offset", int, 0),
    Option("label_noise", float, 0.0),
    Option("noise_seed", int, 0),
    Option("targets", tuple, ("y",)),
    *MOVES,
)
"""The options of a table that ships inside scikit-learn."""


def read_sklearn_table(name: str, header: int) -> Tensor:
    """A comma-separated table of numbers that ships inside scikit-learn, which is found but not imported.

    Shapes: [rows, columns], float64, after `header` lines.
    Error: RuntimeError where scikit-learn is not installed.
    """
    import gzip
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{name} is read from the package scikit-learn, which is missing: pip install scikit-learn")
    packed = Path(spec.origin).parent.joinpath("datasets", "data", name).read_bytes()
    text = (gzip.decompress(packed) if name.endswith(".gz") else packed).decode()
    lines = text.split()[header:]
    values = torch.tensor(list(map(float, ",".join(lines).split(","))), dtype=torch.float64)
    return values.reshape(len(lines), -1)


def rows_of_split(total: int, split: str, subset: int | None, offset: int) -> range:
    """Places, in the shuffled order, of `subset` rows of a split from `offset` on; None takes the rest.

    The first 80 % are train, the others test, and all is both.
    Error: ValueError for another split, and for rows that the split does not have.
    """
    cut = total * 4 // 5
    bounds = {"train": (0, cut), "test": (cut, total), "all": (0, total)}
    if split not in bounds:
        raise ValueError(f"split is {split!r}; it can be train, test or all")
    first, last = bounds[split]
    end = last if subset is None else first + offset + subset
    if offset < 0 or not first + offset < end <= last:
        raise ValueError(f"rows {offset} to {end - first} asked of {split}, which has {last - first}")
    return range(first + offset, end)


def shuffled(total: int) -> Tensor:
    """The order that splits are cut from: the same permutation always."""
    return torch.randperm(total, generator=torch.Generator().manual_seed(2))


def in_train_units(table: Tensor) -> Tensor:
    """Columns less their mean and in units of their spread, both of the train rows, so that nothing of the test leaks.

    Shapes: the table has all rows in the shuffled order, [n, d]; the result is float32.
    """
    train = table[: len(table) * 4 // 5]
    return ((table - train.mean(dim=0)) / train.std(dim=0, correction=0)).float()


def noisy_labels(y: Tensor, classes: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Labels with round(share * n) of them replaced by a uniformly drawn other class, and a mark where.

    Shapes: y and both results are [n]; the mark is bool.
    Error: ValueError for a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"label_noise is {share}; it is a share of the rows, 0 to 1")
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(y), generator=rng)[: round(share * len(y))]
    step = torch.randint(1, classes, (len(chosen),), generator=rng)
    noisy, marked = y.clone(), torch.zeros(len(y), dtype=torch.bool)
    noisy[chosen] = (y[chosen] + step) % classes
    marked[chosen] = True
    return noisy, marked


def check_targets(targets: tuple[str, ...], columns: dict[str, Tensor]) -> None:
    """Raise ValueError where a target is no column with classes."""
    offered = [name for name, column in columns.items() if column.dtype == torch.int64 and name != "i"]
    for name in targets:
        if name not in offered:
            raise ValueError(f"target {name!r} is no column with classes; there are {', '.join(offered)}")
