"""The abstract syntax of a `.game` file: its statements, and all that stands in them."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.syntax.nodes import (
    Attr,
    Binary,
    Bind,
    Binder,
    Body,
    Bool,
    Bound,
    Call,
    Compare,
    Equilibrium,
    Expr,
    Forall,
    If,
    Index,
    Item,
    Kwarg,
    List,
    Name,
    Node,
    Num,
    Pattern,
    Player,
    SetLit,
    Str,
    TField,
    TFun,
    TName,
    TOf,
    TRecord,
    Tuple,
    Type,
    Unary,
)

# ------------------------------------------------------------------ statements


@dataclass(frozen=True, slots=True)
class Language(Node):
    """`language 1`."""

    version: int


@dataclass(frozen=True, slots=True)
class GameName(Node):
    """`game pgd`."""

    name: Name


@dataclass(frozen=True, slots=True)
class Import(Node):
    """`import "lib/attacks.game" as atk`."""

    path: Str
    name: Name


@dataclass(frozen=True, slots=True)
class Param(Node):
    """`param eps in [0, 1] = 8/255`."""

    name: Name
    type: Type | None
    range: Expr | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Dim(Node):
    """`dim n = 4`."""

    name: Name
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Data(Node):
    """`data train: T in range = digits("train")`."""

    name: Name
    type: Type
    range: Expr | None
    source: Expr


@dataclass(frozen=True, slots=True)
class Dist(Node):
    """`dist z: R[2] = Normal(0, 1)`."""

    name: Name
    type: Type
    source: Expr


@dataclass(frozen=True, slots=True)
class Net(Node):
    """`net h: A -> B = mlp(64) params w in Lipschitz(1) frozen`."""

    name: Name
    type: Type
    source: Expr
    params: Name | None
    set: Expr | None
    frozen: bool


@dataclass(frozen=True, slots=True)
class Var(Node):
    """`var q[i in 0..2]: R in [0, inf] init 0.5`; family is (index name, its range)."""

    name: Name
    family: tuple[Name, Expr] | None
    type: Type | None
    set: Expr | None
    init: Expr | None


@dataclass(frozen=True, slots=True)
class Formal(Node):
    """A formal argument of a `def`."""

    name: Name
    type: Type | None


@dataclass(frozen=True, slots=True)
class Def(Node):
    """`def f(x: R, y) -> R = body`."""

    name: Name
    formals: tuple[Formal, ...]
    result: Type | None
    body: Body


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`let f = body`."""

    name: Name
    body: Body


@dataclass(frozen=True, slots=True)
class Assume(Node):
    """`assume convex(f, u)`."""

    fact: Expr


@dataclass(frozen=True, slots=True)
class Block(Node):
    """`nash { .. }` (nash True) or `{ .. }`."""

    nash: bool
    players: tuple[Player, ...]
    side: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Order(Node):
    """`order G then (D, E)`: ranks of names."""

    ranks: tuple[tuple[Name, ...], ...]


@dataclass(frozen=True, slots=True)
class Ties(Node):
    """`ties optimistic`."""

    rule: Name


@dataclass(frozen=True, slots=True)
class Solve(Node):
    """`solve label: game tail*`."""

    label: Name | None
    game: Bound | Block
    tails: tuple[Order | Ties, ...]


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`robust.e`."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`path: directive, directive` of a schedule."""

    path: Path
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Schedule(Node):
    """`schedule name extends other { .. }`; name is None for the default one."""

    name: Name | None
    extends: Name | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Metric(Node):
    """`metric clean = body`."""

    name: Name
    body: Body


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`steps = 100` of a `run` block."""

    path: Path
    value: Expr


@dataclass(frozen=True, slots=True)
class Run(Node):
    """`run { .. }`."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Expect(Node):
    """`expect schedule: condition`; the unlabelled ones belong to the schedule that `run` names."""

    schedule: Name | None
    condition: Expr


Statement = (
    Language
    | GameName
    | Import
    | Param
    | Dim
    | Data
    | Dist
    | Net
    | Var
    | Def
    | Let
    | Assume
    | Solve
    | Schedule
    | Metric
    | Run
    | Expect
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file: its statements in order, and the `##` documentation by statement index."""

    statements: tuple[Statement, ...]
    docs: tuple[tuple[int, str], ...] = ()

__all__ = [
    "Assume", "Attr", "Binary", "Bind", "Binder", "Block", "Body", "Bool", "Bound", "Call", "Compare", "Data", "Def", "Dim", "Dist", "Entry",
    "Equilibrium", "Expect", "Expr", "Forall", "Formal", "GameName", "If", "Import", "Index", "Item", "Kwarg", "Language", "Let", "List",
    "Metric", "Name", "Net", "Node", "Num", "Order", "Param", "Path", "Pattern", "Player", "Run", "Schedule", "SetLit", "Setting", "Solve",
    "Spec", "Statement", "Str", "TField", "TFun", "TName", "TOf", "TRecord", "Ties", "Tuple", "Type", "Unary", "Var",
]  # fmt: skip
