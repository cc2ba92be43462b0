"""What is done with several candidate answers of a follower."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gamespec.kernels.gradient import flatten_list, unflatten_list
from gamespec.kernels.hull import min_norm_in_hull


def stacked(make: Callable[[], nn.Module], copies: int) -> nn.Module:
    """A network whose parameters are those of several, made one after the other: [k, ...] each.

    It is applied at explicit parameters only, under vmap or at those of one candidate.
    """
    first, *others = (make() for _ in range(copies))
    for own, *rest in zip(first.parameters(), *(net.parameters() for net in others), strict=True):
        own.data = torch.stack([own.detach(), *(p.detach() for p in rest)])
    return first


def candidate(net: nn.Module, which: Tensor) -> nn.Module:
    """One network of a stack, as a network of its own. Shapes: `which` is 0-d."""
    one = copy.deepcopy(net)
    for p in one.parameters():
        p.data = p.detach()[which].clone()
    return one


def hull_slopes(values: Tensor, slopes: list[Tensor], eps: float, highest: bool) -> list[Tensor]:
    """The shortest vector in the hull of the slopes of a leader at the candidates within eps of the best value.

    A leader whose objective is the best value over the candidates descends fastest against it, and is stationary where
    it is 0: an eps-subgradient.
    Shapes: values is [k], slopes are [k, ...] for each thing that the leader owns; the results are [...].
    Batching: closed under vmap: candidates that are left out stand as copies of the best one.
    Source: Hamm and Noh 2018, algorithm 2; Danskin 1967 for the directional derivative behind it.
    """
    worse = values.amax() - values if highest else values - values.amin()
    rows = torch.cat([s.reshape(s.shape[0], -1) for s in slopes], dim=1)  # [k, n]
    best = rows.index_select(0, worse.argmin(dim=0, keepdim=True))
    kept = torch.where((worse <= eps)[:, None], rows, best)
    return unflatten_list(min_norm_in_hull(kept), [s[0] for s in slopes])


def near_best(points: list[Tensor], values: list[Tensor], eps: float, highest: bool) -> Tensor:
    """Answers one above the other, the best first; it stands too for those more than eps worse. All sample by sample.

    Shapes: k points of shape [n, ...] with values [n], or k points [...] with 0-d values; the result has one axis more.
    """
    found, value = torch.stack(points), torch.stack(values)
    worse = value.amax(0) - value if highest else value - value.amin(0)
    best = worse.argmin(0, keepdim=True)
    place = torch.arange(len(found), device=found.device).view(-1, *[1] * (value.dim() - 1)).expand_as(worse)
    order = torch.cat([best, torch.where(place == best, 0, place)[1:]])  # the first and the best change places
    wide = (*value.shape, *[1] * (found.dim() - value.dim()))
    found = found.take_along_dim(order.view(wide), 0)
    return torch.where((worse.take_along_dim(order, 0) <= eps).view(wide), found, found[:1])


def shortest_slope(slopes: list[list[Tensor]]) -> list[Tensor]:
    """The shortest vector in the hull of several gradients, each a list of tensors.

    Along it all the objectives fall whose gradients these are; it is 0 where no direction does that.
    Source: Latorre et al. 2023, equation 9; Danskin 1967 for the directional derivative behind it.
    """
    return unflatten_list(min_norm_in_hull(torch.stack([flatten_list(s) for s in slopes])), slopes[0])


def scattered(points: list[Tensor], values: Tensor, fresh: list[Tensor], distance: float, highest: bool) -> list[Tensor]:
    """The candidates, each that is nearer than `distance` to a better one replaced by its fresh draw.

    Of equal candidates the first is the better one; distances are the largest over all coordinates. The best candidate
    is never replaced.
    Shapes: points and fresh are [k, ...] for each thing that the follower owns, values is [k].
    Batching: closed under vmap.
    """
    k = values.shape[0]
    order = torch.arange(k, device=values.device)
    ahead = values[None, :] > values[:, None] if highest else values[None, :] < values[:, None]  # [k, k]
    better = ahead | ((values[None, :] == values[:, None]) & (order[None, :] < order[:, None]))
    rows = torch.cat([p.reshape(k, -1) for p in points], dim=1)
    near = (rows[:, None] - rows[None, :]).abs().amax(dim=2) < distance
    crowded = (better & near).any(dim=1)
    return [torch.where(crowded.view(k, *[1] * (p.dim() - 1)), f, p) for p, f in zip(points, fresh, strict=True)]
