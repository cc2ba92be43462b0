"""Mistakes about concepts that were printed in lectures: each, written down as printed, is found by `check` or `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source

DIGITS = """param eps = 1/20
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train")
net h: image[1, 8, 8] -> logits[10] = small_cnn(16)
"""
FILTER = "var g in [-1, 1]\nvar v in [-1, 1]\nvar w in [-1, 1]\nsolve min{g} [ %smin{v}[ (v - g)^2 ] + 10*min{w}[ (w - 2*g)^2 ] ]"
CELL = "var u in [-1, 1]\nvar v in [-1, 1]\n"
ROBUST = "var mu in [-1, 1]\nvar nu in [-1/10, 1/10]\nsolve max{mu} %s{nu} [ -(mu + nu - 1/2)^2 ]"
CYCLE = "var x in [-2, 2]\nvar y in [-2, 2]\nsolve min{x} max{y} [ x*y + (%s^2/2 - %s^4/4)/10 ]"
LDS = DIGITS + "solve min{h} E{(a, b) ~ train}[ ce(h(a), b) %s max{r in L2(eps)}[ kl(softmax(stop(h(a))), softmax(h(a + r))) ] ]"
AUTOENCODER = """data train: (a: R[2], b: class[2]) = moons()
dist s: R[2] = Normal(0, 1)
net enc: R[2] -> R[2] = mlp(8)
net dec: R[2] -> R[2] = mlp(8)
net gen: R[2] -> R[2] = mlp(8)
net w: R[2] -> R[1] = mlp(8)
solve { auto: min{enc, dec} [ E{(a, b) ~ train}[ norm(dec(enc(a)) - a)^2 ] ]
        critic: max{w} [ E{(a, b) ~ train}[ sum(w(enc(a))) ] - E{z ~ s}[ sum(w(gen(z))) ] ]
        %s }"""


def said(text: str) -> list[str]:
    """What `check` says, a line for each diagnostic, then what `explain` says."""
    try:
        checked = pipeline.check(Source("printed.game", f"language 1\ngame printed\n{text}\n"))
    except GameError as error:
        return [f"{d.code} {d.message}: {d.hint}" for d in error.diagnostics]
    return [*(f"{d.code} {d.message}: {d.hint}" for d in checked.diagnostics), *(line.strip() for line in pipeline.explain(checked).split("\n"))]


@pytest.mark.parametrize(
    ("printed", "meant", "line"),
    [
        # The filter's first line lacks the minus on the privacy risk: the adversary helps.
        (FILTER % "", FILTER % "-", "GW301 `v` opposes nobody: for a worst case, write `max{v ..}`"),
        # One table, two cells: the follower that maximises in the Nash cell minimises in the bilevel cell.
        (
            CELL + "solve min{u} [ u^2 + u*v - v^2 s.t. v in argmin{v}[ u^2 + u*v - v^2 ] ]",
            CELL + "solve nash { a: min{u} [ u^2 + u*v - v^2 ]  b: max{v} [ u^2 + u*v - v^2 ] }",
            "note       GW301 no player opposes another",
        ),
        # Action-robust control with max for the disturbance.
        (ROBUST % "max", ROBUST % "min", "GW301 `nu` opposes nobody: for a worst case, write `min{nu ..}`"),
        # The well of the almost bilinear game on the minimiser: the other player is the one that is not concave.
        (CYCLE % ("x", "x"), CYCLE % ("y", "y"), "concave: proved (affine)"),
        (CYCLE % ("y", "y"), CYCLE % ("x", "x"), "concave: refuted (∂²f/∂y² = 0.1 at (x, y) = (0, 0))"),
        # Every attack is defined by the best class, and that by every attack.
        (
            DIGITS
            + "solve min{h} E{(a, b) ~ train}[ ce(h(a + d), b)\n  s.t. d in argmax{d in Linf(eps)}[ margin(h(a + d), j, b) ],"
            + " j in argmax{j in 0..9 \\ b}[ margin(h(a + d), j, b) ] ]",
            (Path(__file__).parents[2] / "specs" / "robust" / "beta_digits.game").read_text(encoding="utf-8").partition("game beta_digits")[2],
            "GE290 followers that answer each other: write `(u, v) = nash { min{u}[ .. ] min{v}[ .. ] }`",
        ),
        # Local smoothness with the sign of the other definition: the learner wants what the attack wants.
        (LDS % "-", LDS % "+", "GW301 `r` opposes nobody: for a worst case, write `min{r ..}`"),
        # The sets of best points where their values are meant.
        (
            DIGITS + "solve argmin{h} E{(a, b) ~ train} argmax{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]",
            DIGITS + "solve min{h} E{(a, b) ~ train} max{d in Linf(eps) & (domain(a) - a)} [ ce(h(a + d), b) ]",
            "GE204 `argmin` where `min` is meant: write `min`",
        ),
        # An adversarially regularised autoencoder whose generator step was dropped.
        (AUTOENCODER % "", AUTOENCODER % "maker: min{gen} [ -E{z ~ s}[ sum(w(gen(z))) ] ]", "GE306"),
    ],
    ids=["filter", "cells", "robust control", "cycle", "tame", "best class", "smoothness", "values", "autoencoder"],
)
def test_what_was_printed_is_found_and_what_was_meant_is_not(printed: str, meant: str, line: str):
    """The line appears for the printed form alone; the other is a game."""
    assert [found for found in said(printed) if found.startswith(line)] != []
    assert [found for found in said(meant) if found.startswith((line, "GE"))] == []
