"""The page about a run: complete, self-contained, readable on a phone and on a desk, by day and by night."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from gamespec import cli
from gamespec.view.album import album
from gamespec.view.opened import open_run
from gamespec.view.page import report
from gamespec.view.picture import Curve

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Balanced(HTMLParser):
    """Remembers what is open, and every address that the page mentions."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        """Open."""
        self.addresses += [v for k, v in attrs if k in ("src", "href") and v]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Nothing stays open."""

    def handle_endtag(self, tag):
        """Close what was opened last."""
        assert self.open, tag
        assert self.open.pop() == tag


@pytest.fixture(params=["cycle", "robust", "generator", "images"])
def page(request):
    """The page of each run."""
    return report(open_run(request.getfixturevalue(request.param)))


def test_a_page_of_images_fits_a_phone(images, measured):
    """Tiles of many columns and rows shrink with the page."""
    found = measured(report(open_run(images)), 390)

    assert int(found["wide"]) <= int(found["inner"]) == 390


def test_a_page_is_well_formed_and_fetches_nothing(page):
    """Every tag is closed, nothing has an address but the empty icon, no script is inside."""
    parser = Balanced()
    parser.feed(page)

    assert parser.open == []
    assert parser.addresses == ["data:,"]
    assert "<script" not in page
    assert "nan" not in re.findall(r'(?: d| x| y| cx| cy)="([^"]*)"', page)


def test_a_page_has_every_part(cycle):
    """Status with advice, maths, diagram, metrics, certificate, expectations, explanation, text, manifest."""
    page = report(open_run(cycle))

    for part in ("cycling", "The players keep moving", "<math", 'class="diagram"', "Certificate", "Expectations", "status == cycling",
                 "solver extragradient", "var</span> x", "gamec replay", "Learning curves", "The game in the plane", "local Nash"):  # fmt: skip
        assert part in page, part


def test_a_page_shows_text_of_the_game_as_text(made):
    """Signs of HTML in a comment stay signs."""
    text = "language 1\ngame toy\n# <script>alert(1)</script> & more\nvar x: R init 1\nsolve min{x} [ x^2 ]\nrun { steps = 5 }\n"
    page = report(open_run(made(text)))

    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200], ids=["phone", "desktop"])
def test_a_page_fits_its_window(robust, measured, width, dark):
    """No part is wider than the window, formulas are set, and the colours follow the reader's system."""
    found = measured(report(open_run(robust)), width, dark=dark)

    assert int(found["inner"]) == width
    assert int(found["wide"]) <= width
    assert int(found["math"]) > 15
    assert int(found["paths"]) > 10
    assert (sum(map(int, re.findall(r"\d+", found["page"])[:3])) < 200) is dark
    assert (sum(map(int, re.findall(r"\d+", found["ink"])[:3])) > 500) is dark


@pytest.mark.parametrize(
    ("name", "part", "width", "dark"),
    [
        ("cycle", "The game in the plane", 1200, False),
        ("generator", "Samples over time", 390, True),
        ("images", "columns h, plain: what each network looks at", 1200, True),
        ("images", "Samples over time", 390, False),
    ],
)
def test_a_page_is_silent(request, name, part, width, dark, chromium, tmp_path):
    """The browser's console has nothing to say, not even of a missing icon."""
    path = tmp_path / "report.html"
    path.write_text(report(open_run(request.getfixturevalue(name))), encoding="utf-8")
    console, document = chromium(path, tmp_path / "profile", dark=dark, width=width)

    assert console == []
    assert part in document


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1200, False)], ids=["phone", "desktop"])
def test_a_plain_and_a_robust_run_stand_side_by_side(plain_and_robust, width, dark, chromium, measured, tmp_path):
    """One page, opened at either run: metrics of both, accuracy over the radius of both, images before the same adversary, saliency of both."""
    runs = [open_run(path) for path in plain_and_robust]
    for one, other in (runs, runs[::-1]):
        text = report(one, [other])
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        console, document = chromium(path, tmp_path / "profile", dark=dark, width=width)
        found = measured(text, width, dark=dark)

        assert console == []
        assert int(found["wide"]) <= int(found["inner"]) == width
        for part in ("Beside each other", "robust over eps", "plain: images that tell", "robust: images that tell", "plain says:", "saliency is"):
            assert part in document, part
        assert "side by side:" not in document


def test_curves_of_a_plain_and_a_robust_run(plain_and_robust):
    """Each network is measured by the adversary of the robust run: the same at radius 0 as its clean accuracy, and the plain one falls first."""
    plain, robust = map(open_run, plain_and_robust)
    found = {p.name: p for p in album(plain, [robust]).pictures}
    curves = {m.name: dict(zip(m.xs, m.ys, strict=True)) for m in found["radius"].panels[0].marks if isinstance(m, Curve)}
    shown = {p.title.partition(":")[0]: p for p in found["images"].panels}

    assert curves.keys() == {"plain", "robust"} == shown.keys()
    for run, name in ((plain, "plain"), (robust, "robust")):
        assert curves[name][0.0] == pytest.approx(run.result["metrics"]["clean"])
    assert curves["plain"][0.1] < curves["robust"][0.1]
    assert [row[0] for row in shown["plain"].rows] == [row[0] for row in shown["robust"].rows]
    assert [row[3] for row in shown["plain"].rows] != [row[3] for row in shown["robust"].rows]
    # The program of the robust run has its own network back.
    assert measured_again(robust) == robust.result["metrics"]


def measured_again(run):
    """The metrics that the program of a run finds now."""
    return {name: float(value) for name, value in run.module.measure(run.state).items()}


def test_runs_that_share_nothing_say_so(cycle, robust, plain_and_robust, tmp_path, capsys):
    """Every picture of the run itself stays; which run lacks what is among the reasons."""
    found = album(open_run(robust), [open_run(plain_and_robust[0])])

    assert [p.name for p in found.pictures] == [p.name for p in album(open_run(robust)).pictures]
    assert any("side by side" in reason and "has no data like `train`" in reason for reason in found.missing)
    assert cli.main(["plot", str(robust), str(plain_and_robust[0]), "-o", str(tmp_path / "all.svg")]) == 0
    assert cli.main(["report", *map(str, plain_and_robust), "-o", str(tmp_path / "all.html")]) == 0
    assert "Beside each other" in (tmp_path / "all.html").read_text(encoding="utf-8")
