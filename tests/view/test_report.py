"""The page about a run: complete, self-contained, readable on a phone and on a desk, by day and by night."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from gamespec.view.opened import open_run
from gamespec.view.page import report

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
