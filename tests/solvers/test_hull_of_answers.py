"""Danskin's descent direction: `through(hull)`, the shortest slope in the hull of those at several answers."""

from __future__ import annotations

import copy

import pytest
import torch

from gamespec import pipeline
from gamespec.kernels.beam import near_best, shortest_slope
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.emit.build import compiled, played, program

ABSOLUTE = """language 1
game absolute
var x: R init 0
data tr: (a: R, i: index) = given
solve min{x} E{(a, i) ~ tr} max{d in [-1, 1]} [ x*d + 0*a ]
schedule { x: sgd(lr = 0.1)  d: pgd(steps = 3, lr = 0.1, restarts = 8), THROUGH }
run { batch = 1  precision = float64 }
"""
"""The largest x*d is |x|; at 0 every d is best, and nothing moves it from where it starts."""

DISCS = """language 1
game discs
var x: R[2] init [1, 0]
var y in [0, 1] init uniform
solve min{x} max{y} [ y*norm(x - [0, -1])^2 + (1 - y)*norm(x - [0, 1])^2 - y*(1 - y) ]
schedule { method: nested  x: normalized_sgd(lr = 0.1)  y: pgd(steps = 20, lr = 0.1, restarts = 16), THROUGH }
run { seed = 0 }
"""
"""Latorre et al. 2023, section 5: the worst value is |x|^2 + 1 + 2 |x_2|; at x_2 = 0 both ends of y are best."""


def worst(x):
    """The value of the discs, at its best y."""
    return float(x @ x + 1 + 2 * x[1].abs())


def test_at_a_kink_one_answer_ascends_and_the_hull_stays():
    """From the minimum of |x| the slope at the best answer found leads up; 0 is in the hull of all of them."""
    data = {"tr": (torch.ones(1, dtype=torch.float64), torch.tensor([0]))}
    alone = ABSOLUTE.replace(", restarts = 8", "").replace("THROUGH", "through(envelope)")
    one, all_of = (played(text, 1, data=data)[1] for text in (alone, ABSOLUTE.replace("THROUGH", "through(hull)")))

    assert abs(float(one.x)) > 1e-4
    assert abs(float(all_of.x)) < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_the_value_falls_at_every_step_only_along_the_hull(seed):
    """The first seven steps of length 0.1 go straight from (1, 0) towards 0, as the closed form says; with one answer some go up."""
    found = {}
    for word in ("hull", "envelope"):
        module = program(DISCS.replace("THROUGH", f"through({word})"))
        s = module.start(seed)
        path = [s.x.clone()]
        for _ in range(7):
            module.step(s)
            path.append(s.x.clone())
        found[word] = path
    values = [worst(x) for x in found["hull"]]

    assert torch.allclose(torch.stack(found["hull"]), torch.tensor([[1 - 0.1 * k, 0.0] for k in range(8)], dtype=torch.float64), atol=1e-6)
    assert values == pytest.approx([(1 - 0.1 * k) ** 2 + 1 for k in range(8)], abs=1e-5)
    assert any(worst(b) > worst(a) + 1e-3 for a, b in zip(found["envelope"], found["envelope"][1:], strict=False))


ROBUST = """language 1
game robust
data tr: (x: R[3], y: class[2]) = given
net h: R[3] -> logits[2] = mlp(4, act = tanh)
solve LEADER{h} E{(x, y) ~ tr} FOLLOWER{d in Linf(3)} [ SIGNce(h(x + d), y) ]
schedule { h: sgd(lr = 0.1)  d: pgd(steps = 1, lr = 0.01, restarts = 4), through(hull) }
run { batch = 5  precision = float64 }
"""


@pytest.mark.parametrize("roles", [("min", "max", ""), ("max", "min", "-")])
def test_every_objective_falls_along_the_direction_of_a_network(roles):
    """The direction g has <g_j, g> >= |g|^2 for the gradient g_j at every answer, with equality where it counts: g is the shortest."""
    leader, follower, sign = roles
    module = program(ROBUST.replace("LEADER", leader).replace("FOLLOWER", follower).replace("SIGN", sign))
    rng = torch.Generator().manual_seed(3)
    x, y = torch.randn(5, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    s = module.start(0, data={"tr": (x, y)})
    answers, net = [], copy.deepcopy(s.h)
    found = module.near_best
    module.near_best = lambda *args: answers.append(found(*args)) or answers[-1]
    before = torch.cat([p.detach().reshape(-1).clone() for p in s.h.parameters()])
    module.step(s, {"tr": (x, y)})
    g = (before - torch.cat([p.detach().reshape(-1) for p in s.h.parameters()])) / 0.1
    slopes = [
        torch.cat([g.reshape(-1) for g in torch.autograd.grad(torch.nn.functional.cross_entropy(net(x + d), y), list(net.parameters()))])
        for d in answers[0]
    ]
    slacks = torch.stack(slopes) @ g - g @ g

    assert len(answers[0]) == 4
    assert float(slacks.min()) > -1e-7
    assert float(slacks.min()) < 1e-6
    assert float(g @ g) < min(float(v @ v) for v in slopes) - 1e-6


def test_answers_that_are_worse_by_more_than_eps_are_replaced():
    """Sample by sample the best comes first, and stands for those out of reach."""
    points = [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]]), torch.tensor([[5.0], [6.0]])]
    values = [torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.9]), torch.tensor([0.95, -1.0])]

    assert near_best(points, values, 0.2, highest=True).squeeze(-1).tolist() == [[3.0, 2.0], [3.0, 4.0], [5.0, 2.0]]
    assert near_best(points, values, 10.0, highest=True).squeeze(-1).tolist() == [[3.0, 2.0], [1.0, 4.0], [5.0, 6.0]]
    assert near_best(points, [-v for v in values], 0.2, highest=False).squeeze(-1).tolist() == [[3.0, 2.0], [3.0, 4.0], [5.0, 2.0]]


def test_the_shortest_slope_keeps_shapes():
    """Of (1, 1) and (-1, 1), each in two tensors, it is (0, 1)."""
    found = shortest_slope([[torch.ones(1, 1, dtype=torch.float64), torch.ones(1)], [-torch.ones(1, 1, dtype=torch.float64), torch.ones(1)]])

    assert [t.shape for t in found] == [(1, 1), (1,)]
    assert [float(t) for t in found] == pytest.approx([0.0, 1.0], abs=1e-9)


def test_it_is_explained_with_its_cost():
    """The plan says what is done, and what it costs."""
    text = pipeline.explain(pipeline.check(Source("a.game", DISCS.replace("method: nested ", "").replace("THROUGH", "through(hull(eps = 0.1))"))))

    assert "`through(hull)` asks for it" in text
    assert "a gradient at each of 16 answers of `y`" in text


OWN = """language 1
var x: R
var y in [0, 1]
solve min{x} [ (x - y)^2 s.t. y = argmin{y}[ (y - x)^2 ] ]
schedule { y: pgd(steps = 2, lr = 0.1, restarts = 3), through(hull) }
"""


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (DISCS.replace("restarts = 16), THROUGH", "restarts = 1), through(hull)"), "several answers", "restarts = 5"),
        (
            DISCS.replace("pgd(steps = 20, lr = 0.1, restarts = 16), THROUGH", "sgd(lr = 0.1, steps = 3), through(hull)"),
            "several answers",
            "restarts = 5",
        ),
        (ROBUST.replace("restarts = 4", "restarts = 4, surrogate = [margin]"), "objective itself", "surrogate"),
        (OWN, "objective of its own", "implicit"),
    ],
)
def test_a_hull_of_nothing_is_refused(text, said, hint):
    """With what to write instead."""
    with pytest.raises(GameError) as caught:
        compiled(text.replace("LEADER", "min").replace("FOLLOWER", "max").replace("SIGN", ""))

    found = caught.value.diagnostics[0]
    assert found.code == "GE506"
    assert said in found.message
    assert hint in found.hint


def test_a_hull_beside_another_is_refused():
    """Two followers under `hull`: nothing is left out in silence."""
    two = DISCS.replace("var y", "var z in [0, 1]\nvar y").replace("y: pgd", "z: pgd(restarts = 2), THROUGH  y: pgd")
    two = two.replace("min{x} max{y} [ ", "min{x} [ max{z}[ z*x[0] ] + max{y}[ ").replace("y*(1 - y) ]", "y*(1 - y) ] ]")
    with pytest.raises(GameError) as caught:
        compiled(two.replace("THROUGH", "through(hull)"))

    assert caught.value.diagnostics[0].code == "GE292"
    assert "through(envelope)" in caught.value.diagnostics[0].hint
