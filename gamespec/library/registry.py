"""The directory is the table: every file of a library folder is one word, found by listing, imported when used."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

KINDS = {"sets": "SET", "data": "SOURCE", "networks": "NETWORK", "rules": "RULE", "metrics": "METRIC"}
"""Folder of `gamespec.library` -> the name that each of its files defines."""

_added: dict[str, dict[str, Any]] = {kind: {} for kind in [*KINDS, "solvers"]}


_modules: list[ModuleType] = []


def added_modules() -> tuple[ModuleType, ...]:
    """The modules outside the package that brought words."""
    return tuple(_modules)


def register(module: ModuleType) -> None:
    """Add the words that a module outside the package defines (SET, SOURCE, NETWORK, RULE, METRIC or SOLVER)."""
    _modules.append(module)
    for kind, name in [*KINDS.items(), ("solvers", "SOLVER")]:
        entry = getattr(module, name, None)
        if entry is not None:
            _added[kind][entry.word] = entry
    _discovered.cache_clear()


def forget(module: ModuleType) -> None:
    """Take back what `register` added; a module that was not registered is left alone."""
    if module in _modules:
        _modules.remove(module)
    for kind, name in [*KINDS.items(), ("solvers", "SOLVER")]:
        entry = getattr(module, name, None)
        if entry is not None:
            _added[kind].pop(entry.word, None)
    _discovered.cache_clear()


@cache
def _discovered(kind: str) -> dict[str, Any]:
    package = importlib.import_module("gamespec.solvers" if kind == "solvers" else f"gamespec.library.{kind}")
    attribute = "SOLVER" if kind == "solvers" else KINDS[kind]
    found = {}
    for info in pkgutil.iter_modules(package.__path__):
        entry = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), attribute, None)
        if entry is not None:
            found[entry.word] = entry
    for point in entry_points(group=f"gamespec.{kind}"):
        entry = getattr(point.load(), attribute)
        found[entry.word] = entry
    return found | _added[kind]


def words(kind: str) -> dict[str, Any]:
    """Every word of a kind with what its file declares, by name."""
    return dict(sorted(_discovered(kind).items()))
