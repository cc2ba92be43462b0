"""Write an emitted program, import it, and say which `.game` line an exception inside it belongs to."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from gamespec.report.diagnostic import Diagnostic, InternalError, Label
from gamespec.report.source import Span

if TYPE_CHECKING:
    from gamespec.emit.program import Program

_numbers = itertools.count(1)

_SHAPE = re.compile(
    r"size of tensor|size mismatch|sizes? of|shapes? (cannot|mismatch|must|'\[)|must match|must have (the )?same"
    r"|expected input|expand\(|broadcast|dimension|Expected .*\d-?D|inconsistent tensor size|is invalid for input"
    r"|input and weight|batch_size|out of range for|not aligned|incorrect number of dimensions|running_mean should",
    re.IGNORECASE,
)
_NAN = re.compile(r"\bnan\b|non-?finite|\binf(inity)? values?", re.IGNORECASE)
_MEMORY = re.compile(r"out of memory|can't allocate memory", re.IGNORECASE)


class _NoByteCode(SourceFileLoader):
    """Imports a file without leaving byte code beside it."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:  # noqa: ANN401  # as in importlib; until 2027-11
        """Keep nothing."""


def load(program: Program, path: Path) -> ModuleType:
    """Write the program to `path` and import that very file."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(program.text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
    return load_file(path)


def load_file(path: Path) -> ModuleType:
    """Import a file as a module of its own; nothing else in gamespec executes code."""
    name = f"gamespec_program_{next(_numbers)}"
    loader = _NoByteCode(name, str(path.resolve()))
    spec = importlib.util.spec_from_file_location(name, path.resolve(), loader=loader)
    if spec is None:
        raise InternalError(f"no loader for {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def located(error: BaseException, program: Program, path: Path, source: str = "") -> Diagnostic:
    """An exception raised inside the program, as a diagnostic at the `.game` line that it comes from."""
    frames = frames_of(error.__traceback__, path)
    if isinstance(error, SyntaxError) and error.lineno and error.filename and Path(error.filename).name == path.name:
        frames = [(error.lineno, error.lineno)]
    code, message, hint = _described(error)
    line = frames[-1][0] if frames else 0
    notes = (_said(error), *((f"{path}:{line}: {_text(program, line)}",) if line else ()))
    return Diagnostic(code, message, Label(place(program, frames, source), _label(code)), notes=notes, hint=hint)


def frames_of(trace: TracebackType | None, path: Path) -> list[tuple[int, int]]:
    """Line, and first line of its function, of every frame of a traceback inside the program, outermost first."""
    target = path.resolve()
    found: list[tuple[int, int]] = []
    while trace is not None:
        code: CodeType = trace.tb_frame.f_code
        if Path(code.co_filename) == target:
            found.append((trace.tb_lineno, code.co_firstlineno))
        trace = trace.tb_next
    return found


def place(program: Program, frames: list[tuple[int, int]], source: str = "") -> Span:
    """The `.game` place of the innermost frame that has one, else of its statement, its function, the file."""
    for line, _ in reversed(frames):
        span = program.span(line) or program.span(_statement(program, line))
        if span is not None:
            return span
    for line, first in reversed(frames):
        above = [span for number, span in program.spans if first <= number <= line]
        if above:
            return above[-1]
    return Span(program.spans[0][1].file if program.spans else source, 0, 0)


def _statement(program: Program, line: int) -> int:
    """First line of the smallest statement around a line: a formula may take several lines."""
    try:
        tree = ast.parse(program.text)
    except SyntaxError:
        return line
    around = [
        (node.end_lineno or node.lineno) - node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return line
    smallest = min(around)
    return next(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and (node.end_lineno or node.lineno) - node.lineno == smallest
    )


def _described(error: BaseException) -> tuple[str, str, str]:
    """Code, message and hint for an exception of a running program."""
    said = str(error)
    if isinstance(error, ModuleNotFoundError):
        package = {"sklearn": "scikit-learn"}.get((error.name or "").split(".")[0], error.name or "")
        return "GE605", f"the data of this game needs the package `{package}`", f"type `pip install {package}`"
    if isinstance(error, FileNotFoundError):
        name = error.filename or said
        return "GE603", f"cannot read `{name}`", "give its path relative to the folder that you run in"
    if isinstance(error, MemoryError) or _MEMORY.search(said):
        return "GE703", "out of memory", "use a smaller batch or fewer restarts"
    if isinstance(error, FloatingPointError) or _NAN.search(said):
        return "GE702", "a number became NaN or infinite", "try a smaller rate"
    if isinstance(error, RuntimeError | ValueError | IndexError | TypeError) and _SHAPE.search(said):
        return (
            "GE701",
            "shapes do not match while running",
            "compare the shapes of your data and networks with the spec",
        )
    return "GE703", "the program stopped while running", ""


def _label(code: str) -> str:
    return {"GE701": "computed here", "GE702": "first seen here"}.get(code, "")


def _said(error: BaseException) -> str:
    """What the exception says, on one line of bounded length."""
    said = " ".join(str(error).split())
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


def _text(program: Program, line: int) -> str:
    lines = program.text.splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""
