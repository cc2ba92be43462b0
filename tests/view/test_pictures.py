"""Pictures: what is drawn is what is true."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gamespec import cli
from gamespec.run.sampled import Sampled
from gamespec.run.sweep import Line
from gamespec.view import attack, field, grid, plane, png, samples, svg
from gamespec.view.album import album
from gamespec.view.contour import contour, joined
from gamespec.view.field import Forces, forces, stationary_points
from gamespec.view.opened import Undrawable, open_run
from gamespec.view.picture import Band, Curve, Dots, Panel, Picture, Regions
from gamespec.view.scale import Scale, label
from tests.run.seals import resealed
from tests.view.conftest import GENERATOR


def game(f, g=None, senses=(1, -1), sequential=True):
    """A game of two numbers from its objectives."""
    return Forces(("x", "y"), (f, g or f), senses, sequential)


@pytest.mark.parametrize(
    ("f", "kind", "motion"),
    [
        (lambda x, y: x**2 - y**2, "local Nash", "attracts"),
        (lambda x, y: x * y, "stationary, flat", "is circled"),
        (lambda x, y: -(x**2) + y**2 + 2 * x * y, "neither", "repels"),
        (lambda x, y: -(x**2) - 4 * y**2 + 6 * x * y, "local minimax", "attracts"),
        (lambda x, y: -(x**2) - y**2, "neither", "is a saddle of the motion"),
    ],
    ids=["saddle", "bilinear", "anti-saddle", "minimax", "runaway"],
)
def test_a_stationary_point_has_its_kind(f, kind, motion):
    """The origin of five games that are worked by hand."""
    (found,) = stationary_points(game(f), (-1.0, -1.0), (1.0, 1.0))

    assert (found.kind, found.motion) == (kind, motion)
    assert found.at == pytest.approx((0.0, 0.0), abs=1e-7)


def test_all_stationary_points_of_a_window_are_found():
    """x^4/4 - x^2/2 has three, each a saddle point in y."""
    found = stationary_points(game(lambda x, y: x**4 / 4 - x**2 / 2 - y**2), (-2.0, -2.0), (2.0, 2.0))

    assert [round(p.at[0], 6) for p in found] == [-1.0, 0.0, 1.0]
    assert [p.kind for p in found] == ["local Nash", "neither", "local Nash"]


def test_the_plane_of_a_cycle(cycle):
    """The path is that of the run, the stationary point is the known one, the cycle is found."""
    run = open_run(cycle)
    path, whole = plane.walked(run)
    picture = plane.plane(run)

    drawn = [m for m in picture.panels[0].marks if getattr(m, "opacity", 1) == 0.3]
    assert whole
    assert len(drawn) > 15
    assert [m.name for m in drawn if m.name] == ["200 steps from other starts"]
    assert path[-1] == (float(run.numbers("x")["value"]), float(run.numbers("y")["value"]))
    assert "(0.03922, 0.08051) is local Nash; it attracts." in picture.caption
    assert any("once in 138" in getattr(m, "name", "") for panel in picture.panels for m in panel.marks)


def test_the_field_is_minus_the_gradient(cycle):
    """Central differences of the objective agree with the forces of both players."""
    f = forces(open_run(cycle))
    z, h = torch.tensor([0.3, -0.7], dtype=torch.float64), 1e-5
    step = torch.eye(2, dtype=torch.float64) * h
    slopes = [f.senses[k] * (f.value(z + step[k]) - f.value(z - step[k])) / (2 * h) for k in (0, 1)]

    assert field.over(f.gradient, z[None])[0].tolist() == pytest.approx([float(s) for s in slopes], abs=1e-8)
    assert f.zero_sum(torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))


def test_robustness_falls_with_the_radius(robust):
    """At radius 0 the curve is the clean accuracy; it never rises; the program keeps its own radius."""
    run = open_run(robust)
    panel = attack.over_radius(run).panels[0]
    (curve,) = [m for m in panel.marks if isinstance(m, Curve)]

    assert curve.xs[0] == 0.0
    assert all(a >= b - 0.02 for a, b in zip(curve.ys, curve.ys[1:], strict=False))
    assert run.module.eps == 0.1


def test_regions_that_are_robust_are_smaller(robust):
    """Every cell of the robust picture has the class of the clean one, and some have none."""
    clean, kept = (next(m for m in p.marks if isinstance(m, Regions)).cells for p in samples.boundaries(open_run(robust)).panels)
    flat = [(a, b) for row, other in zip(clean, kept, strict=True) for a, b in zip(row, other, strict=True)]

    assert all(b in (a, None) for a, b in flat)
    assert 0 < sum(b is None for _, b in flat) < len(flat)


def test_samples_stand_beside_the_data(generator):
    """As many points of the generator as of the data."""
    (panel,) = samples.generated(open_run(generator)).panels
    sizes = [len(m.xs) for m in panel.marks]

    assert sizes == [1000, 1000]


def test_samples_over_time_are_those_of_the_run(images):
    """Looks come at doubled steps; the last, at the last step, is what the saved generator makes of the same noise."""
    run = open_run(images)
    kept = [(row["step"], row["@samples"]["G"]) for row in run.history if "@samples" in row]
    sampled = Sampled(run.game, run.module)
    last = sampled.look(16, run.state)["G"]

    assert [step for step, _ in kept] == [1, 2, 4, 8, 16]
    assert all(later != earlier for (_, earlier), (_, later) in itertools.pairwise(kept))
    assert kept[-1][1] == last
    assert torch.tensor(last).shape == (8, 1, 8, 8)
    assert sampled.look(31, run.state) == {}


def test_keeping_samples_changes_no_bit(generator, made, monkeypatch):
    """The same run without any look ends with the same players."""
    monkeypatch.setattr(Sampled, "look", lambda *_: {})
    kept, blind = open_run(generator), open_run(made(GENERATOR))

    assert torch.tensor(kept.history[0]["@samples"]["G"]).shape == (200, 2)
    assert not any("@samples" in row for row in blind.history)
    for name in ("G", "D"):
        assert all(torch.equal(kept.numbers(name)[key], value) for key, value in blind.numbers(name).items())


def test_samples_over_time_are_drawn_in_order(generator, images):
    """Clouds share the axes of all of them; images have one row for each look."""
    clouds = samples.over_time(open_run(generator)).panels
    (tiles,) = samples.over_time(open_run(images)).panels

    assert [p.title for p in clouds] == [f"G, step {k}" for k in (1, 2, 4, 8, 16)]
    assert len({(p.xlim, p.ylim) for p in clouds}) == 1
    assert [len(row) for row in tiles.rows] == [8] * 5


def test_saliency_of_plain_and_robust_side_by_side(images):
    """Each row has the image, its change, and what either network looks at; for a linear one that is the weight of the class."""
    run = open_run(images)
    (tiles,) = attack.images(run).panels
    image, _, _, robust, plain = (torch.tensor(t) for t in tiles.rows[0])
    weights = run.state.plain_[-1].weight.detach()
    largest = weights[run.state.plain_(image[None]).argmax()].abs()

    assert tiles.names == ("image", "change", "attacked", "h", "plain")
    assert torch.allclose(plain.flatten(), largest / largest.max(), atol=1e-5)
    assert not torch.allclose(robust, plain)


def test_a_sweep_shows_utility_against_privacy():
    """Of many metrics these two are one curve, from the least privacy on, as rho goes on."""
    lines = [
        Line((("rho", str(rho)),), ("finished",), 0, {"privacy": (p,), "raw": (0.9,), "utility": (u,)})
        for rho, p, u in ((1, 0.5, 0.8), (9, 0.7, 0.9))
    ]
    panel = grid.picture([*lines, *lines[:1]], "sweep").panels[-1]

    assert (panel.x, panel.y) == ("privacy", "utility")
    assert list(panel.marks[0].xs) == [0.5, 0.5, 0.7]


def test_an_album_says_what_is_missing(generator):
    """What a run does not give is named with a reason."""
    found = album(open_run(generator))

    assert [p.name for p in found.pictures] == ["curves", "samples", "over_time"]
    assert any(m.startswith("the plane: the game is not one of two numbers") for m in found.missing)


def test_a_program_that_fails_costs_one_picture(cycle, tmp_path):
    """Learning curves need no program."""
    import shutil

    shutil.copytree(cycle, tmp_path / "run")
    (tmp_path / "run" / "program.py").write_text("raise RuntimeError('no')\n")
    resealed(tmp_path / "run")
    found = album(open_run(tmp_path / "run"))

    assert [p.name for p in found.pictures] == ["curves"]
    assert any("RuntimeError: no" in m for m in found.missing)


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers | st.sampled_from([math.nan, math.inf])), min_size=1, max_size=30), st.booleans())
def test_any_numbers_make_an_image(points, log):
    """Whatever a run reports, the SVG is XML and all of its places are finite."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    marks = (Curve(xs, ys, "a < b"), Dots(xs, ys, "c"), Band(xs, [0.0] * len(xs), [1.0] * len(xs)))
    text = svg.document([Picture("p", "t", (Panel("title & more", "x", "y", marks, log=log),))])
    places = [v for e in ElementTree.fromstring(text).iter() for k, v in e.attrib.items() if k in ("d", "cx", "cy", "x", "y")]

    assert not any("nan" in p or "inf" in p for p in places)


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5))
def test_ticks_are_round_and_inside(low, wide):
    """At least two and at most eight numbers, all inside, labelled apart."""
    ticks = Scale(low, low + wide, 0.0, 100.0).ticks()

    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-6 * wide <= t <= low + wide * (1 + 1e-6) for t in ticks)


def test_labels_are_short():
    """Numbers of any size."""
    assert [label(v) for v in (0.0, 0.25, -3.0, 1e-9, 2.5e8)] == ["0", "0.25", "\N{MINUS SIGN}3", "1e\N{MINUS SIGN}9", "2.5e8"]


def test_a_circle_is_one_closed_line():
    """The line of x^2 + y^2 = 1 lies on the circle and closes."""
    grid = [-2 + 4 * k / 40 for k in range(41)]
    (line,) = joined(contour([[x * x + y * y for x in grid] for y in grid], grid, grid, 1.0))

    assert line[0] == pytest.approx(line[-1])
    assert all(abs(math.hypot(x, y) - 1) < 0.01 for x, y in line)


def test_plot_writes_both_formats(cycle, tmp_path, capsys):
    """An SVG needs nothing; a PNG needs matplotlib; other endings are refused."""
    pytest.importorskip("matplotlib", reason="the extra `view` is not installed")
    codes = [cli.main(["plot", str(cycle), "-o", str(tmp_path / name)]) for name in ("a.svg", "a.png", "a.pdf")]

    assert codes == [0, 0, 2]
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_png_without_matplotlib_is_refused(monkeypatch):
    """The hint says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(Undrawable, match=r"pip install \"gamespec\[view\]\""):
        png.document([Picture("p", "t", (Panel("a"),))])
