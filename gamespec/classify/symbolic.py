"""Identities that need algebra beyond polynomials, by sympy; the only importer of sympy, at its first use."""

from __future__ import annotations

import importlib
from typing import Any

from gamespec.classify.form import Form

MOST_TERMS = 40


def vanishes(form: Form) -> bool:
    """Whether sympy simplifies a form to zero: a proof if so, no refutation if not."""
    if len(form.terms) > MOST_TERMS:
        return False
    sympy: Any = importlib.import_module("sympy")
    return bool(sympy.simplify(to_sympy(form, sympy).rewrite(sympy.exp)) == 0)


def to_sympy(form: Form, sympy: Any) -> Any:  # noqa: ANN401  # sympy has no types; until 2027-11
    """The same form as an expression of sympy, exactly."""
    functions = {
        **{fn: getattr(sympy, fn) for fn in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
        "abs": sympy.Abs,
        "sigmoid": lambda z: 1 / (1 + sympy.exp(-z)),
        "softplus": lambda z: sympy.log(1 + sympy.exp(z)),
        "same": lambda z: z,
    }
    total = sympy.Integer(0)
    for monomial, coefficient in form.terms:
        term = sympy.Rational(coefficient.numerator, coefficient.denominator)
        for atom, n in monomial:
            if atom.arg is None:
                base = sympy.pi if atom.fn else sympy.Symbol(atom.key, real=True)
            else:
                base = functions[atom.fn](to_sympy(atom.arg, sympy))
            term *= base**n
        total += term
    return total
