"""Single steps of emitted programs against what they must be by hand."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy
import pytest
import torch

from tests.emit.build import compiled, played, program

HEAD = "language 1\ngame steps\n"
BILINEAR = HEAD + "var x: R init 1\nvar y: R init 1\nsolve min{x} max{y} [ x*y ]\n"
DATA = 'data tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'
ATTACK = HEAD + DATA + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1) & (domain(x) - x)} [ ce(h(x + d), y) ]\n"
METRIC = """metric robust = E{(x, y) ~ tr} min{e in Linf(0.1)} [ correct(h(x + e), y) ]
schedule { robust.e: pgd(steps = 2, restarts = 2, surrogate = [ce, margin]) }
"""


def size(s):
    """Distance from the saddle point."""
    return math.hypot(float(s.x), float(s.y))


def test_descent_ascent_on_a_bilinear_game_grows_by_a_known_factor():
    """Simultaneous steps turn and lengthen (x, y) by sqrt(1 + lr^2)."""
    module = program(BILINEAR + "schedule { method: simultaneous(lr = 0.3) }\nrun { steps = 5 }")
    s = module.start()
    for _ in range(5):
        before = size(s)
        module.step(s)

        assert size(s) == pytest.approx(before * math.sqrt(1 + 0.09), rel=1e-12)


def test_extragradient_on_a_bilinear_game_contracts_by_a_known_factor():
    """Looking ahead first gives the factor sqrt((1 - lr^2)^2 + lr^2)."""
    module = program(BILINEAR + "schedule { method: extragradient(lr = 0.3) }\nrun { steps = 5 }")
    s = module.start()
    for _ in range(5):
        before = size(s)
        module.step(s)

        assert size(s) == pytest.approx(before * math.sqrt((1 - 0.09) ** 2 + 0.09), rel=1e-12)


def test_all_gradients_come_before_any_move():
    """In a simultaneous step the second player sees where the first one was."""
    _, s, _ = played(BILINEAR + "schedule { method: simultaneous(lr = 0.5) }", 1)

    assert (float(s.x), float(s.y)) == (0.5, 1.5)


def test_the_follower_moves_first_and_the_leader_sees_it():
    """In an alternating step the leader answers to the follower's new place."""
    _, s, _ = played(BILINEAR + "schedule { method: alternating(lr = 0.5) }", 1)

    assert (float(s.x), float(s.y)) == (0.25, 1.5)


@pytest.mark.parametrize("method", ["simultaneous", "alternating", "extragradient", "k_beam(K = 2)", "nested"])
def test_every_first_step_goes_the_players_way(method):
    """A step alone lowers the objective of who minimises and raises that of who maximises."""
    text = (
        HEAD + f"var x: R init 1\n"
        f"var y: R init -1\n"
        f"solve min{{x}} max{{y}} [ x^2 + x*y - y^2 ]\n"
        f"schedule {{ method: {method} x: descent(lr = 0.01) y: ascent(lr = 0.01) }}"
    )
    module = program(text)
    s = module.start()
    s.y = torch.full_like(s.y, -1.0)
    x, y = s.x.clone(), s.y.clone()
    module.step(s)
    moved_x, moved_y = s.x, s.y.reshape(-1)[0]
    y = y.reshape(-1)[0]

    assert module.objective_x(moved_x, y) < module.objective_x(x, y)
    assert module.objective_y(x, moved_y) > module.objective_y(x, y)


def test_decay_divides_by_the_root_of_the_step():
    """The k-th step of `decay = sqrt` has length lr / sqrt(k)."""
    module = program(HEAD + "var x: R init 0\nsolve min{x} [ x ]\nschedule { x: descent(lr = 1, decay = sqrt) }\nrun { steps = 3 }")
    s = module.start()
    places = []
    for _ in range(3):
        module.step(s)
        places.append(float(s.x))

    assert places == pytest.approx([-1, -1 - 1 / math.sqrt(2), -1 - 1 / math.sqrt(2) - 1 / math.sqrt(3)], rel=1e-14)


def test_repeat_moves_a_follower_that_often():
    """Three ascent steps of size 0.1 on x*y with x = 1, then one descent step."""
    _, s, _ = played(BILINEAR + "schedule { method: alternating x: descent(lr = 0.1) y: ascent(lr = 0.1), repeat(3) }", 1)

    assert float(s.y) == pytest.approx(1.3, rel=1e-14)
    assert float(s.x) == pytest.approx(1 - 0.13, rel=1e-14)


def test_a_start_outside_is_put_into_the_set():
    """Without `init` a variable starts at the member of its set that is nearest to 0; a start inside stays."""
    text = (
        HEAD + "var x: R in [0.5, 1]\n"
        "var y: R[4] in Simplex(4)\n"
        "var z: R in [0, 1] init 0.3\n"
        "solve min{x, z} max{y} [ x*y[0] + x^2 - norm(y)^2 + z^2 ]"
    )
    s = program(text).start()

    assert (float(s.x), float(s.z)) == (0.5, 0.3)
    assert s.y.tolist() == [0.25] * 4


@pytest.mark.parametrize("shape", ["[-0.3, 0.2]", "Linf(0.1)", "Simplex(4)", "L2(0.5)", "[0.2, inf]"])
def test_every_iterate_of_a_variable_is_in_its_set(shape):
    """The start, what looking ahead reaches and what a step reaches lie in the set."""
    text = (
        HEAD + f"var x: R[4] in {shape} init uniform\n"
        f"var y: R[4] in {shape} init uniform\n"
        f"solve min{{x}} max{{y}} [ 9*sum(x*y) + norm(x)^2 - norm(y)^2 ]\n"
        f"schedule {{ method: extragradient(lr = 0.7) }}"
    )
    if shape == "[0.2, inf]":
        text = text.replace("init uniform", "init 0.3")
    module = program(text)
    s = module.start()
    inside = {
        "[-0.3, 0.2]": lambda t: bool(((t >= -0.3) & (t <= 0.2)).all()), "Linf(0.1)": lambda t: float(t.abs().max()) <= 0.1,
        "Simplex(4)": lambda t: bool((t >= 0).all()) and abs(float(t.sum()) - 1) < 1e-9, "L2(0.5)": lambda t: float(t.norm()) <= 0.5 + 1e-12,
        "[0.2, inf]": lambda t: bool((t >= 0.2).all()),
    }[shape]  # fmt: skip

    assert inside(s.x)
    for _ in range(10):
        module.step(s)
        assert inside(s.x)
        assert inside(s.y)


@pytest.mark.parametrize("start", ["uniform", "zero"])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_every_iterate_of_an_attack_is_in_its_set(start, steps):
    """Perturbations stay in the ball and keep pixels in range, random starts included."""
    module = program(ATTACK + f"schedule {{ d: pgd(steps = 4, lr = 0.2, start = {start}) }}\nrun {{ batch = 32 }}")
    s = module.start()
    x, y = (t[:32] for t in s.tr)
    d = module.respond_d(s, s.h, x, y, s.rng_start, steps=steps)

    assert float(d.abs().max()) <= 0.1 + 1e-7
    assert float((x + d).min()) >= -1e-7
    assert float((x + d).max()) <= 1 + 1e-7


def test_answers_do_not_depend_on_the_rest_of_the_batch():
    """With the same starts each sample has the same answer alone and in company."""
    module = program(ATTACK + "schedule { d: pgd(steps = 4, lr = 0.02, start = zero) }\nrun { batch = 8  precision = float64 }")
    s = module.start()
    x, y = (t[:8] for t in s.tr)
    together = module.respond_d(s, s.h, x, y, s.rng_start)
    alone = torch.cat([module.respond_d(s, s.h, x[i : i + 1], y[i : i + 1], s.rng_start) for i in range(8)])

    assert torch.equal(together, alone)


def test_restarts_keep_the_best_for_each_sample():
    """More restarts never do worse, and what is kept is as good as was said."""
    text = ATTACK.replace(" & (domain(x) - x)", "") + "schedule { d: pgd(steps = 1, lr = 0.02, restarts = RESTARTS) }\nrun { batch = 64 }"
    module = program(text.replace("RESTARTS", "4"))
    s = module.start()
    x, y = (t[:64] for t in s.tr)
    reached = []
    for restarts in (0, 1, 2, 4):
        rng = torch.Generator().manual_seed(3)
        d = module.respond_d(s, s.h, x, y, rng, restarts=restarts)
        reached.append(module.objective_d(s.h, d, x, y).detach())

    assert all(bool((b >= a).all()) for a, b in pairwise(reached))
    assert bool((reached[3] > reached[1]).any())


def test_a_discrete_answer_is_that_of_trying_all():
    """The class picked for each sample has the largest margin of all wrong classes, each under its own attack."""
    text = (
        HEAD
        + DATA
        + """solve min{h} E{(x, y) ~ tr} [ ce(h(x + d[j]), y)
      s.t. d[k] in argmax{t in Linf(0.1)}[ margin(h(x + t), k, y) ] forall k in 0..9 \\ {y},
           j in argmax{k in 0..9 \\ {y}}[ margin(h(x + d[k]), k, y) ] ]
    schedule { d: pgd(steps = 2, lr = 0.05, start = zero), through(stop)  j: enumerate }
    run { batch = 16  precision = float64 }"""
    )
    module = program(text)
    s = module.start()
    x, y = (t[:16] for t in s.tr)
    losses = module.step(s, {"tr": (x, y)})
    fresh = module.start()
    best = []
    for i in range(16):
        tried = []
        for k in (k for k in range(10) if k != int(y[i])):
            name = torch.tensor([k])
            d = module.respond_d(fresh, fresh.h, x[i : i + 1], name, y[i : i + 1], fresh.rng_start)
            tried.append(float(module.objective_d(fresh.h, d, x[i : i + 1], name, y[i : i + 1]).detach()))
        best.append(max(tried))

    assert float(losses["j"]) == pytest.approx(sum(best) / 16, rel=1e-12)


def test_a_batch_that_is_given_is_used():
    """The objective that a step reports is that of the caller's rows, and the program's own order is not touched."""
    module = program(HEAD + DATA + "solve min{h} E{(x, y) ~ tr} [ ce(h(x), y) ]\nrun { batch = 32 }")
    s = module.start()
    x, y = (t[100:103] for t in s.tr)
    expected = module.objective_h(s.h, x, y)
    losses = module.step(s, batch={"tr": (x, y)})

    assert torch.equal(losses["h"], expected.detach())
    assert s.order_tr.at == s.order_tr.rows


def test_only_the_mover_is_differentiated():
    """No gradient is left behind on anybody's parameters."""
    _, s, _ = played(HEAD + DATA + "var l: R[10] in Simplex(10)\nsolve min{h} max{l} [ E{(x, y) ~ tr}[l[y]*ce(h(x), y)] ]\nrun { batch = 8 }")

    assert all(p.grad is None for p in s.h.parameters())
    assert s.l.grad is None
    assert not s.l.requires_grad


def test_a_number_that_is_lost_brings_the_last_good_state_back():
    """A run that overflows ends as diverging, at the point of the last report."""
    module = program(
        HEAD + "var x: R init 2\n"
        "var y: R init 1\n"
        "solve min{x} max{y} [ -exp(x^2) + x*y - y^2 ]\n"
        "schedule { method: simultaneous(lr = 1) }\n"
        "run { steps = 50  every = 1 }"
    )
    s, status = module.train()

    assert status == "diverging"
    assert math.isfinite(float(s.x))


@pytest.mark.parametrize("text", [ATTACK + METRIC + "run { batch = 16  steps = 4 }",
                                  HEAD + "var u: R in [-1, 1] init uniform\n"
                                      "var v: R in [-1, 1] init uniform\n"
                                      "solve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]\n"
                                      "run { steps = 4 }"])  # fmt: skip
def test_looking_changes_nothing(text):
    """Steps with metrics, residuals and certificates between them give the same bits as steps alone."""
    module = program(text)
    alone, watched = module.start(), module.start()
    for _ in range(3):
        module.step(alone)
        module.step(watched)
        for look in (module.probe, module.measure, module.certify, module.residual, module.players):
            look(watched)

    assert [t.tolist() for t in module.save(alone)] == [t.tolist() for t in module.save(watched)]
    assert float(module.residual(watched)) == float(module.residual(watched))


def test_seeds_decide_and_global_generators_are_left_alone():
    """The same seed gives the same bits, another one others; Python's, NumPy's and torch's own state do not move."""
    module = program(ATTACK + "run { batch = 16  steps = 2 }")
    before = (
        random.getstate(),
        numpy.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )  # the global state is what is watched; until 2027-11
    found = [[t.tolist() for t in module.save(module.train(seed)[0])] for seed in (1, 1, 2)]
    after = (
        random.getstate(),
        numpy.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )  # the global state is what is watched; until 2027-11

    assert found[0] == found[1] != found[2]
    assert before == after


def test_candidates_of_a_beam_start_apart_and_at_the_authors_place():
    """The first candidate stands where the author put the variable, the others are drawn."""
    s = program(
        HEAD + "var u: R in [-1, 1] init 0.3\n"
        "var v: R in [-1, 1] init 0.25\n"
        "solve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]\n"
        "schedule { method: k_beam(K = 5) }"
    ).start()

    assert float(s.v[0]) == 0.25
    assert len(set(s.v.tolist())) == 5


def test_a_column_that_only_one_objective_names_is_shared_by_name():
    """Two players that name the same table differently see the same rows."""
    text = (
        HEAD + DATA + "net g: R[64] -> logits[10] = linear()\n"
        "solve nash { a: min{h}[ E{(x, y) ~ tr}[ce(h(x), y)] ]  b: min{g}[ E{(p, q) ~ tr}[ce(g(p), q)] ] }\n"
        "run { batch = 16 }"
    )
    checked, made = compiled(text)

    assert made.program.text.count("batch_tr(s)") == 2
    assert len(checked.game.nodes) == 2
    played(text)
