"""Functions whose text depends on what they are applied to: losses, norms, extremes, columns, samples."""

from __future__ import annotations

from collections.abc import Callable  # part of an annotation of the table; until 2027-11
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.shape import Shaped
from gamespec.emit.piece import ATOM, COMPARISON, NEGATIVE, POWER, PRODUCT, SUM, Piece
from gamespec.emit.spell import attribute, handle, spelled
from gamespec.ir.expr import Apply, Call, Expr, Num, Ref, Word
from gamespec.ir.types import REAL

if TYPE_CHECKING:
    from gamespec.emit.expr import Writer

COMPARED = ("le", "lt", "ge", "gt", "eq", "ne")
_OF_NUMBERS = {"abs": "abs({0})", **{fn: f"math.{fn}({{0}})" for fn in ("exp", "sqrt", "sin", "tanh")}}


def rank(piece: Piece) -> int:
    """The number of dimensions of one sample."""
    kind = piece.shaped.type
    return 1 if kind.kind == "logits" else len(kind.shape)


def aligned(pieces: list[Piece]) -> list[Piece]:
    """Rows of numbers get trailing dimensions where they meet rows of arrays."""
    most = max(map(rank, pieces))
    return [Piece(f"{p.within(ATOM)}[:{', None' * (most - rank(p))}]", p.shaped) if p.shaped.rows and rank(p) < most else p for p in pieces]


def of_numbers(fn: str, pieces: list[Piece], template: str, shape: Shaped) -> Piece:
    """A function of Python numbers: by `math` where it has it, else as a tensor."""
    if fn in _OF_NUMBERS:
        return Piece(_OF_NUMBERS[fn].format(pieces[0].text), shape, plain=True)
    return Piece(template.format(f"torch.tensor({pieces[0].text}, dtype=DTYPE)", *(p.text for p in pieces[1:])), shape)


def _log(writer: Writer, expr: Call) -> Piece:
    """`log` of a probability is taken from the score before the sigmoid where that is known, so that it never saturates."""
    (arg,) = expr.args
    other = arg.args[1] if isinstance(arg, Call) and arg.fn == "sub" and arg.args[0] == Num(value=Fraction(1)) else None
    for sign, inner in (("", arg), ("-", other)):
        if isinstance(inner, Apply) and inner.at is None and inner.net in writer.scores:
            given, score = ", ".join(writer.tensor(a) for a in inner.args), f"{spelled(inner.net)}[0]"
            if inner.net in writer.explicit:
                writer.reached.add("apply_at")
                return Piece(f"F.logsigmoid({sign}apply_at({score}, {handle(writer.net(inner.net))}, {given}))", writer.shape(expr))
            return Piece(f"F.logsigmoid({sign}{score}({given}))", writer.shape(expr))
    inside = writer.write(arg)
    if inside.plain:
        return Piece(f"math.log({inside.text})", inside.shaped, plain=True)
    chance = isinstance(other or arg, Apply) and writer.shape(other or arg).type.kind == "prob"
    return Piece(f"torch.log({inside.text}){'.clamp(min=-100.0)' if chance else ''}", writer.shape(expr))


def _pow(writer: Writer, expr: Call) -> Piece:
    base, exponent = expr.args
    if isinstance(base, Call) and base.fn == "norm" and len(base.args) == 1 and exponent == Num(value=Fraction(2)):
        inner = writer.write(base.args[0])
        if inner.shaped.type.kind == "params":
            return _squares(writer, base.args[0], inner)
        if not rank(inner):
            return Piece(f"{inner.within(ATOM)} ** 2", writer.shape(expr), POWER, plain=inner.plain)
        rows = ".flatten(1).sum(dim=1)" if inner.shaped.rows else ".sum()"
        return Piece(f"({inner.within(ATOM)} ** 2){rows}", writer.shape(expr))
    left, right = aligned([writer.write(base), writer.write(exponent)])
    return Piece(f"{left.within(ATOM)} ** {right.within(ATOM)}", writer.shape(expr), POWER, plain=left.plain and right.plain)


def _squares(writer: Writer, expr: Expr, inner: Piece) -> Piece:
    """The square of the Euclidean norm of parameters: of a network's own list, or of a vector."""
    if isinstance(expr, Ref) and any(n.handle == expr.name for n in writer.game.nets):
        writer.reached.add("sum_of_squares")
        return Piece(f"sum_of_squares({writer.parameters(expr)})", Shaped(REAL))
    return Piece(f"({inner.within(ATOM)} ** 2).sum()", Shaped(REAL))


def _norm(writer: Writer, expr: Call) -> Piece:
    inner = writer.write(expr.args[0])
    order = writer.write(expr.args[1]).text if len(expr.args) > 1 else "2"
    if inner.shaped.type.kind == "params":
        if order == "2":
            return Piece(f"torch.sqrt({_squares(writer, expr.args[0], inner).text})", Shaped(REAL))
        return Piece(f"torch.linalg.vector_norm({writer.vector(expr.args[0])}, ord={order})", Shaped(REAL))
    if not rank(inner):
        return Piece(f"abs({inner.text})" if inner.plain else f"torch.abs({inner.text})", writer.shape(expr), plain=inner.plain)
    if inner.shaped.rows:
        writer.reached.add("rows_norm")
        return Piece(f"rows_norm({inner.text}, {order})", writer.shape(expr))
    return Piece(f"torch.linalg.vector_norm({inner.text}, ord={order})", writer.shape(expr))


def _total(writer: Writer, expr: Call) -> Piece:
    inner = writer.write(expr.args[0])
    if not rank(inner):
        return inner
    if not inner.shaped.rows:
        return Piece(f"{inner.within(ATOM)}.{expr.fn}()", writer.shape(expr))
    flat = ".flatten(1)" if rank(inner) > 1 else ""
    return Piece(f"{inner.within(ATOM)}{flat}.{expr.fn}(dim=1)", writer.shape(expr))


def _classes(writer: Writer, expr: Expr) -> Piece:
    piece = writer.write(expr)
    return Piece(f"({piece.text}).long()", piece.shaped) if piece.shaped.type.kind == "bool" else piece


def _ce(writer: Writer, expr: Call) -> Piece:
    scores, label = writer.write(expr.args[0]), _classes(writer, expr.args[1])
    if scores.shaped.rows and label.shaped.rows:
        return Piece(f'F.cross_entropy({scores.text}, {label.text}, reduction="none")', writer.shape(expr))
    # One class for all samples, or one sample for all classes.
    return Piece(f"-torch.log_softmax({scores.text}, dim=-1)[..., {label.text}]", writer.shape(expr), NEGATIVE)


def _correct(writer: Writer, expr: Call) -> Piece:
    scores, label = writer.write(expr.args[0]), _classes(writer, expr.args[1])
    return Piece(
        f"({scores.within(ATOM)}.argmax(dim={1 if scores.shaped.rows else 0}) == {label.within(COMPARISON - 1)}).to(DTYPE)", writer.shape(expr)
    )


def _margin(writer: Writer, expr: Call) -> Piece:
    scores = writer.write(expr.args[0])
    name = "margin" if len(expr.args) == 2 else "margin_of"
    writer.reached.add(name)
    rest = ", ".join(_classes(writer, a).text for a in expr.args[1:])
    return Piece(f"{name}({scores.text}, {rest})", writer.shape(expr))


def _reduced(writer: Writer, expr: Call, terms: Piece, word: str) -> Piece:
    """All dimensions of one sample summed or averaged."""
    if not rank(terms):
        return Piece(terms.text, writer.shape(expr), terms.binds)
    flat = ".flatten(1)" if terms.shaped.rows and rank(terms) > 1 else ""
    return Piece(f"{terms.within(ATOM)}{flat}.{word}({'dim=1' if terms.shaped.rows else ''})", writer.shape(expr))


def _pair(writer: Writer, expr: Call) -> tuple[str, str, Shaped]:
    """Two arguments as tensors of one shape, and that shape."""
    pieces = aligned([writer.write(a) for a in expr.args])
    big = max(pieces, key=rank)
    texts = [writer.tensor(a) if p.plain else p.within(ATOM) for a, p in zip(expr.args, pieces, strict=True)]
    return texts[0], texts[1], Shaped(big.shaped.type, any(p.shaped.rows for p in pieces))


def _kl(writer: Writer, expr: Call) -> Piece:
    """With 0 log 0 = 0."""
    p, q, shape = _pair(writer, expr)
    return _reduced(writer, expr, Piece(f"torch.xlogy({p}, {p}) - torch.xlogy({p}, {q})", shape, SUM), "sum")


def _mse(writer: Writer, expr: Call) -> Piece:
    p, q, shape = _pair(writer, expr)
    return _reduced(writer, expr, Piece(f"({p} - {q}) ** 2", shape, POWER), "mean")


def _matmul(writer: Writer, expr: Call) -> Piece:
    a, b = (writer.write(x) for x in expr.args)
    shape = writer.shape(expr)
    if b.shaped.rows and rank(b) == 1:
        if rank(a) == 1:  # one vector for each sample, or the same for all
            return Piece(f"({a.within(PRODUCT)} * {b.within(ATOM)}).sum(dim=1)", shape)
        if not a.shaped.rows:
            return Piece(f"{b.within(PRODUCT)} @ {a.within(ATOM)}.mT", shape, PRODUCT)
        return Piece(f"({a.within(PRODUCT)} @ {b.within(ATOM)}[:, :, None])[:, :, 0]", shape)
    if a.shaped.rows and rank(a) == 1 and b.shaped.rows:
        return Piece(f"({a.within(ATOM)}[:, None, :] @ {b.within(ATOM)})[:, 0]", shape)
    return Piece(f"{a.within(PRODUCT)} @ {b.within(ATOM)}", shape, PRODUCT)


def _extreme(writer: Writer, expr: Call) -> Piece:
    """`max` and `min`: of the entries of one argument, or elementwise of several."""
    pieces = aligned([writer.write(a) for a in expr.args])
    shape = writer.shape(expr)
    if len(pieces) == 1:
        (piece,) = pieces
        if not rank(piece):
            return piece
        flat = ".flatten(1)" if piece.shaped.rows and rank(piece) > 1 else ""
        return Piece(f"{piece.within(ATOM)}{flat}.a{expr.fn}({'dim=1' if piece.shaped.rows else ''})", shape)
    tensors, numbers = [p for p in pieces if not p.plain], [p for p in pieces if p.plain]
    bound = "" if not numbers else numbers[0].text if len(numbers) == 1 else f"{expr.fn}({', '.join(p.text for p in numbers)})"
    if not tensors:
        return Piece(bound, shape, plain=True)
    text = tensors[0].within(ATOM) if len(tensors) == 1 else tensors[0].text
    for p in tensors[1:]:
        text = f"torch.{expr.fn}imum({text}, {p.text})"
    return Piece(f"{text}.clamp({'min' if expr.fn == 'max' else 'max'}={bound})" if bound else text, shape)


def _cos(writer: Writer, expr: Call) -> Piece:
    """The cosine of a number, or of the angle between two arrays."""
    if len(expr.args) == 1:
        inside = writer.write(expr.args[0])
        return Piece(f"{'math' if inside.plain else 'torch'}.cos({inside.text})", writer.shape(expr), plain=inside.plain)
    a, b = (writer.write(x) for x in expr.args)
    flat = [f"{p.within(ATOM)}{'' if rank(p) == 1 else '.flatten(1)' if p.shaped.rows else '.flatten()'}" for p in (a, b)]
    return Piece(f"F.cosine_similarity({flat[0]}, {flat[1]}, dim=-1)", Shaped(REAL, a.shaped.rows or b.shaped.rows))


def _column(writer: Writer, expr: Call) -> Piece:
    data, column = (a.value for a in expr.args if isinstance(a, Word))
    source = next(d for d in writer.game.data if d.name == data)
    for k, f in enumerate(source.fields):
        if f.name == column:
            return Piece(f"s.{attribute(data)}[{k}]", writer.shape(expr))
    return Piece(f's.{attribute(data)}_table["{column}"]', writer.shape(expr))


def _sample(writer: Writer, expr: Call) -> Piece:
    *names, count = expr.args
    chain = [a.value for a in names if isinstance(a, Word)]
    text = f"draw_{attribute(chain[-1])}(s, {writer.write(count).text}, s.rng_measure)"
    return Piece(f"s.{spelled(chain[0])}({text})" if len(chain) == 2 else text, writer.shape(expr))


SPECIAL: dict[str, Callable[[Writer, Call], Piece]] = {
    "log": _log, "norm": _norm, "pow": _pow, "sum": _total, "mean": _total, "ce": _ce, "correct": _correct, "margin": _margin,
    "kl": _kl, "mse": _mse, "matmul": _matmul, "max": _extreme, "min": _extreme, "cos": _cos, "column": _column, "sample": _sample,
}  # fmt: skip
"""Functions of the language that are not written by their template alone."""
