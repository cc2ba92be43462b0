"""The linker: copies the reached kernels and library functions verbatim, with what they call, in a sensible order."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from functools import cache
from types import ModuleType

from gamespec.library import registry


@cache
def _definitions(source: str) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Top-level functions and classes of a module: name, text, and every name that the text mentions."""
    found = []
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            text = "\n".join(lines[start - 1 : node.end_lineno])
            mentioned = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            found.append((node.name, textwrap.dedent(text), mentioned))
    return tuple(found)


def _modules() -> list[ModuleType | str]:
    """Every module whose functions may be copied, kernels as source files (they import torch), the library as modules."""
    found: list[ModuleType | str] = []
    kernels = importlib.import_module("gamespec.kernels")
    for info in pkgutil.iter_modules(kernels.__path__):
        found.append((f"{next(iter(kernels.__path__))}/{info.name}.py"))
    for kind in registry.KINDS:
        package = importlib.import_module(f"gamespec.library.{kind}")
        found += [importlib.import_module(f"{package.__name__}.{i.name}") for i in pkgutil.iter_modules(package.__path__)]
    return found


@cache
def _built_in() -> dict[str, tuple[str, frozenset[str]]]:
    table: dict[str, tuple[str, frozenset[str]]] = {}
    for module in _modules():
        if isinstance(module, str):
            with open(module, encoding="utf-8") as file:
                source = file.read()
        else:
            source = inspect.getsource(module)
        for name, text, mentioned in _definitions(source):
            table.setdefault(name, (text, mentioned))
    return table


def _table() -> dict[str, tuple[str, frozenset[str]]]:
    table = dict(_built_in())
    for module in registry.added_modules():
        for name, text, mentioned in _definitions(inspect.getsource(module)):
            table.setdefault(name, (text, mentioned))
    return table


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
        text, mentioned = table[name]
        done[name] = ""
        for other in sorted(mentioned - {name}):
            visit(other)
        del done[name]
        done[name] = text

    for name in sorted(names):
        if name not in table:
            raise KeyError(name)
        visit(name)
    return list(done.values())
