"""Train and eval mode: who is in which while somebody moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def playing(moving: list[nn.Module], still: list[nn.Module]) -> Iterator[None]:
    """Inside, networks that move are in train mode and all others in eval mode; afterwards every layer is as it was.

    Batch statistics and dropout act, and running statistics change, only in the network whose player moves.
    """
    before = [(layer, layer.training) for net in (*moving, *still) for layer in net.modules()]
    for net in moving:
        net.train()
    for net in still:
        net.eval()
    try:
        yield
    finally:
        for layer, training in before:
            layer.training = training
