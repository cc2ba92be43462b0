"""Exponential weights over a finite set: `max{j in 0..2}[ .. ]` under `j: hedge(lr = ..)`."""

from __future__ import annotations

import math

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.emit.build import compiled, played

PIECES = """language 1
game pieces
var x: R init 1
param a = [2, -1, 0.5]
param b = [0, 0.5, 0.25]
solve min{x} max{j in 0..2} [ (x - a[j])^2/4 + b[j] ]
schedule { method: METHOD  x: sgd(lr = 0.1)  j: hedge(lr = 0.3) }
run { seed = 0 }
"""
WRITTEN = PIECES.replace("param a", "var j in Simplex(3)\nparam a").replace(
    "max{j in 0..2} [ (x - a[j])^2/4 + b[j] ]", "max{j} [ sum{k in 0..2}[ j[k]*((x - a[k])^2/4 + b[k]) ] ]"
)
SHIFTED = PIECES.replace("0..2", "1..3").replace("[j]", "[j - 1]")
A, B = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64), torch.tensor([0.0, 0.5, 0.25], dtype=torch.float64)


def test_a_step_multiplies_the_weights_and_moves_along_the_weighted_slope():
    """Answered first: q_j exp(0.3 f_j(x)) scaled to sum 1, then x less 0.1 times the sum of q_j f_j'(x)."""
    q, x = torch.full((3,), 1 / 3, dtype=torch.float64), 1.0
    for k in (1, 2, 3):
        q = q * torch.exp(0.3 * ((x - A) ** 2 / 4 + B))
        q = q / q.sum()
        x -= 0.1 * float(q @ (x - A) / 2)
        _, s, _ = played(PIECES.replace("METHOD", "alternating"), k)

        assert torch.allclose(s.j / s.j.sum(), s.j, rtol=1e-14)
        assert torch.allclose(s.j, q, rtol=1e-12)
        assert abs(float(s.x) - x) < 1e-12


@pytest.mark.parametrize("method", ["alternating", "simultaneous", "extragradient"])
@pytest.mark.parametrize("text", [WRITTEN, SHIFTED])
def test_weights_are_a_player_on_a_simplex(method, text):
    """The same bits as the mixture written by hand, and as the same elements counted from 1."""
    one, other = (played(t.replace("METHOD", method), 20)[1] for t in (PIECES, text))

    assert torch.equal(one.x, other.x)
    assert torch.equal(one.j, other.j)


def test_the_average_of_a_maximum_of_convex_functions_is_within_the_regrets():
    """Worst value of the average x less the best value of the average weights: at most the regrets of both over T.

    Weights: log(3)/(rate T) + rate range^2/8 (Freund and Schapire 1999); gradient steps: |x - x*|^2/(2 lr T) + lr slope^2/2.
    Values lie in [0, 2.75] and slopes in [-1.5, 1.5] for x in [-1, 2]. The average is over the points after each step,
    which adds the first values over T.
    """
    steps, spread, slope, width = 2000, 2.75, 1.5, 3.0
    rate, lr = math.sqrt(8 * math.log(3) / steps) / spread, width / slope / math.sqrt(steps)
    text = PIECES.replace("METHOD", "simultaneous(average = uniform)").replace("lr = 0.1", f"lr = {lr!r}").replace("lr = 0.3", f"lr = {rate!r}")
    module, s, _ = played(text.replace("var x: R", "var x: R in [-1, 2]"), steps)
    found = module.players(s)
    x, q = float(found["x"]), found["j"]
    grid = torch.linspace(-1, 2, 30_001, dtype=torch.float64)
    worst = float(((x - A) ** 2 / 4 + B).amax())
    best = float((((grid[:, None] - A) ** 2 / 4 + B) @ q).amin())
    bound = spread * math.sqrt(math.log(3) / (2 * steps)) + width * slope / math.sqrt(steps) + 2 * spread / steps

    assert -1e-9 <= worst - best <= bound
    assert bound < 0.16


def test_rock_paper_scissors_is_mixed_in_the_average():
    """Both by weights from an uneven start: what the average can lose is at most twice 2 sqrt(log(3)/(2 T)) and one step."""
    steps = 5000
    rate = math.sqrt(8 * math.log(3) / steps) / 2
    text = f"""language 1
game hands
var p in Simplex(3)
param wins = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]
solve min{{p}} max{{j in 0..2}} [ sum{{i in 0..2}}[ p[i]*wins[j][i] ] ]
schedule {{ method: simultaneous(average = uniform)  p: hedge(lr = {rate!r})  j: hedge(lr = {2 * rate!r}) }}
run {{ seed = 0 }}
"""
    module, s, _ = played(text.replace("Simplex(3)\nparam", "Simplex(3) init [0.6, 0.3, 0.1]\nparam"), steps)
    found = module.players(s)
    wins = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64)
    exploited = float((wins @ found["p"]).amax() - (found["j"] @ wins).amin())
    # Regret from a start of least weight 0.1: log(10)/rate + T rate/2; from an even one at twice the rate: log(3)/(2 rate) + T rate.
    bound = (math.log(10) / rate + steps * rate / 2 + math.log(3) / (2 * rate) + steps * rate) / steps + 4 / steps

    assert 0 <= exploited <= bound
    assert bound < 0.11
    assert max(float((v - 1 / 3).abs().amax()) for v in (module.last(s)["p"], module.last(s)["j"])) > 0.2  # the last point circles


@pytest.mark.parametrize("method", ["extragradient", "alternating"])
def test_classes_of_a_table_are_weighed(method):
    """The worst of two conditional risks, on data and a network: the bits of the mixture written by hand."""
    head = """language 1
game classes
data tr: (x: R[3], y: class[2]) = given
net h: R[3] -> logits[2] = linear()
"""
    tail = f"schedule {{ method: {method}  h: sgd(lr = 0.1)  c: hedge(lr = 0.5) }}\nrun {{ precision = float64 }}"
    risk = "E{(x, y) ~ tr | y == C}[ce(h(x), y)]"
    one = f"{head}solve min{{h}} max{{c in 0..1}} [ {risk.replace('C', 'c')} ]\n{tail}"
    other = f"{head}var c in Simplex(2)\nsolve min{{h}} max{{c}} [ sum{{k in 0..1}}[ c[k]*{risk.replace('C', 'k')} ] ]\n{tail}"
    rng = torch.Generator().manual_seed(0)
    data = {"tr": (torch.randn(8, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1]))}
    first, second = (played(text, 5, data=data)[1] for text in (one, other))

    assert torch.equal(first.c, second.c)
    assert all(torch.equal(a, b) for a, b in zip(first.h.parameters(), second.h.parameters(), strict=True))


def test_it_is_explained_and_the_value_is_that_of_enumeration():
    """What became of the index; the minimax value does not change."""
    weighed = PIECES.replace("method: METHOD  ", "")
    one, other = (pipeline.explain(pipeline.check(Source("a.game", t))) for t in (weighed, weighed.replace("hedge(lr = 0.3)", "enumerate")))
    assert "`j` is a mixture of 3 choices" in one
    assert "one player" in other
    _, s, _ = played(PIECES.replace("METHOD", "extragradient"), 2000)

    assert abs(float(s.x) - 1 / 6) < 1e-9  # where (x - 2)^2/4 = (x + 1)^2/4 + 1/2
    assert abs(float(((s.x - A) ** 2 / 4 + B).amax()) - 121 / 144) < 1e-9


SAMPLES = """language 1
data tr: (x: R, y: class[2]) = given
var w: R
solve min{w} E{(x, y) ~ tr} [ max{j in 0..2}[ (w*x - j)^2 ] ]
schedule { j: hedge(lr = 0.1) }
"""


TWICE = """language 1
var w: R
def worst(a) = max{j in 0..2}[ (w - a*j)^2 ]
solve min{w} [ worst(1) + worst(2) ]
schedule { j: hedge(lr = 0.1) }
"""
WORST = """language 1
var w: R
def worst() = max{v in [-1, 1]}[ v*w - v^2 ]
solve min{w} max{j in 0..2} [ worst() + j*w ]
schedule { j: hedge(lr = 0.1) }
"""


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (PIECES.replace("hedge(lr = 0.3)", "sgd(lr = 0.3)"), "chosen among few", "hedge(lr = 0.1)"),
        (SAMPLES, "for each `x`", "enumerate"),
        (WORST, "another player", "enumerate"),
        (TWICE, "several indices", "enumerate"),
    ],
)
def test_what_has_no_weights_is_refused(text, said, hint):
    """Where it is written, with what to write instead."""
    with pytest.raises(GameError) as caught:
        compiled(text.replace("METHOD", "alternating"))

    assert caught.value.diagnostics[0].code == "GE506"
    assert said in caught.value.diagnostics[0].message + caught.value.diagnostics[0].primary.text
    assert hint in caught.value.diagnostics[0].hint
