"""Types as written: names, dimensions, records, value ranges."""

from __future__ import annotations

import math
from fractions import Fraction

from gamespec.check.build import Build
from gamespec.check.constant import evaluate
from gamespec.check.names import below
from gamespec.check.scope import Broken, DataName, DistName, Failed, NetName, Scope, unknown_name
from gamespec.ir import game as ir
from gamespec.ir.expr import Num
from gamespec.ir.types import BOOL, INDEX, PROB, REAL, Field, Interval, Type
from gamespec.report.source import Span
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

_WORDS = ("R", "Z", "bool", "class", "index", "prob", "logits", "image", "tokens", "params", "Dist")
_COUNTS = (("image", 3, "channels, height and width", "image[1, 8, 8]"), ("tokens", 1, "a length", "tokens[30]"))
_SIMPLE = {"prob": PROB, "bool": BOOL, "index": INDEX, "Z": INDEX}
_LARGEST = 10**9
"""Numbers in one value: more do not fit a machine."""


def lower_type(node: tree.Type, scope: Scope, build: Build) -> Type:
    """One type. Raises Failed after recording GE202 when it is unknown or its dimensions are no whole numbers."""
    if isinstance(node, tree.TOf):
        raise build.log.fail("GE202", f"`{node.name} of` is the type of a data source alone", node.span,
                             hint="write `data tasks: TaskSet of (x: R, y: R) = sine_tasks(shots = 5)`")  # fmt: skip
    if isinstance(node, tree.TName) and node.name in ("params", "Dist"):
        return _over(node, scope, build)
    if not isinstance(node, tree.TName):
        raise build.log.fail(
            "GE202", "one type is needed here", node.span, "this is a record or an arrow", hint="write `R`, `R[n]` or `image[c, h, w]`"
        )
    if node.name not in _WORDS:
        near = nearest(node.name, _WORDS)
        at = Span(node.span.file, node.span.start, node.span.start + len(node.name))
        raise build.log.fail("GE202", f"unknown type `{node.name}`", at, f"did you mean `{near}`?" if near else "",
                             hint=f"write `{near}`" if near else f"types: {', '.join(_WORDS)}")  # fmt: skip
    dims = tuple(_dim(d, scope, build) for d in node.dims)
    if node.name in ("class", "logits"):
        if len(dims) != 1 or dims[0] < 2:
            raise build.log.fail("GE202", f"`{node.name}` needs a number of classes, two or more", node.span, hint=f"write `{node.name}[10]`")
        return Type(kind="class" if node.name == "class" else "logits", size=dims[0])
    for word, count, needed, hint in _COUNTS:
        if node.name == word and len(dims) != count:
            raise build.log.fail("GE202", f"`{word}` needs {needed}", node.span, hint=f"write `{hint}`")
    if math.prod(dims) > _LARGEST:
        raise build.log.fail("GE202", "this value is too large", node.span, f"{math.prod(dims)} numbers", hint=f"at most {_LARGEST} numbers fit")
    if node.name in _SIMPLE and not dims:
        return _SIMPLE[node.name]
    if node.name not in ("R", "image", "tokens"):
        raise build.log.fail("GE202", f"`{node.name}` has no dimensions", node.span, hint=f"write `{node.name}`")
    return Type(kind="tokens" if node.name == "tokens" else "real", shape=dims) if dims else REAL


def no_words(kind: Type, node: tree.Node, build: Build) -> None:
    """Raise Failed with GE202 where a player would choose words: no slope leads from one to another."""
    if kind.kind == "tokens":
        raise build.log.fail("GE202", "a player cannot choose words", node.span, "no slope leads from one word to another",
                             hint="let it move an embedding, `e: R[30, 64]`, or choose one of few: `j in argmax{j in 0..9}[ .. ]`")  # fmt: skip


def _over(node: tree.TName, scope: Scope, build: Build) -> Type:
    """`params(h)`, `Dist(params(h))`, `Dist(data)` or `Dist(R[2])`: in parentheses stands a network, a source or numbers."""
    inner = node.args[0] if len(node.args) == 1 and not node.dims else None
    call = inner if isinstance(inner, tree.Call) and isinstance(inner.fn, tree.Name) and inner.fn.id == "params" and len(inner.args) == 1 else None
    numbers = inner.base if isinstance(inner, tree.Index) else inner
    if node.name == "Dist" and isinstance(numbers, tree.Name) and numbers.id == "R" and scope.find("R") is None:
        dims = inner.indices if isinstance(inner, tree.Index) else ()
        return Type(kind="dist", shape=tuple(_dim(d, scope, build) for d in dims))
    name = call.args[0] if call is not None and node.name == "Dist" else inner
    found = scope.find(name.id) if isinstance(name, tree.Name) else None
    if isinstance(found, Broken):
        raise Failed
    if isinstance(name, tree.Name) and found is None:
        raise unknown_name(build.log, name, scope, (), "player" if node.name == "params" or call else "distribution")
    if isinstance(found, NetName) and (node.name == "params" or call is not None):
        return Type(kind="params" if node.name == "params" else "dist", net=found.net.name)
    if node.name == "Dist" and call is None and isinstance(found, (DataName, DistName)):
        return Type(kind="dist", net=found.data.name if isinstance(found, DataName) else found.dist.name)
    hint = "write `params(h)` for a network `h`" if node.name == "params" else "write `Dist(params(h))`, `Dist(R[2])`, or `Dist(train)`"
    raise build.log.fail("GE202", f"`{node.name}` is of a network{' or a source' * (node.name == 'Dist')}", node.span, hint=hint)


def task_fields(node: tree.TOf, outer: tree.Expr | None, scope: Scope, build: Build) -> tuple[Field, ...]:
    """The columns of a set of tasks: those of one row, in the `train` table and in the `val` table of every task."""
    if node.name != "TaskSet":
        raise build.log.fail("GE202", f"unknown type `{node.name} of`", node.span, hint="write `TaskSet of (x: R, y: R)`")
    rows = lower_fields(node.inner, outer, scope, build)
    return tuple(f.model_copy(update={"name": f"{part}.{f.name}"}) for part in ("train", "val") for f in rows)


def lower_fields(node: tree.Type, outer: tree.Expr | None, scope: Scope, build: Build) -> tuple[Field, ...]:
    """The fields of a data source's type; a single type is a record of one field called `x`."""
    if isinstance(node, tree.TRecord):
        return tuple(
            Field(
                name=f.name.id if f.name else f"x{i}",
                type=lower_type(f.type, scope, build),
                range=lower_range(f.range or outer, scope, build),
            )
            for i, f in enumerate(node.fields)
        )
    return (Field(name="x", type=lower_type(node, scope, build), range=lower_range(outer, scope, build)),)


def lower_range(node: tree.Expr | None, scope: Scope, build: Build) -> Interval | None:
    """`[lo, hi]` as an interval, None where nothing was written."""
    if node is None:
        return None
    lo, hi = ends(node, scope, build)
    return Interval(lo=lo if isinstance(lo, Fraction) else None, hi=hi if isinstance(hi, Fraction) else None)


def ends(node: tree.Expr, scope: Scope, build: Build) -> tuple[object, object]:
    """Both ends of `[lo, hi]`: fractions, "-inf" on the left, "inf" on the right. Raises Failed with GE402."""
    if not isinstance(node, tree.List) or len(node.items) != 2:
        raise build.log.fail("GE402", "an interval is needed here", node.span, hint="write `[0, 1]`")
    lo, hi = (evaluate(i, scope, build) for i in node.items)
    for end, open_end, item in ((lo, "-inf", node.items[0]), (hi, "inf", node.items[1])):
        if not isinstance(end, Fraction) and end != open_end:
            raise build.log.fail("GE402", "an end of an interval is a number", item.span, hint=f"write a number, or `{open_end}`")
    if isinstance(lo, Fraction) and isinstance(hi, Fraction) and lo > hi:
        raise build.log.fail("GE402", "this interval is empty", node.span, f"{lo} is larger than {hi}", hint=f"write `[{hi}, {lo}]`")
    return lo, hi


def ranges(found: ir.Set | None) -> Interval | None:
    """The values that the numbers of a member may take, where the set is one box or simplex."""
    if found is None or len(found.parts) != 1 or found.parts[0].shift is not None:
        return None
    part = found.parts[0]
    if part.word == "Simplex":
        return Interval(lo=Fraction(0), hi=Fraction(1)) if len(part.args) < 2 or part.args[1] == Num(value=Fraction(1)) else Interval(lo=Fraction(0))
    if part.word != "Box":
        return None
    lo, hi = (a.value if isinstance(a, Num) else None for a in part.args)
    return Interval(lo=lo, hi=hi)


def _dim(node: tree.Expr, scope: Scope, build: Build) -> int:
    called = {call.fn for call in below(node, tree.Call)}
    for name in below(node, tree.Name):
        if scope.find(name.id) is None and name not in called and name.id not in ("inf", "pi"):
            raise unknown_name(build.log, name, scope, (), "size")
    value = evaluate(node, scope, build)
    if not isinstance(value, Fraction) or value.denominator != 1 or not 1 <= value <= _LARGEST:
        raise build.log.fail("GE202", "a dimension is a whole number from 1", node.span, hint=f"write a number up to {_LARGEST}")
    return int(value)
