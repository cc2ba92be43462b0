"""Gradients of lists of tensors, and lists of tensors as one vector."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def leaf(x: Tensor) -> Tensor:
    """The same values as a fresh point to differentiate at, cut from what made them."""
    return x.detach().requires_grad_()


def gradient_at(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of the sum of f at x, itself differentiable in x and in all that f closes over.

    Shapes: f gives one number, or one for each row of x; the result has the shape of x. Rows must not meet in f.
    """
    if not x.requires_grad and torch._C._are_functorch_transforms_active():  # no public name asks this
        return torch.func.grad(lambda at: f(at).sum())(x)  # inside a transform no tensor may become a leaf
    with torch.enable_grad():
        at = x if x.requires_grad else leaf(x)
        total = f(at).sum()
        if not total.requires_grad:
            return torch.zeros_like(at)
        return torch.autograd.grad(total, at, create_graph=True, materialize_grads=True)[0]


def gradients(
    values: list[Tensor],
    points: list[Tensor],
    weights: list[Tensor] | None = None,
    *,
    keep: bool = False,
    graph: bool = False,
) -> list[Tensor]:
    """Gradient of the sum of values, each times its weight, in every point; zero where nothing depends on it.

    `keep` leaves the graph of the values for a second call; `graph` makes the result differentiable.
    Shapes: a value is 0-d, or has a weight of its shape; results have the shapes of the points.
    """
    live = [j for j, v in enumerate(values) if v.requires_grad]
    if not live:
        return [torch.zeros_like(p) for p in points]
    found = torch.autograd.grad(
        [values[j] for j in live],
        points,
        None if weights is None else [weights[j] for j in live],
        retain_graph=keep or graph,
        create_graph=graph,
        materialize_grads=True,
    )
    return list(found)


def shares(value: Tensor, points: list[Tensor], parts: tuple[int, ...]) -> list[tuple[Tensor, slice]]:
    """Each leader's value, and where its own points stand in the list of all: `parts` says how many it has.

    Without parts there is one leader, of a 0-d value; with them value is [leaders].
    """
    if not parts:
        return [(value, slice(0, len(points)))]
    ends = [sum(parts[: k + 1]) for k in range(len(parts))]
    return [(v, slice(end - size, end)) for v, end, size in zip(value.unbind(), ends, parts, strict=True)]


def flatten_list(tensors: list[Tensor]) -> Tensor:
    """All numbers of the tensors as one vector."""
    return torch.cat([t.reshape(-1) for t in tensors])


def unflatten_list(vector: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    """The parts of a vector in the shapes of the tensors: the inverse of `flatten_list`."""
    parts = torch.split(vector, [t.numel() for t in tensors])
    return [part.view_as(t) for part, t in zip(parts, tensors, strict=True)]
