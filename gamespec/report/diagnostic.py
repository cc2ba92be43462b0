"""One diagnostic: what is wrong, where, why, and what to type instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gamespec.report.source import Span  # part of the dataclass; until 2027-11

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what to say beside it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A suggested change; `safe` ones never alter what the program means."""

    message: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is said to a person about one mistake. The severity follows from the code: GE, GW, GN."""

    code: str
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str = ""
    fixes: tuple[Fix, ...] = field(default=())

    @property
    def severity(self) -> Severity:
        """From the code's second letter."""
        severities: dict[str, Severity] = {"E": "error", "W": "warning", "N": "note"}
        return severities[self.code[1]]


class GameError(Exception):
    """The only exception for a user's mistake: all diagnostics of a file, sorted by position."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: (d.primary.span.file, d.primary.span.start, d.code)))
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))


class InternalError(Exception):
    """A fault of gamespec itself; `gamec` says so and exits with 70."""
