"""A network at explicit parameters, and sizes of parameter lists."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def apply_at(net: nn.Module, params: list[Tensor], *inputs: Tensor) -> Tensor:
    """The network with `params` in place of its own that are not frozen, in their order; its own are untouched."""
    names = [name for name, own in net.named_parameters() if own.requires_grad]
    return torch.func.functional_call(net, dict(zip(names, params, strict=True)), inputs)


def trainable(net: nn.Module) -> list[Tensor]:
    """The parameters of a network that its owner did not freeze."""
    return [p for p in net.parameters() if p.requires_grad]


def sum_of_squares(tensors: list[Tensor]) -> Tensor:
    """The square of the Euclidean norm of a list of tensors, smooth at zero."""
    return torch.stack([(t * t).sum() for t in tensors]).sum()


def rows_norm(x: Tensor, order: float) -> Tensor:
    """One norm per sample over all its dimensions. Shapes: x is [b, ...], the result is [b]."""
    return torch.linalg.vector_norm(x.flatten(1), ord=order, dim=1)


def unit_rows(x: Tensor) -> Tensor:
    """Every sample divided by its Euclidean norm; a sample that is zero stays zero. Shapes: x is [b, ...]."""
    size = torch.linalg.vector_norm(x.flatten(1), dim=1).clamp(min=torch.finfo(x.dtype).tiny)      # [b]
    return x / size.view(-1, *[1] * (x.dim() - 1))


def margin(z: Tensor, y: Tensor) -> Tensor:
    """Largest wrong logit minus the right one: positive where the class is missed. Shapes: z is [b, k], y [b]."""
    right = z.gather(1, y[:, None])                                                             # [b, 1]
    wrong = z.scatter(1, y[:, None], -torch.inf).amax(dim=1)                                    # [b]
    return wrong - right[:, 0]


def margin_of(z: Tensor, j: Tensor, y: Tensor) -> Tensor:
    """Logit j minus logit y. Shapes: z is [b, k], j and y are [b]."""
    return (z.gather(1, j[:, None]) - z.gather(1, y[:, None]))[:, 0]


def others(y: Tensor, count: int) -> Tensor:
    """Every class but the sample's own. Shapes: y is [b], the result is [count - 1, b]."""
    k = torch.arange(count - 1, device=y.device)[:, None]                                       # [count - 1, 1]
    return k + (k >= y[None, :])
