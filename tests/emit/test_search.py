"""Searches of metrics for a missed sample, and attacks in half the bits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.load import load

ATTACK = """language 1
data train: (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("train", subset = 160)
data test:  (a: image[1, 8, 8] in [0, 1], b: class[10]) = digits("test", subset = 150)
net h: image[1, 8, 8] -> logits[10] = small_cnn(4)
solve min{h} E{(a, b) ~ train} max{d in Linf(0.1) & (domain(a) - a)} [ ce(h(a + d), b) ]
metric robust = E{(a, b) ~ test} min{e in Linf(0.1) & (domain(a) - a)} [ correct(h(a + e), b) ]
schedule { h: adam(lr = 0.01)  d: pgd(steps = 3, lr = 0.05)
           robust.e: pgd(steps = 4, lr = 0.03, restarts = 2, surrogate = [ce, margin]) }
"""


@pytest.fixture
def made(tmp_path):
    """The program of the attack with some settings of `run`, trained for some steps."""

    def make(settings, steps=0, climb=4):
        text = f"{ATTACK}run {{ batch = 64  steps = 30  {settings} }}\n".replace("pgd(steps = 4", f"pgd(steps = {climb}")
        program = load(pipeline.compile(pipeline.check(Source("attack.game", text))).program, tmp_path / "attack.py")
        s = program.start()
        for _ in range(steps):
            program.step(s)
        return program, s

    return make


def whole(s, rng, steps):
    """The share of samples that are right wherever the same search looks, every 10 steps, made without leaving anybody out."""
    a, b = s.test
    lo, hi = (0.0 - a).clamp(min=-0.1), (1.0 - a).clamp(max=0.1)
    right = s.h(a).argmax(dim=1) == b

    def margin(z):
        return z.scatter(1, b[:, None], -torch.inf).amax(1) - z.gather(1, b[:, None])[:, 0]

    for climb in (lambda z: F.cross_entropy(z, b, reduction="none"), margin):
        for _ in range(2):
            e = lo + (hi - lo) * rng.uniform(a.shape, a.dtype)
            for k in range(steps):
                e.requires_grad_()
                (slope,) = torch.autograd.grad(climb(s.h(a + e)).sum(), e)
                e = torch.clamp(e.detach() + 0.03 * slope.sign(), lo, hi)
                if k % 10 == 9 or k == steps - 1:
                    right &= s.h(a + e).argmax(dim=1) == b
    return float(right.double().mean())


@pytest.mark.parametrize("steps", [4, 23])
def test_a_search_for_missed_samples_finds_what_the_whole_search_finds(steps, made):
    """Samples that are missed already are left out, of other restarts and of the steps to come, and the metric is the same number."""
    program, s = made("precision = float64", steps=12, climb=steps)
    rows = []
    s.h.register_forward_hook(lambda net, inputs, out: rows.append(len(inputs[0])))
    found = float(program.metric_robust(s))
    ours = sum(rows)
    rows.clear()
    program_again = float(program.metric_robust(s))
    rows.clear()
    wanted = whole(s, program.noise_of_first(s.seed, 1026, len(s.test[0]), s.device), steps)

    assert program_again == found == wanted
    assert 0.1 < found < 0.9
    assert ours < sum(rows)
    assert max(rows) == 150


def test_a_search_ends_where_every_sample_is_missed(made):
    """Where nothing is right no network is asked again after the first look and the last."""
    program, s = made("")
    with torch.no_grad():
        s.test = (s.test[0], (s.h(s.test[0]).argmax(dim=1) + 1) % 10)
    calls = []
    s.h.register_forward_hook(lambda net, inputs, out: calls.append(len(inputs[0])))

    assert float(program.metric_robust(s)) == 0
    assert calls == [150, 150]


def test_mixed_precision_is_inside_the_attack_alone(made):
    """The network of an attack computes in bfloat16; what is trained, moved and measured is float32, and learns as well."""
    program, s = made("precision = mixed", steps=29)
    seen = []
    s.h.register_forward_hook(lambda net, inputs, out: seen.append(out.dtype))
    program.step(s)
    other, plain = made("precision = float32", steps=30)

    assert seen == [torch.bfloat16] * 3 + [torch.float32]
    assert {t.dtype for t in s.h.parameters()} == {torch.float32}
    assert abs(float(program.metric_robust(s)) - float(other.metric_robust(plain))) < 0.1
    seen.clear()
    program.measure(s)
    assert set(seen) == {torch.float32}


def test_mixed_precision_needs_an_attack():
    """A game without answers per sample has nothing to compute in half the bits, and is told so."""
    text = "language 1\nvar x in [-1, 1]\nsolve min{x} [ x^2 ]\nrun { precision = mixed }\n"
    with pytest.raises(GameError, match="precision = mixed"):
        pipeline.compile(pipeline.check(Source("no.game", text)))
