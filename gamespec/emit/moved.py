"""The part of an objective that a player can move: terms without it have no gradient and need not be computed."""

from __future__ import annotations

from gamespec.ir.expr import Apply, Call, Expr, Reduce, Ref
from gamespec.ir.walk import walk


def depends(expr: Expr, names: frozenset[str]) -> bool:
    """Whether a name or a network of `names` occurs in an expression without `Value` nodes."""
    return any((isinstance(e, Ref) and e.name in names) or (isinstance(e, Apply) and e.net in names) for e in walk(expr))


def moved(expr: Expr, names: frozenset[str]) -> Expr:
    """The expression without the additive terms that do not depend on `names`; it must depend on them itself."""
    match expr:
        case Call(fn="add" | "sub", args=(a, b)):
            if not depends(b, names):
                return moved(a, names)
            if not depends(a, names):
                rest = moved(b, names)
                return rest if expr.fn == "add" else Call(fn="neg", args=(rest,))
            return Call(fn=expr.fn, args=(moved(a, names), moved(b, names)))
        case Call(fn="neg", args=(a,)):
            return Call(fn="neg", args=(moved(a, names),))
        case Call(fn="mul", args=(a, b)) if not depends(a, names):
            return Call(fn="mul", args=(a, moved(b, names)))
        case Reduce(op="E" | "sum" | "mean"):
            return expr.model_copy(update={"body": moved(expr.body, names)})
    return expr
