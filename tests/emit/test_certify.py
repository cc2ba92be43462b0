"""The certificate of a program tests the concept that was asked for, and nothing else decides."""

from __future__ import annotations

import math

import pytest
import torch

from tests.emit.build import program

HEAD = "language 1\ngame certify\n"
TAIL = "\nrun { steps = 1  seed = 0  precision = float64 }"


def entries(text, budget=1, **point):
    """The certificate at a point, by the names of its entries."""
    module = program(HEAD + text + TAIL)
    s = module.start()
    for name, value in point.items():
        setattr(s, name, getattr(s, name) * 0 + value)
    return {e["name"]: e for e in module.certify(s, budget)}


def decided(found):
    """The names of the entries that failed."""
    return {name for name, e in found.items() if e["ok"] is False}


TWO = "var u in [-2, 2]\nvar v in [-2, 2]\n"


@pytest.mark.parametrize(
    ("solve", "point", "failed"),
    [
        # Minimax at (0, 0) and no Nash point: only the order of play makes it a solution.
        ("min{u} max{v} [ -u^2 + 4*u*v - v^2 ] order u then v", (0, 0), set()),
        ("min{u} max{v} [ 3*u^2 + v^2 + 4*u*v ] schedule { method: nested }", (0, 0), {"local minimax, second order", "v: gain alone"}),
        ("min{u} max{v} [ -3*u^2 - v^2 + u*v ] schedule { method: nested }", (0, 0), {"local minimax, second order"}),
        ("min{u} max{v} [ u^2 - v^2 ]", (0, 0), set()),
        ("min{u} max{v} [ u^2 - v^2 ]", (0, 1), {"v: gain alone"}),
        ("{ a: min{u} [ -u^2 + 4*u*v ]  b: min{v} [ v^2 ] }", (0, 0), {"local Nash, second order"}),
        ("nash { a: min{u} [ (u^2 - 1)^2 + u/10 ]  b: min{v} [ v^2 ] }", (0.9872, 0), {"u: gain alone"}),
        ("{ a: min{u} [ (u^2 - 1)^2 + u/10 ]  b: min{v} [ v^2 ] }", (0.9872, 0), set()),
        ("min{u} [ (u - v)^2 + u^2 s.t. v in argmin{v}[ (v - 2*u)^2 ] ]", (0, 0), set()),
        ("min{u} [ u*v s.t. v in argmin{v}[ (v + 2*u)^2 ] ]", (0, 0), {"differential Stackelberg, second order"}),
        ("min{u} [ (u - 1)^2 + v s.t. v in argmin{v}[ (v - u)^2 ] ]", (1, 1), {"leader's slope through the answer"}),
        ("min{u} [ (u - 1)^2 + v s.t. v in argmin{v}[ (v - u)^2 ] ]", (0.5, 0.5), set()),
    ],
)
def test_the_concept_that_was_asked_for_decides(solve, point, failed):
    """Which entries fail at a stationary point follows from the order of play."""
    found = entries(f"{TWO}solve {solve}", u=point[0], v=point[1])

    assert decided(found) == failed


def test_a_worst_case_of_one_sample_is_no_concept_of_its_own():
    """One player: a minimum that is none is found by its curvature and by the search."""
    found = entries("var u: R init 0\nsolve min{u} [ -u^2 + u^4 ]", u=0.0)

    assert decided(found) == {"local minimum, second order", "u: gain alone"}
    assert found["local minimum, second order"]["value"] == pytest.approx(1.0)
    assert "try another start" in found["local minimum, second order"]["note"]


@pytest.mark.parametrize(("at", "failed"), [((0.0, 1.0), set()), ((0.0, -1.0), {"u: gain alone"})])
def test_a_ball_holds_what_it_bends(at, failed):
    """A cost that falls sideways is minimal on a ball whose boundary bends more."""
    found = entries(f"var u: R[2] in L2(1) init [{at[0]}, {at[1]}]\nsolve min{{u}} [ -u[0]^2/4 - u[1]^2*3 - u[1] ]")

    assert decided(found) == failed


def test_every_member_of_a_family_is_a_player():
    """Three firms, of which one sells too much."""
    text = "var q[i in 0..2]: R in [0, 9]\nsolve nash { p: max{q[i]} [ (10 - sum(q) - 1)*q[i] ]  forall i in 0..2 }"
    found = entries(text, q=torch.tensor([2.25, 2.25, 4.0]))

    assert {name for name in decided(found) if "gain" in name} == {f"q[{i}]: gain alone" for i in range(3)}
    assert found["exploitability"]["value"] == pytest.approx(sum(found[f"q[{i}]: gain alone"]["value"] for i in range(3)))


def test_a_player_of_two_variables_moves_both():
    """The search and the curvature see what is gained only by moving both at once."""
    text = "var a: R init 0\nvar b: R init 0\nvar v: R init 0\nsolve { p: min{a, b} [ a^2 + b^2 - 4*a*b ]  q: min{v} [ v^2 ] }"
    found = entries(text)

    assert found["local Nash, second order"]["ok"] is False
    assert found["a+b: gain alone"]["value"] == pytest.approx(2.0)


def test_an_answer_without_a_derivative_is_said_to_be_untested():
    """A follower whose curvature vanishes has no derivative; nothing is claimed."""
    found = entries(
        f"{TWO}solve min{{u}} [ (u - v)^2 s.t. v in argmin{{v}}[ (v - u)^4 ] ] schedule {{ v: sgd(lr = 0.1, steps = 5), through(unroll) }}"
    )

    assert math.isnan(found["differential Stackelberg, second order"]["value"])
    assert found["differential Stackelberg, second order"]["ok"] is None


def test_a_larger_budget_searches_longer():
    """What a short search does not reach a long one does."""
    text = "var u: R[2] in [-0.5, 1.5] init -0.4\nsolve min{u} [ 1000*(u[1] - u[0]^2)^2 + (1 - u[0])^2 ]"
    short = entries(text)["u: gain alone"]["value"]
    long = entries(text, budget=6)["u: gain alone"]["value"]

    assert long > short
