"""From expressions of the IR to arrays of formulas, one for each number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from gamespec.emit.closed.graph import Graph, Node, NotClosed
from gamespec.emit.spell import spelled
from gamespec.ir import expr as ir
from gamespec.ir.game import Game
from gamespec.ir.walk import walk

MOST = 100
"""Numbers in one array from which on torch is the better loop."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array of formulas, row by row."""

    shape: tuple[int, ...]
    items: tuple[Node, ...]

    def rows(self) -> list[Array]:
        """All rows."""
        size = math.prod(self.shape[1:])
        return [Array(self.shape[1:], self.items[k * size : (k + 1) * size]) for k in range(self.shape[0])]

    def at(self, k: int) -> Array:
        """The k-th row."""
        if not self.shape or not -self.shape[0] <= k < self.shape[0]:
            raise NotClosed("an index lies outside its array")
        return self.rows()[k]


def number(node: Node) -> Array:
    """One number as an array."""
    return Array((), (node,))


def stacked(parts: Sequence[Array]) -> Array:
    """Arrays of one shape as the rows of another."""
    return Array((len(parts), *parts[0].shape), tuple(n for p in parts for n in p.items))


def nested(names: list[str], shape: tuple[int, ...]) -> str:
    """Names as nested lists of a shape."""
    if not shape:
        return names[0]
    size = len(names) // shape[0]
    return f"[{', '.join(nested(names[k * size : (k + 1) * size], shape[1:]) for k in range(shape[0]))}]"


class Reader:
    """Reads the expressions of one game. `names` are the variables, where they stand, and indices with their number."""

    def __init__(self, game: Game, graph: Graph, names: Mapping[str, Array]) -> None:
        self.game, self.graph, self.names = game, graph, dict(names)
        self.params = {p.name: p.value for p in game.params}
        self.nodes = {n.id: n for n in game.nodes}

    def bound(self, names: Mapping[str, Array | int]) -> Reader:
        """The same with some names standing elsewhere."""
        found = {n: number(self.graph.number(v)) if isinstance(v, int) else v for n, v in names.items()}
        return Reader(self.game, self.graph, self.names | found)

    def one(self, e: ir.Expr) -> Node:
        """An expression that is one number."""
        found = self.read(e)
        if found.shape:
            raise NotClosed("an objective is an array")
        return found.items[0]

    def read(self, e: ir.Expr) -> Array:
        """The formulas of an expression. Raises NotClosed."""
        match e:
            case ir.Num(value=value):
                return number(self.graph.number(value))
            case ir.Ref(name=name):
                return self._ref(name)
            case ir.Value(node=node):
                return self.read(self.nodes[node].objective)
            case ir.Call():
                return self._call(e)
            case ir.Array(items=items):
                return self._array([self.read(i) for i in items])
            case ir.Index(base=base, indices=indices):
                return reduce(lambda a, i: a.at(self._whole(i)), indices, self.read(base))
            case ir.Reduce():
                return self._reduce(e)
            case ir.If(cond=cond, then=then, other=other):
                return self._each(self.graph.pick, *(self.read(x) for x in (cond, then, other)))
            case ir.Stop(body=body):
                return self._each(lambda a: self.graph.call("stop", a), self.read(body))
            case ir.Grad():
                return self._grad(e)
            case _:
                raise NotClosed(f"`{getattr(e, 'net', getattr(e, 'value', e.kind))}` is no formula of numbers")

    def _ref(self, name: str) -> Array:
        if name in self.names:
            return self.names[name]
        value = self.params.get(name)
        if isinstance(value, ir.Num):
            return number(self.graph.name(spelled(name), constant=True))
        if value is not None:
            return self.read(value)
        if name == "pi":
            return number(self.graph.name("math.pi", constant=True))
        raise NotClosed(f"`{name}` is no number")

    def _array(self, parts: list[Array]) -> Array:
        if not parts or any(p.shape != parts[0].shape for p in parts):
            raise NotClosed("an array has no rows, or rows of different shapes")
        return stacked(parts)

    def _whole(self, e: ir.Expr) -> int:
        """An index that is known."""
        found = self.read(e)
        value = found.items[0].value if not found.shape else None
        if found.shape or found.items[0].op != "num" or isinstance(value, str | None) or int(value) != value:
            raise NotClosed("an index is not known before the game is played")
        return int(value)

    def _each(self, op: Callable[..., Node], *args: Array) -> Array:
        """Elementwise; a number meets every entry of an array."""
        shape = max((a.shape for a in args), key=len)
        if any(a.shape not in ((), shape) for a in args):
            raise NotClosed("arrays of two shapes meet")
        size = math.prod(shape)
        wide = [a.items if a.shape == shape else a.items * size for a in args]
        return Array(shape, tuple(op(*group) for group in zip(*wide, strict=True)))

    # -------------------------------------------------------------- reductions and gradients

    def _reduce(self, e: ir.Reduce) -> Array:
        if any(d.over or d.cond is not None or d.skip is not None or len(d.names) != 1 for d in e.draws):
            raise NotClosed("an expectation is taken over samples")
        ranges = [range(d.first, d.last + 1) for d in e.draws]
        names = [d.names[0] for d in e.draws]
        if math.prod(map(len, ranges)) > MOST:
            raise NotClosed(f"a sum has more than {MOST} terms")
        parts = [self.bound(dict(zip(names, at, strict=True))).read(e.body) for at in itertools.product(*ranges)]
        if not parts:
            raise NotClosed("a range is empty")
        g = self.graph
        match e.op:
            case "sum" | "E" | "mean":
                whole = self._each(lambda *xs: g.total(xs), *parts)
                return whole if e.op == "sum" else self._each(lambda x: g.div(x, g.number(len(parts))), whole)
            case "prod":
                return self._each(lambda *xs: reduce(g.mul, xs), *parts)
            case "max" | "min":
                word = "largest" if e.op == "max" else "smallest"
                return self._each(lambda *xs: g.call(word, *xs) if len(xs) > 1 else xs[0], *parts)
            case _:
                raise NotClosed(f"`{e.op}` picks an element")

    def _grad(self, e: ir.Grad) -> Array:
        """A gradient inside an objective, itself a formula of everything around it."""
        if e.at is None:
            raise NotClosed("a gradient has no point of its own")
        at = self._each(self.graph.here, self.read(e.at))
        total = self.graph.total(self.bound({e.name: at}).read(e.body).items)
        return Array(at.shape, tuple(self.graph.gradient(total, at.items)))

    # -------------------------------------------------------------- functions

    def _call(self, e: ir.Call) -> Array:
        if e.fn in ("norm", "max", "min"):
            return self._extreme(e) if e.fn != "norm" else self._norm(e)
        args = [self.read(a) for a in e.args]
        g = self.graph
        if e.fn in _SIMPLE:
            return self._each(lambda *xs: _SIMPLE[e.fn](g, *xs), *args)
        if e.fn in _CALLED and len(args) == _CALLED[e.fn]:
            return self._each(lambda *xs: g.call(e.fn, *xs), *args)
        match e.fn, args:
            case (("sum" | "mean"), [a]):
                whole = g.total(a.items)
                return number(whole if e.fn == "sum" else g.div(whole, g.number(len(a.items))))
            case "mse", [a, b]:
                squares = self._each(lambda x, y: g.pow(g.sub(x, y), g.number(2)), a, b)
                return number(g.div(g.total(squares.items), g.number(len(squares.items))))
            case "matmul", [a, b]:
                return self._matmul(a, b)
            case "softmax", [a] if len(a.shape) == 1:
                top = g.call("stop", self._most("largest", a.items))
                powers = [g.call("exp", g.sub(x, top)) for x in a.items]
                whole = g.total(powers)
                return Array(a.shape, tuple(g.div(p, whole) for p in powers))
            case _:
                raise NotClosed(f"`{e.fn}` is not written as a formula")

    def _of_arrays(self, e: ir.Expr) -> bool:
        """Whether an expression has an array param inside, which is a tensor in the torch lane and bounds nothing there."""
        return any(isinstance(x, ir.Ref) and isinstance(self.params.get(x.name), ir.Array) for x in walk(e))

    def _matmul(self, a: Array, b: Array) -> Array:
        g = self.graph

        def dot(x: Sequence[Node], y: Sequence[Node]) -> Node:
            return g.total(g.mul(p, q) for p, q in zip(x, y, strict=True))

        if len(a.shape) > 2 or len(b.shape) > 2:
            raise NotClosed("`@` multiplies more than matrices")
        left = [r.items for r in a.rows()] if len(a.shape) == 2 else [a.items]
        right = [tuple(c) for c in zip(*(r.items for r in b.rows()), strict=True)] if len(b.shape) == 2 else [b.items]
        shape = (*a.shape[:-1], *b.shape[1:])
        return Array(shape, tuple(dot(x, y) for x in left for y in right))

    def _norm(self, e: ir.Call) -> Array:
        a, g = self.read(e.args[0]), self.graph
        order: object = 2
        if len(e.args) > 1:
            order = e.args[1].value if isinstance(e.args[1], ir.Num | ir.Word) else e.args[1].name if isinstance(e.args[1], ir.Ref) else None
        sizes = [g.call("abs", x) for x in a.items]
        if not a.shape:
            return number(sizes[0])
        match order:
            case 2:
                return number(g.call("length", *a.items))
            case 1:
                return number(g.total(sizes))
            case "inf":
                return number(self._most("largest", sizes))
            case _:
                raise NotClosed("a norm is neither of order 1, 2 nor inf")

    def _most(self, word: str, items: Sequence[Node]) -> Node:
        return self.graph.call(word, *items) if len(items) > 1 else items[0]

    def _extreme(self, e: ir.Call) -> Array:
        """The largest or smallest entry of one array, or of several elementwise, numbers last, as bounds."""
        g, up = self.graph, e.fn == "max"
        args = [self.read(a) for a in e.args]
        if len(args) == 1:
            return number(self._most("largest" if up else "smallest", args[0].items))
        bounds = [all(n.constant for n in a.items) and not self._of_arrays(x) for a, x in zip(args, e.args, strict=True)]
        moving = [a for a, bound in zip(args, bounds, strict=True) if not bound]
        fixed = [a for a, bound in zip(args, bounds, strict=True) if bound]
        between, bound = ("larger", "atleast") if up else ("smaller", "atmost")
        found = [reduce(lambda a, b: self._each(lambda x, y: g.call(between, x, y), a, b), part) for part in (moving, fixed) if part]
        return found[0] if len(found) == 1 else self._each(lambda x, y: g.call(bound, x, y), *found)


_SIMPLE: dict[str, Callable[..., Node]] = {
    "add": Graph.add, "sub": Graph.sub, "mul": Graph.mul, "div": Graph.div, "pow": Graph.pow, "neg": Graph.neg,
}  # fmt: skip
_CALLED = {
    **dict.fromkeys(("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "softplus", "abs", "relu", "sign", "not"), 1),
    **dict.fromkeys(("le", "lt", "ge", "gt", "eq", "ne", "and", "or"), 2),
}
