"""What people write who come from other tools, and the same in this language, ready to be typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gamespec.report.diagnostic import Diagnostic, Label
from gamespec.report.source import Span
from gamespec.syntax.lex import Token, clip
from gamespec.syntax.mistake import CLOSES, MARKS, Mistake, change
from gamespec.syntax.table import END

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 80
"""Characters of a text that a hint repeats as a whole."""

BALLS = {"inf": "Linf", "1": "L1", "2": "L2", None: "L2"}
_NAME, _SIZE = r"(?P<name>[^\W\d]\w*)", r"(?P<size>[^{}<>=]+?)"
_NORMED = re.compile(
    rf"(?:{_NAME}\s*:\s*)?(?:norm\(\s*(?P<of>\w+)\s*(?:,\s*(?P<kind>inf|1|2))?\s*\)|abs\(\s*(?P<flat>\w+)\s*\)|\|\s*(?P<bars>\w+)\s*\|)\s*<=?\s*{_SIZE}\s*"
)
_SIDED = re.compile(rf"(?:\w+\s*:\s*)?{_NAME}\s*(?P<sign>[<>])=?\s*{_SIZE}\s*")
_MEMBER = re.compile(r"\.(?:parameters|named_parameters|params|weights|state_dict|theta)\b(?:\(\))?")


def _beside(m: Mistake) -> Diagnostic | None:
    """`[ f ] s.t. ..`, `nash { .. } s.t. ..`: what binds the players stands inside the bracket, behind the objective."""
    before = m.back()
    if m.token.type != "_ST" or m.tokens[0].type != "SOLVE" or before.type not in ("RSQB", "RBRACE") or m.opened:
        return None
    last = next((t for k, t in enumerate(m.tokens) if m.tokens[min(k + 1, len(m.tokens) - 1)].type in (END, "ORDER", "TIES") and k >= m.at), before)
    text = m.source.text[m.token.start : last.end]
    message, label = ("bracket", "the objective ends before it") if before.type == "RSQB" else ("brace", "the players end before it")
    return _instead(m, before, last, f"`{m.token.text}` stands inside the {message}", label, f"{text} {before.text}")


def _follower(m: Mistake) -> Diagnostic | None:
    """`follower: w = argmin{w}[ .. ]`: an answer to all players is none of them, and stands behind `s.t.`."""
    answers = m.ahead().text in ("=", "in") and m.ahead(2).text in ("argmin", "argmax")
    if m.token.type != "NAME" or m.tokens[0].type != "SOLVE" or m.back().text != ":" or not answers or m.back(2).type != "NAME":
        return None
    return _instead(m, m.back(2), m.back(), "a follower is no player beside the others", "it answers them", "s.t.")


def _afterwards(m: Mistake) -> Diagnostic | None:
    """`where .. s.t. ..`: what binds the players comes first."""
    if m.token.type != "_ST" or m.tokens[0].type != "SOLVE" or not m.opened:
        return None
    inside = m.tokens[m.tokens.index(m.opened[-1]) : m.at]
    first = next((t for t in reversed(inside) if t.type == "_WHERE"), None)
    if first is None:
        return None
    hint = "write `s.t. ..` first, and `where ..` behind it"
    return Diagnostic("GE016", "`where` stands behind `s.t.`", Label(m.span(m.token), "after `where` nothing but names follows"),
                      (Label(m.span(first)),), hint=hint)  # fmt: skip


def _drawn(m: Mistake) -> Diagnostic | None:
    """`E[z ~ noise][ .. ]`: names are bound in braces."""
    if not m.opened or m.opened[-1].type != "LSQB" or m.token.text not in ("~", "in"):
        return None
    bracket = m.opened[-1]
    word, end = m.tokens[m.tokens.index(bracket) - 1], _closed(m, bracket)
    if word.text not in ("E", "mean", "sum", "prod", "min", "max", "argmin", "argmax"):
        return None
    span = Span(m.source.name, word.start, min(end + 1, m.tokens[-1].end))
    inside = m.source.text[bracket.end : end].strip()
    return _replaced(m, span, f"`{word.text}` binds in braces", "", f"{word.text}{{{inside}}}")


def _listed(m: Mistake) -> Diagnostic | None:
    """`schedule { x: sgd(), y: adam() }`: a comma between entries, which only parts directives."""
    comma = m.back(2)
    if m.token.text != ":" or m.tokens[0].type != "SCHEDULE" or comma.type != "COMMA" or len(m.opened) != 1:
        return None
    span, hint = m.span(comma), "remove the `,`"
    return Diagnostic("GE001", "nothing needs a `,` here", Label(span, "entries follow each other without it"), hint=hint,
                      fixes=(change(hint, span, "", safe=True),))  # fmt: skip


def _initial(m: Mistake) -> Diagnostic | None:
    """`var x: R = 3`: a player chooses the value, and `init` says where it starts."""
    if m.token.text != "=" or m.tokens[0].type != "VAR" or "INIT" not in m.accepts:
        return None
    return _instead(m, m.token, m.token, "a variable has no value of its own: a player chooses it", "`init` says where it starts", "init")


def _then(m: Mistake) -> Diagnostic | None:
    """`if x > 0: a else b`."""
    if m.token.text != ":" or "THEN" not in m.accepts:
        return None
    first = next((t for t in reversed(m.tokens[: m.at]) if t.type == "IF"), m.token)
    text = m.source.text[first.start : m.token.start].rstrip()
    return _instead(m, first, m.token, "`then` follows the condition of an `if`", "", f"{text} then")


def _condition(m: Mistake) -> Diagnostic | None:
    """`max{d: norm(d, inf) <= eps}`: a set has a name, and stands behind `in`."""
    brace = next((t for t in m.opened if t.type == "LBRACE"), None)
    if brace is None or m.tokens[m.tokens.index(brace) - 1].type != "OP":
        return None
    inside = m.source.text[brace.end : _closed(m, brace)]
    ball, side = _NORMED.fullmatch(inside.strip()), _SIDED.fullmatch(inside.strip())
    if ball is not None:
        name = ball["of"] or ball["flat"] or ball["bars"]
        meant = f"{name} in {BALLS[ball['kind']] if ball['of'] else 'Linf'}({ball['size'].strip()})"
    elif side is not None:
        ends = (side["size"].strip(), "inf") if side["sign"] == ">" else ("-inf", side["size"].strip())
        meant = f"{side['name']} in [{ends[0]}, {ends[1]}]"
    else:
        return None
    start = brace.end + len(inside) - len(inside.lstrip())
    return _replaced(m, Span(m.source.name, start, start + len(inside.strip())), "a player chooses from a set, which is named", "", meant)


def _closed(m: Mistake, opening: Token) -> int:
    """Where a bracket is closed; the end of the statement where it is not."""
    depth = 0
    for token in m.tokens[m.tokens.index(opening) :]:
        depth += (token.type in CLOSES) - (token.type in MARKS)
        if depth == 0:
            return token.start
    return m.tokens[-1].start


def _member(m: Mistake) -> Diagnostic | None:
    """`h.parameters()`: a network is chosen by its name, and its parameters have the name after `params`."""
    found = _MEMBER.match(m.source.text, m.token.start) if m.token.text == "." else None
    name = m.back()
    if found is None or name.type != "NAME":
        return None
    span = Span(m.source.name, name.start, found.end())
    if m.opened and m.opened[-1].type == "LBRACE":
        return _replaced(m, span, "a network is chosen by its name", "its parameters are meant", name.text)
    hint = f"write `params w` behind the declaration of `{clip(name.text)}`, and `w` here"
    return Diagnostic("GE016", "parameters of a network have a name of their own", Label(span), hint=hint)


def _instead(m: Mistake, first: Token, last: Token, message: str, label: str, meant: str) -> Diagnostic:
    return _replaced(m, m.span(first, last), message, label, meant)


def _replaced(m: Mistake, span: Span, message: str, label: str, meant: str) -> Diagnostic:
    hint = f"write `{meant}`" if len(meant) <= LONGEST and "\n" not in meant else f"write `{clip(' '.join(meant.split()), LONGEST)}`"
    return Diagnostic("GE016", message, Label(span, label), hint=hint, fixes=(change(hint if meant in hint else "write it so", span, meant),))


def _outside(m: Mistake) -> Diagnostic | None:
    """`x: hedge(lr = 0.1), average = uniform`: an argument outside of the parentheses."""
    key, value = m.back(), m.ahead()
    if m.token.text != "=" or m.tokens[0].type != "SCHEDULE" or len(m.opened) != 1 or m.back(2).type != "COMMA" or key.type != "NAME":
        return None
    given = f"{clip(key.text)} = {clip(value.text)}"
    hint = f"the method averages: `method: simultaneous({given})`" if key.text == "average" else f"write it in parentheses, `sgd({given})`"
    return Diagnostic("GE016", "an argument stands in the parentheses of its word", Label(m.span(key, value)), hint=hint)


RULES: tuple[Callable[[Mistake], Diagnostic | None], ...] = (
    _beside,
    _follower,
    _afterwards,
    _drawn,
    _listed,
    _outside,
    _initial,
    _then,
    _condition,
    _member,
)
