"""Averages of the points as the answer: what they are, what is reported, what is saved; and answers that lie in the sets."""

from __future__ import annotations

import math

import pytest
import torch

import gamespec as gs
from gamespec.library.registry import words
from gamespec.run.leaves import slots
from gamespec.run.traced import trace, watch
from tests.emit.build import compiled, program

HEAD = "language 1\ngame averages\n"
PENNIES = (
    HEAD + "var p: R[2] in Simplex(2) init [0.9, 0.1]\nvar q: R[2] in Simplex(2) init [0.2, 0.8]\nparam A = [[1, -1], [-1, 1]]\n"
    "solve min{{p}} max{{q}} [ p @ A @ q ]  order simultaneous\nschedule {{ method: {} }}\nrun {{ steps = 400  seed = 0 }}"
)
NETWORK = (
    HEAD + "data tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5)\nvar t: R init 1\n"
    "solve min{{h}} max{{t}} [ E{{(x, y) ~ tr}}[ce(t*h(x), y)] - t^2 ]\nmetric loss = E{{(x, y) ~ tr}}[ce(h(x), y)]\n"
    "schedule {{ method: {} }}\nrun {{ batch = 6  precision = float64 }}"
)


def rows():
    """Six rows of four classes."""
    rng = torch.Generator().manual_seed(1)
    return {"tr": (torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1, 2]))}


@pytest.mark.parametrize(("asked", "weight"), [
    ("average = uniform", lambda k: 1 / k), ("average = ema, ema = 0.9", lambda k: 1 if k == 1 else 0.1),
])  # fmt: skip
@pytest.mark.parametrize("method", ["simultaneous", "alternating", "extragradient"])
def test_an_average_is_that_of_the_points(method, asked, weight):
    """The mean of all points, or one that forgets; the path itself is that of the method alone."""
    text = HEAD + "var x: R init 1\nvar y: R init 1\nsolve min{{x}} max{{y}} [ x*y ]\nschedule {{ method: {}(lr = 0.1{}) }}"
    plain, averaged = program(text.format(method, "")), program(text.format(method, f", {asked}"))
    s, a, mean = plain.start(0), averaged.start(0), [1.0, 1.0]
    for k in range(1, 21):
        plain.step(s)
        averaged.step(a)
        mean = [m + weight(k) * (z - m) for m, z in zip(mean, plain.point(s), strict=True)]

        assert [float(v) for v in averaged.last(a).values()] == plain.point(s)
        assert averaged.point(a) == pytest.approx(mean, abs=1e-14)


@pytest.mark.parametrize(("game", "weights"), [("[[1, -1], [-1, 1]]", 2), ("[[0, 1, -1], [-1, 0, 1], [1, -1, 0]]", 3)])
def test_multiplicative_weights_converge_on_average(game, weights):
    """Beck and Teboulle: after T steps of rate r the gap of the averages is at most 2 (ln n / (T r) + r / 2); the last point is far off."""
    starts = ([0.9, 0.1], [0.2, 0.8]) if weights == 2 else ([0.6, 0.3, 0.1], [0.2, 0.5, 0.3])
    variables = "".join(f"var {v}: R[{weights}] in Simplex({weights}) init {at}\n" for v, at in zip("pq", starts, strict=True))
    text = HEAD + variables + f"param A = {game}\nsolve min{{p}} max{{q}} [ p @ A @ q ]  order simultaneous\n"
    made = program(text + "schedule { method: mirror_descent(lr = 0.1, average = uniform) }")
    s, steps = made.start(0), 1500
    for _ in range(steps):
        made.step(s)
    bound = 2 * (math.log(weights) / (0.1 * steps) + 0.1 / 2) + 2 / steps

    def gap(players):
        return float((players["p"] @ s.A).max() - (s.A @ players["q"]).min())

    assert gap(made.players(s)) <= bound
    assert gap(made.last(s)) > 5 * gap(made.players(s))


@pytest.mark.parametrize("method", ["mirror_prox", "optimistic_mirror"])
def test_looking_ahead_in_the_simplex_converges_itself(method):
    """On matching pennies the last point of mirror-prox and of optimistic weights reaches the equilibrium."""
    made = program(PENNIES.format(f"{method}(lr = 0.2)"))
    s = made.start(0)
    for _ in range(1500):
        made.step(s)

    assert made.point(s) == pytest.approx([0.5] * 4, abs=1e-6)


def test_what_is_reported_is_the_average_and_both_are_saved(tmp_path):
    """Players, value and certificate are those of the average; the files hold where the players stood as well."""
    path = tmp_path / "pennies.game"
    path.write_text(PENNIES.format("mirror_descent(lr = 0.1, average = uniform)"))
    game = gs.load(path)
    result = game.solve()
    saved = gs.load_run(str(result.save(tmp_path / "run"))).players
    payoff = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)

    assert result.metrics["value"] == pytest.approx(float(result.players["p"] @ payoff @ result.players["q"]), abs=1e-12)
    assert torch.equal(saved["p"], result.players["p"])
    last = saved.numbers("p", last=True)["value"]
    assert not torch.allclose(last, result.players["p"], atol=1e-3)


def test_a_network_answers_with_its_average():
    """Metrics and players are those of a network with averaged weights; the one that learns is untouched."""
    made = program(NETWORK.format("simultaneous(lr = 0.1, average = ema, ema = 0.5)"))
    batch = rows()
    s = made.start(0, data=batch)
    for _ in range(4):
        made.step(s, batch)
    mine, last = made.players(s)["h"], made.last(s)["h"]
    x, y = batch["tr"]

    assert last is s.h
    assert all(torch.equal(p, kept) for p, kept in zip(mine.parameters(), s.h_params_at_average, strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(mine.parameters(), last.parameters(), strict=True))
    assert made.measure(s)["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(mine(x), y).detach()), abs=1e-12)
    saved = made.save(s)
    before = [p.clone() for p in s.h_params_at_average]
    made.step(s, batch)
    made.restore(s, saved)
    assert all(torch.equal(p, q) for p, q in zip(s.h_params_at_average, before, strict=True))


def test_ceg_plus_answers_from_inside_the_sets():
    """Its own point may leave the sets; the answer never does, and reaches the saddle point at a corner's side."""
    text = HEAD + "var x in [-1, 1] init 0\nvar y in [-1, 1] init 0\nsolve min{x} max{y} [ (x - 0.9)*(y - 0.9) ]  order simultaneous\n"
    made = program(text + "schedule { method: ceg_plus(lr = 0.5, alpha = 1) }")
    s = made.start(0)
    outside = False
    for _ in range(300):
        made.step(s)
        outside |= abs(float(s.y)) > 1 or abs(float(s.x)) > 1
        assert all(abs(v) <= 1 for v in made.point(s))

    assert outside
    assert made.point(s) == pytest.approx([0.9, 0.9], abs=1e-9)


def test_every_method_takes_an_average_and_says_so():
    """The plan names the answer, and the options stand in the list."""
    assert all({"average", "ema"} <= {o.name for o in solver.options} for solver in words("solvers").values())
    assert "the answer is average" in str(compiled(PENNIES.format("mirror_descent(average = uniform)"))[1].plan)


@pytest.mark.parametrize("method", [
    "anchored(lr = 0.1)", "optimistic(lr = 0.1, average = ema)", "bc_seg_plus(lr = 0.1)", "consensus(lr = 0.1, average = uniform)",
    "ceg_plus(lr = 0.1)",
])  # fmt: skip
def test_a_step_written_down_as_a_graph_makes_the_same_steps(method):
    """What is kept between steps, and what changes with their count, is the same in a compiled step, to the last bit."""
    text = HEAD + f"var x: R init 1\nvar y: R init 1\nsolve min{{x}} max{{y}} [ x*y + x^2/7 ]\nschedule {{ method: {method} }}"
    made = program(text, lane="torch")
    s = made.start(0)
    traced = trace(made, s, watch(made, s, {}))
    held = {slot.path: slot.tensor.detach().clone() for slot in slots(s)}
    count = torch.tensor(float(s.k), dtype=torch.float64)
    for _ in range(3):
        made.step(s)
        traced.graph(*(held[path] for path in traced.paths), *([count] if traced.counts else []))

        assert {p: held[p].tolist() for p in traced.paths} == {q.path: q.tensor.tolist() for q in slots(s) if q.path in traced.paths}
