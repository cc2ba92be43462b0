"""Distributions as weighted particles: positions move by their own slopes, weights are multiplied."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.emit.build import compiled, played, program

PAYOFF = "5*x*y - 2*x^2 - 2*x*y^2 - y"
"""Parrilo 2006, example 4.1: on [-1, 1] the maximiser plays 1/5, the minimiser 1 with weight 0.78 and -1 with 0.22; value -0.48."""

GAME = f"""language 1
game polynomial
var p: Dist(R) in [-1, 1]
var q: Dist(R) in [-1, 1]
solve max{{p}} min{{q}} E{{x ~ p, y ~ q}} [ {PAYOFF} ] order simultaneous
schedule {{ method: METHOD  p: particles(N), sgd(lr = RATE), hedge(lr = RATE)  q: particles(N), sgd(lr = RATE), hedge(lr = RATE) }}
run {{ seed = 0 }}
metric mean_of_p = E{{x ~ p}}[ x ]
"""


def text(method="mirror_prox", n=4, rate=0.1):
    """The game under a method."""
    return GAME.replace("METHOD", method).replace("N)", f"{n})").replace("RATE", str(rate))


def payoff(x, y):
    """The payoff of every pair."""
    x, y = x[:, None], y[None, :]
    return 5 * x * y - 2 * x**2 - 2 * x * y**2 - y


GRID = torch.linspace(-1, 1, 4001, dtype=torch.float64)


def exploited(mixtures):
    """What both players together could gain against the mean of (p, a, q, b) over times: 0 at an equilibrium."""
    against_q = torch.stack([payoff(GRID, q) @ b for _, _, q, b in mixtures]).mean(0)
    against_p = torch.stack([a @ payoff(p, GRID) for p, a, _, _ in mixtures]).mean(0)
    return float(against_q.amax() - against_p.amin())


def test_a_step_is_one_of_the_cone():
    """By hand, all at once: x_i by lr times the slope of its own value, a_i times exp(lr value_i), scaled to sum 1."""
    module = program(text("simultaneous", n=3))
    s = module.start(0)
    s.p_weights = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    p, a, q, b = s.p.clone(), s.p_weights.clone(), s.q.clone(), s.q_weights.clone()
    module.step(s)
    table, x, y = payoff(p, q), p[:, None], q[None, :]
    slope_x, slope_y = (5 * y - 4 * x - 2 * y**2) @ b, a @ (5 * x - 4 * x * y - 1)
    raised, lowered = a * torch.exp(0.1 * table @ b), b * torch.exp(-0.1 * a @ table)

    assert torch.allclose(s.p, (p + 0.1 * slope_x).clamp(-1, 1), rtol=0, atol=1e-14)
    assert torch.allclose(s.q, (q - 0.1 * slope_y).clamp(-1, 1), rtol=0, atol=1e-14)
    assert torch.allclose(s.p_weights, raised / raised.sum(), rtol=0, atol=1e-14)
    assert torch.allclose(s.q_weights, lowered / lowered.sum(), rtol=0, atol=1e-14)


def test_players_who_move_at_once_give_up_no_order():
    """`order simultaneous` asks for what the method does; without it the order of play is given up, and that is said."""
    asked = pipeline.compile(pipeline.check(Source("polynomial.game", text()))).diagnostics
    in_turn = pipeline.compile(pipeline.check(Source("polynomial.game", text().replace("order simultaneous", "")))).diagnostics

    assert [d.code for d in asked] == []
    assert [d.code for d in in_turn] == ["GW505"]


def test_points_of_several_numbers_have_weights_in_every_copy_of_an_answer():
    """Copies [K, 3, 2] with weights [K, 3]: each slope is that of the sum over the mixture, divided by the weight of its point, at the new y."""
    spec = "var y: R[2] in [-1, 1]\nvar p: Dist(R[2]) in [-1, 1]\nsolve min{y} max{p} E{x ~ p} [ norm(x - y)^2 ]"
    module = program(f"language 1\ngame far\n{spec}\nschedule {{ p: particles(3), sgd(lr = 0.01), hedge(lr = 0.1) }}")
    s = module.start(0)
    p = s.p.clone()
    module.step(s)
    moved = p + 0.01 * 2 * (p - s.y)

    assert p.shape[1:] == (3, 2)
    assert torch.allclose(s.p, moved.clamp(-1, 1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["mirror_prox", "extragradient"])
def test_looking_ahead_reaches_the_mixed_equilibrium(method):
    """The atoms and weights of the closed form; on a fine grid nobody gains more than 1e-9."""
    module, s, _ = played(text(method), 300)
    high = float(s.q_weights[s.q > 0.999].sum())

    assert exploited([(s.p, s.p_weights, s.q, s.q_weights)]) <= 1e-9
    assert high == pytest.approx(0.78, abs=1e-6)
    assert float(s.q_weights[s.q < -0.999].sum()) == pytest.approx(0.22, abs=1e-6)
    assert module.measure(s)["mean_of_p"] == pytest.approx(0.2, abs=1e-6)
    assert module.measure(s)["value"] == pytest.approx(-0.48, abs=1e-9)


PENNIES = GAME.replace(PAYOFF, "x*y + x^2 - y^2").replace("METHOD", "simultaneous").replace("N)", "3)").replace("RATE", "0.05")
"""Both are driven to the ends, -1 and 1, and match pennies there: half and half, value 0."""


def test_the_average_of_plain_steps_is_within_the_regrets():
    """Weights circle outwards; over T steps their average loses 2 (log(1/a) / (rate T) + rate range^2 / 8) at most.

    That holds once the particles stand at the ends, with a the least weight of an end then; payoffs there lie in [-1, 1].
    """
    steps, rate = 900, 0.05
    module = program(PENNIES)
    s, seen = module.start(0), []
    s.p, s.q = torch.tensor([-0.5, 0.5, 0.7], dtype=torch.float64), torch.tensor([-0.3, 0.4, 0.6], dtype=torch.float64)
    for _ in range(steps):
        module.step(s)
        seen.append(tuple(getattr(s, n).clone() for n in ("p", "p_weights", "q", "q_weights")))
    first = next(k for k, (p, _, q, _) in enumerate(seen) if bool((p.abs() == 1).all() and (q.abs() == 1).all()))
    played, (p, a, q, b) = seen[first:], seen[first]
    against_q = torch.stack([(GRID[:, None] * y + GRID[:, None] ** 2 - y**2) @ w for _, _, y, w in played]).mean(0)
    against_p = torch.stack([w @ (x[:, None] * GRID + x[:, None] ** 2 - GRID**2) for x, w, _, _ in played]).mean(0)
    least = min(float(w[x == end].sum()) for x, w in ((p, a), (q, b)) for end in (-1, 1))
    bound = 2 * (math.log(1 / least) / (rate * len(played)) + rate * 2**2 / 8) + 4 / len(played)
    last = max(abs(float(w @ x)) for x, w in ((played[-1][0], played[-1][1]), (played[-1][2], played[-1][3])))

    assert 0 <= float(against_q.amax() - against_p.amin()) <= bound
    assert bound < 0.2
    assert last > 0.2


def test_points_of_several_numbers_spread_to_the_corners():
    """Min over p, max over q of E|x - y|^2 on a square: x in the middle, y at opposite corners; the value is 2."""
    found = played("""language 1
game corners
var p: Dist(R[2]) in [-1, 1]
var q: Dist(R[2]) in [-1, 1]
solve min{p} max{q} E{x ~ p, y ~ q} [ norm(x - y)^2 ] order simultaneous
schedule { method: mirror_prox  p: particles(2), sgd(lr = 0.1), hedge(lr = 0.1)  q: particles(5), sgd(lr = 0.2), hedge(lr = 0.5) }
run { seed = 0 }
""", 400)[1]  # fmt: skip
    near = found.q_weights > 1e-6

    assert torch.allclose(found.p_weights @ found.p, torch.zeros(2, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(found.q[near].abs(), torch.ones_like(found.q[near]), atol=1e-9)
    assert torch.allclose(found.q_weights @ found.q, torch.zeros(2, dtype=torch.float64), atol=1e-5)


NETWORKS = """language 1
game mixed
data real: R[2] = given
dist noise: R[2] = Normal(0, 1)
net G: R[2] -> R[2] = mlp(4)
net d: R[2] -> R = mlp(4)
var pG: Dist(params(G))
var pD: Dist(params(d))
solve min{pG} max{pD} E{u ~ pG, v ~ pD} [ E{x ~ real}[d(x; v)] - E{x ~ real}[d(G(x; u); v)^2] ]  order simultaneous
schedule { method: METHOD  pG: particles(2), sgd(lr = 0.01), hedge(lr = 0.5)  pD: particles(2), sgd(lr = 0.01), hedge(lr = 0.5) }
run { batch = 8  steps = 3  precision = float64 }
"""


def test_networks_have_weights_too():
    """One step of two against two by hand: the mixture's value, each network by its own slope, weights multiplied."""
    module = program(NETWORKS.replace("METHOD", "simultaneous").replace("dist noise: R[2] = Normal(0, 1)\n", ""))
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    s = module.start(0, data={"real": (x,)})
    s.pG_weights, s.pD_weights = torch.tensor([0.75, 0.25], dtype=torch.float64), torch.tensor([0.4, 0.6], dtype=torch.float64)
    a, b = s.pG_weights.clone(), s.pD_weights.clone()
    table = torch.stack([torch.stack([d(x).mean() - (d(G(x)) ** 2).mean() for d in (s.d_1, s.d_2)]) for G in (s.G_1, s.G_2)])
    own = torch.autograd.grad(table[1] @ b, list(s.G_2.parameters()), retain_graph=True)
    before = [p.detach().clone() for p in s.G_2.parameters()]
    losses = module.step(s, {"real": (x,)})
    lowered, raised = a * torch.exp(-0.5 * table.detach() @ b), b * torch.exp(0.5 * a @ table.detach())

    assert float(next(iter(losses.values()))) == pytest.approx(float(a @ table.detach() @ b), rel=1e-12)
    assert torch.allclose(s.pG_weights, lowered / lowered.sum(), rtol=1e-12)
    assert torch.allclose(s.pD_weights, raised / raised.sum(), rtol=1e-12)
    for now, then, slope in zip(s.G_2.parameters(), before, own, strict=True):
        assert torch.allclose(now, then - 0.01 * slope, rtol=0, atol=1e-13)


def test_networks_look_ahead():
    """Mirror-prox plays them: weights stay on their simplex, and everything moves."""
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    game = NETWORKS.replace("METHOD", "mirror_prox").replace("dist noise: R[2] = Normal(0, 1)\n", "")
    _, s, _ = played(game, 5, data={"real": (x,)})

    assert float(s.pG_weights.sum()) == pytest.approx(1)
    assert float((s.pG_weights - 0.5).abs().max()) > 1e-3
    assert all(bool(p.isfinite().all()) for net in (s.G_1, s.G_2, s.d_1, s.d_2) for p in net.parameters())


def test_even_particles_keep_even_weights():
    """Without `hedge` the distribution is their mean."""
    even = text("simultaneous", n=3).replace(", hedge(lr = 0.1)", "")
    _, s, losses = played(even, 1)
    module = program(even)
    first = module.start(0)

    assert not hasattr(s, "p_weights")
    assert float(next(iter(losses.values()))) == pytest.approx(float(payoff(first.p, first.q).mean()), rel=1e-12)


def test_it_is_explained():
    """What became of the distributions."""
    said = pipeline.explain(pipeline.check(Source("a.game", text())))

    assert "`p` is the mixture, by weights, of 4 points" in said
    assert "transport" not in said


@pytest.mark.parametrize(
    ("game", "code", "said"),
    [
        (text("proximal_point"), "GE292", "field of all players at once"),
        (text(n=33), "GE292", "distribution"),
        (text().replace("var p: Dist(R) in [-1, 1]", "var p: Dist(R[3]) in L2(1)").replace("2*x^2", "2*x[0]"), "GE403", "lie in a box"),
    ],
)
def test_what_particles_cannot_play_is_refused(game, code, said):
    """With what to write instead."""
    with pytest.raises(GameError) as caught:
        compiled(game)

    found = caught.value.diagnostics[0]
    assert found.code == code
    assert said in found.message
    assert found.hint
