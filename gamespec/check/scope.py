"""Names: what each stands for while a file is lowered, and the collector of what went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gamespec.ir import game as ir
from gamespec.ir.expr import Draw, Expr
from gamespec.ir.types import Interval, Type
from gamespec.report.diagnostic import Diagnostic, Edit, Fix, Label
from gamespec.report.source import Span
from gamespec.report.suggest import nearest
from gamespec.syntax import tree

# Hints that are replacements: of a word that was nearly right, of a number, of an operator.
REPLACED = re.compile(r"write `([^`]+)`(?:, or .*)?")
TYPED = {"GE021", "GE402", "GE405", "GE410"}
WORDS = {"min", "max", "argmin", "argmax"}


class Failed(Exception):  # noqa: N818  # control flow, never shown; until 2027-11
    """Raised after a diagnostic was recorded, to leave the statement at hand."""


@dataclass(slots=True)
class Log:
    """Collects every diagnostic of a file."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        hint: str = "",
        related: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        fixes: tuple[Fix, ...] = (),
    ) -> None:
        """Record one diagnostic; a second one of the same code at the same place says nothing new.

        Where no fix is given, a hint that says what to write in place of the span is one, and a guess.
        """
        if not any(d.code == code and d.primary.span == span for d in self.diagnostics):
            typed = REPLACED.fullmatch(hint)
            if typed and not fixes and span.start < span.end and ("did you mean" in label or code in TYPED or typed[1] in WORDS):
                fixes = (Fix(hint, (Edit(span, typed[1]),)),)
            self.diagnostics.append(Diagnostic(code, message, Label(span, label), related, notes, hint, fixes))

    def fail(self, code: str, message: str, span: Span, label: str = "", *, hint: str = "", related: tuple[Label, ...] = ()) -> Failed:
        """Record an error; the caller raises what this returns."""
        self.add(code, message, span, label, hint=hint, related=related)
        return Failed()

    @property
    def failed(self) -> bool:
        """Whether any error was recorded."""
        return any(d.severity == "error" for d in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Typed:
    """A lowered expression: its type, whether it has one row per sample, the range of its values if known."""

    expr: Expr
    type: Type
    rows: bool = False
    range: Interval | None = None


# ------------------------------------------------------------------ what a name can stand for


@dataclass(frozen=True, slots=True)
class Const:
    """A `param`, a `dim` or a constant `let`: its value is known now."""

    name: str
    value: object
    span: Span
    range: Interval | None = None
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A name bound to an expression: a sample, an argument, an index; `written` is the argument where it was given."""

    typed: Typed
    span: Span
    written: tuple[tree.Expr, Scope] | None = None


@dataclass(frozen=True, slots=True)
class VarName:
    """A variable that a player chooses; `inner` ones were made by a binder, and another binder may hide them."""

    var: ir.Var
    span: Span
    inner: bool = False


@dataclass(frozen=True, slots=True)
class NetName:
    """A network, or (handle True) its parameters."""

    net: ir.Net
    span: Span
    handle: bool = False


@dataclass(frozen=True, slots=True)
class DataName:
    """A data source."""

    data: ir.Data
    span: Span


@dataclass(frozen=True, slots=True)
class DistName:
    """A distribution."""

    dist: ir.Dist
    span: Span


@dataclass(frozen=True, slots=True)
class SetName:
    """A set passed as an argument or bound by `let`."""

    set: ir.Set
    type: Type | None
    span: Span


@dataclass(frozen=True, slots=True)
class DefName:
    """A `def`, inlined where it is called."""

    definition: tree.Def
    scope: Scope


@dataclass(frozen=True, slots=True)
class LetName:
    """A `let` or a `where` name, lowered where it is used."""

    name: str
    body: tree.Body
    scope: Scope
    span: Span


@dataclass(frozen=True, slots=True)
class Broken:
    """A name whose declaration failed: uses of it are not reported again."""

    span: Span


@dataclass(frozen=True, slots=True)
class ModuleName:
    """The name of an import; what it brings stands beside it under dotted names."""

    span: Span


@dataclass(slots=True)
class FreeDim:
    """A `dim` without a value, until a declaration tells it."""

    name: str
    span: Span


Binding = FreeDim | ModuleName | Const | Bound | VarName | NetName | DataName | DistName | SetName | DefName | LetName | Broken


@dataclass(slots=True)
class Scope:
    """A lexical scope: names to bindings, and the draws and indices that are open around here."""

    parent: Scope | None = None
    names: dict[str, Binding] = field(default_factory=dict)
    draws: tuple[Draw, ...] = ()
    indices: frozenset[str] = frozenset()
    """The IR names of the indices of sums and families."""

    def child(self) -> Scope:
        """A scope inside this one."""
        return Scope(self, {}, self.draws, self.indices)

    def called_from(self, caller: Scope) -> Scope:
        """A scope inside this one, with the draws and indices around a call."""
        return Scope(self, {}, caller.draws, caller.indices)

    def find(self, name: str) -> Binding | None:
        """What a name stands for here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def each(self, draws: tuple[Draw, ...]) -> bool:
        """Whether what depends on these draws has one row per sample; of a sample that is a table there is one at a time."""
        found = [self.find(d.over) for d in draws]
        return any(not (isinstance(f, DataName) and f.data.grouped) for f in found)

    def visible(self) -> list[str]:
        """Every name that could be written here."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names += scope.names
            scope = scope.parent
        return names


KINDS: dict[str, tuple[type, ...]] = {
    "name": (Const, Bound, VarName, LetName, NetName),
    "size": (Const, FreeDim),
    "function": (NetName, DefName),
    "player": (NetName, VarName),
    "distribution": (DataName, DistName),
}
"""What may stand where a name of each sort is missing: only such names are offered."""


def unknown_name(log: Log, name: tree.Name, scope: Scope, more: tuple[str, ...] = (), what: str = "name") -> Failed:
    """Record an unknown name with the nearest one that would do."""
    near = nearest(name.id, [*(n for n in scope.visible() if isinstance(scope.find(n), KINDS[what])), *more])
    new = {"name": f"declare it: `let {name.id} = ..`", "size": f"declare it: `dim {name.id} = 4`"}
    hint = f"write `{near}`" if near else new.get(what, f"declare `{name.id}` first")
    return log.fail("GE101", f"unknown {what} `{name.id}`", name.span, f"did you mean `{near}`?" if near else "", hint=hint)


def declared_at(binding: Binding | None) -> Span | None:
    """Where a binding was written."""
    if isinstance(binding, DefName):
        return binding.definition.name.span
    return binding.span if binding is not None else None
