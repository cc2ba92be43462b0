"""Whether a run runs away: how far its objectives and its networks have grown, and whether they still do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from gamespec.run.contract import State

LONGER, LARGER = 1e3, 1e6
"""How many times as long as at the start a network's weights are, and how many times as large an objective, that ran away."""

STILL = 1.5
"""What grew by this factor since the middle of the run is still growing: along a line it would be 2."""


def lengths(state: State) -> dict[str, float]:
    """The length of all parameters of each network in a state. Cost: one pass over them."""
    nets = {name: tuple(value.parameters()) for name, value in vars(state).items() if isinstance(value, nn.Module)}
    return {name: _length([p.detach() for p in own]) for name, own in nets.items() if own}


def _length(parts: list[torch.Tensor]) -> float:
    return float(torch.stack([t.double() for t in torch._foreach_norm(parts)]).norm())


def longer(start: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """The networks that are far longer than at the start, with how many times as long."""
    times = {name: size / max(start[name], 1.0) for name, size in now.items() if name in start}
    return {name: by for name, by in times.items() if by > LONGER}


def runaway(start: Mapping[str, float], history: Sequence[Mapping[str, Any]]) -> str:
    """What has run away and still does, in words; "" where nothing does, or where reports are too few to tell."""
    if len(history) < 4:
        return ""
    first, middle, last = history[0], history[len(history) // 2], history[-1]
    for name, times in longer(start, last.get("@length", {})).items():
        if last["@length"][name] >= STILL * middle.get("@length", {}).get(name, math.inf):
            return f"the weights of `{name}` are {times:.1e} times as long as at the start, and still grow"
    for name, value in last["losses"].items():
        far = LARGER * max(1.0, abs(first["losses"].get(name, math.inf)))
        if abs(value) > far and abs(value) >= STILL * abs(middle["losses"].get(name, math.inf)):
            return f"the objective of {name} went from {first['losses'][name]:.3g} to {value:.3g}, and still grows"
    return ""
