"""Several followers of one leader, in equilibrium or beside each other, and followers on a bound: every way agrees."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from gamespec.solvers import setup
from tests.emit.build import compiled, played, program

TWO = """language 1
game two
var u: R[2] init [0.5, -0.3]
var a: R[2] init [0.1, 0.2]
var b: R init 0.3
solve min{u} [ norm(a - [1, 2])^2 + b*sum(a) + b^2 + norm(u)^2 s.t. FOLLOWERS ]
schedule { SCHEDULE }
run { precision = float64 }
"""
FOLLOWERS = {
    "beside each other": ("a = argmin{a}[ norm(a - u)^2 + norm(a)^2 ], b = argmin{b}[ (b + sum(u))^2 ]", [0.1, -0.2]),
    "one sees the other": ("a = argmin{a}[ norm(a - u)^2 + norm(a)^2 ], b = argmin{b}[ (b + sum(u) - 0.3*sum(a))^2 ]", [0.0, 0.0]),
    "in equilibrium": (
        "(a, b) = nash { min{a}[ norm(a - u)^2 + norm(a)^2 + 0.5*b*sum(a) ] min{b}[ (b + sum(u) + 0.3*sum(a))^2 ] }", [0.0, 0.0]),
}  # fmt: skip
WAYS = {
    "newton": "",
    "gmres": "a: sgd(lr = 0.1, steps = 80), through(implicit(iters = 10))  b: sgd(lr = 0.1, steps = 80), through(implicit(iters = 10))",
    "unroll": "a: sgd(lr = 0.1, steps = 80), through(unroll)  b: sgd(lr = 0.1, steps = 80), through(unroll)",
}


def equilibrium(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The followers' answer as M u, from their linear conditions: the rows of a, then b."""
    one, eye = torch.ones(2, 1, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    across, back = {"beside each other": (0.0, 0.0), "one sees the other": (0.0, -0.3), "in equilibrium": (0.5, 0.3)}[name]
    left = torch.cat([torch.cat([4 * eye, across * one], 1), torch.cat([back * one.mT, torch.ones(1, 1, dtype=torch.float64)], 1)])
    return torch.linalg.solve(left, torch.cat([2 * eye, -one.mT]))


def best(name: str) -> torch.Tensor:
    """The leader's choice: its objective is a quadratic in u once the answer is put in."""
    m = equilibrium(name)
    u = torch.zeros(2, dtype=torch.float64, requires_grad=True)

    def value(u: torch.Tensor) -> torch.Tensor:
        a, b = (m @ u)[:2], (m @ u)[2]
        return ((a - torch.tensor([1.0, 2.0])) ** 2).sum() + b * a.sum() + b**2 + (u**2).sum()

    slope, bend = torch.autograd.functional.jacobian(value, u), torch.autograd.functional.hessian(value, u)
    return -torch.linalg.solve(bend, slope)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FOLLOWERS)
def test_every_way_through_the_followers_ends_at_the_solution(name, way, monkeypatch):
    """By Newton's method, by GMRES where the followers count as large, and unrolled."""
    monkeypatch.setattr(setup, "SMALL", 0 if way == "gmres" else 100)
    text = TWO.replace("FOLLOWERS", FOLLOWERS[name][0]).replace("SCHEDULE", WAYS[way])
    module, s, _ = played(text, 120)
    u = best(name)
    answer = equilibrium(name) @ u

    assert torch.allclose(s.u, u, rtol=0, atol=1e-7)
    assert torch.allclose(torch.cat([s.a, s.b[None]]), answer, rtol=0, atol=1e-6)
    assert float(module.residual(s)) < 1e-6
    assert ("gmres" in compiled(text)[1].program.text) == (way == "gmres")


BOUND = """language 1
game bound
var u: R init 0.2
var w: R in SET init 0
solve min{u} [ (w - 3)^2 + (u - 1)^2 s.t. w = argmin{w}[ (w - 2*u)^2 ] ]
schedule { SCHEDULE }
run { precision = float64 }
"""


@pytest.mark.parametrize("schedule", ["", "w: sgd(lr = 0.2, steps = 60), through(implicit)", "w: sgd(lr = 0.2, steps = 60), through(unroll)"])
@pytest.mark.parametrize(("chosen", "u", "w"), [("[0, 1]", 1.0, 1.0), ("[0, 9]", 1.4, 2.8), ("[-9, 2]", 1.0, 2.0)])
def test_a_follower_on_its_bound_stands_still(chosen, u, w, schedule, monkeypatch):
    """Where the bound holds the follower, only the leader's own term is left; where it does not, w = 2 u."""
    monkeypatch.setattr(setup, "SMALL", 0 if "implicit" in schedule else 100)
    _, s, _ = played(BOUND.replace("SET", chosen).replace("SCHEDULE", schedule), 120)

    assert abs(float(s.u) - u) < 1e-6
    assert abs(float(s.w) - w) < 1e-6


NETWORKS = """language 1
game networks
data tr: (x: R[3], y: class[4]) = given
net h: R[3] -> logits[4] = mlp(5)
net g: R[3] -> logits[4] = linear()
var u: R[2] init [0.4, 0.7]
var t: R in [0, 2] init 1
solve min{u} [ E{(x, y) ~ tr}[ce(h(x) + t*g(x), y)] + norm(u)^2 s.t.
  h = argmin{h}[ E{(x, y) ~ tr}[u[0]*ce(h(x), y)] ],
  t = argmin{t}[ (t - u[1])^2 ],
  g = argmin{g}[ E{(x, y) ~ tr}[u[1]*ce(t*g(x), y)] ] ]
schedule { u: sgd(lr = 1)  h: sgd(lr = 0.3, steps = 4), through(unroll)  g: sgd(lr = 0.2, steps = 4), through(unroll)
  t: sgd(lr = 0.2, steps = 4), through(unroll) }
run { batch = 6  precision = float64 }
"""


def test_networks_and_numbers_follow_together():
    """The leader's move is the derivative of what it reports, by central differences; the followers stay where they came."""
    rng = torch.Generator().manual_seed(1)
    batch = {"tr": (torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1, 2]))}
    module = program(NETWORKS)

    def at(u):
        s = module.start(0, data=batch)
        before = module.save(s)
        s.u = torch.as_tensor(u, dtype=torch.float64)
        return s, before, module.step(s, batch)["u"]

    s, before, _ = at([0.4, 0.7])
    slope = [float(at([0.4 + 1e-5 * a, 0.7 + 1e-5 * b])[2] - at([0.4 - 1e-5 * a, 0.7 - 1e-5 * b])[2]) / 2e-5 for a, b in ((1, 0), (0, 1))]

    assert torch.allclose(torch.tensor([0.4, 0.7], dtype=torch.float64) - s.u, torch.tensor(slope, dtype=torch.float64), rtol=1e-6, atol=1e-8)
    assert all(not torch.equal(a, b) for a, b in zip(before, module.save(s), strict=True))


def levels(count: int) -> str:
    """A chain: every level wants x_k + x_{k+1} near what stands above it, and x_k small."""
    text = f"(x{count} - x{count - 1})^2 + x{count}^2"
    for k in range(count - 1, 0, -1):
        above = f"x{k - 1}" if k > 1 else "1"
        text = f"(x{k} + x{k + 1} - {above})^2 + x{k}^2 s.t. x{k + 1} = argmin{{x{k + 1}}}[ {text} ]"
    head = "language 1\ngame chain\n" + "".join(f"var x{k}: R\n" for k in range(1, count + 1))
    return head + f"solve min{{x1}} [ {text} ]\nschedule {{ x1: sgd(lr = 0.25) }}"


@pytest.mark.parametrize("count", [2, 3, 4, pytest.param(5, marks=pytest.mark.slow)])
def test_any_number_of_levels(count):
    """Each answer is linear in what stands above it, so that the solution is a product of fractions."""
    share, shares = Fraction(0), list[Fraction]()
    for _ in range(count):
        share = (1 + share) / ((1 + share) ** 2 + 1)
        shares.insert(0, share)
    solution, above = [], Fraction(1)
    for share in shares:
        above *= share
        solution.append(float(above))
    _, s, _ = played(levels(count), 60)

    assert [float(getattr(s, f"x{k}")) for k in range(1, count + 1)] == pytest.approx(solution, abs=1e-9)
