"""Reading a file gives its text or says what is wrong with the file."""

from __future__ import annotations

import pytest

from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.syntax.lex import MAX_CHARACTERS
from gamespec.syntax.parse import read


def test_a_file_is_its_text(tmp_path):
    """The name is the path as given, and a byte-order mark is no part of the text."""
    path = tmp_path / "a.game"
    path.write_bytes("\ufefflet é = 1".encode())

    assert read(path) == Source(str(path), "let é = 1")


@pytest.mark.parametrize(
    ("data", "code", "offset", "label"),
    [
        (b"let a = \xff", "GE005", 8, "byte 8 is not UTF-8"),
        ("let é".encode("utf-16"), "GE005", 0, "not UTF-8"),
        (b"let\0", "GE005", 3, "a zero byte"),
        (b"x" * (4 * MAX_CHARACTERS + 1), "GE006", 0, "at most 500 000 characters"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, data, code, offset, label):
    """The diagnostic says which byte is wrong and where the readable text ends."""
    path = tmp_path / "a.game"
    path.write_bytes(data)
    with pytest.raises(GameError) as caught:
        read(path)
    (found,) = caught.value.diagnostics

    assert (found.code, found.primary.span.start) == (code, offset)
    assert label in found.primary.text
    assert found.hint


@pytest.mark.parametrize("name", ["missing.game", ".", "a\0b"])
def test_a_path_that_cannot_be_read_is_named(tmp_path, name):
    """A missing file, a folder and an impossible name are diagnostics."""
    with pytest.raises(GameError, match="GE603") as caught:
        read(f"{tmp_path}/{name}")

    assert name in caught.value.diagnostics[0].message
