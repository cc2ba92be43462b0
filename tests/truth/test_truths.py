"""Games with known answers: the facts about each are right, and each run ends at a solution or says that it does not."""

from __future__ import annotations

import math
from functools import cache

import pytest

from gamespec import pipeline
from gamespec.classify import classify
from gamespec.classify.globally import landscape
from gamespec.ir.walk import problem
from gamespec.run.execute import Request, execute
from gamespec.run.result import Result

from .cases import CASES, HERE, Case, checked, distance

each = pytest.mark.parametrize("case", CASES, ids=str)

OPEN = {"forsaken_1", "forsaken_45", "forsaken_5", "almost_bilinear_tame"}
"""Games without a saddle point for which that is not proved."""


@cache
def run(file: str) -> Result:
    """The run of a game under its own schedule."""
    game = checked(file)
    return execute(game, pipeline.compile(game), Request(command="test"))


def test_the_table_names_every_file_once():
    """No game lacks its row, no row its game."""
    assert sorted(case.file for case in CASES) == sorted(path.name for path in HERE.glob("*.game"))


@each
def test_the_verdict_on_saddle_points_is_right(case: Case):
    """Proved where there is one, refuted where there is none, except for a few that stay open."""
    facts = classify(problem(checked(case.file).game))

    assert facts.saddle.verdict == (None if str(case) in OPEN else case.has_saddle)


@each
def test_the_order_is_kept_where_it_matters(case: Case):
    """A game written in turn is played at once only where that cannot change the solution."""
    game = problem(checked(case.file).game)
    facts = classify(game)

    assert facts.order_matters in (case.order_matters, None)
    if case.order_matters and game.concept == "nested" and not game.order_word:
        assert facts.order == "sequential"


@each
def test_a_run_reaches_a_solution_or_says_that_it_does_not(case: Case):
    """The point is near the solution set, or status and certificate tell."""
    result = run(case.file)
    away = distance(result.players, case.solutions)

    assert [text for text, ok in result.expectations if not ok] == []
    if case.reached:
        assert away <= case.tolerance or not case.solutions
        assert not result.status.failed
        assert result.certificates["ok"] == (case.concept != "stationary only")
    else:
        assert away > case.tolerance
        assert str(result.status) == case.status
        assert not result.certificates["ok"]


@each
def test_the_value_is_the_known_one(case: Case):
    """The value that a run reports is the value of the game."""
    if not case.reached or case.value is None:
        pytest.skip("no run of this game ends at a solution of known value")

    assert run(case.file).value == pytest.approx(case.value, abs=10 * case.tolerance)


@pytest.mark.slow
@each
def test_other_schedules_do_as_their_lines_say(case: Case):
    """What a file expects of its other schedules holds: they cycle, diverge or end elsewhere."""
    game = checked(case.file)
    for name in dict.fromkeys(e.schedule for e in game.game.expects if e.schedule):
        result = execute(game, pipeline.compile(game, name), Request(command="test"))

        assert [text for text, ok in result.expectations if not ok] == []


@pytest.mark.parametrize("case", [c for c in CASES if c.maximin is not None], ids=str)
def test_the_bracket_holds_both_values(case: Case):
    """Minimax and maximin lie in brackets that are narrow."""
    found = landscape(problem(checked(case.file).game))

    assert found is not None
    for bracket, value in ((found.minimax, case.value), (found.maximin, case.maximin)):
        assert bracket is not None
        assert bracket.value[0] - 1e-6 <= value <= bracket.value[1] + 1e-6
        assert bracket.width < 2e-3


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("forsaken_1", {(0.039216, 0.080513): ("local Nash", "local minimax")}),
        ("forsaken_45", {(0.078027, 0.411934): ()}),
        ("forsaken_5", {(0.046019, 0.477185): ()}),
        ("attractor_no_solution", {(0, 0): ()}),
        ("almost_bilinear", {(0, 0): ()}),
        ("saddle", {(0, 0): ("minimax", "saddle", "local Nash", "local minimax")}),
        ("anti_saddle", {(-0.5, -0.5): (), (-0.5, 0.5): (), (0, 0): (), (0.5, -0.5): (), (0.5, 0.5): ()}),
        ("cournot_nash", {(3, 3): ("local Nash",)}),
        ("quadratic_nash", {(-0.5, 0.5): ("local Nash",)}),
        ("polar_hard", {(0, 0): ("local Nash",)}),
    ],
)
def test_all_stationary_points_are_found_and_named(name: str, kinds: dict[tuple[float, float], tuple[str, ...]]):
    """Every stationary point of the box is listed with what it is, and nothing else is."""
    found = landscape(problem(checked(f"{name}.game").game))

    assert found is not None
    assert found.complete
    points = {tuple(round(x, 6) for x in p.zero.point.values()): p.kinds for p in found.points}
    assert points == {tuple(map(float, k)): v for k, v in kinds.items()}


def test_minimax_points_that_are_not_stationary_are_named():
    """The leader's minimax choices are bracketed although no gradient vanishes there."""
    found = landscape(problem(checked("monkey.game").game))

    assert found is not None
    assert found.minimax is not None
    assert found.saddle is False
    assert [round(math.fsum(part) / 2, 2) for part in found.minimax.leaders] == [-0.25, 0.25]
