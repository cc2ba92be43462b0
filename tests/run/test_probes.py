"""What is noticed while a game runs: each mistake is made on purpose, and a sound game says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run import snapshot
from gamespec.run.execute import Request, execute, prepare, started
from gamespec.run.growth import lengths, runaway
from gamespec.run.probes import Probes
from gamespec.run.recorder import Recorder
from gamespec.run.result import Status, load_run
from gamespec.run.resume import resume

ROBUST = """language 1
game robust
param eps in [0, 1] = 0.3
data train: (a: R[2], b: class[2]) = moons(n = 300)
net h: R[2] -> logits[2] = mlp(32)
solve min{h} E{(a, b) ~ train} max{d in Linf(eps)} [ ce(h(a + d), b) ]
metric robust = E{(a, b) ~ train} min{e in Linf(eps)} [ correct(h(a + e), b) ]
schedule { h: adam(lr = 0.02)  d: pgd(steps = 1, lr = 0.3)
           robust.e: pgd(steps = 10, lr = 0.1, restarts = 1, surrogate = [ce, margin]) }
run { batch = 100  steps = 60  seed = 0 }
"""

GAN = """language 1
game generator
data ring: R[2] = mog(modes = 4)
dist noise: R[2] = Normal(0, 1)
net G: R[2] -> R[2] = mlp(8)
net D: R[2] -> prob = mlp(8, out = sigmoid)
solve min{G} max{D} [ E{x ~ ring}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]
schedule { method: alternating  G: adam(lr = 1e-3)  D: adam(lr = 1e-3) }
run { batch = 64  steps = 1000  seed = 0 }
"""


class Looked:
    """A game at its start, and the probes of a run of it."""

    def __init__(self, tmp_path, text, steps=2000, nets=None):
        checked = pipeline.check(Source("toy.game", text))
        compiled = pipeline.compile(checked, None, frozenset(nets or {}))
        run, linked = prepare(checked, compiled, Request(out=tmp_path, nets=nets or {}))
        self.module = run.module
        self.state, start = started(run, linked)
        self.base = start
        self.probes = Probes(checked.game, run.module, start, steps, compiled.plan.solver, checked.spans.get, "toy.game")

    @property
    def codes(self):
        """What was said."""
        return [d.code for d in self.probes.said.values()]

    def train(self, steps):
        """Make steps."""
        for _ in range(steps):
            self.module.step(self.state)


@pytest.mark.parametrize("text", [ROBUST, GAN])
def test_a_sound_game_says_nothing_and_is_not_disturbed(tmp_path, text):
    """All looks, before and on the way; every number of the state, and every generator, is as it was."""
    looked = Looked(tmp_path, text)
    before = snapshot.captured(looked.state, looked.base)
    looked.probes.first(looked.state)
    looked.probes.look(looked.state, 0)
    after = snapshot.captured(looked.state, looked.base)

    assert looked.codes == []
    assert before.tree == after.tree
    assert all(torch.equal(t, after.tensors[k]) for k, t in before.tensors.items())


@pytest.mark.parametrize(("declared", "codes"), [("[-4, 4]", []), ("[-9, inf]", []), ("[-255, 255]", ["GW414"])])
def test_data_far_inside_of_their_range_are_noticed(tmp_path, declared, codes):
    """What no header tells is measured before the first step, and said with the range that was found; half lines are never too wide."""
    looked = Looked(tmp_path, ROBUST.replace("(a: R[2], b", f"(a: R[2] in {declared}, b"))
    looked.probes.first(looked.state)
    said = [d for d in looked.probes.said.values() if d.code == "GW414"]

    assert [d.code for d in said] == codes
    if said:
        assert said[0].primary.text.startswith("its values lie in [-1.")


def test_a_step_up_the_hill_is_noticed(tmp_path):
    """A player who minimises, and whose step goes the other way."""
    looked = Looked(tmp_path, ROBUST)
    rule = type(looked.state.rule_h)
    right = rule.update
    rule.update = lambda self, tensors, grads: right(self, tensors, [-g for g in grads])
    looked.probes.first(looked.state)
    (said,) = looked.probes.said.values()

    assert said.code == "GW710"
    assert said.message == "the objective of h rises along its own step"


def test_the_first_looks_are_left_out_of_short_runs(tmp_path, monkeypatch):
    """They cost steps, at most one in a hundred."""
    looked = Looked(tmp_path, ROBUST, steps=50)
    monkeypatch.setattr(looked.module, "step", None)
    monkeypatch.setattr(looked.module, "metric_robust", None)
    looked.probes.first(looked.state)

    assert looked.codes == []


def test_an_attack_of_no_size_that_does_something_is_noticed(tmp_path):
    """An attack that leaves its set."""
    looked = Looked(tmp_path, ROBUST)
    looked.train(60)
    looked.module.respond_robust_e = lambda s, h, a, b, rng, steps=1, restarts=1, only=None: 2 * torch.ones_like(a)
    looked.probes.first(looked.state)

    assert looked.codes == ["GW711", "GW718"]


class Counting(nn.Module):
    """A network that counts its calls, in any mode."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        """Scores."""
        self.calls = self.calls + 1
        return self.inner(x)


class Drawing(nn.Linear):
    """A network that draws, in any mode."""

    def forward(self, x):
        """Scores, and noise."""
        return super().forward(x) + torch.rand(2)


@pytest.mark.parametrize(
    ("net", "code", "said"),
    [
        (Counting(), "GW717", "`h.calls` is another after it"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softmax(1)), "GW719", "add up to 1"),
        (Drawing(2, 2), "GW722", "two looks at the same samples differ"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout()), "", ""),
        (nn.Sequential(nn.Linear(2, 2), nn.LogSoftmax(1)), "", ""),
    ],
    ids=["counts", "softmax", "draws", "batch normalisation", "log-probabilities"],
)
def test_networks_from_outside_are_looked_at(tmp_path, net, code, said):
    """What changes at a look, gives probabilities for logits, or draws; what does so in train mode alone is sound."""
    looked = Looked(tmp_path, ROBUST.replace("mlp(32)", "given"), nets={"h": net})
    before = torch.get_rng_state()
    looked.probes.first(looked.state)
    found = [d for d in looked.probes.said.values() if d.code in ("GW717", "GW719", "GW722")]

    assert {d.code for d in found} == ({code} if code else set())
    assert all(said in d.primary.text for d in found)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_answer_that_leaves_the_range_of_the_data_is_noticed(tmp_path):
    """Inside of its ball, and outside of the domain that its set speaks of."""
    text = ROBUST.replace("(a: R[2], b", "(a: R[2] in [-3, 3], b").replace("max{d in Linf(eps)}", "max{d in Linf(eps) & (domain(a) - a)}")
    for push, codes in ((0.0, []), (0.29, ["GW718"])):
        looked = Looked(tmp_path, text)
        looked.state.train[0][0] = 2.9
        looked.module.respond_d = lambda s, h, a, b, rng, steps=1, by=push: torch.full_like(a, by)
        looked.probes.first(looked.state)

        assert [c for c in looked.codes if c == "GW718"] == codes


def test_an_answer_that_goes_the_wrong_way_is_noticed(tmp_path):
    """A search along the other sign; the right one is sound, trained or not."""
    looked = Looked(tmp_path, ROBUST)
    looked.train(60)
    right = looked.module.respond_d
    looked.probes.first(looked.state)
    assert looked.codes == []

    looked.module.respond_d = lambda s, h, a, b, rng, steps=1: -right(s, h, a, b, rng, steps)
    looked.probes.first(looked.state)
    (said,) = looked.probes.said.values()

    assert said.code == "GW721"
    assert said.message == "the answer `d` is worse than none"


def test_a_gradient_that_a_step_leaves_behind_is_noticed(tmp_path):
    """What another player's step would find in `.grad`."""
    looked = Looked(tmp_path, ROBUST)
    right = looked.module.step

    def step(s, batch=None):
        found = right(s, batch)
        for p in s.h.parameters():
            p.grad = torch.ones_like(p)
        return found

    looked.module.step = step
    looked.probes.first(looked.state)

    assert "GW720" in looked.codes


def test_catastrophic_overfitting_is_noticed(tmp_path):
    """A network that holds against the attack of training, which finds nothing, and against no other."""
    looked = Looked(tmp_path, ROBUST)
    looked.module.respond_d = lambda s, h, a, b, rng, steps=1: torch.zeros_like(a)
    looked.train(300)
    looked.probes.look(looked.state, 300)
    (said,) = looked.probes.said.values()

    assert said.code == "GW712"
    assert "at step 300" in said.primary.text


def test_masked_gradients_are_noticed(tmp_path):
    """Logits so large that cross-entropy has no slope left; the margin still has."""
    looked = Looked(tmp_path, ROBUST)
    looked.module.respond_d = lambda s, h, a, b, rng, steps=1: torch.zeros_like(a)
    looked.train(300)
    last = [m for m in looked.state.h.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(1e5)
        last.bias.mul_(1e5)
    looked.probes.look(looked.state, 300)

    assert "GW713" in looked.codes


def test_a_collapse_is_noticed(tmp_path):
    """A generator that made everything, and then one point."""
    looked = Looked(tmp_path, GAN)

    class Everything(torch.nn.Module):
        def forward(self, z):
            return looked.module.draw_ring(looked.state, len(z), looked.module.noise_of_first(1, 0, len(z), "cpu"))

    class Nothing(torch.nn.Module):
        def forward(self, z):
            return torch.full_like(z, 0.3)

    looked.state.G = Everything()
    looked.probes.look(looked.state, 100)
    before = looked.codes
    looked.state.G = Nothing()
    looked.probes.look(looked.state, 200)

    assert (before, looked.codes) == ([], ["GW714"])


def test_a_weight_that_never_moves_is_noticed(tmp_path):
    """A network with a layer that nothing uses; its first parameter is named."""

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    result = execute_with(tmp_path, ROBUST.replace("mlp(32)", "given"), {"h": Odd()})

    assert [(d.code, d.message) for d in result.diagnostics] == [("GW715", "`h.unused.weight` has not moved")]


def execute_with(tmp_path, text, nets):
    """A run with networks from outside."""
    checked = pipeline.check(Source("toy.game", text))
    return execute(checked, pipeline.compile(checked, None, frozenset(nets)), Request(out=tmp_path, nets=nets))


def test_an_explosion_is_noticed(tmp_path):
    """Weights that grew by a factor of a million."""
    looked = Looked(tmp_path, GAN)
    looked.probes.first(looked.state)
    with torch.no_grad():
        for p in looked.state.G.parameters():
            p.mul_(1e6)
        for p in looked.state.D.parameters():
            p.add_(0.1)
    looked.probes.report(looked.state, 1, lengths(looked.state))

    assert "`G` explodes" in [d.message for d in looked.probes.said.values()]
    assert "`D` explodes" not in [d.message for d in looked.probes.said.values()]


def test_a_network_that_runs_away_ends_as_diverging(tmp_path):
    """An objective without a bound: finite numbers to the end, and an answer of no use; the same from Python, resumed and loaded."""
    text = """language 1
game wild
data train: (a: R[2], b: class[2]) = moons(n = 40)
net h: R[2] -> R = linear()
solve min{h} E{(a, b) ~ train} [ -h(a)^2 ]
schedule { h: sgd(lr = 0.05) }
run { steps = 120  every = 6  seed = 0 }
"""

    def stop(report):
        if report.step == 60:
            raise KeyboardInterrupt

    game = pipeline.check(Source("wild.game", text))
    whole = execute(game, pipeline.compile(game), Request(out=tmp_path / "whole"))
    part = execute(game, pipeline.compile(game), Request(out=tmp_path / "part"), on_step=stop)
    on = resume(part.path)

    assert (whole.status, whole.exit_code) == (Status.DIVERGING, 5)
    assert "still grow" in whole.note
    assert (on.status, on.note, load_run(whole.path).status) == (whole.status, whole.note, whole.status)
    tame = pipeline.check(Source("tame.game", text.replace("-h(a)", "h(a)")))
    assert execute(tame, pipeline.compile(tame)).status is Status.FINISHED


@pytest.mark.parametrize(
    ("length", "loss", "said"),
    [
        (lambda k: 2.0**k, lambda k: 1.0, "weights of `h`"),
        (lambda k: 1e4 * k, lambda k: 1.0, "weights of `h`"),
        (lambda k: 1.0, lambda k: -(10.0**k), "objective of h"),
        (lambda k: 1e5, lambda k: 1.0, ""),
        (lambda k: 1.0 + k, lambda k: 1e9, ""),
        (lambda k: 900.0, lambda k: 9e5 * k / 20, ""),
        (lambda k: 1.0, lambda k: 1e9 / (k + 1), ""),
    ],
    ids=["weights double", "weights on a line", "objective", "far and at rest", "large from the start", "not far enough", "falling"],
)
def test_to_run_away_is_to_be_far_and_to_go_on(length, loss, said):
    """A thousand times as long or a million times as large, and half as much again since the middle of the run."""
    history = [{"step": k, "losses": {"h": loss(k)}, "@length": {"h": length(k)}} for k in range(21)]

    assert said in runaway({"h": 1.0}, history)
    assert bool(said) == bool(runaway({"h": 1.0}, history))
    assert runaway({"h": 1.0}, history[:3]) == ""


def test_nan_names_the_player_and_the_term(tmp_path):
    """A run that stops keeps the last good players, and says in whose objective which term was first."""
    text = """language 1
game root
data train: (a: R[2], b: class[2]) = moons(n = 40)
net h: R[2] -> logits[2] = mlp(4)
var u in [-1, 1] init 0.5
solve min{h} min{u} [ E{(a, b) ~ train}[ce(h(a), b)] + log(u - 0.2) ]
schedule { h: adam(lr = 0.01)  u: sgd(lr = 0.02) }
run { steps = 400  every = 1  seed = 0 }
"""
    result = execute_with(tmp_path, text, {})
    found = next(d for d in result.diagnostics if d.code == "GE702")

    assert str(result.status) == "nan"
    assert "u - 0.2" in text[found.primary.span.start : found.primary.span.end] or "log" in " ".join(found.notes)
    assert any("in the objective of" in note for note in found.notes)
    assert all(bool(p.isfinite().all()) for p in result.players["h"].parameters())
    assert torch.isfinite(result.players["u"])


BESIDE = """language 1
game beside
data tr: (x: R[2], y: class[2]) = moons(n = 60)
net h: R[2] -> logits[2] = linear()
net g: R[2] -> logits[2] = linear()
var p: Dist(params(h))
solve nash {
  a: min{p} E{(x, y) ~ tr, u ~ p}[ ce(h(x; u), y) ]
  b: min{g} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(g(x + d), y) ]
}
schedule { d: pgd(steps = 2) }
run { batch = 20 }
"""


@pytest.mark.parametrize("text", [BESIDE, (Path(__file__).parents[1] / "systems" / "mixed_gan.game").read_text(encoding="utf-8")])
def test_a_network_that_particles_stand_for_is_not_looked_at(text, monkeypatch):
    """A mixture of networks runs with every look, and none is kept under the name of the network that is no more."""
    monkeypatch.setattr(Recorder, "_affordable", lambda *_: True)
    monkeypatch.setattr("gamespec.run.probes._SHARE", 1.0)
    checked = pipeline.check(Source("mixed.game", text))
    result = execute(checked, pipeline.compile(checked), Request(command="test", steps=4))

    assert result.status is Status.FINISHED
    assert not any("@samples" in row for row in result.history)
