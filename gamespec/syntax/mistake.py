"""A statement that does not parse, and what the rules of `hints` ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gamespec.report.diagnostic import Edit, Fix
from gamespec.report.source import Source, Span
from gamespec.syntax.lex import Token, clip
from gamespec.syntax.table import END

CLOSES = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
MARKS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}


@dataclass(frozen=True)
class Mistake:
    """A statement that is none: its tokens with the end, the first that does not fit, and what would have."""

    source: Source
    tokens: tuple[Token, ...]
    at: int
    accepts: frozenset[str]
    deep: bool = False

    @property
    def token(self) -> Token:
        """The token that does not fit."""
        return self.tokens[self.at]

    def back(self, steps: int = 1) -> Token:
        """A token before the one that does not fit; one without a type where there is none."""
        return self.tokens[self.at - steps] if self.at >= steps else Token("", "", self.token.start, self.token.start)

    def ahead(self, steps: int = 1) -> Token:
        """A token after the one that does not fit; the end where there is none."""
        return self.tokens[min(self.at + steps, len(self.tokens) - 1)]

    def span(self, first: Token, last: Token | None = None) -> Span:
        """The place of a token, or from one to another."""
        return Span(self.source.name, first.start, (last or first).end)

    def written(self, first: Token, last: Token) -> str:
        """The text from one token to another."""
        return self.source.text[first.start : last.end]

    @cached_property
    def opened(self) -> tuple[Token, ...]:
        """The brackets that are open before the token."""
        stack: list[Token] = []
        for token in self.tokens[: self.at]:
            if token.type in CLOSES:
                stack.append(token)
            elif token.type in MARKS and stack:
                stack.pop()
        return tuple(stack)

    def same_line(self, first: Token, second: Token) -> bool:
        """Whether no line ends between two tokens."""
        return "\n" not in self.source.text[first.end : second.start]

    def wants_name(self) -> bool:
        """Whether the statement ends where a name or an expression should follow."""
        return self.token.type == END and "NAME" in self.accepts

    def runs_into(self, other: Mistake) -> bool:
        """Whether the other begins on the line where this one ends, with a word that begins nothing."""
        return other.at <= 1 and self.same_line(self.tokens[-1], other.tokens[0])


def said(token: Token) -> str:
    """The text of a token, short enough for a message."""
    return clip(token.text)


def change(message: str, span: Span, text: str, *, safe: bool = False) -> Fix:
    """A fix of one edit."""
    return Fix(message, (Edit(span, text),), safe)
