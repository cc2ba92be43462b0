"""Expressions as Python text: per-sample mathematics becomes batched torch, one rule for rows and one for shapes."""

from __future__ import annotations

from collections.abc import Mapping  # part of the dataclass; until 2027-11
from dataclasses import dataclass, field

from gamespec.check.shape import Names, Shaped, draw_names, each, infer
from gamespec.emit import formulas
from gamespec.emit.piece import ATOM, PRECEDENCE, Piece, number
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.spell import handle, spelled
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Call, Draw, Expr, Grad, If, Index, Num, Reduce, Ref, Stop, Value, Word
from gamespec.ir.types import INDEX, REAL
from gamespec.ir.walk import free_names, walk
from gamespec.library.functions import CONSTANTS, FUNCTIONS
from gamespec.library.registry import words


@dataclass(slots=True)
class Writer:
    """Writes the expressions of one program.

    `functions`: node id -> the call that gives its objective. `explicit`: networks applied at explicit parameters.
    `hoisted`: network applications computed once for several players, as (expression, name). `scores`: networks that
    end in a sigmoid of their own, so that `net[0]` is the score before it. `texts`: names that stand for other Python
    text than their own. `reached` collects the library and kernel functions that the text calls.
    """

    game: ir.Game
    names: Names
    functions: Mapping[str, str] = field(default_factory=dict)
    explicit: frozenset[str] = frozenset()
    hoisted: tuple[tuple[Expr, str], ...] = ()
    scores: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    moody: frozenset[str] = frozenset()
    """Networks that may act differently in train and eval mode."""

    def write(self, expr: Expr) -> Piece:
        """One expression."""
        for known, name in self.hoisted:
            if known == expr:
                return Piece(name, self.shape(expr))
        match expr:
            case Value() | Grad() | Stop() | If() | Array() | Index():
                return self._form(expr)
            case Num():
                return number(expr.value)
            case Word():
                return Piece(repr(expr.value), Shaped(REAL))
            case Ref():
                return self._ref(expr)
            case Call():
                return self._call(expr)
            case Apply():
                return self._apply(expr)
            case Reduce():
                return self._reduce(expr)

    def _form(self, expr: Value | Grad | Stop | If | Array | Index) -> Piece:
        """One of the rarer kinds."""
        match expr:
            case Value():
                return Piece(self.functions[expr.node], self.shape(expr))
            case Grad():
                return self._grad(expr)
            case Stop():
                inner = self.write(expr.body)
                return inner if inner.plain else Piece(f"{inner.within(ATOM)}.detach()", inner.shaped)
            case If():
                return self._if(expr)
            case Array():
                return Piece(f"torch.stack([{', '.join(self.tensor(i) for i in expr.items)}], dim=-1)", self.shape(expr))
            case Index():
                return self._index(expr)

    def shape(self, expr: Expr) -> Shaped:
        """What an expression is, and whether it has one row per sample."""
        return infer(expr, self.names, self.game)

    def net(self, name: str) -> ir.Net:
        """The network with this name."""
        return next(n for n in self.game.nets if n.name == name)

    def tensor(self, expr: Expr) -> str:
        """The text of an expression as a tensor, numbers included."""
        piece = self.write(expr)
        return f"torch.tensor({piece.text}, dtype=DTYPE)" if piece.plain else piece.text

    def parameters(self, expr: Expr) -> str:
        """The parameters of the network that a handle names."""
        net = next(n for n in self.game.nets if isinstance(expr, Ref) and n.handle == expr.name)
        return handle(net) if net.name in self.explicit else f"list({spelled(net.name)}.parameters())"

    def vector(self, expr: Expr) -> str:
        """Parameters of a network as one vector: its own, a variable that holds such a vector, or a sum of these."""
        net = next((n for n in self.game.nets if isinstance(expr, Ref) and n.handle == expr.name), None)
        if net is None:
            return self.write(expr).text
        self.reached.add("flatten_list")
        if net.name in self.explicit:
            return f"flatten_list({handle(net)})"
        self.reached.add("trainable")
        return f"flatten_list(trainable({spelled(net.name)}))"

    def _ref(self, expr: Ref) -> Piece:
        shaped = self.names.get(expr.name, Shaped(REAL))
        if expr.name in CONSTANTS and expr.name not in self.names:
            return Piece(CONSTANTS[expr.name], shaped, plain=True)
        scalar = any(p.name == expr.name and isinstance(p.value, Num) for p in self.game.params)
        counted = shaped == Shaped(INDEX) and not any(v.name == expr.name for v in self.game.vars)
        return Piece(self.texts.get(expr.name) or spelled(expr.name), shaped, plain=scalar or counted)

    # -------------------------------------------------------------- functions

    def _call(self, expr: Call) -> Piece:
        if expr.fn in formulas.SPECIAL:
            return formulas.SPECIAL[expr.fn](self, expr)
        if expr.fn not in FUNCTIONS:
            return self._metric(expr)
        if self.shape(expr).type.kind == "params":
            pieces = [Piece(self.vector(a), Shaped(REAL)) if isinstance(a, Ref) else self.write(a) for a in expr.args]
        else:
            pieces = formulas.aligned([self.write(a) for a in expr.args])
        shape, plain = self.shape(expr), all(p.plain for p in pieces)
        if expr.fn in ("and", "or", "not"):
            word = f" {expr.fn} " if plain else {"and": " & ", "or": " | "}.get(expr.fn, "")
            inverse = ("not " if plain else "~") if expr.fn == "not" else ""
            return Piece(f"({inverse}{word.join(f'({p.text})' for p in pieces)})", shape, plain=plain)
        binds = PRECEDENCE.get(expr.fn, ATOM)
        template = FUNCTIONS[expr.fn].torch
        if binds == ATOM:
            if plain:
                return formulas.of_numbers(expr.fn, pieces, template, shape)
            return Piece(template.format(*(p.text for p in pieces)), shape)
        # Grouped as in the game, for rounding depends on it; comparisons would otherwise chain.
        left = binds - 1 if len(pieces) == 1 or expr.fn in formulas.COMPARED else binds
        texts = [pieces[0].within(left), *(p.within(binds - 1) for p in pieces[1:])]
        return Piece(template.format(*texts), shape, binds, plain=plain)

    def _if(self, expr: If) -> Piece:
        cond, then, other = formulas.aligned([self.write(e) for e in (expr.cond, expr.then, expr.other)])
        if cond.plain:
            return Piece(f"({then.text} if {cond.text} else {other.text})", self.shape(expr), plain=then.plain and other.plain)
        first = self.tensor(expr.then) if then.plain and other.plain else then.text
        return Piece(f"torch.where({cond.text}, {first}, {other.text})", self.shape(expr))

    def _metric(self, expr: Call) -> Piece:
        entry = words("metrics")[expr.fn]
        self.reached.add(entry.compute.__name__)
        pieces = [self.write(a) for a in expr.args]
        rest = [p.text for p in pieces[entry.arity :]]
        if entry.arity:
            rest = [f"{o.name}={'None' if t == repr('None') else t}" for o, t in zip(entry.options, rest, strict=False)]
        return Piece(f"{entry.compute.__name__}({', '.join([*(p.text for p in pieces[: entry.arity]), *rest])})", self.shape(expr))

    # -------------------------------------------------------------- networks, reductions, gradients

    def _apply(self, expr: Apply) -> Piece:
        args = ", ".join(self.tensor(a) for a in expr.args)
        net = self.net(expr.net)
        if expr.at is not None and expr.at != Ref(name=net.handle):
            self.reached.add("apply_vector")
            return Piece(f"apply_vector({spelled(net.name)}, {self.vector(expr.at)}, {args})", self.shape(expr))
        if net.name in self.explicit:
            self.reached.add("apply_at")
            return Piece(f"apply_at({spelled(net.name)}, {handle(net)}, {args})", self.shape(expr))
        return Piece(f"{spelled(net.name)}({args})", self.shape(expr))

    def _reduce(self, expr: Reduce) -> Piece:
        outer = self.names
        if len(expr.draws) > 1 and not all(d.over for d in expr.draws):
            raise UnsupportedError("one reduction over two index sets, or over samples and indices at once, is not available in this version",
                                   "nest two reductions")  # fmt: skip
        try:
            if not expr.draws[0].over:
                return self._indexed(expr, expr.draws[0])
            self.names = {**outer, **{n: shaped for d in expr.draws for n, shaped in draw_names(self.game, d).items()}}
            if not each(self.game, expr.draws):
                return self._tables(expr)
            self._columns(expr.draws)
            body = self.write(expr.body)
            kept = [self.write(d.cond) for d in expr.draws if d.cond is not None]
        finally:
            self.names = outer
        if expr.op not in ("E", "mean", "sum"):
            raise UnsupportedError(f"`{expr.op}` over samples is not available in this version")
        if kept and (body.shaped.rows or expr.op == "sum"):
            return self._where(body, " & ".join(k.within(ATOM) for k in kept), "sum" if expr.op == "sum" else "mean")
        if not body.shaped.rows:
            if expr.op == "sum":
                raise UnsupportedError("a sum over samples of something that no sample changes is not available in this version")
            return body
        word = "sum" if expr.op == "sum" else "mean"
        rank = formulas.rank(body)
        return Piece(f"{body.within(ATOM)}.{word}({'dim=0' if rank else ''})", Shaped(body.shaped.type if rank else REAL))

    def _columns(self, draws: tuple[Draw, ...]) -> None:
        """The names of the rows of a table are columns of the sample that it is a part of."""
        for d in (d for d in draws if d.inner):
            source = next(s for s in self.game.data if s.name == d.over.partition("/")[0])
            columns = [k for k, f in enumerate(source.fields) if f.name.partition(".")[0] == d.part[1]]
            self.texts = {**self.texts, **{n: f"{spelled(d.part[0])}[{k}]" for n, k in zip(d.names, columns, strict=True)}}

    def _tables(self, expr: Reduce) -> Piece:
        """A reduction over samples that are tables, one after the other."""
        if len(expr.draws) > 1 or expr.op not in ("E", "mean", "sum") or expr.draws[0].cond is not None:
            what = "a sample that is a table is drawn alone, and without a condition, in this version"
            raise UnsupportedError(what, "write an expectation of its own")
        values = self.each_table(expr.draws[0], expr.body)
        return Piece(f"{values.within(ATOM)}.{'sum' if expr.op == 'sum' else 'mean'}()", Shaped(REAL))

    def each_table(self, draw: Draw, expr: Expr) -> Piece:
        """One number for every sample that is a table: with each the variables that answer it. Shapes: the result is [n]."""
        game, sample = self.game, spelled(draw.names[0])
        inside = set(free_names(expr)) | {n for e in walk(expr) if isinstance(e, Value) for n in free_names(game.node(e.node).objective)}
        own = [spelled(v.name) for v in game.vars if v.name in inside and any(draw.names == d.names for d in v.scope)]
        functions, outer = self.functions, self.names
        self.functions = {n: self._alone(n, text, draw, own) for n, text in functions.items()}
        self.names = {**outer, **draw_names(game, draw)}
        try:
            body, text = self.write(expr), self.tensor(expr)
        finally:
            self.functions, self.names = functions, outer
        if body.shaped.rows:
            what = "this is one number for each row of a table, and its sample needs one"
            raise UnsupportedError(what, "take the mean: `mean{(x, y) in tau.train}[ .. ]`")
        within = [expr, *(game.node(e.node).objective for e in walk(expr) if isinstance(e, Value))]
        parts = [e for f in within for e in walk(f)]
        if not any(isinstance(e, Grad) or (isinstance(e, Apply) and e.net in self.moody) for e in parts):
            names = ", ".join([sample, *own])
            return Piece(f"torch.vmap(lambda {names}: {text})({names})", Shaped(REAL, rows=True))
        # Slopes inside, and networks that keep statistics, want one sample after the other.
        over = f"for {sample} in zip(*{sample}, strict=True)"
        if own:
            over = f"for {sample}, {', '.join(own)} in zip(zip(*{sample}, strict=True), {', '.join(own)}, strict=True)"
        return Piece(f"torch.stack([{text} {over}])", Shaped(REAL, rows=True))

    def _alone(self, node: str, call: str, draw: Draw, own: list[str]) -> str:
        """The objective of a follower of one sample, which is written for all samples together."""
        if not any(draw.names == d.names for d in self.game.node(node).scope):
            return call
        name, _, args = call.removesuffix(")").partition("(")
        sample = spelled(draw.names[0])
        given = [f"tuple(t[None] for t in {a})" if a == sample else f"{a}[None]" if a in own else a for a in args.split(", ")]
        return f"{name}({', '.join(given)})[0]"

    def _indexed(self, expr: Reduce, draw: Draw) -> Piece:
        """A reduction over a short range is written out by Python."""
        (name,) = draw.names
        self.names = {**self.names, name: Shaped(INDEX)}
        skip = self.write(draw.skip) if draw.skip is not None else None
        whole = self._whole(expr, draw)
        if whole is not None and skip is None:
            return whole
        body = self.write(expr.body)
        over = f"for {spelled(name)} in range({draw.first}, {draw.last + 1})" if draw.first else f"for {spelled(name)} in range({draw.last + 1})"
        if skip is not None and skip.plain:
            over = f"{over} if {spelled(name)} != {skip.text}"
        elif skip is not None:
            return self._without(expr, body, skip, f"{spelled(name)} {over}", over)
        if expr.op == "sum":
            return Piece(f"sum({body.text} {over})", body.shaped, plain=body.plain)
        text = self.tensor(expr.body) if body.plain else body.text
        tail = {"min": "amin", "max": "amax", "E": "mean"}.get(expr.op, expr.op)
        return Piece(f"torch.stack([{text} {over}]).{tail}(dim=0)", body.shaped)

    def _without(self, expr: Reduce, body: Piece, skip: Piece, each: str, over: str) -> Piece:
        """A reduction that leaves out, for every sample, the element of its own."""
        terms = f"torch.stack([{self.tensor(expr.body) if body.plain else body.text} {over}])"
        if skip.shaped.rows and not body.shaped.rows:
            terms = f"{terms}[:, None]"
        kept = f"torch.stack([{skip.within(ATOM)} != {each}])"
        return self._where(Piece(terms, Shaped(body.shaped.type, rows=skip.shaped.rows or body.shaped.rows)), kept, expr.op, rows=True)

    def _where(self, values: Piece, kept: str, op: str, *, rows: bool = False) -> Piece:
        """The values that are kept, reduced along their first dimension; `rows` says that samples are the second one."""
        word = {"E": "mean"}.get(op, op)
        self.reached.add(f"{word}_where")
        each = Shaped(values.shaped.type if formulas.rank(values) else REAL, rows and values.shaped.rows)
        return Piece(f"{word}_where({values.text}, {kept})", each)

    def _whole(self, expr: Reduce, draw: Draw) -> Piece | None:
        """`sum{j}[q[j]]` over all of q is `q.sum()`."""
        body = expr.body
        if not (isinstance(body, Index) and isinstance(body.base, Ref) and body.indices == (Ref(name=draw.names[0]),)):
            return None
        base = self.write(body.base)
        if expr.op not in ("sum", "mean") or base.shaped != Shaped(REAL.model_copy(update={"shape": (draw.last + 1,)})) or draw.first:
            return None
        return Piece(f"{base.within(ATOM)}.{expr.op}()", Shaped(REAL))

    def _grad(self, expr: Grad) -> Piece:
        """The gradient keeps its graph, for it stands inside an objective."""
        if expr.at is None:
            raise UnsupportedError("a gradient where its name stands already is not available in this version", "name the point: `where s = ...`")
        at, outer = self.tensor(expr.at), self.names
        shaped = self.shape(expr.at)
        self.names = {**outer, expr.name: shaped}
        try:
            body = self.write(expr.body)
        finally:
            self.names = outer
        self.reached.add("gradient_at")
        return Piece(f"gradient_at(lambda {spelled(expr.name)}: {body.text}, {at})", shaped)

    # -------------------------------------------------------------- arrays

    def _index(self, expr: Index) -> Piece:
        if isinstance(expr.base, Ref):
            family = next((v for v in self.game.vars if v.name == expr.base.name and v.axis and v.scope), None)
            if family is not None:
                return Piece(family_text(self.game, family, expr.indices[0]), self.shape(expr))
        base = self.write(expr.base)
        indices = [self.write(i) for i in expr.indices]
        texts = ", ".join(i.text for i in indices)
        if base.shaped.rows:
            each = next((i.text for i in indices if i.shaped.rows), None)
            rows = f"torch.arange(len({each}), device={each}.device)" if each else ":"
            return Piece(f"{base.within(ATOM)}[{rows}, {texts}]", self.shape(expr))
        return Piece(f"{base.within(ATOM)}[{texts}]", self.shape(expr))


def family_text(game: ir.Game, family: ir.Var, index: Expr) -> str:
    """The Python name of one member of a per-sample family: all of them, or the one that a discrete answer picks."""
    if not isinstance(index, Ref):
        raise UnsupportedError(f"`{family.name}` is indexed by something else than a name, which is not available in this version")
    picked = any(n.choice is not None and index.name in n.owns for n in game.nodes)
    return f"{spelled(family.name)}_at_{spelled(index.name)}" if picked else spelled(family.name)
