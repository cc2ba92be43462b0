"""The nodes inside a statement: expressions, binders and types; frozen values, a span on every one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction  # resolved at run time by dataclasses.fields users; until 2027-11

from gamespec.report.source import Span  # same reason; until 2027-11


@dataclass(frozen=True, slots=True)
class Node:
    """Anything that was written at one place of a file."""

    span: Span


# ------------------------------------------------------------------ expressions


@dataclass(frozen=True, slots=True)
class Num(Node):
    """A number literal, exact: `0.1` is 1/10."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Str(Node):
    """A string literal, without its quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name(Node):
    """An identifier, NFKC-normalised."""

    id: str


@dataclass(frozen=True, slots=True)
class Tuple(Node):
    """`(a, b)`: at least two items."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class List(Node):
    """`[a, b]`: an array literal; an interval where a set is expected."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetLit(Node):
    """`{a, b}`: a finite set."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-a` or `not a`."""

    op: str
    arg: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    r"""`+ - * / @ ^`, `and or`, `&` (intersection), `\` (without) and `..` (range)."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A chain `a <= b < c`; operators are ASCII: `<= >= == != < >`."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if c then a else b`."""

    cond: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class Kwarg(Node):
    """`key = value` among the arguments of a call."""

    key: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`f(a, k = b; p)`; `min(a, b)` is a call too. `params` are those after the semicolon."""

    fn: Expr
    args: tuple[Expr, ...]
    kwargs: tuple[Kwarg, ...] = ()
    params: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`a[i, j]`."""

    base: Expr
    indices: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Attr(Node):
    """`a.key`."""

    base: Expr
    key: str


@dataclass(frozen=True, slots=True)
class Bound(Node):
    """`OP{..} OP{..} [ body ]`: one or more binders before one body."""

    binders: tuple[Binder, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Equilibrium(Node):
    """`nash { players side }` inside an expression."""

    players: tuple[Player, ...]
    side: tuple[Item, ...]


Expr = Num | Str | Bool | Name | Tuple | List | SetLit | Unary | Binary | Compare | If | Call | Index | Attr | Bound | Equilibrium


# ------------------------------------------------------------------ binders and bodies


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """`x`, `(x, y)` or `d[k]`: the names bound, and the indices of a family."""

    names: tuple[Name, ...]
    indices: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Bind(Node):
    """`pattern : type in set | cond` (draws is False) or `pattern ~ dist | cond` (draws is True).

    `source` is the set or the distribution, None where no set is written.
    """

    pattern: Pattern
    draws: bool
    type: Type | None = None
    source: Expr | None = None
    cond: Expr | None = None


@dataclass(frozen=True, slots=True)
class Binder(Node):
    """`OP{bind, bind}`; op is one of min max argmin argmax sum mean prod grad E; op_span covers the word."""

    op: str
    op_span: Span
    binds: tuple[Bind, ...]


@dataclass(frozen=True, slots=True)
class Forall(Node):
    """`forall k in S`."""

    name: Name
    source: Expr


@dataclass(frozen=True, slots=True)
class Item(Node):
    """One entry after `s.t.` or `where`: kind is "constraint" (right is None), "unique" (`=`) or "any" (`in`)."""

    kind: str
    left: Expr
    right: Expr | None
    foralls: tuple[Forall, ...]


@dataclass(frozen=True, slots=True)
class Body(Node):
    """An expression and the items of its `s.t.` / `where` lists, in order."""

    expr: Expr
    side: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Player(Node):
    """`label: min{x}[ .. ] forall i in S` inside a block."""

    label: Name | None
    game: Bound
    foralls: tuple[Forall, ...]


# ------------------------------------------------------------------ types


@dataclass(frozen=True, slots=True)
class TName(Node):
    """`R[n]`, `class[10]`, `params(h)`."""

    name: str
    args: tuple[Expr, ...]
    dims: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class TFun(Node):
    """`A -> B`."""

    source: Type
    target: Type


@dataclass(frozen=True, slots=True)
class TOf(Node):
    """`TaskSet of A`."""

    name: str
    inner: Type


@dataclass(frozen=True, slots=True)
class TField(Node):
    """A field of a record; name is None when anonymous; `range` is what follows `in`."""

    name: Name | None
    type: Type
    range: Expr | None


@dataclass(frozen=True, slots=True)
class TRecord(Node):
    """`(x: R[2], y: class[3])`."""

    fields: tuple[TField, ...]


Type = TName | TFun | TOf | TRecord
