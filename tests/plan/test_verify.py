"""Plans that are unsound, one for each thing that is promised of a sound one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gamespec.plan.ops import Adjust, Choose, Derive, Keep, Move, Repeat, Respond, Rule, Sample, Select
from gamespec.plan.response import Differences, Envelope, Frozen, Hull, Implicit, Penalty, Stop, Unrolled, ValueFunction
from gamespec.plan.verify import verify
from gamespec.report.diagnostic import InternalError
from gamespec.solvers import choose
from tests.emit.build import compiled

HEAD = "language 1\ngame plans\n"
SADDLE = HEAD + "var x: R init 1\nvar y: R in [-1, 1] init uniform\nsolve min{x} max{y} [ x^2 + x*y - y^2 ]\n"
DATA = 'data tr: (a: R[64] in [0, 1], b: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
ATTACK = HEAD + DATA + "solve min{h} E{(a, b) ~ tr} max{d in Linf(0.1)} [ ce(h(a + d), b) ]\n"


@pytest.fixture(scope="module")
def saddle():
    """A sound plan of alternating steps, with its game and its players."""
    checked, made = compiled(SADDLE + "schedule { method: alternating }")
    leader, follower = "main", next(n.id for n in checked.game.nodes if n.id != "main")
    return made.plan, checked.game, leader, follower


def refused(plan, game, *words):
    """The plan is unsound, and the message has these words."""
    with pytest.raises(InternalError) as caught:
        verify(plan, game)

    assert all(word in str(caught.value) for word in ("unsound plan", *words))


def test_sound_plans_pass(saddle):
    """The plan of every method on a game that it can play."""
    plan, game, *_ = saddle
    verify(plan, game)
    for method in ("simultaneous", "extragradient", "k_beam(K = 2)", "nested"):
        checked, made = compiled(SADDLE + f"schedule {{ method: {method} }}")
        verify(made.plan, checked.game)


def test_gradients_come_before_moves(saddle):
    """A move without a gradient, and a second move along one that was used."""
    plan, game, leader, follower = saddle
    derive, move = Derive((leader,), "now", ((follower, Frozen()),)), Move((leader,), "now", "now")

    refused(replace(plan, body=(move,)), game, "main moves before its gradient is taken")
    refused(replace(plan, body=(derive, move, move)), game, "before its gradient")


def test_a_gradient_is_not_used_after_another_player_moved(saddle):
    """Outside one simultaneous group a move makes the others' gradients stale."""
    plan, game, leader, follower = saddle
    body = (
        Derive((leader,), "now", ((follower, Frozen()),)),
        Derive((follower,), "now"),
        Move((follower,), "now", "now"),
        Move((leader,), "now", "now"),
    )

    refused(replace(plan, body=body), game, "main moves along a gradient from before", follower)


def test_a_group_moves_along_gradients_of_one_point(saddle):
    """Players that were differentiated together move one after the other."""
    plan, game, leader, follower = saddle
    verify(replace(plan, body=(Derive((leader, follower), "now"), Move((leader,), "now", "now"), Move((follower,), "now", "now"))), game)


def test_points_are_reached_before_anything_happens_there(saddle):
    """Nobody derives at, or starts from, a point where nobody went; once somebody has moved, what was seen is gone."""
    plan, game, leader, follower = saddle
    both = (leader, follower)
    ahead = (Derive(both, "now"), Move(both, "now", "ahead"))

    refused(replace(plan, body=(Derive(both, "ahead"),)), game, "gradients are taken at ahead, where nobody went")
    refused(replace(plan, body=(Derive(both, "now"), Move(both, (("now", 2.0), ("ahead", -1.0)), "now"))), game, "start at ahead, where nobody went")
    refused(replace(plan, body=(Adjust(both, "ahead", "gradients"),)), game, "a field is taken at ahead")
    refused(replace(plan, body=(Adjust((leader,), "now", "gradients"),)), game, "leaves out", follower)
    refused(replace(plan, body=(*ahead, Derive(both, "now"), Move(both, "now", "now"), Derive(both, "ahead"))), game, "where nobody went")
    refused(replace(plan, body=(Derive(both, "now"), Move(both, "now", "now", scale=0.0))), game, "move by 0.0")
    refused(replace(plan, body=(Derive(both, "now"), Move(both, (), "now"))), game, "from nowhere")


def test_what_is_kept_is_there_from_the_start(saddle):
    """A kept point or gradient may be used before it is kept, is nobody's to move to, and exists when it is kept."""
    plan, game, leader, follower = saddle
    both = (leader, follower)
    derive, keep = Derive(both, "now"), Keep(both, "past", "gradient", gradient=True)
    past = Move(both, "now", "now", along=(("gradient", 2.0), ("past", -1.0)))

    verify(replace(plan, body=(derive, past, keep)), game)
    verify(replace(plan, body=(derive, Move(both, (("now", 0.5), ("anchor", 0.5)), "now"), Keep(both, "anchor", weight=0.0))), game)
    refused(replace(plan, body=(derive, past)), game, "before its gradient is taken")
    refused(replace(plan, body=(keep, derive, past)), game, "is kept before it is taken")
    refused(replace(plan, body=(derive, past, keep, replace(derive, into="past"))), game, "is a kept one")
    refused(replace(plan, body=(derive, replace(past, to="anchor"), keep, Keep(both, "anchor"))), game, "which is kept")
    refused(replace(plan, body=(derive, past, keep, Keep(both, "now"))), game, "name of the present")
    refused(replace(plan, body=(derive, past, keep, Keep(both, "last", "ahead"))), game, "where nobody went")


def test_a_derivative_says_how_it_passes_through_followers(saddle):
    """Silence about a follower is a fault, and so is an envelope without a reason."""
    plan, game, leader, follower = saddle

    refused(replace(plan, body=(Derive((leader,), "now"),)), game, "does not say how it passes through")
    refused(replace(plan, body=(Derive((leader,), "now", ((follower, Envelope("")),)),)), game, "gives no reason")
    refused(replace(plan, body=(Derive((leader,), "now", (("nobody", Stop()),)),)), game, "unknown follower")
    refused(replace(plan, residual=((leader, ((follower, Envelope("")),)), (follower, ()))), game, "gives no reason")


def test_players_sources_and_rules_exist(saddle):
    """Nothing is played that is not there."""
    plan, game, _, follower = saddle

    refused(replace(plan, body=(Derive(("nobody",), "now"),)), game, "unknown player nobody")
    refused(replace(plan, body=(Sample(("nowhere",), ()),)), game, "unknown source")
    refused(replace(plan, body=(Respond("nobody", Rule("sign"), 1, "zero"),)), game, "unknown player")
    refused(replace(plan, body=(Select(follower),)), game, "has no beam to select from")
    refused(replace(plan, body=(Choose("nobody"),)), game, "unknown player")
    refused(replace(plan, rules=()), game, "has no step rule")
    refused(replace(plan, body=(Repeat(0, ()),)), game, "a repetition of nothing")
    refused(replace(plan, every=0), game, "steps and reports")


def test_every_free_player_is_in_the_residual(saddle):
    """A certificate that leaves somebody out certifies nothing."""
    plan, game, leader, _ = saddle

    refused(replace(plan, residual=()), game, "no residual")
    refused(replace(plan, residual=((leader, ()),)), game, "not in the residual")


def test_a_beam_is_selected_before_its_leader_derives():
    """The leader answers to one candidate."""
    checked, made = compiled(SADDLE + "schedule { method: k_beam(K = 2) }")
    body = tuple(op for op in made.plan.body if not isinstance(op, Select))

    refused(replace(made.plan, body=body), checked.game, "derives before", "has answered")


def test_answers_belong_to_the_rows_at_hand():
    """An attack answers before its leader derives, and again for a new batch."""
    checked, made = compiled(ATTACK)
    sample, respond, *rest = made.plan.body

    refused(replace(made.plan, body=(sample, *rest)), checked.game, "derives before")
    refused(replace(made.plan, body=(respond, sample, *rest)), checked.game, "derives before")
    refused(replace(made.plan, body=(sample, replace(respond, restarts=0), *rest)), checked.game, "answers in no steps")


def test_every_choice_is_verified(saddle, monkeypatch):
    """A solver that writes an unsound plan is found out where its plan is asked for."""
    leader = saddle[2]
    checked, made = compiled(SADDLE + "schedule { method: alternating }")
    broken = replace(made.choice.solver, plan=lambda game, table: replace(made.plan, body=(Move((leader,), "now", "now"),)))

    with pytest.raises(InternalError):
        replace(made.choice, solver=broken).plan(checked.game)

    assert choose.verify is verify


def test_plans_read_as_sentences():
    """Ops, rules, beams, residuals and defaults, one a line."""
    text = str(compiled(SADDLE + "schedule { method: k_beam(K = 2)  y: ascent(lr = 0.1), repeat(3) }\nrun { steps = 7 }")[1].plan)

    assert text.splitlines()[:9] == [
        "plan k_beam (schedule default; Hamm and Noh 2018, algorithms 1 and 2)",
        "  7 steps, batch full, float64, seed 0, tolerance none",
        "  each step",
        "    select the best of max:y",
        "    derive main at now, through max:y at its optimum (zero-sum follower, answered before its leader moves (Danskin 1967))",
        "    move main from now to now",
        "    repeat 3 times",
        "      derive max:y at now",
        "      move max:y from now to now",
    ]
    assert "  rule y: sgd(lr = 0.1)" in text
    assert "  beam y: 2 copies" in text
    assert "  default x = sgd(lr = 0.1, decay = sqrt)" in text


@pytest.mark.parametrize(("how", "said"), [
    (Frozen(), "standing still"), (Stop(), "as a constant"), (Unrolled(3, 0.1), "unrolled over 3 steps of 0.1"),
    (Implicit("cg", 20, 1e-10), "implicitly (cg, up to 20 steps, tolerance 1e-10)"), (Penalty(2.0, 1.0), "under a penalty of 2"),
    (Penalty(2.0, 1.1), "under a penalty of 2, times 1.1 a step"), (Envelope("why"), "at its optimum (why)"),
    (Penalty(2.0, 1.1, 0.1, True), "under a penalty of 2, times 1.1 whenever the slopes are below 0.1 and a multiplier"),
    (Unrolled(30, 0.1, "adam", 4, recompute=True), "unrolled over 30 steps of 0.1 by adam, through the last 4, from stored iterates"),
    (Unrolled(3, 0.1, forward=True), "unrolled over 3 steps of 0.1, forwards"),
    (Implicit("neumann", 9, 0.0, 0.2), "implicitly (neumann, up to 9 steps of 0.2)"),
    (Differences(2, 0.1, 0.01), "by differences of gradients 0.01 apart (2 terms of 0.1)"),
    (Hull(0.1), "by the shortest slope in the hull of those at candidates within 0.1 of the best"),
    (ValueFunction(5, 0.1, 3.0, 1.1), "by what it loses against 5 steps of 0.1, times 3, times 1.1 a step"),
    (ValueFunction(5, 0.1), "by what it loses against 5 steps of 0.1, at the pace 0.5"),
])  # fmt: skip
def test_responses_read_as_phrases(how, said):
    """Each way in which a derivative passes through a follower."""
    assert str(how) == said


def test_other_ops_read_as_sentences():
    """Sampling, looking ahead, answers of samples and discrete answers."""
    text = str(compiled(ATTACK + "schedule { d: pgd(steps = 3, restarts = 2) }\nrun { batch = 8  epochs = 2 }")[1].plan)

    assert "    sample tr" in text
    assert "    respond max:d: 3 steps of sign(lr = 0.083333) from uniform, best of 2 restarts" in text
    assert "2 epochs = " in text
    assert "from now to ahead" in str(compiled(SADDLE + "schedule { method: extragradient }")[1].plan)
