"""The emitted program: its text and the place in the `.game` file that each of its lines stands for."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.report.source import Span  # part of the dataclass; until 2027-11


@dataclass(frozen=True, slots=True)
class Program:
    """One complete, readable Python file that needs torch (and scikit-learn where it loads its data).

    `lane` is "closed" where its loop is over plain numbers, else "torch" with the reason in `why`.
    """

    text: str
    spans: tuple[tuple[int, Span], ...] = ()
    lane: str = "torch"
    why: str = ""

    def span(self, line: int) -> Span | None:
        """The place of the `.game` file behind a line of the program, counted from 1."""
        return dict(self.spans).get(line)

    def __str__(self) -> str:
        """The text itself."""
        return self.text
