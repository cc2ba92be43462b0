"""The game as mathematics: MathML written from the IR, which browsers set without any script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from xml.sax.saxutils import escape

from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ",
    "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω", "pi": "π",
    "inf": "∞",
}  # fmt: skip

_BINARY = {
    "add": ("+", 1), "sub": ("−", 1), "mul": ("\N{INVISIBLE TIMES}", 2), "matmul": ("\N{INVISIBLE TIMES}", 2),
    "le": ("≤", 0), "lt": ("<", 0), "ge": ("≥", 0), "gt": (">", 0), "eq": ("=", 0), "ne": ("≠", 0), "and": ("∧", -1), "or": ("∨", -1),
}  # fmt: skip
_ATOM = 9


def name(text: str) -> str:
    """A name: Greek where it is a Greek letter, `u_2` and `u2` with an index, longer words upright."""
    stem, number = re.fullmatch(r"(.*?)_?(\d*)", text).groups()  # type: ignore[union-attr]  # the pattern matches every text; until 2027-11
    if not stem:
        stem, number = text, ""
    shown = GREEK.get(stem, stem)
    style = ' mathvariant="normal"' if len(shown) > 1 else ""
    base = f"<mi{style}>{escape(shown)}</mi>"
    return f"<msub>{base}<mn>{number}</mn></msub>" if number else base


def number(value: object) -> str:
    """An exact number: an integer, a short decimal or a fraction."""
    top, _, bottom = str(value).partition("/")
    sign = "<mo>−</mo>" if top.startswith("-") else ""
    top = top.lstrip("-")
    if not bottom:
        return _row(sign, f"<mn>{top}</mn>")
    decimal = f"{int(top) / int(bottom):.6g}"
    if len(decimal) <= 6 and _terminates(int(bottom)):
        return _row(sign, f"<mn>{decimal}</mn>")
    return _row(sign, f"<mfrac><mn>{top}</mn><mn>{bottom}</mn></mfrac>")


def _terminates(bottom: int) -> bool:
    """Whether a fraction over this number ends as a decimal."""
    for prime in (2, 5):
        while bottom % prime == 0:
            bottom //= prime
    return bottom == 1


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _op(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


def _bracketed(inside: str, left: str = "(", right: str = ")") -> str:
    return _row(f"<mo>{left}</mo>", inside, f"<mo>{right}</mo>")


def _listed(items: Iterable[str]) -> str:
    return "<mo>,</mo>".join(items)


class Typesetter:
    """Writes the expressions of one game; `value(node)` of a child's optimum is written by the caller."""

    def __init__(self, game: ir.Game, value: Callable[[str], str]) -> None:
        self._game = game
        self._value = value

    def write(self, expr: Expr, least: int = -2) -> str:
        """MathML of an expression, bracketed where it binds less than `least`."""
        inside, binds = self._piece(expr)
        return inside if binds >= least else _bracketed(inside)

    def _piece(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Num():
                return number(expr.value), _ATOM if expr.value >= 0 else 1
            case Word() | Ref():
                return _symbol(expr), _ATOM
            case Call():
                return self._call(expr)
            case Apply():
                return self._applied(expr), _ATOM
            case Reduce():
                return self._reduce(expr)
            case Value():
                return self._value(expr.node), 1
            case Grad():
                return self._gradient(expr), 3
            case Stop():
                return _row("<mi>stop</mi>", _bracketed(self.write(expr.body))), _ATOM
            case If():
                return self._cases(expr), _ATOM
            case Array():
                return _array(expr, self.write), _ATOM
            case Index():
                return f"<msub>{self.write(expr.base, _ATOM)}{_row(_listed(map(self.write, expr.indices)))}</msub>", _ATOM

    def _applied(self, expr: Apply) -> str:
        """A network at its arguments, explicit parameters below its name."""
        head = name(expr.net) if expr.at is None else f"<msub>{name(expr.net)}{self.write(expr.at)}</msub>"
        return _row(head, _bracketed(_listed(map(self.write, expr.args))))

    def _gradient(self, expr: Grad) -> str:
        at = "" if expr.at is None else f"<mo>|</mo>{self.write(expr.at)}"
        return _row(f"<msub><mo>∇</mo>{name(expr.name)}</msub>", _bracketed(self.write(expr.body), "[", "]"), at)

    def _cases(self, expr: If) -> str:
        """Two rows behind a brace."""
        condition = f"<mtext>if\N{NO-BREAK SPACE}</mtext>{self.write(expr.cond)}"
        rows = ((self.write(expr.then), condition), (self.write(expr.other), "<mtext>otherwise</mtext>"))
        table = "".join(f"<mtr><mtd>{a}</mtd><mtd>{_row(b)}</mtd></mtr>" for a, b in rows)
        return _row("<mo>{</mo>", f"<mtable>{table}</mtable>")

    def _call(self, expr: Call) -> tuple[str, int]:
        args = expr.args
        if expr.fn in _BINARY:
            sign, binds = _BINARY[expr.fn]
            if expr.fn == "mul" and _both_numbers(args):
                sign = "·"
            right = binds + 1 if expr.fn in ("sub", "matmul") else binds
            return _row(
                self.write(args[0], binds), _op(sign), self.write(args[1], max(right, 2 if binds == 1 and expr.fn == "sub" else right))
            ), binds
        match expr.fn, len(args):
            case "div", 2:
                return f"<mfrac>{self.write(args[0])}{self.write(args[1])}</mfrac>", 3
            case "pow", 2:
                return f"<msup>{self.write(args[0], _ATOM)}{self.write(args[1])}</msup>", 4
            case "neg", 1:
                return _row("<mo>−</mo>", self.write(args[0], 2)), 1
            case "abs", 1:
                return _bracketed(self.write(args[0]), "|", "|"), _ATOM
            case "sqrt", 1:
                return f"<msqrt>{self.write(args[0])}</msqrt>", _ATOM
            case "exp", 1:
                return f"<msup><mi>e</mi>{self.write(args[0])}</msup>", 4
            case "norm", _:
                inside = _bracketed(self.write(args[0]), "‖", "‖")
                return (inside if len(args) == 1 else f"<msub>{inside}{self.write(args[1])}</msub>"), _ATOM
            case "column", 2:
                return _row(self.write(args[0]), "<mo>.</mo>", self.write(args[1])), _ATOM
            case "not", 1:
                return _row("<mo>¬</mo>", self.write(args[0], 3)), 3
        return _row(name(expr.fn), _bracketed(_listed(map(self.write, args)))), _ATOM

    def _reduce(self, expr: Reduce) -> tuple[str, int]:
        under = _listed(self.draw(d) for d in expr.draws)
        body = self.write(expr.body, 1)
        if expr.op == "E":
            return _row(f"<munder><mi mathvariant='normal'>𝔼</mi>{_row(under)}</munder>", _bracketed(self.write(expr.body), "[", "]")), 2
        sign = {"sum": "<mo>∑</mo>", "prod": "<mo>∏</mo>"}.get(expr.op, f"<mi>{expr.op}</mi>")
        return _row(f"<munder>{sign}{_row(under)}</munder>", body), 2

    def draw(self, draw: Draw) -> str:
        """What stands below E or a sum: `(x, y) ~ train`, `i = 0..2`."""
        names = _listed(map(name, draw.names))
        names = _bracketed(names) if len(draw.names) > 1 else names
        given = "" if draw.cond is None else f"<mo>|</mo>{self.write(draw.cond)}"
        if draw.over:
            return _row(names, _op("∼" if draw.draws else "∈"), name(draw.over), given)
        skip = "" if draw.skip is None else f"<mo>∖</mo>{_bracketed(self.write(draw.skip), '{', '}')}"
        return _row(names, _op("="), f"<mn>{draw.first}</mn><mo>…</mo><mn>{draw.last}</mn>", skip, given)

    def set(self, found: ir.Set) -> str:
        """A set: intervals and balls as they are written by hand, other words by name."""
        return _op("∩").join(self._part(p) for p in found.parts)

    def _part(self, part: ir.Part) -> str:
        args = [self.write(a) for a in part.args]
        if part.word == "Box" and len(args) == 2:
            inside = _bracketed(_listed(args), "[", "]")
        elif part.word == "Linf" and args:
            inside = f"<msub><mi>B</mi><mo>∞</mo></msub>{_bracketed(args[0])}"
        elif part.word == "L2" and args:
            inside = f"<msub><mi>B</mi><mn>2</mn></msub>{_bracketed(args[0])}"
        elif part.word == "Simplex" and args:
            inside = f"<msub><mo>Δ</mo>{args[0]}</msub>"
        else:
            inside = _row(name(part.word), _bracketed(_listed(args)))
        return _row(inside) if part.shift is None else _row(inside, _op("−"), self.write(part.shift, 2))


def _symbol(expr: Word | Ref) -> str:
    """A name, or a word of the language set upright."""
    if isinstance(expr, Ref):
        return name(expr.name)
    return name(expr.value) if expr.value in GREEK else f"<mtext>{escape(expr.value)}</mtext>"


def _both_numbers(args: Sequence[Expr]) -> bool:
    """Whether two factors side by side would read as one number."""
    right = args[1]
    while isinstance(right, Call) and right.fn in ("mul", "pow", "div") and right.args:
        right = right.args[0]
    return isinstance(right, Num)


def _array(expr: Array, write: Callable[[Expr], str]) -> str:
    """A vector in a row, a matrix in rows."""
    rows = [item.items if isinstance(item, Array) else None for item in expr.items]
    if rows and all(r is not None for r in rows):
        cells = ["".join(f"<mtd>{write(c)}</mtd>" for c in r or ()) for r in rows]
        return _bracketed(f"<mtable>{''.join(f'<mtr>{c}</mtr>' for c in cells)}</mtable>", "[", "]")
    return _bracketed(_listed(map(write, expr.items)), "(", ")")
