"""Leaders and followers: differential Stackelberg play, cold followers, one follower of two leaders."""

from __future__ import annotations

import pytest
import torch

from gamespec.kernels.gradient import gradients
from gamespec.kernels.hypergradient import hypergradient_implicit
from gamespec.kernels.linear import conjugate_gradient
from tests.emit.build import compiled, program

HEAD = "language 1\ngame leading\nvar u: R[2] init [0.5, -0.3]\nvar v: R[2] init [0.1, 0.2]\n"
ZERO_SUM = HEAD + "solve min{u} max{v} [ exp(u[0]*v[1]) + sum(u*v)^2 + norm(u)^2 - 2*norm(v)^2 + sum(v) ]\n"
GENERAL = HEAD + "solve min{u} [ norm(v - 1)^2 + sum(u*v) + norm(u)^2 s.t. v = argmin{v}[ norm(v - u)^2 + v[0]*v[1]*u[0] + norm(v)^2 ] ]\n"


def second(f, a, b):
    """The mixed second derivatives of f(u, v) in two of its places, [m, n]."""
    return torch.autograd.functional.hessian(f, (a, b))


@pytest.mark.parametrize("text", [ZERO_SUM, GENERAL])
def test_a_leader_moves_on_its_total_derivative_at_the_present_point(text):
    """D f = f_u - g_vu' g_vv^{-1} f_v, g the follower's own cost, where both stand; the follower moves at the same time."""
    module = program(text + "schedule { method: stackelberg(lr = 0.01) }\nrun { precision = float64 }")
    s = module.start(0)
    u, v = s.u.clone(), s.v.clone()
    constant = [getattr(s, n) for n in vars(s) if n.startswith("constant")]
    lead = lambda u, v: module.objective_u(*constant, u=u, v=v)  # noqa: E731  # two short formulas; until 2027-11
    cost = (lambda u, v: -module.objective_v(u=u, v=v)) if text == ZERO_SUM else (lambda u, v: module.objective_v(v=v, u=u))
    module.step(s)
    f_u, f_v = torch.autograd.functional.jacobian(lead, (u, v))
    (_, _), (g_vu, g_vv) = second(cost, u, v)
    _, g_v = torch.autograd.functional.jacobian(cost, (u, v))

    assert torch.allclose((u - s.u) / 0.01, f_u - g_vu.mT @ torch.linalg.solve(g_vv, f_v), rtol=1e-9, atol=1e-9)
    assert torch.allclose((v - s.v) / 0.01, g_v, rtol=1e-9, atol=1e-9)


def test_differential_play_ends_at_the_stackelberg_point():
    """On minimax_as_bilevel's neighbour, where the follower's own gradient vanishes and the leader's total one does."""
    module = program(GENERAL + "schedule { method: stackelberg(lr = 0.1) }\nrun { precision = float64 }")
    s = module.start(0)
    for _ in range(400):
        module.step(s)
    nested = program(GENERAL + "schedule { method: nested(lr = 0.1) }\nrun { precision = float64 }")
    t = nested.start(0)
    for _ in range(400):
        nested.step(t)

    assert float(module.residual(s)) < 1e-8
    assert torch.allclose(s.u, t.u, atol=1e-7)


@pytest.mark.parametrize("how", ["sgd(lr = 0.1, steps = 3), through(implicit(cg))", "adam(lr = 0.1, steps = 3), through(unroll)"])
def test_a_cold_follower_begins_each_answer_where_it_first_stood(how):
    """A second step from the same leader finds the same answer cold, and a better one warm."""
    ends = {}
    for start in ("warm", "cold"):
        module = program(GENERAL + f"schedule {{ method: nested(start = {start})  u: descent(lr = 0)  v: {how} }}\nrun {{ precision = float64 }}")
        s = module.start(0)
        module.step(s)
        first = s.v.clone()
        module.step(s)
        ends[start] = first, s.v

    assert torch.equal(*ends["cold"])
    assert torch.equal(ends["cold"][0], ends["warm"][0])
    assert not torch.allclose(*ends["warm"])


def test_a_cold_network_begins_with_its_first_weights():
    """Every step trains the same network anew."""
    text = """language 1
game cold
data tr: (x: R[3], y: class[2]) = given
net h: R[3] -> logits[2] = mlp(4)  params w
var t: R init 0.5
solve min{t} [ E{(x, y) ~ tr}[ce(h(x; w), y)] + t^2 s.t. w = argmin{w}[ E{(x, y) ~ tr}[ce(h(x; w), y)] + t^2*norm(w)^2 ] ]
schedule { method: nested(start = cold)  t: descent(lr = 0)  w: sgd(lr = 0.2, steps = 5), through(unroll) }
run { precision = float64 }"""
    rng = torch.Generator().manual_seed(0)
    data = {"tr": (torch.randn(8, 3, generator=rng, dtype=torch.float64), torch.randint(0, 2, (8,), generator=rng))}
    module = program(text)
    s = module.start(0, data=data)
    start = [p.detach().clone() for p in s.h.parameters()]
    found = []
    for _ in range(2):
        module.step(s)
        found.append([p.detach().clone() for p in s.h.parameters()])

    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(start, found[0], strict=True))


def test_a_plan_says_that_a_follower_is_cold():
    """The plan puts it back before it answers."""
    _, made = compiled(GENERAL + "schedule { method: nested(start = cold)  v: sgd(lr = 0.1, steps = 3), through(implicit(cg)) }")

    assert "from first to now" in str(made.plan)


def valued(outer, placed, u, answer):
    """A leader's value at its choice, the follower answering anew."""
    return float(outer(*placed([u]), answer(*placed([u]))))


def test_two_leaders_share_a_follower():
    """Each leader's slope through w(a, b) is its own, by central differences, and neither stands in the other's way."""
    point = [torch.tensor([0.3, -0.2], dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)]

    def inner(a, b, w):
        return ((w - a * b) ** 2).sum() + torch.exp(0.3 * w.sum() * b) + (w**2).sum()

    def answer(a, b):
        w = torch.zeros(2, dtype=torch.float64)
        for _ in range(300):
            w = w.detach().requires_grad_()
            w = w - 0.2 * torch.autograd.grad(inner(a, b, w), w)[0]
        return w.detach()

    outers = [lambda a, b, w: (w - 1).square().sum() + (a * w).sum() * b, lambda a, b, w: torch.sin(w).sum() + (b - a.sum()) ** 2]
    for mine, outer in enumerate(outers):

        def placed(u, mine=mine):
            return u[0] if mine == 0 else point[0], u[0] if mine == 1 else point[1]

        _, (found,) = hypergradient_implicit(
            lambda u, w, outer=outer, placed=placed: outer(*placed(u), w[0]),
            lambda u, w, placed=placed: gradients([inner(*placed(u), w[0])], w, graph=True),
            [point[mine]],
            [answer(*point)],
            lambda p, b: conjugate_gradient(p, b, 10, 1e-13),
        )
        unit = 1e-5 * torch.eye(point[mine].numel(), dtype=torch.float64)
        ends = [[valued(outer, placed, point[mine] + side * d.view_as(point[mine]), answer) for side in (1, -1)] for d in unit]
        expected = torch.tensor([(a - b) / 2e-5 for a, b in ends], dtype=torch.float64)

        assert torch.allclose(found.reshape(-1), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shared", [True, False])
def test_leaders_of_one_law_share_a_follower_or_have_one_each(shared):
    """One follower of both, or one for each of the same law, is the same to its leaders: 4x + y = 1 and 4y + x = 0."""
    head = "language 1\ngame two\nvar x: R\nvar y: R\nvar w: R\n"
    head += "solve nash {{ a: min{{x}}[ x^2 + w*x - x {} ]  b: min{{y}}[ y^2 + {}*y {} ] {} }}"
    law = "s.t. {0} = argmin{{{0}}}[ ({0} - x - y)^2 ]"
    text = head.format("", "w", "", law.format("w")) if shared else head.format(law.format("w"), "v", law.format("v"), "") + "\nvar v: R"
    module = program(text)
    s = module.start(0)
    for _ in range(300):
        module.step(s)

    assert (float(s.x), float(s.y)) == pytest.approx((4 / 15, -1 / 15), abs=1e-9)
