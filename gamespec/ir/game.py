"""The game: declarations, the nodes of the game graph, schedules; immutable, JSON in and out, no spans."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from gamespec.ir.expr import Draw, Expr
from gamespec.ir.types import Exact, Field, Frozen, Interval, Type

Sense = Literal["min", "max"]


class Option(Frozen):
    """A named argument of a source, a set, a network or a directive."""

    key: str
    value: Expr


class Use(Frozen):
    """A library word with its arguments: `digits("train")`, `pgd(steps = 10)`, `mlp(64)`."""

    word: str
    args: tuple[Expr, ...] = ()
    options: tuple[Option, ...] = ()


class Param(Frozen):
    """A number that `--set` may change; `type` where it is declared to be a class or an index."""

    name: str
    value: Expr
    range: Interval | None = None
    type: Type | None = None


class Data(Frozen):
    """A data source: a finite table or an endless stream."""

    name: str
    fields: tuple[Field, ...]
    source: Use

    @property
    def grouped(self) -> bool:
        """Whether a sample is made of tables: fields are then called `train.x`, or `.x` where it is one table."""
        return any("." in f.name for f in self.fields)


class Dist(Frozen):
    """A distribution that samples are drawn from."""

    name: str
    type: Type
    source: Use


class Set(Frozen):
    """Where a variable may lie: the intersection of `parts`; `shift` is subtracted (`domain(a) - a`)."""

    parts: tuple[Part, ...]


class Part(Frozen):
    """One set of an intersection: a library word with arguments, moved by minus `shift` where given."""

    word: str
    args: tuple[Expr, ...] = ()
    shift: Expr | None = None


class Net(Frozen):
    """A network. `handle` is the name of its parameters as a player; source None means `= given`."""

    name: str
    inputs: tuple[Type, ...]
    output: Type
    source: Use | None
    handle: str
    set: Set | None = None
    frozen: bool = False


class Var(Frozen):
    """A variable: declared by `var`, or inside a binder (then `scope` lists the draws that it depends on).

    `axis` is the length of a family (`q[i in 0..2]`: 3) and `index` its index name; the type of a shared family is
    that of the whole array, the type of a family inside a per-sample scope that of one member, and `skip` is the
    element that such a family leaves out.
    """

    name: str
    type: Type
    set: Set | None = None
    init: Expr | None = None
    index: str = ""
    axis: int = 0
    skip: Expr | None = None
    scope: tuple[Draw, ...] = ()


class Edge(Frozen):
    """What a node sees of a child: its optimal value in place (`value`) or its answer (`response`).

    `sign` is that of the child's value inside the parent's objective (0: unknown).
    `unique`: the author wrote `=`. `ties` says which answer counts otherwise.
    """

    kind: Literal["value", "response"]
    parent: str
    child: str
    sign: Literal[-1, 0, 1] = 1
    unique: bool = False
    ties: Literal["optimistic", "pessimistic", "any"] = "any"


class Node(Frozen):
    """One optimisation: `owns` are variables and network handles.

    `objective` holds `Value(child)` where a child's value stands. `scope` are the draws that its own variables
    depend on: empty for a shared decision. `choice` marks a discrete response (`j in argmax{k in ..}`): then
    `owns` is one index variable and `over` its index set.
    """

    id: str
    sense: Sense
    owns: tuple[str, ...]
    objective: Expr
    scope: tuple[Draw, ...] = ()
    index: str = ""
    axis: int = 0
    choice: Draw | None = None
    constraints: tuple[Expr, ...] = ()
    label: str = ""


class Group(Frozen):
    """Players that move at once: Nash among themselves."""

    id: str
    nodes: tuple[str, ...]
    constraints: tuple[Expr, ...] = ()


class Entry(Frozen):
    """What a schedule says of one player, inner variable or of `method`."""

    target: str
    directives: tuple[Use, ...]


class Schedule(Frozen):
    """A named schedule with what it extends already merged in."""

    name: str
    entries: tuple[Entry, ...]


class Metric(Frozen):
    """A number to report."""

    name: str
    value: Expr


class Setting(Frozen):
    """`key = value` of the `run` block."""

    key: str
    value: Expr


class Expect(Frozen):
    """A condition on the result, with the schedule it speaks of (empty: the default) and its text."""

    schedule: str
    condition: Expr
    text: str


class Assumption(Frozen):
    """What the author claims of a formula or a network: `convex(f, u)`; `text` is how it was written."""

    fact: str
    about: Expr | None = None
    of: tuple[str, ...] = ()
    text: str = ""


class Game(Frozen):
    """A whole game."""

    ir_version: Literal["1.0"] = "1.0"
    language: int = 1
    name: str
    source: str = ""
    params: tuple[Param, ...] = ()
    data: tuple[Data, ...] = ()
    dists: tuple[Dist, ...] = ()
    nets: tuple[Net, ...] = ()
    vars: tuple[Var, ...] = ()
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    root: tuple[str, ...]
    concept: Literal["nested", "nash", "block"] = "nested"
    order: tuple[tuple[str, ...], ...] = ()
    order_word: Literal["", "auto", "simultaneous"] = ""
    merged: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    metrics: tuple[Metric, ...] = ()
    run: tuple[Setting, ...] = ()
    expects: tuple[Expect, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    solve: str = ""

    def node(self, name: str) -> Node:
        """The node with this id."""
        return next(n for n in self.nodes if n.id == name)

    def hash(self) -> str:
        """Twelve hexadecimal digits that depend on the meaning alone, not on the layout."""
        written = {"__all__": {"text"}}  # conditions and assumptions also hold how they were written
        text = json.dumps(self.model_dump(mode="json", exclude={"expects": written, "assumptions": written}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


__all__ = [
    "Assumption", "Data", "Dist", "Edge", "Entry", "Exact", "Expect", "Game", "Group", "Metric", "Net", "Node", "Option", "Param", "Part",
    "Schedule", "Sense", "Set", "Setting", "Use", "Var",
]  # fmt: skip
Set.model_rebuild()
Game.model_rebuild()
