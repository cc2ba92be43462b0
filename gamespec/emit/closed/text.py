"""Formulas as lines of Python: what is used twice gets a name, what is long too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from gamespec.check.shape import Shaped
from gamespec.emit.closed.graph import Node
from gamespec.emit.piece import ATOM, COMPARISON, NEGATIVE, PRODUCT, SUM, Piece
from gamespec.emit.piece import number as exact
from gamespec.emit.spell import unused
from gamespec.ir.types import REAL

_REAL = Shaped(REAL)

_LONG = 60
"""Characters from which on a part of a formula gets a name of its own."""

_WIDE = 140
"""Characters in one line of the program."""

_CALLS = {
    "exp": "exp_of", "log": "log_of", "sqrt": "root_of", "sin": "sin_of", "cos": "cos_of", "tanh": "tanh_of", "sigmoid": "sigmoid_of",
    "softplus": "softplus_of", "sign": "sign_of", "pow": "power_of", "larger": "larger_of", "smaller": "smaller_of", "atleast": "larger_of",
    "atmost": "smaller_of", "same": "equal_of", "share": "share_of", "zero_ratio": "zero_ratio_of", "pick": "where_of", "abs": "abs",
    "largest": "larger_of", "smallest": "smaller_of", "clip": "clip_of",
}  # fmt: skip
"""The functions of `kernels/plain.py` by operation."""

_SIGNS = {
    "add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT),
    "le": ("<=", COMPARISON), "lt": ("<", COMPARISON), "ge": (">=", COMPARISON), "gt": (">", COMPARISON),
    "eq": ("==", COMPARISON), "ne": ("!=", COMPARISON),
}  # fmt: skip


class Formulas:
    """Writes formulas; knows which nodes have a name already. `taken` are names that mean something else."""

    def __init__(self, taken: set[str], reached: set[str]) -> None:
        self.taken, self.reached = taken, reached
        self.known: dict[Node, str] = {}
        self.written = 0
        """Operations so far."""
        self.constants: list[str] = []
        """Assignments of what no step changes, to stand before the loop."""

    def fresh(self, base: str) -> str:
        """A name that nothing else has."""
        return unused(base, self.taken)

    def lines(self, wanted: Sequence[tuple[str, Node]]) -> Iterator[list[str]]:
        """Assignments of formulas to names, in order, each after those of its shared parts."""
        uses: dict[Node, int] = {}
        for _, node in wanted:
            _count(node, uses, self.known)
        for name, node in wanted:
            before: list[str] = []
            found = self._write(node, uses, before)
            text = found.text if node.op != "num" else repr(float(_value(node)))
            yield [*before, f"{name} = {text}"]
            self.forget({name})
            if node.args:
                self.known[node] = name

    def text(self, node: Node, before: list[str]) -> Piece:
        """One formula, to stand inside a line; its shared parts are assigned in `before`."""
        uses: dict[Node, int] = {}
        _count(node, uses, self.known)
        return self._write(node, uses, before)

    def forget(self, names: set[str]) -> None:
        """These names are assigned anew."""
        self.known = {node: name for node, name in self.known.items() if name not in names}

    def _write(self, node: Node, uses: dict[Node, int], before: list[str]) -> Piece:
        if node in self.known:
            return _atom(self.known[node])
        if node.op == "num":
            return exact(_value(node))
        if node.op == "name":
            return _atom(str(node.value))
        if node.op in ("stop", "here"):
            return self._write(node.args[0], uses, before)
        lines = self.constants if node.constant else before
        found = self._operation(node, uses, lines)
        self.written += 1
        if uses[node] > 1 or (node.constant and node.op in _CALLS) or len(found.text) > _LONG:
            name = self.fresh("c" if node.constant else "t")
            lines.append(f"{name} = {found.text}")
            self.known[node] = name
            return _atom(name)
        return found

    def _operation(self, node: Node, uses: dict[Node, int], before: list[str]) -> Piece:
        args = [self._write(a, uses, before) for a in node.args]
        texts = [a.text for a in args]
        match node.op:
            case "neg":
                return _bound(f"-{args[0].within(NEGATIVE - 1)}", NEGATIVE)
            case "div" if not _nonzero(node.args[1]):
                return self._called("ratio_of", texts)
            case "and" | "or":
                sign = "&" if node.op == "and" else "|"
                return _atom(f"(({texts[0]}) {sign} ({texts[1]}))")
            case "not":
                return _atom(f"(({texts[0]}) == False)")
            case "relu":
                return self._called("larger_of", [texts[0], "0.0"])
            case "length":
                squares = " + ".join(f"{a.within(ATOM)} * {a.within(ATOM)}" for a in args)
                return self._called("root_of", [squares])
            case "largest" | "smallest":
                found = texts[0]
                for text in texts[1:]:
                    found = self._called(_CALLS[node.op], [found, text]).text
                return _atom(found)
        if node.op in _SIGNS:
            sign, binds = _SIGNS[node.op]
            # Grouped as the formula is, for rounding depends on it; comparisons would otherwise chain.
            left = binds - 1 if binds == COMPARISON else binds
            return _bound(f"{args[0].within(left)} {sign} {args[1].within(binds - 1)}", binds)
        return self._called(_CALLS[node.op], texts)

    def _called(self, name: str, texts: list[str]) -> Piece:
        if name != "abs":
            self.reached.add(name)
        return _atom(f"{name}({', '.join(texts)})")


def folded(line: str) -> list[str]:
    """A line that is too long as several, broken after commas inside brackets."""
    if len(line) <= _WIDE:
        return [line]
    indent = line[: len(line) - len(line.lstrip())] + "    "
    found, depth, begin, comma = [], 0, 0, 0
    for k, letter in enumerate(line):
        depth += (letter in "([{") - (letter in ")]}")
        if line[k : k + 2] == ", " and depth:
            comma = k + 1
        if k - begin >= _WIDE - len(indent) and comma > begin:
            found.append(line[begin:comma])
            begin = comma + 1
    found.append(line[begin:])
    return [found[0], *(indent + rest for rest in found[1:])]


def _count(node: Node, uses: dict[Node, int], known: dict[Node, str]) -> None:
    """How often each node is used below one, without those that have a name."""
    todo = [node]
    while todo:
        here = todo.pop()
        while here.op in ("stop", "here"):
            here = here.args[0]
        uses[here] = uses.get(here, 0) + 1
        if uses[here] == 1 and here not in known:
            # A length writes each of its numbers twice.
            todo += here.args * (2 if here.op == "length" else 1)


def _value(node: Node) -> Fraction:
    assert isinstance(node.value, Fraction)  # asked of numbers alone
    return node.value


def _nonzero(node: Node) -> bool:
    return node.op == "num" and _value(node) != 0


def _atom(text: str) -> Piece:
    return _bound(text, ATOM)


def _bound(text: str, binds: int) -> Piece:
    return Piece(text, _REAL, binds)


def size(nodes: Sequence[Node]) -> int:
    """How many operations some formulas take, each counted once."""
    seen: set[Node] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += node.args
    return sum(bool(n.args) for n in seen)
