"""One new file makes a solver or a set, from outside the package."""

from __future__ import annotations

import pytest

import gamespec as gs
from gamespec.library import registry
from tests.extend import balanced, two_ahead

BILINEAR = """
language 1
game outside
var x: R init 1
var y: R init 1
solve min{x} max{y} [ x*y ]
schedule { method: two_ahead(lr = 0.5) }
run { steps = 2000  tol = 1e-8  seed = 0 }
"""

LEVEL = """
language 1
game outside
var w: R[2] in Balanced
solve min{w} [ norm(w - [2, 0.5])^2 ]
schedule { method: simultaneous(lr = 0.1) }
run { steps = 500  tol = 1e-10  seed = 0 }
"""


@pytest.fixture(autouse=True)
def _words():
    """The two words exist during a test, and only then."""
    registry.register(two_ahead)
    registry.register(balanced)
    yield
    registry.forget(two_ahead)
    registry.forget(balanced)


def solve(text, tmp_path):
    """The result of a game given as text."""
    path = tmp_path / "outside.game"
    path.write_text(text)
    return gs.load(path).solve()


def test_a_solver_from_outside_is_chosen_emitted_and_run(tmp_path):
    """Two looks ahead reach the saddle point of x*y, through the same pipeline as every other method."""
    result = solve(BILINEAR, tmp_path)

    assert str(result.status) == "converged"
    assert abs(float(result.players["x"])) <= 1e-6
    assert abs(float(result.players["y"])) <= 1e-6


def test_a_set_from_outside_is_projected_on(tmp_path):
    """The point with sum 0 nearest to (2, 0.5) is (0.75, -0.75)."""
    result = solve(LEVEL, tmp_path)

    assert result.players["w"].tolist() == pytest.approx([0.75, -0.75], abs=1e-8)


def test_words_from_outside_are_unknown_once_forgotten(tmp_path):
    """A forgotten word is reported like any unknown one."""
    registry.forget(balanced)

    with pytest.raises(gs.CheckError) as caught:
        solve(LEVEL, tmp_path)

    assert [d.code for d in caught.value.diagnostics] == ["GE403"]
