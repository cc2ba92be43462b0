"""Closed forms: polynomials with rational coefficients over variables and functions of closed forms.

Two forms that are equal as polynomials over the same functions are the same value, so that a sum of objectives that
cancels is zero without any search. Products that would not stay small raise `Unfit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from gamespec.classify import interval
from gamespec.classify.interval import Interval

MOST_TERMS = 150
_EVEN = {"sqrt": 2, "abs": 1}
"""Functions whose even powers are powers of their argument, and by how much lower ones."""


class Unfit(Exception):  # noqa: N818  # no error: the expression has no closed form that this page treats; until 2027-11
    """Why an expression is not treated as a closed form."""


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """A variable (`fn` empty), the constant pi, or a function of a form; equal where the keys are."""

    key: str
    fn: str = field(default="", compare=False)
    arg: Form | None = field(default=None, compare=False)


Monomial = tuple[tuple[Atom, int], ...]


@dataclass(frozen=True)
class Form:
    """A sum of coefficients times powers of atoms, sorted."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    @cached_property
    def constant(self) -> Fraction | None:
        """Its value where it depends on nothing, else None."""
        if not self.terms:
            return Fraction(0)
        (monomial, coefficient), *rest = self.terms
        return coefficient if not monomial and not rest else None

    @cached_property
    def size(self) -> int:
        """Its powers of atoms, those inside functions included: what evaluating it once costs."""
        return sum(1 + sum(1 if atom.arg is None else atom.arg.size for atom, _ in monomial) for monomial, _ in self.terms)

    @cached_property
    def names(self) -> frozenset[str]:
        """The variables it depends on."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom, _ in monomial:
                found |= atom.arg.names if atom.arg is not None else ({atom.key} if not atom.fn else set())
        return frozenset(found)

    @cached_property
    def polynomial(self) -> bool:
        """Whether it is a polynomial in its variables."""
        return all(not atom.fn and power > 0 for monomial, _ in self.terms for atom, power in monomial)

    @cached_property
    def bounds(self) -> tuple[tuple[Interval, Monomial], ...]:
        """Coefficients as intervals."""
        return tuple((interval.exact(coefficient), monomial) for monomial, coefficient in self.terms)

    def __add__(self, other: Form) -> Form:
        return collect([*self.terms, *other.terms])

    def __sub__(self, other: Form) -> Form:
        return self + other.times(-1)

    def __neg__(self) -> Form:
        return self.times(-1)

    def times(self, factor: Fraction | int) -> Form:
        """The form times a number."""
        return Form(tuple((m, c * factor) for m, c in self.terms)) if factor else ZERO

    def __mul__(self, other: Form) -> Form:
        if self.constant is not None:
            return other.times(self.constant)
        if other.constant is not None:
            return self.times(other.constant)
        if len(self.terms) * len(other.terms) > MOST_TERMS**2 // 4:
            raise Unfit("a product with very many terms")
        return collect((_product(m, n), c * d) for m, c in self.terms for n, d in other.terms)

    def __pow__(self, n: int) -> Form:
        if n < 0:
            return _inverse(self) ** -n
        if len(self.terms) == 1:
            ((monomial, coefficient),) = self.terms
            root = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
            if n and root is not None and root.arg is not None and root.fn in _EVEN and n % 2 == 0:
                return (root.arg ** (n // _EVEN[root.fn])).times(coefficient**n)
            return Form(((tuple((a, e * n) for a, e in monomial), coefficient**n),)) if n else ONE
        found = ONE
        for _ in range(n):
            found = found * self
        return found


def collect(terms: Iterable[tuple[Monomial, Fraction]]) -> Form:
    """The form with these terms, like ones added up."""
    total: dict[Monomial, Fraction] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, Fraction(0)) + coefficient
    kept = sorted((m, c) for m, c in total.items() if c)
    if len(kept) > MOST_TERMS:
        raise Unfit("a sum with very many terms")
    return Form(tuple(kept))


def _product(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for atom, n in b:
        powers[atom] = powers.get(atom, 0) + n
    return tuple(sorted((atom, n) for atom, n in powers.items() if n))


def number(value: Fraction | int) -> Form:
    """A constant form."""
    return Form((((), Fraction(value)),)) if value else ZERO


ZERO = Form(())
ONE = Form((((), Fraction(1)),))


def variable(name: str) -> Form:
    """A variable as a form."""
    return Form(((((Atom(name), 1),), Fraction(1)),))


def _atom(fn: str, arg: Form | None) -> Form:
    return Form(((((Atom(f"{fn}({spell(arg) if arg is not None else ''})", fn, arg), 1),), Fraction(1)),))


PI = _atom("pi", None)


def apply(fn: str, arg: Form) -> Form:
    """A function of one number (`interval.FUNCTIONS`) of a form."""
    value = arg.constant
    if value is not None and (fn, value) in _KNOWN:
        return number(_KNOWN[fn, value])
    if value is not None and fn == "abs":
        return number(abs(value))
    return _atom(fn, arg)


_KNOWN = {
    ("exp", Fraction(0)): Fraction(1), ("log", Fraction(1)): Fraction(0), ("sqrt", Fraction(0)): Fraction(0),
    ("sqrt", Fraction(1)): Fraction(1), ("sin", Fraction(0)): Fraction(0), ("cos", Fraction(0)): Fraction(1),
    ("tanh", Fraction(0)): Fraction(0), ("sigmoid", Fraction(0)): Fraction(1, 2),
}  # fmt: skip


def _inverse(form: Form) -> Form:
    if not form.terms:
        raise Unfit("a division by zero")
    if len(form.terms) == 1:
        ((monomial, coefficient),) = form.terms
        return Form(((tuple((a, -n) for a, n in monomial), 1 / coefficient),))
    ((((atom, _),), _),) = _atom("", form).terms
    return Form(((((Atom(atom.key, "same", form), -1),), Fraction(1)),))


def spell(form: Form) -> str:
    """A text that is the same for equal forms only."""
    return (
        " + ".join("*".join([str(c), *(a.key if n == 1 else f"{a.key}^{n}" for a, n in m)]) for m, c in form.terms)
        or "0"
    )


def derivative(form: Form, name: str) -> Form:
    """The partial derivative by a variable; `Unfit` where a kink depends on it."""
    if name not in form.names:
        return ZERO
    found = ZERO
    for monomial, coefficient in form.terms:
        for k, (atom, n) in enumerate(monomial):
            inner = _slope(atom, name)
            if inner.terms:
                lowered = monomial[:k] + (((atom, n - 1),) if n != 1 else ()) + monomial[k + 1 :]
                found = found + Form(((lowered, coefficient * n),)) * inner
    return found


def _slope(atom: Atom, name: str) -> Form:
    if atom.arg is None:
        return ONE if atom.key == name and not atom.fn else ZERO
    inner = derivative(atom.arg, name)
    if not inner.terms:
        return ZERO
    if atom.fn == "abs":
        raise Unfit(f"`{atom.fn}` has a kink")
    return _outer(atom, atom.arg) * inner


def _outer(atom: Atom, arg: Form) -> Form:
    """The derivative of the function of an atom at its argument."""
    here = Form(((((atom, 1),), Fraction(1)),))
    match atom.fn:
        case "exp":
            return here
        case "log":
            return arg**-1
        case "sqrt":
            return (here**-1).times(Fraction(1, 2))
        case "sin":
            return apply("cos", arg)
        case "cos":
            return -apply("sin", arg)
        case "tanh":
            return ONE - here * here
        case "sigmoid":
            return here - here * here
        case "softplus":
            return apply("sigmoid", arg)
        case _:
            return ONE


Box = Mapping[str, Interval]


def enclose(form: Form, box: Box, known: dict[str, Interval] | None = None) -> Interval:
    """An interval that holds every value the form takes on the box."""
    known = {} if known is None else known
    total = (0.0, 0.0)
    for coefficient, monomial in form.bounds:
        term = coefficient
        for atom, n in monomial:
            term = interval.mul(term, _enclose_power(atom, n, box, known))
        total = interval.add(total, term)
    return total


def _enclose_power(atom: Atom, n: int, box: Box, known: dict[str, Interval]) -> Interval:
    if n == 1:
        return _enclose_atom(atom, box, known)
    key = f"{atom.key}^{n}"
    if key not in known:
        known[key] = interval.power(_enclose_atom(atom, box, known), n)
    return known[key]


def _enclose_atom(atom: Atom, box: Box, known: dict[str, Interval]) -> Interval:
    if atom.key not in known:
        if atom.arg is None:
            found = (3.141592653589793, 3.1415926535897936) if atom.fn else box[atom.key]
        else:
            inside = enclose(atom.arg, box, known)
            found = inside if atom.fn == "same" else interval.FUNCTIONS[atom.fn](inside)
        known[atom.key] = found
    return known[atom.key]


def defined(form: Form, box: Box) -> bool:
    """Whether the form is proved to have a value everywhere on the box."""
    return all(_defined_atom(atom, n, box) for monomial, _ in form.terms for atom, n in monomial)


def _defined_atom(atom: Atom, n: int, box: Box) -> bool:
    known: dict[str, Interval] = {}
    lo, hi = _enclose_atom(atom, box, known)
    if n < 0 and lo <= 0 <= hi:
        return False
    if atom.arg is None:
        return True
    low = enclose(atom.arg, box, known)[0]
    inside = {"log": low > 0, "sqrt": low >= 0}.get(atom.fn, True)
    return inside and defined(atom.arg, box)
