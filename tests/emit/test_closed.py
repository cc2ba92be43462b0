"""The closed-form lane: the numbers of the torch lane, from gradients that the compiler wrote."""

from __future__ import annotations

import math

import pytest
import torch

import gamespec as gs
from gamespec import pipeline
from gamespec.emit.closed.graph import Graph
from gamespec.emit.refuse import UnsupportedError
from gamespec.library.registry import words
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from gamespec.run.starts import PLACES, SETTLED, settled
from tests.emit.build import compiled, program
from tests.truth.cases import CASES, HERE

HEAD = "language 1\ngame closed\n"
XY = "var x: R init 0.7\nvar y: R init -0.4\n"
Q = "var p: R[3] in Simplex(3)\nvar q: R[3] in Simplex(3)\n"
RPS = "param A = [[0, -1, 1], [1, 0, -1], [-1, 1, 0.5]]\n"
CURVED = "solve min{x} max{y} [ exp(x)*sin(y) + x^4/4 - 0.5*y^2 + tanh(x*y) - log(1 + y^2) + sqrt(1 + x^2)/(2 + cos(y)) ]\n"
KINKS = "solve min{x} max{y} [ abs(x - 1) + max(x, y) - min(x*y, 0.2) + relu(y - x) - softplus(y) + max(x, 0.1, y) - 2*y^2 ]\n"
GAMES = {
    "curved": HEAD + XY + CURVED,
    "kinks": HEAD + XY + KINKS,
    "a condition": HEAD + XY + "solve min{x} max{y} [ (if x > y then x^2 else 3*x*y) - y^2 + stop(x)*y ]\n",
    "a norm at its kink": HEAD + "var x: R[2] init 0\nvar y: R[2] init [1, 0]\nsolve min{x} max{y} [ norm(x) + norm(x - y, 1) + x@y - norm(y)^2 ]\n",
    "a gradient inside": HEAD + XY + "solve min{x} max{y} [ x^2*y - y^2 + grad{s}[ s^3*y where s = x ] ]\n",
    "an affine game": HEAD + XY + "param c = 1/3\nsolve min{x} max{y} [ c*x*y + x - y ]\n",
    "a box": HEAD + "var x in [-0.5, 0.7] init 0.6\nvar y in [0, 2] init 0.1\nsolve min{x} max{y} [ 3*x*y + x^2 - y ]\n",
    "a half line": HEAD + "var x in [0, inf] init 0.5\nvar y in [-inf, 1] init 0.5\nsolve min{x} max{y} [ x*y + x^2 - y^2 ]\n",
    "simplices": HEAD + RPS + Q + "solve min{p} max{q} [ p @ A @ q ]\n",
    "an l2 ball": HEAD + "var x: R[2] in L2(0.5) init [0.1, 0.2]\nvar y: R[2] in L2(1) init [0.3, 0]\nsolve min{x} max{y} [ 3*x@y + sum(x) ]\n",
    "an l1 ball": HEAD + "var x: R[3] in L1(0.5) init 0.1\nvar y: R[3] in L1(1) init 0.2\nsolve min{x} max{y} [ 3*x@y + sum(x) - y[0] ]\n",
    "a matrix": HEAD + "var x: R[2, 2] init 0.5\nvar y: R[2] init 1\nsolve min{x} max{y} [ norm(x @ y - [1, 2])^2 + norm(x)^2 - 3*norm(y)^2 ]\n",
    "a family": HEAD
    + "var z[i in 0..2] in [0, 5] init 1\nsolve nash { p: max{z[i]}[ z[i]*(10 - sum{j in 0..2}[z[j]]) - z[i]^2 ] forall i in 0..2 }\n",
    "overflow": HEAD + XY + "solve min{x} max{y} [ exp(9*x)*exp(-exp(40*x*y)) + x*y ]\n",
}
METHODS = {
    "extragradient": "method: extragradient(lr = 0.1)",
    "simultaneous": "method: simultaneous(lr = 0.1)",
    "alternating": "method: alternating(lr = 0.1)",
    "optimistic": "method: optimistic(lr = 0.1)",
    "in turn, twice": "method: alternating  y: ascent(lr = 0.1), repeat(2)  x: descent(lr = 0.1, decay = sqrt)",
    "momentum": "method: simultaneous  x: sgd(lr = 0.1, momentum = 0.5)  y: sgd(lr = 0.1, momentum = -0.3, weight_decay = 0.1)",
    "adam": "method: simultaneous  x: adam(lr = 0.05)  y: adam(lr = 0.05, betas = [0.5, 0.9], weight_decay = 0.01)",
    "falling rates": "method: simultaneous  x: sgd(lr = 0.2, decay = linear)  y: sgd(lr = 0.2, decay = cosine)",
    "copies": "method: k_beam(K = 3, lr = 0.1)",
}  # fmt: skip


ORDERS = {
    "in turn": "solve min{x} max{y} [ exp(x/2)*sin(y) + x^4/4 + x^2 - y^2 + tanh(x*y) ]\n",
    "at once": "solve min{x} max{y} [ exp(x/2)*sin(y) + x^4/4 + x^2 - y^2 + tanh(x*y) ]\n  order simultaneous\n",
    "two objectives": "solve nash { a: min{x}[ x*y + x^2 + x^4 ] b: min{y}[ y^2 - 2*x*y + y ] }\n",
    "an answer": "solve min{x} [ x^2 + sin(y) s.t. y = argmin{y}[ (y - x)^2 + y^4/8 ] ]\n",
    "one player": "solve min{x, y} [ exp(x)*sin(y) + x^4/4 + 0.5*y^2 + x*y ]\n",
}
SETS = {"free": XY, "boxes": "var x in [-1, 1] init 0.7\nvar y in [-0.5, 2] init -0.4\n"}
OUTSIDE = {"curvature_eg_plus", "kiwiel"}
"""Solvers whose steps are searches of their own, with other reasons than these."""
ELSEWHERE = {"bc_seg_plus", "competitive", "consensus", "hamiltonian", "lexicographic", "linear_program", "symplectic", "curvature_eg_plus"}
"""Solvers that need sets, or none, or a matrix game."""
ROUGH = {"sgld"}
"""Rules that draw noise."""
BILEVEL = """language 1
game closed
var u: R[2] init [0.5, -0.3]
var w: R[2] WHERE init [0.1, 0.2]
solve min{u} [ norm(w - [1, 2])^2 + norm(u)^2 s.t. w = argmin{w}[ norm(w - u)^2 + sum(w)*sum(u)/2 + norm(w)^2 + exp(w[0]*u[1])/5 + w[0]*w[1]*u[0] ] ]
schedule { u: descent(lr = 0.1)  w: sgd(lr = 0.1, steps = 5), through(HOW) }
run { steps = 12 }
"""
HOWS = (
    "unroll", "unroll(last = 2)", "implicit", "implicit(by = gmres)", "implicit(by = cg)", "implicit(by = neumann)",
    "implicit(by = approxgrad, iters = 5, rate = 0.1)", "stop",
)  # fmt: skip


def both(text, schedule=None):
    """A game in both lanes: modules and states."""
    lanes = [program(text, schedule, lane=lane) for lane in ("closed", "torch")]
    return [(m, m.start(0)) for m in lanes]


def apart(a, b):
    """The largest difference of two lists of numbers, relative to 1 + their size; 0 where both are infinite or NaN."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if math.isfinite(y) or math.isfinite(x)]
    return max((abs(x - y) / (1 + abs(y)) for x, y in pairs), default=0.0)


def assert_same(text, schedule=None, steps=12):
    """Points, objectives, residuals and what is kept agree to rounding over some steps."""
    (mine, s), (theirs, t) = both(text, schedule)
    for _ in range(steps):
        losses, wanted = mine.step(s), theirs.step(t)
        assert set(losses) == set(wanted)
        assert apart([float(losses[n]) for n in wanted], [float(wanted[n]) for n in wanted]) < 1e-9
        saved = [[x for u in m.save(state) for x in u.flatten().tolist()] for m, state in ((mine, s), (theirs, t))]
        assert apart(*saved) < 1e-9
        assert apart([float(mine.residual(s))], [float(theirs.residual(t))]) < 1e-9
    return mine, s


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["curved", pytest.param("kinks", marks=pytest.mark.slow), "a box"])
def test_every_method_gives_the_numbers_of_the_torch_lane(name, method):
    """Twelve steps of smooth, kinked and bounded games agree to rounding under every method."""
    assert_same(f"{GAMES[name]}schedule {{ {METHODS[method]} }}\nrun {{ steps = 12 }}")


@pytest.mark.parametrize("sets", ["free", pytest.param("boxes", marks=pytest.mark.slow)])
@pytest.mark.parametrize("solver", sorted(words("solvers")))
def test_every_solver_plays_on_plain_numbers_or_is_known_not_to(solver, sets):
    """Each in the first game that it plays: the numbers of the torch lane. A new solver is tried as well."""
    played, lr = 0, "lr = 0.1" if any(o.name == "lr" for o in words("solvers")[solver].options) else ""
    for order in ORDERS.values():
        text = f"{HEAD}{SETS[sets]}{order}schedule {{ method: {solver}({lr}) }}\nrun {{ steps = 6 }}"
        try:
            _, made = compiled(text)
        except GameError:
            continue
        played += 1
        assert (made.program.lane == "closed") == (solver not in OUTSIDE), made.program.why
        if made.program.lane == "closed":
            assert_same(text, steps=6)
        break
    assert played or solver in ELSEWHERE


@pytest.mark.parametrize("rule", sorted(words("rules")))
def test_every_rule_has_its_plain_numbers_or_is_known_not_to(rule):
    """Steps of two numbers together and of one, with all that a rule remembers."""
    entry = words("rules")[rule]
    assert (entry.numbers is None) == (rule in ROUGH)
    if rule in ROUGH:
        return
    options = [("momentum", "0.5"), ("weight_decay", "0.1"), ("centered", "true"), ("nesterov", "true")]
    more = "".join(f", {name} = {value}" for name, value in options if any(o.name == name for o in entry.options))
    names = "var x: R[2] init [0.7, 0.1]\nvar y: R init -0.4\n"
    what = "solve nash { a: min{x}[x[0]*y + norm(x)^2 + x[1]^4] b: max{y}[-y^2 - x[0]*y*x[1] + y] }\n"
    for written in {f"{rule}(lr = 0.05)", f"{rule}(lr = 0.05{more})"}:
        assert_same(f"{HEAD}{names}{what}schedule {{ method: simultaneous  x: {written}  y: {written} }}\nrun {{ steps = 12 }}")


@pytest.mark.parametrize("where", ["", "in Linf(0.6)"])
@pytest.mark.parametrize("how", HOWS)
def test_derivatives_through_answers_are_those_of_the_torch_lane(how, where):
    """Unrolled, implied, approximated and cut off; with the answer free and at the side of its box."""
    if where and ("cg" in how or "approxgrad" in how):
        return  # refused: such a system is not symmetric
    module, _ = assert_same(BILEVEL.replace("HOW", how).replace("WHERE", where))
    assert hasattr(module, "portrait")


@pytest.mark.parametrize("how", ["unroll", "implicit", "implicit(by = gmres)"])
def test_a_portrait_follows_every_answer(how):
    """Newton steps, shortened ones and ends at the side of a box are each start's own."""
    module = program(BILEVEL.replace("HOW", how).replace("WHERE", "in Linf(0.6)"))
    starts = module.scattered(6, 0)
    seen, alone = module.portrait(starts, 8), []
    for row in starts:
        s = module.start(0)
        s.u, s.w = row[:2].clone(), row[2:].clone()
        module.advance(s, 8)
        alone.append(module.point(s))

    assert torch.allclose(seen[-1], torch.tensor(alone, dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", GAMES)
def test_every_form_gives_the_numbers_of_the_torch_lane(name):
    """Every function and set that the lane knows; at overflow both lanes have the same infinities."""
    assert_same(f"{GAMES[name]}schedule {{ method: simultaneous(lr = 0.2) }}\nrun {{ steps = 12 }}")


@pytest.mark.parametrize("case", [c if k % 3 == 0 else pytest.param(c, marks=pytest.mark.slow) for k, c in enumerate(CASES)], ids=str)
def test_the_games_of_known_answer_play_alike(case):
    """Every truth under all its schedules: on plain numbers as on tensors, or a reason why not."""
    text = (HERE / case.file).read_text()
    for schedule in [s.name for s in pipeline.check(Source("a.game", text)).game.schedules]:
        _, made = compiled(text, schedule)
        assert (made.program.lane == "closed") == (made.program.why == "")
        if made.program.lane == "closed":
            assert_same(text, schedule)


def test_many_steps_at_once_are_the_steps_one_by_one():
    """`advance(s, n)` is n times `step`, bit for bit, with all that is remembered between steps."""
    text = f"{GAMES['curved']}schedule {{ {METHODS['adam']} }}\nrun {{ steps = 12 }}"
    module = program(text)
    s, t = module.start(0), module.start(0)
    for _ in range(9):
        wanted = module.step(s)
    found = module.advance(t, 9)

    assert (s.k, module.point(s), {k: float(v) for k, v in wanted.items()}) == (t.k, module.point(t), {k: float(v) for k, v in found.items()})


@pytest.mark.parametrize("name", ["curved", "kinks", "simplices", "an l1 ball", "a matrix", "a family"])
@pytest.mark.parametrize("method", ["extragradient", "optimistic", "adam"])
def test_a_portrait_is_every_start_on_its_own(name, method):
    """Many starts at once end where each ends alone."""
    schedule = METHODS[method]
    if method == "adam":
        owner = pipeline.check(Source("a", GAMES[name])).game
        schedule = "method: simultaneous " + " ".join(f"{v.name}: adam(lr = 0.05)" for v in owner.vars)
    module = program(f"{GAMES[name]}schedule {{ {schedule} }}\nrun {{ steps = 12 }}")
    size = len(module.point(module.start(0)))
    starts = torch.rand(4, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64) / size
    seen = module.portrait(starts, steps=8, every=3)
    alone = []
    for row in starts:
        s, begin = module.start(0), 0
        for v in ("x", "y", "z", "p", "q"):
            if hasattr(s, v):
                held = getattr(s, v)
                setattr(s, v, row[begin : begin + held.numel()].reshape(held.shape))
                begin += held.numel()
        module.advance(s, 8)
        alone.append(module.point(s))

    assert seen.shape == (4, 4, size)
    assert torch.equal(seen[0], starts)
    assert torch.allclose(seen[-1], torch.tensor(alone, dtype=torch.float64), rtol=0, atol=1e-12)


def test_single_numbers_take_no_name_of_the_game():
    """Elements, temporaries and constants are called so that no variable is hidden."""
    names = "var q: R[2] init [0.3, 0.4]\nvar q_0: R init 0.5\nvar t: R init 0.1\nvar t_2: R init 0.2\nvar c: R init 0.3\nvar g_q: R init 0.2\n"
    what = "exp(q[0]*t)*sin(q_0) + exp(q[0]*t)*q[1] + exp(0.3)*c*t_2 + g_q*q[0] + q_0^2"
    assert_same(
        f"{HEAD}{names}solve min{{q, t_2, g_q}} max{{q_0, t, c}} [ {what} ]\nschedule {{ method: extragradient(lr = 0.1) }}\nrun {{ steps = 12 }}"
    )


def test_a_run_is_the_same_run():
    """Status, history, certificate and metrics of a run do not depend on the lane, beyond rounding."""
    game = pipeline.check(Source("a.game", f"{GAMES['a box']}schedule {{ method: extragradient(lr = 0.1) }}\nrun {{ steps = 300  tol = 1e-9 }}"))
    mine, theirs = (execute(game, pipeline.compile(game, lane=lane), Request()) for lane in ("closed", "torch"))

    assert mine.status == theirs.status
    assert [row["step"] for row in mine.history] == [row["step"] for row in theirs.history]
    assert mine.metrics == pytest.approx(theirs.metrics, abs=1e-12)
    assert [c["name"] for c in mine.checks] == [c["name"] for c in theirs.checks]
    assert mine.lane == "closed; a loop over plain numbers"


@pytest.mark.parametrize(("more", "why"), [
    ("run { steps = 2  precision = float32 }", "plain numbers have double precision"),
    ("schedule { x: sgld(lr = 0.1)  y: sgd(lr = 0.1)  method: simultaneous }\nrun { steps = 2 }", "`sgld` is not written for plain numbers"),
])  # fmt: skip
def test_what_is_not_written_falls_to_the_torch_lane_with_its_reason(more, why):
    """`explain --why` prints the reason, and `--lane closed` is refused with it."""
    game = pipeline.check(Source("a.game", GAMES["curved"] + more))
    made = pipeline.compile(game)

    assert (made.program.lane, why in made.program.why) == ("torch", True)
    assert f"not on plain numbers: {made.program.why}" in pipeline.explain(game, why=True)
    assert "lane: torch" in pipeline.explain(game)
    with pytest.raises(GameError, match="cannot be played on plain numbers") as caught:
        pipeline.compile(game, lane="closed")
    assert [d.code for d in caught.value.diagnostics] == ["GE292"]
    assert issubclass(UnsupportedError, Exception)


def test_a_gradient_is_simple():
    """Slopes are simplified: no 0 + x, no 1 * x, like terms together."""
    g = Graph()
    x, y = g.name("x"), g.name("y")
    cube = g.mul(g.pow(x, g.number(3)), y)
    (_, other) = g.gradient(cube, [x, y])

    assert repr(g.gradient(g.mul(x, y), [x, y])) == "[y, x]"
    assert g.gradient(g.add(x, x), [x])[0] is g.number(2)
    assert g.gradient(x, [y])[0] is g.zero
    assert other is g.pow(x, g.number(3))


def test_random_starts_lie_in_the_sets_and_settle_where_they_can():
    """The same starts under a seed; of x^4 - 2x^2 and its like all come to rest at four places, of x*y none at once."""
    names = "var x in [-2, 2] init 0.1\nvar y in [-2, 2] init 0.1\nvar q: R[3] in Simplex(3)\n"
    wells = program(f"{HEAD}{names}solve min{{x, q}} max{{y}} [ (x^2 - 1)^2 - (y^2 - 1)^2 + q@q ]\nschedule {{ method: simultaneous(lr = 0.05) }}")
    drawn = wells.scattered(500, 3)

    assert torch.equal(drawn, wells.scattered(500, 3))
    assert float(drawn[:, :2].abs().max()) <= 2
    assert torch.allclose(drawn[:, 2:].sum(1), torch.ones(500, dtype=torch.float64))
    assert settled(wells, 500, 400, 0) == {SETTLED: 1.0, PLACES: 4.0}
    circling = program(f"{HEAD}{XY}solve min{{x}} max{{y}} [ x*y ]\nschedule {{ method: simultaneous(lr = 0.05) }}")
    assert settled(circling, 500, 400, 0) == {SETTLED: 0.0, PLACES: 0.0}


def test_only_games_on_plain_numbers_are_played_from_many_starts():
    """With the reason, before anything runs."""
    game = gs.from_text(f"{GAMES['curved']}run {{ steps = 2  precision = float32 }}")
    with pytest.raises(gs.CheckError, match="plain numbers have double precision"):
        game.solve(starts=10)
    with pytest.raises(ValueError, match="lane is auto, closed or torch, not 'cpp'"):
        game.solve(lane="cpp")


def test_the_lane_is_chosen_from_python():
    """`lane` of solve, compile and emit is `--lane`."""
    game = gs.from_text(f"{GAMES['a box']}schedule {{ method: extragradient(lr = 0.1) }}\nrun {{ steps = 20 }}")

    assert game.solve(lane="closed").lane == "closed; a loop over plain numbers"
    assert not game.solve(lane="torch", compile="off").lane.startswith("closed")
    assert "def loop(" in game.emit(lane="closed")
    assert "def loop(" not in game.emit(lane="torch")
    step, other = (game.compile(lane=lane) for lane in ("closed", "torch"))
    assert {k: float(v) for k, v in step().losses.items()} == pytest.approx({k: float(v) for k, v in other().losses.items()})
    assert "the torch lane was asked for" in game.explain(why=True, lane="torch")


def test_many_starts_from_python():
    """A loaded game plays many starts; starts of another shape, and players with copies, are refused."""
    game = gs.load("specs/saddle/bilinear.game")
    seen = game.portrait(torch.tensor([[1.0, 1.0], [0.5, 0.0]]), steps=400, every=100)

    assert seen.shape == (5, 2, 2)
    assert float(seen[-1].abs().max()) < 1e-6 < float(seen[1].abs().max())
    with pytest.raises(gs.CheckError, match="starts are"):
        game.portrait(torch.zeros(2, 3))
    with pytest.raises(gs.CheckError, match="copies"):
        gs.load("specs/stackelberg/anti_saddle.game").portrait(torch.zeros(2, 2))
