"""Distributions near a source as players: the moves of its samples, and particles that are shaken."""

from __future__ import annotations

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.emit.build import compiled, played

HEAD = """language 1
game transport
param eps in [0, 1] = 0.1
data tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")
net f: R[64] -> logits[10] = linear()  params theta
"""
BALL = HEAD + "var p: Dist(tr) in Wball(tr, eps, norm = NORM, order = ORDER)\nsolve min{theta} max{p} [ E{(x, y) ~ p}[ce(f(x), y)] ]\n"
EACH = HEAD + "solve min{theta} E{(x, y) ~ tr} max{p in SET} [ ce(f(x + p), y) ]\n"
RUN = "schedule { theta: sgd(lr = 0.1)  p: pgd(steps = 3, lr = 0.05) }\nrun { batch = 64  steps = 3 }\n"


def ball(norm="inf", order="inf"):
    """The distribution as a player, in a ball of a norm and an order."""
    return BALL.replace("NORM", norm).replace("ORDER", order)


@pytest.mark.parametrize(("norm", "chosen"), [("inf", "Linf(eps) & (domain(x) - x)"), ("2", "L2(eps)")])
def test_a_ball_of_order_inf_is_one_move_for_each_sample(norm, chosen):
    """The same steps, bit for bit, as the game in which every sample has an adversary of its own."""
    one, other = (played(text + RUN, 3)[1] for text in (ball(norm), EACH.replace("SET", chosen)))

    assert all(torch.equal(a, b) for a, b in zip(one.f.parameters(), other.f.parameters(), strict=True))


def test_it_is_explained():
    """Whom the distribution became, and why that is the same."""
    text = pipeline.explain(pipeline.check(Source("a.game", ball() + RUN)))

    assert "`p` moves every sample of `tr` by itself" in text
    assert "one `p` per (x, y)" in text


@pytest.mark.parametrize("order", ["inf", "2"])
def test_what_is_no_sum_over_samples_is_refused(order):
    """An objective that mixes the samples."""
    text = ball(order=order).replace("E{(x, y) ~ p}[ce(f(x), y)] ]", "E{(x, y) ~ p}[ce(f(x), y)]^2 ]")
    with pytest.raises(GameError) as caught:
        compiled(text + "schedule { theta: sgd(lr = 0.1) }")

    assert [d.code for d in caught.value.diagnostics] == ["GE292"]


def test_langevin_steps_sample_at_their_temperature():
    """For max of -d^2/2 with noise sqrt(2 lr T), the spread of many particles is that of the stationary law of the steps.

    d <- (1 - lr) d + noise n has the variance noise^2 / (1 - (1 - lr)^2): T / (1 - lr/2).
    """
    text = """language 1
game particles
data tr: (a: R, i: index) = given
var u: R init 0
solve min{u} E{(a, i) ~ tr} max{d in Linf(50)} [ u^2 - (d - a)^2/2 ]
schedule { d: langevin(steps = 60, lr = 0.1, noise = 0.2, start = zero) }
run { batch = 4000  precision = float64 }
"""
    a = torch.full((4000,), 0.5, dtype=torch.float64)
    module, s, _ = played(text, 1, data={"tr": (a, torch.arange(4000))})
    known = {"a": a, "u": s.u, "rng": module.noise_of_first(0, 0, 4000, "cpu")}
    names = module.respond_d.__code__.co_varnames[: module.respond_d.__code__.co_argcount]
    d = module.respond_d(s, **{n: known[n] for n in names if n in known})

    assert abs(float(d.var()) - 0.04 / (1 - 0.81)) < 0.02
    assert abs(float(d.mean()) - 0.5) < 0.03
