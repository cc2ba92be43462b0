"""Many starts of a small game at once."""

from __future__ import annotations

import torch
from torch import Tensor

from gamespec.run import link
from gamespec.run.contract import Checked, Compiled
from gamespec.run.execute import Request, prepare
from gamespec.run.starts import player


def portrait(checked: Checked, compiled: Compiled, starts: Tensor, steps: int | None, every: int | None) -> Tensor:
    """Where the players stand after every `every` steps. Shapes: starts is [n, numbers], the result [1 + steps / every, n, numbers].

    Raises GameError for starts of another shape, and for games whose players keep copies of themselves.
    """
    module = prepare(checked, compiled, Request(command="portrait"))[0].module
    play = player(checked, compiled, module)
    numbers = len(module.point(module.start()))
    if starts.dim() != 2 or starts.shape[1] != numbers:
        shape, place = ", ".join(map(str, starts.shape)), link.span(checked, "node:main")
        raise link.refusal("GE701", f"starts are [n, {numbers}], and [{shape}] was given", place, hint="one row for each start")
    return play(starts.to(torch.float64), module.STEPS if steps is None else steps, every)
