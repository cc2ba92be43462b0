"""A network at explicit parameters, and sizes of parameter lists."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gamespec.kernels.gradient import unflatten_list


def apply_at(net: nn.Module, params: list[Tensor], *inputs: Tensor) -> Tensor:
    """The network with `params` in place of its own that are not frozen, in their order; its own are untouched.

    In train mode its statistics move, in copies: what was computed at earlier statistics can still be differentiated.
    """
    # What torch.func.functional_call does, without its book-keeping, which costs more than a small network.
    layers = layers_of(net)
    own = [(layer._parameters, name, p) for layer in layers for name, p in layer._parameters.items() if p is not None and p.requires_grad]
    given = dict(zip(dict.fromkeys(id(p) for _, _, p in own), params, strict=True))
    moving = [(layer._buffers, name, b) for layer in layers if net.training for name, b in layer._buffers.items() if b is not None]
    copies = {id(b): b.clone() for _, _, b in moving}
    try:
        for kept, name, p in own:
            kept[name] = given[id(p)]  # type: ignore[assignment]  # a tensor in the place of a parameter; until 2027-11
        for buffers, name, b in moving:
            buffers[name] = copies[id(b)]
        found: Tensor = net(*inputs)
    finally:
        for kept, name, p in own:
            kept[name] = p
        for buffers, name, b in moving:
            buffers[name] = b
    if moving:
        with torch.no_grad():
            for b in {id(b): b for _, _, b in moving}.values():
                b.copy_(copies[id(b)])
    return found


def layers_of(net: nn.Module) -> list[nn.Module]:
    """The module and every one inside it, in the order of `net.modules()`, a shared one as often as it stands there."""
    found = [net]
    for inside in net._modules.values():
        if inside is not None:
            found += layers_of(inside)
    return found


def apply_vector(net: nn.Module, vector: Tensor, *inputs: Tensor) -> Tensor:
    """The network at parameters that stand one after the other in a vector, in place of those that are not frozen."""
    return apply_at(net, unflatten_list(vector, trainable(net)), *inputs)


def trainable(net: nn.Module) -> list[Tensor]:
    """The parameters of a network that its owner did not freeze."""
    return [p for p in net.parameters() if p.requires_grad]


def sum_of_squares(tensors: list[Tensor]) -> Tensor:
    """The square of the Euclidean norm of a list of tensors, smooth at zero."""
    total = (tensors[0] * tensors[0]).sum()
    for t in tensors[1:]:
        total = total + (t * t).sum()  # one after the other: a stack would take more operations, and more again in its derivatives
    return total


def rows_norm(x: Tensor, order: float) -> Tensor:
    """One norm per sample over all its dimensions. Shapes: x is [b, ...], the result is [b]."""
    return torch.linalg.vector_norm(x.flatten(1), ord=order, dim=1)


def unit_rows(x: Tensor) -> Tensor:
    """Every sample divided by its Euclidean norm; a sample that is zero stays zero. Shapes: x is [b, ...]."""
    size = torch.linalg.vector_norm(x.flatten(1), dim=1).clamp(min=torch.finfo(x.dtype).tiny)  # [b]
    return x / size.view(-1, *[1] * (x.dim() - 1))


def labelled(z: Tensor, y: Tensor | int) -> tuple[Tensor, Tensor]:
    """Scores and labels with one row for each: a class or scores that all samples share are repeated.

    Shapes: z is [b, k] or [k], y is [b], 0-d or a number; the results are [b, k] and [b, 1], without b where neither has it.
    """
    label = torch.as_tensor(y, device=z.device)
    scores, label = torch.broadcast_tensors(z, label.unsqueeze(-1))  # type: ignore[no-untyped-call]  # torch has no annotation; until 2027-06
    return scores, label[..., :1]


def margin(z: Tensor, y: Tensor | int) -> Tensor:
    """Largest wrong logit minus the right one: positive where the class is missed. Shapes: as `labelled`; the result is [b]."""
    scores, label = labelled(z, y)
    right = scores.gather(-1, label)  # [b, 1]
    wrong = scores.scatter(-1, label, -torch.inf).amax(dim=-1)  # [b]
    return wrong - right.squeeze(-1)


def margin_of(z: Tensor, j: Tensor | int, y: Tensor | int) -> Tensor:
    """Logit j minus logit y. Shapes: z is as for `margin`, and so are j and y."""
    first, second = (scores.gather(-1, label).squeeze(-1) for scores, label in (labelled(z, j), labelled(z, y)))
    return first - second


def others(y: Tensor, count: int) -> Tensor:
    """Every class but the sample's own. Shapes: y is [b], the result is [count - 1, b]."""
    k = torch.arange(count - 1, device=y.device)[:, None]  # [count - 1, 1]
    return k + (k >= y[None, :])


def sum_where(values: Tensor, kept: Tensor) -> Tensor:
    """The sum of the values that are kept. Shapes: values is [n, ...], kept [n] or [n, b]; the first dimension goes."""
    return torch.where(kept.view(kept.shape + (1,) * (values.dim() - kept.dim())), values, 0.0).sum(dim=0)


def mean_where(values: Tensor, kept: Tensor) -> Tensor:
    """The mean of the values that are kept, 0 where none is: an estimate of an expectation under a condition.

    Shapes: values is [n, ...], kept [n] or [n, b]; the first dimension goes.
    Error: of a minibatch it is a ratio of two means, hence biased by an order of 1 / n; exact on all rows.
    """
    count = kept.sum(dim=0).clamp(min=1)
    total = sum_where(values, kept)
    return total / count.view(count.shape + (1,) * (total.dim() - count.dim()))


def max_where(values: Tensor, kept: Tensor) -> Tensor:
    """The largest of the values that are kept. Shapes: values is [n, ...], kept [n] or [n, b]; the first dimension goes."""
    return torch.where(kept.view(kept.shape + (1,) * (values.dim() - kept.dim())), values, -torch.inf).amax(dim=0)


def min_where(values: Tensor, kept: Tensor) -> Tensor:
    """The smallest of the values that are kept. Shapes: as `max_where`."""
    return -max_where(-values, kept)


def prod_where(values: Tensor, kept: Tensor) -> Tensor:
    """The product of the values that are kept. Shapes: as `max_where`."""
    return torch.where(kept.view(kept.shape + (1,) * (values.dim() - kept.dim())), values, 1.0).prod(dim=0)
