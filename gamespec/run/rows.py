"""Tables of one row in place of the data of a game: enough to build its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gamespec.ir.game import Game


def stand_ins(game: Game) -> dict[str, tuple[Tensor, ...]]:
    """One row of zeros for each data source, in the shapes and types of its fields."""
    found = {}
    for source in game.data:
        columns = []
        for f in source.fields:
            whole = f.type.kind in ("class", "index", "bool")
            shape = (*f.type.shape, f.type.size) if f.type.kind == "logits" else f.type.shape
            columns.append(torch.zeros(1, *shape, dtype=torch.long if whole else torch.get_default_dtype()))
        found[source.name] = tuple(columns)
    return found
