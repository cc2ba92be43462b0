"""Composition rules: what an expression is in a player's variables, read off the way it is put together.

A sum of convex parts is convex, a convex function of an affine map is convex, a non-negative weight keeps convexity,
and so on. The rules never evaluate anything and say "unknown" where they end.
"""

from __future__ import annotations

from dataclasses import replace

from gamespec.classify.bounds import Known, call
from gamespec.classify.curve import (
    SCALAR,
    Curve,
    add,
    both,
    common,
    count,
    flip,
    function,
    joined,
    matmul,
    power,
    product,
    reciprocal,
    reduced_curve,
)  # fmt: skip
from gamespec.classify.interval import ALL
from gamespec.ir import expr as ir
from gamespec.ir.walk import walk
from gamespec.library.registry import words


class Rules:
    """The rules for one choice of own variables."""

    def __init__(self, known: Known, own: frozenset[str]) -> None:
        self.known = known
        self.own = own

    def read(self, e: ir.Expr) -> Curve:
        """The curvature of an expression."""
        match e:
            case ir.Ref(name=name) if name in self.own:
                owner = self.known.vars.get(name)
                size = None if owner is None or owner.axis else count(owner.type.shape)
                plain = "" if owner is not None and owner.axis else name
                return Curve("affine", self.known.bounds(e), plain=plain, size=size)
            case ir.Call(fn=fn, args=args):
                return self._call(fn, args, e)
            case ir.Reduce(op=op, draws=draws, body=body):
                if any(d.over in self.own for d in draws):
                    return Curve("unknown", ALL, ("a distribution that is chosen",))
                tests = [t for d in draws for t in (d.cond, d.skip) if t is not None]
                if any(self.read(t).shape != "constant" for t in tests):
                    return Curve("unknown", ALL, ("a condition that moves",))
                return reduced_curve(op, draws, self.read(body))
            case ir.Apply():
                return self._apply(e)
            case ir.Index(base=base, indices=indices):
                return self._index(self.read(base), indices)
            case ir.Value(node=node):
                return self.read(self.known.nodes[node].objective)
            case ir.Array(items=items):
                return joined([self.read(item) for item in items])
            case ir.If() | ir.Grad() | ir.Stop():
                return self._closed(e)
            case _:
                return Curve("constant", self.known.bounds(e), size=self._count(e))

    def _count(self, e: ir.Expr) -> int | None:
        owner = self.known.vars.get(e.name) if isinstance(e, ir.Ref) else None
        if owner is not None:
            return count(owner.type.shape)
        return 1 if isinstance(e, ir.Num) or (isinstance(e, ir.Ref) and self.known.exact(e) is not None) else None

    def _closed(self, e: ir.If | ir.Grad | ir.Stop) -> Curve:
        """Forms that no rule enters: constant unless an own variable is inside."""
        parts = (e.cond, e.then, e.other) if isinstance(e, ir.If) else (e.body,)
        at = getattr(e, "at", None)
        if all(self.read(p).shape == "constant" for p in (*parts, *(() if at is None else (at,)))):
            return Curve("constant", self.known.bounds(e), size=None)
        names = {"if": "`if` changes the formula", "grad": "a gradient inside", "stop": "`stop` inside"}
        return Curve("unknown", self.known.bounds(e), (names[e.kind],), size=None)

    def _index(self, base: Curve, indices: tuple[ir.Expr, ...]) -> Curve:
        if any(self.read(i).shape != "constant" for i in indices):
            return Curve("unknown", base.bounds, ("an index that the player chooses",))
        return replace(base, strong=(), plain="", root="", size=None)

    def _apply(self, e: ir.Apply) -> Curve:
        net = self.known.nets[e.net]
        span = self.known.bounds(e)
        args = [self.read(a) for a in e.args]
        point = self.read(e.at if e.at is not None else ir.Ref(name=net.handle))
        if point.shape == "constant" and all(a.shape == "constant" for a in args):
            return Curve("constant", span, size=None)
        entry = words("networks").get(net.source.word) if net.source is not None else None
        if entry is not None and entry.affine and point.flat and all(a.shape == "constant" for a in args):
            return Curve("affine", span, size=None)
        affine = entry is not None and entry.affine
        return Curve(
            "unknown", span, (f"the input of `{e.net}` moves" if affine else f"`{e.net}` is a network",), size=None
        )

    def _vector(self, e: ir.Expr) -> bool:
        """Whether an expression that is affine in the own variables is one row of numbers, as far as its form shows."""
        parts = list(walk(e))
        owners = [self.known.vars.get(p.name) for p in parts if isinstance(p, ir.Ref) and p.name in self.own]
        rows = all(owner is not None and len(owner.type.shape) == 1 for owner in owners)
        return rows and not any(isinstance(p, ir.Array) for p in parts)

    def _call(self, fn: str, args: tuple[ir.Expr, ...], e: ir.Call) -> Curve:
        read = [self.read(a) for a in args]
        span = call(fn, [c.bounds for c in read])
        if all(c.shape == "constant" for c in read):
            return Curve("constant", self.known.bounds(e), size=common(read) if fn not in SCALAR else 1)
        match fn, read:
            case "add", [a, b]:
                found = add(a, b)
            case "sub", [a, b]:
                found = add(a, flip(b))
            case "neg", [a]:
                found = flip(a)
            case "mul", [a, b] if args[0] == args[1]:
                found = power(a, 2.0)
            case "mul", [a, b]:
                found = product(a, b, "a product of two parts that both move")
            case "div", [a, b]:
                found = product(a, reciprocal(b), "a quotient whose lower part moves")
            case "pow", [a, Curve(shape="constant", bounds=(lo, hi))] if lo == hi:
                found = power(a, lo)
            case "matmul", [a, b]:
                found = matmul(a, b, same=args[0] == args[1] and self._vector(args[0]))
            case _:
                found = function(fn, read)
        return replace(found, bounds=both(span, found.bounds))
