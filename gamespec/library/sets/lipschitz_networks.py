"""Networks that stretch no distance more than c times: a bound on how much one does, and two ways to make it less.

There is no nearest such network to be had. A chain of layers stretches at most as much as its layers one after the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


def spectral_norm_bound(matrix: Tensor, squarings: int = 8) -> Tensor:
    """A number at least the largest singular value and at most k^(1 / 2^(squarings + 2)) times that, k the smaller side.

    That is 0.6 % too much for k = 512. No start is drawn and nothing is kept, unlike in power iteration, which finds
    too little. The powers are kept at size 1 and their logarithm beside them.
    Shapes: matrix is [m, n]; the result is 0-d.
    Error: rounding may take the bound below the norm by some units in the last place.
    Cost: squarings + 1 products of k x k matrices, and one of k x max(m, n).
    Source: Delattre et al. 2023, theorem 1.
    """
    small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT                         # [k, max(m, n)]
    power, level = small @ small.mT, torch.zeros_like(matrix.sum())                             # [k, k], 0-d
    least = torch.finfo(matrix.dtype).tiny
    for _ in range(squarings):
        size = torch.clamp(torch.linalg.vector_norm(power), min=least)
        power, level = (power / size) @ (power / size), 2 * (level + torch.log(size))
    size = torch.linalg.vector_norm(power)
    root = torch.exp((level + torch.log(torch.clamp(size, min=least))) / 2 ** (squarings + 1))
    return torch.where(size > 0, root, 0.0)


def layer_gain(layer: nn.Module) -> Tensor | float:
    """A number at least as large as what a layer stretches distances by; a tensor where it depends on weights.

    A convolution is a matrix over patches, and a number of the input lies in ceil(kernel / stride) of them in each direction.
    Shapes: the result is 0-d.
    Error: TypeError for a layer of which nothing is known, such as a normalisation, which divides by what it sees.
    Source: Gouk et al. 2021, section 3; Tsuzuku et al. 2018, theorem 1 and appendix D.
    """
    name, flat = type(layer).__name__, (torch.nn.ReLU, torch.nn.Tanh, torch.nn.Sigmoid, torch.nn.Softplus, torch.nn.CELU)
    match layer:
        case torch.nn.Linear():
            return spectral_norm_bound(layer.weight)
        case torch.nn.Conv1d() | torch.nn.Conv2d() | torch.nn.Conv3d() if set(layer.dilation) == {1} and layer.padding_mode == "zeros":
            overlap = [-(-k // s) for k, s in zip(layer.kernel_size, layer.stride, strict=True)]
            return math.sqrt(math.prod(overlap)) * spectral_norm_bound(layer.weight.flatten(1))
        case torch.nn.LeakyReLU():
            return max(1.0, abs(layer.negative_slope))
        case torch.nn.GELU():
            return 1.13
        case torch.nn.MaxPool2d() if layer.stride == layer.kernel_size and layer.padding == 0:
            return 1.0
        case torch.nn.AdaptiveAvgPool2d() if layer.output_size in (1, (1, 1)):
            return 1.0
    if isinstance(layer, (*flat, torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten)):
        return 1.0
    if isinstance(getattr(layer, "gain", None), float):
        return float(getattr(layer, "gain", 1.0))
    raise TypeError(f"no bound is known on how much {name} stretches distances")


def layers_in_order(net: nn.Module) -> list[nn.Module]:
    """The layers of a network one after the other, chains within chains opened."""
    if not isinstance(net, torch.nn.Sequential):
        return [net]
    return [layer for part in net for layer in layers_in_order(part)]


def lipschitz_bound(net: nn.Module) -> Tensor | float:
    """A number at least as large as what a chain of layers stretches distances by: the product of those of its layers.

    Shapes: the result is 0-d; gradients flow through it.
    Error: TypeError for a layer of which nothing is known.
    Source: Szegedy et al. 2014, section 4.3.
    """
    return math.prod((layer_gain(layer) for layer in layers_in_order(net)), start=1.0)


def spectral_projection(net: nn.Module, c: float) -> None:
    """Scale down, in place, the layers of a chain that stretch more than their share, so that it stretches c times at most.

    Each of the k layers with weights has the share (c / the gain of the others)^(1 / k); a layer that stretches less is
    left alone, and so are biases. A second call changes nothing but rounding.
    Error: TypeError for a layer of which nothing is known.
    Source: Gouk et al. 2021, algorithm 1.
    """
    with torch.no_grad():
        gains = [(layer, layer_gain(layer)) for layer in layers_in_order(net)]
        weighted = [(layer, gain) for layer, gain in gains if isinstance(gain, torch.Tensor)]
        fixed = math.prod(gain for _, gain in gains if isinstance(gain, float))
        share = (c / fixed) ** (1 / max(len(weighted), 1))
        for layer, gain in weighted:
            layer.get_parameter("weight").mul_(share / torch.clamp(gain, min=share))


def clip_weights(net: nn.Module, clip: float) -> None:
    """Put every weight and bias of a network into -clip..clip, in place.

    The network then stretches distances by no more than a number that grows with its widths; it is rarely 1.
    Source: Arjovsky, Chintala and Bottou 2017, algorithm 1.
    """
    with torch.no_grad():
        for p in net.parameters():
            p.clamp_(-clip, clip)
