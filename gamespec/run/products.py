"""Products of matrices of a step by oneDNN, equal to rounding, put in the place of BLAS while a step is traced.

Measured with torch 2.13 on an AMD processor with AVX-512, one thread, float32: 256 x 128 by 128 x 128 takes MKL 82
microseconds and oneDNN 46, and 256 x 1024 by 1024 x 1024 5.1 ms and 2.3 ms; below two million multiplications MKL is ahead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch.fx import GraphModule

_LEAST = 2**21
"""Multiplications of a product from which on oneDNN is faster."""

_TURNED = 2**22
"""Those where the first matrix, too, has to be laid out anew, as for the slope in the weights of a layer."""


def product(a: Tensor, b: Tensor) -> Any:  # noqa: ANN401  # a tensor, or NotImplemented; until 2027-11
    """In the place of `aten.mm`. Shapes: a is [n, k], b [k, m]."""
    return _linear(a, b, None)


def affine(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:  # noqa: ANN401  # as `product`; until 2027-11
    """In the place of `aten.addmm`. Shapes: as in `product`; bias is [m]."""
    return _linear(a, b, bias) if bias.shape == b.shape[1:] and beta == alpha == 1 else NotImplemented


def _linear(a: Tensor, b: Tensor, bias: Tensor | None) -> Any:  # noqa: ANN401  # as `product`; until 2027-11
    if a.dtype != torch.float32 or a.device.type != "cpu" or not torch._C._has_mkldnn:
        return NotImplemented
    if a.numel() * b.shape[1] < (_LEAST if a.is_contiguous() else _TURNED) or find_spec("torch._inductor.mkldnn_ir") is None:
        return NotImplemented
    return torch.ops.mkldnn._linear_pointwise(a.contiguous(), b.t().contiguous(), bias, "none", [], "")


PRODUCTS: dict[OpOverload, Callable[..., Any]] = {torch.ops.aten.mm.default: product, torch.ops.aten.addmm.default: affine}
"""As `convolutions.REPLACED`."""


@contextlib.contextmanager
def lowered(graph: GraphModule) -> Iterator[None]:
    """Inside, torch's ahead-of-time compiler takes these products with weights that change; by itself it wants constants.

    Error: ImportError, KeyError and the like where a version of torch has other private names, for a graph with such products.
    """
    if not any("_linear_pointwise" in str(node.target) for node in graph.graph.nodes):
        yield
        return
    from torch._inductor import lowering, mkldnn_ir
    from torch._inductor.ir import TensorBox

    table, linear = cast("dict[Any, Any]", lowering.lowerings), torch.ops.mkldnn._linear_pointwise
    kinds: dict[Any, Any] = {linear.default: mkldnn_ir.LinearUnary, linear.binary: mkldnn_ir.LinearBinary}

    def made(kind: Any) -> Callable[..., Any]:  # noqa: ANN401  # a class of the compiler; until 2027-11
        return lambda *args, layout=None: TensorBox.create(kind.create(*args))

    own = {op: table[op] for op in kinds}
    try:
        table.update({op: made(kind) for op, kind in kinds.items()})
        yield
    finally:
        table.update(own)
