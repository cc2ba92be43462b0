"""The noise of rows: the right law, no likeness between neighbours, the same bits in any batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from gamespec.kernels.noise import Drawn, Noise, counted, mixed, noise_of_first, signed, stream_key
from gamespec.library.sets.l1 import start_l1_rows
from gamespec.library.sets.l2 import start_l2_rows
from gamespec.library.sets.lipschitz import start_lipschitz_rows
from gamespec.library.sets.simplex import start_simplex

KINDS = ("uniform", "normal")
STARTS: dict[str, Callable[..., Tensor]] = {
    "L1": start_l1_rows, "L2": start_l2_rows, "Lipschitz": start_lipschitz_rows, "Simplex": start_simplex,
}  # fmt: skip


def noise(rows: Tensor, seed: int = 3, number: int = 1024) -> Noise:
    """The noise of some rows."""
    return Noise(stream_key(seed, number, "cpu"), rows)


def drawn(kind: str, rows: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.float32, seed: int = 3, number: int = 1024) -> Tensor:
    """The second draw of a noise."""
    found = noise(rows, seed, number)
    getattr(found, kind)((len(rows), *shape), dtype)
    value: Tensor = getattr(found, kind)((len(rows), *shape), dtype)
    return value


def test_the_mixing_is_that_of_splitmix64() -> None:
    """The first numbers of SplitMix64 from seed 1234567, as its authors' program prints them."""
    golden, known = 0x9E3779B97F4A7C15, [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    states = torch.tensor([signed(1234567 + k * golden) for k in range(1, 5)])
    before = states.clone()

    assert mixed(states).tolist() == [signed(z) for z in known]
    assert torch.equal(states, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_split_and_any_order_give_the_same_bits(kind: str, dtype: torch.dtype) -> None:
    """Parts of 1 to 130 rows, and the rows in another order."""
    rows, shape = torch.randperm(1000, generator=torch.Generator().manual_seed(0))[:131], (3, 5)
    whole = drawn(kind, rows, shape, dtype)
    for size in (1, 2, 3, 7, 8, 16, 64, 130):
        assert torch.equal(torch.cat([drawn(kind, part, shape, dtype) for part in rows.split(size)]), whole)
    order = torch.randperm(131, generator=torch.Generator().manual_seed(1))
    assert torch.equal(drawn(kind, rows[order], shape, dtype), whole[order])


@pytest.mark.parametrize("word", STARTS)
def test_a_start_in_a_set_is_that_of_its_row(word: str) -> None:
    """Balls, maps and the simplex: the same bits for a row alone, in a part, and among all."""
    rows, start = torch.arange(40) * 7, STARTS[word]
    whole = start((40, 3, 4), 0.7, noise(rows))
    for size in (1, 3, 16):
        assert torch.equal(torch.cat([start((len(part), 3, 4), 0.7, noise(part)) for part in rows.split(size)]), whole)


def test_what_comes_is_counted_in_order() -> None:
    """Numbers below zero, the same for a sample whatever came with it, and none twice."""
    came, other = torch.tensor(0), torch.tensor(0)
    parts = torch.cat([counted(n, came) for n in (3, 1, 4)])

    assert torch.equal(parts, torch.cat([counted(n, other) for n in (2, 6)]))
    assert parts.tolist() == [-1, -2, -3, -4, -5, -6, -7, -8]
    assert int(came) == 8


def test_the_rows_of_looks_are_none_of_a_run() -> None:
    """Looks have the same noise each time, and none that a row has in a run."""
    one, two = (noise_of_first(3, 1024, 50, "cpu").states((50, 4)) for _ in range(2))

    assert torch.equal(one, two)
    assert torch.equal(noise_of_first(3, 1024, 20, "cpu").states((20, 4)), one[:20])
    assert not torch.isin(one, noise(torch.arange(-500, 500)).states((1000, 4))).any()


@pytest.mark.parametrize(("dtype", "bits"), [(torch.float64, 53), (torch.float32, 24)])
def test_uniform_numbers_keep_every_bit_and_stay_below_one(dtype: torch.dtype, bits: int) -> None:
    """Whole multiples of the least step below 1, odd ones too; whole numbers stay below their size."""
    u = drawn("uniform", torch.arange(4096), (64,), dtype)
    scaled = u.double() * 2**bits

    assert u.dtype == dtype
    assert 0 <= float(u.min()) < float(u.max()) < 1
    assert torch.equal(scaled, scaled.round())
    assert bool((scaled % 2 == 1).any())
    assert noise(torch.arange(4096)).whole((4096, 64), 7).unique().tolist() == list(range(7))


def test_uniform_numbers_pass_chi_square_in_every_direction() -> None:
    """All numbers, every second row, one place, one row, and the low bits; each at one in a thousand on both sides."""
    u = drawn("uniform", torch.arange(2000), (64,), torch.float64)
    for values, cells in ((u, 256), (u[0::2], 256), (u[:, 0], 50), (u[7], 8), (u * 2**20 % 1, 256)):
        found = torch.histc(values.flatten(), cells, 0, 1).numpy()
        assert 1e-3 < stats.chisquare(found).pvalue < 1 - 1e-3


def test_pairs_of_neighbours_fill_the_square() -> None:
    """Rows, places, epochs, seeds, streams and draws that differ by one: 16 x 16 cells at one in a thousand, correlations within 4 deviations."""
    rows, shape = torch.arange(3000), (16,)
    at = drawn("uniform", rows, shape, torch.float64)
    twice = noise(rows)
    beside = {
        "row": drawn("uniform", rows + 1, shape, torch.float64),
        "place": at.roll(1, 1),
        "epoch": drawn("uniform", rows + 3000, shape, torch.float64),
        "order of coming": drawn("uniform", -1 - rows, shape, torch.float64),
        "look": drawn("uniform", rows + 2**62, shape, torch.float64),
        "seed": drawn("uniform", rows, shape, torch.float64, seed=4),
        "stream": drawn("uniform", rows, shape, torch.float64, number=1025),
        "draw": twice.uniform((3000, 16), torch.float64),
    }
    for name, other in beside.items():
        cells = torch.bincount(((at * 16).long() * 16 + (other * 16).long()).flatten(), minlength=256)
        assert 1e-3 < stats.chisquare(cells.numpy()).pvalue < 1 - 1e-3, name
        assert abs(float(torch.corrcoef(torch.stack([at.flatten(), other.flatten()]))[0, 1])) < 4 / math.sqrt(at.numel()), name


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal_numbers_are_normal_and_uncorrelated(size: int, dtype: torch.dtype) -> None:
    """Kolmogorov-Smirnov at one in a thousand, four moments, every pair of places within five deviations of no correlation."""
    z = drawn("normal", torch.arange(20000), (size,), dtype).double()
    few = z.flatten()[:60000]
    near = 4.5 / math.sqrt(z.numel())

    assert stats.kstest(few.numpy(), "norm").pvalue > 1e-3
    assert bool(z.isfinite().all())
    # The deviations of the means of z, z^2, z^3 and z^4 are 1, sqrt 2, sqrt 15 and sqrt 96.
    for power, (mean, spread) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], 1):
        assert abs(float((z**power).mean()) - mean) < near * math.sqrt(spread)
    if size > 1:
        assert float((torch.corrcoef(z.T) - torch.eye(size)).abs().max()) < 5 / math.sqrt(20000)


def test_no_two_rows_share_bits() -> None:
    """108,000 places of seeds, streams, rows and numbers that differ by little: no two are the same, so no two of the bits."""
    found = [noise(torch.arange(3000), seed, number).states((3000, 4)).flatten() for seed, number in itertools.product(range(3), range(3))]
    whole = torch.cat(found)

    assert len(whole.unique()) == len(whole)


def test_numbers_of_a_generator_come_one_after_the_other() -> None:
    """What has no rows draws from its generator, as torch does."""
    found, rng = Drawn(torch.Generator().manual_seed(5)), torch.Generator().manual_seed(5)

    assert torch.equal(found.uniform((3,)), torch.rand(3, generator=rng))
    assert torch.equal(found.normal((3, 2), torch.float64), torch.randn((3, 2), generator=rng, dtype=torch.float64))
    assert torch.equal(found.whole((9,), 4), torch.randint(4, (9,), generator=rng))
    assert found.device == torch.device("cpu")


def test_it_is_written_down_as_one_graph() -> None:
    """Key and rows as the inputs of a graph: other ones get what they get outside."""

    def normals(key: Tensor, rows: Tensor) -> Tensor:
        return Noise(key, rows).normal((len(rows), 5), torch.float32)

    graph = make_fx(normals, tracing_mode="fake")(stream_key(0, 1024, "cpu"), torch.arange(4))
    key, rows = stream_key(9, 1025, "cpu"), torch.tensor([8, 3, 5, 100])

    assert torch.equal(graph(key, rows), normals(key, rows))
