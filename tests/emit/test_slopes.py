"""Derived gradients against central differences and against torch, on formulas made at random."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emit.build import program

LEAVES = st.sampled_from(["x", "y", "0", "1", "-2", "0.5", "x*x", "x - y"])
SMOOTH = ["exp(({a})/4)", "sin({a})", "cos({a})", "tanh({a})", "sigmoid({a})", "softplus({a})", "sqrt(1 + ({a})^2)", "log(2 + sin({a}))", "-({a})"]
KINKED = ["abs({a})", "relu({a})", "max({a}, {b})", "min({a}, {b})", "max({a}, 0)", "min({a}, 0.25)", "(if {a} > {b} then {a} else 2*({b}))"]
PAIRS = ["({a}) + ({b})", "({a}) - ({b})", "({a})*({b})", "({a})/(2 + cos({b}))"]


def formulas(shapes):
    """Formulas of up to about ten operations."""
    grown = lambda inner: st.builds(lambda s, a, b: s.format(a=a, b=b), st.sampled_from(shapes), inner, inner)  # noqa: E731  # a step of the recursion; until 2027-11
    return st.recursive(LEAVES, grown, max_leaves=6)


def played(formula, x, y):
    """The point after one simultaneous step of length 1 from (x, y) in both lanes: the gradients, that is."""
    text = f"language 1\ngame f\nvar x: R init {x}\nvar y: R init {y}\nsolve min{{x}} max{{y}} [ {formula} + 0*x + 0*y ]\n"
    found = []
    for lane in ("closed", "torch"):
        module = program(f"{text}schedule {{ method: simultaneous(lr = 1) }}\nrun {{ steps = 1 }}", lane=lane)
        s = module.start(0)
        module.step(s)
        found.append((x - float(s.x), float(s.y) - y))
    return module, found


@settings(max_examples=8, deadline=None, derandomize=True)
@given(formula=formulas(SMOOTH + PAIRS), x=st.sampled_from([0.0, 0.3, -1.25]), y=st.sampled_from([0.0, 0.75]))
def test_a_smooth_formula_has_the_slope_of_central_differences(formula, x, y):
    """And that of automatic differentiation, to rounding."""
    module, (mine, theirs) = played(formula, x, y)
    value = lambda a, b: float(module.objective_y(x=torch.tensor(a, dtype=torch.float64), y=torch.tensor(b, dtype=torch.float64)))  # noqa: E731  # one line; until 2027-11
    h = 1e-6
    wanted = ((value(x + h, y) - value(x - h, y)) / (2 * h), (value(x, y + h) - value(x, y - h)) / (2 * h))

    assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-9)
    assert mine == pytest.approx(wanted, rel=1e-4, abs=1e-4)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(formula=formulas(SMOOTH + PAIRS + KINKED), x=st.sampled_from([0.0, 1.0, -2.0, 0.25]), y=st.sampled_from([0.0, 1.0, 0.5]))
def test_a_kink_has_the_slope_that_torch_gives_it(formula, x, y):
    """Ties share, bounds let through, the absolute value is flat at 0; constants have no slope."""
    _, (mine, theirs) = played(formula, x, y)

    assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b)) for a, b in zip(mine, theirs, strict=True))
