"""Convolutions of a step in forms that a processor computes faster, equal to rounding, put in their place while it is traced.

Measured with torch 2.13 and oneDNN on a processor with AVX-512, one thread, 128 digits of 8 x 8 pixels: the gradient in
the input of a strided convolution runs at a third of the rate of a forward one, a convolution of one channel at a tenth;
weights in the order of channels_last save a reordering each time; products of bfloat16 matrices run at 380 GFLOP/s,
where its convolutions reach 10 to 180.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from torch._ops import OpOverload

_FEW = 3
"""Channels of an input, as of an image, for which a bfloat16 convolution is far from the rate of a product of matrices."""

_DENSE = 8
"""How many times the pixels of its kernel an image may have: what the whole matrix of a convolution takes more."""

_NARROW = 16
"""Channels of an input up to which a strided convolution has its gradient sooner as a forward one; beyond 32 it takes twice as long."""


def forward(x: Tensor, w: Tensor, bias: Tensor | None, stride: Sequence[int], *rest: Any) -> Any:  # noqa: ANN401  # a tensor, or NotImplemented; until 2027-11
    """In the place of `aten.convolution`: a product with its whole matrix where that is small, else one with weights in good order."""
    padding, dilation, transposed, _, groups = rest
    if not _plain(x, w, dilation, transposed, groups):
        return NotImplemented
    if _small(x, w, stride):
        matrix = _matrix(x, w, padding)
        found = (x.flatten(1) @ matrix.flatten(1)).view(-1, *matrix.shape[1:])
        return (found if bias is None else found + bias).permute(0, 3, 1, 2)
    if w.is_contiguous(memory_format=torch.channels_last):
        return NotImplemented
    return F.conv2d(x, w.contiguous(memory_format=torch.channels_last), bias, stride, padding)


def backward(d: Tensor, x: Tensor, w: Tensor, sizes: Sequence[int], stride: Sequence[int], *rest: Any) -> Any:  # noqa: ANN401  # a tuple, or NotImplemented; until 2027-11
    """In the place of `aten.convolution_backward`: the gradient in the input in another form where that is faster."""
    padding, dilation, transposed, _, groups, mask = rest
    if not mask[0] or not _plain(x, w, dilation, transposed, groups):
        return NotImplemented
    if _small(x, w, stride):
        slope = (d.permute(0, 2, 3, 1).flatten(1) @ _matrix(x, w, padding).flatten(1).t()).view_as(x)
    elif max(stride) > 1 and w.shape[1] <= _NARROW:
        slope = _interleaved(d, x, w, stride, padding)
    else:
        return NotImplemented
    others = [False, *mask[1:]]
    if not any(others):
        return slope, None, None
    return slope, *torch.ops.aten.convolution_backward(d, x, w, sizes, stride, *rest[:-1], others)[1:]


def _plain(x: Tensor, w: Tensor, dilation: Sequence[int], transposed: bool, groups: int) -> bool:
    """Whether this is a convolution of images on a processor with nothing special about it."""
    return not transposed and x.dim() == w.dim() == 4 and x.device.type == "cpu" and groups == 1 and set(dilation) == {1}


def _small(x: Tensor, w: Tensor, stride: Sequence[int]) -> bool:
    """Whether the whole matrix of a convolution is faster than the convolution."""
    return x.dtype == torch.bfloat16 and w.shape[1] <= _FEW and max(stride) == 1 and x.shape[2:].numel() <= _DENSE * w.shape[2:].numel()


def _matrix(x: Tensor, w: Tensor, padding: Sequence[int]) -> Tensor:
    """The matrix of a convolution: what it makes of every unit image. Shapes: [numbers of an image, height, width, channels]."""
    count = x.shape[1:].numel()
    units = torch.eye(count, device=x.device).view(count, *x.shape[1:])
    # In float32, and nothing is rounded: every number is a weight or 0.
    return F.conv2d(units, w.float(), None, 1, padding).to(w.dtype).permute(0, 2, 3, 1)


def _interleaved(d: Tensor, x: Tensor, w: Tensor, stride: Sequence[int], padding: Sequence[int]) -> Tensor:
    """The gradient in the input of a strided convolution: one forward convolution for the inputs at every offset of the stride.

    Input s i + a meets output i + m through tap a + p - s m of the kernel; taps that do not exist are zeros.
    Source: Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?".
    """
    taps, reach, sizes = [], [], []
    for axis in (0, 1):
        s, p, k = stride[axis], padding[axis], w.shape[2 + axis]
        low, high = (p - k) // s + 1, (s - 1 + p) // s
        taps.append([t if 0 <= (t := a + p - s * m) < k else k for a in range(s) for m in range(low, high + 1)])
        size = -(-x.shape[2 + axis] // s)
        reach.append((-low, high + size - d.shape[2 + axis]))
        sizes.append((s, high - low + 1, size))
    (s, q, rows), (t, r, columns) = sizes
    kernel = F.pad(w, (0, 1, 0, 1))[:, :, taps[0]][:, :, :, taps[1]]
    kernel = kernel.view(*w.shape[:2], s, q, t, r).permute(2, 4, 1, 0, 3, 5).reshape(s * t * w.shape[1], w.shape[0], q, r)
    parts = F.conv2d(F.pad(d, (*reach[1], *reach[0])), kernel)
    whole = parts.view(len(d), s, t, w.shape[1], rows, columns).permute(0, 3, 4, 1, 5, 2).reshape(len(d), w.shape[1], s * rows, t * columns)
    return whole[:, :, : x.shape[2], : x.shape[3]]


REPLACED: dict[OpOverload, Callable[..., Any]] = {
    torch.ops.aten.convolution.default: forward,
    torch.ops.aten.convolution_backward.default: backward,
}
"""What stands in the place of an operation while a step is traced; where it gives NotImplemented, the operation stays."""
