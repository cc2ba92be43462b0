"""Laws that every network family keeps."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gamespec.kernels.reset import initialise
from gamespec.library.base import Option
from gamespec.library.networks.blocks import residual_block
from gamespec.library.networks.small_cnn import small_cnn_misfit
from gamespec.library.registry import words

NETWORKS = words("networks")
WIDTHS: dict[str, list[tuple[int, ...]]] = {"mlp": [(), (12,), (12, 7)]}
# Options that make a network small enough for a test; its count is also tested at the defaults.
SMALL: dict[str, dict[str, int]] = {w: {"width": 4} for w in NETWORKS if any(o.name == "width" for o in NETWORKS[w].options)}
IMAGE, SQUARE, VECTOR, NUMBER = (2, 9, 8), (3, 28, 28), (5,), ()


def fits(word: str, source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a network says that it takes these shapes."""
    entry = NETWORKS[word]
    return entry.rank in (None, len(source)) and (entry.misfit is None or entry.misfit(source, target) is None)


SHAPES = {word: [(s, t) for s in (IMAGE, SQUARE, VECTOR, NUMBER) for t in (IMAGE, SQUARE, VECTOR, NUMBER) if fits(word, s, t)] for word in NETWORKS}
CASES = [(word, *shapes, widths) for word in NETWORKS for shapes in SHAPES[word] for widths in WIDTHS.get(word, [()])]


def build(word: str, *args: object, seed: int = 0, **options: object) -> nn.Module:
    """A network made without values and filled from a generator."""
    with torch.device("meta"):
        net = NETWORKS[word].build(*args, **SMALL.get(word, {}) | options)
    net = net.to_empty(device="cpu")
    initialise(net, torch.Generator().manual_seed(seed))
    return net


@pytest.mark.parametrize(("word", "source", "target", "widths"), CASES)
def test_output_has_the_declared_shape(word: str, source: tuple[int, ...], target: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """A batch of sources becomes a batch of targets, a batch of one included."""
    net = build(word, source, target, *widths)

    assert net(torch.zeros(3, *source)).shape == (3, *target)
    assert net(torch.zeros(1, *source)).shape == (1, *target)


@pytest.mark.parametrize(("word", "source", "target", "widths"), CASES)
def test_count_is_the_number_of_parameters(word: str, source: tuple[int, ...], target: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """The declared count is the actual one."""
    net = build(word, source, target, *widths)

    small = NETWORKS[word].count(source, target, *widths, **SMALL.get(word, {}))

    assert small == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("word", NETWORKS)
def test_start_is_set_by_the_generator(word: str) -> None:
    """One seed, one network; the global generator is not touched."""
    before = torch.get_rng_state()
    one, same, other = (build(word, *SHAPES[word][0], seed=seed) for seed in (1, 1, 2))

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("word", [w for w, entry in NETWORKS.items() if entry.prob_tail])
def test_score_stands_before_the_sigmoid(word: str) -> None:
    """With out = sigmoid the first part is the score, of the same shape as the probability."""
    source, target = SHAPES[word][-1]
    net, x = build(word, source, target, out="sigmoid").eval(), torch.ones(3, *source)

    assert torch.equal(torch.sigmoid(net[0](x)), net(x))
    assert net[0](x).shape == (3, *target)


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


@pytest.mark.parametrize(("word", "option"), [(w, o) for w, entry in NETWORKS.items() for o in entry.options if o.words])
def test_every_word_of_an_option_builds(word: str, option: Option) -> None:
    """Each allowed word gives a network that maps to finite values."""
    source, target = SHAPES[word][0]
    widths = WIDTHS.get(word, [()])[-1]
    for choice in option.words:
        net = build(word, source, target, *widths, **{option.name: choice})
        small = SMALL.get(word, {}) | {option.name: choice}

        assert net(torch.ones(2, *source)).isfinite().all()
        assert NETWORKS[word].count(source, target, *widths, **small) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("word", NETWORKS)
def test_samples_meet_only_where_declared(word: str) -> None:
    """In training mode a row's output depends on the other rows in a batch-coupled family alone; no network is stuck."""
    source, target = SHAPES[word][0]
    net, rng = build(word, source, target), torch.Generator().manual_seed(0)
    x, others = torch.randn(4, *source, generator=rng), torch.randn(3, *source, generator=rng)
    together = net(torch.cat([x[:1], others]))[0]
    coupled = not torch.allclose(net(x)[0], together, rtol=0, atol=1e-6)

    declared = NETWORKS[word].batch_coupled
    assert coupled == (declared is not None and declared())
    assert not torch.equal(net(x)[0], net(x)[1])


@pytest.mark.parametrize("word", [w for w, entry in NETWORKS.items() if any(o.name == "mean" for o in entry.options)])
def test_units_of_a_network_are_those_of_its_inputs(word: str) -> None:
    """A network with mean and std gives what the same network without them gives of (x - mean) / std."""
    source, target = SHAPES[word][0]
    mean, std = tuple(0.1 * k for k in range(source[0])), tuple(0.5 + k for k in range(source[0]))
    plain, one, many = (build(word, source, target, **o).eval() for o in ({}, {"mean": (0.3,), "std": (2.0,)}, {"mean": mean, "std": std}))
    x = torch.rand(2, *source, generator=torch.Generator().manual_seed(0))
    shift, scale = (torch.tensor(v).reshape(-1, 1, 1) for v in (mean, std))

    assert torch.allclose(one(x), plain((x - 0.3) / 2), rtol=0, atol=1e-5)
    assert torch.allclose(many(x), plain((x - shift) / scale), rtol=0, atol=1e-5)
    assert NETWORKS[word].misfit(source, target, mean=(0.1,) * 7).cause == f"`mean` has 7 numbers for {source[0]} channels"
    assert "has a 0" in NETWORKS[word].misfit(source, target, std=(0.0,)).cause


@pytest.mark.parametrize(
    ("word", "source", "target", "options", "expected"),
    [
        ("preact_resnet18", (3, 32, 32), (10,), {}, 11_172_170),
        ("dcgan_generator", (100,), (3, 64, 64), {}, 3_576_704),
        ("dcgan_critic", (3, 64, 64), (), {"norm": "group"}, 2_765_568),
    ],
)
def test_sizes_are_the_published_ones(word: str, source: tuple[int, ...], target: tuple[int, ...], options: dict[str, object], expected: int) -> None:
    """The networks of the papers, as public code builds them, have these numbers of parameters."""
    with torch.device("meta"):
        net = NETWORKS[word].build(source, target, **options)

    assert NETWORKS[word].count(source, target, **options) == expected
    assert sum(p.numel() for p in net.parameters()) == expected


def test_conv4_gives_its_features_where_they_have_the_size_of_the_target() -> None:
    """64 features of an image of 28 x 28 pass as they are; another size takes an affine map; deeper stages count."""
    features = build("conv4", (1, 28, 28), (64,), width=64)
    scores = build("conv4", (1, 28, 28), (5,), width=64)
    deep = {"width": 8, "blocks": 3, "norm": "group"}

    assert sum(p.numel() for p in features.parameters()) == 9 * 64 + 27 * 64**2 + 8 * 64
    assert sum(p.numel() for p in scores.parameters()) == 9 * 64 + 27 * 64**2 + 8 * 64 + 65 * 5
    assert NETWORKS["small_resnet"].count(IMAGE, VECTOR, **deep) == sum(p.numel() for p in build("small_resnet", IMAGE, VECTOR, **deep).parameters())


@pytest.mark.parametrize("side", [8, 16, 32, 64, 14, 28, 56])
def test_dcgan_makes_and_reads_images_of_many_sizes(side: int) -> None:
    """An image of every side that halves to 4 or 7 comes out of the generator and goes into the critic."""
    image = build("dcgan_generator", (6,), (3, side, side))(torch.ones(2, 6))
    score = build("dcgan_critic", (3, side, side), ())(image)

    assert image.shape == (2, 3, side, side)
    assert image.abs().max() < 1
    assert score.shape == (2,)


@pytest.mark.parametrize(
    ("word", "source", "target", "cause"),
    [
        ("dcgan_generator", (8,), (3, 20, 20), "makes square images of 8"),
        ("dcgan_generator", (8,), (3, 7, 7), "makes square images of 8"),
        ("dcgan_generator", (8,), (5,), "makes images"),
        ("dcgan_critic", (3, 16, 32), (), "reads square images of 8"),
        ("conv4", (1, 15, 28), (5,), "16 x 16 or more"),
        ("preact_resnet18", (64,), (5,), "reads images"),
        ("small_resnet", (1, 3, 8), (5,), "4 x 4 or more"),
    ],
)
def test_networks_say_what_does_not_fit(word: str, source: tuple[int, ...], target: tuple[int, ...], cause: str) -> None:
    """Sides that do not halve, vectors and small images are refused in words."""
    assert cause in NETWORKS[word].misfit(source, target).cause


def test_residual_block_adds_what_comes_in() -> None:
    """With its last convolution at zero a block that keeps the shape is the identity; the other takes its shortcut."""
    same = residual_block(4, 4, 1, "none", "relu")[-1]
    other = residual_block(4, 8, 2, "none", "relu")[-1]
    for block in (same, other):
        last = list(block.path)[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    x = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))

    assert torch.equal(same(x), x)
    assert torch.equal(other(x), other.shortcut(x))


def test_maxout_is_the_larger_of_two_maps() -> None:
    """A hidden unit is the larger of two affine maps, so that it can be an absolute value."""
    net = build("mlp", (1,), (), 1, act="maxout")
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        net[0].bias.zero_()
        net[2].weight.fill_(1.0)
        net[2].bias.zero_()

    assert net(torch.tensor([[-2.0], [3.0]])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("word", NETWORKS)
def test_networks_can_be_copied_and_called_at_other_parameters(word: str) -> None:
    """A deep copy gives the same, and a functional call at scaled parameters is that of the scaled network."""
    source, target = SHAPES[word][0]
    net = build(word, source, target).eval()
    x = torch.ones(2, *source)
    twin = copy.deepcopy(net)
    doubled = {name: 2 * p.detach() for name, p in net.named_parameters()}
    with torch.no_grad():
        for p in twin.parameters():
            p.mul_(2)

    assert torch.equal(torch.func.functional_call(net, doubled, (x,)), twin(x))
    assert torch.equal(copy.deepcopy(net)(x), net(x))


@pytest.mark.parametrize(("source", "cause"), [((64,), "reads images"), ((1, 7, 9), "8 x 8 or more"), (IMAGE, None)])
def test_small_cnn_says_what_does_not_fit(source: tuple[int, ...], cause: str | None) -> None:
    """A vector and a small image are refused in words."""
    found = small_cnn_misfit(source, VECTOR)

    assert (found is None) if cause is None else (found is not None and cause in found.cause)
