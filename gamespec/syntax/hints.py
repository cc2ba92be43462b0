"""What to say about a mistake of syntax: rules from the most particular to the general; the first that knows speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gamespec.report.diagnostic import Diagnostic, Edit, Fix, Label
from gamespec.report.source import Source, Span
from gamespec.report.suggest import nearest
from gamespec.syntax import brackets, habits
from gamespec.syntax.drive import MAX_DEPTH
from gamespec.syntax.expected import EXAMPLES, EXPRESSION, OPERATORS, expected, statement_words
from gamespec.syntax.lex import Token, clip, too_deep
from gamespec.syntax.mistake import CLOSES, Mistake, change, said
from gamespec.syntax.table import END, table

if TYPE_CHECKING:
    from collections.abc import Callable

OPERAND_ENDS = frozenset({"NUMBER", "NAME", "STRING", "TRUE", "FALSE", "RPAR", "RSQB", "RBRACE"})
SENSES = {"minimize": "min", "minimise": "min", "maximize": "max", "maximise": "max", "sup": "max", "inf": "min"}
OPS = ("argmin", "argmax", "min", "max", "sum", "mean", "prod", "grad", "E")

# An operator of another language: its two tokens, and what to write here.
FOREIGN = {
    "**": "^", "&&": "and", "||": "or", ":=": "=", "+=": "=", "-=": "=", "*=": "=", "++": "+", "//": "/",
    "=>": ">=", "=<": "<=", "<>": "!=", "===": "==",
}  # fmt: skip
# What these mean here is a guess; the others can mean nothing else.
GUESSED = {"+=", "-=", "*=", "++", "//", "=>", "for"}
FOREIGN_WORDS = (
    ("for", "all", "forall"),
    ("for", "", "forall"),
    ("such", "that", "s.t."),
    ("st", "", "s.t."),
    ("elif", "", "else if"),
    ("lambda", "", "def"),
)


def explain(mistake: Mistake) -> Diagnostic:
    """The diagnostic of a mistake."""
    return next(found for rule in RULES if (found := rule(mistake)) is not None)


def reserved(source: Source, token: Token) -> Diagnostic:
    """The diagnostic for a reserved word where a name is needed."""
    return Diagnostic(
        code="GE010",
        message=f"`{said(token)}` is a reserved word",
        primary=Label(Span(source.name, token.start, token.end), "cannot be a name"),
        hint=f"choose another name, such as `{token.text}_1`",
    )


def _deep(m: Mistake) -> Diagnostic | None:
    return too_deep(m.span(m.token), "expressions", MAX_DEPTH) if m.deep else None


# ------------------------------------------------------------------ words


def _statement(m: Mistake) -> Diagnostic | None:
    """A word that should open a statement and does not."""
    fresh = m.at > 0 and END in m.accepts and m.token.type == "NAME" and not m.same_line(m.back(), m.token)
    meant = nearest(m.token.text, _words()) if m.token.type == "NAME" else None
    if m.at > 0 and not (fresh and (meant or m.ahead().type in {"NAME", "OP"} or _outdented(m))):
        return None
    if meant:
        known = f"did you mean `{meant}`?"
    elif m.token.type == "NAME":
        known = "a statement begins with one of " + ", ".join(_words())
    else:
        known = "a formula needs a name: `let f = ..`"
    return Diagnostic(
        code="GE009",
        message=f"`{said(m.token)}` begins no statement",
        primary=Label(m.span(m.token), "a statement is expected here"),
        hint=known,
        fixes=(change(f"write `{meant}`", m.span(m.token), meant),) if meant else (),
    )


def _words() -> list[str]:
    return sorted(word for word, kind in table().words.items() if kind in statement_words())


def _outdented(m: Mistake) -> bool:
    """Whether the token begins its line no further right than its statement does."""
    column = m.source.position(m.token.start)[1]
    return column <= m.source.position(m.tokens[0].start)[1]


def _reserved(m: Mistake) -> Diagnostic | None:
    token = m.token
    word = token.text in table().words or token.type in {"_IN", "_WHERE"}
    return reserved(m.source, token) if word and "NAME" in m.accepts else None


def _foreign_word(m: Mistake) -> Diagnostic | None:
    """Words of mathematics or of other languages that are spelled otherwise here."""
    before, token, after = m.back(), m.token, m.ahead()
    if before.text == "for" and token.type == "NAME":
        return _instead(m, before, token if token.text == "all" else before, "forall")
    if (token.text, after.text, m.ahead(2).text) == ("s", ".", "t"):
        return _instead(m, token, m.ahead(2), "s.t.")
    for first, second, meant in FOREIGN_WORDS:
        if token.text == first and second in {"", after.text}:
            return _instead(m, token, after if second else token, meant)
    return None


def _instead(m: Mistake, first: Token, last: Token, meant: str) -> Diagnostic:
    span, written = m.span(first, last), m.written(first, last)
    fix = change(f"write `{meant}`", span, meant, safe=written not in GUESSED)
    return Diagnostic(
        code="GE016",
        message=f"`{written}` is written `{meant}` here",
        primary=Label(span),
        hint=f"write `{meant}`",
        fixes=(fix,) if meant != "def" else (),
    )


# ------------------------------------------------------------------ operators


def _foreign_operator(m: Mistake) -> Diagnostic | None:
    """`**`, `&&`, `:=` and the like: two tokens that touch, of which one does not fit."""
    for first, last in ((m.back(), m.token), (m.token, m.ahead())):
        meant = FOREIGN.get(m.written(first, last))
        if meant:
            return _instead(m, first, last, meant)
    return None


def _equals(m: Mistake) -> Diagnostic | None:
    """`=` for `==`, `==` for `=`, and `:` for `=`."""
    text = m.token.text
    if text == "=" and "CMP" in m.accepts:
        return _other_sign(m, m.token, "`=` gives a name its meaning; a comparison is `==`", "==")
    if text in {"==", ":"} and "EQUAL" in m.accepts:
        return _other_sign(m, m.token, "a meaning is given with `=`", "=")
    if text == "=" and "COLON" in m.accepts and m.tokens[0].type == "SCHEDULE":
        return _other_sign(m, m.token, "a schedule gives its directives after `:`", ":")
    return None


def _other_sign(m: Mistake, token: Token, message: str, meant: str) -> Diagnostic:
    span = m.span(token)
    fix = change(f"write `{meant}`", span, meant, safe=True)
    return Diagnostic(code="GE014", message=message, primary=Label(span), hint=f"write `{meant}`", fixes=(fix,))


def _missing_equals(m: Mistake) -> Diagnostic | None:
    """A declaration without its `=`, or without the type that stands before it."""
    word, name = m.tokens[0], said(m.back())
    if m.token.text == "(" and word.type == "LET" and m.at == 2:
        return _other_sign(m, word, "a function is made with `def`", "def")
    if m.token.text == "=" and "COLON" in m.accepts and m.at == 2:
        return Diagnostic(
            code="GE015",
            message=f"`{name}` needs a type",
            primary=Label(m.span(m.back()), "no type is written"),
            hint=f"write `{word.text} {name}: R[2] = ..`",
        )
    if "EQUAL" not in m.accepts or m.token.type not in EXPRESSION or (m.token.type in CLOSES and m.at > 2):
        return None
    return Diagnostic(
        code="GE014",
        message=f"`{word.text}` needs `=` before its value",
        primary=Label(m.span(m.token), "`=` is missing before this"),
        hint=f"write `{clip(m.written(word, m.back()), 60)} = {said(m.token)}`",
        fixes=(change("write `=`", Span(m.source.name, m.token.start, m.token.start), "= ", safe=True),),
    )


def _missing_operator(m: Mistake) -> Diagnostic | None:
    """Two operands side by side."""
    before, token = m.back(), m.token
    if before.type not in OPERAND_ENDS or token.type not in EXPRESSION or not m.accepts & OPERATORS:
        return None
    listed = m.opened and "COMMA" in m.accepts
    touching = before.end == token.start
    if before.type == "NUMBER" and token.type in {"NAME", "OP", "LPAR"} and (touching or not listed):
        dots = "(..)" if token.type == "LPAR" else said(token)
        hint = f"multiplication is explicit: write `{said(before)}*{dots}`"
    elif listed:
        hint = f"write `,` or an operator before `{said(token)}`"
    else:
        hint = f"a product is written `{said(before)}*{said(token)}`" if before.type == "NAME" else "write the operator"
    what = "an operator or `,`" if listed else "an operator"
    return Diagnostic(
        code="GE003",
        message="missing operator",
        primary=Label(m.span(token), f"expected {what} before `{said(token)}`"),
        hint=hint,
        fixes=_between(m, before, token, listed=bool(listed)),
    )


def _between(m: Mistake, before: Token, token: Token, *, listed: bool) -> tuple[Fix, ...]:
    """What stands between two operands: surely `*` behind a number that touches what it multiplies."""
    gap = Span(m.source.name, before.end, token.start)
    sure = before.type == "NUMBER" and token.type in {"NAME", "LPAR"} and gap.start == gap.end
    if before.type in {"NUMBER", "NAME", "RPAR", "RSQB"} and token.type in {"NAME", "LPAR", "NUMBER", "OP"} and (sure or not listed):
        return (change("write `*`", gap, "*", safe=sure and token.text[0] not in "eE_"),)
    return (change("write `,`", gap, ", "),) if listed else ()


# ------------------------------------------------------------------ binders


def _binder(m: Mistake) -> Diagnostic | None:
    """`min_{u}`, `min u:`, `min(u)`, `minimize{u}`: the word is one, its binding is not."""
    for token, after in ((m.token, m.ahead()), (m.back(), m.token)):
        op, sub = _operation(token.text)
        brace = after.type == "LBRACE"
        if token.type not in {"NAME", "OP"} or not op or (token is m.token and "OP" not in m.accepts):
            continue
        if sub and not brace and (m.opened or m.tokens[0].type != "SOLVE"):
            continue
        if brace and token.text in SENSES:
            return _instead(m, token, token, op)
        fixes = (change(f"write `{op}`", m.span(token), op, safe=True),) if token.text == f"{op}_" and brace else ()
        return _form(m, token, f"`{op}` binds in braces", "", _bound(m, op, sub, after), fixes)
    return None


def _bound(m: Mistake, op: str, sub: str, after: Token) -> str:
    """What to type for a binder."""
    if after.type == "LBRACE":
        inside = re.match(r"\{[^{}\n]{0,40}\}", m.source.text[after.start : after.start + 42])
        return f"write `{op}{inside.group() if inside else '{..}'}`"
    following = m.tokens[min(m.tokens.index(after) + (after.type == "LPAR"), len(m.tokens) - 1)]
    name = clip(sub) or (said(following) if following.type == "NAME" else "u")
    if op in {"sum", "mean", "prod"}:
        return f"write `{op}({name})`, or `{op}{{i in S}}[ .. ]`"
    return f"write `{op}{{{name}}}`"


def _operation(text: str) -> tuple[str, str]:
    """The operation that a word means and the name that hangs on it: `min_u` is (min, u)."""
    word, _, sub = text.partition("_")
    word = SENSES.get(word.lower(), word)
    return (word, sub) if word in OPS else ("", "")


def _stack(m: Mistake) -> Diagnostic | None:
    """After a binder stands another binder, or its body in brackets, and nothing else."""
    if m.accepts != {"OP", "LSQB"}:
        return None
    if m.token.type == "COMMA":
        message, hint = "binders stand side by side", "drop the comma: `min{u} max{v} [ .. ]`"
    elif m.token.type == END:
        message, hint = "the body is missing", "write it in brackets: `min{u} max{v} [ f ]`"
    else:
        message, hint = "the body stands in brackets", f"write `[ {_inside(m)} ]`"
    comma = m.token.type == "COMMA" and m.ahead().type == "OP"
    fixes = (change("drop the comma", m.span(m.token), "", safe=True),) if comma else ()
    return _form(m, m.back() if m.token.type == END else m.token, message, "expected `[` here", hint, fixes)


def _inside(m: Mistake) -> str:
    """What is to stand in brackets: what stands in parentheses now, as far as it is short."""
    inside = re.match(r"\(\s*([^()\n]{1,40}?)\s*\)", m.source.text[m.token.start : m.token.start + 44])
    return inside.group(1) if inside else f"{said(m.token)} .."


def _absolute(m: Mistake) -> Diagnostic | None:
    """`|x|`."""
    if m.token.type != "VBAR" or "VBAR" in m.accepts:
        return None
    bars = [token for token in m.tokens[m.at + 1 :] if token.type == "VBAR"]
    edits = (Edit(m.span(m.token), "abs("), Edit(m.span(bars[0]), ")")) if bars else ()
    fixes = (Fix("write `abs(..)`", edits),) if edits and "LPAR" in m.accepts else ()
    return _form(m, m.token, "`|` is no bracket", "", "write `abs(x)` or `norm(x)`", fixes)


def _form(m: Mistake, token: Token, message: str, label: str, hint: str, fixes: tuple[Fix, ...] = ()) -> Diagnostic:
    return Diagnostic("GE013", message, Label(m.span(token), label), hint=hint, fixes=fixes)


# ------------------------------------------------------------------ lists


def _separator(m: Mistake) -> Diagnostic | None:
    """A comma or a semicolon where nothing separates."""
    word = m.tokens[0].type
    mark = m.token.text
    if mark not in {",", ";"}:
        return None
    if END not in m.accepts and not (word in {"RUN", "SCHEDULE", "SOLVE"} and "RBRACE" in m.accepts):
        return None
    span = m.span(m.token)
    return Diagnostic(
        code="GE001",
        message=f"nothing needs a `{mark}` here",
        primary=Label(span, "statements and settings follow each other without it"),
        hint=f"remove the `{mark}`",
        fixes=(change(f"remove the `{mark}`", span, "", safe=True),),
    )


def _unfinished(m: Mistake) -> Diagnostic | None:
    if m.token.type != END:
        return None
    last = m.back()
    return Diagnostic(
        code="GE015",
        message="the statement is not finished",
        primary=Label(m.span(last), f"expected {expected(m.accepts)} after this"),
        hint=_example(m),
    )


def _unexpected(m: Mistake) -> Diagnostic | None:
    phrase, found = expected(m.accepts), said(m.token)
    one = "," not in phrase.replace("`,`", "") and " or " not in phrase
    message = f"{phrase} is missing" if one else f"`{found}` does not fit here"
    label = f"before `{found}`" if one else f"expected {phrase}"
    fixes: tuple[Fix, ...] = ()
    trailing = m.back().type == "COMMA" and bool(m.opened) and CLOSES[m.opened[-1].type] == m.token.type
    if trailing:
        fixes = (change("remove the `,`", m.span(m.back()), "", safe=True),)
    elif one and phrase.startswith("`"):
        fixes = (change(f"write {phrase}", Span(m.source.name, m.back().end, m.back().end), phrase.strip("`")),)
    return Diagnostic("GE001", message, Label(m.span(m.token), label), hint=_example(m), fixes=fixes)


def _example(m: Mistake) -> str:
    if m.accepts & {"THEN", "ELSE"} and m.tokens[0].type != "SOLVE":
        return "for example `if a < b then a else b`"
    return EXAMPLES.get(m.tokens[0].type, "for example `2*u + 1`")


RULES: tuple[Callable[[Mistake], Diagnostic | None], ...] = (
    _deep,
    brackets.closer,
    *habits.RULES,
    _statement,
    _foreign_operator,
    _binder,
    _foreign_word,
    _reserved,
    _absolute,
    _separator,
    _equals,
    _missing_operator,
    _missing_equals,
    brackets.unclosed,
    _stack,
    _unfinished,
    _unexpected,
)
