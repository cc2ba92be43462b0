"""Tables of scikit-learn against scikit-learn, and toy data against their curves and modes."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec.kernels.noise import Noise
from gamespec.library.data.diabetes import load_diabetes
from gamespec.library.data.iris import load_iris
from gamespec.library.data.swiss_roll import draw_swiss_roll
from gamespec.library.data.two_modes import draw_two_modes, two_mode_centers
from gamespec.library.data.vat_toy import load_vat_toy, plane_in_space
from gamespec.library.data.wine import load_wine
from gamespec.library.registry import words


def rng(seed: int = 0) -> torch.Generator:
    """A generator with a seed."""
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("word", "rows"), [("iris", 150), ("wine", 178), ("diabetes", 442)])
def test_tables_are_those_of_scikit_learn(word: str, rows: int) -> None:
    """The rows of scikit-learn in the fixed order, in units of the train rows; the labels are its labels."""
    datasets = pytest.importorskip("sklearn.datasets")
    options = {"scaled": False} if word == "diabetes" else {}
    theirs = getattr(datasets, f"load_{word}")(**options)
    order, cut = torch.randperm(rows, generator=rng(2)), rows * 4 // 5
    raw, target = torch.tensor(theirs.data)[order].double(), torch.tensor(theirs.target)[order]
    found = words("data")[word].load("all")
    expected = (raw - raw[:cut].mean(dim=0)) / raw[:cut].std(dim=0, correction=0)

    assert torch.allclose(found["x"], expected.float(), atol=1e-5)
    if word == "diabetes":
        centred = (target - target[:cut].mean()) / target[:cut].std(correction=0)

        assert torch.allclose(found["y"], centred.float(), atol=1e-5)
        assert torch.equal(found["high"], (target > target[:cut].median()).long())
    else:
        assert torch.equal(found["y"], target)


def test_splits_of_the_new_tables_have_the_known_sizes() -> None:
    """80 to 20, and every class in both parts."""
    assert [len(load_iris(s)["y"]) for s in ("train", "test")] == [120, 30]
    assert [len(load_wine(s)["y"]) for s in ("train", "test")] == [142, 36]
    assert [len(load_diabetes(s)["y"]) for s in ("train", "test")] == [353, 89]
    assert set(load_iris("test")["y"].tolist()) == set(load_wine("test")["y"].tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="there are high"):
        load_diabetes(targets=("y",))


def test_swiss_roll_lies_on_its_spiral() -> None:
    """Without noise the radius grows as the angle, from a tenth of 2 pi to within 2 of the origin, over 1.5 turns."""
    x = draw_swiss_roll(4000, Noise(torch.tensor(0), torch.arange(4000)), noise=0.0, dtype=torch.float64)
    radius = 7.5 * x.norm(dim=1)
    back = torch.stack([torch.cos(radius), torch.sin(radius)], dim=1) * radius.unsqueeze(1) / 7.5

    assert torch.allclose(back, x, rtol=0, atol=1e-9)
    assert 1.5 * math.pi <= radius.min() < 1.6 * math.pi
    assert 4.4 * math.pi < radius.max() <= 4.5 * math.pi


def test_two_modes_have_unit_length_and_their_cosine() -> None:
    """Half of the rows at each mode, to within chance; noise spreads them."""
    modes, x = two_mode_centers(0.3), draw_two_modes(2000, Noise(torch.tensor(0), torch.arange(2000)), 0.3, dtype=torch.float64)
    at = (x @ modes.mT).argmax(dim=1)

    assert torch.allclose(modes @ modes.mT, torch.tensor([[1.0, 0.3], [0.3, 1.0]], dtype=torch.float64))
    assert torch.equal(x, modes[at])
    assert abs(float(at.double().mean()) - 0.5) < 0.05
    assert float(draw_two_modes(2000, Noise(torch.tensor(0), torch.arange(2000)), std=0.1)[:, 2:].std()) == pytest.approx(0.1, abs=0.01)


def test_vat_toy_is_a_plane_curve_in_space() -> None:
    """Distances of the plane curve are kept, both seeds share one plane, and classes are balanced."""
    train, test = load_vat_toy("circles"), load_vat_toy("circles", 1000, 1)
    plane = plane_in_space(100)
    flat = words("data")["circles"].load(16, 0.0, 0)

    assert torch.allclose(plane @ plane.mT, torch.eye(2, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(torch.cdist(train["x"], train["x"]), torch.cdist(flat["x"], flat["x"]), atol=1e-4)
    assert torch.linalg.matrix_rank(torch.cat([train["x"], test["x"]]), rtol=1e-4) == 2
    assert train["y"].sum() == 8
    assert torch.equal(train["y"], flat["y"])
    with pytest.raises(ValueError, match="moons or circles"):
        load_vat_toy("spirals")
