"""How each form of the grammar is printed: which words touch, and where a line may end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gamespec.syntax.concrete import Comments, Form, Part
from gamespec.syntax.lex import Token
from gamespec.syntax.pretty import Align, Doc, Group, Line, Nest, Pad, Piece

if TYPE_CHECKING:
    from collections.abc import Callable

UNICODE = {"in": "∈", "~": "∼", "<=": "≤", ">=": "≥", "!=": "≠", "\\": "∖"}
UNICODE_BINDERS = {"E": "𝔼", "sum": "∑", "grad": "∇"}
ASCII = {sign: word for word, sign in (UNICODE | UNICODE_BINDERS).items()}
LEAVES = {"name", "num", "str", "true", "false"}
WIDE = Line("  ")
SHORT = 40
"""Characters up to which an item may share its line with others where not all fit on one."""


class Phrases:
    """Documents of forms; `comments` are those of each token by where it starts.

    Tokens that start at one of `kept` are spelled as they were written, whatever the alphabet.
    """

    def __init__(self, comments: Mapping[int, Comments], kept: frozenset[int], unicode: bool = False) -> None:
        self.comments = comments
        self.kept = kept
        self.unicode = unicode

    def __call__(self, part: Part) -> Doc:
        """The document of a token or a form."""
        if isinstance(part, Token):
            return self.token(part)
        found: Callable[[Form], Doc] = getattr(self, f"_{part.name}", self._spaced)
        return found(part)

    def token(self, token: Token, text: str = "") -> Doc:
        """A token with its comments; `text` replaces what was written."""
        said = text or self.spelled(token)
        around = self.comments.get(token.start)
        if around is None:
            return said
        return Piece(said, tuple(c.text.rstrip() for c in around.before), tuple(c.text.rstrip() for c in around.after))

    def spelled(self, token: Token) -> str:
        """How a token is spelled in the alphabet that is wanted."""
        if token.type not in {"_IN", "_FROM", "CMP", "_MINUSSET", "OP"} or token.start in self.kept:
            return token.text
        said = ASCII.get(token.text, token.text)
        return UNICODE.get(said, said) if self.unicode else said

    # -------------------------------------------------------------- shapes that many forms have

    def _spaced(self, form: Form) -> Doc:
        return between(map(self, form.parts), " ")

    def _tight(self, form: Form) -> Doc:
        return tuple(map(self, form.parts))

    def listed(self, parts: Sequence[Part]) -> Doc:
        """Items with their commas, a line after each."""
        return tuple((self(part), Line()) if isinstance(part, Token) and part.type == "COMMA" else self(part) for part in parts)

    def bracketed(self, parts: Sequence[Part], inside: Sequence[Part] | None = None) -> Doc:
        """An opening bracket, items, a closing bracket; short items share the lines that they need."""
        if len(parts) < 3:
            return tuple(map(self, parts))
        items = parts[1:-1] if inside is None else inside
        short = all(len(_spelled(part)) <= SHORT for part in items)
        filled = self._filled(items) if short else Group(self.listed(items))
        return Group((self(parts[0]), Nest((Line(""), filled)), self(parts[-1])))

    def _filled(self, parts: Sequence[Part]) -> Doc:
        return tuple((self(part), Group(Line())) if isinstance(part, Token) and part.type in {"COMMA", "SEMICOLON"} else self(part) for part in parts)

    def _chain(self, form: Form, tight: bool = False) -> Doc:
        """Operators of one rank, from the left, each at the head of a line where the lines are broken."""
        operands, operators = _flattened(form)
        docs: list[Doc] = [self(operands[0])]
        for operator, operand in zip(operators, operands[1:], strict=True):
            docs.append((self(operator), self(operand)) if tight else (Line(), self(operator), " ", self(operand)))
        return Group((docs[0], Nest(tuple(docs[1:]))))

    # -------------------------------------------------------------- types

    _t_name = _tight

    def _f_named(self, form: Form) -> Doc:
        name, colon, *rest = form.parts
        return (self(name), self(colon), " ", between(map(self, rest), " "))

    def _f_anon(self, form: Form) -> Doc:
        return self(form.parts[0])

    def _brackets(self, form: Form) -> Doc:
        return self.bracketed(form.parts)

    _t_record = _targs = _tdims = _atom = _tuple = _list = _set = _rank = _brackets

    def _family(self, form: Form) -> Doc:
        opening, *inside, closing = form.parts
        return (self(opening), between(map(self, inside), " "), self(closing))

    def _formal(self, form: Form) -> Doc:
        return (self(form.parts[0]), *((self(form.parts[1]), " ", self(form.parts[2])) if len(form.parts) > 1 else ()))

    # -------------------------------------------------------------- the game

    def _block(self, form: Form) -> Doc:
        return self.block(form, Line("", forced=True))

    def _equilibrium(self, form: Form) -> Doc:
        return self.block(form, Line())

    def block(self, form: Form, edge: Line) -> Doc:
        """Players on lines of their own between braces; `edge` says whether they may share one."""
        head = form.parts[: 2 if form.parts[0] == form.tokens[0] and form.tokens[0].type == "CONCEPT" else 1]
        inner = form.parts[len(head) : -1]
        players = between(map(self, inner), Line("  ", edge.forced))
        return Group((between(map(self, head), " "), Nest((edge, players)), edge, self(form.parts[-1])))

    def _player(self, form: Form) -> Doc:
        labels, foralls = form.forms("label"), form.forms("forall")
        return (*((self(label), " ") for label in labels), self._followed(self._stack(form.forms("bindapp")[0], True), foralls))

    def _followed(self, doc: Doc, forms: Iterable[Form], gap: Line = WIDE) -> Doc:
        """What stands behind a phrase, two spaces or a line away."""
        tails = tuple((gap, self(form)) for form in forms)
        return Group((doc, Nest(tails))) if tails else doc

    def _label(self, form: Form) -> Doc:
        return self._tight(form)

    def game(self, form: Form) -> Doc:
        """The game of a `solve`."""
        return self._stack(form, True) if form.name == "bindapp" else self(form)

    def _bindapp(self, form: Form) -> Doc:
        return self._stack(form, len(form.forms("binder")) > 1)

    def _stack(self, form: Form, apart: bool) -> Doc:
        binders = form.forms("binder")
        opening, body, closing = form.parts[len(binders) :]
        heads = Group(Nest(between(map(self, binders), Line())))
        return (heads, " " if apart else "", self(opening), Nest(self(body)), " ", self(closing))

    def _binder(self, form: Form) -> Doc:
        op, *rest = form.parts
        assert isinstance(op, Token)
        said = self.spelled(op)
        return (self.token(op, UNICODE_BINDERS.get(said, said) if self.unicode else said), self.bracketed(rest))

    def _b_in(self, form: Form) -> Doc:
        if form.parts[1:] and form.parts[1] in form.tokens and form.tokens[0].type == "COLON":
            return (self(form.parts[0]), self(form.parts[1]), " ", between(map(self, form.parts[2:]), " "))
        return self._spaced(form)

    def _pattern(self, form: Form) -> Doc:
        if len(form.parts) == 1:
            return self(form.parts[0])
        head = form.parts[:1] if form.tokens[0].type == "NAME" else ()
        return (*map(self, head), self.bracketed(form.parts[len(head) :]))

    def _body(self, form: Form) -> Doc:
        """An expression, on a line of its own where it does not fit behind what opens it, and its sides."""
        expr, *sides = form.parts
        return Group((Group((Line(), self(expr))), *((Line(), self(side)) for side in sides)))

    def meaning(self, form: Form) -> Doc:
        """The body of a definition: it begins where it is."""
        expr, *sides = form.parts
        return Group((self(expr), Nest(tuple((Line(), self(side)) for side in sides))))

    def _side(self, form: Form) -> Doc:
        word, *items = form.parts
        assert isinstance(word, Token)
        said = "s.t." if any(map(_binds, form.forms())) else "where"
        if len(items) == 1:
            return (self.token(word, said), " ", self(items[0]))
        return (self.token(word, said), " ", Nest(self.listed(items), len(said) + 1))

    def _item(self, form: Form) -> Doc:
        foralls = form.forms("forall")
        parts = form.parts[: len(form.parts) - len(foralls)]
        return self._followed(between(map(self, parts), " "), foralls)

    _constraint = _a_unique = _a_any = _item

    # -------------------------------------------------------------- expressions

    def _ifelse(self, form: Form) -> Doc:
        docs: list[Doc] = []
        last: Part = form
        while isinstance(last, Form) and last.name == "ifelse":
            word, cond, then, first, other, last = last.parts
            docs += [self(word), " ", self(cond), " ", self(then), " ", self(first), Line(), self(other), " "]
        return Group(Nest((*docs, self(last))))

    _or_op = _and_op = _intersect = _setminus = _add = _sub = _chain

    def _cmp(self, form: Form) -> Doc:
        first, *rest = form.parts
        pairs = tuple((Line(), self(op), " ", self(to)) for op, to in zip(rest[::2], rest[1::2], strict=True))
        return Group((self(first), Nest(pairs)))

    def _product(self, form: Form) -> Doc:
        operands, operators = _flattened(form)
        return self._chain(form, all(op.type != "AT" for op in operators) and all(map(_simple, operands)))

    _mul = _div = _matmul = _product

    def _range(self, form: Form) -> Doc:
        return tuple(
            self._chain(part, all(map(_simple, _flattened(part)[0]))) if isinstance(part, Form) and part.name in {"add", "sub"} else self(part)
            for part in form.parts
        )

    _neg = _pow = _tight

    def _call(self, form: Form) -> Doc:
        fn, opening, *rest = form.parts
        closing = rest.pop()
        if not rest:
            return (self(fn), self(opening), self(closing))
        inside = [part for form in rest if isinstance(form, Form) for part in form.parts]
        return (self(fn), self.bracketed((opening, *rest, closing), inside))

    def _opcall(self, form: Form) -> Doc:
        op = form.parts[0]
        assert isinstance(op, Token)
        return (self.token(op, ASCII.get(op.text, op.text)), self._call(Form("call", form.parts))[1])  # type: ignore[index]  # a call is a pair; until 2027-11

    def _index(self, form: Form) -> Doc:
        return (self(form.parts[0]), self.bracketed(form.parts[1:]))

    def _attr(self, form: Form) -> Doc:
        base, dot, key = form.parts
        # `s.t.` is one word: an attribute of `s.t` keeps away from it.
        gap = " " if isinstance(base, Form) and base.name == "attr" and _spelled(base) == "s.t" else ""
        return (self(base), gap, self(dot), self(key))

    # -------------------------------------------------------------- schedules and runs

    _path = _tight

    def entries(self, opening: Part, forms: Sequence[Form], closing: Part) -> Doc:
        """What stands between the braces of a schedule or a run; their values line up where each has its own line."""
        if not forms:
            return (self(opening), " ", self(closing))
        keys = [len(_spelled(form.parts[0])) for form in forms]
        rows = [self._entry(form, max(keys) - key) for form, key in zip(forms, keys, strict=True)]
        return Group((self(opening), " ", Align(between(rows, WIDE)), " ", self(closing)))

    def _entry(self, form: Form, pad: int) -> Doc:
        path, sign, *values = form.parts
        if form.name == "setting":
            return (self(path), Pad(pad), " ", self(sign), " ", self(values[0]))
        return (self(path), self(sign), Pad(pad), " ", Align(Group(self.listed(values))))


def between(docs: Iterable[Doc], separator: Doc) -> Doc:
    """Documents with a separator between two."""
    made: list[Doc] = []
    for doc in docs:
        made.extend((separator, doc) if made else (doc,))
    return tuple(made)


RANKS = ({"add", "sub"}, {"mul", "div", "matmul"}, {"or_op"}, {"and_op"}, {"intersect", "setminus"})


def _flattened(form: Form) -> tuple[list[Part], list[Token]]:
    """Operands and operators of a chain of one rank."""
    rank = next(rank for rank in RANKS if form.name in rank)
    operands: list[Part] = []
    operators: list[Token] = []
    now: Part = form
    while isinstance(now, Form) and now.name in rank:
        left, operator, right = now.parts
        assert isinstance(operator, Token)
        operands.append(right)
        operators.append(operator)
        now = left
    return [now, *reversed(operands)], operators[::-1]


def _simple(part: Part) -> bool:
    """Whether a factor is short enough for its operator to touch it."""
    if isinstance(part, Token) or part.name in LEAVES:
        return True
    if part.name in {"neg", "pow", "attr"}:
        return all(map(_simple, part.parts))
    return part.name == "index" and all(map(_simple, part.parts))


def _binds(item: Form) -> bool:
    """Whether an item is a response or a constraint, and no local name."""
    if item.name != "a_unique" or not isinstance(item.parts[0], Form) or item.parts[0].name != "name":
        return True
    value = item.parts[2]
    while isinstance(value, Form) and value.name == "atom":
        value = value.parts[1]
    if not isinstance(value, Form):
        return False
    words = [binder.tokens[0].text for binder in value.forms("binder")] if value.name == "bindapp" else []
    return value.name == "equilibrium" or any(word in {"argmin", "argmax"} for word in words)


def _spelled(part: Part) -> str:
    return part.text if isinstance(part, Token) else "".join(map(_spelled, part.parts))
