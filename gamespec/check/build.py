"""The game as it grows while its file is lowered, and how much of it may be written out."""

from __future__ import annotations

from dataclasses import dataclass, field

from gamespec.check.scope import Failed, Log
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Reduce, Value
from gamespec.ir.walk import children, depth, walk
from gamespec.report.source import Span
from gamespec.syntax import tree

DEEPEST = 80
"""Expressions nested deeper, definitions included, are refused: every stage walks them by recursion."""
LONGEST = 100
"""So are sums with more terms than this, which are as deep in the IR as they are long in the file."""
LARGEST = 50_000
"""And games that are larger than this once their definitions are written out where they are used."""


@dataclass(slots=True)
class Build:
    """The parts of a game, the names taken, and the log."""

    log: Log
    nodes: list[ir.Node] = field(default_factory=list)
    edges: list[ir.Edge] = field(default_factory=list)
    groups: list[ir.Group] = field(default_factory=list)
    vars: list[ir.Var] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of one sample of each source: draws of one source share the batch, whatever they are called."""
    spans: dict[str, Span] = field(default_factory=dict)
    """Where things were written: `node:main`, `var:u`, `radius:d`."""
    written: dict[str, str] = field(default_factory=dict)
    """Variables under another name than the written one: `d_2` was written `d`."""
    used: set[str] = field(default_factory=set)
    """The `let`s that were written out somewhere."""
    sets: dict[str, ir.Data] = field(default_factory=dict)
    """Sources whose samples are sets of rows of another, as `iid` made them."""
    open: list[str] = field(default_factory=list)
    """The sources of the draws that are being lowered, outermost first, definitions included."""
    elsewhere: set[str] = field(default_factory=set)
    """Players of the other games of the file: a schedule may speak of them."""
    limits: dict[str, tuple[Expr, ...]] = field(default_factory=dict)
    """The constraints after `s.t.`, by the node in whose objective they stand."""
    path: str = ""
    """Id of the node whose objective is being lowered, `@name` in a metric, empty at the root."""
    depth: int = 0
    size: int = 0

    def fresh(self, name: str) -> str:
        """A name nothing else has: `name`, or `name_2`, ..."""
        unique, n = name, 2
        while unique in self.taken:
            unique, n = f"{name}_{n}", n + 1
        self.taken.add(unique)
        self.written[unique] = name
        return unique

    def indices(self) -> dict[str, str]:
        """The indices that players run over by `min` and `max`, each with why it cannot be weighed, empty where it can."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if not node.id.startswith("@"):
                _indices(node.objective, f"it is chosen for each `{node.scope[0].names[0]}`" if node.scope else "", found)
        return found

    def scratch(self) -> Build:
        """A copy that shares the log alone: what is lowered in it leaves no trace but its mistakes."""
        return Build(
            self.log, list(self.nodes), [], [], list(self.vars), set(self.taken), dict(self.samples), dict(self.spans), sets=self.sets, path="@"
        )

    def enter(self, node: tree.Node) -> None:
        """Count one expression; `leave` follows. Raises Failed with GE007 or GE211 where it is one too many."""
        if self.depth >= DEEPEST:
            raise self.log.fail("GE007", "nested too deeply", node.span, f"more than {DEEPEST} levels, definitions included",
                                hint="name parts of it with `let`, and nest fewer of them")  # fmt: skip
        self.size += 1
        if self.size > LARGEST + 1:
            raise Failed  # was said at the first one too many
        if self.size > LARGEST:
            raise self.log.fail("GE211", "this game is too large", node.span, f"more than {LARGEST} expressions once every definition is written out",
                                hint="use `sum{i in S}[..]` in place of terms, and data in place of numbers")  # fmt: skip
        self.depth += 1

    def leave(self) -> None:
        """The end of an expression."""
        self.depth -= 1

    def shallow(self, expr: Expr, span: Span) -> Expr:
        """The expression itself. Raises Failed with GE007 where it is too long a chain."""
        if depth(expr) > LONGEST:
            raise self.log.fail(
                "GE007", "nested too deeply", span, f"more than {LONGEST} operations in one chain", hint="write a long sum as `sum{i in S}[..]`"
            )
        return expr


def _indices(expr: Expr, why: str, found: dict[str, str]) -> None:
    """Every index of `min` and `max` below an expression, which stands under another binder where `why` says so."""
    if isinstance(expr, Reduce):
        name = expr.draws[0].names[0]
        if expr.op in ("min", "max") and len(expr.draws) == 1 and not expr.draws[0].over:
            inside = "another player moves inside" if any(isinstance(e, Value) for e in walk(expr.body)) else ""
            found[name] = why or inside or ("it leaves an element out" if expr.draws[0].skip is not None else "")
        why = why or f"it is chosen for each `{name}`"
    for child in children(expr):
        _indices(child, why, found)
