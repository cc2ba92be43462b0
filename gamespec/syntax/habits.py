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
    """`[ f ] s.t. ..`: what binds the players stands inside the bracket, behind the objective."""
    before = m.back()
    if m.token.type != "_ST" or m.tokens[0].type != "SOLVE" or before.type != "RSQB" or m.opened:
        return None
    last = next((t for k, t in enumerate(m.tokens) if m.tokens[min(k + 1, len(m.tokens) - 1)].type in (END, "ORDER", "TIES") and k >= m.at), before)
    text = m.source.text[m.token.start : last.end]
    return _instead(m, before, last, f"`{m.token.text}` stands inside the bracket", "the objective ends before it", f"{text} ]")


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


RULES: tuple[Callable[[Mistake], Diagnostic | None], ...] = (_beside, _initial, _then, _condition, _member)
