"""Products of matrices by another library are the products, and stand where they are faster."""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from gamespec.run.products import PRODUCTS

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")


def layer(x, w, bias, d):
    """A layer, and its slopes in the input and in the weights."""
    return torch.addmm(bias, x, w.t()), d @ w, d.t() @ x


def operations(made):
    """How many products each library makes."""
    names = [str(n.target) for n in made.graph.nodes if n.op == "call_function"]
    return sum("_linear_pointwise" in n for n in names), sum("mm.default" in n for n in names)


@pytest.mark.parametrize(("sizes", "found"), [((256, 128, 128), (3, 0)), ((128, 256, 64), (2, 1)), ((32, 64, 10), (0, 3))])
def test_large_products_are_made_otherwise_and_are_the_same(sizes, found):
    """All three of a large layer, none of a small one; what has to be laid out anew only from twice the size on."""
    n, k, m = sizes
    given = torch.randn(n, k), torch.randn(m, k), torch.randn(m), torch.randn(n, m)
    made = make_fx(layer, PRODUCTS)(*given)

    assert operations(made) == found
    for mine, exact in zip(made(*given), layer(*(t.double() for t in given)), strict=True):
        torch.testing.assert_close(mine.double(), exact, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("bias", [torch.randn(256, 128), torch.randn(1)])
def test_what_adds_no_row_stays(bias):
    """A matrix that is added, or one number, is no bias of a layer."""
    made = make_fx(lambda b, x, w: torch.addmm(b, x, w.t()), PRODUCTS)(bias, torch.randn(256, 128), torch.randn(128, 128))

    assert operations(made) == (0, 1)


def test_float64_stays():
    """There is no such product in float64."""
    given = [t.double() for t in (torch.randn(256, 128), torch.randn(128, 128), torch.randn(128), torch.randn(256, 128))]

    assert operations(make_fx(layer, PRODUCTS)(*given)) == (0, 3)
