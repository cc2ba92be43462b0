"""The same game under several schedules and orders of play, each point judged by every concept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gamespec import cli, pipeline
from gamespec.compare import compare, readings
from gamespec.report.source import Source

TRUTHS = Path(__file__).parent / "truth"


def checked(name):
    """A checked game with a known answer."""
    return pipeline.check(Source(f"{name}.game", (TRUTHS / f"{name}.game").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anti_saddle", ["as written", "at once"]),
        ("cournot_leader", ["as written", "at once"]),
        ("cournot_nash", ["as written", "q1 first", "q2 first"]),
        ("bilinear", ["as written", "in turn"]),
        ("linear_attack", ["as written"]),
    ],
)
def test_a_game_is_read_in_the_orders_that_it_has(name, expected):
    """In turn, at once, or with either player first."""
    assert [reading.name for reading in readings(checked(name))] == expected


def test_cournot_s_firms_end_where_their_order_puts_them():
    """At once (3, 3) is a Nash point; the firm that moves first ends at 9/2 and is none."""
    found = compare(checked("cournot_nash")).rows

    assert [[round(x, 4) for _, x in row.point] for row in found] == [[3, 3], [4.5, 2.25], [2.25, 4.5]]
    assert [row.judged.concepts for row in found] == [("Nash",), (), ()]


def test_the_leader_s_point_is_judged_as_one():
    """The total slope vanishes for the leader, the own slope for the players at once."""
    written, at_once = compare(checked("cournot_leader")).rows

    assert written.judged.concepts == ("Stackelberg to first order",)
    assert at_once.judged.concepts == ("Nash",)
    assert at_once.judged.total == pytest.approx(1.5, abs=1e-6)


def test_leaders_of_one_follower_are_judged_each_through_its_answer():
    """Three firms: where two of them lead, every leader's slope through the third one's answer is 0, and all three gain alone."""
    written, at_once = compare(checked("two_leaders")).rows

    assert written.judged.concepts == ("Stackelberg to first order",)
    assert written.judged.total <= 1e-7
    assert written.judged.slope == pytest.approx(1.5, abs=1e-6)
    assert at_once.judged.concepts == ("Nash",)
    assert at_once.judged.total == pytest.approx(9 / 8, abs=1e-6)


def test_many_starts_tell_methods_apart():
    """Of x*y every start comes to rest under extragradient, none under simultaneous steps."""
    game = pipeline.check(Source("bilinear.game", Path("specs/saddle/bilinear.game").read_text(encoding="utf-8")))
    found = compare(game, starts=100)

    assert [(r.settled, r.places) for r in found.rows if r.reading == "as written"] == [(1.0, 1), (0.0, 0)]
    assert "starts at rest" in str(found)


def test_what_solves_nothing_is_said_to():
    """Descent and ascent settle at (0, 0), where the maximiser stands in a valley."""
    (written, _) = compare(checked("attractor_no_solution")).rows

    assert written.status == "converged"
    assert written.judged.refuted


def test_a_minimax_point_without_a_vanishing_slope_is_recognised():
    """The beam's point solves the game in turn; descent and ascent end at a corner that solves it in no sense."""
    found = compare(checked("anti_saddle"))
    written, gda, _ = found.rows

    assert written.judged.concepts == ("minimax",)
    assert gda.judged.refuted
    assert found.whole.saddle is False
    assert "no saddle point" in str(found)


def test_a_run_that_cannot_be_made_is_a_line_and_no_end():
    """The other rows stand, and the reason is below the table."""
    found = compare(checked("ridge"), steps=3)

    assert not found.rows[0].failed
    assert all(row.failed in str(found) for row in found.rows)


def test_an_unknown_schedule_is_named():
    """A schedule that the game does not have is a row that failed."""
    (row, _) = compare(checked("saddle"), ("nonesuch",), steps=3).rows

    assert "GE502" in row.failed


def test_the_command_prints_the_table(capsys):
    """`gamec compare` gives the table, and with `--output json` the same for programs."""
    path = str(TRUTHS / "saddle.game")

    assert cli.main(["compare", path]) == 0
    text = capsys.readouterr().out
    assert cli.main(["compare", path, "--output", "json", "--steps", "5"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert "minimax value in [0, 0]" in text
    assert {row["reading"] for row in document["compare"]["rows"]} == {"as written", "at once"}
