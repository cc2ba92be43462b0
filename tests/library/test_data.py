"""Laws that every data source keeps."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch

from gamespec.kernels.noise import Noise
from gamespec.library.base import Source
from gamespec.library.data.breast_cancer import load_breast_cancer
from gamespec.library.data.digits import load_digits
from gamespec.library.data.mog import draw_mog, ring_centers
from gamespec.library.registry import words

DATA = words("data")
TABLES = [word for word, entry in DATA.items() if entry.load and not entry.columns_of]
STREAMS = [word for word, entry in DATA.items() if entry.draw]
DTYPES = {"real": torch.float32, "class": torch.int64, "index": torch.int64, "bool": torch.bool}


def has(entry: Source, option: str) -> bool:
    """Whether a source takes an option."""
    return any(o.name == option for o in entry.options)


@pytest.mark.parametrize("word", TABLES)
def test_columns_are_as_declared(word: str) -> None:
    """A table has the declared columns, shapes, kinds, classes, ranges and rows; a task has rows of its own."""
    entry, table = DATA[word], DATA[word].load()
    rows = entry.rows()

    assert list(table) == list(entry.columns)
    for name, column in entry.columns.items():
        values = table[name]
        each = values.shape[1:2] if "." in name else ()
        assert values.shape == (rows, *each, *column.shape)
        assert values.dtype == DTYPES[column.kind]
        if column.kind == "class":
            assert values.unique().tolist() == list(range(column.size))
        if column.kind == "index":
            assert torch.equal(values, torch.arange(rows))
        if column.range:
            assert column.range[0] <= values.min()
            assert values.max() <= column.range[1]


@pytest.mark.parametrize("word", TABLES)
def test_a_table_is_the_same_every_time(word: str) -> None:
    """Two loads agree bit for bit and leave the global generator alone."""
    before = torch.get_rng_state()
    one, two = DATA[word].load(), DATA[word].load()

    assert all(torch.equal(one[k], two[k]) for k in one)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("word", [w for w in TABLES if has(DATA[w], "seed")])
def test_another_seed_is_another_sample(word: str) -> None:
    """Generated tables change with the seed and have as many rows as asked."""
    many = "n" if has(DATA[word], "n") else "tasks"
    one, two = (DATA[word].load(**{many: 50}, seed=seed) for seed in (0, 1))
    first = next(iter(one))

    assert len(one[first]) == DATA[word].rows(**{many: 50}) == 50
    assert not torch.equal(one[first], two[first])


@pytest.mark.parametrize("word", [w for w in TABLES if has(DATA[w], "split")])
def test_splits_share_no_row_and_make_up_the_whole(word: str) -> None:
    """Train then test, 80 to 20, is all; subset and offset cut rows out of a split."""
    entry = DATA[word]
    train, test, whole = (entry.load(split) for split in ("train", "test", "all"))
    part = entry.load("train", subset=20, offset=7)

    assert torch.equal(torch.cat([train["x"], test["x"]]), whole["x"])
    assert len(train["x"]) == entry.rows("train") == entry.rows() * 4 // 5
    assert entry.rows("train", subset=20, offset=7) == 20
    assert torch.equal(part["x"], train["x"][7:27])
    assert part["i"].tolist() == list(range(20))


@pytest.mark.parametrize("word", [w for w in TABLES if has(DATA[w], "label_noise")])
def test_label_noise_flips_the_exact_share_to_other_labels(word: str) -> None:
    """round(share * n) rows, each to another class; x and y_clean stay; the seed chooses the rows."""
    clean = DATA[word].load("train", subset=101)
    noisy = DATA[word].load("train", subset=101, label_noise=0.3)
    other = DATA[word].load("train", subset=101, label_noise=0.3, noise_seed=1)

    assert noisy["is_noisy"].sum() == 30
    assert torch.equal(noisy["is_noisy"], noisy["y"] != noisy["y_clean"])
    assert torch.equal(noisy["y_clean"], clean["y"])
    assert torch.equal(noisy["x"], clean["x"])
    assert not torch.equal(noisy["is_noisy"], other["is_noisy"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "valid"}, "train, test or all"),
        ({"split": "test", "subset": 361}, "rows 0 to 361 asked of test, which has 360"),
        ({"split": "test", "offset": 360}, "asked of test"),
        ({"label_noise": 1.5}, "a share of the rows"),
        ({"targets": ("x",)}, "no column with classes; there are y, large, odd, y_clean"),
    ],
)
def test_digits_names_what_does_not_exist(options: dict[str, object], said: str) -> None:
    """Splits, rows, shares and targets that do not exist are errors."""
    with pytest.raises(ValueError, match=said):
        load_digits(**options)  # type: ignore[arg-type]  # wrong on purpose; until 2027-11


def test_digits_has_the_known_sizes_and_labels() -> None:
    """1 437 and 360 rows; large and odd follow from the label; equal to what scikit-learn loads."""
    datasets = pytest.importorskip("sklearn.datasets")
    table = load_digits("all")
    theirs = datasets.load_digits()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(2))

    assert DATA["digits"].rows("train") == 1437
    assert DATA["digits"].rows("test") == 360
    assert torch.equal(table["x"], torch.tensor(theirs.data / 16).float()[order])
    assert torch.equal(table["y"], torch.tensor(theirs.target)[order])
    assert torch.equal(table["large"], (table["y"] >= 5).long())
    assert torch.equal(table["odd"], table["y"] % 2)


def test_breast_cancer_is_standardised_by_its_train_rows() -> None:
    """Train columns have mean 0 and spread 1; test columns only nearly."""
    train, test = load_breast_cancer("train")["x"], load_breast_cancer("test")["x"]

    assert train.mean(dim=0).abs().max() < 1e-5
    assert (train.std(dim=0, correction=0) - 1).abs().max() < 1e-5
    assert 1e-3 < test.mean(dim=0).abs().max() < 0.5


def test_missing_scikit_learn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(RuntimeError, match="pip install scikit-learn"):
        load_digits("test")


@pytest.mark.parametrize("word", STREAMS)
def test_a_stream_is_set_by_its_generator(word: str) -> None:
    """One seed, one draw, of the declared shape; the global generator is not touched."""
    entry, before = DATA[word], torch.get_rng_state()
    one, two = (entry.draw(6, Noise(torch.tensor(3), torch.arange(6))) for _ in range(2))

    assert torch.equal(one, two)
    assert one.shape == (6, *entry.columns["x"].shape)
    assert torch.equal(torch.get_rng_state(), before)


def test_mog_draws_around_its_centers() -> None:
    """Points keep to their modes and visit all of them, on a ring and on a grid."""
    x = draw_mog(2000, Noise(torch.tensor(0), torch.arange(2000)), std=0.02)
    mode = torch.cdist(x, ring_centers().float()).min(dim=1)
    grid = draw_mog(2000, Noise(torch.tensor(0), torch.arange(2000)), modes=25, std=0.0, layout="grid", dtype=torch.float64)

    assert mode.values.max() < 0.1
    assert torch.bincount(mode.indices).min() > 150
    assert grid.dtype == torch.float64
    assert sorted(set(grid[:, 0].tolist())) == [-2, -1, 0, 1, 2]


def test_mog_names_a_grid_that_is_no_square() -> None:
    """A grid needs a square number of modes."""
    with pytest.raises(ValueError, match="a grid of 8 modes is no square; 4 or 9 would be"):
        draw_mog(1, Noise(torch.tensor(0), torch.arange(1)), layout="grid")


def test_moons_and_circles_lie_on_their_curves() -> None:
    """Without noise, points are on half circles around (0, 0) and (1, 1/2), and on circles of radius 1 and 1/2."""
    moons, circles = DATA["moons"].load(noise=0.0), DATA["circles"].load(noise=0.0)
    upper = moons["y"] == 0
    lower = moons["x"][~upper] - torch.tensor([1.0, 0.5])

    assert torch.allclose(moons["x"][upper].norm(dim=1), torch.ones(200), atol=1e-6)
    assert torch.allclose(lower.norm(dim=1), torch.ones(200), atol=1e-6)
    assert moons["x"][upper][:, 1].min() >= 0 >= lower[:, 1].max()
    assert torch.allclose(circles["x"].norm(dim=1), torch.where(circles["y"] == 1, 0.5, 1.0), atol=1e-6)
    assert math.isclose(circles["y"].double().mean(), 0.5)
