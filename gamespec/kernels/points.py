"""Lists of tensors as points: copies, sums, steps of a rule from one point to another."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


def copied(tensors: list[Tensor]) -> list[Tensor]:
    """The same values in tensors of their own, which nobody differentiates."""
    return [t.detach().clone() for t in tensors]


def combined(*terms: tuple[float, list[Tensor]]) -> list[Tensor]:
    """The sum of factor * tensors over the terms, from left to right. Shapes: all lists have the same."""
    with torch.no_grad():
        factor, first = terms[0]
        total = [factor * t for t in first]
        for factor, tensors in terms[1:]:
            total = [a + factor * t for a, t in zip(total, tensors, strict=True)]
    return total


def blended(kept: list[Tensor], new: list[Tensor], weight: float) -> list[Tensor]:
    """What was kept, moved towards the new by this share of the way. Shapes: both lists have the same."""
    return [k + weight * (n - k) for k, n in zip(kept, new, strict=True)]


def stepped(rule: Any, start: list[Tensor], grads: list[Tensor], scale: float | None = None) -> list[Tensor]:  # noqa: ANN401  # any step rule; until 2027-11
    """Where `scale` times the step of a rule leads from a start, which stays where it is.

    The rule learns of the gradients as in any step: a look ahead counts.
    """
    moved = copied(start)
    rule.update(moved, grads)
    if scale is None:
        return moved
    return [s.detach() + scale * (m - s.detach()) for s, m in zip(start, moved, strict=True)]


def put(tensors: list[Tensor], values: list[Tensor]) -> None:
    """Give the tensors these values, in place. Shapes: both lists have the same."""
    with torch.no_grad():
        for t, value in zip(tensors, values, strict=True):
            t.copy_(value)


def parted(tensors: list[Tensor], sizes: list[int]) -> list[list[Tensor]]:
    """A list cut into lists of these lengths."""
    found, begin = [], 0
    for size in sizes:
        found.append(list(tensors[begin : begin + size]))
        begin += size
    return found


def view(s: Any, **changed: object) -> Any:  # noqa: ANN401  # the state of any program; until 2027-11
    """A copy of a state that shares everything but what is changed."""
    seen = copy.copy(s)
    for name, value in changed.items():
        setattr(seen, name, value)
    return seen


def with_weights(net: nn.Module, weights: list[Tensor]) -> nn.Module:
    """A copy of a network with these values for the parameters that are not frozen, in their order."""
    seen = copy.deepcopy(net)
    put([p for p in seen.parameters() if p.requires_grad], weights)
    return seen
