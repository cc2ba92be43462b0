"""A traced step as its bare operations, one after the other: nothing is compiled or noted for a derivative, and no bit differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from gamespec.run.package import Runner

_ATEN = torch.ops.aten

_CALLED: dict[Any, Callable[..., Tensor]] = {
    _ATEN.add.Tensor: torch.add,
    _ATEN.addmm.default: torch.addmm,
    _ATEN.bmm.default: torch.bmm,
    _ATEN.div.Tensor: torch.div,
    _ATEN.mean.default: torch.mean,
    _ATEN.mm.default: torch.mm,
    _ATEN.mul.Tensor: torch.mul,
    _ATEN.neg.default: torch.neg,
    _ATEN.relu.default: torch.relu,
    _ATEN.sub.Tensor: torch.sub,
    _ATEN.sum.dim_IntList: torch.sum,
    _ATEN.t.default: torch.t,
    _ATEN.tanh.default: torch.tanh,
    _ATEN.view.default: torch.Tensor.view,
}
"""The same kernels by the names that Python calls in half the time."""


def straight(graph: GraphModule) -> Runner:
    """What runs the operations of a graph, changed in place, on its inputs; the views of one tensor are taken once.

    A view shows what its tensor holds when it is read, so that it may be older than a change in place.
    """
    turned: dict[fx.Node, fx.Node] = {}
    for node in list(graph.graph.nodes):
        if node.target is _ATEN.detach.default:
            _stands_for(node.args[0], node)
        elif node.target is _ATEN.t.default:
            of = node.args[0]
            if of.target is _ATEN.t.default:
                _stands_for(of.args[0], node)
            elif of in turned:
                _stands_for(turned[of], node)
            else:
                turned[of] = node
    graph.graph.eliminate_dead_code()
    for node in graph.graph.nodes:
        node.target = _CALLED.get(node.target, node.target) if node.op == "call_function" else node.target
    graph.recompile()

    def run(inputs: list[Tensor]) -> list[Tensor]:
        with torch.inference_mode():
            found: list[Tensor] = graph(*inputs)
        return found

    return run


def _stands_for(known: fx.Node, node: fx.Node) -> None:
    """Put one node in the place of another."""
    node.replace_all_uses_with(known)
    node.graph.erase_node(node)
