"""Types as written: names, dimensions, records, value ranges."""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.constant import evaluate
from gamespec.check.scope import Log, Scope
from gamespec.ir.types import BOOL, INDEX, PROB, REAL, Field, Interval, Type
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

_WORDS = ("R", "Z", "bool", "class", "index", "prob", "logits", "image", "params")
_LARGEST = 10**9


def lower_type(node: tree.Type, scope: Scope, log: Log) -> Type:
    """One type. Raises Failed after recording GE202 when it is unknown or its dimensions are no whole numbers."""
    if isinstance(node, tree.TOf):
        raise log.fail("GE290", f"`{node.name} of` is not available in this version", node.span, hint="see `gamec list` for what is")
    if not isinstance(node, tree.TName):
        raise log.fail("GE202", "one type is needed here", node.span, "this is a record or an arrow")
    if node.name not in _WORDS:
        near = nearest(node.name, _WORDS)
        raise log.fail("GE202", f"unknown type `{node.name}`", node.span, f"did you mean `{near}`?" if near else "",
                       hint=f"types: {', '.join(_WORDS)}")  # fmt: skip
    dims = tuple(_dim(d, scope, log) for d in node.dims)
    if node.name in ("class", "logits"):
        if len(dims) != 1 or dims[0] < 2:
            raise log.fail("GE202", f"`{node.name}` needs a number of classes, two or more", node.span, hint=f"write `{node.name}[10]`")
        return Type(kind="class" if node.name == "class" else "logits", size=dims[0])
    if node.name == "image" and len(dims) != 3:
        raise log.fail("GE202", "`image` needs channels, height and width", node.span, hint="write `image[1, 8, 8]`")
    simple = {"prob": PROB, "bool": BOOL, "index": INDEX, "Z": INDEX}
    if node.name in simple:
        return simple[node.name]
    return Type(kind="real", shape=dims) if dims else REAL


def lower_fields(node: tree.Type, outer: tree.Expr | None, scope: Scope, log: Log) -> tuple[Field, ...]:
    """The fields of a data source's type; a single type is a record of one field called `x`."""
    if isinstance(node, tree.TRecord):
        return tuple(
            Field(
                name=f.name.id if f.name else f"x{i}",
                type=lower_type(f.type, scope, log),
                range=lower_range(f.range or outer, scope, log),
            )
            for i, f in enumerate(node.fields)
        )
    return (Field(name="x", type=lower_type(node, scope, log), range=lower_range(outer, scope, log)),)


def lower_range(node: tree.Expr | None, scope: Scope, log: Log) -> Interval | None:
    """`[lo, hi]` as an interval, None where nothing was written."""
    if node is None:
        return None
    if not isinstance(node, tree.List) or len(node.items) != 2:
        raise log.fail("GE402", "an interval is needed here", node.span, hint="write `[0, 1]`")
    lo, hi = (evaluate(i, scope, log) for i in node.items)
    ends = [e if isinstance(e, Fraction) else None for e in (lo, hi)]
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        raise log.fail("GE402", "this interval is empty", node.span, f"{ends[0]} is larger than {ends[1]}",
                       hint=f"write `[{ends[1]}, {ends[0]}]`")  # fmt: skip
    return Interval(lo=ends[0], hi=ends[1])


def _dim(node: tree.Expr, scope: Scope, log: Log) -> int:
    value = evaluate(node, scope, log)
    if not isinstance(value, Fraction) or value.denominator != 1 or not 1 <= value <= _LARGEST:
        raise log.fail("GE202", "a dimension is a positive whole number", node.span)
    return int(value)
