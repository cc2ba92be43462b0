"""Minibatches without replacement."""

from __future__ import annotations

import torch
from torch import Tensor


class Sampler:
    """Row numbers of shuffled minibatches; the last one of an epoch may be short, and every row is seen once an epoch.

    `batch` 0 means all rows, in order.
    """

    def __init__(self, rows: int, batch: int, rng: torch.Generator) -> None:
        self.rows, self.batch, self.rng = rows, min(batch, rows) if batch else 0, rng
        self.order = torch.empty(0, dtype=torch.int64)
        self.at = rows
        self.epoch = -1

    def next(self) -> Tensor | slice:
        """The rows of the next minibatch, [b] int64; a slice of everything when the batch is the whole table."""
        if not self.batch:
            self.epoch += 1
            return slice(None)
        if self.at >= self.rows:
            self.order = torch.randperm(self.rows, generator=self.rng)
            self.at = 0
            self.epoch += 1
        self.at += self.batch
        return self.order[self.at - self.batch : self.at]

    def visits(self) -> Tensor:
        """A number for each row of the last minibatch, another one in each epoch: epoch * rows + row, [b] int64."""
        rows = self.order[self.at - self.batch : self.at] if self.batch else torch.arange(self.rows)
        return self.epoch * self.rows + rows


def sets_of(columns: tuple[Tensor, ...], size: int, most: int) -> tuple[Tensor, ...]:
    """The rows of a table in order, as sets of `size` rows, `most` rows in all but one set at least.

    Shapes: a column [n, ...] becomes [sets, size, ...]; rows that fill no set are left out.
    """
    count = max(1, min(len(columns[0]), most) // size)
    return tuple(t[: count * size].view(count, size, *t.shape[1:]) for t in columns)
