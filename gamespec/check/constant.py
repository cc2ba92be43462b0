"""Constants: numbers, words and tuples that are known before anything runs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.build import Build
from gamespec.check.scope import Bound, Broken, Const, DataName, Failed, LetName, Log, Scope, unknown_name
from gamespec.ir.expr import Array, Expr, Num, Ref, Word
from gamespec.ir.game import Part, Use
from gamespec.library.base import Column
from gamespec.library.data.tables import MOVES
from gamespec.library.registry import words
from gamespec.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gamespec.ir.types import Field

INFINITY = "inf"
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "abs": abs,
}
"""Functions that a constant may be made with: an end of a set, a radius, a start."""
_BITS = 4096
_LARGEST = Fraction(10) ** 300


def evaluate(node: tree.Expr, scope: Scope, build: Build) -> object:
    """The value of a constant expression: Fraction, bool, str (a word), tuple, or "inf" / "-inf".

    Raises Failed after recording GE206 when the expression is no constant.
    """
    build.enter(node)
    try:
        return _evaluate(node, scope, build)
    finally:
        build.leave()


def _evaluate(node: tree.Expr, scope: Scope, build: Build) -> object:
    match node:
        case tree.Num():
            return sensible(node.value, node, build.log)
        case tree.Str() | tree.Bool():
            return node.value
        case tree.List() | tree.Tuple():
            return tuple(evaluate(i, scope, build) for i in node.items)
        case tree.Name():
            return _name(node, scope, build)
        case tree.Unary(op="-"):
            return _negated(evaluate(node.arg, scope, build), node, build.log)
        case tree.Binary():
            return _arithmetic(node, scope, build)
        case tree.Call(fn=tree.Name(id="len"), args=(tree.Name() as name,), kwargs=(), params=()):
            return length(name, scope, build.log)
        case tree.Call(fn=tree.Name(id=fn), kwargs=(), params=()) if fn in _FUNCTIONS and scope.find(fn) is None:
            return _applied(fn, node, scope, build)
    raise build.log.fail(
        "GE206", "a constant is needed here", node.span, "this is known only while running", hint="write a number, or the name of a `param`"
    )


def sensible(value: Fraction, node: tree.Expr, log: Log) -> Fraction:
    """The number itself. Raises Failed with GE401 where it is too long or too large to be computed with."""
    if abs(value) > _LARGEST or max(value.numerator.bit_length(), value.denominator.bit_length()) > _BITS:
        raise log.fail(
            "GE401", "a number of no sensible size", node.span, "larger than 1e300, or thousands of digits long", hint="write a smaller number"
        )
    return value


def length(name: tree.Name, scope: Scope, log: Log) -> Fraction:
    """The number of rows of a data source."""
    binding = scope.find(name.id)
    if isinstance(binding, Broken):
        raise Failed
    if isinstance(binding, DataName):
        rows = row_count(binding.data.source)
        if rows is not None:
            return Fraction(rows)
    raise log.fail("GE206", f"`len({name.id})` needs a finite data source", name.span, hint="write the number")


def row_count(source: Use) -> int | None:
    """How many rows a data source has; None for a stream, and for data that comes at run time."""
    entry = words("data").get(source.word) if source.word != "given" else None
    if entry is None or entry.rows is None:
        return None
    args, options, _ = of_table(source)
    return int(entry.rows(*args, **options))


def of_table(source: Use) -> tuple[tuple[object, ...], dict[str, object], dict[str, object]]:
    """What a data source is read with: arguments, options; and apart from them what is done to each minibatch."""
    args, options = plain_use(source)
    entry = words("data").get(source.word)
    moves = {o.name for o in MOVES if entry is not None and any(o is own for own in entry.options)}
    return args, {k: v for k, v in options.items() if k not in moves}, {k: v for k, v in options.items() if k in moves and v}


def columns_of(source: Use) -> dict[str, Column]:
    """The columns that a data source offers under its options. Error: OSError, ImportError, ValueError of its file."""
    if source.word == "given":
        return {}
    args, options, _ = of_table(source)
    return words("data")[source.word].offered(*args, **options)  # type: ignore[no-any-return]  # records of the library are Any; until 2027-11


def targets_of(source: Use) -> list[str]:
    """The columns of labels that a data source is asked for, in order."""
    entry = words("data").get(source.word)
    usual = next((o.default for o in entry.options if o.name == "targets"), ("y",)) if entry is not None else ("y",)
    asked = plain_use(source)[1].get("targets") or usual
    return [str(t) for t in asked] if isinstance(asked, tuple) else []


def column_names(source: Use, fields: Sequence[Field]) -> list[str]:
    """The column of a data source that each field of its record is.

    Labels are the targets, in order, and an index is `i`. Numbers are `x`, but for a field that has the name and the shape
    of another column of numbers, and for a further field of numbers, which is the next target.
    """
    columns, targets, found = columns_of(source), targets_of(source), list[str]()
    for f in fields:
        named = columns.get(f.name)
        if "." in f.name:
            found.append(f.name)
        elif f.type.kind in ("class", "bool"):
            found.append(targets.pop(0) if targets else "y")
        elif f.type.kind == "index":
            found.append("i")
        elif f.name != "x" and named is not None and named.kind == "real" and tuple(named.shape) == f.type.shape:
            found.append(f.name)
        else:
            numbers = next((t for t in targets if "x" in found and t in columns and columns[t].kind == "real"), "x")
            targets = [t for t in targets if t != numbers]
            found.append(numbers)
    return found


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


def plain_use(use: Use | Part) -> tuple[tuple[object, ...], dict[str, object]]:
    """Arguments and options of a library word as plain Python values."""
    options = use.options if isinstance(use, Use) else ()
    return tuple(plain(a) for a in use.args), {o.key: plain(o.value) for o in options}


def to_expr(value: object) -> Expr:
    """A plain constant as an IR expression."""
    if isinstance(value, bool):
        return Word(value="true" if value else "false")
    if isinstance(value, (int, Fraction)):
        return Num(value=Fraction(value))
    if isinstance(value, tuple):
        return Array(items=tuple(to_expr(v) for v in value))
    return Word(value=str(value))


def reference(name: str, value: object) -> Expr:
    """How a constant is used in an expression: by name, or in place for words."""
    return Ref(name=name) if isinstance(value, (Fraction, tuple)) else to_expr(value)


def _name(node: tree.Name, scope: Scope, build: Build) -> object:
    binding = scope.find(node.id)
    match binding:
        case Const():
            return binding.value
        case Broken():
            raise Failed
        case LetName() if not binding.body.side:
            build.used.add(binding.name)
            return evaluate(binding.body.expr, binding.scope, build)
        case Bound(written=(argument, outer)):
            return evaluate(argument, outer, build)
        case None if node.id == INFINITY:
            return INFINITY
        case None if node.id == "pi":
            return Fraction(math.pi)
        case None:
            raise unknown_name(build.log, node, scope)
    raise build.log.fail(
        "GE206", f"`{node.id}` is no constant", node.span, "known only while running", hint="write a number, or the name of a `param`"
    )


def _applied(fn: str, node: tree.Call, scope: Scope, build: Build) -> Fraction:
    """A function of a constant, as the fraction that the nearest float is; a root is exact where it can be."""
    value = evaluate(node.args[0], scope, build) if len(node.args) == 1 else None
    if not isinstance(value, Fraction):
        raise build.log.fail("GE206", f"`{fn}` needs one number here", node.span, hint="write a number")
    if fn == "sqrt" and value >= 0:
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above**2 == value.numerator and below**2 == value.denominator:
            return Fraction(above, below)
    try:
        return sensible(Fraction(_FUNCTIONS[fn](float(value))), node, build.log)
    except (ValueError, OverflowError):
        raise build.log.fail("GE401", f"`{fn}` has no value here", node.span, f"of {value}", hint="give it another number") from None


def _negated(value: object, node: tree.Expr, log: Log) -> object:
    if value == INFINITY:
        return "-inf"
    if isinstance(value, Fraction):
        return -value
    raise log.fail("GE206", "only numbers have a negative", node.span, hint="write a number")


def _arithmetic(node: tree.Binary, scope: Scope, build: Build) -> object:
    """A chain of operators from the left, without recursion along the chain."""
    spine = [node]
    while isinstance(spine[-1].left, tree.Binary):
        spine.append(spine[-1].left)
    result = evaluate(spine[-1].left, scope, build)
    for part in reversed(spine):
        result = _operation(part, result, evaluate(part.right, scope, build), build.log)
    return result


def _operation(node: tree.Binary, left: object, right: object, log: Log) -> Fraction:
    if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
        raise log.fail("GE206", f"`{node.op}` needs two numbers here", node.span, hint="write numbers")
    match node.op:
        case "+":
            return sensible(left + right, node, log)
        case "-":
            return sensible(left - right, node, log)
        case "*":
            return sensible(left * right, node, log)
        case "/" if right != 0:
            return sensible(left / right, node, log)
        case "/":
            raise log.fail("GE401", "division by zero", node.right.span, "the divisor is 0", hint="divide by another number")
        case "^":
            return _power(left, right, node, log)
    raise log.fail("GE206", f"`{node.op}` is not evaluated here", node.span, hint="write a number")


def _power(left: Fraction, right: Fraction, node: tree.Binary, log: Log) -> Fraction:
    bits = max(left.numerator.bit_length(), left.denominator.bit_length())
    if right.denominator != 1 or abs(right) * max(bits, 1) > _BITS or (left == 0 and right < 0):
        raise log.fail("GE401", "this power has no exact value of a sensible size", node.span, hint="use a small whole exponent")
    return sensible(left ** int(right), node, log)
