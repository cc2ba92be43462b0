"""A piece of Python text: the shape of its value and how tightly it binds; exact numbers as text."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gamespec.check.shape import Shaped
from gamespec.ir.expr import Array, Call, Expr, Num, Word
from gamespec.ir.types import REAL

ATOM, POWER, NEGATIVE, PRODUCT, SUM, COMPARISON = range(6)
PRECEDENCE = {"add": SUM, "sub": SUM, "mul": PRODUCT, "div": PRODUCT, "matmul": PRODUCT, "neg": NEGATIVE, "pow": POWER,
              "le": COMPARISON, "lt": COMPARISON, "ge": COMPARISON, "gt": COMPARISON, "eq": COMPARISON, "ne": COMPARISON}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of Python. `plain`: its value is a Python number rather than a tensor."""

    text: str
    shaped: Shaped
    binds: int = ATOM
    plain: bool = False

    def within(self, binds: int) -> str:
        """The text, in parentheses unless it binds at least as tightly as `binds`."""
        return f"({self.text})" if self.binds > binds else self.text


def number(value: Fraction) -> Piece:
    """An exact number as Python writes it best: 3, 0.15, 8 / 255."""
    tight = ATOM if value >= 0 else NEGATIVE
    if value.denominator == 1:
        return Piece(str(value.numerator), Shaped(REAL), tight, plain=True)
    decimal = repr(float(value))
    if Fraction(decimal) == value:
        return Piece(decimal, Shaped(REAL), tight, plain=True)
    return Piece(f"{value.numerator} / {value.denominator}", Shaped(REAL), PRODUCT, plain=True)


def exact(expr: Expr) -> Fraction | None:
    """The exact value of a constant, None for anything else."""
    match expr:
        case Num():
            return expr.value
        case Call(fn="neg", args=(inner,)):
            value = exact(inner)
            return None if value is None else -value
        case Call(fn="div", args=(over, under)):
            above, below = exact(over), exact(under)
            return None if above is None or not below else above / below
    return None


def constant_text(expr: Expr) -> str | None:
    """A number or a nested list of numbers, None when some entry is no constant."""
    if isinstance(expr, Word) and expr.value in ("inf", "-inf"):
        return expr.value.replace("inf", "math.inf")
    if isinstance(expr, Array):
        items = [constant_text(i) for i in expr.items]
        return None if any(i is None for i in items) else f"[{', '.join(i for i in items if i is not None)}]"
    value = exact(expr)
    return None if value is None else number(value).text
