"""Loading a program, and pointing from its failures to the `.game` line."""

from __future__ import annotations

import pytest

from gamespec.emit.program import Program
from gamespec.report.source import Span
from gamespec.run.load import load, located

from .programs import OBJECTIVE, rotation


def failure(program, folder):
    """The exception of one step of a program."""
    path = folder / "program.py"
    module = load(program, path)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # every kind is tried; until 2027-11
        module.step(module.start())
    return caught.value, path


def test_the_file_that_runs_is_the_text(tmp_path):
    """What lies on disk is what was emitted, with no byte code beside it."""
    program = rotation()
    module = load(program, tmp_path / "program.py")

    assert (tmp_path / "program.py").read_text() == program.text
    assert module.NAME == "bilinear"
    assert [p.name for p in tmp_path.iterdir()] == ["program.py"]


def test_two_programs_do_not_share_a_module(tmp_path):
    """Each load gives a module of its own."""
    assert load(rotation(), tmp_path / "a.py") is not load(rotation(), tmp_path / "a.py")


@pytest.mark.parametrize(("move", "code"), [("shapes", "GE701"), ("other", "GE703")])
def test_an_exception_is_told_at_the_game_line(move, code, tmp_path):
    """The mark stands under the objective, the note shows the line of the program."""
    program = rotation(move)
    found = located(*_in(program, tmp_path))

    assert (found.code, found.primary.span) == (code, OBJECTIVE)
    assert "program.py" in found.notes[1]


def _in(program, folder):
    error, path = failure(program, folder)
    return error, program, path


def test_a_line_without_a_place_is_told_at_the_line_that_called_it(tmp_path):
    """A kernel has no `.game` line; the formula that uses it has."""
    text = "def kernel(x):\n    return x / 0\n\n\ndef start():\n    return 1\n\n\ndef step(s):\n    return kernel(s)\n"
    program = Program(text, ((10, Span("a.game", 3, 5)),))

    assert located(*_in(program, tmp_path)).primary.span == Span("a.game", 3, 5)


def test_a_formula_over_several_lines_has_the_place_of_its_first(tmp_path):
    """Python may blame the second line of a statement."""
    text = "def start():\n    return 1\n\n\ndef step(s):\n    return (\n        s\n        / 0\n    )\n"
    program = Program(text, ((6, Span("a.game", 3, 5)),))

    assert located(*_in(program, tmp_path)).primary.span == Span("a.game", 3, 5)


def test_a_program_without_places_is_told_at_the_file(tmp_path):
    """The start of the file is better than nothing."""
    text = "def start():\n    return 1\n\n\ndef step(s):\n    return s / 0\n"

    assert located(*_in(Program(text), tmp_path), "a.game").primary.span == Span("a.game", 0, 0)


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ("import sklearn_that_is_not_there", "GE605", "pip install sklearn_that_is_not_there"),
        ("open('nowhere.npz')", "GE603", "nowhere.npz"),
        ("raise MemoryError", "GE703", "smaller batch"),
        ("raise FloatingPointError('x')", "GE702", "rate"),
    ],
)
def test_what_is_missing_is_named(body, code, word, tmp_path):
    """Packages, files and memory each have a message of their own."""
    program = Program(f"def start():\n    return 1\n\n\ndef step(s):\n    {body}\n")
    found = located(*_in(program, tmp_path))

    assert found.code == code
    assert word in f"{found.message} {found.hint}"
