"""From a path to a source text."""

from __future__ import annotations

import os
from pathlib import Path

from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.syntax.lex import MAX_CHARACTERS, too_large


def read(path: str | os.PathLike[str]) -> Source:
    """The text of a file, named as the path is written; a byte-order mark is dropped."""
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(name, 0, "GE603", f"cannot read `{name}`", reason, "check the path") from error
    if len(data) > 4 * MAX_CHARACTERS:
        raise too_large(name)
    return Source(name, _decode(name, data))


def _decode(name: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        readable = len(data[: error.start].decode("utf-8-sig"))
        label = f"byte {error.start} is not UTF-8"
        raise _refused(name, readable, "GE005", "the file is not text", label, "save it as UTF-8") from error
    if "\0" in text:
        raise _refused(name, text.index("\0"), "GE005", "the file is not text", "a zero byte", "save it as UTF-8")
    return text


def _refused(name: str, offset: int, code: str, message: str, label: str, hint: str) -> GameError:
    place = Label(Span(name, offset, offset), label)
    return GameError((Diagnostic(code=code, message=message, primary=place, hint=hint),))
