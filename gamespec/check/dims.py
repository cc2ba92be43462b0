"""`dim n` without a value: the first data source that tells a size gives it one for the whole file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import columns_of, targets_of, to_expr
from gamespec.check.names import below
from gamespec.check.scope import Const, FreeDim, Scope
from gamespec.ir import game as ir
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build


def tell(written: tree.Type, source: ir.Use, scope: Scope) -> None:
    """Compare the declared type of a source with what it offers, and give sizes to the dimensions that have none."""
    if not any(isinstance(scope.find(name.id), FreeDim) for name in below(written, tree.Name)):
        return
    try:
        columns = columns_of(source)
    except (OSError, ImportError, ValueError):
        return  # The declaration says so, once its own check reads the file.
    targets = targets_of(source)
    kinds = [f.type for f in written.fields] if isinstance(written, tree.TRecord) else [written]
    for kind in kinds:
        if not isinstance(kind, tree.TName):
            continue
        name = (targets.pop(0) if targets else "y") if kind.name == "class" else "x"
        column = columns.get(name)
        if column is None:
            continue
        sizes = (column.size,) if kind.name == "class" else column.shape
        if len(sizes) == len(kind.dims):
            for dim, size in zip(kind.dims, sizes, strict=True):
                fill(dim, size, scope)


def fill(dim: tree.Expr, size: int, scope: Scope) -> None:
    """Give a free dimension its size."""
    found = scope.find(dim.id) if isinstance(dim, tree.Name) else None
    if isinstance(dim, tree.Name) and isinstance(found, FreeDim):
        scope.names[dim.id] = Const(dim.id, Fraction(size), found.span)


def told(spec: tree.Spec, scope: Scope, build: Build) -> list[ir.Param]:
    """The dimensions that were told, as constants of the game; those that nothing told are an error."""
    found: list[ir.Param] = []
    for s in spec.statements:
        if not isinstance(s, tree.Dim) or s.value is not None:
            continue
        match scope.names.get(s.name.id):
            case Const(value=Fraction() as value):
                found.append(ir.Param(name=s.name.id, value=to_expr(value)))
            case FreeDim():
                build.log.add("GE205", f"nothing tells how large `{s.name.id}` is", s.name.span, "no data source is declared with it",
                              hint=f"write `dim {s.name.id} = 4`")  # fmt: skip
    return found
