"""Constructs of the language as programs: conditions, indices, labels, parameters of a network as a point.

Each takes steps beside the reference interpreter, which looks at one sample at a time, or against central differences.
"""

from __future__ import annotations

import copy

import pytest
import torch

from tests.emit.build import program
from tests.emit.test_gradients import differences
from tests.reference.test_reference import beside

HEAD = "language 1\ngame constructs\ndata tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5)  params w\n"
RUN = "\nrun { batch = 8  precision = float64 }"
FORMULAS = {
    "a condition on draws": "solve min{w} [ E{(x, y) ~ tr | y == 2}[ ce(h(x), y) ] + E{(x, y) ~ tr | y != 1 and x[0] > 0}[ ce(h(x), y) ] ]",
    "a condition that nothing fulfils": "solve min{w} [ E{(x, y) ~ tr | x[0] > 99}[ ce(h(x), y) ] + E{(x, y) ~ tr}[ ce(h(x), y) ] ]",
    "one risk for each class": "var lam in Simplex(4)\ndef risk(c) = E{(x, y) ~ tr | y == c}[ ce(h(x), y) ]\n"
    "solve min{w} max{lam} [ sum{c in 0..3}[ lam[c]*risk(c) ] ]",
    "a sum without the sample's own element": "solve min{w} [ E{(x, y) ~ tr}[ sum{j in 0..3 \\ {y}}[ (h(x)[j] - h(x)[y])^2 ] ] ]",
    "a mean without it": "solve min{w} [ E{(x, y) ~ tr, j in 0..3 \\ {y}}[ (h(x)[j] - h(x)[y])^2 ] ]",
    "extremes without it": "solve min{w} [ E{(x, y) ~ tr}[ max{j in 0..3 \\ {y}}[ h(x)[j] ] - min{j in 1..3 \\ {y}}[ h(x)[j] ] - h(x)[y] ] ]",
    "a product without it": "solve min{w} [ E{(x, y) ~ tr}[ prod{j in 0..3 \\ {y}}[ exp(h(x)[j]) ] ] ]",
    "something that no index changes": "solve min{w} [ E{(x, y) ~ tr}[ sum{j in 0..3 \\ {y}}[ x[0]^2 ] * h(x)[1] ] ]",
    "two indices": "var q: R[3] init [1, 2, 3]\nsolve min{w, q} [ sum{i in 0..2, j in 0..2 \\ {i}}[ q[i]^2*q[j] ] + E{(x, y) ~ tr}[ ce(h(x), y) ] ]",
    "an index before the samples": "solve min{w} [ sum{c in 0..3}[ (c + 1) * E{(x, y) ~ tr | y == c}[ ce(h(x), c) ] ] ]",
    "a class for all samples": "param t: class[4] = 2\nparam u: class[4] = 1\n"
    "solve min{w} [ E{(x, y) ~ tr}[ ce(h(x), t) - 0.1*ce(h(x), u) + 0.2*margin(h(x), u) ] ]",
    "scores that all samples share": "var z: R[4] init [1, 2, 3, 4]\nparam t: class[4] = 2\n"
    "solve min{z} [ E{(x, y) ~ tr}[ ce(z, y) ] + ce(z, t) + margin(z, t) + sum{k in 0..3}[ ce(z, k) ] ]",
    "parameters moved by an ascent": "solve min{w} max{delta: params(h) in L2(0.05)} E{(x, y) ~ tr}[ ce(h(x; w + delta), y) ]\n"
    "schedule { w: sgd(lr = 0.1)  delta: ascent(lr = 0.5, steps = 2) }",
    "parameters in a box": "solve min{w} max{delta: params(h) in Linf(0.05)} E{(x, y) ~ tr}[ ce(h(x; w - 0.5*delta), y) + ce(h(x), y) ]\n"
    "schedule { w: sgd(lr = 0.1)  delta: ascent(lr = 0.5), repeat(2) }",
    "parameters that answer another loss": "solve min{w} [ E{(x, y) ~ tr}[ ce(h(x; w + delta), y) ]\n"
    " s.t. delta in argmax{delta: params(h) in L2(0.05)}[ E{(x, y) ~ tr}[ log(1 + tanh(0.1*margin(h(x; w + delta), y))) ] ] ]\n"
    "schedule { w: sgd(lr = 0.1)  delta: ascent(lr = 0.5, steps = 2), through(stop) }",
}  # fmt: skip


def rows(seed=1):
    """Nine samples of three numbers and a class, every class among them."""
    rng = torch.Generator().manual_seed(seed)
    return {"tr": (torch.randn(8, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1, 2, 0, 3]))}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_construct_takes_the_steps_of_the_interpreter(name):
    """Three steps: every variable and every weight, to 1e-11."""
    schedule = "" if "schedule" in FORMULAS[name] else "\nschedule { method: METHOD  w: sgd(lr = 0.1) }"
    method = "alternating" if "max{lam}" in FORMULAS[name] else "descent"
    text = schedule.replace("METHOD", method) if "{z}" not in FORMULAS[name] else ""
    module, s, oracle = beside(HEAD + FORMULAS[name] + text + RUN, None, rows())
    for _ in range(3):
        module.step(s, rows())
        oracle.step(rows())

    for v in oracle.point:
        assert torch.allclose(getattr(s, v), oracle.point[v], rtol=0, atol=1e-11)
    for mine, theirs in zip(s.h.parameters(), oracle.nets["h"].parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-11)


def test_an_answer_of_parameters_starts_anew_before_every_step():
    """`pgd` from zero in a Euclidean ball is the step of Foret et al. 2021: radius times the unit slope."""
    text = "solve min{w} max{delta: params(h) in L2(0.05)} E{(x, y) ~ tr}[ ce(h(x; w + delta), y) ]\n"
    module = program(HEAD + text + "schedule { w: sgd(lr = 0.1)  delta: pgd(steps = 1, lr = 0.05, start = zero) }" + RUN)
    s = module.start(data=rows())
    net, (x, y) = copy.deepcopy(s.h), rows()["tr"]

    def loss(vector):
        return module.objective_w(net, vector, x, y).detach()

    zero = torch.zeros_like(s.delta)
    slope = differences(loss, zero)
    module.step(s, rows())
    delta = 0.05 * slope / slope.norm()
    moved = torch.cat([(a - b).reshape(-1) for a, b in zip(net.parameters(), s.h.parameters(), strict=True)]) / 0.1

    assert torch.allclose(s.delta, delta, atol=1e-8)
    assert torch.allclose(moved, differences(loss, delta), atol=1e-7)


@pytest.mark.parametrize(("how", "steps"), [("through(implicit(iters = 60))", 2000), ("through(unroll)", 400)])
def test_a_network_follows_at_parameters_of_its_own(how, steps):
    """The slope of a leader through the answer v, near the leader's own weights, is that of its value with v answering anew."""
    text = "solve min{w} [ E{(x, y) ~ tr}[ ce(h(x; v), y) ] s.t. v = argmin{v: params(h)}[ E{(x, y) ~ tr}[ ce(h(x; v), y) ] + 3*norm(v - w)^2 ] ]\n"
    module = program(HEAD.replace("mlp(5)", "mlp(2)") + text + f"schedule {{ w: sgd(lr = 0.1)  v: sgd(lr = 0.1, steps = {steps}), {how} }}" + RUN)
    s = module.start(data=rows())
    x, y = rows()["tr"]
    net, start = s.h, torch.cat([p.detach().reshape(-1) for p in s.h.parameters()])
    shapes = [p.shape for p in net.parameters()]

    def split(vector):
        return [part.view(shape) for part, shape in zip(vector.split([shape.numel() for shape in shapes]), shapes, strict=True)]

    def value(at):
        v = at.clone()
        for _ in range(200):
            v = v.detach().requires_grad_()
            (slope,) = torch.autograd.grad(module.objective_v(h=net, w=split(at), v=v, x=x, y=y), v)
            v = v - 0.1 * slope
        return module.objective_w(h=net, v=v, x=x, y=y).detach()

    module.step(s, rows())
    moved = (start - torch.cat([p.detach().reshape(-1) for p in s.h.parameters()])) / 0.1

    assert torch.allclose(moved, differences(value, start, 1e-4), atol=1e-5)
