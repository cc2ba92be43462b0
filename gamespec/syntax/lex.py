"""From text to tokens: one pass, bounded, and every character that is no part of the language named."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gamespec.report.diagnostic import Diagnostic, Edit, Fix, GameError, Label
from gamespec.report.source import Source, Span

if TYPE_CHECKING:
    from gamespec.syntax.table import Table

MAX_CHARACTERS = 500_000
MAX_BRACKETS = 200
MAX_DIGITS = 100
MAX_EXPONENT = 400
MAX_PROBLEMS = 50
STRAY = "STRAY"

# What people paste from slides and other languages, and what to type instead.
TYPED = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "∕": "/", "→": "->",
    "“": '"', "”": '"', "„": '"', "…": "..", "∞": "inf", "∀": "forall", "∧": "and", "∨": "or", "¬": "not",
    "∩": "&",
}  # fmt: skip
ADVICE = {
    "'": 'strings stand in double quotes: write "..."',
    "`": 'strings stand in double quotes: write "..."',
    "!": "write `not`, and `!=` for a comparison",
    "?": "a choice is written `if c then a else b`",
    "$": "no TeX marks are needed: drop the `$`",
    "%": "a comment starts with `#`",
    "‖": "a norm is written `norm(x)`",
    "∥": "a norm is written `norm(x)`",
    "√": "write `sqrt(x)`",
    "∂": "write `grad{x}[ f(x) ]`",
    "∏": "write `prod{i in S}[ .. ]`",
}

QUOTES = {"'": "'", "“": "”", "„": "“", "«": "»", "`": "`"}

_BRACKETS = re.compile(r'#[^\n]*|"(?:[^"\\\n]|\\.)*"|[()\[\]{}]')
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱ"


class Token(NamedTuple):
    """A word of the text; `text` is normalised where `type` is NAME, else as written."""

    type: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexed:
    """The tokens of a text, its comments, and what is wrong with its characters."""

    tokens: tuple[Token, ...]
    comments: tuple[Token, ...]
    problems: tuple[Diagnostic, ...]


def lex(source: Source, table: Table) -> Lexed:
    """Tokens and comments of a text; where a character is wrong stands a token of type STRAY."""
    _bound(source)
    tokens: list[Token] = []
    comments: list[Token] = []
    problems: list[Diagnostic] = []
    text, position, match = source.text, 0, table.lexer.match
    while position < len(text) and len(problems) < MAX_PROBLEMS:
        found = match(text, position)
        if found is None or found.lastgroup is None:
            end, problem = _stray(source, position)
            problems.append(problem)
            tokens.append(Token(STRAY, text[position:end], position, end))
            position = end
            continue
        kind, word, end = found.lastgroup, found.group(), found.end()
        if kind == "COMMENT":
            comments.append(Token(kind, word, position, end))
        elif kind not in table.ignored:
            token = Token(table.words.get(word, kind) if kind == "NAME" else kind, word, position, end)
            checked = _check(source, token, table)
            if isinstance(checked, Diagnostic):
                problems.append(checked)
                token = token._replace(type=STRAY)
            else:
                token = checked
            tokens.append(token)
        position = end
    return Lexed(tuple(tokens), tuple(comments), tuple(problems))


def _bound(source: Source) -> None:
    """Refuse, before any work, what would cost too much of it."""
    if len(source.text) > MAX_CHARACTERS:
        raise too_large(source.name)
    depth = 0
    for found in _BRACKETS.finditer(source.text):
        bracket = found.group()
        depth = depth + 1 if bracket in "([{" else depth - 1 if bracket in ")]}" else depth
        if depth > MAX_BRACKETS:
            span = Span(source.name, found.start(), found.end())
            raise GameError((too_deep(span, "brackets", MAX_BRACKETS),))


def clip(text: str, width: int = 40) -> str:
    """The text, cut where it is too long for a message."""
    return text if len(text) <= width else text[: width - 2] + ".."


def too_large(name: str) -> GameError:
    """The error for a file over the limit."""
    limit = f"{MAX_CHARACTERS:,}".replace(",", " ")
    return GameError(
        (
            Diagnostic(
                code="GE006",
                message="the file is too large",
                primary=Label(Span(name, 0, 0), f"a game has at most {limit} characters"),
                hint='keep data in a file of its own and name it: `data train: ... = csv("train.csv")`',
            ),
        )
    )


def too_deep(span: Span, what: str, limit: int) -> Diagnostic:
    """The diagnostic for nesting over the limit."""
    return Diagnostic(
        code="GE007",
        message=f"{what} are nested too deeply",
        primary=Label(span, f"more than {limit} levels here"),
        hint="give a part a name: `let part = ...`",
    )


def _stray(source: Source, position: int) -> tuple[int, Diagnostic]:
    text = source.text
    char = text[position]
    if char == '"':
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        return end, Diagnostic(
            code="GE011",
            message="the string has no end",
            primary=Label(Span(source.name, position, position + 1), "opens here"),
            hint='close it with `"` on the same line',
            fixes=(Fix('write `"` at the end of the line', (Edit(Span(source.name, end, end), '"'),)),),
        )
    quoted = text.find(QUOTES[char], position + 1, position + MAX_DIGITS) if char in QUOTES else -1
    if quoted > 0 and "\n" not in text[position:quoted]:
        return quoted + 1, _quoted(Span(source.name, position, quoted + 1), text[position + 1 : quoted])
    end = position + 1
    while end < len(text) and text[end] == char and char not in TYPED:
        end += 1
    span = Span(source.name, position, end)
    typed = TYPED.get(char)
    hint = f"write `{typed}`" if typed else ADVICE.get(char, "remove it")
    named = f"`{char}`" if char.isprintable() and not char.isspace() else "an invisible character"
    label = f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()
    return end, Diagnostic(
        code="GE012",
        message=f"{named} is not part of the language",
        primary=Label(span, "" if char.isascii() and char.isprintable() else label),
        hint=hint,
        fixes=(Fix(hint, (Edit(span, typed or ""),), safe=True),) if typed or named.startswith("an ") else (),
    )


def _quoted(span: Span, inside: str) -> Diagnostic:
    typed = f'"{inside}"'
    return Diagnostic(
        code="GE012",
        message="strings stand in double quotes",
        primary=Label(span, 'other quotes than `"`'),
        hint=f"write `{typed}`",
        fixes=(Fix(f"write `{typed}`", (Edit(span, typed),), safe='"' not in inside and "\\" not in inside),),
    )


def _check(source: Source, token: Token, table: Table) -> Token | Diagnostic:
    """The token, normalised; or what is wrong with it."""
    if token.type == "NAME" and not token.text.isascii():
        return _check_name(source, token, table)
    if token.type == "NUMBER":
        return _check_number(source, token)
    return token


def _check_name(source: Source, token: Token, table: Table) -> Token | Diagnostic:
    span = Span(source.name, token.start, token.end)
    raised = re.search(f"[{_SUPERSCRIPTS}]+", token.text)
    if raised is not None:
        power = unicodedata.normalize("NFKC", raised.group())
        where = Span(source.name, token.start + raised.start(), token.start + raised.end())
        return Diagnostic(
            code="GE017",
            message="a power is written with `^`",
            primary=Label(where, "raised by its letter form only"),
            hint=f"write `{clip(token.text[: raised.start()])}^{clip(power)}`",
            fixes=(Fix(f"write `^{clip(power)}`", (Edit(where, f"^{power}"),), safe=power.isascii() and power.isdigit()),),
        )
    name = unicodedata.normalize("NFKC", token.text)
    whole = table.lexer.fullmatch(name)
    if whole is None or whole.lastgroup != "NAME" or name in table.words:
        return Diagnostic(
            code="GE012",
            message=f"`{clip(token.text)}` is not a name",
            primary=Label(span, f"the same as `{clip(name)}` in ordinary letters"),
            hint="use ordinary letters",
        )
    return token._replace(text=name)


def _check_number(source: Source, token: Token) -> Token | Diagnostic:
    digits, _, exponent = token.text.lower().partition("e")
    if len(digits) <= MAX_DIGITS and (len(exponent) <= 5 and abs(int(exponent or "0")) <= MAX_EXPONENT):
        return token
    return Diagnostic(
        code="GE008",
        message="the number is too long",
        primary=Label(
            Span(source.name, token.start, token.end),
            f"numbers have at most {MAX_DIGITS} digits and an exponent up to {MAX_EXPONENT}",
        ),
        hint="write fewer digits, or `inf`",
    )
