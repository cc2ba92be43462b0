"""Everything that was written, in the shape of the grammar: for who prints a text again rather than what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from gamespec.syntax.drive import Stop, drive
from gamespec.syntax.lex import Token
from gamespec.syntax.table import END, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gamespec.report.source import Source, Span


@dataclass(frozen=True, slots=True)
class Form:
    """A production with what it was made of: tokens and forms, in the order of the text."""

    name: str
    parts: tuple[Part, ...]

    def forms(self, *names: str) -> tuple[Form, ...]:
        """The parts of these productions; all of them where none is named."""
        return tuple(part for part in self.parts if isinstance(part, Form) and (not names or part.name in names))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens that stand directly in it."""
        return tuple(part for part in self.parts if isinstance(part, Token))


Part: TypeAlias = "Token | Form"


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments around one token: on lines of their own before it, and behind it on its line."""

    before: tuple[Token, ...] = ()
    after: tuple[Token, ...] = ()


class _Shape:
    """Builds forms where `syntax.build` builds the tree."""

    def __init__(self, file: str) -> None:
        self.file = file

    def action(self, name: str) -> Callable[[list[Any], Span], Form]:
        """What builds the production of this name."""
        return lambda parts, _: Form(name, tuple(part for part in parts if part is not None))


def concrete(source: Source, tokens: Sequence[Token]) -> tuple[Form, ...]:
    """The statements of a text that parses."""
    last = tokens[-1].end
    made = drive(table(), (*tokens, Token(END, "", last, last)), "start", _Shape(source.name))
    if isinstance(made, Stop):
        raise ValueError(f"{source.name} does not parse at token {made.at}")
    return tuple(made.parts)


def attach(source: Source, tokens: Sequence[Token], comments: Sequence[Token]) -> tuple[dict[int, Comments], tuple[Token, ...]]:
    """The comments of each token, by where it starts, in order; and those on lines of their own after the last token."""
    before: dict[int, list[Token]] = {}
    after: dict[int, list[Token]] = {}
    loose: list[Token] = []
    i = 0
    for comment in comments:
        while i < len(tokens) and tokens[i].start < comment.start:
            i += 1
        behind = i > 0 and "\n" not in source.text[tokens[i - 1].end : comment.start]
        if behind:
            after.setdefault(tokens[i - 1].start, []).append(comment)
        elif i < len(tokens):
            before.setdefault(tokens[i].start, []).append(comment)
        else:
            loose.append(comment)
    around = {at: Comments(tuple(before.get(at, ())), tuple(after.get(at, ()))) for at in sorted(before.keys() | after.keys())}
    return around, tuple(loose)
