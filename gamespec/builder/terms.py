"""Terms: expressions of the language as values of Python with operators, each with its text and how tightly it binds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

# How tightly a form binds, as in the grammar: what stands inside a tighter form gets brackets.
IF, OR, AND, NOT, COMPARE, SETS, SPAN, SUM, PRODUCT, MINUS, POWER, POSTFIX, ATOM = range(13)


class Term:
    """An expression of the language. Operators build larger ones: `u**2 - 2*u*v`, `Linf(eps) & (domain(a) - a)`."""

    __slots__ = ("_level", "text")
    __hash__ = object.__hash__

    def __init__(self, text: str, level: int = ATOM) -> None:
        self.text = text
        """As a `.game` file says it."""
        self._level = level

    def __str__(self) -> str:
        """As a `.game` file says it."""
        return self.text

    def __repr__(self) -> str:
        """The text in quotes."""
        return f"Term({self.text!r})"

    def __bool__(self) -> bool:
        """No term is true or false in Python: `a <= b <= c` and `a and b` would lose a part."""
        raise TypeError(f"`{self.text}` is true or false only in the game: write `chain(a, '<=', b, '<=', c)`, `both(a, b)`, `either(a, b)`")

    def __iter__(self) -> Any:  # noqa: ANN401  # never returns; until 2027-11
        """No term can be taken apart in Python."""
        raise TypeError(f"`{self.text}` cannot be taken apart: name its parts with `pair(a, b)`")

    def __neg__(self) -> Term:
        return Term(f"-{written(self, MINUS)}", MINUS)

    def __add__(self, other: Value) -> Term:
        return _binary(self, "+", other, SUM)

    def __radd__(self, other: Value) -> Term:
        return _binary(other, "+", self, SUM)

    def __sub__(self, other: Value) -> Term:
        return _binary(self, "-", other, SUM)

    def __rsub__(self, other: Value) -> Term:
        return _binary(other, "-", self, SUM)

    def __mul__(self, other: Value) -> Term:
        return _binary(self, "*", other, PRODUCT)

    def __rmul__(self, other: Value) -> Term:
        return _binary(other, "*", self, PRODUCT)

    def __truediv__(self, other: Value) -> Term:
        return _binary(self, "/", other, PRODUCT)

    def __rtruediv__(self, other: Value) -> Term:
        return _binary(other, "/", self, PRODUCT)

    def __matmul__(self, other: Value) -> Term:
        return _binary(self, "@", other, PRODUCT)

    def __rmatmul__(self, other: Value) -> Term:
        return _binary(other, "@", self, PRODUCT)

    def __pow__(self, other: Value) -> Term:
        return Term(f"{written(self, POSTFIX)}^{written(other, MINUS)}", POWER)

    def __rpow__(self, other: Value) -> Term:
        return Term(f"{written(other, POSTFIX)}^{written(self, MINUS)}", POWER)

    def __and__(self, other: Value) -> Term:
        """Intersection of sets; `both` is the logical one."""
        return _binary(self, "&", other, SETS)

    def without(self, other: Value) -> Term:
        r"""Set difference, `a \ b`."""
        return _binary(self, "\\", other, SETS)

    def __le__(self, other: Value) -> Term:
        return chain(self, "<=", other)

    def __lt__(self, other: Value) -> Term:
        return chain(self, "<", other)

    def __ge__(self, other: Value) -> Term:
        return chain(self, ">=", other)

    def __gt__(self, other: Value) -> Term:
        return chain(self, ">", other)

    def __eq__(self, other: object) -> Term:  # type: ignore[override]  # a comparison in the game; until 2027-11
        return chain(self, "==", other)

    def __ne__(self, other: object) -> Term:  # type: ignore[override]  # a comparison in the game; until 2027-11
        return chain(self, "!=", other)

    def __call__(self, *args: Value, params: Iterable[Value] = (), **options: Value) -> Term:
        """`h(a)`, `pgd(steps = 10)`; `params` are those behind the semicolon: `h(a; x + delta)`."""
        inside = ", ".join([*(written(a) for a in args), *(f"{k} = {written(v)}" for k, v in options.items())])
        behind = ", ".join(written(p) for p in params)
        return Term(f"{written(self, POSTFIX)}({inside}{'; ' if behind else ''}{behind})", POSTFIX)

    def __getitem__(self, indices: Value) -> Term:
        """`q[i]`, `x[i, j]`."""
        inside = ", ".join(map(written, indices)) if isinstance(indices, tuple) else written(indices)
        return Term(f"{written(self, POSTFIX)}[{inside}]", POSTFIX)

    def key(self, name: str) -> Term:
        """A field, `task.query`; a method so that no name of the game collides with one of Python."""
        return Term(f"{written(self, POSTFIX)}.{name}", POSTFIX)

    def within(self, source: Value, type: str = "", given: Value | None = None) -> Bind:
        """`x in S`, or `x in S | condition` of a sum, as a binder says it, or a side item with a response that need not be unique."""
        return Bind(f"{self.text}{f': {type}' if type else ''} in {written(source)}{f' | {written(given)}' if given is not None else ''}")

    def typed(self, type: str) -> Bind:
        """`x: R[3]`, as a binder says it."""
        return Bind(f"{self.text}: {type}")

    def drawn(self, source: Value, given: Value | None = None) -> Bind:
        """`x ~ P`, or `x ~ P | condition`."""
        return Bind(f"{self.text} ~ {written(source)}{f' | {written(given)}' if given is not None else ''}")

    def equals(self, value: Value) -> Item:
        """`w = argmin{..}[..]` after `s.t.`, or a local name after `where`."""
        return Item(f"{self.text} = {written(value)}")

    def for_all(self, index: Term, source: Value) -> Item:
        """A side item for every element of a set: a constraint `.. forall i in S`."""
        return Item(self.text).for_all(index, source)

    def where(self, *items: Term | Item | Bind) -> Binding:
        """The expression with local names, responses and constraints."""
        return Binding(self.text).where(*items)

    def subject_to(self, *items: Term | Item | Bind) -> Binding:
        """The expression with responses and constraints, after `s.t.`; the same thing as `where`."""
        return Binding(self.text).subject_to(*items)


Value: TypeAlias = "Term | int | float | Fraction | Decimal | bool | str | list[Any] | tuple[Any, ...] | object"


@dataclass(frozen=True, slots=True)
class Bind:
    """One binding of a binder: `x`, `x in S`, `x ~ P`. A string in its place is read as it stands."""

    text: str

    def for_all(self, index: Term, source: Value) -> Item:
        """The side item `x in argmin{..}[..] forall i in S`."""
        return Item(self.text).for_all(index, source)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry after `s.t.` or `where`."""

    text: str

    def for_all(self, index: Term, source: Value) -> Item:
        """The same for every element of a set."""
        return Item(f"{self.text} forall {index} in {written(source)}")


@dataclass(frozen=True, slots=True)
class Binding:
    """The body of a binder: an expression with its side items."""

    text: str

    def where(self, *items: Term | Item | Bind) -> Binding:
        """Further local names, responses and constraints."""
        return Binding(f"{self.text} where {', '.join(map(plain, items))}")

    def subject_to(self, *items: Term | Item | Bind) -> Binding:
        """Further responses and constraints."""
        return Binding(f"{self.text} s.t. {', '.join(map(plain, items))}")


@dataclass(frozen=True, slots=True)
class Player:
    """A player of a block."""

    text: str

    def for_all(self, index: Term, source: Value) -> Player:
        """One such player for every element of a set."""
        return Player(f"{self.text} forall {index} in {written(source)}")


@dataclass(frozen=True, slots=True)
class Stacked:
    """A binder without its body, for `stack`: `min{h}`."""

    text: str


def written(value: Value, level: int = IF) -> str:
    """A value of Python as an expression of the language, in brackets where it binds less tightly than `level`."""
    term = value if isinstance(value, Term) else literal(value)
    return term.text if term._level >= level else f"({term.text})"


def literal(value: Value) -> Term:
    """A value of Python as a term: numbers exactly as they are printed. Raises TypeError for what has no form."""
    if isinstance(value, Binding):
        raise TypeError(f"`{value.text}` has side items, so it is the body of a binder, a `let`, a `define` or a `metric`, and no part of a formula")
    if isinstance(value, bool):
        return Term("true" if value else "false")
    if isinstance(value, Fraction) and value.denominator != 1:
        return Term(f"{value.numerator}/{value.denominator}", PRODUCT)
    if isinstance(value, int | float | Fraction | Decimal):
        number = format(Decimal(str(value)) if isinstance(value, float) else value, "f" if isinstance(value, float | Decimal) else "")
        return Term("inf" if number == "Infinity" else "-inf" if number == "-Infinity" else number, MINUS if number.startswith("-") else ATOM)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return Term(f'"{escaped}"')
    if isinstance(value, list):
        return Term(f"[{', '.join(map(written, value))}]")
    if isinstance(value, tuple) and len(value) > 1:
        return Term(f"({', '.join(map(written, value))})")
    raise TypeError(f"{value!r} has no form in the language: numbers, strings, lists, tuples of two or more, and terms have one")


def _binary(left: Value, sign: str, right: Value, level: int) -> Term:
    """Left-associative: what stands on the right binds tighter."""
    gap = "" if sign in "*/" else " "
    return Term(f"{written(left, level)}{gap}{sign}{gap}{written(right, level + 1)}", level)


def plain(value: object) -> str:
    """What stands in a body, a list of bindings or of side items."""
    return value.text if isinstance(value, Bind | Item | Binding | Player | Stacked) else written(value)


def bound(value: object) -> str:
    """What stands in a binder: a string is read as it stands."""
    return value if isinstance(value, str) else plain(value)


def chain(*parts: Value) -> Term:
    """`chain(0, "<=", x, "<", 1)`; two sides are `x <= 1`."""
    signs = [str(p) for p in parts[1::2]]
    sides = [written(p, SETS) for p in parts[0::2]]
    return Term(sides[0] + "".join(f" {sign} {side}" for sign, side in zip(signs, sides[1:], strict=True)), COMPARE)
