"""`ties`: which follower's answer counts where there are several; refused where no search can tell."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute

HEAD = "language 1\ngame two_answers\n"
GAME = HEAD + "var x in [0, 3] init 1/2\nvar y in [-2, 2] init 1\nsolve min{x} [ (x - 2)^2 + (y - 1)^2 s.t. y in argmin{y}[ COST ] ] ties TIES\n"
MIRRLEES = "-x*exp(-(y + 1)^2) - exp(-(y - 1)^2)"


def compiled(text):
    """Everything between a game and its run."""
    checked = pipeline.check(Source("ties.game", text))
    return checked, pipeline.compile(checked)


@pytest.mark.parametrize("ties", ["optimistic", "pessimistic"])
def test_a_unique_answer_has_no_ties_to_break(ties):
    """Proved strongly convex, so that the derivative through the one answer does."""
    _, made = compiled(GAME.replace("COST", "(y - x)^2").replace("TIES", ties))

    assert made.choice.solver.word == "nested"


def test_a_pessimistic_leader_without_a_best_choice_is_not_certified():
    """Just below x = 1 the follower is kind, at 1 it need not be: the infimum is nobody's value, and the certificate fails."""
    checked, made = compiled(GAME.replace("COST", MIRRLEES).replace("TIES", "pessimistic"))
    result = execute(checked, made, Request(command="test"))

    assert result.certificates["residual"] > 1
    assert not result.certificates["ok"]


def test_other_methods_do_not_break_ties():
    """Each says why; the search says what it costs."""
    checked, made = compiled(GAME.replace("COST", MIRRLEES).replace("TIES", "optimistic"))
    why = str(made.choice)

    assert "not nested: the ties of a follower are to be broken" in why
    assert "a search of 6161 pairs" in pipeline.explain(checked)
    with pytest.raises(GameError, match="cannot play"):
        compiled(GAME.replace("COST", MIRRLEES).replace("TIES", "optimistic") + "schedule { method: nested }")
    with pytest.raises(GameError, match="cannot play"):
        compiled(
            GAME.replace("COST", "(y - x)^2").replace("y in argmin", "y = argmin").replace(" ties TIES", "") + "schedule { method: lexicographic }"
        )


@pytest.mark.parametrize(("old", "new", "said"), [
    ("var y in [-2, 2]", "var y in [0, inf]", "in none with two sides"),
    ("var y in [-2, 2]", "var y: R", "in none with two sides"),
    ("var y in [-2, 2] init 1", "var y: R[2] in [-2, 2] init 1", "more"),
    ("(y - 1)^2 s.t.", "(y - 1)^2 s.t. x + y <= 2,", "without data and constraints"),
])  # fmt: skip
def test_what_no_search_can_tell_is_refused_with_its_reason(old, new, said):
    """A place and a hint that can be typed in."""
    cost = "norm(y)^2*x" if "R[2]" in new else MIRRLEES
    text = GAME.replace("(y - 1)^2 s.t.", "sum(y) s.t.").replace("COST", cost) if "R[2]" in new else GAME.replace("COST", cost)
    with pytest.raises(GameError, match=said) as caught:
        compiled(text.replace("TIES", "optimistic").replace(old, new))

    assert caught.value.diagnostics[0].code == "GE292"
    assert caught.value.diagnostics[0].hint
