"""Constraints on one answer for each sample: closed forms, the leader's slope, what is certified and what is refused."""

from __future__ import annotations

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from tests.emit.build import compiled, played, program

HEAD = "language 1\ngame rows\ndata tr: (a: R[3], i: index) = given\nvar u: R[3] init [1, 2, -2]\n"
RUN = "\nschedule { u: sgd(lr = 0.1)  d: DO }\nrun { precision = float64 }"
DIGITS = 'language 1\ngame rows\ndata tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")\nnet h: R[64] -> logits[10] = linear()\n'


def answers(text, a, do="sgd(lr = 0.2, steps = 400)"):
    """The state at the start, and the answers there with their multipliers."""
    module, s, _ = played(HEAD + text + RUN.replace("DO", do), 0, data={"tr": (a, torch.arange(len(a)))})
    return s, module.respond_d(s, s.u, a, module.noise_of_first(0, 0, len(a), "cpu"))


@pytest.fixture
def a():
    """Five samples."""
    return torch.randn((5, 3), generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_a_linear_objective_in_a_ball_by_multipliers(a):
    """The largest c d with |d|^2 <= 4 is 2 c / |c|, and its multiplier |c| / 4."""
    text = "solve min{u} E{(a, i) ~ tr} max{d: R[3]} [ sum((u + a)*d) s.t. norm(d)^2 <= 4 ]"
    s, (d, m) = answers(text, a, "sgd(lr = 0.05, steps = 600)")
    c = s.u + a

    assert torch.allclose(d, 2 * c / c.norm(dim=1, keepdim=True), atol=1e-3)
    assert torch.allclose(m[:, 0], c.norm(dim=1) / 4, atol=1e-3)


def test_an_equation_and_an_idle_constraint(a):
    """The nearest point of a plane: d = c + (1 - sum c) / 3, at the multiplier of the equation, and 0 for what holds anyway."""
    text = "solve max{u} E{(a, i) ~ tr} min{d: R[3]} [ norm(d - u - a)^2 - norm(u)^2 s.t. sum(d) == 1, 100 >= d[j] forall j in 0..2 ]"
    s, (d, m) = answers(text, a)
    c = s.u + a
    gap = (1 - c.sum(1)) / 3

    assert torch.allclose(d, c + gap[:, None], atol=1e-4)
    assert torch.allclose(m[:, 0], -2 * gap, atol=1e-3)
    assert m[:, 1].abs().max() == 0


def test_the_leader_pays_for_what_its_choice_forbids():
    """The largest a d with d <= u is a u: the slope in u is the multiplier, so that u^2/2 + E[a u] is least at -E[a]."""
    text = """language 1
game rows
data tr: (a: R, i: index) = given
var u: R init 1
solve min{u} E{(a, i) ~ tr} max{d: R in [-9, 9]} [ a*d + u^2/2 s.t. d <= u ]
schedule { u: sgd(lr = 0.2)  d: sgd(lr = 0.5, steps = 300) }
run { precision = float64  steps = 60 }
"""
    a = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    checked = pipeline.check(Source("rows.game", text))
    result = execute(checked, pipeline.compile(checked), Request(command="test", data={"tr": (a, torch.arange(3))}))

    assert float(result.players["u"]) == pytest.approx(-1, abs=1e-4)
    assert result.certificates["violation of d <= u, worst"] <= 1e-4
    assert result.certificates["violation of d <= u, mean"] <= result.certificates["violation of d <= u, worst"]


@pytest.mark.parametrize("bound", ["d^2 <= 0.25", "d^2*(1 + x^2) <= 0.25", "(d - x)^2 <= 0.09"])
def test_constraints_more_curved_than_the_objective_fit_its_steps(bound):
    """Steps of the objective's own length answer at the bound, and the leader's slope is that of the bounded value."""
    text = f"""language 1
game rows
data tr: (a: R, i: index) = given
var x: R init 0.7
solve min{{x}} [ E{{(a, i) ~ tr}} max{{d: R in [-3, 3]}}[ a*d - d^2/2 + d*x/3 s.t. {bound} ] + x^2 ]
schedule {{ x: sgd(lr = 1)  d: sgd(lr = 0.1, steps = 1500) }}
run {{ precision = float64 }}
"""
    module, a = program(text), torch.linspace(-3, 3, 13, dtype=torch.float64)
    s = module.start(0, data={"tr": (a, torch.arange(13))})
    x = s.x.clone().requires_grad_()
    if "- x" in bound:
        sides = x - 0.3, x + 0.3
    else:
        side = 0.5 / torch.sqrt(1 + x**2 if "1 +" in bound else 1 + 0 * x)
        sides = -side, side
    d = torch.minimum(torch.maximum(a + x / 3, sides[0]), sides[1])
    (slope,) = torch.autograd.grad((a * d - d**2 / 2 + d * x / 3).mean() + x**2, x)
    found, _ = module.respond_d(s, s.x, a, module.noise_of_first(0, 0, 13, "cpu"))
    before = float(s.x)
    module.step(s)

    assert torch.allclose(found, d, atol=2e-3)
    assert before - float(s.x) == pytest.approx(float(slope), rel=1e-3)


@pytest.mark.parametrize("declared", [": R[64]", ": R[64] in [-1, 0.2]", ": R[64] in Linf(eps) & [-2, 1]"])
@pytest.mark.parametrize(("norm", "part"), [("norm(d) <= eps", "L2(eps)"), ("eps >= norm(d, 1)", "L1(eps)"), ("norm(d, inf) <= eps", "Linf(eps)")])
def test_a_norm_is_a_set(norm, part, declared):
    """Where the constraint is a ball, also one inside a declared box, answers are projected on it: the very game with the set."""
    text = DIGITS + "param eps = 0.2\nsolve min{{h}} E{{(x, y) ~ tr}} max{{d{} }} [ ce(h(x + d), y){} ]\n"
    text += "schedule {{ h: sgd(lr = 0.1)  d: pgd(steps = 3, lr = 0.05) }}\nrun {{ batch = 64 }}"
    _, one, _ = played(text.format(declared, f" s.t. {norm}"), 2)
    _, other, _ = played(text.format(f" in {part}", ""), 2)

    assert all(torch.equal(p, q) for p, q in zip(one.h.parameters(), other.h.parameters(), strict=True))


def test_a_ball_that_sticks_out_of_a_box_is_priced():
    """Nothing projects on both at once: the box is kept by projection, the norm by multipliers, and `explain` says so."""
    text = "solve min{u} E{(a, i) ~ tr} max{d: R[3] in [-1, 1]} [ sum((u + a)*d) s.t. norm(d) <= 1.1 ]"
    checked = pipeline.check(Source("rows.game", HEAD + text))

    assert [p.word for v in pipeline.compile(checked).game.vars if v.name == "d" and v.set for p in v.set.parts] == ["Box"]
    assert "`d` pays for its constraints at multipliers of every (a, i)" in pipeline.explain(checked)


def test_attacks_that_keep_the_mean_of_an_image():
    """Sign steps come near, and what is left is taken back: every answer holds, and is certified."""
    text = DIGITS + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(h(x + d), y) s.t. abs(sum(d)) <= 0.5 ]\n"
    checked = pipeline.check(Source("rows.game", text + "schedule { h: adam(lr = 0.01)  d: pgd(steps = 60) }\nrun { batch = 128  steps = 20 }"))
    explained = pipeline.explain(checked)
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert "`d` pays for its constraints at multipliers of every (x, y)" in explained
    assert result.certificates["violation of abs(sum(d)) <= 0.5, worst"] <= 1e-5
    assert result.certificates["ok"]


def test_what_is_answered_in_other_ways_is_refused():
    """Several losses, restarts, and choices among few."""
    bound = DIGITS + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(h(x + d), y) s.t. sum(d) <= 1 ]\nschedule { d: DO }"
    for do in ("pgd(restarts = 3)", "langevin(steps = 3)"):
        with pytest.raises(GameError, match="answered once") as caught:
            compiled(bound.replace("DO", do))
        assert [d.code for d in caught.value.diagnostics if d.code.startswith("GE")] == ["GE292"]
