"""Formulas as a graph of scalar operations, each made once, and their gradients as more of the same graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction


class NotClosed(Exception):  # noqa: N818  # not a mistake: the torch lane takes what is refused here; until 2027-11
    """Why a game, or a part of it, cannot be written as formulas of plain numbers. Continues "because "."""


class Node:
    """One number: a constant, a name, or an operation on others. Compared by identity, as each is made only once."""

    __slots__ = ("args", "constant", "op", "order", "value")

    def __init__(self, op: str, args: tuple[Node, ...], value: Fraction | str | int | None, order: int, *, constant: bool) -> None:
        self.op, self.args, self.value, self.order, self.constant = op, args, value, order, constant

    def __repr__(self) -> str:
        """For a person who looks for a mistake."""
        inside = ", ".join(map(repr, self.args))
        return f"{self.op}({inside})" if self.args else str(self.value)


class Graph:
    """The nodes made so far. Sums, products and constants are simplified as far as rounding allows."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Node] = {}
        self._fresh = 0
        self.zero, self.one = self.number(0), self.number(1)

    def _make(self, op: str, *args: Node, value: Fraction | str | int | None = None, constant: bool | None = None) -> Node:
        key = (op, value, *map(id, args))
        found = self._made.get(key)
        if found is None:
            fixed = all(a.constant for a in args) if constant is None else constant
            found = self._made[key] = Node(op, args, value, len(self._made), constant=fixed)
        return found

    # -------------------------------------------------------------- leaves

    def number(self, value: Fraction | int) -> Node:
        """An exact constant."""
        return self._make("num", value=Fraction(value), constant=True)

    def name(self, text: str, *, constant: bool = False) -> Node:
        """A new leaf of this Python name, another one at every call: a name may be assigned again. Params are constants."""
        self._fresh += not constant
        found = self._make("name", value=f"{text} {self._fresh}" if not constant else text, constant=constant)
        found.value = text
        return found

    # -------------------------------------------------------------- arithmetic

    def add(self, a: Node, b: Node) -> Node:
        """The sum."""
        if a is self.zero or b is self.zero:
            return b if a is self.zero else a
        if a.op == b.op == "num":
            return self.number(_exact(a) + _exact(b))
        many, one = _scaled(a), _scaled(b)
        if many[1] is one[1]:
            return self.mul(self.number(many[0] + one[0]), one[1])
        if one[0] < 0 or (b.op == "num" and _exact(b) < 0):
            return self._make("sub", a, self.neg(b))
        return self._make("sub", b, self.neg(a)) if a.op == "neg" else self._make("add", a, b)

    def sub(self, a: Node, b: Node) -> Node:
        """The difference."""
        if b is self.zero:
            return a
        if a is self.zero:
            return self.neg(b)
        if _scaled(b)[0] < 0 or (b.op == "num" and _exact(b) < 0) or _scaled(a)[1] is _scaled(b)[1]:
            return self.add(a, self.neg(b))
        return self._make("sub", a, b)

    def neg(self, a: Node) -> Node:
        """-a."""
        if a.op == "num":
            return self.number(-_exact(a))
        if a.op == "neg":
            return a.args[0]
        if a.op == "sub":
            return self.sub(a.args[1], a.args[0])
        if a.op == "mul" and a.args[0].op == "num":
            return self._make("mul", self.neg(a.args[0]), a.args[1])
        return self._make("neg", a)

    def mul(self, a: Node, b: Node) -> Node:
        """The product, a number first; 0 times anything is 0, for it is a slope that is not there."""
        if b.op == "num" and a.op != "num":
            a, b = b, a
        if a.op == "num":
            if a is self.zero or a is self.one:
                return a if a is self.zero else b
            if b.op == "num":
                return self.number(_exact(a) * _exact(b))
            if _exact(a) == -1:
                return self.neg(b)
            if b.op == "mul" and b.args[0].op == "num":
                return self.mul(self.mul(a, b.args[0]), b.args[1])
            if b.op == "neg":
                return self.mul(self.neg(a), b.args[0])
            return self._make("mul", a, b)
        for x, y in ((a, b), (b, a)):
            if x.op == "neg":
                return self.neg(self.mul(x.args[0], y))
            if x.op == "mul" and x.args[0].op == "num":
                return self.mul(x.args[0], self.mul(x.args[1], y) if x is a else self.mul(y, x.args[1]))
        return self._make("mul", a, b)

    def div(self, a: Node, b: Node) -> Node:
        """The quotient."""
        if b is self.one or a is self.zero:
            return a
        if a.op == b.op == "num" and _exact(b):
            return self.number(_exact(a) / _exact(b))
        return self.neg(self.div(a.args[0], b)) if a.op == "neg" else self._make("div", a, b)

    def pow(self, a: Node, b: Node) -> Node:
        """The power; small whole powers as products."""
        exponent = _exact(b) if b.op == "num" else None
        if a.op == "length" and exponent == 2:
            return self.total(self.pow(x, b) for x in a.args)
        if exponent in (0, 1):
            return a if exponent == 1 else self.one
        if exponent is not None and exponent.denominator == 1 and -8 <= exponent <= 8:
            if exponent < 0:
                return self.div(self.one, self.pow(a, self.neg(b)))
            half = self.pow(a, self.number(exponent // 2))
            return self.mul(self.mul(half, half), a) if exponent % 2 else self.mul(half, half)
        return self._make("pow", a, b)

    def total(self, parts: Iterable[Node]) -> Node:
        """The sum of all parts."""
        found = self.zero
        for part in parts:
            found = self.add(found, part)
        return found

    # -------------------------------------------------------------- functions

    def call(self, op: str, *args: Node) -> Node:
        """One of the functions that `slopes` knows."""
        return self._make(op, *args)

    def pick(self, holds: Node, a: Node, b: Node) -> Node:
        """The first where a condition holds, else the second."""
        return a if a is b else self._make("pick", holds, a, b)

    def here(self, a: Node) -> Node:
        """The same number as a point of its own to differentiate at."""
        self._fresh += 1
        return self._make("here", a, value=self._fresh, constant=False)

    # -------------------------------------------------------------- derivatives

    def gradient(self, of: Node, within: Sequence[Node]) -> list[Node]:
        """The derivative of one number in each of some nodes; nothing is asked of what lies below those."""
        ends = set(within)
        pulls: dict[Node, Node] = {of: self.one}
        for node in sorted(_reached(of, ends), key=lambda n: -n.order):
            pull = pulls.get(node)
            if pull is None or node in ends:
                continue
            for arg, part in zip(node.args, self.slopes(node, pull), strict=True):
                if part is not self.zero and not arg.constant:
                    pulls[arg] = self.add(pulls[arg], part) if arg in pulls else part
        return [pulls.get(n, self.zero) for n in within]

    def slopes(self, node: Node, pull: Node) -> list[Node]:
        """What a pull on a node is on each of its arguments; kinks as torch has them."""
        rule = _SLOPES.get(node.op)
        if rule is None:
            raise NotClosed(f"`{node.op}` has no derivative as a formula")
        return rule(self, node, pull)


def _exact(node: Node) -> Fraction:
    assert isinstance(node.value, Fraction)  # asked of numbers alone
    return node.value


def _scaled(node: Node) -> tuple[Fraction, Node]:
    """A node as a number times another."""
    if node.op == "neg":
        return Fraction(-1), node.args[0]
    if node.op == "mul" and node.args[0].op == "num":
        return _exact(node.args[0]), node.args[1]
    return Fraction(1), node


def _reached(of: Node, ends: set[Node]) -> set[Node]:
    """The nodes below one, down to some ends."""
    found, todo = set(), [of]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += () if node in ends else node.args
    return found


Slopes = Callable[[Graph, Node, Node], list[Node]]


def _pow(g: Graph, n: Node, pull: Node) -> list[Node]:
    x, p = n.args
    base = g.mul(pull, g.mul(p, g.pow(x, g.sub(p, g.one))))
    if p.constant:
        return [base, g.zero]
    exponent = g.mul(pull, g.mul(n, g.call("log", x)))
    settled = g.call("and", g.call("eq", x, g.zero), g.call("ge", p, g.zero))
    return [g.pick(g.call("eq", p, g.zero), g.zero, base), g.pick(settled, g.zero, exponent)]


def _extreme(g: Graph, n: Node, pull: Node) -> list[Node]:
    """The largest or smallest of many: those that are equal share."""
    shares = [g.call("same", a, n) for a in n.args]
    whole = g.total(shares)
    return [g.mul(pull, g.div(s, whole)) for s in shares]


def _length(g: Graph, n: Node, pull: Node) -> list[Node]:
    return [g.mul(pull, g.call("zero_ratio", a, n)) for a in n.args]


def _clip(g: Graph, n: Node, pull: Node) -> list[Node]:
    z, lo, hi = n.args
    inside = g.call("and", g.call("ge", z, lo), g.call("le", z, hi))
    return [g.pick(inside, pull, g.zero), g.zero, g.zero]


def _flat(g: Graph, n: Node, pull: Node) -> list[Node]:
    return [g.zero for _ in n.args]


_SLOPES: dict[str, Slopes] = {
    "add": lambda g, n, d: [d, d],
    "sub": lambda g, n, d: [d, g.neg(d)],
    "neg": lambda g, n, d: [g.neg(d)],
    "mul": lambda g, n, d: [g.mul(d, n.args[1]), g.mul(d, n.args[0])],
    "div": lambda g, n, d: [g.div(d, n.args[1]), g.neg(g.div(g.mul(d, n), n.args[1]))],
    "pow": _pow,
    "exp": lambda g, n, d: [g.mul(d, n)],
    "log": lambda g, n, d: [g.div(d, n.args[0])],
    "sqrt": lambda g, n, d: [g.div(d, g.mul(g.number(2), n))],
    "sin": lambda g, n, d: [g.mul(d, g.call("cos", n.args[0]))],
    "cos": lambda g, n, d: [g.neg(g.mul(d, g.call("sin", n.args[0])))],
    "tanh": lambda g, n, d: [g.mul(d, g.sub(g.one, g.pow(n, g.number(2))))],
    "sigmoid": lambda g, n, d: [g.mul(d, g.mul(n, g.sub(g.one, n)))],
    "softplus": lambda g, n, d: [g.pick(g.call("gt", n.args[0], g.number(20)), d, g.mul(d, g.call("sigmoid", n.args[0])))],
    "abs": lambda g, n, d: [g.mul(d, g.call("sign", n.args[0]))],
    "relu": lambda g, n, d: [g.pick(g.call("gt", n.args[0], g.zero), d, g.zero)],
    # A bound is a number: at the bound itself the slope is that of what is bounded, as in torch.clamp.
    "atleast": lambda g, n, d: [g.pick(g.call("ge", *n.args), d, g.zero), g.zero],
    "atmost": lambda g, n, d: [g.pick(g.call("le", *n.args), d, g.zero), g.zero],
    "clip": _clip,
    "larger": lambda g, n, d: [g.mul(d, g.call("share", *n.args)), g.mul(d, g.call("share", *n.args[::-1]))],
    "smaller": lambda g, n, d: [g.mul(d, g.call("share", *n.args[::-1])), g.mul(d, g.call("share", *n.args))],
    "largest": _extreme,
    "smallest": _extreme,
    "length": _length,
    "zero_ratio": lambda g, n, d: [g.call("zero_ratio", d, n.args[1]), g.neg(g.call("zero_ratio", g.mul(d, n), n.args[1]))],
    "pick": lambda g, n, d: [g.zero, g.pick(n.args[0], d, g.zero), g.pick(n.args[0], g.zero, d)],
    "here": lambda g, n, d: [d],
    **dict.fromkeys(("stop", "sign", "same", "share", "le", "lt", "ge", "gt", "eq", "ne", "and", "or", "not", "num", "name"), _flat),
}  # fmt: skip
