"""The library as a whole: what importing it costs, and what the linker relies on."""

from __future__ import annotations

import ast
import builtins
import inspect
import subprocess
import symtable
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import gamespec
from gamespec.emit.link import IMPORTS
from gamespec.library.data.files import file_table
from gamespec.library.data.tables import MOVES
from gamespec.library.registry import KINDS, words

ROOT = Path(gamespec.__file__).parent
FILES = [*sorted((ROOT / "library").glob("*/*.py")), *sorted((ROOT / "kernels").glob("*.py"))]
ENTRIES = [(kind, word) for kind in KINDS for word in words(kind)]


def test_importing_the_library_loads_no_heavy_package() -> None:
    """`gamec check` reads every file of the library and never loads torch, numpy, scikit-learn or sympy."""
    code = f"""
import sys
from gamespec.library.data.files import file_table
from gamespec.library.registry import words
found = [word for kind in {list(KINDS)} for word in words(kind)]
heavy = sorted({{"torch", "numpy", "sklearn", "sympy"}} & set(sys.modules))
print(len(found), *heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(len(ENTRIES))]


def test_names_are_unique_across_kernels_and_library() -> None:
    """The linker puts functions and classes into one file and does not rename."""
    names = Counter(
        node.name
        for file in FILES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    )

    assert [name for name, count in names.items() if count > 1] == []


def unlinked(table: symtable.SymbolTable, known: set[str]) -> set[str]:
    """Names that functions of a file read from outside themselves and that are not known."""
    found = set().union(*(unlinked(child, known) for child in table.get_children()))
    if table.get_type() == "function":
        read = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
        found |= {f"{table.get_name()}: {name}" for name in read - known}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_functions_read_only_what_the_linker_can_bring(file: Path) -> None:
    """Functions read builtins, what a program may import, and functions and classes of the library, no constant of their file.

    What runs in the compiler alone, counting parameters and judging shapes, may read more.
    """
    tops = [node for f in FILES for node in ast.parse(f.read_text()).body]
    defined = {node.name for node in tops if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    known = defined | set(dir(builtins)) | set(IMPORTS)
    found = unlinked(symtable.symtable(file.read_text(), file.name, "exec"), known)

    assert {name for name in found if not name.split(":")[0].endswith(("_count", "_misfit"))} == set()


@pytest.mark.parametrize(("kind", "word"), ENTRIES)
def test_word_names_its_source(kind: str, word: str) -> None:
    """Every word says where it comes from and is listed under its own name."""
    entry = words(kind)[word]

    assert entry.word == word
    assert len(entry.source) > 5


@pytest.mark.parametrize(("kind", "word"), [(k, w) for k, w in ENTRIES if k in ("data", "networks", "rules")])
def test_options_are_those_of_the_function(kind: str, word: str) -> None:
    """Declared options and defaults are the parameters and defaults of what is called, or of `file_table`, to which it hands the rest.

    What is done to minibatches is no parameter.
    """
    entry: Any = words(kind)[word]
    function = getattr(entry, "load", None) or getattr(entry, "draw", None) or entry.build
    taken = inspect.signature(function).parameters
    handed = inspect.signature(file_table).parameters if any(p.kind is p.VAR_KEYWORD for p in taken.values()) else {}
    allowed = {name: p.default for name, p in [*handed.items(), *taken.items()]}

    for option in entry.options:
        assert option.many or any(option is move for move in MOVES) or allowed[option.name] == option.default
