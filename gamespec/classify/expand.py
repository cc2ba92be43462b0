"""From the IR to closed forms: one form for every number that a player moves, one for every player's cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce

from gamespec.classify import form, interval
from gamespec.classify.form import Form, Unfit
from gamespec.ir import expr as ir
from gamespec.ir.game import Game, Node

MOST_NUMBERS = 24
"""Games whose players move more numbers than this are not treated as closed forms."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array of closed forms, row by row."""

    shape: tuple[int, ...]
    items: tuple[Form, ...]

    def __getitem__(self, k: int) -> Tensor:
        """The k-th row."""
        if not -self.shape[0] <= k < self.shape[0]:
            raise Unfit("an index outside its array")
        size = math.prod(self.shape[1:])
        k %= self.shape[0]
        return Tensor(self.shape[1:], self.items[k * size : (k + 1) * size])

    def rows(self) -> list[Tensor]:
        """All rows."""
        return [self[k] for k in range(self.shape[0])]


@dataclass(frozen=True, slots=True)
class Seat:
    """One player of a closed-form game: member `member` of node `node` moves `names` to lower `cost`."""

    node: str
    member: int
    names: tuple[str, ...]
    cost: Form


def scalar(value: Form) -> Tensor:
    """One number."""
    return Tensor((), (value,))


def names_of(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """How the numbers of a variable are called: `q[0]`, `q[1]`, ..., or `q` alone."""
    if not shape:
        return (name,)
    return tuple(f"{name}[{', '.join(map(str, k))}]" for k in itertools.product(*map(range, shape)))


def seats(game: Game) -> tuple[Seat, ...]:
    """The players with their costs, each objective turned so that it is lowered. Raises Unfit."""
    return Expansion(game).seats()


class Expansion:
    """The variables of a game as forms, and the rules that turn expressions into forms."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.nodes = {node.id: node for node in game.nodes}
        self.names: dict[str, Tensor] = {"pi": scalar(form.PI)}
        for var in game.vars:
            if var.type.kind == "real" and not var.scope and math.prod(var.type.shape) <= MOST_NUMBERS:
                shape = var.type.shape
                self.names[var.name] = Tensor(shape, tuple(map(form.variable, names_of(var.name, shape))))
        self.params = {param.name: param.value for param in game.params}

    def seats(self) -> tuple[Seat, ...]:
        """Every member of every node."""
        if sum(math.prod(v.type.shape) for v in self.game.vars) > MOST_NUMBERS:
            raise Unfit("many numbers")
        return tuple(self.seat(node, k) for node in self.game.nodes for k in range(node.axis or 1))

    def seat(self, node: Node, member: int) -> Seat:
        """One member of a node."""
        if node.scope or node.choice is not None:
            raise Unfit("players of each sample")
        inside = self.bound({node.index: member} if node.axis else {})
        found = inside.read(node.objective)
        names: list[str] = []
        for name in node.owns:
            owned = self.names.get(name)
            if owned is None:
                raise Unfit(f"`{name}` has no closed form")
            part = owned[member] if node.axis else owned
            names += [next(iter(f.names)) for f in part.items]
        if found.shape:
            raise Unfit("an objective that is no number")
        cost = found.items[0] if node.sense == "min" else -found.items[0]
        return Seat(node.id, member, tuple(names), cost)

    def exact(self, e: ir.Expr) -> Fraction | None:
        """The value of an expression that is one rational number, else None."""
        try:
            found = self.read(e)
        except Unfit:
            return None
        return found.items[0].constant if not found.shape else None

    def bound(self, names: Mapping[str, int]) -> Expansion:
        """The same with index names bound to numbers."""
        inner = object.__new__(Expansion)
        inner.game, inner.nodes, inner.params = self.game, self.nodes, self.params
        inner.names = self.names | {name: scalar(form.number(k)) for name, k in names.items()}
        return inner

    def read(self, e: ir.Expr) -> Tensor:
        """The closed forms of an expression. Raises Unfit."""
        match e:
            case ir.Num(value=value):
                return scalar(form.number(value))
            case ir.Ref(name=name) if name in self.names:
                return self.names[name]
            case ir.Ref(name=name) if name in self.params:
                return self.read(self.params[name])
            case ir.Call(fn=fn, args=args):
                return _call(fn, [self.read(a) for a in args[: 1 if fn == "norm" else None]], args)
            case ir.Array(items=items):
                parts = [self.read(item) for item in items]
                if len({p.shape for p in parts}) != 1:
                    raise Unfit("an array with rows of different shapes")
                return Tensor((len(parts), *parts[0].shape), tuple(f for p in parts for f in p.items))
            case ir.Index(base=base, indices=indices):
                return reduce(lambda t, i: t[self.whole(i)], indices, self.read(base))
            case ir.Reduce(op=op, draws=draws, body=body) if op in _FOLDS:
                return _FOLDS[op]([self.bound(names).read(body) for names in self.bindings(draws)])
            case ir.Value(node=node):
                return self.read(self.nodes[node].objective)
            case _:
                raise Unfit(f"`{getattr(e, 'net', getattr(e, 'name', e.kind))}` has no closed form")

    def whole(self, e: ir.Expr) -> int:
        """The value of an index."""
        found = self.read(e)
        value = None if found.shape else found.items[0].constant
        if value is None or value.denominator != 1:
            raise Unfit("an index that is no fixed number")
        return int(value)

    def bindings(self, draws: tuple[ir.Draw, ...]) -> Iterator[dict[str, int]]:
        """Every way to bind the index names."""
        if not draws:
            yield {}
            return
        draw, *rest = draws
        if draw.over or draw.cond is not None or len(draw.names) != 1:
            raise Unfit("a sum over samples")
        left_out = None if draw.skip is None else self.whole(draw.skip)
        for k in range(draw.first, draw.last + 1):
            if k != left_out:
                inside = self.bound({draw.names[0]: k})
                for names in inside.bindings(tuple(rest)):
                    yield {draw.names[0]: k, **names}


def zip_with(op: Callable[[Form, Form], Form], a: Tensor, b: Tensor) -> Tensor:
    """An operation number by number; a single number goes with all of an array."""
    shape = a.shape or b.shape
    if a.shape and b.shape and a.shape != b.shape:
        raise Unfit("arrays of different shapes")
    size = math.prod(shape)
    left, right = (t.items if t.shape == shape else t.items * size for t in (a, b))
    return Tensor(shape, tuple(map(op, left, right)))


def _map(op: Callable[[Form], Form], a: Tensor) -> Tensor:
    return Tensor(a.shape, tuple(map(op, a.items)))


def larger(a: Form, b: Form) -> Form:
    """The larger of two, which is half of a + b + |a - b|."""
    return (a + b + form.apply("abs", a - b)).times(Fraction(1, 2))


def smaller(a: Form, b: Form) -> Form:
    """The smaller of two."""
    return -larger(-a, -b)


def _power(a: Form, b: Form) -> Form:
    n = b.constant
    if n is None:
        raise Unfit("a variable exponent")
    if n.denominator == 2:
        return form.apply("sqrt", a) ** int(2 * n)
    if n.denominator != 1 or abs(n) > 40:
        raise Unfit(f"the power {n}")
    return a ** int(n)


def _total(items: tuple[Form, ...]) -> Form:
    return form.collect(t for f in items for t in f.terms)


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    if len(b.shape) == 2:
        columns = [Tensor((b.shape[0],), b.items[j :: b.shape[1]]) for j in range(b.shape[1])]
        parts = [_matmul(a, column) for column in columns]
        rows = [tuple(p.items[i] for p in parts) for i in range(len(parts[0].items))]
        return Tensor((*a.shape[:-1], b.shape[1]), tuple(f for row in rows for f in row))
    if len(a.shape) == 2:
        return Tensor(a.shape[:1], tuple(_matmul(row, b).items[0] for row in a.rows()))
    if len(a.shape) != 1 or a.shape != b.shape:
        raise Unfit("a product of arrays of other shapes")
    return scalar(_total(tuple(x * y for x, y in zip(a.items, b.items, strict=True))))


def _norm(a: Tensor, args: tuple[ir.Expr, ...]) -> Tensor:
    kind = args[1] if len(args) > 1 else ir.Num(value=Fraction(2))
    if kind == ir.Num(value=Fraction(2)):
        return scalar(form.apply("sqrt", _total(tuple(f * f for f in a.items))))
    sizes = tuple(form.apply("abs", f) for f in a.items)
    if kind == ir.Num(value=Fraction(1)):
        return scalar(_total(sizes))
    if getattr(kind, "name", getattr(kind, "value", "")) == "inf":
        return scalar(reduce(larger, sizes))
    raise Unfit("this norm")


_PAIRS: dict[str, Callable[[Form, Form], Form]] = {
    "add": Form.__add__, "sub": Form.__sub__, "mul": Form.__mul__, "div": lambda a, b: a * b**-1, "pow": _power,
    "max": larger, "min": smaller,
}  # fmt: skip
_SINGLE: dict[str, Callable[[Form], Form]] = {
    "neg": Form.__neg__,
    "relu": lambda a: larger(a, form.ZERO),
    **{fn: partial(form.apply, fn) for fn in interval.FUNCTIONS},
}  # fmt: skip


def _call(fn: str, args: list[Tensor], written: tuple[ir.Expr, ...]) -> Tensor:
    """A function of the language at closed forms; `written` are all its arguments as they stand."""
    if len(written) == 2 and fn in _PAIRS:
        return zip_with(_PAIRS[fn], *args)
    if len(written) == 1 and fn in _SINGLE:
        return _map(_SINGLE[fn], args[0])
    match fn, args:
        case "matmul", [a, b]:
            return _matmul(a, b)
        case "norm", [a, *_]:
            return _norm(a, written)
        case "sum", [a]:
            return scalar(_total(a.items))
        case "mean", [a]:
            return scalar(_total(a.items).times(Fraction(1, len(a.items))))
        case "mse", [a, b]:
            squares = zip_with(lambda x, y: (x - y) ** 2, a, b).items
            return scalar(_total(squares).times(Fraction(1, len(squares))))
        case "max" | "min", [a]:
            return scalar(reduce(larger if fn == "max" else smaller, a.items))
        case _:
            raise Unfit(f"`{fn}` is not treated")


def _fold(op: Callable[[Form, Form], Form]) -> Callable[[list[Tensor]], Tensor]:
    def fold(parts: list[Tensor]) -> Tensor:
        if not parts:
            raise Unfit("an empty range")
        return reduce(lambda a, b: zip_with(op, a, b), parts)

    return fold


def _sum(parts: list[Tensor]) -> Tensor:
    return _fold(Form.__add__)(parts) if parts else scalar(form.ZERO)


_FOLDS: dict[str, Callable[[list[Tensor]], Tensor]] = {
    "sum": _sum,
    "mean": lambda parts: _map(lambda f: f.times(Fraction(1, len(parts))), _fold(Form.__add__)(parts)),
    "prod": _fold(Form.__mul__),
    "max": _fold(larger),
    "min": _fold(smaller),
}
