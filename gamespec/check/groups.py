"""Samples that are tables: one task of a set of tasks, or several rows drawn together.

`tau ~ tasks` is one task, and `mean{(x, y) in tau.train}[ .. ]` runs through one of its tables. `S ~ iid(train, 64)` is a
set of 64 rows drawn independently, and `mean{(x, y) in S}[ .. ]` runs through it: what stands around that mean is an
objective of the whole set, such as a penalty on a mean or on pairs of rows.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check import binders, expressions, sifting
from gamespec.check.constant import evaluate, of_table, row_count, to_expr
from gamespec.check.scope import Bound, DataName, Scope, Typed
from gamespec.ir import game as ir
from gamespec.ir.expr import Draw, Ref, Word
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build

LARGEST = 100_000


def several(node: tree.Call, scope: Scope, build: Build) -> DataName:
    """`iid(train, 64)` as a data source whose samples are sets of 64 rows. Raises Failed with GE208."""
    found = scope.find(node.args[0].id) if len(node.args) == 2 and isinstance(node.args[0], tree.Name) else None
    if not isinstance(found, DataName) or found.data.grouped or node.kwargs or node.params:
        raise build.log.fail("GE208", "`iid` takes a data source and a number of rows", node.span, hint="write `S ~ iid(train, 64)`")
    count = evaluate(node.args[1], scope, build)
    if not isinstance(count, Fraction) or count.denominator != 1 or not 1 <= count <= LARGEST:
        raise build.log.fail("GE208", f"a set has 1 to {LARGEST} rows", node.args[1].span, hint="write `64`")
    of = found.data
    if of.source.word not in ("given", "py") and row_count(of.source) is None:
        raise build.log.fail("GE208", f"`{of.name}` has no end", node.args[0].span, "rows are drawn from a table",
                             hint="write one expectation for each sample: `E{x ~ data}[ .. ]`")  # fmt: skip
    if of_table(of.source)[2]:
        raise build.log.fail("GE208", f"the images of `{of.name}` move", node.args[0].span, "sets of rows are those of the table itself",
                             hint="declare the source once more without `pad` and `flip`, and draw the sets from there")  # fmt: skip
    name = f"{of.name}_by_{count}"
    fields = tuple(f.model_copy(update={"name": f".{f.name}"}) for f in of.fields)
    made = DataName(ir.Data(name=name, fields=fields, source=ir.Use(word="iid", args=(Word(value=of.name), to_expr(count)))), node.span)
    build.sets[name] = made.data
    root = scope
    while root.parent is not None:
        root = root.parent
    root.names.setdefault(name, made)
    return made


def table(node: tree.Expr | None, scope: Scope, build: Build) -> tuple[ir.Data, str] | None:
    """The data and the name of a table that is part of a sample: `tau.train`, or `S`; None for anything else."""
    base = node.base if isinstance(node, tree.Attr) else node
    found = scope.find(base.id) if isinstance(base, tree.Name) else None
    if not isinstance(found, Bound) or found.typed.type.kind != "table" or node is None:
        return None
    typed = expressions.lower(node, scope, build)
    data = scope.find(typed.type.net)
    assert isinstance(typed.expr, Ref)  # a table is its sample, or a part of it
    assert isinstance(data, DataName)  # a sample is of a source
    return data.data, typed.expr.name


def rows(binder: tree.Binder, bind: tree.Bind, data: ir.Data, name: str, inner: Scope, build: Build) -> Draw:
    """`(x, y) in tau.train`: every row of a table."""
    part = name.partition(".")[2]
    fields = [f for f in data.fields if f.name.partition(".")[0] == part]
    shown = ", ".join(f.name.partition(".")[2] for f in fields)
    if not fields:
        parts = sorted({f.name.partition(".")[0] for f in data.fields})
        raise build.log.fail("GE208", "a task is no table", bind.span, "it is made of tables", hint=f"write `{name}.{parts[0]}`")
    if bind.draws or binder.op == "E":
        raise build.log.fail("GE208", "a table has an end, and is run through", bind.span, hint=f"write `mean{{({shown}) in {name}}}[ .. ]`")
    if len(bind.pattern.names) != len(fields):
        raise build.log.fail("GE209", f"`{name}` has {len(fields)} field(s)", bind.pattern.span, f"{len(bind.pattern.names)} name(s) given",
                             hint=f"write `({shown})`" if len(fields) > 1 else f"write `{shown}`")  # fmt: skip
    names = build.samples.get(name) or tuple(build.fresh(n.id) for n in bind.pattern.names)
    build.samples[name] = names
    for n, unique, f in zip(bind.pattern.names, names, fields, strict=True):
        binders.hide(n, inner, build)
        inner.names[n.id] = Bound(Typed(Ref(name=unique), f.type, rows=True, range=f.range), n.span)
    return Draw(names=names, over=f"{data.name}/{name}", draws=False, cond=sifting.condition(bind, names, inner, build))
