"""Many starts of a small game: which programs play them, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gamespec.run import link
from gamespec.run.contract import Checked, Compiled

SETTLED, PLACES = "starts that settle", "places where they do"
"""What a run from many starts adds to the metrics: a share, and a number."""

_STILL = 1e-6
"""A start has settled whose last tenth of steps led no further than this, to the size of the point."""

_SAME = 1e-3
"""Places no further apart than this, to the size of the point, are one."""


def player(checked: Checked, compiled: Compiled, module: Any) -> Callable[..., Tensor]:  # noqa: ANN401  # a program; until 2027-11
    """The function of a program that plays many starts. Raises GameError with the reason where there is none."""
    play: Callable[..., Tensor] | None = getattr(module, "portrait", None)
    if play is not None:
        return play
    place, why = link.span(checked, "node:main"), compiled.program.why
    if why:
        hint = "leave the starts out, or play on plain numbers"
        raise link.refusal("GE292", f"many starts are played on plain numbers, and this game is not: {why}", place, hint=hint)
    raise link.refusal("GE292", "a player keeps copies of itself, so one start is no point", place, hint="use another method than `k_beam`")


def settled(module: Any, count: int, steps: int, seed: int) -> dict[str, float]:  # noqa: ANN401  # a program; until 2027-11
    """From `count` random starts: the share that comes to rest, and at how many places."""
    path = module.portrait(module.scattered(count, seed), steps, max(steps // 10, 1))  # [points, count, numbers]
    before, end = path[-2], path[-1]
    size = 1 + end.abs().amax(1)
    still = torch.isfinite(end).all(1) & ((end - before).abs().amax(1) <= _STILL * size)
    rest, places = end[still], 0
    while len(rest):
        places += 1
        rest = rest[(rest - rest[0]).abs().amax(1) > _SAME * (1 + float(rest[0].abs().amax()))]
    return {SETTLED: float(still.double().mean()), PLACES: float(places)}
