"""Expressions as Python text: per-sample mathematics becomes batched torch, one rule for rows and one for shapes."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from fractions import Fraction

from gamespec.check.shape import Names, Shaped, draw_names, infer
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Call, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word
from gamespec.ir.types import INDEX, REAL
from gamespec.library.functions import CONSTANTS, FUNCTIONS
from gamespec.emit.link import linkable
from gamespec.library.registry import words

ATOM, POWER, NEGATIVE, PRODUCT, SUM, COMPARISON, CONJUNCTION = range(7)
_PRECEDENCE = {"add": SUM, "sub": SUM, "mul": PRODUCT, "div": PRODUCT, "matmul": PRODUCT, "neg": NEGATIVE, "pow": POWER,
               "le": COMPARISON, "lt": COMPARISON, "ge": COMPARISON, "gt": COMPARISON, "eq": COMPARISON, "ne": COMPARISON}  # fmt: skip
_TAKEN = frozenset({"torch", "math", "F", "nn", "Tensor", "s", "batch", "step", "start", "train", "measure", "probe", "residual", "players",
                    "point", "certify", "expectations", "value", "State", "DTYPE", "NAME", "SEED", "STEPS", "EVERY", "TOL", "KIND", "print", "sum",
                    "len", "range", "list", "dict", "float", "int", "abs", "min", "max", "status", "rng", "lo", "hi", "best", "here", "score", "terms", "pulls", "reached", "near", "top", "lead", "follow", "outer", "inner", "end", "table", "rows", "steps", "restarts", "found", "usual", "gain", "entries", "more", "answer", "won", "losses", "saved", "slope", "points", "at", "k", "seed", "data", "nets", "device", "annotations"})  # fmt: skip


class UnsupportedError(Exception):
    """Something that this version cannot write as a program, with what to do instead."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what, self.hint = what, hint
        super().__init__(what)


_PREFIXES = ("objective_", "respond_", "answer_", "metric_", "batch_", "read_", "draw_", "best_", "value_", "g_", "at_", "slope_")


def spelled(name: str) -> str:
    """A name of the game as a Python name that hides nothing of the program."""
    hides = name in _TAKEN or name.startswith(_PREFIXES) or name in linkable()
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) or hides else name


def attribute(name: str) -> str:
    """A name of the game as an attribute of the state or the end of a function's name."""
    return f"{name}_" if keyword.iskeyword(name) or name in ("k", "seed", "device") or name.startswith(("rng_", "rule_", "order_")) else name


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of Python: its text, the shape of its value, and how tightly it binds."""

    text: str
    shaped: Shaped
    binds: int = ATOM

    def within(self, binds: int) -> str:
        """The text, in parentheses where the surrounding operator binds at least as tightly."""
        return f"({self.text})" if self.binds > binds else self.text


@dataclass(slots=True)
class Writer:
    """Writes the expressions of one program.

    `functions`: node id -> the call that gives its objective. `explicit`: networks applied at explicit parameters.
    `hoisted`: network applications computed once for several players, as (expression, name).
    `reached` collects the library and kernel functions that the text calls.
    """

    game: ir.Game
    names: Names
    functions: dict[str, str] = field(default_factory=dict)
    explicit: frozenset[str] = frozenset()
    hoisted: tuple[tuple[Apply, str], ...] = ()
    scores: frozenset[str] = frozenset()
    """Networks that end in a sigmoid of their own, so that `net[0]` is the score before it."""
    reached: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    """Statements that must stand before the expression being written."""

    def write(self, expr: Expr) -> Piece:
        """One expression."""
        for known, name in self.hoisted:
            if known == expr:
                return Piece(name, infer(expr, self.names, self.game))
        match expr:
            case Num():
                return number(expr.value)
            case Word():
                return Piece(repr(expr.value), Shaped(REAL))
            case Ref():
                return Piece(CONSTANTS.get(expr.name) or spelled(expr.name), self.names.get(expr.name, Shaped(REAL)))
            case Call():
                return self._call(expr)
            case Apply():
                return self._apply(expr)
            case Reduce():
                return self._reduce(expr)
            case Value():
                return Piece(self.functions[expr.node], infer(expr, self.names, self.game))
            case Grad():
                return self._grad(expr)
            case Stop():
                inner = self.write(expr.body)
                return Piece(f"{inner.within(ATOM)}.detach()", inner.shaped)
            case If():
                cond, then, other = self.aligned([self.write(e) for e in (expr.cond, expr.then, expr.other)])
                return Piece(f"torch.where({cond.text}, {then.text}, {other.text})", self._shape(expr))
            case Array():
                return self._array(expr)
            case Index():
                return self._index(expr)

    def _shape(self, expr: Expr) -> Shaped:
        return infer(expr, self.names, self.game)

    # -------------------------------------------------------------- functions

    def aligned(self, pieces: list[Piece]) -> list[Piece]:
        """Rows of numbers get trailing dimensions where they meet rows of arrays."""
        rank = max(_rank(p) for p in pieces)
        return [
            Piece(f"{p.within(ATOM)}[:{', None' * (rank - _rank(p))}]", p.shaped) if p.shaped.rows and _rank(p) < rank else p for p in pieces
        ]

    def _call(self, expr: Call) -> Piece:
        special = {
            "log": self._log, "norm": self._norm, "pow": self._pow, "sum": self._total, "mean": self._total, "ce": self._ce,
            "correct": self._correct, "margin": self._margin, "kl": self._kl, "mse": self._mse, "matmul": self._matmul, "max": self._extreme,
            "min": self._extreme, "cos": self._cos, "column": self._column, "sample": self._sample,
        }  # fmt: skip
        if expr.fn in special:
            return special[expr.fn](expr)
        if expr.fn not in FUNCTIONS:
            return self._metric(expr)
        pieces = self.aligned([self.write(a) for a in expr.args])
        binds = _PRECEDENCE.get(expr.fn, ATOM)
        template = FUNCTIONS[expr.fn].torch
        if binds == ATOM:
            texts = [p.text for p in pieces]
        elif len(pieces) == 1:
            texts = [pieces[0].within(NEGATIVE)]
        else:
            # The right operand of - and / needs parentheses at equal binding.
            tight = binds - 1 if expr.fn in ("sub", "div") else binds
            texts = [pieces[0].within(binds), pieces[1].within(tight)]
        if expr.fn in ("and", "or", "not"):
            texts, binds = [f"({p.text})" for p in pieces], CONJUNCTION
        return Piece(template.format(*texts), self._shape(expr), binds)

    def _log(self, expr: Call) -> Piece:
        """`log` of a probability is taken from the score before the sigmoid where that is known, so that it never saturates."""
        arg = expr.args[0]
        other = arg.args[1] if isinstance(arg, Call) and arg.fn == "sub" and arg.args[0] == Num(value=Fraction(1)) else None
        for sign, inner in (("", arg), ("-", other)):
            if isinstance(inner, Apply) and inner.net in self.scores and inner.net not in self.explicit:
                given = self.write(inner.args[0])
                return Piece(f"F.logsigmoid({sign}{spelled(inner.net)}[0]({given.text}))", self._shape(expr))
        inside = self.write(arg)
        kind = (other or arg).kind == "apply" and self._shape(other or arg).type.kind == "prob"
        text = f"torch.log({inside.text})"
        return Piece(f"{text}.clamp(min=-100.0)" if kind else text, self._shape(expr))

    def _pow(self, expr: Call) -> Piece:
        base, exponent = expr.args
        if isinstance(base, Call) and base.fn == "norm" and len(base.args) == 1 and exponent == Num(value=Fraction(2)):
            inner = self.write(base.args[0])
            if inner.shaped.type.kind == "params":
                self.reached.add("sum_of_squares")
                return Piece(f"sum_of_squares({self._params(base.args[0])})", Shaped(REAL))
            rows = ".flatten(1).sum(dim=1)" if inner.shaped.rows else ".sum()"
            return Piece(f"({inner.within(POWER)} ** 2){rows}", self._shape(expr))
        left, right = self.aligned([self.write(base), self.write(exponent)])
        return Piece(f"{left.within(ATOM)} ** {right.within(ATOM)}", self._shape(expr), POWER)

    def _params(self, expr: Expr) -> str:
        net = next(n for n in self.game.nets if isinstance(expr, Ref) and n.handle == expr.name)
        return handle_text(net) if net.name in self.explicit else f"list({spelled(net.name)}.parameters())"

    def _norm(self, expr: Call) -> Piece:
        inner = self.write(expr.args[0])
        order = self.write(expr.args[1]).text if len(expr.args) > 1 else "2"
        if inner.shaped.type.kind == "params":
            self.reached.add("sum_of_squares")
            return Piece(f"torch.sqrt(sum_of_squares({self._params(expr.args[0])}))", Shaped(REAL))
        if inner.shaped.rows:
            self.reached.add("rows_norm")
            return Piece(f"rows_norm({inner.text}, {order})", self._shape(expr))
        return Piece(f"torch.linalg.vector_norm({inner.text}, ord={order})", self._shape(expr))

    def _total(self, expr: Call) -> Piece:
        inner = self.write(expr.args[0])
        rows = ".flatten(1)" if inner.shaped.rows and _rank(inner) > 1 else ""
        dim = "dim=1" if inner.shaped.rows else ""
        if inner.shaped.rows and not _rank(inner):
            return inner
        return Piece(f"{inner.within(ATOM)}{rows}.{expr.fn}({dim})", self._shape(expr))

    def _classes(self, expr: Expr) -> str:
        piece = self.write(expr)
        return f"({piece.text}).long()" if piece.shaped.type.kind == "bool" else piece.text

    def _ce(self, expr: Call) -> Piece:
        z = self.write(expr.args[0])
        return Piece(f'F.cross_entropy({z.text}, {self._classes(expr.args[1])}, reduction="none")', self._shape(expr))

    def _correct(self, expr: Call) -> Piece:
        z = self.write(expr.args[0])
        return Piece(f"({z.within(ATOM)}.argmax(dim=1) == {self._classes(expr.args[1])}).to(DTYPE)", self._shape(expr))

    def _margin(self, expr: Call) -> Piece:
        z = self.write(expr.args[0])
        name = "margin" if len(expr.args) == 2 else "margin_of"
        self.reached.add(name)
        rest = ", ".join(self._classes(a) for a in expr.args[1:])
        return Piece(f"{name}({z.text}, {rest})", self._shape(expr))

    def _kl(self, expr: Call) -> Piece:
        p, q = (self.write(a) for a in expr.args)
        return Piece(f"({p.within(ATOM)} * (torch.log({p.text}) - torch.log({q.text}))).sum(dim=-1)", self._shape(expr))

    def _mse(self, expr: Call) -> Piece:
        p, q = self.aligned([self.write(a) for a in expr.args])
        tail = ".flatten(1).mean(dim=1)" if self._shape(expr).rows else ".mean()"
        return Piece(f"(({p.within(SUM)} - {q.within(PRODUCT)}) ** 2){tail if _rank(p) or not self._shape(expr).rows else ''}", self._shape(expr))

    def _matmul(self, expr: Call) -> Piece:
        a, b = (self.write(x) for x in expr.args)
        shape = self._shape(expr)
        if b.shaped.rows and not a.shaped.rows and _rank(a) == 2 and _rank(b) == 1:
            return Piece(f"{b.within(PRODUCT)} @ {a.within(ATOM)}.mT", shape, PRODUCT)
        if a.shaped.rows and b.shaped.rows and _rank(a) == _rank(b) == 1:
            return Piece(f"({a.within(PRODUCT)} * {b.within(ATOM)}).sum(dim=1)", shape)
        return Piece(f"{a.within(PRODUCT)} @ {b.within(ATOM)}", shape, PRODUCT)

    def _extreme(self, expr: Call) -> Piece:
        pieces = self.aligned([self.write(a) for a in expr.args])
        word = "maximum" if expr.fn == "max" else "minimum"
        shape = self._shape(expr)
        if len(pieces) == 1:
            dim = "dim=1" if shape.rows else ""
            return Piece(f"{pieces[0].within(ATOM)}.{'amax' if expr.fn == 'max' else 'amin'}({dim})", shape)
        text = pieces[0]
        for p in pieces[1:]:
            if text.text.replace(".", "").isdigit() or p.text.replace(".", "").replace("-", "").isdigit():
                tensor, bound = (p, text) if text.text.replace(".", "").isdigit() else (text, p)
                text = Piece(f"{tensor.within(ATOM)}.clamp({'min' if expr.fn == 'max' else 'max'}={bound.text})", shape)
            else:
                text = Piece(f"torch.{word}({text.text}, {p.text})", shape)
        return text

    def _cos(self, expr: Call) -> Piece:
        if len(expr.args) == 1:
            return Piece(f"torch.cos({self.write(expr.args[0]).text})", self._shape(expr))
        a, b = (self.write(x) for x in expr.args)
        flat = ".flatten(1)" if a.shaped.rows else ".flatten()"
        return Piece(f"F.cosine_similarity({a.within(ATOM)}{flat}, {b.within(ATOM)}{flat}, dim=-1)", Shaped(REAL, a.shaped.rows))

    # -------------------------------------------------------------- columns, samples, metrics

    def _column(self, expr: Call) -> Piece:
        data, column = (a.value for a in expr.args if isinstance(a, Word))
        source = next(d for d in self.game.data if d.name == data)
        for k, f in enumerate(source.fields):
            if f.name == column:
                return Piece(f"s.{attribute(data)}[{k}]", self._shape(expr))
        return Piece(f's.{attribute(data)}_table["{column}"]', self._shape(expr))

    def _sample(self, expr: Call) -> Piece:
        *names, count = expr.args
        chain = [a.value for a in names if isinstance(a, Word)]
        n = self.write(count).text
        text = f"draw_{attribute(chain[-1])}(s, {n}, s.rng_measure)"
        if len(chain) == 2:
            text = f"s.{spelled(chain[0])}({text})"
        return Piece(text, self._shape(expr))

    def _metric(self, expr: Call) -> Piece:
        entry = words("metrics")[expr.fn]
        self.reached.add(entry.compute.__name__)
        pieces = [self.write(a) for a in expr.args]
        tensors = [p.text for p in pieces[: entry.arity]]
        options = [
            f"{o.name}={'None' if p.text == repr('None') else p.text}"
            for o, p in zip(entry.options, pieces[entry.arity :], strict=False)
            if entry.arity
        ] or [p.text for p in pieces[entry.arity :]]
        return Piece(f"{entry.compute.__name__}({', '.join([*tensors, *options])})", self._shape(expr))

    # -------------------------------------------------------------- networks, reductions, gradients

    def _apply(self, expr: Apply) -> Piece:
        args = ", ".join(self.write(a).text for a in expr.args)
        net = next(n for n in self.game.nets if n.name == expr.net)
        if net.name in self.explicit:
            self.reached.add("apply_at")
            return Piece(f"apply_at({spelled(net.name)}, {handle_text(net)}, {args})", self._shape(expr))
        if expr.at is not None:
            raise UnsupportedError("a network at other parameters than its own cannot be written in this version")
        return Piece(f"{spelled(net.name)}({args})", self._shape(expr))

    def _reduce(self, expr: Reduce) -> Piece:
        inner = dict(self.names)
        for d in expr.draws:
            inner |= draw_names(self.game, d)
            if d.cond is not None:
                raise UnsupportedError("conditions on draws are not available in this version")
        outer, self.names = self.names, inner
        try:
            indices = [d for d in expr.draws if not d.over]
            if indices:
                return self._indexed_reduce(expr, indices)
            body = self.write(expr.body)
        finally:
            self.names = outer
        word = {"E": "mean", "mean": "mean", "sum": "sum", "prod": "prod"}[expr.op]
        if not body.shaped.rows:
            return body
        return Piece(f"{body.within(ATOM)}.{word}()", Shaped(REAL))

    def _indexed_reduce(self, expr: Reduce, indices: list[object]) -> Piece:
        draw = expr.draws[0]
        if len(indices) != 1 or len(expr.draws) != 1 or draw.skip is not None:
            raise UnsupportedError("a sum over samples and indices at once is not available in this version")
        name = draw.names[0]
        whole = self._whole(expr)
        if whole is not None:
            return whole
        body = self.write(expr.body)
        over = f"for {spelled(name)} in range({draw.first}, {draw.last + 1})"
        if expr.op == "sum":
            return Piece(f"sum({body.text} {over})", body.shaped)
        tail = {"E": "mean", "mean": "mean", "prod": "prod", "min": "amin", "max": "amax", "argmin": "argmin", "argmax": "argmax"}[expr.op]
        return Piece(f"torch.stack([{body.text} {over}]).{tail}(dim=0)", body.shaped)

    def _whole(self, expr: Reduce) -> Piece | None:
        """`sum{j}[q[j]]` over all of q is `q.sum()`."""
        body, draw = expr.body, expr.draws[0]
        if not (isinstance(body, Index) and isinstance(body.base, Ref) and body.indices == (Ref(name=draw.names[0]),)):
            return None
        base = self.write(body.base)
        if expr.op not in ("sum", "mean") or base.shaped.type.shape != (draw.last + 1,) or draw.first or base.shaped.rows:
            return None
        return Piece(f"{base.within(ATOM)}.{expr.op}()", Shaped(REAL))

    def _grad(self, expr: Grad) -> Piece:
        """The point becomes a local name; the gradient keeps its graph, for it stands inside an objective."""
        assert expr.at is not None
        at = self.write(expr.at)
        name = spelled(expr.name)
        self.lines.append(f"{name} = ({at.text}) if ({at.text}).requires_grad else ({at.text}).detach().requires_grad_()")
        outer, self.names = self.names, {**self.names, expr.name: at.shaped}
        body = self.write(expr.body)
        self.names = outer
        total = f"{body.within(ATOM)}.sum()" if body.shaped.rows else body.text
        self.lines.append(f"slope_{name} = torch.autograd.grad({total}, {name}, create_graph=True)[0]")
        return Piece(f"slope_{name}", at.shaped)

    # -------------------------------------------------------------- arrays

    def _array(self, expr: Array) -> Piece:
        constant = constant_text(expr)
        if constant is not None:
            return Piece(f"torch.tensor({constant}, dtype=DTYPE)", self._shape(expr))
        return Piece(f"torch.stack([{', '.join(self.write(i).text for i in expr.items)}], dim=-1)", self._shape(expr))

    def _index(self, expr: Index) -> Piece:
        if isinstance(expr.base, Ref):
            family = next((v for v in self.game.vars if v.name == expr.base.name and v.axis and v.scope), None)
            if family is not None:
                index = expr.indices[0]
                own = isinstance(index, Ref) and self.names.get(index.name, Shaped(INDEX)).type == INDEX and not _is_choice(self.game, index.name)
                return Piece(spelled(family.name) if own else f"{spelled(family.name)}_{spelled(getattr(index, 'name', 'at'))}", self._shape(expr))
        base = self.write(expr.base)
        indices = [self.write(i) for i in expr.indices]
        if base.shaped.rows:
            rows = "torch.arange(len({0}), device={0}.device)".format(indices[0].text) if any(i.shaped.rows for i in indices) else ":"
            return Piece(f"{base.within(ATOM)}[{rows}, {', '.join(i.text for i in indices)}]", self._shape(expr))
        return Piece(f"{base.within(ATOM)}[{', '.join(i.text for i in indices)}]", self._shape(expr))


def _is_choice(game: ir.Game, name: str) -> bool:
    return any(n.choice is not None and name in n.owns for n in game.nodes)


def _rank(piece: Piece) -> int:
    kind = piece.shaped.type
    return 1 if kind.kind == "logits" else len(kind.shape)


def handle_text(net: ir.Net) -> str:
    """The Python name of a network's explicit parameters."""
    return spelled(net.handle) if net.handle != net.name else f"{spelled(net.name)}_params"


def number(value: Fraction) -> Piece:
    """An exact number as Python writes it best: 3, 0.15, 8 / 255."""
    if value.denominator == 1:
        return Piece(str(value.numerator), Shaped(REAL), ATOM if value >= 0 else NEGATIVE)
    decimal = repr(float(value))
    if Fraction(decimal) == value:
        return Piece(decimal, Shaped(REAL), ATOM if value >= 0 else NEGATIVE)
    return Piece(f"{value.numerator} / {value.denominator}", Shaped(REAL), PRODUCT)


def constant_text(expr: Expr) -> str | None:
    """A nested list of numbers, None when some entry is no constant."""
    match expr:
        case Num():
            return number(expr.value).text
        case Word(value="inf"):
            return "math.inf"
        case Call(fn="div", args=(Num(), Num())):
            return " / ".join(number(a.value).within(ATOM) for a in expr.args if isinstance(a, Num))
        case Call(fn="neg", args=(Num(),)):
            return f"-{number(expr.args[0].value).within(ATOM)}" if isinstance(expr.args[0], Num) else None
        case Array():
            items = [constant_text(i) for i in expr.items]
            return None if any(i is None for i in items) else f"[{', '.join(i for i in items if i is not None)}]"
    return None


__all__ = ["Piece", "UnsupportedError", "Writer", "constant_text", "handle_text", "number", "spelled"]
