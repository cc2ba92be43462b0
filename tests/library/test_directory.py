"""The library as a whole: what importing it costs, and what the linker relies on."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import gamespec
from gamespec.library.registry import KINDS, words

ROOT = Path(gamespec.__file__).parent
FILES = [*sorted((ROOT / "library").glob("*/*.py")), *sorted((ROOT / "kernels").glob("*.py"))]
ENTRIES = [(kind, word) for kind in KINDS for word in words(kind)]


def test_importing_the_library_loads_no_heavy_package() -> None:
    """`gamec check` reads every file of the library and never loads torch, numpy, scikit-learn or sympy."""
    code = f"""
import sys
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


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_functions_read_only_what_the_linker_can_bring(file: Path) -> None:
    """Names that a function reads are its own, builtins, torch, math, or functions and classes of the library."""
    tree = ast.parse(file.read_text())
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    code = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    read = {n.id for top in code for n in ast.walk(top) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}

    assert constants & read == set()


@pytest.mark.parametrize(("kind", "word"), ENTRIES)
def test_word_names_its_source(kind: str, word: str) -> None:
    """Every word says where it comes from and is listed under its own name."""
    entry = words(kind)[word]

    assert entry.word == word
    assert len(entry.source) > 5


@pytest.mark.parametrize(("kind", "word"), [(k, w) for k, w in ENTRIES if k in ("data", "networks", "rules")])
def test_options_are_those_of_the_function(kind: str, word: str) -> None:
    """Declared options and defaults are the parameters and defaults of what is called."""
    entry: Any = words(kind)[word]
    function = getattr(entry, "load", None) or getattr(entry, "draw", None) or entry.build
    taken = inspect.signature(function).parameters
    allowed = {name: p.default for name, p in taken.items()}

    for option in entry.options:
        assert option.many or allowed[option.name] == option.default
