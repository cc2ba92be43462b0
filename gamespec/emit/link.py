"""The linker: copies the reached kernels and library functions verbatim, with what they call, in a sensible order."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gamespec.library import registry

_KERNELS = Path(__file__).parent.parent / "kernels"

IMPORTS = {
    "math": "import math",
    "copy": "import copy",
    "sys": "import sys",
    "Callable": "from collections.abc import Callable",
    "Iterator": "from collections.abc import Iterator",
    "Sequence": "from collections.abc import Sequence",
    "contextmanager": "from contextlib import contextmanager",
    "Any": "from typing import Any",
    "NamedTuple": "from typing import NamedTuple",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
    "linprog": "from scipy.optimize import linprog",
}
"""Every name that a program may import, in the order in which the lines stand."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A top-level function or class: its text, and every name that the text mentions."""

    name: str
    text: str
    mentioned: frozenset[str]


@cache
def _definitions(source: str) -> tuple[Definition, ...]:
    found = []
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            text = textwrap.dedent("\n".join(lines[start - 1 : node.end_lineno]))
            found.append(Definition(node.name, text, mentioned(text)))
    return tuple(found)


def mentioned(text: str) -> frozenset[str]:
    """Every name in a piece of Python."""
    return frozenset(n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name))


def _sources() -> Iterator[str]:
    """The text of every module whose functions may be copied; kernels are read, not imported, for they import torch."""
    for path in sorted(_KERNELS.glob("*.py")):
        yield path.read_text(encoding="utf-8")
    for kind in registry.KINDS:
        for path in sorted((_KERNELS.parent / "library" / kind).glob("*.py")):
            yield path.read_text(encoding="utf-8")


@cache
def _built_in() -> dict[str, Definition]:
    return {d.name: d for source in _sources() for d in _definitions(source)}


def _table() -> dict[str, Definition]:
    """The definitions by name; words from outside the package never replace one of ours."""
    added = {d.name: d for module in registry.added_modules() for d in _definitions(inspect.getsource(module))}
    return added | _built_in()


def linkable() -> frozenset[str]:
    """Every name that a program may receive from the library."""
    return frozenset(_table())


def link(names: set[str]) -> list[str]:
    """The source texts of these functions and of all that they call, callees first."""
    table = _table()
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done or name not in table:
            return
        done[name] = ""  # a function that calls itself is not visited again
        for other in sorted(table[name].mentioned - {name}):
            visit(other)
        del done[name]
        done[name] = table[name].text

    for name in sorted(names):
        if name not in table:
            raise KeyError(name)
        visit(name)
    return list(done.values())


def imports(text: str) -> list[str]:
    """The import lines that a program needs, as a formatter orders them: the standard library, a blank line, torch and scipy."""
    used = mentioned(text)
    lines = [line for name, line in IMPORTS.items() if name in used]
    from_torch = sorted(line.removeprefix("from torch import ") for line in lines if line.startswith("from torch import"))
    other = [line for line in lines if "scipy" in line]
    standard = [line for line in lines if "torch" not in line and line not in other]
    third = [*other, *(line for line in lines if line.startswith("import torch"))]
    third += [f"from torch import {', '.join(from_torch)}"] if from_torch else []
    return [*standard, "", *third]
