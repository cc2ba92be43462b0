"""Derivative of a leader's objective through the steps that its follower takes: backwards, forwards, or through the last.

`advance(lead, follow, memory, k, graph)` is the followers' step number k = 1, 2, ...: it gives where they go and what the
rule of each remembers (`[]` before the first), differentiable in the leader's and their own points where `graph` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gamespec.kernels.gradient import gradients, leaf, shares
from gamespec.kernels.points import parted


def hypergradient_unrolled(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    advance: Callable[[list[Tensor], list[Tensor], list[list[Tensor]], int, bool], tuple[list[Tensor], list[list[Tensor]]]],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    last: int = 0,
    *,
    recompute: bool = False,
    noisy: tuple[nn.Module, ...] = (),
    parts: tuple[int, ...] = (),
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Value, gradient in u and last iterate of outer(u, w_k) after k = steps steps of the follower from w, backwards.

    The exact derivative of the finite computation, w held fixed; with `last` that of the last steps alone, those before
    held fixed as well. A network in `noisy` makes the same draws and keeps its statistics where a step is computed again.
    Shapes: u and w are lists of any tensors, 0-d ones included; outer gives a 0-d tensor, or one number for each of several
    leaders, who have `parts` of u each, and get the gradient of their own value in those: all through the same steps.
    Error: none but rounding for last = 0. On a quadratic of curvature a under steps of r, the truncated derivative of the
    answer is short by the factor 1 - (1 - r a)^last.
    Cost: one gradient of inner and a vector-Jacobian product for each leader a step, and memory for the graphs. With
    `recompute` only the iterates are kept: the graph of one step at a time, for a second gradient of inner a step,
    which takes 1.3 to 1.5 times as long.
    Source: Franceschi et al. 2017, algorithm 1; Shaban et al. 2019, section 2.3, for the last steps alone.
    """
    if not recompute:
        return one_sweep(outer, advance, u, w, steps, last, parts)
    u, point, memory = [leaf(t) for t in u], [t.detach() for t in w], list[list[Tensor]]()
    near = min(last or steps, steps)
    walked, store = [], list[Tensor]()
    for k in range(1, steps + 1):
        at, kept, row = [leaf(t) for t in point], [[leaf(t) for t in part] for part in memory], k - 1 - steps + near
        before = random_state(point[0]) if noisy and row >= 0 else None
        if row >= 0:
            # Side by side in one block each: between short-lived tensors they would leave holes in the memory.
            flat = [*point, *chained(memory)]
            store += [t.new_empty(near, *t.shape) for t in flat[len(store) :]]
            for rows, t in zip(store, flat, strict=True):
                rows[row] = t
            walked.append((k, row, [len(part) for part in kept], before))
        reached, remembered = advance(u, at, kept, k, False)
        point, memory = [t.detach() for t in reached], [[t.detach() for t in part] for part in remembered]
    end = [leaf(t) for t in point]
    value = outer(u, end)
    owned, total, back = list[slice](), list[list[Tensor]](), list[list[Tensor]]()
    for v, own in shares(value, u, parts):
        slopes = gradients([v], [*u[own], *end], keep=bool(parts))
        owned.append(own)
        total.append(slopes[: len(u[own])])
        back.append([*slopes[len(u[own]) :], *map(torch.zeros_like, chained(memory))])
    while walked:
        # Popped, so that the graph of a step is freed as soon as it has been used.
        k, row, sizes, before = walked.pop()
        begun = [leaf(rows[row]) for rows in store[: len(w) + sum(sizes)]]
        with replayed(before, noisy):
            reached, remembered = advance(u, begun[: len(w)], parted(begun[len(w) :], sizes), k, True)
        for j, own in enumerate(owned):
            # Nothing is asked of where the first step started.
            asked = [*u[own], *begun] if walked else u[own]
            turned = gradients([*reached, *chained(remembered)], asked, back[j], keep=j < len(owned) - 1)
            total[j] = [s + t for s, t in zip(total[j], turned, strict=False)]
            back[j] = turned[len(u[own]) :]
    return value.detach(), chained(total), point


def one_sweep(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    advance: Callable[[list[Tensor], list[Tensor], list[list[Tensor]], int, bool], tuple[list[Tensor], list[list[Tensor]]]],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    last: int,
    parts: tuple[int, ...] = (),
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """What `hypergradient_unrolled` gives, by one gradient through the graph of all the steps that count.

    Shapes, Error: as there.
    Cost: one gradient of inner a step, one sweep for each leader, and memory for the graphs.
    Source: Franceschi et al. 2017, algorithm 1.
    """
    u, point, memory = [leaf(t) for t in u], [leaf(t) for t in w], list[list[Tensor]]()
    for k in range(1, steps + 1):
        far = 0 < last <= steps - k
        point, memory = advance(u, point, memory, k, not far)
        if far:
            point, memory = [leaf(t) for t in point], [[leaf(t) for t in part] for part in memory]
    value = outer(u, point)
    total = [gradients([v], u[own], keep=bool(parts)) for v, own in shares(value, u, parts)]
    return value.detach(), chained(total), [t.detach() for t in point]


def hypergradient_forward(
    outer: Callable[[list[Tensor], list[Tensor]], Tensor],
    advance: Callable[[list[Tensor], list[Tensor], list[list[Tensor]], int, bool], tuple[list[Tensor], list[list[Tensor]]]],
    u: list[Tensor],
    w: list[Tensor],
    steps: int,
    last: int = 0,
    parts: tuple[int, ...] = (),
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """What `hypergradient_unrolled` gives, by the derivative of every iterate in u, carried along.

    Shapes: as there; n numbers in u make n tangents of every tensor of w and of what the step rule remembers.
    Error: none but rounding for last = 0.
    Cost: one gradient of inner and n products with its second derivatives a step; memory for one step, however many.
    Source: Franceschi et al. 2017, algorithm 2.
    """
    u, point, memory = [leaf(t) for t in u], [t.detach() for t in w], list[list[Tensor]]()
    count = sum(t.numel() for t in u)
    along = list(torch.split(torch.eye(count, dtype=u[0].dtype, device=u[0].device), [t.numel() for t in u], dim=1))
    lead = [e.reshape(count, *t.shape) for e, t in zip(along, u, strict=True)]  # [n, ...] each
    tangents = [t.new_zeros(count, *t.shape) for t in point]
    for k in range(1, steps + 1):
        at, kept = [leaf(t) for t in point], [[leaf(t) for t in part] for part in memory]
        near = not 0 < last <= steps - k
        reached, remembered = advance(u, at, kept, k, near)
        after = [*reached, *chained(remembered)]
        still = [t.new_zeros(count, *t.shape) for t in after]
        tangents = carried(after, [*u, *at, *chained(kept)], [*lead, *tangents]) if near else still
        point, memory = [t.detach() for t in reached], [[t.detach() for t in part] for part in remembered]
    end = [leaf(t) for t in point]
    value = outer(u, end)
    total = list[Tensor]()
    for v, own in shares(value, u, parts):
        slopes = gradients([v], [*u[own], *end], keep=bool(parts))
        mine = slopes[: len(u[own])]
        for slope, tangent in zip(slopes[len(mine) :], tangents, strict=False):
            pushed = tangent.reshape(count, -1) @ slope.reshape(-1)  # [n]
            mine = [t + p.view_as(t) for t, p in zip(mine, torch.split(pushed, [t.numel() for t in u])[own], strict=True)]
        total += mine
    return value.detach(), total, point


def carried(values: list[Tensor], points: list[Tensor], tangents: list[Tensor]) -> list[Tensor]:
    """Jacobian of the values in the points, times n tangents at once: the derivative, in a weight of the values, of their pullback.

    Shapes: a tangent is [n, ...] for a point of shape [...], and so are the results for the values.
    Source: Townsend 2017, "A new trick for calculating Jacobian vector products".
    """
    count = tangents[0].shape[0]
    found = [v.new_zeros(count, *v.shape) for v in values]
    live = [j for j, v in enumerate(values) if v.requires_grad]
    weights = [torch.zeros_like(values[j], requires_grad=True) for j in live]
    if not live:
        return found
    pulled = torch.autograd.grad([values[j] for j in live], points, weights, create_graph=True, materialize_grads=True)
    bound = [j for j, p in enumerate(pulled) if p.requires_grad]
    weighted = [tangents[j] for j in bound]
    pushed = torch.autograd.grad([pulled[j] for j in bound], weights, weighted, is_grads_batched=True, allow_unused=True)
    for j, p in zip(live, pushed, strict=True):
        found[j] = found[j] if p is None else p
    return found


def chained(parts: list[list[Tensor]]) -> list[Tensor]:
    """The tensors of all parts, one after the other."""
    return [t for part in parts for t in part]


def random_state(like: Tensor) -> list[Tensor]:
    """The state of torch's own generators, from which dropout draws, on the host and on the device of a tensor."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(like.device)] if like.is_cuda else [])]


@contextmanager
def replayed(states: list[Tensor] | None, nets: tuple[nn.Module, ...]) -> Iterator[None]:
    """Inside, these networks draw what they drew before; afterwards generators and statistics are as they were."""
    if states is None:
        yield
        return
    with keeping(nets):
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1], next(p.device for net in nets for p in net.parameters()))
        yield


@contextmanager
def keeping(nets: tuple[nn.Module, ...]) -> Iterator[None]:
    """Afterwards the statistics of these networks, and torch's own generators, are as they were."""
    kept = [(b, b.clone()) for net in nets for b in net.buffers()]
    with torch.random.fork_rng(list({p.device for net in nets for p in net.parameters() if p.is_cuda})):
        yield
    with torch.no_grad():
        for b, before in kept:
            b.copy_(before)
