"""Matrix games by linear programming: equilibria, who maximises, what is refused."""

from __future__ import annotations

import pytest
import torch

import gamespec as gs
from gamespec.library.sets.simplex import project_simplex
from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, program

HEAD = "language 1\ngame matrix\n"
GAMES = {
    "matching pennies": ("[[1, -1], [-1, 1]]", 0.0, [0.5, 0.5], [0.5, 0.5]),
    "rock, paper, scissors": ("[[0, 1, -1], [-1, 0, 1], [1, -1, 0]]", 0.0, [1 / 3] * 3, [1 / 3] * 3),
    "two rows, three columns": ("[[3, 1, 4], [0, 5, 2]]", 3.0, [0.5, 0.5], [0, 1 / 3, 2 / 3]),
    "a pure saddle point": ("[[4, 5], [1, 3]]", 3.0, [0, 1], [0, 1]),
}


def text(payoff, solve, sizes):
    """A game of probabilities."""
    rows, columns = sizes
    return f"{HEAD}let A = {payoff}\nvar x in Simplex({rows})\nvar y in Simplex({columns})\n{solve}\nschedule {{ method: linear_program }}\n"


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("solve", [
    "solve min{x} max{y} [ x @ A @ y ]", "solve nash { column: max{y} [ x @ A @ y ]  row: min{x} [ x @ A @ y ] }",
    "solve max{y} min{x} [ x @ A @ y ]", "solve max{x} min{y} [ -(x @ A @ y) ]",
])  # fmt: skip
def test_the_equilibrium_is_found_at_once(name, solve, tmp_path):
    """One step, whatever is written first and whoever maximises, with a certificate that nobody gains alone."""
    payoff, value, x, y = GAMES[name]
    path = tmp_path / "matrix.game"
    path.write_text(text(payoff, solve, (len(x), len(y))))
    result = gs.load(path).solve()

    assert result.players["x"].tolist() == pytest.approx(x, abs=1e-12)
    assert result.players["y"].tolist() == pytest.approx(y, abs=1e-12)
    assert abs(result.metrics["value"]) == pytest.approx(value, abs=1e-12)
    assert result.certificates["ok"]
    assert len(result.history) == 1


def test_own_terms_and_constants_are_part_of_the_program():
    """With b @ x + c @ y + 7 nobody gains by any pure strategy."""
    solve = "let b = [0.3, -0.2]\nlet c = [1, 0, -1]\nsolve min{x} max{y} [ x @ A @ y + b @ x + c @ y + 7 ]"
    made = program(text("[[3, 1, 4], [0, 5, 2]]", solve, (2, 3)))
    s = made.start(0)
    made.step(s)
    payoff, b, c = (torch.tensor(v, dtype=torch.float64) for v in ([[3.0, 1, 4], [0, 5, 2]], [0.3, -0.2], [1.0, 0, -1]))
    value = float(s.x @ payoff @ s.y + b @ s.x + c @ s.y)

    assert float((payoff.T @ s.x + c).max() + b @ s.x) == pytest.approx(value, abs=1e-12)
    assert float((payoff @ s.y + b).min() + c @ s.y) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(("game", "said"), [
    ("var x: R\nvar y: R\nsolve min{x} max{y} [ x*y ]", "not in a `Simplex`"),
    ("var x in Simplex(2)\nvar y in Simplex(2)\nsolve min{x} max{y} [ norm(x)^2 + x @ y ]", "linear in each player's choice"),
    ("var x in Simplex(2)\nvar y in Simplex(2)\nsolve nash { a: min{x} [ x @ y ]  b: min{y} [ x @ y ] }", "zero-sum"),
    ("var x in Simplex(2, 3)\nvar y in Simplex(2)\nsolve min{x} max{y} [ x @ y ]", "`x` is not in a `Simplex`"),
    ("var x in Simplex(2)\nsolve min{x} [ x[0] ]", "two players"),
])  # fmt: skip
def test_what_is_no_matrix_game_is_refused(game, said):
    """GE505 with what is missing."""
    with pytest.raises(GameError) as caught:
        compiled(f"{HEAD}{game}\nschedule {{ method: linear_program }}")

    assert caught.value.diagnostics[0].code == "GE505"
    assert said in caught.value.diagnostics[0].primary.text


def test_the_simplex_is_reached_from_far_away():
    """A step of any length ends on the simplex: only differences of coordinates count."""
    far = torch.tensor([[1.5e18, 3e18, 3e18], [0.2, 0.3, 0.9]], dtype=torch.float64)

    assert project_simplex(far)[0].tolist() == [0.0, 0.5, 0.5]
    assert project_simplex(far + torch.tensor([[0.0], [1e6]])).sum(dim=-1).tolist() == pytest.approx([1, 1], abs=1e-9)
