"""The gallery: every game names its source, says what it expects, and holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gamespec as gs
from gamespec import cli, pipeline
from gamespec.syntax.parse import read

SPECS = Path(__file__).parents[1] / "specs"
GAMES = sorted(p.relative_to(SPECS).as_posix() for p in SPECS.glob("*/*.game") if p.parent.name != "lib")
SLOW = {"generative/gan_mog.game", "robust/beta_digits.game", "robust/pgd_digits.game", "robust/plain_digits.game"}


@pytest.mark.parametrize("game", GAMES)
def test_a_game_names_its_source(game):
    """Every game says in its comments where it comes from, and states what must come out."""
    text = (SPECS / game).read_text()

    assert "# Source: " in text
    assert "\nexpect " in text


@pytest.mark.parametrize("game", GAMES)
def test_a_game_is_checked_without_warnings(game):
    """No check fires on a game of the gallery."""
    assert [d.code for d in pipeline.check(read(SPECS / game)).diagnostics if d.severity != "note"] == []


@pytest.mark.parametrize(
    "game", [pytest.param(g, marks=pytest.mark.slow) if g in SLOW else g for g in GAMES]
)
def test_a_game_holds_what_it_expects(game, capsys):
    """`gamec test` runs the game under every schedule that its expectations name, and all of them hold."""
    code = cli.main(["test", str(SPECS / game)])

    assert "FAILED" not in capsys.readouterr().out
    assert code == 0


@pytest.mark.slow
def test_the_best_targeted_attack_trains_as_robustly_as_pgd():
    """Training against the best targeted attack stays within three points of PGD training."""
    robust = [gs.load(SPECS / "robust" / f"{name}_digits.game").solve().metrics["robust"] for name in ("beta", "pgd")]

    assert robust[0] >= robust[1] - 0.03


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_generator_covers_all_modes_under_other_seeds(seed):
    """All eight modes are covered, and four samples of five lie within four standard deviations of one."""
    metrics = gs.load(SPECS / "generative" / "gan_mog.game").solve(seed=seed).metrics

    assert metrics["modes"] == 8
    assert metrics["near"] >= 0.8
