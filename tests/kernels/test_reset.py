"""Fresh parameters come from the generator alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gamespec.kernels.gradient import leaf
from gamespec.kernels.reset import initialise


def network() -> nn.Module:
    """A small network without values."""
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, 5), nn.LayerNorm(5))
    return net.to_empty(device="cpu")


def test_initialise_is_set_by_the_generator() -> None:
    """One seed, one network; another seed, another; the global generator is not touched."""
    nets, before = [network() for _ in range(3)], torch.get_rng_state()
    for net, seed in zip(nets, [1, 1, 2], strict=True):
        initialise(net, torch.Generator().manual_seed(seed))
    states = [net.state_dict() for net in nets]

    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0]["3.weight"], states[2]["3.weight"])
    assert torch.equal(torch.get_rng_state(), before)


def test_initialise_follows_the_default_law() -> None:
    """Weights and biases fill +-1/sqrt(fan_in); norms are the identity."""
    net = network()
    initialise(net, torch.Generator().manual_seed(0))
    state = net.state_dict()

    for name, fan_in in [("0", 27), ("3", 32)]:
        bound = fan_in**-0.5
        assert state[f"{name}.weight"].abs().max() <= bound
        assert state[f"{name}.weight"].abs().max() > 0.9 * bound
        assert state[f"{name}.bias"].abs().max() <= bound
    assert torch.equal(state["1.weight"], torch.ones(8))
    assert torch.equal(state["1.running_var"], torch.ones(8))
    assert torch.equal(state["4.bias"], torch.zeros(5))


def test_initialise_refuses_a_layer_that_it_does_not_know() -> None:
    """An unknown layer with parameters is an error and never left without values."""
    with pytest.raises(TypeError, match="Embedding has parameters"):
        initialise(nn.Sequential(nn.Embedding(3, 2)), torch.Generator())


def test_leaf_is_cut_from_its_past() -> None:
    """A leaf has the values, wants gradients, and has no history."""
    x = leaf(torch.ones(2, requires_grad=True) * 3)

    assert x.is_leaf
    assert x.requires_grad
    assert x.tolist() == [3.0, 3.0]
