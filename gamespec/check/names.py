"""Which names a piece of syntax uses, which of them need one another, and which samples they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from gamespec.check.scope import Bound, DefName, LetName, Scope, SetName, VarName
from gamespec.ir.expr import Expr, Value
from gamespec.ir.walk import free_names, walk
from gamespec.library.functions import CONSTANTS, WRITTEN
from gamespec.syntax import tree

if TYPE_CHECKING:
    from gamespec.check.build import Build

BUILTIN = WRITTEN | CONSTANTS.keys() | {"stop", "len", "sample", "domain", "iid"}
"""Words of the library that may stand in an expression, metrics aside."""

N = TypeVar("N", bound=tree.Node)
Found = dict[str, tree.Name]
"""Names by what they say, each at its first place."""


def free(node: object) -> Found:
    """The names that a piece of syntax uses and does not bind itself."""
    found: Found = {}
    stack: list[tuple[object, frozenset[str]]] = [(node, frozenset())]
    while stack:
        at, bound = stack.pop()
        if isinstance(at, tree.Name):
            if at.id not in bound:
                found.setdefault(at.id, at)
        elif isinstance(at, tree.Bound):
            stack += _bound(at, bound)
        elif isinstance(at, tree.Body):
            stack += [(part, bound | defined(at)) for part in (*reversed(at.side), at.expr)]
        elif isinstance(at, tree.Block | tree.Equilibrium):
            stack += [(part, bound | defined(at)) for part in (*reversed(at.side), *reversed(at.players))]
        elif isinstance(at, tree.Player):
            stack += [(at.game, bound | {f.name.id for f in at.foralls}), *((f.source, bound) for f in at.foralls)]
        elif isinstance(at, tree.Item):
            inner = bound | {f.name.id for f in at.foralls}
            stack += [(at.right, inner), (at.left, inner), *((f.source, bound) for f in at.foralls)]
        elif isinstance(at, tree.Node):
            stack += [(getattr(at, f.name), bound) for f in reversed(fields(at))]
        elif isinstance(at, tuple):
            stack += [(part, bound) for part in reversed(at)]
    return found


def defined(body: tree.Body | tree.Block | tree.Equilibrium) -> frozenset[str]:
    """The names that the items after `s.t.` and `where` define."""
    lefts = [item.left.base if isinstance(item.left, tree.Index) else item.left for item in body.side if item.kind != "constraint"]
    return frozenset(left.id for left in lefts if isinstance(left, tree.Name))


def _bound(node: tree.Bound, bound: frozenset[str]) -> list[tuple[object, frozenset[str]]]:
    parts: list[tuple[object, frozenset[str]]] = []
    for binder in node.binders:
        for bind in binder.binds:
            names = {n.id for n in bind.pattern.names}
            parts += [(bind.type, bound), (bind.source, bound), (bind.pattern.indices, bound)]
            # `min{u}` and `grad{u}` speak of a name from outside.
            if bind.source is None and bind.type is None and not (binder.op == "grad" and names <= defined(node.body)):
                parts.append((bind.pattern.names, bound))
            bound |= names
            parts.append((bind.cond, bound))
    return [(node.body, bound), *reversed(parts)]


def below(node: object, kind: type[N]) -> Iterator[N]:
    """Every node of a kind in a piece of syntax, in the order in which they are written."""
    stack = [node]
    while stack:
        at = stack.pop()
        if isinstance(at, kind):
            yield at
        if isinstance(at, tree.Node):
            stack += [getattr(at, f.name) for f in reversed(fields(at))]
        elif isinstance(at, tuple):
            stack += reversed(at)


def circle(uses: Mapping[str, Iterable[str]]) -> list[str]:
    """Names of which each uses the next and the last the first; empty where there is no such circle."""
    done: set[str] = set()
    for start in uses:
        path: list[str] = []
        branches = [iter((start,))]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                return path[path.index(name) :]
            elif name in uses and name not in done:
                path.append(name)
                branches.append(iter(tuple(uses[name])))
    return []


def in_order(uses: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each after those that it uses; there is no circle among them."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in uses and name not in ordered:
            for other in uses[name]:
                visit(other)
            ordered[name] = None

    for name in uses:
        visit(name)
    return list(ordered)


def depends(expr: Expr, build: Build) -> frozenset[str]:
    """The samples and indices, by their IR names, that an expression depends on."""
    scopes = {v.name: v.scope for v in build.vars} | {n.id: n.scope for n in build.nodes}
    found: set[str] = set()
    for name in (*free_names(expr), *(e.node for e in walk(expr) if isinstance(e, Value))):
        # A table is a part of its sample: `tau.train` depends on `tau`.
        found |= {n for d in scopes[name] for n in d.names} if name in scopes else {name, name.partition(".")[0]}
    return frozenset(found)


def mentioned(names: Iterable[str], scope: Scope, build: Build) -> frozenset[str]:
    """The samples and indices that written names depend on, definitions looked through."""
    found: set[str] = set()
    seen: set[tuple[str, int]] = set()
    stack = [(name, scope) for name in names]
    while stack:
        name, at = stack.pop()
        binding = at.find(name)
        match binding:
            case Bound():
                found |= depends(binding.typed.expr, build)
            case VarName():
                found |= {n for d in binding.var.scope for n in d.names}
            case SetName():
                for part in binding.set.parts:
                    for expr in (*part.args, *((part.shift,) if part.shift is not None else ())):
                        found |= depends(expr, build)
            case LetName() | DefName() if (name, id(binding.scope)) not in seen:
                seen.add((name, id(binding.scope)))
                stack += [(used, binding.scope) for used in _inside(binding)]
    return frozenset(found)


def _inside(binding: LetName | DefName) -> set[str]:
    if isinstance(binding, LetName):
        return set(free(binding.body))
    return set(free(binding.definition.body)) - {f.name.id for f in binding.definition.formals}
