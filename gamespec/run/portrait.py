"""Many starts of a small game at once."""

from __future__ import annotations

import torch
from torch import Tensor

from gamespec.run import link
from gamespec.run.contract import Checked, Compiled
from gamespec.run.execute import Request, prepare


def portrait(checked: Checked, compiled: Compiled, starts: Tensor, steps: int | None, every: int | None) -> Tensor:
    """Where the players stand after every `every` steps. Shapes: starts is [n, numbers], the result [1 + steps / every, n, numbers].

    Raises GameError for starts of another shape, and for games whose players keep copies of themselves.
    """
    module = prepare(checked, compiled, Request(command="portrait"))[0].module
    place = link.span(checked, "node:main")
    play = getattr(module, "portrait", None)
    if play is None:
        raise link.refusal("GE292", "a player keeps copies of itself, so one start is no point", place, hint="use another method than `k_beam`")
    numbers = len(module.point(module.start()))
    if starts.dim() != 2 or starts.shape[1] != numbers:
        shape = ", ".join(map(str, starts.shape))
        raise link.refusal("GE701", f"starts are [n, {numbers}], and [{shape}] was given", place, hint="one row for each start")
    found: Tensor = play(starts.to(torch.float64), module.STEPS if steps is None else steps, every)
    return found
