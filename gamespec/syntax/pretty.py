"""Documents that know where they may be broken, and the lines they become: the algebra of Oppen and Wadler.

A document is a text, a token with its comments, a sequence of documents, or one of the five forms below.
Source: Wadler 2003, "A prettier printer".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as it is printed, the comments on lines of their own before it and those behind it on its line."""

    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may end; `flat` stands there where it does not."""

    flat: str = " "
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Pad:
    """Spaces that stand only in a group that is broken."""

    width: int


@dataclass(frozen=True, slots=True)
class Group:
    """Either every line of `doc` that is in no inner group is broken, or none is."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Nest:
    """`doc` with `by` more columns before each of its new lines."""

    doc: Doc
    by: int = 2


@dataclass(frozen=True, slots=True)
class Align:
    """`doc` with its new lines under the column where it begins."""

    doc: Doc


Doc: TypeAlias = "str | Piece | Line | Pad | Group | Nest | Align | tuple[Doc, ...]"
_Task = tuple[int, bool, Doc]


def render(doc: Doc, column: int = 0, width: int = WIDTH) -> str:
    """The text of a document whose first line begins at `column`, broken so that lines fit where they can."""
    paper = _Paper(column)
    tasks: list[_Task] = [(0, True, doc)]
    while tasks:
        indent, broken, now = tasks.pop()
        if isinstance(now, str):
            paper.write(now, indent)
        elif isinstance(now, Piece):
            paper.piece(now, indent)
        elif isinstance(now, Line):
            paper.end(indent) if broken else paper.write(now.flat, indent)
        elif isinstance(now, Pad):
            paper.write(" " * now.width if broken else "", indent)
        elif isinstance(now, Group):
            inner = broken and not _fits(now.doc, tasks, width - paper.column)
            tasks.append((indent, inner, now.doc))
        elif isinstance(now, Nest):
            tasks.append((indent + now.by, broken, now.doc))
        elif isinstance(now, Align):
            tasks.append((paper.column, broken, now.doc))
        else:
            tasks.extend((indent, broken, part) for part in reversed(now))
    return paper.text()


def flat(doc: Doc) -> str | None:
    """The document on one line however long, or None where a comment or a forced line forbids it."""
    return None if _bound(doc) else render(Group(doc), 0, 1 << 30)


def _bound(doc: Doc) -> bool:
    """Whether something in the document ends a line."""
    if isinstance(doc, tuple):
        return any(map(_bound, doc))
    if isinstance(doc, Group | Nest | Align):
        return _bound(doc.doc)
    return isinstance(doc, Piece) or (isinstance(doc, Line) and doc.forced)


def _fits(doc: Doc, rest: list[_Task], room: int) -> bool:
    """Whether the document, unbroken, and what follows up to the next place for a line end take no more than `room`."""
    tasks: list[tuple[bool, Doc]] = [(False, doc)]
    following, first = len(rest), True
    while room >= 0:
        if not tasks:
            if following == 0:
                return True
            following -= 1
            tasks.append(rest[following][1:])
            continue
        loose, now = tasks.pop()
        if isinstance(now, str):
            room -= len(now)
        elif isinstance(now, Piece):
            # Comments before the first word go above it, and those behind the last end the line anyway.
            if now.before and not first:
                return loose
            room, first = room - len(now.text), False
            if now.after:
                return room >= 0 and (loose or all(_blank(part) for _, part in tasks))
        elif isinstance(now, Line):
            if loose or now.forced:
                return loose
            room -= len(now.flat)
        elif isinstance(now, Group | Nest | Align):
            tasks.append((loose, now.doc))
        elif isinstance(now, tuple):
            tasks.extend((loose, part) for part in reversed(now))
    return False


def _blank(doc: Doc) -> bool:
    return all(_blank(part) for part in doc) if isinstance(doc, tuple) else doc == "" or isinstance(doc, Line | Pad)


class _Paper:
    """The lines so far. White space is written only when a word follows it, so no line ends in any."""

    def __init__(self, column: int) -> None:
        self.column = column
        self._done: list[str] = []
        self._space = ""
        self._fresh = column == 0
        self._comment = False

    def text(self) -> str:
        return "".join(self._done)

    def write(self, text: str, indent: int) -> None:
        """Put text on the line; behind a comment only a new line can take it."""
        if text.isspace() or not text:
            self._space += "" if self._fresh else text
            self.column += 0 if self._fresh else len(text)
            return
        if self._comment:
            self.end(indent)
        self._done.append(self._space + text)
        self.column += len(text)
        self._space, self._fresh = "", False

    def piece(self, piece: Piece, indent: int) -> None:
        """Put a token on the line, its comments around it."""
        for comment in piece.before:
            if not self._fresh:
                self.end(indent)
            self.write(comment, indent)
            self._comment = True
        self.write(piece.text, indent)
        for comment in piece.after:
            self._space = ""
            self.write("  ", indent)
            self.write(comment, indent)
            self._comment = True

    def end(self, indent: int) -> None:
        """Begin a new line."""
        self._done.append("\n")
        self._space, self.column = " " * indent, indent
        self._fresh, self._comment = True, False
