"""The values that expressions of a game can take, as intervals: signs of weights, ranges of data, probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from gamespec.classify import interval
from gamespec.classify.expand import Expansion
from gamespec.classify.interval import ALL, INF, Interval
from gamespec.classify.sets import FREE, Place, place
from gamespec.ir import expr as ir
from gamespec.ir.game import Game
from gamespec.ir.walk import walk
from gamespec.library.functions import FUNCTIONS

_UNIT: Interval = (0.0, 1.0)


class Known:
    """Values of a game's expressions and places of its variables, each worked out once."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.expansion = Expansion(game)
        self.nets = {net.name: net for net in game.nets}
        self.handles = {net.handle: net for net in game.nets}
        self.vars = {var.name: var for var in game.vars}
        self.params = {param.name: param for param in game.params}
        self.nodes = {node.id: node for node in game.nodes}
        self.drawn = _drawn(game)
        self._places: dict[str, Place] = {}

    def place(self, name: str) -> Place:
        """What is known of the set of a variable or of a network's parameters."""
        if name not in self._places:
            self._places[name] = FREE
            owner = self.vars.get(name) or self.handles.get(name)
            self._places[name] = place(owner.set if owner else None, self)
        return self._places[name]

    def exact(self, e: ir.Expr) -> Fraction | None:
        """The value where it is one known rational, else None."""
        return self.expansion.exact(e)

    def bounds(self, e: ir.Expr) -> Interval:
        """An interval around all values, number by number."""
        match e:
            case ir.Num(value=value):
                return interval.exact(value)
            case ir.Ref(name=name):
                return self._name(name)
            case ir.Call(fn=fn, args=args):
                return call(fn, [self.bounds(a) for a in args])
            case ir.Reduce(op=op, body=body):
                return reduced(op, self.bounds(body))
            case ir.Apply(net=net):
                return _UNIT if self.nets[net].output.kind == "prob" else ALL
            case ir.Index(base=inner) | ir.Stop(body=inner):
                return self.bounds(inner)
            case ir.Value(node=node):
                return self.bounds(self.nodes[node].objective)
            case ir.Array(items=items):
                return _hull(self.bounds(item) for item in items)
            case ir.If(then=then, other=other):
                return interval.hull(self.bounds(then), self.bounds(other))
            case _:
                return ALL

    def _name(self, name: str) -> Interval:
        if name in self.drawn:
            return self.drawn[name]
        if name in self.params:
            return self.bounds(self.params[name].value)
        return self.place(name).range.interval if name in self.vars else ALL


def _hull(items: Iterable[Interval]) -> Interval:
    found = list(items)
    return (min(lo for lo, _ in found), max(hi for _, hi in found)) if found else ALL


def _power(base: Interval, exponent: Interval) -> Interval:
    lo, hi = exponent
    if lo == hi and float(lo).is_integer() and abs(lo) < 100:
        return interval.power(base, int(lo))
    return (0.0, INF) if base[0] >= 0 else ALL


def _matmul(a: Interval, b: Interval) -> Interval:
    return (0.0, INF) if a[0] >= 0 and b[0] >= 0 else ALL


_PAIRS: dict[str, Callable[[Interval, Interval], Interval]] = {
    "add": interval.add,
    "sub": lambda a, b: interval.add(a, interval.neg(b)),
    "mul": interval.mul,
    "div": lambda a, b: interval.mul(a, interval.inverse(b)),
    "pow": _power,
    "matmul": _matmul,
}
_SINGLE: dict[str, Callable[[Interval], Interval]] = {
    **interval.FUNCTIONS,
    "neg": interval.neg,
    "mean": lambda a: a,
    "max": lambda a: a,
    "min": lambda a: a,
    "sum": lambda a: reduced("sum", a),
    "relu": lambda a: (max(a[0], 0.0), max(a[1], 0.0)),
    "softmax": lambda _: _UNIT,
}


def call(fn: str, args: list[Interval]) -> Interval:
    """The values of a function of the language from those of its arguments."""
    if len(args) == 1 and fn in _SINGLE:
        return _SINGLE[fn](args[0])
    if len(args) == 2 and fn in _PAIRS:
        return _PAIRS[fn](*args)
    if fn in ("max", "min"):
        pick = max if fn == "max" else min
        return pick(lo for lo, _ in args), pick(hi for _, hi in args)
    return (0.0, INF) if FUNCTIONS[fn].sign > 0 else ALL


def reduced(op: str, body: Interval) -> Interval:
    """The values of a reduction over any number of elements."""
    lo, hi = body
    match op:
        case "sum":
            return 0.0 if lo >= 0 else -INF, 0.0 if hi <= 0 else INF
        case "prod":
            return (0.0, INF) if lo >= 0 else ALL
        case "argmin" | "argmax":
            return 0.0, INF
        case _:
            return body


def _drawn(game: Game) -> dict[str, Interval]:
    """The declared ranges of drawn names, and the ranges of indices."""
    data = {d.name: d for d in game.data}
    found: dict[str, Interval] = {}
    roots = [node.objective for node in game.nodes]
    draws = [d for root in roots for e in walk(root) if isinstance(e, ir.Reduce) for d in e.draws]
    for draw in (*draws, *(d for node in game.nodes for d in node.scope)):
        if draw.over in data:
            for name, column in zip(draw.names, data[draw.over].fields, strict=False):
                span = column.range
                lo = -INF if span is None or span.lo is None else interval.exact(span.lo)[0]
                found[name] = lo, INF if span is None or span.hi is None else interval.exact(span.hi)[1]
        elif not draw.over:
            found |= dict.fromkeys(draw.names, (float(draw.first), float(draw.last)))
    return found
