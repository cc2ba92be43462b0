"""A follower shared by several leaders: one answer, foreseen by each of them on its own."""

from __future__ import annotations

import re

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, program
from tests.emit.test_responses import BATCH, CLEAN, frozen_and_noisy

GAME = """language 1
game shared
var x: R[2] init [0.5, -0.3]
var y: R init 0.2
var w: R[2] WHERE init [0.1, 0.2]
solve nash {
  a: min{x} [ norm(w - [1, 2])^2 + sum(x*w) + y*x[0] + norm(x)^2 ]
  b: max{y} [ w[0]*w[1] - (y - w[1])^2 + x[1]*y ]
  s.t. w = argmin{w}[ norm(w - x)^2 + w[0]*w[1]*x[0] + y*w[1] + 0.5*exp(w[0]) + norm(w)^2 ]
}
schedule { method: METHOD  x: descent(lr = 0.1)  y: ascent(lr = 0.1)  w: HOW }
run { precision = float64 }
"""


def made(how, where="", method="nested"):
    """The program of the small game under one schedule of the follower, on tensors."""
    return program(GAME.replace("HOW", how).replace("WHERE", where).replace("METHOD", method), lane="torch")


def slopes_and_differences(module, names=("x", "y"), labels=("a", "b"), width=1e-5):
    """What each leader follows in a step, and the central differences of what it reports, the other standing still."""
    start = module.start(0)

    def at(name, value):
        s = module.start(0)
        setattr(s, name, value)
        return s, module.step(s)

    moved, _ = at(names[0], getattr(start, names[0]))
    found = []
    for name, label in zip(names, labels, strict=True):
        here, difference = getattr(start, name), torch.zeros_like(getattr(start, name))
        for k in range(here.numel()):
            d = torch.zeros_like(here)
            d.view(-1)[k] = width
            difference.view(-1)[k] = (float(at(name, here + d)[1][label]) - float(at(name, here - d)[1][label])) / (2 * width)
        found.append(((getattr(moved, name) - here) / (0.1 if name == "y" else -0.1), difference))
    return found


SOLVES = ["cg", "gmres", "neumann, iters = 300", "approxgrad, iters = 1000, rate = 0.06"]
RULES, BACK = ["sgd(lr = 0.1, steps = 6)", "adam(lr = 0.1, steps = 6)"], ["unroll", "unroll(recompute = true)", "unroll(forward)"]
WAYS = ["sgd(lr = 0.1), through(implicit)", *(f"sgd(lr = 0.15, steps = 150), through(implicit({by}))" for by in SOLVES)]
WAYS += [f"{rule}, through({way})" for rule in RULES for way in BACK]
WAYS += ["sgd(lr = 0.15, steps = 150), through(differences(iters = 200, scale = 0.001))"]
BOUND = ["sgd(lr = 0.1)", "sgd(lr = 0.15, steps = 150), through(implicit(gmres))", "adam(lr = 0.1, steps = 6), through(unroll)"]


@pytest.mark.parametrize("how", WAYS)
def test_every_leader_follows_the_derivative_through_the_one_answer(how):
    """df/dx + (dw/dx)' df/dw with the other leader still, for both, against central differences."""
    for slope, difference in slopes_and_differences(made(how)):
        assert (slope - difference).norm() <= 1e-6 * difference.norm()


@pytest.mark.parametrize("where", ["in [-0.1, 0.3]", "in [-9, 0.15]"])
@pytest.mark.parametrize("how", BOUND)
def test_through_a_follower_in_a_box(how, where):
    """The answer stands on a side of its box, where it does not follow."""
    for slope, difference in slopes_and_differences(made(how, where)):
        assert (slope - difference).norm() <= 1e-6 * difference.norm()


@pytest.mark.parametrize("how", ["sgd(lr = 0.1)", "sgd(lr = 0.15, steps = 3), through(implicit)", "sgd(lr = 0.15, steps = 3), through(unroll)"])
def test_leaders_move_together_from_one_answer(how):
    """Whatever one of them is called, and whoever comes first: nobody sees the other's move of the same step."""
    text = GAME.replace("HOW", how).replace("WHERE", "").replace("METHOD", "nested")
    first, second = (next(line for line in text.split("\n") if line.startswith(f"  {label}: m")) for label in "ab")
    module, turned = made(how), program(text.replace(f"{first}\n{second}", f"{second}\n{first}").replace("  a:", "  z:"), lane="torch")
    s, t = module.start(0), turned.start(0)
    for _ in range(5):
        module.step(s)
        turned.step(t)

    assert all(torch.equal(getattr(s, n), getattr(t, n)) for n in ("x", "y", "w"))


def test_leaders_that_alternate_see_the_others_move():
    """`leaders = alternating`: the last one moves first, and the follower answers once more before the other does."""
    module, s = made("sgd(lr = 0.1)", method="nested(leaders = alternating)"), made("sgd(lr = 0.1)").start(0)
    together = made("sgd(lr = 0.1)")
    second = together.start(0)
    together.step(second)
    here = module.start(0)
    module.step(here)
    after = together.start(0)
    after.y = second.y
    together.step(after)

    assert torch.equal(here.y, second.y)
    assert torch.allclose(here.x, after.x, rtol=0, atol=1e-12)
    assert not torch.allclose(here.x, second.x)
    assert torch.equal(s.x, made("sgd(lr = 0.1)").start(0).x)


ONCE = ["sgd(lr = 0.1)", *(f"sgd(lr = 0.1, steps = 6), through({way})" for way in (*BACK, "implicit(cg)", "implicit(neumann)"))]


@pytest.mark.parametrize("how", ONCE)
def test_the_answer_is_found_once_for_all_leaders(how):
    """A step takes the follower's objective as often as it does for one leader alone: gradients of it are shared."""
    text = GAME.replace("HOW", how).replace("WHERE", "").replace("METHOD", "nested")
    alone = text.replace("nash {\n  a: min{x} [", "min{x} [").replace(" + norm(x)^2 ]\n", " + norm(x)^2\n").replace("\n}\nschedule", " ]\nschedule")
    alone = re.sub(r"  b: max.*\n|  y: ascent\(lr = 0.1\)", "", alone).replace("var y: R init 0.2", "param y = 0.2")
    counts = []
    for written in (text, alone):
        module, calls = program(written, lane="torch"), []
        objective = module.objective_w
        module.objective_w = lambda *args, objective=objective, calls=calls: calls.append(1) or objective(*args)
        module.step(module.start(0))
        counts.append(len(calls))

    assert counts[0] == counts[1] > 0


LINEAR = """language 1
game linear_leaders
var x: R
var y: R
var w: R
var v: R
solve BLOCK a: min{x} [ (w - 1)^2 + x*w + x^2 + y*x A ]  b: min{y} [ (y - 1)^2 + w*y + w^2 B ]  s.t. FOLLOWERS } ORDER
schedule { SCHEDULE }
run { steps = 400  tol = 1e-10  seed = 0  precision = float64 }
"""
ONE = "w = argmin{w}[ (w - x - y)^2 + w^2 ]"
PAIR = "(w, v) = nash { min{w}[ (w - x - y)^2 + w^2 + w*v/2 ] min{v}[ (v - w + y)^2 ] }"
BELOW = "w = argmin{w}[ (w - x - y)^2 + w^2 + v*w  s.t. v = argmin{v}[ (v - w + y)^2 ] ]"
ALONE = "+ v^2  s.t. v = argmin{v}[ (v - w + y - x)^2 ]"
ENDS = {
    "one follower": ({"FOLLOWERS": ONE}, (-2 / 41, 24 / 41)),
    "total derivatives, all at once": ({"FOLLOWERS": ONE, "SCHEDULE": "method: stackelberg(lr = 0.1)"}, (-2 / 41, 24 / 41)),
    "alternating": ({"FOLLOWERS": ONE, "SCHEDULE": "method: nested(leaders = alternating)"}, (-2 / 41, 24 / 41)),
    "cold": ({"FOLLOWERS": ONE, "SCHEDULE": "method: nested(start = cold)"}, (-2 / 41, 24 / 41)),
    "unrolled": ({"FOLLOWERS": ONE, "SCHEDULE": "w: sgd(lr = 0.2, steps = 20), through(unroll)"}, (-2 / 41, 24 / 41)),
    "one moves three times": ({"FOLLOWERS": ONE, "SCHEDULE": "x: repeat(3)"}, (-2 / 41, 24 / 41)),
    "one after the other": ({"FOLLOWERS": ONE, "ORDER": "order a then b", "BLOCK": "{"}, (-34 / 235, 144 / 235)),
    "two, one answering the other": ({"FOLLOWERS": f"{ONE}, v = argmin{{v}}[ (v - w + y)^2 ]", "A": "+ v^2", "B": "+ v*y"}, (-2 / 31, 26 / 31)),
    "two in equilibrium": ({"FOLLOWERS": PAIR, "A": "+ v^2", "B": "+ v*y"}, (-143 / 1487, 1117 / 1487)),
    "two levels": ({"FOLLOWERS": BELOW, "A": "+ v^2", "B": "+ v*y"}, (-24 / 113, 100 / 113)),
    "and one that follows one alone": ({"FOLLOWERS": ONE, "A": ALONE, "B": "+ v*y"}, (8 / 91, 54 / 91)),
    "with a constraint": ({"FOLLOWERS": f"{ONE}, x + y + w <= 1/2"}, (-1 / 8, 11 / 24)),
}


def linear(changes):
    """The game of linear answers with these parts."""
    parts = {"BLOCK": "nash {", "A": "", "B": "", "ORDER": "", "SCHEDULE": ""} | changes
    return re.sub(r"\b(BLOCK|A|B|FOLLOWERS|ORDER|SCHEDULE)\b", lambda m: parts[m[0]], LINEAR)


@pytest.mark.parametrize("case", ENDS)
def test_leaders_end_where_nobody_gains_alone(case):
    """Worked by hand: the answers are put into the costs, and each leader's derivative in its own number is 0 with the other's fixed."""
    changes, end = ENDS[case]
    module = program(linear(changes))
    s = module.start(0)
    for _ in range(400 if "constraint" in case else 200):
        module.step(s)

    assert (float(s.x), float(s.y)) == pytest.approx(end, abs=1e-8)
    assert float(module.residual(s)) <= 1e-7


def test_followers_in_equilibrium_lead_one_together():
    """X leads w and v, who lead y: y = w + v + x, w = -v/4, v = -x/2, and the leader's slope is 89x/32 + 3/8."""
    module = program(
        "language 1\ngame deep\nvar x: R\nvar y: R\nvar w: R\nvar v: R\n"
        "solve min{x} [ (w - 1)^2 + x*w + x^2 + v^2 + y  s.t. (w, v) = nash { min{w}[ (w - x - y)^2 + w^2 + w*v/2 ] min{v}[ (v - w + y)^2 ]\n"
        "  s.t. y = argmin{y}[ (y - w - v - x)^2 ] } ]"
    )
    s = module.start(0)
    for _ in range(60):
        module.step(s)

    assert float(s.x) == pytest.approx(-12 / 89, abs=1e-9)
    assert float(s.y) == pytest.approx(-12 / 89 * 5 / 8, abs=1e-9)


FAMILY = """language 1
game market
param a = 10
var q[i in 0..2]: R in [0, 9] init 1
var w in [0, 9] init 1
solve nash { min{q[i]} [ -(a - 1 - sum(q) - w)*q[i] ] forall i in 0..2  s.t. w = argmin{w}[ -(a - 1 - sum(q) - w)*w ] }
schedule { w: HOW }
run { precision = float64 }
"""


def test_a_family_of_leaders_shares_its_follower():
    """Three leaders make 9/4 each and the follower 9/8 (Sherali 1984); each one's slope through the answer is in the certificate."""
    module = program(FAMILY.replace("HOW", "sgd(lr = 0.1)"))
    s = module.start(0)
    for _ in range(200):
        module.step(s)
    entries = {e["name"]: e for e in module.certify(s)}

    assert s.q.tolist() == pytest.approx([9 / 4] * 3, abs=1e-8)
    assert float(s.w) == pytest.approx(9 / 8, abs=1e-8)
    assert [entries[f"q[{i}]: leader's slope through the answer"]["ok"] for i in range(3)] == [True] * 3


@pytest.mark.parametrize(
    ("game", "how", "said"),
    [
        (GAME, "sgd(lr = 0.1, steps = 3), through(penalty(gamma = 2))", "under a price it would move for one of them"),
        (GAME, "sgd(lr = 0.1, steps = 3), through(f2sa(gamma = 2))", "under a price it would move for one of them"),
        (GAME, "sgd(lr = 0.1, steps = 3), through(bome)", "under a price it would move for one of them"),
        (FAMILY, "sgd(lr = 0.1, steps = 3), through(unroll)", "a family of leaders"),
    ],
)
def test_what_leaders_cannot_share_is_refused(game, how, said):
    """A price is paid to one leader; a family passes through what is solved for."""
    with pytest.raises(GameError) as caught:
        compiled(game.replace("HOW", how).replace("WHERE", "").replace("METHOD", "nested"))

    assert [d.code for d in caught.value.diagnostics] == ["GE292"]
    assert said in caught.value.diagnostics[0].message


def test_the_certificate_speaks_of_every_leader():
    """A leader that ignores the answer, `through(stop)`, ends where its own slope through the answer is not 0."""
    module = program(linear({"FOLLOWERS": ONE, "SCHEDULE": "w: sgd(lr = 0.1, steps = 5), through(stop)"}))
    s = module.start(0)
    for _ in range(150):
        module.step(s)
    entries = {e["name"]: e for e in module.certify(s)}

    assert entries["residual"]["ok"]
    assert [entries[f"{n}: leader's slope through the answer"]["ok"] for n in ("x", "y")] == [False, False]


def test_a_shared_follower_is_explained():
    """The kind of the game, the order with its reason, and why some steps stay with torch."""
    text = GAME.replace("WHERE", "").replace("METHOD", "nested")
    shown = pipeline.explain(compiled(text.replace("HOW", "sgd(lr = 0.1)"))[0])

    assert "multi-leader Stackelberg, 2 leaders of one follower" in shown
    assert "x, y then w   (leaders at once, each through the answer of the follower that they share" in shown
    assert "lane: closed" in shown
    checked, _ = compiled(text.replace("HOW", "sgd(lr = 0.1, steps = 2), through(differences)"))
    assert "not on plain numbers: the derivative of a, b passes through an answer by differences" in pipeline.explain(checked, why=True)


LANES = [WAYS[0], *(f"sgd(lr = 0.1, steps = 6), through({way})" for way in (*BACK[:2], "unroll(last = 2)", "implicit(gmres)", "implicit(neumann)"))]


@pytest.mark.parametrize("where", ["", "in [-0.1, 0.3]"])
@pytest.mark.parametrize("how", LANES)
def test_both_lanes_play_the_same_game(how, where):
    """Plain numbers or tensors: players and reports are the same after five steps."""
    text = GAME.replace("HOW", how).replace("WHERE", where).replace("METHOD", "nested")
    ended = []
    for lane in ("closed", "torch"):
        module = program(text, lane=lane)
        s = module.start(0)
        for _ in range(5):
            losses = module.step(s)
        ended.append([*(getattr(s, n).reshape(-1) for n in ("x", "y", "w")), *(torch.as_tensor(losses[n]).reshape(1) for n in ("a", "b"))])

    assert torch.allclose(torch.cat(ended[0]), torch.cat(ended[1]), rtol=0, atol=1e-13)


CLEANED = """language 1
game cleaned
data tr: (x: R[64] in [0, 1], y: class[10], i: index) = digits("all", subset = 40, label_noise = 0.5)
data val: (x: R[64] in [0, 1], y: class[10]) = digits("all", subset = 20, offset = 40)
net h: R[64] -> logits[10] = NET  params w
var u: R[len(tr)] in [0, 1] init 0.5
var lam in [-8, 2] init -2
solve nash {
  cleaner: min{u} [ E{(x, y) ~ val}[ce(h(x; w), y)] ]
  shrinker: min{lam} [ E{(x, y) ~ val}[ce(h(x; w), y)] + SHRINK ]
  s.t. w = argmin{w}[ sum{(x, y, i) in tr}[u[i] * ce(h(x; w), y)] / sum(u) + exp(lam) * norm(w)^2 ]
}
schedule { u: sgd(lr = 0.1)  lam: sgd(lr = 0.1)  w: HOW }
run { precision = float64 }
"""


@pytest.mark.parametrize("how", ["sgd(lr = 0.5, steps = 10), through(unroll)", "sgd(lr = 0.5, steps = 400), through(implicit(iters = 60))"])
def test_two_leaders_of_one_trained_network(how):
    """One weighs the rows that a network learns from, the other how far its weights are held down: slopes against central differences."""
    module = program(CLEANED.replace("HOW", how).replace("NET", "linear()").replace("SHRINK", "0.01*exp(-lam)"))
    rng = torch.Generator().manual_seed(0)
    along = torch.randn(40, generator=rng, dtype=torch.float64)

    def at(move, shift):
        s = module.start(0)
        s.u, s.lam = s.u + move * along, s.lam + shift
        return s, module.step(s)

    start, (moved, _) = module.start(0), at(0.0, 0.0)
    width = 1e-5
    row = (float(at(width, 0.0)[1]["cleaner"]) - float(at(-width, 0.0)[1]["cleaner"])) / (2 * width)
    held = (float(at(0.0, width)[1]["shrinker"]) - float(at(0.0, -width)[1]["shrinker"])) / (2 * width)

    assert float((start.u - moved.u) @ along) / 0.1 == pytest.approx(row, rel=1e-6)
    assert float(start.lam - moved.lam) / 0.1 == pytest.approx(held, rel=1e-6)


@pytest.mark.parametrize("way", ["unroll", "unroll(recompute = true)", "unroll(forward)"])
def test_leaders_pass_through_the_same_noise(way):
    """Dropout and statistics of batches: leaders of one objective report one value, and the follower ends as under one leader."""
    text = CLEAN.replace("HOW", f"sgd(lr = 0.2, steps = 3), through({way})").replace("NET", "given").replace("f: sgd(lr = 0.1)", "")
    text = text.replace("h(f(a); w)", "h(a; w)").replace("h(f(x); w)", "h(x; w)").replace("net f: R[3] -> R[3] = mlp(4)\n", "")
    start, end = text.index("solve"), text.index("schedule")
    cost, law = "E{(a, b) ~ val}[ce(h(a; w), b)] + t^2", text[text.index("  s.t.") : end].strip().removesuffix("]")
    shared = f"var r: R init 0.2\nsolve nash {{ a: min{{t}} [ {cost} ]  b: min{{r}} [ {cost} ] {law.replace('0.2*norm', 'r*norm')} }}\n"
    with torch.random.fork_rng():
        ended = []
        for written in (text[:start] + shared + text[end:], text.replace("min{f, t}", "min{t}")):
            module = program(written, given=["h"])
            s = module.start(0, nets={"h": frozen_and_noisy()}, data=BATCH)
            torch.random.default_generator.manual_seed(7)
            ended.append((s, module.step(s, BATCH)))
    (both, losses), (one, alone) = ended

    assert losses["a"] == losses["b"] == alone["t"]
    assert torch.equal(both.t, one.t)
    assert float(both.r) != 0.2
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(both.h.state_dict().values(), one.h.state_dict().values(), strict=True))
    assert int(both.h[1].num_batches_tracked) == 3
