"""Laws that every network family keeps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gamespec.kernels.reset import initialise
from gamespec.library.base import Option
from gamespec.library.networks.small_cnn import small_cnn_misfit
from gamespec.library.registry import words

NETWORKS = words("networks")
WIDTHS: dict[str, list[tuple[int, ...]]] = {"mlp": [(), (12,), (12, 7)]}
IMAGE, VECTOR, NUMBER = (2, 9, 8), (5,), ()
CASES = [
    (word, source, target, widths)
    for word, entry in NETWORKS.items()
    for source in ([IMAGE] if entry.rank == 3 else [IMAGE, VECTOR, NUMBER])
    for target in [IMAGE, VECTOR, NUMBER]
    for widths in WIDTHS.get(word, [()])
]


def build(word: str, *args: object, seed: int = 0, **options: object) -> nn.Module:
    """A network made without values and filled from a generator."""
    with torch.device("meta"):
        net = NETWORKS[word].build(*args, **options)
    net = net.to_empty(device="cpu")
    initialise(net, torch.Generator().manual_seed(seed))
    return net


@pytest.mark.parametrize(("word", "source", "target", "widths"), CASES)
def test_output_has_the_declared_shape(
    word: str, source: tuple[int, ...], target: tuple[int, ...], widths: tuple[int, ...]
) -> None:
    """A batch of sources becomes a batch of targets, a batch of one included."""
    net = build(word, source, target, *widths)

    assert net(torch.zeros(3, *source)).shape == (3, *target)
    assert net(torch.zeros(1, *source)).shape == (1, *target)


@pytest.mark.parametrize(("word", "source", "target", "widths"), CASES)
def test_count_is_the_number_of_parameters(
    word: str, source: tuple[int, ...], target: tuple[int, ...], widths: tuple[int, ...]
) -> None:
    """The declared count is the actual one."""
    net = build(word, source, target, *widths)

    assert NETWORKS[word].count(source, target, *widths) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("word", NETWORKS)
def test_start_is_set_by_the_generator(word: str) -> None:
    """One seed, one network; the global generator is not touched."""
    before = torch.get_rng_state()
    one, same, other = (build(word, IMAGE, VECTOR, seed=seed) for seed in (1, 1, 2))

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("word", [w for w, entry in NETWORKS.items() if entry.prob_tail])
def test_score_stands_before_the_sigmoid(word: str) -> None:
    """With out = sigmoid the first part is the score, of the same shape as the probability."""
    net, x = build(word, IMAGE, NUMBER, out="sigmoid"), torch.ones(3, *IMAGE)

    assert torch.equal(torch.sigmoid(net[0](x)), net(x))
    assert net[0](x).shape == (3,)


@pytest.mark.parametrize("word", [w for w, entry in NETWORKS.items() if entry.affine])
def test_affine_families_are_affine_in_their_parameters(word: str) -> None:
    """The output at the middle of two parameter vectors is the middle of the outputs."""
    one, two = build(word, IMAGE, VECTOR, seed=1), build(word, IMAGE, VECTOR, seed=2)
    x = torch.ones(3, *IMAGE)
    expected = (one(x) + two(x)) / 2
    with torch.no_grad():
        for a, b in zip(one.parameters(), two.parameters(), strict=True):
            a.copy_((a + b) / 2)

    assert torch.allclose(one(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("word", "option"), [(w, o) for w, entry in NETWORKS.items() for o in entry.options if o.words]
)
def test_every_word_of_an_option_builds(word: str, option: Option) -> None:
    """Each allowed word gives a network that maps to finite values."""
    for choice in option.words:
        assert build(word, IMAGE, VECTOR, **{option.name: choice})(torch.ones(2, *IMAGE)).isfinite().all()


@pytest.mark.parametrize(("source", "cause"), [((64,), "reads images"), ((1, 7, 9), "8 x 8 or more"), (IMAGE, None)])
def test_small_cnn_says_what_does_not_fit(source: tuple[int, ...], cause: str | None) -> None:
    """A vector and a small image are refused in words."""
    found = small_cnn_misfit(source, VECTOR)

    assert (found is None) if cause is None else (found is not None and cause in found.cause)
