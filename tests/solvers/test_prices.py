"""Constraints of a player, of a follower and of several players: the solution, its multipliers, feasibility."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.compare import compare
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from gamespec.solvers import setup

HEAD = "language 1\ngame bound\n"
RUN = "\nrun { tol = 1e-8  steps = 4000 }\n"
NEAR = "var x: R[2] init 0\nsolve min{x} [ norm(x - [2, 1])^2 s.t. x[0] + x[1] <= 1, x[0] >= x[1] ]\n"
FOLLOWER = (
    "var u in [-5, 5] init START\nvar w: R[2]\n"
    "solve min{u} [ (w[0] - 3)^2 + (w[1] - u)^2 + (u - 2)^2/4 s.t. w = argmin{w}[ norm(w - [u, u])^2 s.t. w[0] + w[1] <= CAP ] ]\n"
)
GAMES = {
    # A projection on a half-plane: (2, 1) - (1, 1), multiplier 2; the second constraint holds by itself.
    "two of one player": (NEAR, {"x": [1, 0], "multiplier": [2], "multiplier_2": [0]}),
    "the plain Lagrangian": (NEAR + "schedule { x: sgd(lr = 0.1), augmented(rho = 0) }", {"x": [1, 0], "multiplier": [2]}),
    "another weight": (NEAR + "schedule { x: sgd(lr = 0.02), augmented(rho = 5, lr = 2) }", {"x": [1, 0], "multiplier": [2]}),
    # The nearest point of a line to 0: 5 (1, 2) / 5, with 2 x + m (1, 2) = 0.
    "an equation": ("var x: R[2] init 0\nsolve min{x} [ norm(x)^2 s.t. x[0] + 2*x[1] == 5 ]", {"x": [1, 2], "multiplier": [-2]}),
    # A linear program, whose plain Lagrangian has no curvature at all.
    "a linear program": (
        "var x: R[2] in [0, inf] init 0\nsolve max{x} [ 3*x[0] + 2*x[1] s.t. x[0] + x[1] <= 4, x[0] + 3*x[1] <= 7, x[0] <= 3 ]",
        {"x": [3, 1], "multiplier": [2], "multiplier_2": [0], "multiplier_3": [1]},
    ),
    # x_i <= i, and the last from below too.
    "one for each of a range": (
        "var x: R[3] init 0\nsolve min{x}[ norm(x - [3, 1, -4])^2 s.t. x[i] <= i forall i in 0..2, -1 <= x[2] <= 1 ]",
        {"x": [0, 1, -1], "multiplier": [6, 0, 0], "multiplier_2": [6], "multiplier_3": [0]},
    ),
    # Own constraints of a family: x = i + S/10 where free, S = x_0 + 2.
    "one for each of a family": (
        "var x[i in 0..2]: R init 0\nsolve nash { p: min{x[i]}[ (x[i] - i - sum{j in 0..2}[x[j]]/10)^2 s.t. x[i] <= 1 ] forall i in 0..2 }",
        {"x": [2 / 9, 1, 1]},
    ),
    # The leader's own, over a follower that copies it: u = w = 1, and 2 u - 2 (3 - u) + 2 m = 0.
    "of a leader": (
        "var u init 0\nvar w init 0\nsolve min{u} [ (w - 3)^2 + u^2 s.t. w = argmin{w}[ (w - u)^2 ], u + w <= 2 ]",
        {"u": [1], "w": [1], "multiplier": [1]},
    ),
    # Bound, w = (1, 1) whatever u > 1: 2 (u - 1) + (u - 2)/2 = 0.
    "of a follower, holding": (FOLLOWER.replace("START", "2").replace("CAP", "2"), {"u": [1.2], "w": [1, 1], "multiplier": [0.4]}),
    # Free, w = (u, u): 2 (u - 3) + (u - 2)/2 = 0.
    "of a follower, idle": (FOLLOWER.replace("START", "1").replace("CAP", "9"), {"u": [2.8], "w": [2.8, 2.8], "multiplier": [0]}),
    # y <= 0.2 - x binds for x > -0.2, where the value -x^2 - 0.4 x + 0.16 falls to the end of the set.
    "between leader and follower": (
        "var x in [-2, 2] init 1\nvar y in [-2, 2] init 0.5\nsolve min{x} max{y} [ x^2 + x*y - y^2 + y s.t. x + y <= 0.2 ]",
        {"x": [2], "y": [-1.8], "multiplier": [6.6]},
    ),
    # 2 (x - 4) + m = 0 = 2 (y - 2) + x/10 + m on x + y = 4: 1.95 x = 6.
    "shared": (
        "var x in [0, 9] init 0\nvar y in [0, 9] init 0\nsolve nash { min{x} [ (x - 4)^2 ] min{y}[ (y - 2)^2 + x*y/10 ] s.t. x + y <= 4 }",
        {"x": [6 / 1.95], "y": [4 - 6 / 1.95], "multiplier": [2 * (4 - 6 / 1.95)]},
    ),
    # A family whose members share: all equal, 3 x = 2, and 2 (x - 1) + m = 0.
    "shared by a family": (
        "var x[i in 0..2]: R init 0\nsolve nash { p: min{x[i]}[ (x[i] - 1)^2 ] forall i in 0..2 s.t. sum{j in 0..2}[x[j]] <= 2 }",
        {"x": [2 / 3, 2 / 3, 2 / 3], "multiplier": [2 / 3]},
    ),
    # Followers in equilibrium who share: q1 - q2 = 8/7 on q1 + q2 = 3, whatever the leader does.
    "shared by followers": (
        "var s in [0, 3] init 1\nvar q1 in [0, inf]\nvar q2 in [0, inf]\nsolve min{s}[ (s - 2)^2 + q1*q2/10 s.t. (q1, q2) = nash {\n"
        " min{q1}[ (q1 - 2 - s)^2 + q1*q2/4 ] min{q2}[ (q2 - 1 - s)^2 + q1*q2/4 ] s.t. q1 + q2 <= 3 } ]",
        {"s": [2], "q1": [29 / 14], "q2": [13 / 14], "multiplier": [3.625]},
    ),
}  # fmt: skip


def ran(text):
    """The result of a run."""
    checked = pipeline.check(Source("bound.game", HEAD + text + RUN))
    return execute(checked, pipeline.compile(checked), Request(command="test"))


@pytest.mark.parametrize("name", GAMES)
def test_the_solution_and_its_multipliers_are_found(name):
    """Each worked by hand: converged, feasible, and the multipliers those of the optimality conditions."""
    text, solution = GAMES[name]
    result = ran(text)
    violated = {k: v for k, v in result.certificates.items() if k.startswith("violation of ")}

    assert str(result.status) == "converged"
    for variable, wanted in solution.items():
        assert result.players[variable].reshape(-1).tolist() == pytest.approx(wanted, abs=1e-5)
    assert violated
    assert all(v <= 1e-6 for v in violated.values())


def test_an_unfinished_run_is_not_certified():
    """After few steps the constraint is violated, and the certificate says by how much."""
    checked = pipeline.check(Source("bound.game", HEAD + NEAR.replace("init 0", "init 3") + "run { steps = 1 }"))
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert result.certificates["violation of x[0] + x[1] <= 1"] > 0.1
    assert not result.certificates["ok"]


WAYS = ["w: sgd(lr = 0.1, steps = 60), through(implicit(iters = 10))", "w: sgd(lr = 0.1, steps = 100), through(unroll)"]


@pytest.mark.parametrize("way", [WAYS[0], pytest.param(WAYS[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize(("start", "cap", "u"), [("2", "2", 1.2), ("1", "9", 2.8)])
def test_a_bound_follower_is_passed_by_its_active_constraint(way, start, cap, u, monkeypatch):
    """By GMRES where the follower counts as large, and through the steps of follower and multiplier at once."""
    monkeypatch.setattr(setup, "SMALL", 0 if "implicit" in way else 100)
    text = FOLLOWER.replace("START", start).replace("CAP", cap) + f"schedule {{ {way} }}\nrun {{ steps = 60 }}"
    checked = pipeline.check(Source("bound.game", HEAD + text))
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert float(result.players["u"]) == pytest.approx(u, abs=1e-4)
    assert result.certificates[f"violation of w[0] + w[1] <= {cap}"] <= 1e-6


def test_explain_says_who_pays_what():
    """One multiplier for all who share, and what that means; the facts claim nothing that a constraint may undo."""
    shared = pipeline.explain(pipeline.check(Source("bound.game", HEAD + GAMES["shared"][0])))
    own = pipeline.explain(pipeline.check(Source("bound.game", HEAD + GAMES["of a follower, idle"][0])))

    assert "`multiplier` for what binds `x`, `y`, shared by all of them: a variational (normalised) equilibrium" in shared
    assert "minimax equals maximin" not in shared
    assert "`multiplier` for what binds `w`, of its own" in own
    assert "unique answer: unknown (a constraint binds it)" in own


def test_nothing_is_judged_without_its_constraints():
    """What players would gain alone if they could leave the constraint is no gap."""
    checked = pipeline.check(Source("bound.game", HEAD + GAMES["shared"][0] + RUN))
    found = compare(checked)

    assert found.whole is None
    assert [row.judged for row in found.rows] == [None]


def test_constraints_on_data_bind_a_network():
    """The mean loss on one half of the classes is held at a level that the free network does better than."""
    text = """data tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")
net h: R[64] -> logits[10] = linear()
solve min{h} [ E{(x, y) ~ tr}[ norm(h(x) - 1)^2 ] s.t. E{(p, q) ~ tr}[ce(h(p), q)] <= 1.5 ]
schedule { method: simultaneous  h: sgd(lr = 0.05), augmented(rho = 1, lr = 0.5) }
run { steps = 600 }
"""
    checked = pipeline.check(Source("bound.game", HEAD + text))
    result = execute(checked, pipeline.compile(checked), Request(command="test"))

    assert result.certificates["violation of E{(p, q) ~ tr}[ce(h(p), q)] <= 1.5"] <= 2e-2
    assert float(result.players["multiplier"]) > 0.1
