"""Definitions written out: every `def`, `let` and imported name in place, without one name catching another's meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from gamespec.check.imports import qualified
from gamespec.check.names import defined, free
from gamespec.report.diagnostic import Edit
from gamespec.syntax import tree
from gamespec.syntax.parse import parse
from gamespec.syntax.read import read
from gamespec.syntax.say import local, say, statement, tightness

Values = Mapping[str, tree.Expr]


@dataclass(slots=True)
class Definitions:
    """What may be written out, by the name that it is used under, and what an import has to leave behind as a statement.

    `fixed` are names that stand for one thing in the whole file, so that a binder of this name binds nothing new.
    """

    bodies: dict[str, tree.Def | tree.Let] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    moved: list[tree.Param | tree.Dim | tree.Dist | tree.Def | tree.Let] = field(default_factory=list)

    # -------------------------------------------------------------- expressions

    def expand(self, node: Any, hidden: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # any part of a tree; until 2027-11
        """The same with every use of a definition replaced by what it says; `hidden` names mean something else here."""
        if isinstance(node, tuple):
            return tuple(self.expand(part, hidden) for part in node)
        if not isinstance(node, tree.Node):
            return node
        if isinstance(node, tree.Bound):
            hidden |= {n.id for b in node.binders for x in b.binds for n in x.pattern.names} - self.fixed
        if isinstance(node, tree.Body):
            hidden |= defined(node) - self.fixed
        made = replace(node, **{f.name: self.expand(getattr(node, f.name), hidden) for f in fields(node) if f.name != "span"})
        if isinstance(made, tree.Name) and made.id not in hidden and isinstance(self.bodies.get(made.id), tree.Let):
            return self._written(self.bodies[made.id], {}) or made
        if isinstance(made, tree.Call) and isinstance(made.fn, tree.Name) and made.fn.id not in hidden:
            definition = self.bodies.get(made.fn.id)
            if isinstance(definition, tree.Def):
                return self._written(definition, dict(zip((f.name.id for f in definition.formals), made.args, strict=True))) or made
        return made

    def _written(self, definition: tree.Def | tree.Let, values: Values) -> tree.Expr | None:
        """The body of a definition with these arguments; None where it has answers or constraints of its own."""
        body = definition.body
        if not plain(definition):
            return None
        rest = {item.left.id: item.right for item in body.side if isinstance(item.left, tree.Name) and item.right is not None}
        expr = body.expr
        while rest:
            # The names of a `where` list may use one another in any order, but not in a circle.
            first = next(n for n in rest if not any(n in free(e) for e in rest.values()))
            expr = self.put(expr, {first: rest.pop(first)}) if first in free(expr) else _drop(rest, first, expr)
        # Its own names mean what they mean where it stands, so they are written out before arguments come in.
        made: tree.Expr = self.put(self.expand(expr, frozenset(values)), values)
        return made

    # -------------------------------------------------------------- substitution

    def put(self, node: Any, values: Values) -> Any:  # noqa: ANN401  # any part of a tree; until 2027-11
        """The same with free names replaced; names that are bound inside are renamed where they would catch one of a value."""
        if isinstance(node, tuple):
            return tuple(self.put(part, values) for part in node)
        if not isinstance(node, tree.Node) or not values:
            return node
        if isinstance(node, tree.Name):
            return values.get(node.id, node)
        if isinstance(node, tree.Bound):
            return self._bound(node, values)
        if isinstance(node, tree.Body):
            inner = self._enter(defined(node), node.span, values)
            return tree.Body(node.span, self.put(node.expr, inner), tuple(self._item(i, inner) for i in node.side))
        return replace(node, **{f.name: self.put(getattr(node, f.name), values) for f in fields(node) if f.name != "span"})

    def _bound(self, node: tree.Bound, values: Values) -> tree.Bound:
        binders = []
        for binder in node.binders:
            binds = []
            for b in binder.binds:
                kind, source, indices = (self.put(x, values) for x in (b.type, b.source, b.pattern.indices))
                values = self._enter({n.id for n in b.pattern.names}, b.span, values)
                names = tuple(_name(self.put(n, values)) for n in b.pattern.names)
                pattern = replace(b.pattern, names=names, indices=indices)
                binds.append(replace(b, pattern=pattern, type=kind, source=source, cond=self.put(b.cond, values)))
            binders.append(replace(binder, binds=tuple(binds)))
        return replace(node, binders=tuple(binders), body=self.put(node.body, values))

    def _item(self, item: tree.Item, values: Values) -> tree.Item:
        inner = self._enter({f.name.id for f in item.foralls}, item.span, values)
        foralls = tuple(replace(f, name=_name(self.put(f.name, inner)), source=self.put(f.source, values)) for f in item.foralls)
        return replace(item, left=self.put(item.left, inner), right=self.put(item.right, inner), foralls=foralls)

    def _enter(self, names: set[str] | frozenset[str], span: Any, values: Values) -> Values:  # noqa: ANN401  # a Span; until 2027-11
        """What is replaced inside a form that binds these names: not they, but they by new names where a value uses them."""
        inner = {n: v for n, v in values.items() if n not in names}
        used = {n for v in inner.values() for n in free(v)}
        for name in sorted((names & used) - self.fixed):
            number = next(k for k in range(2, 1000) if f"{name}_{k}" not in used | names | self.fixed)
            inner[name] = tree.Name(span, f"{name}_{number}")
        return inner


def _drop(rest: dict[str, tree.Expr], name: str, expr: tree.Expr) -> tree.Expr:
    """A local name that nothing uses goes."""
    rest.pop(name)
    return expr


def _name(node: tree.Expr) -> tree.Name:
    assert isinstance(node, tree.Name)  # a bound name is only ever replaced by a name
    return node


def plain(definition: tree.Def | tree.Let) -> bool:
    """Whether a definition is a formula with local names, which can be written in place of its name.

    It is not where it has answers of players, constraints or families; where a local name is the point of a gradient;
    and an array stays a constant with a name.
    """
    body = definition.body
    points = {n.id for b in _binders(body) if b.op == "grad" for x in b.binds for n in x.pattern.names}
    named = [i.left.id for i in body.side if local(i) and isinstance(i.left, tree.Name) and not i.foralls]
    array = isinstance(definition, tree.Let) and isinstance(body.expr, tree.List)
    return len(named) == len(body.side) and not points & {*named} and not array


def _binders(node: Any) -> Iterator[tree.Binder]:  # noqa: ANN401  # any part of a tree; until 2027-11
    if isinstance(node, tree.Binder):
        yield node
    parts = node if isinstance(node, tuple) else [getattr(node, f.name) for f in fields(node)] if isinstance(node, tree.Node) else ()
    for part in parts:
        yield from _binders(part)


# ------------------------------------------------------------------ files


def inlined(spec: tree.Spec, file: str) -> list[Edit]:
    """The changes of a file that write out its definitions and those of its imports.

    A definition with answers or constraints of its own stays; one that was imported comes into the file, as `atk_name`,
    and so do imported parameters and distributions.
    """
    known = Definitions()
    _enter_file(spec, file, "", known)
    edits: list[Edit] = []
    moved = "\n".join(statement(_underscored(known.expand(s))) for s in known.moved)
    for s in qualified(spec).statements:
        if isinstance(s, tree.Import):
            edits.append(Edit(s.span, moved))
            moved = ""
        elif isinstance(s, tree.Let | tree.Def) and plain(s):
            edits.append(Edit(s.span, ""))
        else:
            edits += _changes(s, _underscored(known.expand(s)))
    return edits


def _changes(before: Any, after: Any, level: int = 0) -> list[Edit]:  # noqa: ANN401  # any part of a tree; until 2027-11
    """The smallest expressions that differ; in brackets where something binds them more tightly from outside."""
    if before == after:
        return []
    if isinstance(before, tuple):
        return [e for a, b in zip(before, after, strict=True) for e in _changes(a, b, level)]
    if type(before) is type(after) and before.span == after.span and not isinstance(before, tree.Name):
        inside = [(f.name, getattr(before, f.name), getattr(after, f.name)) for f in fields(before)]
        return [e for n, a, b in inside if isinstance(a, tree.Node | tuple) for e in _changes(a, b, tightness(before, n))]
    return [Edit(before.span, say(after, level))]


def _underscored(node: Any) -> Any:  # noqa: ANN401  # any part of a tree; until 2027-11
    """Names of imports as names of the file: `atk_margin`."""
    if isinstance(node, tuple):
        return tuple(map(_underscored, node))
    if isinstance(node, tree.Name):
        return replace(node, id=node.id.replace(".", "_"))
    if not isinstance(node, tree.Node):
        return node
    return replace(node, **{f.name: _underscored(getattr(node, f.name)) for f in fields(node) if f.name not in ("span", "op_span")})


def _enter_file(spec: tree.Spec, file: str, prefix: str, known: Definitions) -> None:
    """The definitions of one file under `prefix`, those that it imports first; all of an imported file's names get the prefix."""
    for s in spec.statements:
        if isinstance(s, tree.Import):
            path = Path(file).parent / s.path.value
            _enter_file(parse(read(path)), str(path), f"{prefix}{s.name.id}.", known)
    statements = qualified(spec).statements
    own = {s.name.id for s in statements if isinstance(s, tree.Param | tree.Dim | tree.Dist | tree.Let | tree.Def)}
    for s in statements:
        if isinstance(s, tree.Net | tree.Var | tree.Data | tree.Param | tree.Dim | tree.Dist) and not prefix:
            known.fixed |= {s.name.id, *({s.params.id} if isinstance(s, tree.Net) and s.params else ())}
        if not isinstance(s, tree.Param | tree.Dim | tree.Dist | tree.Let | tree.Def):
            continue
        full = {n: tree.Name(s.span, f"{prefix}{n}") for n in own} if prefix else {}
        if isinstance(s, tree.Def):
            full = {n: name for n, name in full.items() if n not in {f.name.id for f in s.formals}}
        renamed = known.put(replace(s, name=tree.Name(s.name.span, f"{prefix}{s.name.id}")), full)
        if isinstance(renamed, tree.Def | tree.Let):
            known.bodies[renamed.name.id] = renamed
        if prefix and (not isinstance(renamed, tree.Def | tree.Let) or not plain(renamed)):
            known.moved.append(renamed)
