"""Formulas and diagrams from the IR."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from gamespec import pipeline, shipped
from gamespec.ir.walk import problem
from gamespec.report.source import Source
from gamespec.syntax.read import read
from gamespec.view.diagram import diagram
from gamespec.view.formula import formulas
from gamespec.view.maths import name, number

GAMES = shipped.games(shipped.folder())


@pytest.mark.parametrize("path", GAMES, ids=lambda p: p.stem)
def test_every_game_is_set_and_drawn(path):
    """Each formula is well-formed MathML, each diagram an SVG with a box for every player."""
    game = pipeline.check(read(str(path))).game
    shown = formulas(game)
    boxes = [e for e in ElementTree.fromstring(diagram(game)).iter() if e.attrib.get("class") == "box"]

    assert shown
    for _, text in shown:
        assert ElementTree.fromstring(text.replace("&nbsp;", " ")).tag in ("math", "p")
    assert len(boxes) == len([n for n in problem(game).nodes if n.owns])


def test_names_and_numbers():
    """Greek letters, indices, fractions that end and those that do not."""
    assert name("delta") == "<mi>δ</mi>"
    assert name("u_2") == name("u2") == "<msub><mi>u</mi><mn>2</mn></msub>"
    assert "<mn>0.15</mn>" in number("3/20")
    assert "<mfrac><mn>8</mn><mn>255</mn></mfrac>" in number("8/255")
    assert "<mo>−</mo>" in number("-3/7")


def test_a_difference_of_a_sum_keeps_its_brackets():
    """Subtracting y - c is not subtracting y and then c."""
    text = "language 1\ngame toy\nvar x: R\nvar y: R\nsolve min{x} max{y} [ x - (y - 3) - 2*(x + y) ]\nrun { steps = 5 }\n"
    (_, found), *_ = formulas(pipeline.check(Source("toy.game", text)).game)
    plain = "".join(ElementTree.fromstring(found).itertext())

    assert plain.replace("\N{INVISIBLE TIMES}", "").endswith("(x−(y−3)−2(x+y))")
