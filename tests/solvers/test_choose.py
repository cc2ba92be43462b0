"""The choice of a method: the decision table, rejections with reasons, defaults that are all said."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gamespec as gs
from gamespec.library.registry import words
from gamespec.plan.ops import Derive, Repeat, Respond
from gamespec.plan.response import Differences, Envelope, Implicit, Penalty, Stop, Unrolled, ValueFunction
from gamespec.report.diagnostic import GameError
from gamespec.solvers.cost import cost, memory
from gamespec.solvers.setup import real, whole
from tests.emit.build import compiled

HEAD = "language 1\ngame choice\n"
DIGITS = 'data tr: (a: R[64] in [0, 1], b: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
GAN = (
    "data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)\n"
    "dist noise: R[8] = Normal(0, 1)\n"
    "net G: R[8] -> R[2] = mlp(16)\n"
    "net D: R[2] -> prob = mlp(16, out = sigmoid)\n"
)
BLOCK = GAN + ("solve { g: min{G}[ -E{z ~ noise}[log(D(G(z)))] ]  d: max{D}[ E{x ~ r}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ] }")
GAMES = {
    "one player": ("descent", "var x: R\nsolve min{x} [ (x - 1)^2 ]"),
    "a classifier alone": ("descent", DIGITS + "solve min{h} [ E{(a, b) ~ tr}[ce(h(a), b)] ]"),
    "a bilinear saddle": ("extragradient", "var x: R in [-1, 1]\nvar y: R in [-1, 1]\nsolve min{x} max{y} [ x*y ]"),
    "no saddle": ("k_beam", "var u: R in [-1, 1]\nvar v: R in [-1, 1]\nsolve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]"),
    "no saddle, many numbers": ("alternating", "var u: R in [-1, 1]\n"
        "var v: R[101] in [-1, 1]\n"
        "solve min{u} max{v} [ -u^2 + norm(v)^2 + 2*u*sum(v) ]"),
    "a GAN": ("alternating", GAN + "solve min{G} max{D} [ E{x ~ r}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]"),
    "an attack": ("nested", DIGITS + "solve min{h} E{(a, b) ~ tr} max{d in Linf(0.1)} [ ce(h(a + d), b) ]"),
    "a bilevel game": ("nested", "var u: R\nvar w: R\nsolve min{u} [ (w - 1)^2 + u^2 s.t. w = argmin{w}[ (w - u)^2 ] ]"),
    "an equilibrium": ("extragradient", "var x: R\nvar y: R\nsolve nash { a: min{x}[ x^2 + x*y ]  b: max{y}[ x*y - y^2 ] }"),
    "a family": ("simultaneous", "param N = 3\nvar q[i in 0..N-1]: R\nsolve nash { firm: min{q[i]} [ q[i]^2 + q[i]*sum(q) ] forall i in 0..N-1 }"),
    "networks in a block": ("simultaneous", BLOCK),
    "networks in an order": ("nested", BLOCK + " order g then d"),
    "all push the same way": ("simultaneous", "var u: R in [-1, 1]\nvar v: R in [-1, 1]\nsolve min{u} min{v} [ u^2 + v^2 + u*v ]"),
    "a nonconvex saddle": ("k_beam", "var u: R in [-1, 1]\nvar v: R in [-1, 1]\nsolve min{u} max{v} [ u^2*v ]"),
    "a potential": ("simultaneous", "var x: R in [-1, 1]\nvar y: R in [-1, 1]\nsolve nash { a: min{x}[ x^2 + x*y ]  b: min{y}[ 2*y^2 + x*y ] }"),
    "mixtures": ("linear_program", "var x in Simplex(2)\nvar y in Simplex(2)\nsolve min{x} max{y} [ x @ ([[1, -1], [-1, 1]] @ y) ]"),
    "mixtures at their rates": ("extragradient", "var x in Simplex(2)\nvar y in Simplex(2)\n"
        "solve min{x} max{y} [ x @ ([[1, -1], [-1, 1]] @ y) ]\nschedule { x: sgd(lr = 0.1)  y: sgd(lr = 0.1) }"),
    "three levels": ("nested", "var a: R\n"
        "var b: R\n"
        "var c: R\n"
        "solve min{a} [ (a-1)^2 + b^2 s.t. b = argmin{b}[ (b-a)^2 + c^2 s.t. c = argmin{c}[ (c-b)^2 ] ] ]"),
}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
def test_every_family_has_its_method(name):
    """Without `method:` the decision table chooses; every other method keeps the reason why not."""
    expected, text = GAMES[name]
    _, made = compiled(HEAD + text)

    assert made.choice.solver.word == made.plan.solver == expected
    assert {word for word, _ in made.choice.rejected} == set(words("solvers")) - {expected}
    assert all(why for _, why in made.choice.rejected)
    assert str(made.choice).startswith(f"solver {expected}: {made.choice.reason}")


@pytest.mark.parametrize(("name", "method", "reason"), [
    ("a bilevel game", "alternating", "a follower with its own objective"),
    ("an attack", "extragradient", "one follower per sample"),
    ("an equilibrium", "k_beam", "nobody follows anybody"),
    ("a bilinear saddle", "descent", "the game has several players"),
    ("a family", "descent", "the game has several players"),
])  # fmt: skip
def test_a_method_that_cannot_play_is_refused(name, method, reason):
    """GE505 at the place where the method was written, with the reason."""
    with pytest.raises(GameError) as caught:
        compiled(HEAD + GAMES[name][1] + f"\nschedule {{ method: {method} }}")
    (found,) = caught.value.diagnostics

    assert found.code == "GE505"
    assert method in found.message
    assert reason in found.primary.text


def test_the_author_is_obeyed_and_beams_ask_for_their_method():
    """`method:` wins; `beam` without it means k_beam."""
    _, text = GAMES["no saddle"]

    assert compiled(HEAD + text + "\nschedule { method: nested }")[1].choice.reason == "as you wrote"
    assert compiled(HEAD + text + "\nschedule { v: beam(K = 3) }")[1].plan.beams == (("v", 3),)
    assert compiled(HEAD + text + "\nschedule { method: k_beam(K = 5) }")[1].plan.beams == (("v", 5),)


def test_giving_up_the_order_is_said():
    """A simultaneous method on a game without a saddle looks for something else, and says so."""
    _, text = GAMES["no saddle"]

    assert "local Nash point" in compiled(HEAD + text + "\nschedule { method: simultaneous }")[1].choice.warning
    assert not compiled(HEAD + GAMES["a bilinear saddle"][1] + "\nschedule { method: simultaneous }")[1].choice.warning
    assert ("simultaneous", "it would give up the order of play") in compiled(HEAD + text)[1].choice.rejected


@pytest.mark.parametrize(("name", "said"), [
    ("one player", {"steps": "1000", "every": "10", "precision": "float64", "x": "sgd(lr = 0.1)"}),
    ("an attack", {"steps": "1000", "every": "50", "precision": "float32", "batch": "full", "d.steps": "10", "d": "sign(lr = 0.025)",
                   "h": "adam(lr = 0.001, betas = (0.9, 0.999), eps = 1e-08)"}),
    ("a GAN", {"batch": "128"}),
    ("a bilevel game", {"w.through": "implicit (newton)"}),
])  # fmt: skip
def test_what_is_not_written_is_said(name, said):
    """Every default stands in the plan, from where `explain` and the manifest take it."""
    _, made = compiled(HEAD + GAMES[name][1])

    assert said.items() <= dict(made.plan.defaults).items()


def test_what_is_written_is_no_default():
    """Nothing that the author chose is listed as chosen for him."""
    written = "schedule { h: sgd(lr = 0.1)  d: pgd(steps = 3, lr = 0.05) }\nrun { steps = 7  batch = 4  seed = 2  every = 3  precision = float64 }"
    text = f"{GAMES['an attack'][1]}\n{written}"
    plan = compiled(HEAD + text)[1].plan

    assert plan.defaults == ()
    assert (plan.steps, plan.batch, plan.seed, plan.every, plan.precision) == (7, 4, 2, 3, "float64")


def test_epochs_are_counted_in_batches():
    """Two epochs of 1,437 rows in batches of 100 are 30 steps; without a batch, two."""
    text = GAMES["a classifier alone"][1]

    assert compiled(HEAD + text + "\nrun { epochs = 2  batch = 100 }")[1].plan.steps == 30
    assert compiled(HEAD + text + "\nrun { epochs = 2 }")[1].plan.steps == 2
    assert compiled(HEAD + text.replace('digits("train")', "given") + "\nrun { epochs = 2 }")[1].plan.steps == 2


BILEVEL = GAMES["a bilevel game"][1]


@pytest.mark.parametrize(("schedule", "how"), [
    ("", Implicit("newton", 50, 1e-12)), ("w: newton(steps = 9, tol = 1e-9)", Implicit("newton", 9, 1e-9)),
    ("w: sgd(lr = 0.2, steps = 4), through(unroll)", Unrolled(4, 0.2)), ("w: through(unroll)", Unrolled(20, 0.1)),
    ("w: sgd(lr = 0.2, steps = 4), through(penalty(gamma = 3, growth = 1.1))", Penalty(3.0, 1.1)), ("w: through(stop)", Stop()),
    ("w: through(envelope)", Envelope("as written: through(envelope)")), ("w: through(implicit)", Implicit("newton", 50, 1e-12)),
    ("w: sgd(lr = 0.2), through(unroll(last = 3, recompute = false))", Unrolled(20, 0.2, last=3)),
    ("w: adam(lr = 0.2, steps = 4), through(unroll(forward))", Unrolled(4, 0.2, "adam", forward=True)),
    ("w: sgd(lr = 0.2), through(implicit(neumann, iters = 7))", Implicit("neumann", 7, 1e-10, 0.2)),
    ("w: through(implicit(cg, tol = 1e-4))", Implicit("cg", 20, 1e-4)),
    ("w: sgd(lr = 0.2), through(implicit(approxgrad, rate = 0.3))", Implicit("approxgrad", 20, 1e-10, 0.3)),
    ("w: sgd(lr = 0.2), through(differences(iters = 3))", Differences(3, 0.2, 0.01)),
    ("w: sgd(lr = 0.2), through(penalty(growth = 1.1, when = 0.01, multiplier = true))", Penalty(1.0, 1.1, 0.01, True)),
    ("w: sgd(lr = 0.2, steps = 6), through(f2sa(gamma = 4, growth = 1.01))", ValueFunction(6, 0.2, 4.0, 1.01)),
    ("w: sgd(lr = 0.2, steps = 6), through(bome(pace = 0.7))", ValueFunction(6, 0.2, pace=0.7)),
])  # fmt: skip
def test_responses_are_as_written(schedule, how):
    """The derivative passes through the follower the way that the schedule says."""
    plan = compiled(HEAD + BILEVEL + f"\nschedule {{ {schedule} }}")[1].plan
    (found,) = {r for _, through in plan.residual for _, r in through}

    assert found == how


def test_a_response_may_be_written_for_a_follower_of_the_same_objective():
    """`through(unroll)` on the follower of a minimax problem is obeyed."""
    plan = compiled(HEAD + GAMES["no saddle"][1] + "\nschedule { method: nested  v: ascent(lr = 0.1, steps = 3), through(unroll) }")[1].plan

    assert {r for _, through in plan.residual for _, r in through} == {Unrolled(3, 0.1)}


def test_a_large_follower_is_answered_by_conjugate_gradients():
    """With a network the optimality condition is too large to be solved densely."""
    below = "w = argmin{w}[ E{(p, q) ~ tr}[u*ce(h(p; w), q)] + 0.1*norm(w)^2 ]"
    text = DIGITS.replace("= linear()", "= linear()  params w")
    text += f"var u: R init 1\nsolve min{{u}} [ E{{(a, b) ~ tr}}[ce(h(a; w), b)] + u^2 s.t. {below} ]"
    _, made = compiled(HEAD + text)

    assert {r for _, through in made.plan.residual for _, r in through} == {Implicit("cg", 20, 1e-10)}
    assert ("w.through", "implicit (cg)") in made.plan.defaults


def test_a_decaying_rate_knows_its_last_step():
    """`decay = linear` ends after all moves of all turns."""
    text = GAMES["a GAN"][1] + "\nschedule { D: adam(lr = 1e-3, decay = linear), repeat(3)  G: adam(lr = 1e-3, decay = cosine) }\nrun { steps = 50 }"
    plan = compiled(HEAD + text)[1].plan

    assert plan.rule("D").option("total") == 150
    assert plan.rule("G").option("total") == 50


def test_the_step_of_an_attack_follows_its_radius():
    """2.5 radius / steps, the radius a param or a number."""
    text = GAMES["an attack"][1]
    rate = {}
    for radius, more in (("Linf(0.2)", ""), ("Linf(eps)", "param eps = 0.4\n"), ("L2(0.2)", "")):
        rate[radius] = compiled(HEAD + more + text.replace("Linf(0.1)", radius) + "\nschedule { d: pgd(steps = 5) }")[1].plan.rule("d").option("lr")

    assert rate == {"Linf(0.2)": 0.1, "Linf(eps)": 0.2, "L2(0.2)": 0.1}


def test_repeated_turns_draw_rows_of_their_own():
    """A critic that moves five times sees five batches, a follower with its own objective as well."""
    for name, player in (("a GAN", "D"), ("networks in an order", "D")):
        plan = compiled(HEAD + GAMES[name][1] + f"\nschedule {{ {player}: adam(lr = 1e-3), repeat(5) }}")[1].plan
        turn = next(op for op in plan.body if isinstance(op, Repeat))

        assert turn.times == 5
        assert turn.body[0].data == ("r",)


@pytest.mark.parametrize(("name", "schedule", "said"), [
    ("one player", "", "1 forward, 1 backward, batch full"),
    ("a GAN", "", "2 forward, 2 backward, batch 128"),
    ("a GAN", "D: adam(lr = 1e-3), repeat(5)", "6 forward, 6 backward, batch 128"),
    ("an attack", "d: pgd(steps = 7)", "8 forward, 8 backward, batch full (7 steps per sample for `d`)"),
    ("no saddle", "method: k_beam(K = 2)", "3 forward, 2 backward, batch full"),
    ("a bilevel game", "w: sgd(steps = 4), through(unroll)", "5 forward, 9 backward, batch full (4 unrolled steps)"),
    ("a bilevel game", "", "1 forward, 53 backward, batch full (up to 50 Newton steps for `w`)"),
    ("a bilevel game", "w: sgd(steps = 1), through(penalty)", "4 forward, 6 backward, batch full (the gradient of a gradient)"),
])  # fmt: skip
def test_the_cost_of_a_step_is_said(name, schedule, said):
    """Forward and backward passes, and what causes them."""
    checked, made = compiled(HEAD + GAMES[name][1] + f"\nschedule {{ {schedule} }}")

    assert cost(checked.game, made.plan) == said


def test_plain_values_become_numbers():
    """What was left out is 0."""
    assert (whole(None), real(None), whole(3), real(2)) == (0, 0.0, 3, 2.0)


def test_a_plan_of_an_attack_has_its_options():
    """Start, restarts and surrogates reach the op."""
    plan = compiled(HEAD + GAMES["an attack"][1] + "\nschedule { d: pgd(steps = 3, start = zero, restarts = 2) }")[1].plan
    op = next(op for op in plan.body if isinstance(op, Respond))

    assert (op.steps, op.start, op.restarts, op.surrogates) == (3, "zero", 2, ())
    assert replace(op, restarts=1) != op
    assert any(isinstance(o, Derive) for o in plan.body)


def test_one_optimisation_needs_no_warning():
    """Moving at once gives nothing up where all push the same way."""
    _, made = compiled(HEAD + GAMES["all push the same way"][1])

    assert made.choice.warning == ""


def test_networks_without_an_order_are_offered_both_readings():
    """Nothing says who moves first; the reason says what to write for each."""
    _, made = compiled(HEAD + BLOCK)

    assert "`order g then d` or `order d then g`" in made.choice.reason
    assert "`order simultaneous`" in made.choice.reason


def test_who_answers_cannot_move_at_once():
    """Nobody wrote a method: what is to be dropped is the order that was written."""
    text = HEAD + "var u: R\nvar w: R\nsolve min{u} [ u^2 + w*u  s.t. w = argmin{w}[ (w - u)^2 ] ]  order simultaneous"
    with pytest.raises(GameError) as caught:
        compiled(text)

    assert [(d.code, d.hint) for d in caught.value.diagnostics] == [("GE505", "drop `order simultaneous`, and followers answer")]


@pytest.mark.parametrize(("name", "said"), [
    ("no saddle", "9 numbers (8 copies of `v`)"),
    ("a classifier alone", "1950 numbers (2 for each number of `h` by adam)"),
    ("an attack", "1950 numbers (2 for each number of `h` by adam; `d` for each row of a batch)"),
])  # fmt: skip
def test_what_a_run_remembers_is_said(name, said):
    """Players, copies and the averages of step rules."""
    _, made = compiled(HEAD + GAMES[name][1])

    assert memory(made.facts, made.plan) == said


def test_the_anti_saddle_is_solved_without_a_word_about_how():
    """Rates that fall let the leader settle in the kink where two answers are equally bad: value 1/4, proved."""
    text = "language 1\nvar u in [-0.5, 0.5]\nvar v in [-0.5, 0.5]\nsolve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]\nrun { seed = 0 }\n"
    result = gs.from_text(text).solve()

    assert result.certificates["ok"]
    assert abs(result.value - 0.25) <= 0.01


@pytest.mark.parametrize(
    ("body", "order", "said"),
    [
        ("min{u} max{v} [ u^2 - v^2 + u*v ]", "u, v at once", "orders agree"),
        ("min{u} max{v} [ -u^2 + v^2 + 2*u*v ]", "u then v", "no saddle point need exist"),
        ("{ a: min{u} [ u^2 + u*v ]  b: min{v} [ v^2 - u*v + v ] }", "u, v at once", "which may have another solution"),
    ],
)
def test_order_auto_changes_no_solution_or_says_that_it_can(body, order, said):
    """Proved to agree: at once. Proved to differ: as written. Open: a choice with the warning that the other reading may differ."""
    text = f"language 1\nvar u in [-0.5, 0.5]\nvar v in [-0.5, 0.5]\nsolve {body} order auto\nrun {{ seed = 0 }}\n"
    shown = gs.from_text(text).explain()

    assert f"order      {order} " in shown
    assert said in shown


TURNS = "language 1\ngame turns\nvar x in [-1, 1] init 0.5\nvar y in [-1, 1] init 0.5\nsolve min{x} max{y} [ x*y - y^2 ]\n"
ANSWERS = ["sgd(lr = 0.1), repeat(5)", "sgd(lr = 0.1, steps = 5)", "sgd(lr = 0.1), through(unroll)", "newton", "pgd(steps = 5, lr = 0.1)"]


@pytest.mark.parametrize("how", ANSWERS)
def test_what_is_written_about_an_answer_is_done_or_refused(how):
    """Methods without turns say so, whichever moves all at once or leads through its followers; where none is written, one with turns is taken."""
    for method, solver in words("solvers").items():
        if solver.accepts.order == "simultaneous" or not solver.accepts.turns:
            with pytest.raises(GameError) as caught:
                compiled(f"{TURNS}schedule {{ method: {method}  y: {how} }}")
            assert caught.value.diagnostics[0].code == "GE505"
            text = caught.value.diagnostics[0].primary.text
            assert "is to make moves of its own" in text or text.endswith(solver.accepts.reason) or solver.accepts.fits or not solver.accepts.sets
    _, made = compiled(f"{TURNS}schedule {{ y: {how} }}")
    _, plain = compiled(TURNS)

    assert plain.choice.solver.word == "extragradient"
    assert made.choice.solver.word == "nested"
    assert made.choice.reason.endswith("asks for turns")


def test_players_without_an_order_make_one_move_each():
    """Nobody can take turns in a Nash game, and the descent of one player has none."""
    for solve in ("solve nash { a: min{x} [ x^2 + x*y ]  b: min{y} [ y^2 - x*y ] }", "solve min{x, y} [ x^2 + y^2 ]"):
        with pytest.raises(GameError, match="cannot play") as caught:
            compiled(f"language 1\ngame turns\nvar x in [-1, 1]\nvar y in [-1, 1]\n{solve}\nschedule {{ x: sgd(lr = 0.1), repeat(5) }}")

        assert "`x` is to make moves of its own by `repeat`" in caught.value.diagnostics[0].primary.text
