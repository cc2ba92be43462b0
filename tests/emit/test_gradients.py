"""Every kind of derivative that a program takes, against central differences in float64."""

from __future__ import annotations

import pytest
import torch

from tests.emit.build import compiled, program

HEAD = "language 1\ngame slopes\n"
QUADRATIC = "var u: R[2] init [0.5, -0.3]\nvar v: R[2] init [0.4, 0.7]\nsolve min{u} max{v} [ exp(u[0]*v[1]) + sum(u*v)^2 + norm(u)^2 - norm(v)^2 ]\n"
BILEVEL = """var u: R[2] init [0.5, -0.3]
var w: R[2] init [0.1, 0.2]
solve min{u} [ norm(w - [1, 2])^2 + sum(u*w) + norm(u)^2 s.t. w = SENSE{w}[ SIGN (norm(w - u)^2 + w[0]*w[1]*u[0] + 0.5*exp(w[0]) + norm(w)^2) ] ]
"""
CLEAN = """language 1
game clean
data tr: (x: R[64] in [0, 1], y: class[10], i: index) = digits("all", subset = 40, label_noise = 0.5)
data val: (x: R[64] in [0, 1], y: class[10]) = digits("all", subset = 20, offset = 40)
net h: R[64] -> logits[10] = linear()  params w
var u: R[len(tr)] in [0, 1] init 0.5
solve min{u} [ E{(x, y) ~ val}[ce(h(x; w), y)]
  s.t. w = argmin{w}[ sum{(x, y, i) in tr}[u[i] * ce(h(x; w), y)] / sum(u) + 0.3 * norm(w)^2 ] ]
"""


def differences(f, x, eps=1e-5):
    """Central differences of a function of one tensor."""
    found = torch.zeros_like(x)
    for k in range(x.numel()):
        for sign in (1, -1):
            moved = x.clone()
            moved.view(-1)[k] += sign * eps
            found.view(-1)[k] += sign * float(f(moved)) / (2 * eps)
    return found


def slope_of(text, name, lr=0.1, schedule=None, steps=1):
    """The derivative that a step of plain descent moves a variable along, with the program and its start."""
    module = program(text, schedule)
    s = module.start()
    before = getattr(s, name).clone()
    for _ in range(steps):
        module.step(s)
    return module, before, (before - getattr(s, name)) / lr


@pytest.mark.parametrize("method", ["simultaneous", "extragradient", "alternating", "nested"])
def test_own_gradients_are_central_differences(method):
    """Each player's step follows the slope of its own objective, at the point that its method says."""
    module, s0 = program(HEAD + QUADRATIC + f"schedule {{ method: {method}(lr = 0.1) }}\nrun {{ precision = float64 }}"), None
    s = module.start()
    u, v = s.u.clone(), s.v.clone()
    module.step(s)
    at_u, at_v = u, v
    if method == "extragradient":
        at_u, at_v = u - 0.1 * differences(lambda t: module.objective_u(t, v), u), v + 0.1 * differences(lambda t: module.objective_v(u, t), v)
    seen = s.v if method in ("alternating", "nested") else at_v

    assert s0 is None
    assert torch.allclose((s.v - v) / 0.1, differences(lambda t: module.objective_v(at_u, t), at_v), atol=1e-7)
    assert torch.allclose((u - s.u) / 0.1, differences(lambda t: module.objective_u(t, seen), at_u), atol=1e-7)


def test_a_beams_gradients_are_those_of_each_candidate():
    """The leader descends against the best; then every candidate climbs on its own."""
    module = program(
        HEAD + QUADRATIC.replace("init [0.4, 0.7]", "in [-1, 1] init uniform") + "schedule { method: k_beam(K = 3, lr = 0.01) }\n"
        "run { precision = float64 }"
    )
    s = module.start()
    u, v = s.u.clone(), s.v.clone()
    module.step(s)
    best = max(v, key=lambda c: float(module.objective_v(u, c)))

    for before, after in zip(v, s.v, strict=True):
        assert torch.allclose((after - before) / 0.01, differences(lambda t: module.objective_v(s.u, t), before), atol=1e-7)
    assert torch.allclose((u - s.u) / 0.01, differences(lambda t: module.objective_u(t, best), u), atol=1e-7)


def response(module, u, w0, steps=4000, lr=0.05, sign=1):
    """The follower's true answer, by many plain steps."""
    w = w0.clone()
    for _ in range(steps):
        w = w.detach().requires_grad_()
        (g,) = torch.autograd.grad(sign * module.objective_w(w=w, u=u), w)
        w = w - lr * g
    return w.detach()


@pytest.mark.parametrize("sense", ["argmin", "argmax"])
@pytest.mark.parametrize("how", ["", "through(implicit)", "through(unroll)"])
def test_hypergradients_are_central_differences_of_the_response(how, sense):
    """The leader's slope is that of its value with the follower answering anew, whichever way the follower optimises."""
    text = HEAD + BILEVEL.replace("SENSE", sense).replace("SIGN", "-" if sense == "argmax" else "")
    steps = 200 if how == "through(unroll)" else 0
    word = f"sgd(lr = 0.1, steps = {steps}), {how}" if steps else how
    schedule = f"schedule {{ u: descent(lr = 0.1)  {f'w: {word}' if word else ''} }}\nrun {{ precision = float64 }}"
    module, u, slope = slope_of(text + schedule, "u")
    w0 = torch.zeros(2, dtype=torch.float64)
    sign = -1 if sense == "argmax" else 1
    constant = [getattr(module.start(), n) for n in vars(module.start()) if n.startswith("constant")]

    def value(t):
        return module.objective_u(*constant, u=t, w=response(module, t, w0, sign=sign))

    assert torch.allclose(slope, differences(value, u, 1e-4), atol=1e-5)


def test_an_unrolled_derivative_is_that_of_the_steps_taken():
    """Three unrolled steps: the exact derivative of the finite computation, and the follower stays where they ended."""
    text = HEAD + BILEVEL.replace("SENSE", "argmin").replace("SIGN", "")
    module = program(text + "schedule { u: descent(lr = 0.1)  w: sgd(lr = 0.1, steps = 3), through(unroll) }\nrun { precision = float64 }")
    s = module.start()
    u, w = s.u.clone(), s.w.clone()
    constant = [getattr(s, n) for n in vars(s) if n.startswith("constant")]
    module.step(s)

    assert torch.allclose((u - s.u) / 0.1, differences(lambda t: module.objective_u(*constant, u=t, w=response(module, t, w, 3, 0.1)), u), atol=1e-7)
    assert torch.allclose(s.w, response(module, u, w, 3, 0.1), atol=1e-12)


def test_a_penalty_differentiates_the_gradient_of_the_follower():
    """Both move on the leader's objective plus gamma/2 times the squared slope of the follower's."""
    text = HEAD + BILEVEL.replace("SENSE", "argmin").replace("SIGN", "")
    module = program(
        text + "schedule { u: descent(lr = 0.1)  w: sgd(lr = 0.1, steps = 1), through(penalty(gamma = 2)) }\nrun { precision = float64 }"
    )
    s = module.start()
    u, w = s.u.clone(), s.w.clone()
    constant = [getattr(s, n) for n in vars(s) if n.startswith("constant")]

    def price(u, w):
        at = w.detach().requires_grad_()
        (g,) = torch.autograd.grad(module.objective_w(w=at, u=u), at)
        return module.objective_u(*constant, u=u, w=w) + g @ g

    module.step(s)

    assert torch.allclose((w - s.w) / 0.1, differences(lambda t: price(u, t), w), atol=1e-6)
    assert torch.allclose((u - s.u) / 0.1, differences(lambda t: price(t, s.w), u), atol=1e-6)


def test_three_levels_with_active_bounds():
    """A chain of three leaders, the lowest held by a bound: the slope is that of the value."""
    text = (
        HEAD
        + """var a: R init 0.4
var b: R in [-1, 1] init 0
var c: R in [0, 0.3] init 0
solve min{a} [ (a - 1)^2 + b^2 + c s.t. b = argmin{b}[ (b - a)^2 + c*b s.t. c = argmin{c}[ (c - a - b)^2 ] ] ]
schedule { a: descent(lr = 0.1) }
run { precision = float64 }"""
    )
    _, a, slope = slope_of(text, "a")
    # c = 0.3 on its bound, so b = a - 0.15 and the slope is 2 (a - 1) + 2 (a - 0.15).

    assert float(slope) == pytest.approx(2 * (0.4 - 1) + 2 * (0.4 - 0.15), abs=1e-9)
    assert float(a) == 0.4


@pytest.mark.parametrize("how", ["sgd(lr = 0.2, steps = 400), through(unroll)", "sgd(lr = 0.2, steps = 400), through(implicit(iters = 100))"])
def test_cleaning_data_has_the_right_hypergradient(how):
    """The slope in the weight of each label is that of the validation loss of a classifier trained anew."""
    text = CLEAN + f"schedule {{ u: descent(lr = 1)  w: {how} }}\nrun {{ precision = float64 }}"
    module = program(text)
    s = module.start()
    u = s.u.clone()
    (x, y, i), (xv, yv) = s.tr, s.val

    def value(t):
        w = [torch.zeros_like(p) for p in s.h.parameters()]
        for _ in range(400):
            w = [p.requires_grad_() for p in w]
            gs = torch.autograd.grad(module.objective_w(s.h, w, t, i=i, x=x, y=y), w)
            w = [(p - 0.2 * g).detach() for p, g in zip(w, gs, strict=True)]
        return module.objective_u(s.h, w, xv, yv)

    some = torch.tensor([0, 7, 23, 39])

    def at(t):
        moved = u.clone()
        moved[some] = t
        return value(moved)

    expected = differences(at, u[some], 1e-3)
    module.step(s)
    found = (u - s.u)[some]

    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-9)
    assert float(expected.abs().max()) > 1e-4


def trained(inner, w):
    """The list of tensors at which a smooth convex function of them is least, by Newton's method."""
    shapes = [p.shape for p in w]
    sizes = [p.numel() for p in w]

    def flat(z):
        return inner([part.view(shape) for part, shape in zip(z.split(sizes), shapes, strict=True)])

    z = torch.cat([p.detach().reshape(-1) for p in w])
    for _ in range(12):
        at = z.requires_grad_()
        (slope,) = torch.autograd.grad(flat(at), at, create_graph=True)
        rows = [torch.autograd.grad(g, at, retain_graph=True)[0] for g in slope]
        z = (at - torch.linalg.solve(torch.stack(rows), slope)).detach()
    return [part.view(shape) for part, shape in zip(z.split(sizes), shapes, strict=True)]


class Cleaning:
    """A small cleaning problem under one schedule: its program, and its two objectives as functions of u and w."""

    def __init__(self, how):
        text = CLEAN.replace("class[10]", "class[2]").replace("logits[10]", "logits[2]")
        text = text.replace("label_noise = 0.5)", 'label_noise = 0.5, targets = ["odd"])').replace("offset = 40)", 'offset = 40, targets = ["odd"])')
        self.module = program(text + f"schedule {{ u: descent(lr = 1)  w: {how} }}\nrun {{ precision = float64 }}")
        self.s = self.module.start()
        self.u, self.w = self.s.u.clone(), list(self.s.h.parameters())

    def outer(self, _lead, follow):
        """The validation loss."""
        return self.module.objective_u(self.s.h, follow, *self.s.val)

    def inner(self, lead, follow):
        """The weighted training loss."""
        x, y, i = self.s.tr
        return self.module.objective_w(self.s.h, follow, lead[0], i=i, x=x, y=y)

    def value(self, u):
        """The leader's objective at the answer of its follower."""
        return self.outer([u], trained(lambda w: self.inner([u], w), self.w))

    def penalised(self, gamma):
        """Put the network where the penalty method ends for these weights."""
        near = trained(lambda w: self.inner([self.u], w), self.w)
        best = trained(lambda w: self.module.penalty_value(self.outer, self.inner, [self.u], w, gamma), near)
        with torch.no_grad():
            for p, q in zip(self.w, best, strict=True):
                p.copy_(q)

    def slope(self):
        """The hypergradient that one step of the program follows."""
        self.module.step(self.s)
        return self.u - self.s.u


def test_three_schedules_of_one_problem_agree_on_the_hypergradient():
    """Unrolled, implicit and penalty slopes of the same cleaning problem are those of central differences, to 1e-4.

    The error of the penalty method is proportional to 1 / gamma at its own optimum, so it starts there.
    """
    some = torch.tensor([0, 7, 23, 39])
    unrolled = Cleaning("sgd(lr = 0.2, steps = 400), through(unroll)")
    implicit = Cleaning("sgd(lr = 0.2, steps = 400), through(implicit(iters = 100))")
    penalty = Cleaning("sgd(lr = 1e-12, steps = 1), through(penalty(gamma = 1e7))")
    penalty.penalised(1e7)
    found = [one.slope()[some] for one in (unrolled, implicit, penalty)]

    def at(t):
        moved = unrolled.u.clone()
        moved[some] = t
        return unrolled.value(moved)

    expected = differences(at, unrolled.u[some], 1e-3)

    for slope in found:
        assert (slope - expected).norm() <= 1e-4 * expected.norm()


def test_a_slope_inside_an_objective_is_differentiated_again():
    """A gradient penalty pulls on the network whose gradient it is."""
    text = (
        HEAD
        + """data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)
net D: R[2] -> R = mlp(4)
solve min{D} [ E{x ~ r}[ (norm(grad{p}[D(p)]) - 1)^2 where p = x ] ]
schedule { D: sgd(lr = 0.1) }
run { batch = 5  precision = float64 }"""
    )
    module = program(text)
    s = module.start()
    (x,) = batch = module.batch_r(s)
    weight = next(s.D.parameters())
    before = weight.detach().clone()

    def value(t):
        with torch.no_grad():
            weight.copy_(t)
        found = module.objective_D(s.D, x).detach()
        with torch.no_grad():
            weight.copy_(before)
        return found

    expected = differences(value, before)
    module.step(s, {"r": batch})

    assert torch.allclose((before - weight.detach()) / 0.1, expected, atol=1e-7)


def test_stop_lets_no_derivative_through():
    """`stop(x)` has the value of x and the slope of a constant."""
    module, x, slope = slope_of(
        HEAD + "var x: R init 2\nsolve min{x} [ x^2*stop(x) ]\nschedule { x: descent(lr = 0.1) }\nrun { precision = float64 }", "x"
    )

    assert float(slope) == pytest.approx(8.0)
    assert float(module.objective_x(x)) == 8.0


def test_plans_of_these_games_print():
    """A plan reads as sentences."""
    _, made = compiled(HEAD + BILEVEL.replace("SENSE", "argmin").replace("SIGN", "") + "schedule { w: sgd(lr = 0.1, steps = 3), through(unroll) }")

    assert "derive main at now, through min:w unrolled over 3 steps of 0.1" in str(made.plan)


def test_an_epsilon_subgradient_stops_where_the_hull_holds_zero():
    """On v^2 - u^2 + 2uv at u = 0 both ends of v are best and pull u apart: with eps it stays, without it leaves."""
    text = HEAD + "var u in [-0.5, 0.5] init 0\nvar v in [-0.5, 0.5] init uniform\nsolve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]\n"
    ends = {}
    for eps in (0, 0.1):
        module = program(text + f"schedule {{ method: k_beam(K = 4, lr = 0.05, eps = {eps}) }}\nrun {{ precision = float64 }}")
        s = module.start(0)
        s.v = torch.tensor([0.5, -0.5, 0.5, 0.3], dtype=torch.float64)
        for _ in range(3):
            module.step(s)
        ends[eps] = float(s.u.abs())

    assert ends[0] > 1e-3
    assert ends[0.1] < 1e-9


def test_candidates_are_kept_apart():
    """Without `spread` all candidates of a concave follower become one; with it the best stays and others look elsewhere."""
    text = HEAD + "var u in [-1, 1] init 0.2\nvar v in [-1, 1] init uniform\nsolve min{u} max{v} [ u^2 - (v - u)^2 ]\n"
    widths = {}
    for spread in (0, 0.05):
        module = program(text + f"schedule {{ method: k_beam(K = 4, lr = 0.2, spread = {spread}) }}\nrun {{ precision = float64 }}")
        s = module.start(0)
        for _ in range(60):
            module.step(s)
        widths[spread] = float(s.v.max() - s.v.min())

        assert float((s.v - s.u).abs().min()) < 1e-3

    assert widths[0] < 1e-6
    assert widths[0.05] > 0.05
