"""Distributions over parameters as players: the mean over all pairs of particles, and steps that sample."""

from __future__ import annotations

import copy

import pytest
import torch

from gamespec import pipeline
from gamespec.library.rules.sgld import SGLD
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.emit.build import compiled, program

GAME = """language 1
game mixed
data real: R[2] = mog(modes = 4, radius = 2, std = 0.1)
dist noise: R[2] = Normal(0, 1)
net G: R[2] -> R[2] = mlp(4)
net d: R[2] -> R = mlp(4)
var pG: Dist(params(G))
var pD: Dist(params(d))
solve min{pG} max{pD} E{u ~ pG, v ~ pD} [ E{x ~ real}[d(x; v)] - E{z ~ noise}[d(G(z; u); v)^2] - norm(v)^2/50 ]  order simultaneous
schedule { pG: particles(3), sgld(lr = 1e-2, temperature = 1e-5)  pD: particles(2), sgld(lr = 1e-2, temperature = 1e-5) }
run { batch = 8  steps = 3  precision = float64 }
"""


def size(net):
    """The squared norm of all parameters."""
    return sum((p**2).sum() for p in net.parameters())


def test_the_objective_is_the_mean_over_all_pairs():
    """Three against two: the value of the program is that of six games of one pair each; all particles start apart."""
    module = program(GAME)
    s = module.start(0)
    x, z = torch.randn(8, 2, dtype=torch.float64), torch.randn(8, 2, dtype=torch.float64)
    nets = {name: getattr(s, name) for name in ("G_1", "G_2", "G_3", "d_1", "d_2")}
    function = module.objective_d_1_d_2
    known = nets | {"x": x, "z": z}
    found = function(*(known[n] for n in function.__code__.co_varnames[: function.__code__.co_argcount]))
    pairs = [d(x).mean() - (d(G(z)) ** 2).mean() - size(d) / 50 for d in (s.d_1, s.d_2) for G in (s.G_1, s.G_2, s.G_3)]

    assert torch.allclose(found, torch.stack(pairs).mean(), rtol=1e-12)
    assert len({round(float(next(net.parameters()).detach().flatten()[0]), 9) for net in nets.values()}) == 5


def test_a_particle_moves_by_its_own_gradient():
    """Without noise a step is lr times the slope against the mean of the others, not divided by the number of particles."""
    cold = GAME.replace("temperature = 1e-5", "temperature = 0")
    module = program(cold)
    s = module.start(0)
    batch = {"real": (torch.randn(8, 2, dtype=torch.float64),)}
    before = [p.detach().clone() for p in s.d_1.parameters()]
    (z,) = module.batch_z(copy.deepcopy(s), 8)
    value = torch.stack([s.d_1(batch["real"][0]).mean() - (s.d_1(G(z)) ** 2).mean() for G in (s.G_1, s.G_2, s.G_3)]).mean() - size(s.d_1) / 50
    slopes = torch.autograd.grad(value, list(s.d_1.parameters()), allow_unused=True)
    module.step(s, batch)

    for now, then, slope in zip(s.d_1.parameters(), before, slopes, strict=True):
        assert torch.allclose(now, then + 0.01 * slope, rtol=0, atol=1e-12)


def test_it_is_explained():
    """What the distributions became."""
    text = pipeline.explain(pipeline.check(Source("a.game", GAME)))

    assert "`pG` is the mean of 3 networks like `G`" in text
    assert "`pD` is the mean of 2 networks like `d`" in text


@pytest.mark.parametrize(("old", "new"), [("particles(3)", "particles(16)"), ("mlp(4)\nnet d", "given\nnet d")])
def test_what_cannot_be_copied_is_refused(old, new):
    """Too many pairs to write out; a network of which there is only one."""
    with pytest.raises(GameError) as caught:
        compiled(GAME.replace(old, new))

    assert [d.code for d in caught.value.diagnostics] == ["GE292"]


def test_langevin_steps_sample_a_normal_law():
    """For a^2/2 at temperature T the variance is T / (1 - lr/2), that of the stationary law of the steps."""
    x = torch.linspace(-1, 1, 20_000, dtype=torch.float64)
    rule = SGLD([x], lr=0.05, temperature=0.3)
    for _ in range(300):
        rule.update([x], [x.clone()])

    assert abs(float(x.mean())) < 0.02
    assert abs(float(x.var()) - 0.3 / (1 - 0.025)) < 0.02


def test_the_preconditioner_scales_slope_and_noise_alike():
    """Divided by sqrt(average of squares) + eps: cold, the exact step; at no slope, the spread of the noise."""
    cold, still = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.zeros(20_000, dtype=torch.float64)
    SGLD([cold], lr=0.1, temperature=0.0, beta=0.75, eps=0.5).update([cold], [torch.tensor([4.0, -1.0], dtype=torch.float64)])
    SGLD([still], lr=0.1, temperature=0.2, beta=0.75, eps=0.5).update([still], [torch.zeros_like(still)])

    assert cold.tolist() == pytest.approx([1 - 0.4 / 2.5, -2 + 0.1 / 1.0])
    assert abs(float(still.var()) - 2 * 0.1 * 0.2 / 0.5) < 0.005


def test_nobody_answers_each_draw():
    """An attack that sees which network of a mixture was drawn is refused, and told where the draw may stand."""
    text = """language 1
game seen
data tr: (x: R[2], y: class[2]) = moons(n = 60)
net h: R[2] -> logits[2] = linear()
var p: Dist(params(h))
solve min{p} E{(x, y) ~ tr, u ~ p} max{d in Linf(0.1)} [ ce(h(x + d; u), y) ]
"""
    with pytest.raises(GameError, match="chooses a distribution") as caught:
        compiled(text)
    assert [(d.code, d.hint[:36]) for d in caught.value.diagnostics if d.code.startswith("GE")] == [("GE292", "draw from `p` in an expectation of i")]
