"""Convolutions in other forms are the convolutions they stand for, and stand where they are meant to."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from gamespec.run.convolutions import REPLACED

ATEN = torch.ops.aten


def gradient(d, x, w, stride, padding):
    """The gradients of a convolution in its input and its weights."""
    return ATEN.convolution_backward(d, x, w, [0], stride, padding, [1, 1], False, [0, 0], 1, [True, True, False])[:2]


def step(x, w, bias, d, stride, padding):
    """A convolution and its gradients."""
    return (ATEN.convolution(x, w, bias, stride, padding, [1, 1], False, [0, 0], 1), *gradient(d, x, w, stride, padding))


def operations(graph):
    """The names of the operations of a graph."""
    return [str(n.target) for n in graph.graph.nodes if n.op == "call_function"]


CASES = [
    (h, w, k, s, p, c)
    for (h, w), k, s, p, c in itertools.product(((7, 6), (8, 11)), (1, 2, 3, 5), ((1, 1), (2, 2), (3, 1)), (0, 1, 2), (1, 5))
    if h + 2 * p >= k
]


def test_every_form_is_the_convolution():
    """Over kernels, strides, paddings and channels, values and gradients agree to the rounding of float64."""
    for h, wide, k, s, p, c in CASES:
        x, w, bias = torch.randn(2, c, h, wide).double(), torch.randn(4, c, k, k).double(), torch.randn(4).double()
        d = torch.randn_like(torch.nn.functional.conv2d(x, w, bias, s, p))
        args = (x, w, bias, d)
        known = step(*args, s, [p, p])
        made = make_fx(lambda *t, s=s, p=p: step(*t, s, [p, p]), REPLACED)(*args)

        for mine, theirs in zip(made(*args), known, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("channels", "padding"), [(1, 1), (3, 0)])
def test_small_images_in_bfloat16_are_products_of_matrices(channels, padding):
    """No convolution of the batch is left, and what is found is rounded once, as the convolution is."""
    x, w, bias = torch.rand(16, channels, 8, 8), torch.randn(6, channels, 3, 3), torch.randn(6)
    d = torch.randn_like(torch.nn.functional.conv2d(x, w, bias, padding=padding))
    args = [t.bfloat16() for t in (x, w, bias, d)]

    def both(x, w, bias, d):
        slope = ATEN.convolution_backward(d, x, w, [0], [1, 1], [padding] * 2, [1, 1], False, [0, 0], 1, [True, False, False])[0]
        return ATEN.convolution(x, w, bias, [1, 1], [padding] * 2, [1, 1], False, [0, 0], 1), slope

    made = make_fx(both, REPLACED)(*args)
    exact = both(*(t.double() for t in args))

    assert not [name for name in operations(made) if "convolution_backward" in name]
    for mine, best in zip(made(*args), exact, strict=True):
        torch.testing.assert_close(mine.double(), best, rtol=2 * 2.0**-8, atol=2.0**-6)


def test_the_gradient_of_a_strided_convolution_is_a_forward_one():
    """For few channels: what is left of the backward operation gives the weights alone."""

    def count(channels):
        x, w = torch.randn(2, channels, 8, 8), torch.randn(4, channels, 3, 3)
        graph = make_fx(lambda d, x, w: gradient(d, x, w, [2, 2], [1, 1]), REPLACED)(torch.randn(2, 4, 4, 4), x, w)
        return [n.args[-1][0] for n in graph.graph.nodes if "convolution_backward" in str(n.target)]

    assert count(16) == [False]
    assert count(17) == [True]
