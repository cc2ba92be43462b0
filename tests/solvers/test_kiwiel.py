"""Kiwiel's method on games whose minimax point is known: convex and concave in the leader."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, program

TRUTH = Path(__file__).parents[1] / "truth"
BOX = "language 1\ngame k\nvar u: R in [-0.5, 0.5] init uniform\nvar v: R in [-0.5, 0.5] init uniform\n"
RULES = "kiwiel(climbs = 4, planes = 6, trials = 4)  u: sgd(lr = 0.5)  v: sgd(lr = 0.45)"


def ended(text, steps, seed=0):
    """Where a program stands after some steps."""
    module = program(text)
    s = module.start(seed)
    for _ in range(steps):
        module.step(s)
    return module.point(s)


def test_a_quadratic_is_solved_at_the_rate_of_its_direction():
    """The exact direction is -4 u / 3, so that every step multiplies u by -1/3, from five starts of three numbers."""
    rules = "schedule { method: kiwiel(climbs = 4, planes = 14, trials = 1)  u: sgd(lr = 1.0)  v: sgd(lr = 0.49) }"
    text = (TRUTH / "kiwiel.game").read_text(encoding="utf-8").replace("init 1", "init normal(1)").replace("run {", f"{rules}\nrun {{")
    for seed in range(5):
        begun, end = (ended(text, k, seed)[:3] for k in (0, 3))

        assert math.hypot(*end) / math.hypot(*begun) == pytest.approx(3.0**-3, rel=2e-3)


@pytest.mark.parametrize(("objective", "rate"), [("u^2 - v^2 + 2*u*v", 0.2), ("2*u*v - u^2/2 - v^2", 0.75)])
def test_surfaces_are_solved_from_five_seeds(objective, rate):
    """Both have a concave follower and their minimax point at (0, 0); the leader nears it at least by a rate.

    For the second, whose own curvature is the wrong way round, v = u + q and q = -u/4: exactly 3/4.
    """
    for seed in range(5):
        u, v = ended(f"{BOX}solve min{{u}} max{{v}} [ {objective} ]\nschedule {{ method: {RULES} }}", 8, seed)

        assert max(abs(u), abs(v)) <= 0.55 * rate**8 + 1e-4


def test_a_game_of_three_is_refused():
    """Its auxiliary problem has one maximum."""
    with pytest.raises(GameError) as caught:
        compiled("language 1\ngame k\nvar u: R\nvar v: R\nvar w: R\nsolve min{u} max{v} min{w} [ u*v + w^2 ]\nschedule { method: kiwiel }")

    assert caught.value.diagnostics[0].code == "GE505"
    assert "one leader and one follower; write `method: nested`" in caught.value.diagnostics[0].primary.text
