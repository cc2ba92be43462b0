"""Every response of a schedule, in variables, networks, boxes and by every rule, against central differences."""

from __future__ import annotations

import pytest
import torch

from gamespec.emit.refuse import UnsupportedError
from tests.emit.build import compiled, program

GAME = """language 1
game responses
var u: R[2] init [0.5, -0.3]
var w: R[2] WHERE init [0.1, 0.2]
solve OUTER{u} [ SIGN (norm(w - [1, 2])^2 + sum(u*w) + norm(u)^2)
  s.t. w = argmin{w}[ norm(w - u)^2 + w[0]*w[1]*u[0] + 0.5*exp(w[0]) + norm(w)^2 ] ]
schedule { method: nested  u: MOVE(lr = 0.1)  w: HOW }
run { precision = float64 }
"""


def made(how, where="", sense="min"):
    """The program of the small game under one schedule of the follower."""
    text = GAME.replace("HOW", how).replace("WHERE", where).replace("OUTER", sense).replace("SIGN", "-" if sense == "max" else "")
    text = text.replace("Simplex(2) init [0.1, 0.2]", "Simplex(2) init [0.4, 0.6]")
    return program(text.replace("MOVE", "descent" if sense == "min" else "ascent"))


def slope_and_difference(module, width=1e-5, settle=0):
    """The slope in u that a step follows, and the central differences of what it reports, from one and the same start."""

    def at(u):
        s = module.start(0)
        if settle:
            s.u = start
            for _ in range(settle):
                module.step(s)
                s.u = start
        s.u = u
        return s, float(module.step(s)["u"])

    start = module.start(0).u
    moved, _ = at(start)
    unit = width * torch.eye(2, dtype=torch.float64)
    difference = torch.stack([torch.tensor((at(start + d)[1] - at(start - d)[1]) / (2 * width)) for d in unit])
    return (start - moved.u) / 0.1, difference


RULES = ["sgd(lr = 0.1, steps = 6)", "sgd(lr = 0.05, momentum = 0.8, steps = 6)", "adam(lr = 0.1, steps = 6)", "adamw(lr = 0.1, steps = 6)"]
RULES += ["rmsprop(lr = 0.02, steps = 6)", "normalized_sgd(lr = 0.05, steps = 6)", "sgd(lr = 0.2, decay = sqrt, steps = 6)"]
WAYS = ["unroll", "unroll(recompute = true)", "unroll(forward)"]


@pytest.mark.parametrize(("rule", "way"), [*((r, "unroll") for r in RULES), *((RULES[2], way) for way in WAYS[1:])])
def test_unrolled_through_any_rule(rule, way):
    """Six steps of the follower's own rule: exact for the steps taken, whichever way the derivative is computed."""
    slope, difference = slope_and_difference(made(f"{rule}, through({way})"))

    assert (slope - difference).norm() <= 1e-6 * difference.norm()


PLACES = ["in [-0.1, 0.3]", "in [-9, 0.15]"]


@pytest.mark.parametrize(("way", "where", "sense"), [*((way, p, "min") for way in WAYS for p in PLACES), *((way, PLACES[1], "max") for way in WAYS)])
def test_unrolled_through_a_box(way, where, sense):
    """Projected steps, some of which end on a bound, and a leader of either sense."""
    slope, difference = slope_and_difference(made(f"adam(lr = 0.1, steps = 5), through({way})", where, sense))
    turned = -slope if sense == "max" else slope

    assert (turned - difference).norm() <= 1e-6 * difference.norm()


SOLVES = ["newton", "cg", "gmres", "neumann, iters = 300", "approxgrad, iters = 1000, rate = 0.06"]


@pytest.mark.parametrize("by", SOLVES)
def test_implicit_by_any_solver(by):
    """At the follower's optimum the slope is that of the leader's value, however the linear system is solved."""
    slope, difference = slope_and_difference(made(f"sgd(lr = 0.15, steps = 150), through(implicit({by}))"))

    assert (slope - difference).norm() <= 1e-6 * difference.norm()


@pytest.mark.parametrize("by", ["newton", "gmres", "neumann, iters = 300"])
@pytest.mark.parametrize("where", ["in [-0.1, 0.3]", "in [-9, 0.15]", "in L2(0.3)", "in Simplex(2)"])
def test_implicit_through_a_set(by, where):
    """On the boundary of a box, of a ball, whose derivative turns the answer, and inside a simplex, which keeps its sum."""
    slope, difference = slope_and_difference(made(f"sgd(lr = 0.15, steps = 150), through(implicit({by}))", where))

    assert (slope - difference).norm() <= 1e-6 * difference.norm()


def test_differences_of_gradients_approach_the_implicit_slope():
    """Enough terms leave the error of the differences, O(scale^2)."""
    errors = []
    for scale in (0.6, 0.2):
        slope, difference = slope_and_difference(made(f"sgd(lr = 0.15, steps = 150), through(differences(iters = 200, scale = {scale}))"))
        errors.append(float((slope - difference).norm() / difference.norm()))

    assert errors[1] < 1e-4
    assert 8.5 < errors[0] / errors[1] < 9.5


def test_truncated_steps_are_those_of_a_shorter_run_from_where_the_others_end():
    """The last 2 of 6 steps: the derivative of 2 steps from where 4 have led."""
    module, four = made("sgd(lr = 0.1, steps = 6), through(unroll(last = 2))"), made("sgd(lr = 0.1, steps = 4), through(unroll)")
    s, t = module.start(0), four.start(0)
    start = s.u
    module.step(s)
    four.step(t)
    short = made("sgd(lr = 0.1, steps = 2), through(unroll)")
    r = short.start(0)
    r.w = t.w
    short.step(r)

    assert torch.allclose(s.u, r.u, rtol=0, atol=1e-14)
    assert torch.equal(s.w, r.w)
    assert not torch.allclose(s.u, start)


ENDS = """language 1
game ends
var u: R[3] init 2
var v: R[3] init -1
solve min{u} [ u @ u + v @ v - 1  s.t. v = argmin{v}[ norm(1 - u - v)^2 ] ]
schedule { method: nested  u: sgd(lr = 0.05)  v: HOW }
run { precision = float64 }
"""
PRICED = [
    ("sgd(lr = 0.02), through(penalty(gamma = 2))", 4 / 9, 1e-4),
    ("sgd(lr = 0.02), through(penalty(gamma = 1, growth = 1.003, when = 0.5))", 0.5, 0.05),
    ("sgd(lr = 0.02), through(penalty(gamma = 1, growth = 1.001, when = 0.5, multiplier = true))", 0.5, 1e-4),
    ("sgd(lr = 0.1, steps = 20), through(f2sa(gamma = 4))", 4 / 9, 5e-3), ("sgd(lr = 0.2, steps = 10), through(bome)", 0.5, 1e-2),
]  # fmt: skip


@pytest.mark.parametrize(("how", "end", "error"), PRICED)
def test_priced_methods_end_where_they_should(how, end, error):
    """At u = 1/2 less the bias of a fixed price, 1/(2 + 8 gamma) or 1/(2 + 4 gamma); steps that ignore the answer end at 0."""
    module = program(ENDS.replace("HOW", how))
    s = module.start(0)
    for _ in range(300):
        module.step(s)

    assert float((s.u - end).abs().max()) < error
    assert float((s.u - s.v).abs().max()) < 2 * error


CLEAN = """language 1
game clean
data tr: (x: R[3], y: class[4]) = given
data val: (a: R[3], b: class[4]) = given
net h: R[3] -> logits[4] = NET  params w
net f: R[3] -> R[3] = mlp(4)
var t: R init 0.7
solve min{f, t} [ E{(a, b) ~ val}[ce(h(f(a); w), b)] + t^2
  s.t. w = argmin{w}[ E{(x, y) ~ tr}[ce(h(f(x); w), y)] + 0.3*t*norm(w)^2 + 0.2*norm(w)^2 ] ]
schedule { f: sgd(lr = 0.1)  t: sgd(lr = 0.1)  w: HOW }
run { batch = 8  precision = float64 }
"""


def rows(seed):
    """Eight rows."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(8, 3, generator=rng, dtype=torch.float64), torch.randint(0, 4, (8,), generator=rng)


BATCH = {"tr": rows(1), "val": rows(2)}
NETWORK_WAYS = [f"adam(lr = 0.05, eps = 0.01, steps = 4), through({way})" for way in WAYS]
NETWORK_WAYS += [f"sgd(lr = 0.3, steps = 400), through(implicit({by}))" for by in ("cg, iters = 60", "gmres, iters = 60", "neumann, iters = 400")]


@pytest.mark.parametrize("how", NETWORK_WAYS)
def test_a_network_follows_a_network_and_a_number(how):
    """A leader of two kinds and a follower of several layers: the moves along a random direction are the slope there."""
    module = program(CLEAN.replace("HOW", how).replace("NET", "linear()" if "implicit" in how else "mlp(3)"))
    rng = torch.Generator().manual_seed(5)

    def at(size, direction):
        s = module.start(0, data=BATCH)
        weights = list(s.f.parameters())
        with torch.no_grad():
            for p, d in zip(weights, direction, strict=False):
                p.add_(size * d)
        s.t = s.t + size * direction[-1]
        before = [p.detach().clone() for p in [*weights, s.t]]
        found = module.step(s, BATCH)
        return [(a - b.detach()) / 0.1 for a, b in zip(before, [*weights, s.t], strict=True)], float(list(found.values())[-1])

    shapes, _ = at(0.0, [torch.zeros(())])
    direction = [torch.randn(g.shape, generator=rng, dtype=torch.float64) for g in shapes]
    slopes, _ = at(0.0, direction)
    along = sum(float((g * d).sum()) for g, d in zip(slopes, direction, strict=True))
    difference = (at(1e-5, direction)[1] - at(-1e-5, direction)[1]) / 2e-5

    assert along == pytest.approx(difference, rel=1e-6)


def frozen_and_noisy():
    """A network that a user brings: one weight frozen, batch norm, dropout."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(3)
        net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5), torch.nn.Tanh(), torch.nn.Dropout(0.5), torch.nn.Linear(5, 4))
    net[0].bias.requires_grad_(False)
    return net.double()


@pytest.mark.parametrize("way", ["unroll", "unroll(recompute = true)", "unroll(forward)", "unroll(last = 2)"])
def test_batch_norm_dropout_and_a_frozen_weight_in_the_follower(way):
    """All draws and statistics of the follower's steps as they are: the slope is right and statistics move once a step."""
    text = CLEAN.replace("HOW", f"sgd(lr = 0.2, steps = 3), through({way})").replace("NET", "given").replace("min{f, t}", "min{t}")
    text = text.replace("h(f(a); w)", "h(a; w)").replace("h(f(x); w)", "h(x; w)").replace("net f: R[3] -> R[3] = mlp(4)\n", "")
    text = text.replace("f: sgd(lr = 0.1)", "")
    module = program(text, given=["h"])

    def at(t, net):
        s = module.start(0, nets={"h": net}, data=BATCH)
        s.t = torch.tensor(t, dtype=torch.float64)
        torch.random.default_generator.manual_seed(7)
        return s, float(module.step(s, BATCH)["t"])

    with torch.random.fork_rng():
        s, _ = at(0.7, frozen_and_noisy())
        # The leader looks at the follower in eval mode, with statistics that are data to it: hold them where they are.
        slope = (0.7 - float(s.t)) / 0.1
        stats = [(m.running_mean.clone(), m.running_var.clone()) for m in s.h.modules() if isinstance(m, torch.nn.BatchNorm1d)]
        ends = []
        for side in (1e-5, -1e-5):
            net = frozen_and_noisy()
            net[1].register_forward_pre_hook(lambda layer, _: None if layer.training else _held(layer, stats[0]))
            ends.append(at(0.7 + side, net)[1])
    difference = (ends[0] - ends[1]) / 2e-5

    assert int(s.h[1].num_batches_tracked) == 3
    if "last" in way:
        assert slope != pytest.approx(difference, rel=1e-5)
    else:
        assert slope == pytest.approx(difference, rel=1e-6)
    assert torch.equal(s.h[0].bias, frozen_and_noisy()[0].bias)


def _held(layer, stats):
    layer.running_mean.copy_(stats[0])
    layer.running_var.copy_(stats[1])


def test_an_implicit_slope_leaves_the_statistics_of_its_follower_alone():
    """Batch statistics move with the follower's two steps, and not with the products of the linear solver."""
    text = CLEAN.replace("HOW", "sgd(lr = 0.2, steps = 2), through(implicit(cg))").replace("NET", "given")
    module = program(text, given=["h"])
    s = module.start(0, nets={"h": frozen_and_noisy()}, data=BATCH)
    module.step(s, BATCH)

    assert int(s.h[1].num_batches_tracked) == 2


def test_a_scalar_follower():
    """0-d everywhere: the slope of u -> w(u) at a root of a cubic, by every solver."""
    text = "language 1\ngame scalar\nvar u: R init 0.5\nvar w: R init 0.3\nsolve min{u} [ w s.t. w = argmin{w}[ w^4/4 + w^2/2 - sin(u)*w ] ]\n"
    for how in ["", *(f"w: sgd(lr = 0.2, steps = 200), through(implicit({by}))" for by in ("cg", "gmres", "neumann, iters = 200"))]:
        module = program(text + f"schedule {{ u: descent(lr = 0.1)  {how} }}\nrun {{ precision = float64 }}")
        s = module.start(0)
        module.step(s)
        w = float(s.w)
        slope = (0.5 - float(s.u)) / 0.1

        assert slope == pytest.approx(torch.cos(torch.tensor(0.5, dtype=torch.float64)).item() / (3 * w**2 + 1), rel=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_a_follower_s_number_that_nothing_pulls_stays_finite_under_adam(way):
    """Its gradient is exactly 0 in every step, its root mean square too: the slope of the others is right, and nothing is NaN."""
    text = "language 1\ngame idle\nvar u: R init 0.5\nvar w: R[2] init [0.1, 0]\n"
    text += "solve min{u} [ (w[0] - 1)^2 + w[1] + u^2  s.t. w = argmin{w}[ (w[0] - u)^2 + u*w[1]^2 ] ]\n"
    module = program(f"{text}schedule {{ u: descent(lr = 0.1)  w: adam(lr = 0.1, steps = 4), through({way}) }}\nrun {{ precision = float64 }}")

    def at(u):
        s = module.start(0)
        s.u = torch.tensor(u, dtype=torch.float64)
        return s, float(module.step(s)["u"])

    s, _ = at(0.5)

    assert (0.5 - float(s.u)) / 0.1 == pytest.approx((at(0.50001)[1] - at(0.49999)[1]) / 2e-5, rel=1e-6)
    assert s.w[1] == 0


@pytest.mark.parametrize(("how", "where", "said"), [
    ("adam(lr = 0.1), through(implicit(cg))", "in [0, 1]", "lies in a set"), ("sgd(lr = 0.1), through(differences)", "in [0, 1]", "lies in a set"),
    ("ada_lr(lr = 0.1), through(unroll)", "", "no derivative passes through steps of `ada_lr`"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_a_way_out(how, where, said):
    """The reason, and a hint that can be typed in."""
    text = GAME.replace("HOW", how).replace("WHERE", where).replace("OUTER", "min").replace("SIGN", "").replace("MOVE", "descent")
    with pytest.raises(Exception, match=said) as caught:
        compiled(text)

    assert not isinstance(caught.value, UnsupportedError)
