"""Constructs of the language as programs: conditions, indices, labels, parameters of a network as a point.

Each takes steps beside the reference interpreter, which looks at one sample at a time, or against central differences.
"""

from __future__ import annotations

import copy
import math
import os

import pytest
import torch

import gamespec as gs
from gamespec.kernels.apply import max_where, mean_where, min_where, prod_where, sum_where
from gamespec.library.sets.lipschitz_networks import lipschitz_bound
from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, played, program
from tests.emit.test_gradients import differences
from tests.reference.test_reference import beside

HEAD = "language 1\ngame constructs\ndata tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5)  params w\n"
RUN = "\nrun { batch = 8  precision = float64 }"
FORMULAS = {
    "a condition on draws": "solve min{w} [ E{(x, y) ~ tr | y == 2}[ ce(h(x), y) ] + E{(x, y) ~ tr | y != 1 and x[0] > 0}[ ce(h(x), y) ] ]",
    "a condition that nothing fulfils": "solve min{w} [ E{(x, y) ~ tr | x[0] > 99}[ ce(h(x), y) ] + E{(x, y) ~ tr}[ ce(h(x), y) ] ]",
    "one risk for each class": "var lam in Simplex(4)\ndef risk(c) = E{(x, y) ~ tr | y == c}[ ce(h(x), y) ]\n"
    "solve min{w} max{lam} [ sum{c in 0..3}[ lam[c]*risk(c) ] ]",
    "exact sums over some rows": "solve min{w} [ sum{(x, y) in tr | y == 2}[ ce(h(x), y) ]/9 + mean{(x, y) in tr | x[0] > 0}[ norm(h(x))^2 ] ]",
    "terms whose index fulfils a condition": "solve min{w} [ E{(x, y) ~ tr}[ sum{i in 0..3 | i != 1}[ sum{j in 0..3 | j > i and j != y}"
    "[ (h(x)[i] - h(x)[j])^2 ] ] ] ]",
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


# ------------------------------------------------------------------ networks in a set

WGAN = """language 1
game wgan
data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)
dist z: R[4] = Normal(0, 1)
net G: R[4] -> R[2] = mlp(8)
net D: R[2] -> R = mlp(16, 16)  in Lipschitz(1/2)
solve min{G} max{D} [ E{x ~ r}[D(x)] - E{w ~ z}[D(G(w))] ]
"""


def test_a_network_stays_in_its_set():
    """After every move no distance is stretched more than the set allows, and the certificate says so."""
    module, s, _ = played(WGAN + "schedule { D: adam(lr = 1) }\nrun { batch = 16 }", steps=3)
    entry = next(e for e in module.certify(s) if e["name"] == "D: stretch")

    assert float(lipschitz_bound(s.D).detach()) == pytest.approx(0.5, rel=1e-3)
    assert entry["ok"]
    assert float(lipschitz_bound(module.start(0).D).detach()) <= 0.5 * (1 + 1e-3)


def test_weights_are_clipped_where_the_schedule_says_so():
    """`clip(c)` leaves every weight in -c..c; what the network then stretches is reported, not promised."""
    module, s, _ = played(WGAN + "schedule { D: rmsprop(lr = 0.1), clip(0.02), repeat(2) }\nrun { batch = 16 }", steps=3)
    entry = next(e for e in module.certify(s) if e["name"] == "D: stretch")

    assert max(float(p.detach().abs().max()) for p in s.D.parameters()) == pytest.approx(0.02)
    assert entry["ok"] is None


def test_a_network_whose_stretch_is_unknown_cannot_be_kept():
    """Said before anything runs; clipped weights need no bound."""
    text = WGAN.replace("R[2] -> R = mlp(16, 16)", "R[2] -> R = preact_resnet18(4)").replace("D: R[2]", "D: image[1, 32, 32]")
    text = text.replace("data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)", "data r: image[1, 32, 32] = given").replace(
        "-> R[2] = mlp(8)", "-> image[1, 32, 32] = mlp(8)"
    )
    with pytest.raises(GameError) as caught:
        compiled(text)

    assert caught.value.diagnostics[0].code == "GE292"
    assert "clip(0.01)" in caught.value.diagnostics[0].hint
    compiled(text + "schedule { D: clip(0.01) }")


# ------------------------------------------------------------------ kernels and constants


def test_reductions_of_what_is_kept_are_those_of_the_kept_values():
    """Against Python, for one condition for all columns and for one for each."""
    rng = torch.Generator().manual_seed(0)
    values = torch.randn(5, 3, generator=rng, dtype=torch.float64)
    for kept in (torch.tensor([True, False, True, True, False]), torch.rand(5, 3, generator=rng) < 0.6):
        for column in range(3):
            mask = kept if kept.dim() == 1 else kept[:, column]
            some = [float(v) for v, k in zip(values[:, column], mask, strict=True) if k]
            for reduce, expected in ((sum_where, sum(some)), (mean_where, sum(some) / len(some)), (max_where, max(some)), (min_where, min(some)),
                                     (prod_where, math.prod(some))):  # fmt: skip
                assert float(reduce(values, kept)[column]) == pytest.approx(expected, abs=1e-12)
    assert float(mean_where(values[:, 0], torch.zeros(5, dtype=torch.bool))) == 0.0


def test_constants_may_be_made_by_functions():
    """Ends of sets are numbers: a root is exact where it can be, `pi` and `log` to the nearest float."""
    checked, _ = compiled("language 1\ngame ends\nvar x: R in [log(1/2), sqrt(9/4)] init 1\nvar y: R in [-pi, pi]\nsolve min{x} max{y} [ x*y ]")
    (lo, hi), (_, end) = ([a.value for a in v.set.parts[0].args] for v in checked.game.vars)

    assert (float(lo), hi, float(end)) == (math.log(0.5), 1.5, math.pi)


def test_a_row_of_numbers_may_be_what_is_learned():
    """A field with the name and shape of a column of numbers is that column."""
    text = 'language 1\ngame ridge\ndata d: (x: R[10], y: R) = diabetes("train", subset = 20)\nvar w: R[10]\n'
    _, s, losses = played(text + "solve min{w} [ E{(x, y) ~ d}[ (w @ x - y)^2 ] ]\nrun { batch = full }", steps=1)

    assert s.d[1].shape == (20,)
    assert float(losses["w"]) == pytest.approx(float((s.d[1] ** 2).mean()), rel=1e-6)


# ------------------------------------------------------------------ one sample at a time, one owner, one folder

NORMALISED = """language 1
game normalised
data tr: (x: image[1, 16, 16], y: class[3]) = given
net h: image[1, 16, 16] -> logits[3] = conv4(4)
solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(h(x + d), y) ]
schedule { h: sgd(lr = 0.1)  d: pgd(steps = 3, lr = 0.05, start = zero) }
run { batch = 4 }
"""


def test_an_answer_of_a_sample_sees_no_other_sample():
    """With batch normalisation too: other rows in the batch leave the answer of the first as it is, and a note says how."""
    checked, made = compiled(NORMALISED)
    assert [d.code for d in checked.diagnostics if d.severity != "error"] == ["GN412"]
    assert "running statistics" in checked.diagnostics[0].primary.text
    found = []
    for seed in (1, 2):
        rng = torch.Generator().manual_seed(seed)
        x = torch.cat([torch.linspace(-1, 1, 256).view(1, 1, 16, 16), torch.randn(3, 1, 16, 16, generator=rng)])
        module = program(NORMALISED)
        s, respond = module.start(data={"tr": (x, torch.tensor([0, 1, 2, 0]))}), module.respond_d
        module.respond_d = lambda *args, respond=respond, **more: found.append(respond(*args, **more)) or found[-1]
        module.step(s, {"tr": s.tr})

    assert made.plan.steps > 0
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.equal(found[0][1], found[1][1])


SHARED = """language 1
game shared
data p: (x: R[3], y: class[4]) = given
dist z: R[2] = Normal(0, 1)
net enc: R[3] -> R[2] = mlp(3)
net dec: R[2] -> R[3] = mlp(3)
net D: R[2] -> prob = mlp(3, out = sigmoid)
let rec = E{(x, y) ~ p}[ mse(dec(enc(x)), x) ]
let fool = E{(x, y) ~ p}[ log(1 - D(enc(x))) ]
let V = E{w ~ z}[ log(D(w)) ] + fool
"""


def test_a_network_of_two_objectives_has_one_owner_of_their_sum():
    """Two owners are refused, and the sum is what is typed; its step is the sum of the steps of both phases."""
    with pytest.raises(GameError) as caught:
        compiled(SHARED + "solve { a: min{enc, dec} [ rec ]  b: min{enc} [ fool ]  critic: max{D} [ V ] }")
    assert "GE301" in [d.code for d in caught.value.diagnostics]
    assert any("add the two objectives" in d.hint for d in caught.value.diagnostics)

    moved = []
    for cost in ("rec + 2*fool", "rec", "2*fool"):
        owns = "enc" if cost == "2*fool" else "enc, dec"
        rest = "  other: min{dec} [ rec ]" if cost == "2*fool" else ""
        module = program(SHARED + f"solve {{ a: min{{{owns}}} [ {cost} ]{rest}  critic: max{{D}} [ V ] }}\nschedule {{ enc: sgd(lr = 0.1) }}" + RUN)
        s = module.start(data={"p": rows()["tr"]})
        before = [p.detach().clone() for p in s.enc.parameters()]
        module.step(s, {"p": s.p})
        moved.append(torch.cat([(p.detach() - b).reshape(-1) for p, b in zip(s.enc.parameters(), before, strict=True)]))

    assert torch.allclose(moved[0], moved[1] + moved[2], atol=1e-12)


def test_a_data_file_lies_beside_its_game(tmp_path, monkeypatch):
    """The folder of the game comes before `GAMESPEC_DATA`, wherever one runs; nothing of it stays in the environment."""
    (tmp_path / "games").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "games" / "t.csv").write_text("a,b,y\n1,2,0\n3,4,1\n")
    (tmp_path / "data" / "t.csv").write_text("a,b,y\n9,9,0\n9,9,1\n")
    text = 'language 1\ngame file\ndata d: (x: R[2], y: class[2]) = csv("t.csv")\nvar w: R[2]\nsolve min{w} [ E{(x, y) ~ d}[ (w @ x - 1)^2 ] ]\n'
    (tmp_path / "games" / "a.game").write_text(text)
    monkeypatch.setenv("GAMESPEC_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    step = gs.load("games/a.game").compile()

    assert step.state.d[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert os.environ["GAMESPEC_DATA"] == str(tmp_path / "data")
    (tmp_path / "games" / "t.csv").unlink()
    assert gs.load("games/a.game").compile().state.d[0].tolist() == [[9.0, 9.0], [9.0, 9.0]]
