"""Phases: who moves when. A run in phases is one run after another, and nobody moves out of turn."""

from __future__ import annotations

import pytest
import torch

from gamespec import pipeline
from gamespec.notation.expand import expanded
from gamespec.plan.ops import Move, flat
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from tests.emit.build import compiled, played, program

HEAD = "language 1\ngame phases\n"
XY = HEAD + "var x: R init 1\nvar y: R init 1\n"
MINIMAX = XY + "solve min{x} max{y} [ x^2/2 + x*y - y^2/2 ]\n"
DIGITS = HEAD + 'data tr: (a: R[64] in [0, 1], b: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
ATTACKED = DIGITS + "solve min{h} E{(a, b) ~ tr} max{d in Linf(0.1) & (domain(a) - a)} [ ce(h(a + d), b) ]\n"
BILEVEL = HEAD + "var u: R init 1\nvar w: R init 0\nsolve min{u} [ (w - 1)^2 + u^2 s.t. w = argmin{w}[ (w - 2*u)^2 ] ]\n"


def test_a_run_in_phases_is_one_run_and_then_another():
    """The first phase is the game of its players alone, the second the whole game from where the first one ended; to the bit."""
    phased = program(MINIMAX + "schedule { method: alternating(lr = 0.1)  phases: only(x, steps = 20), all }")
    alone = program(HEAD + "var x: R init 1\nsolve min{x} [ x^2/2 + x*1 - 1^2/2 ]\nschedule { x: sgd(lr = 0.1) }", lane="torch")
    whole = program(MINIMAX + "schedule { method: alternating(lr = 0.1) }", lane="torch")
    s, _ = phased.train(steps=50)
    first, _ = alone.train(steps=20)
    second = whole.start(0)
    second.x = first.x
    second, _ = whole.train(steps=30, state=second)

    assert (s.x, s.y) == (second.x, second.y)
    assert s.y != 1


def test_what_a_rule_remembers_waits_for_the_next_phase():
    """Where players do not meet, every one is after n steps of its own where it would be alone, in whatever order they move."""
    rule = "adam(lr = 0.1, decay = sqrt)"
    text = XY + f"solve min{{x}} max{{y}} [ x^4 - y^4 ]\nschedule {{ method: simultaneous  x: {rule}  y: {rule}  PHASES }}"
    phased = program(text.replace("PHASES", "phases: only(x, steps = 5), only(y, steps = 3), again"))
    alone = program(text.replace("PHASES", ""), lane="torch")
    s, ends = phased.start(0), [alone.start(0)]
    for _ in range(20):
        phased.step(s)
    path = [1.0]
    for _ in range(20):
        alone.step(ends[0])
        path.append(float(ends[0].x))

    assert (float(s.x), float(s.y)) == (path[5 + 5 + 4], path[3 + 3])


def test_a_sample_stands_at_zero_while_its_adversary_has_no_phase():
    """A warm-up without the attack is training on clean samples, to the bit; afterwards it attacks."""
    run = "run { batch = 64 }"
    text = ATTACKED + "schedule { h: sgd(lr = 0.1)  d: pgd(steps = 3, lr = 0.05)  phases: only(h, steps = 4), all }\n" + run
    _, s, _ = played(text, 4)
    _, clean, _ = played(DIGITS + "solve min{h} E{(a, b) ~ tr} [ ce(h(a), b) ]\nschedule { h: sgd(lr = 0.1) }\n" + run, 4)
    _, later, _ = played(text, 5)
    _, cleaner, _ = played(DIGITS + "solve min{h} E{(a, b) ~ tr} [ ce(h(a), b) ]\nschedule { h: sgd(lr = 0.1) }\n" + run, 5)

    assert all(torch.equal(p, q) for p, q in zip(s.h.parameters(), clean.h.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(later.h.parameters(), cleaner.h.parameters(), strict=True))


def test_a_leader_takes_who_stands_still_for_a_number():
    """Alone, u falls along its own slope 2 u; with its follower, along that of (2 u - 1)^2 + u^2, whose minimum is 0.4."""
    _, alone, _ = played(BILEVEL + "schedule { u: sgd(lr = 0.1)  phases: only(u, steps = 10), only(w, u) }", 10)
    checked = pipeline.check(
        Source("b.game", BILEVEL + "schedule { u: sgd(lr = 0.1)  phases: only(u, steps = 10), all }\nrun { steps = 200 tol = 1e-9 }")
    )
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert float(alone.u) == pytest.approx(0.8**10, rel=1e-12)
    assert float(alone.w) == 0
    assert float(result.players["u"]) == pytest.approx(0.4, abs=1e-7)


def test_a_price_is_raised_where_who_pays_it_moves():
    """The multiplier of x stands still with x; the solution is that of the game without phases."""
    text = XY + "solve nash { a: min{x} [ (x - 2)^2 + x*y/10 s.t. x <= 1 ]  b: min{y} [ (y - x)^2 ] }\n"
    text += "schedule { method: simultaneous(lr = 0.1)  phases: only(b, steps = 9), only(a, steps = 30), only(b, steps = 30), again }\n"
    _, s, _ = played(text, 9)
    checked = pipeline.check(Source("b.game", text + "run { steps = 5000  tol = 1e-7 }"))
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert (float(s.x), float(s.multiplier)) == (1, 0)
    assert str(result.status) == "converged"
    assert [float(result.players[n]) for n in ("x", "y", "multiplier")] == pytest.approx([1, 1, 1.9], abs=1e-5)


def test_rates_end_with_the_steps_that_a_player_makes():
    """A rate that falls over the run falls over the player's own steps; the run is as long as its phases."""
    rules = "x: sgd(lr = 0.1, decay = cosine)  y: sgd(lr = 0.1, decay = cosine), repeat(3)"
    _, made = compiled(MINIMAX + f"schedule {{ method: alternating {rules}  phases: only(x, steps = 30), all(steps = 70) }}")
    _, twice = compiled(
        MINIMAX + f"schedule {{ method: alternating {rules}  phases: only(x, steps = 30), only(y, steps = 10), again }}\nrun {{ steps = 50 }}"
    )

    assert made.plan.steps == 100
    assert [dict(r.options)["total"] for _, r in made.plan.rules] == [100, 210]
    assert [dict(r.options)["total"] for _, r in twice.plan.rules] == [40, 30]


def test_phases_are_told_and_written_out():
    """Explain says who moves when, the plan what is done, and the expanded file means the same."""
    text = MINIMAX + "schedule { method: alternating(lr = 0.1)  phases: only(y, steps = 50), only(x, steps = 10), again }\n"
    checked = pipeline.check(Source("a.game", text))
    told, plan = pipeline.explain(checked), str(pipeline.compile(checked).plan)
    again = pipeline.compile(pipeline.check(Source("a.game", expanded(checked))))

    assert "phase 1    steps 1 to 50 of every 60: `y` moves" in told
    assert "phase 2    steps 51 to 60 of every 60: `x` moves" in told
    assert "steps 51 to 60 of every 60, for main\n    derive main" in plan
    assert again.plan.phases == pipeline.compile(checked).plan.phases
    assert [{n for op in flat(p.body) if isinstance(op, Move) for n in op.nodes} for p in again.plan.phases] == [{"main/max:y"}, {"main"}]


@pytest.mark.parametrize(
    ("phases", "steps", "said", "hint"),
    [
        ("only(y, steps = 30), only(x, steps = 10)", 100, "its phases have 40 steps in all, and the run has 100", "run { steps = 40 }"),
        ("only(y, steps = 30), only(x, steps = 90)", 100, "its phases have 120 steps in all, and the run has 100", "run { steps = 120 }"),
        ("only(x, steps = 200), all", 100, "phase 2 never begins: 200 steps come before it, and the run has 100", "run { steps = 400 }"),
        ("only(x, steps = 60), only(y, steps = 60), all(steps = 9), again", 100, "phase 3 never begins: 120 steps", "run { steps = 129 }"),
    ],
)
def test_a_run_that_is_not_as_long_as_its_phases_is_refused(phases, steps, said, hint):
    """No number that is written goes without effect: what is hinted at compiles."""
    text = MINIMAX + f"schedule {{ method: alternating(lr = 0.1)  phases: {phases} }}\n"
    with pytest.raises(GameError) as caught:
        compiled(text + f"run {{ steps = {steps} }}")
    (found,) = caught.value.diagnostics
    _, made = compiled(text + hint)

    assert found.code == "GE505"
    assert said in found.primary.text
    assert hint in found.hint
    assert str(made.plan.steps) in hint


WRONG = {
    "only(z, steps = 5), all": ("GE503", "no player `z`"),
    "only(x + y, steps = 5), all": ("GE503", "a phase names players"),
    "only(x), all": ("GE501", "only the last phase lasts to the end of the run"),
    "only(x, steps = 5), all, again": ("GE501", "every phase that is played again has a length"),
    "again, all": ("GE501", "`again` stands after the last phase"),
    "only(steps = 5), all": ("GE501", "`only` names the players that move"),
    "first(x, steps = 5)": ("GE501", "unknown phase `first`"),
    "only(x, steps = 0), all": ("GE501", "a phase of no steps"),
    "only(x, steps = 5)": ("GE506", "`y` stands still in every phase"),
}


@pytest.mark.parametrize("phases", WRONG)
def test_phases_that_cannot_be_are_refused(phases):
    """Each with its code and its reason."""
    code, said = WRONG[phases]
    with pytest.raises(GameError) as caught:
        pipeline.check(Source("a.game", MINIMAX + f"schedule {{ phases: {phases} }}"))
    found = [d for d in caught.value.diagnostics if d.code.startswith("GE")]

    assert [d.code for d in found] == [code]
    assert said in found[0].message
    assert found[0].hint


PAIR = HEAD + "var x: R[2] init 1\nvar t: R init 1\nvar y: R init 1\nsolve min{x, t} max{y} [ norm(x)^2 + t^2 + t*y - y^2 ]\n"
TEAM = HEAD + (
    "var s in [0, 3] init 1\nvar p\nvar q\n"
    "solve min{s}[ (s - 2)^2 + p*q s.t. (p, q) = nash { min{p}[ (p - s)^2 + p*q/4 ] min{q}[ (q - 1)^2 + p*q/4 ] } ]\n"
)


@pytest.mark.parametrize(("text", "code", "said"), [
    (PAIR + "schedule { phases: only(x, steps = 5), all }", "GE506", "a part of a player, who chooses `t` too"),
    (MINIMAX + "schedule { method: consensus  phases: only(x, steps = 5), all }", "GE505", "every step of it moves all players"),
    (TEAM + "schedule { phases: only(p, steps = 5), all }", "GE505", "`p` is in equilibrium with `q`"),
    (BILEVEL + "schedule { phases: only(w, steps = 5), all }", "GE505", "`w` is solved for while its leader moves"),
])  # fmt: skip
def test_players_that_only_move_together_are_not_parted(text, code, said):
    """Parts of a player, fields of everybody, equilibria, and answers that are found inside a derivative."""
    with pytest.raises(GameError) as caught:
        compiled(text)
    (found,) = [d for d in caught.value.diagnostics if d.code.startswith("GE")]

    assert found.code == code
    assert said in f"{found.message} {found.primary.text}"
