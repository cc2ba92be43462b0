"""Constants: numbers, words and tuples that are known before anything runs."""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.scope import Broken, Const, DataName, Failed, LetName, Log, Scope, unknown_name
from gamespec.ir.expr import Array, Expr, Num, Ref, Word
from gamespec.library.registry import words
from gamespec.syntax import tree

INFINITY = "inf"
_BITS = 4096
"""Exact numbers longer than this many bits are refused: they come from towers such as 9^9^9."""


def evaluate(node: tree.Expr, scope: Scope, log: Log) -> object:
    """The value of a constant expression: Fraction, bool, str (a word), tuple, or "inf" / "-inf".

    Raises Failed after recording GE206 when the expression is no constant.
    """
    match node:
        case tree.Num():
            return node.value
        case tree.Str() | tree.Bool():
            return node.value
        case tree.List() | tree.Tuple():
            return tuple(evaluate(i, scope, log) for i in node.items)
        case tree.Name():
            return _name(node, scope, log)
        case tree.Unary(op="-"):
            return _negated(evaluate(node.arg, scope, log), node, log)
        case tree.Binary():
            return _arithmetic(node, scope, log)
        case tree.Call(fn=tree.Name(id="len"), args=(tree.Name() as name,)):
            return length(name, scope, log)
    raise log.fail("GE206", "a constant is needed here", node.span, "this is known only while running")


def length(name: tree.Name, scope: Scope, log: Log) -> Fraction:
    """The number of rows of a data source."""
    binding = scope.find(name.id)
    if isinstance(binding, DataName):
        source = words("data")[binding.data.source.word]
        if source.rows is not None:
            args, options = plain_use(binding.data.source)
            return Fraction(source.rows(*args, **options))
    raise log.fail("GE206", f"`len({name.id})` needs a finite data source", name.span)


def plain(expr: Expr) -> object:
    """An IR constant as a plain Python value."""
    match expr:
        case Num():
            return int(expr.value) if expr.value.denominator == 1 else float(expr.value)
        case Word():
            return {"true": True, "false": False, "inf": float("inf"), "-inf": float("-inf")}.get(expr.value, expr.value)
        case Array():
            return tuple(plain(i) for i in expr.items)
    return None


def plain_use(use: object) -> tuple[tuple[object, ...], dict[str, object]]:
    """Arguments and options of a library word as plain Python values."""
    args = tuple(plain(a) for a in use.args)  # type: ignore[attr-defined]  # any Use or Part; until 2027-11
    options = {o.key: plain(o.value) for o in getattr(use, "options", ())}
    return args, options


def to_expr(value: object) -> Expr:
    """A plain constant as an IR expression."""
    if isinstance(value, bool):
        return Word(value="true" if value else "false")
    if isinstance(value, (int, Fraction)):
        return Num(value=Fraction(value))
    if isinstance(value, tuple):
        return Array(items=tuple(to_expr(v) for v in value))
    return Word(value=str(value))


def _name(node: tree.Name, scope: Scope, log: Log) -> object:
    binding = scope.find(node.id)
    if isinstance(binding, Const):
        return binding.value
    if isinstance(binding, Broken):
        raise Failed
    if isinstance(binding, LetName) and not binding.body.side:
        return evaluate(binding.body.expr, binding.scope, log)
    if node.id == INFINITY:
        return INFINITY
    if binding is not None:
        raise log.fail("GE206", f"`{node.id}` is no constant", node.span, "known only while running")
    raise unknown_name(log, node, scope)


def _negated(value: object, node: tree.Expr, log: Log) -> object:
    if value == INFINITY:
        return "-inf"
    if isinstance(value, Fraction):
        return -value
    raise log.fail("GE206", "only numbers have a negative", node.span)


def _arithmetic(node: tree.Binary, scope: Scope, log: Log) -> object:
    left, right = evaluate(node.left, scope, log), evaluate(node.right, scope, log)
    if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
        raise log.fail("GE206", f"`{node.op}` needs two numbers here", node.span)
    if node.op == "/" and right == 0:
        raise log.fail("GE401", "division by zero", node.span, "the divisor is 0")
    if node.op == "^":
        return _power(left, right, node, log)
    operations = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
    if node.op not in operations:
        raise log.fail("GE206", f"`{node.op}` is not evaluated here", node.span)
    return operations[node.op](left, right)


def _power(left: Fraction, right: Fraction, node: tree.Binary, log: Log) -> Fraction:
    bits = max(left.numerator.bit_length(), left.denominator.bit_length())
    if right.denominator != 1 or abs(right) * max(bits, 1) > _BITS or (left == 0 and right < 0):
        raise log.fail("GE401", "this power has no exact value of a sensible size", node.span, hint="use a small whole exponent")
    return left ** int(right)


def reference(name: str, value: object) -> Expr:
    """How a constant is used in an expression: by name, or in place for words."""
    return Ref(name=name) if isinstance(value, (Fraction, tuple)) else to_expr(value)


__all__ = ["evaluate", "length", "plain", "plain_use", "reference", "to_expr"]
