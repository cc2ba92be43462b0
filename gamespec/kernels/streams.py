"""Named random streams and fresh networks: all randomness of a program comes from here."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gamespec.kernels.reset import initialise


def stream(seed: int, number: int, device: str) -> torch.Generator:
    """The random stream with this number, 0..4095, under a seed, apart from every other stream."""
    return torch.Generator(device).manual_seed(seed * 4096 + number)


def fresh(make: Callable[[], nn.Module], rng: torch.Generator, device: str, dtype: torch.dtype) -> nn.Module:
    """The network that `make` gives, with parameters drawn from `rng` and nothing from torch's global generator."""
    with torch.device("meta"):
        net = make()
    net = net.to(dtype).to_empty(device=device)
    initialise(net, rng)
    return net
