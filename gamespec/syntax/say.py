"""A tree as text again: one line for each statement, brackets where they are needed, comments left out."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby

from gamespec.syntax import tree as t

# How tightly a form binds, as in the grammar.
_LEVELS = {"if": 0, "or": 1, "and": 2, "not": 3, "cmp": 4, "&": 5, "\\": 5, "..": 6, "+": 7, "-": 7, "*": 8, "/": 8, "@": 8, "neg": 9, "^": 10}
POSTFIX, _ATOM = 11, 12


def say(e: t.Expr, level: int = 0) -> str:
    """An expression, in brackets where it binds less tightly than `level`."""
    text, own = _said(e)
    return text if own >= level else f"({text})"


def _said(e: t.Expr) -> tuple[str, int]:  # noqa: C901  # one case for each node; until 2027-11
    """The text of an expression and how tightly it binds."""
    match e:
        case t.Num():
            return _number(e.value)
        case t.Str():
            escaped = e.value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"', _ATOM
        case t.Bool():
            return str(e.value).lower(), _ATOM
        case t.Name():
            # Before a name, `params` is a word of the grammar.
            return f"({e.id})" if e.id == "params" else e.id, _ATOM
        case t.Tuple():
            return f"({_list(e.items)})", _ATOM
        case t.List():
            return f"[{_list(e.items)}]", _ATOM
        case t.SetLit():
            return f"{{{_list(e.items)}}}", _ATOM
        case t.Unary():
            own = _LEVELS["not" if e.op == "not" else "neg"]
            return f"{'not ' if e.op == 'not' else '-'}{say(e.arg, own)}", own
        case t.Binary():
            return _binary(e)
        case t.Compare():
            own = _LEVELS["cmp"]
            return " ".join([say(e.first, own + 1), *(f"{sign} {say(side, own + 1)}" for sign, side in e.rest)]), own
        case t.If():
            return f"if {say(e.cond)} then {say(e.then)} else {say(e.other)}", 0
        case t.Call():
            inside = ", ".join([*map(say, e.args), *(f"{k.key} = {say(k.value)}" for k in e.kwargs)])
            behind = f"; {_list(e.params)}" if e.params else ""
            return f"{say(e.fn, POSTFIX)}({inside}{behind})", POSTFIX
        case t.Index():
            return f"{say(e.base, POSTFIX)}[{_list(e.indices)}]", POSTFIX
        case t.Attr():
            base = say(e.base, POSTFIX)
            # `s.t.` is a word of the grammar.
            return f"({base}).{e.key}" if base.endswith("s.t") else f"{base}.{e.key}", POSTFIX
        case t.Bound():
            return f"{' '.join(map(_binder, e.binders))}[ {body(e.body)} ]", _ATOM
        case t.Equilibrium():
            return f"nash {{ {block(e.players, e.side)} }}", _ATOM


def tightness(e: t.Node, part: str) -> int:
    """How tightly what stands in this field of a node must bind to need no brackets."""
    if isinstance(e, t.Binary):
        own = _LEVELS[e.op]
        if e.op == "^":
            return POSTFIX if part == "left" else _LEVELS["neg"]
        # `a..b` takes no second range; all others group to the left.
        return own + (part == "right" or e.op == "..")
    if isinstance(e, t.Unary):
        return _LEVELS["not" if e.op == "not" else "neg"]
    if isinstance(e, t.Compare):
        return _LEVELS["cmp"] + 1
    return POSTFIX if part in ("fn", "base") else 0


def _number(value: Fraction) -> tuple[str, int]:
    """A literal is a decimal; another fraction, which only a computation gives, is a division."""
    whole, power = value, 0
    while whole.denominator != 1 and power <= 400:
        whole, power = whole * 10, power + 1
    if whole.denominator != 1:
        return f"{value.numerator}/{value.denominator}", _LEVELS["/"]
    digits = str(abs(whole.numerator)).rjust(power + 1, "0")
    text = f"{digits[: len(digits) - power]}.{digits[len(digits) - power :]}" if power else digits
    return (f"-{text}", _LEVELS["neg"]) if value < 0 else (text, _ATOM)


def _binary(e: t.Binary) -> tuple[str, int]:
    gap = "" if e.op in ("*", "/", "..", "^") else " "
    return f"{say(e.left, tightness(e, 'left'))}{gap}{e.op}{gap}{say(e.right, tightness(e, 'right'))}", _LEVELS[e.op]


def _list(items: tuple[t.Expr, ...]) -> str:
    return ", ".join(map(say, items))


# ------------------------------------------------------------------ binders, bodies, players, types


def _binder(b: t.Binder) -> str:
    return f"{b.op}{{{', '.join(map(_bind, b.binds))}}}"


def _bind(b: t.Bind) -> str:
    names = ", ".join(n.id for n in b.pattern.names)
    text = f"({names})" if len(b.pattern.names) > 1 else names
    text += f"[{_list(b.pattern.indices)}]" if b.pattern.indices else ""
    source = f"{'~' if b.draws else 'in'} {say(b.source)}{f' | {say(b.cond)}' if b.cond else ''}" if b.source else ""
    return f"{text}{f': {kind(b.type)}' if b.type else ''}{f' {source}' if source else ''}"


def body(b: t.Body) -> str:
    """An expression with its side items: constraints and responses after `s.t.`, local names after `where`."""
    text = say(b.expr)
    for named, items in groupby(b.side, local):
        text += f" {'where' if named else 's.t.'} {', '.join(map(_item, items))}"
    return text


def local(item: t.Item) -> bool:
    """Whether an item names a value, and is neither a constraint nor a response."""
    answers = isinstance(item.right, t.Bound) and item.right.binders[0].op in ("argmin", "argmax")
    return item.kind == "unique" and not answers and not isinstance(item.right, t.Equilibrium)


def _item(i: t.Item) -> str:
    right = "" if i.right is None else f" {'=' if i.kind == 'unique' else 'in'} {say(i.right)}"
    return f"{say(i.left)}{right}{_foralls(i.foralls)}"


def _foralls(foralls: tuple[t.Forall, ...]) -> str:
    return "".join(f" forall {f.name.id} in {say(f.source)}" for f in foralls)


def block(players: tuple[t.Player, ...], side: tuple[t.Item, ...]) -> str:
    """The inside of a block."""
    said = [f"{f'{p.label.id}: ' if p.label else ''}{say(p.game)}{_foralls(p.foralls)}" for p in players]
    return " ".join(said) + (f" s.t. {', '.join(map(_item, side))}" if side else "")


def kind(x: t.Type) -> str:
    """A type."""
    match x:
        case t.TName():
            return f"{x.name}{f'({_list(x.args)})' if x.args else ''}{f'[{_list(x.dims)}]' if x.dims else ''}"
        case t.TFun():
            return f"{kind(x.source)} -> {kind(x.target)}"
        case t.TOf():
            return f"{x.name} of {kind(x.inner)}"
        case t.TRecord():
            return f"({', '.join(map(_field, x.fields))})"


def _field(f: t.TField) -> str:
    return f"{f'{f.name.id}: ' if f.name else ''}{kind(f.type)}{f' in {say(f.range)}' if f.range is not None else ''}"


def statement(s: t.Param | t.Dim | t.Dist | t.Def | t.Let) -> str:
    """A statement that defines something."""
    match s:
        case t.Param():
            head = f"param {s.name.id}{f': {kind(s.type)}' if s.type else ''}"
            return f"{head}{f' in {say(s.range)}' if s.range is not None else ''} = {say(s.value)}"
        case t.Dim():
            return f"dim {s.name.id}{f' = {say(s.value)}' if s.value is not None else ''}"
        case t.Dist():
            return f"dist {s.name.id}: {kind(s.type)} = {say(s.source)}"
        case t.Let():
            return f"let {s.name.id} = {body(s.body)}"
        case t.Def():
            formals = ", ".join(f"{f.name.id}{f': {kind(f.type)}' if f.type else ''}" for f in s.formals)
            return f"def {s.name.id}({formals}){f' -> {kind(s.result)}' if s.result else ''} = {body(s.body)}"
