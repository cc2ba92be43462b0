"""Fresh parameters for a network, drawn from a generator."""

from __future__ import annotations

import math

import torch
from torch import nn


def initialise(net: nn.Module, rng: torch.Generator) -> None:
    """Draw every weight and bias anew, uniformly in +-1/sqrt(fan_in), torch's default law; reset norms to identity.

    Drawn on the device of the generator and copied, so a seed gives the same network on every device.
    Error: TypeError for a layer with parameters whose law is not known here.
    Source: LeCun et al. 1998, section 4.6, as in torch.nn.Linear and torch.nn.Conv2d.
    """
    dense = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)
    for layer in net.modules():
        if isinstance(layer, dense):
            bound = 1 / math.sqrt(max(layer.weight[0].numel(), 1))
            for p in layer.parameters(recurse=False):
                draw = torch.empty(p.shape, dtype=p.dtype, device=rng.device)
                p.detach().copy_(draw.uniform_(-bound, bound, generator=rng))
        elif isinstance(layer, norms):
            layer.reset_parameters()
        elif next(layer.parameters(recurse=False), None) is not None:
            raise TypeError(f"{type(layer).__name__} has parameters, and how to draw them is not known")
