"""The ball of absolute values, and maps and networks that stretch distances boundedly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gamespec.kernels.noise import Noise
from gamespec.kernels.reset import initialise
from gamespec.library.registry import words
from gamespec.library.sets.l1 import project_l1, start_l1_rows
from gamespec.library.sets.lipschitz import project_lipschitz, start_lipschitz_rows
from gamespec.library.sets.lipschitz_networks import (
    clip_weights,
    layer_gain,
    lipschitz_bound,
    spectral_norm_bound,
    spectral_projection,
)

CHAINS: list[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("linear", (6,), (), (), {}),
    ("mlp", (6,), (), (20, 20), {}),
    ("mlp", (6,), (3,), (20,), {"act": "maxout", "mean": (0.5,), "std": (0.25,)}),
    ("mlp", (6,), (3,), (20, 10), {"act": "gelu", "out": "tanh"}),
    ("mlp", (6,), (), (8,), {"act": "leaky_relu", "out": "sigmoid"}),
    ("small_cnn", (2, 8, 8), (3,), (), {"width": 4}),
    ("conv4", (1, 16, 16), (3,), (), {"width": 4, "norm": "none"}),
    ("dcgan_critic", (1, 16, 16), (), (), {"width": 4, "mean": (0.1,), "std": (0.5,)}),
]


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Repeatable normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def grown(word: str, *args: Any, **options: Any) -> nn.Module:
    """A network with weights three times the usual, in double."""
    net = words("networks")[word].build(*args, **options).double()
    initialise(net, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)
    return net


def stretch(net: nn.Module, source: tuple[int, ...]) -> float:
    """The largest singular value of the derivative at some points."""
    slopes = [torch.func.jacrev(lambda x: net(x.unsqueeze(0)).reshape(-1))(normal(k, *source)) for k in range(4)]
    return max(float(torch.linalg.matrix_norm(s.detach().reshape(len(s), -1), ord=2)) for s in slopes)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_l1_projection_takes_one_number_off_all(seed: int) -> None:
    """Outside the ball the result has norm 1 exactly, and coordinates that stay moved by the same number."""
    z = 3 * normal(seed, 3, 4)
    near = project_l1(z, 1.0)
    moved = (z - near).abs()[near != 0]

    assert near.abs().sum() == pytest.approx(1.0)
    assert moved.max() - moved.min() < 1e-12
    assert (near * z >= 0).all()


def test_l1_starts_fill_the_ball_evenly() -> None:
    """In three dimensions half of the draws lie within (1/2)^(1/3) of the radius, and each sign is as likely."""
    draws = start_l1_rows((4000, 3), 2.0, Noise(torch.tensor(0), torch.arange(4000)), torch.float64)
    length = draws.abs().sum(dim=1)

    assert length.max() <= 2
    assert float((length < 2 * 0.5 ** (1 / 3)).double().mean()) == pytest.approx(0.5, abs=0.03)
    assert draws.mean(dim=0).abs().max() < 0.05


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_nearest_map_has_the_singular_values_cut(seed: int) -> None:
    """Matrices keep their directions, lose what is too large, and no other member is nearer."""
    z, other = 2 * normal(seed, 3, 5), normal(seed + 1, 3, 5)
    near = project_lipschitz(z, 1.0)
    other = other / torch.linalg.matrix_norm(other, ord=2)

    assert torch.allclose(torch.linalg.svdvals(near), torch.linalg.svdvals(z).clamp(max=1), atol=1e-12)
    assert ((z - near) * (other - near)).sum() <= 1e-9
    assert torch.equal(project_lipschitz(other / 2, 1.0), other / 2)


def test_projection_of_a_map_has_the_derivative_of_central_differences() -> None:
    """Where singular values differ, autograd agrees with central differences."""
    z, along, h = 2 * normal(0, 3, 4), normal(1, 3, 4), 1e-6
    weights = normal(2, 3, 4)
    at = z.clone().requires_grad_()
    (grad,) = torch.autograd.grad((weights * project_lipschitz(at, 1.0)).sum(), at)
    ahead, behind = (float((weights * project_lipschitz(z + s * h * along, 1.0)).sum()) for s in (1, -1))

    assert float((grad * along).sum()) == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)


def test_random_maps_are_members() -> None:
    """Every row of a stack of random maps is in the set."""
    draws = start_lipschitz_rows((50, 3, 4), 0.7, Noise(torch.tensor(0), torch.arange(50)))

    assert torch.linalg.matrix_norm(draws, ord=2).max() <= 0.7


@pytest.mark.parametrize("shape", [(5, 5), (3, 40), (40, 3), (1, 7), (64, 64)])
def test_spectral_norm_bound_is_tight_from_above(shape: tuple[int, int]) -> None:
    """Never below the norm, never more than the promised share above it, whatever the scale; 0 for a zero matrix."""
    matrix, small = normal(0, *shape), min(shape)
    norm = float(torch.linalg.matrix_norm(matrix, ord=2))
    for scale in (1e-12, 1.0, 1e12):
        found = float(spectral_norm_bound(scale * matrix)) / scale

        assert norm * (1 - 1e-12) <= found <= norm * small ** (1 / 1024) * (1 + 1e-12)
    assert float(spectral_norm_bound(matrix.float())) == pytest.approx(norm, rel=2e-2)
    assert float(spectral_norm_bound(torch.eye(small))) == pytest.approx(small ** (1 / 1024), rel=1e-5)
    assert spectral_norm_bound(torch.zeros(shape)) == 0


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (4, 2, 1), (5, 3, 0), (1, 2, 0), (4, 1, 0)])
def test_gain_of_a_convolution_is_not_less_than_its_norm(kernel: int, stride: int, padding: int) -> None:
    """The norm of the convolution as one large matrix is at most the gain."""
    layer = nn.Conv2d(2, 3, kernel, stride, padding, bias=False).double()
    initialise(layer, torch.Generator().manual_seed(kernel))

    assert stretch(layer, (2, 9, 9)) <= float(torch.as_tensor(layer_gain(layer)).detach()) * (1 + 1e-9)


@pytest.mark.parametrize(("word", "source", "target", "widths", "options"), CHAINS)
def test_projected_networks_stretch_no_more_than_asked(
    word: str, source: tuple[int, ...], target: tuple[int, ...], widths: tuple[int, ...], options: dict[str, Any]
) -> None:
    """The bound holds before and after, is c after, derivatives keep to it, and a second projection changes nothing."""
    net = grown(word, source, target, *widths, **options)

    assert stretch(net, source) <= float(torch.as_tensor(lipschitz_bound(net)).detach()) * (1 + 1e-9)

    spectral_projection(net, 0.8)
    once = [p.clone() for p in net.parameters()]
    spectral_projection(net, 0.8)

    assert float(torch.as_tensor(lipschitz_bound(net)).detach()) <= 0.8 * (1 + 1e-9)
    assert stretch(net, source) <= 0.8 * (1 + 1e-9)
    assert all(torch.allclose(a, b, rtol=1e-12, atol=0) for a, b in zip(once, net.parameters(), strict=True))


def test_a_member_is_left_alone() -> None:
    """A network whose layers stretch less than their shares keeps its weights, to the bit."""
    net = grown("mlp", (6,), (), 8)
    before = [p.clone() for p in net.parameters()]
    spectral_projection(net, 1e6)

    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


@pytest.mark.parametrize(("word", "options"), [("preact_resnet18", {"width": 4}), ("small_resnet", {"width": 4}), ("conv4", {"width": 4})])
def test_networks_without_a_known_bound_are_refused(word: str, options: dict[str, Any]) -> None:
    """Batch normalisation and sums of paths have no bound, and nothing is changed."""
    net = grown(word, (1, 16, 16), (3,), **options)
    before = [p.clone() for p in net.parameters()]

    with pytest.raises(TypeError, match="no bound is known on how much"):
        spectral_projection(net, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_clipped_weights_lie_in_the_box() -> None:
    """All weights and biases end in -c..c, those inside stay, and a pending backward notices."""
    net = grown("mlp", (6,), (), 8)
    before = [p.clone() for p in net.parameters()]
    pending = net(normal(0, 4, 6)).sum()
    clip_weights(net, 0.1)

    assert all(torch.equal(p, b.clamp(-0.1, 0.1)) for p, b in zip(net.parameters(), before, strict=True))
    with pytest.raises(RuntimeError, match="inplace"):
        pending.backward()
