"""The directory is the table: every file of a library folder is one word, found by listing, imported when used."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

KINDS = {"sets": "SET", "data": "SOURCE", "networks": "NETWORK", "rules": "RULE", "metrics": "METRIC"}
"""Folder of `gamespec.library` -> the name that each of its files defines."""

_NAMES = {**KINDS, "solvers": "SOLVER"}
_WORD = re.compile(r"\bword=\"([^\"]+)\"")
_added: dict[str, dict[str, Any]] = {kind: {} for kind in _NAMES}
_modules: list[ModuleType] = []


class Words(Mapping[str, Any]):
    """Every word of a kind with what its file declares, by name, in the order of the names.

    The words are read off the text of the files, so that asking for one imports one file. Installed packages are asked
    (entry points `gamespec.sets` and so on) only for a word that is not here, and when all words are wanted.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __getitem__(self, word: str) -> Any:  # noqa: ANN401  # a record of the library; until 2027-11
        if word in _added[self._kind]:
            return _added[self._kind][word]
        if word in self._files:
            return getattr(importlib.import_module(self._files[word]), _NAMES[self._kind])
        return self._installed[word]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*_added[self._kind], *self._files, *self._installed}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    @cached_property
    def _files(self) -> dict[str, str]:
        """Word -> module, for the files of the folder that define one."""
        package = "gamespec.solvers" if self._kind == "solvers" else f"gamespec.library.{self._kind}"
        folder = Path(__file__).parent.parent.joinpath(*package.split(".")[1:])
        texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
        defined = {stem: _WORD.search(text) for stem, text in texts.items() if f"\n{_NAMES[self._kind]} = " in text}
        return {found[1]: f"{package}.{stem}" for stem, found in defined.items() if found}

    @cached_property
    def _installed(self) -> dict[str, Any]:
        from importlib.metadata import entry_points  # reads the metadata of every package: only when it must

        entries = [getattr(point.load(), _NAMES[self._kind]) for point in entry_points(group=f"gamespec.{self._kind}")]
        return {entry.word: entry for entry in entries}


@cache
def words(kind: str) -> Words:
    """Every word of a kind with what its file declares, by name."""
    return Words(kind)


def added_modules() -> tuple[ModuleType, ...]:
    """The modules outside the package that brought words."""
    return tuple(_modules)


def register(module: ModuleType) -> None:
    """Add the words that a module outside the package defines (SET, SOURCE, NETWORK, RULE, METRIC or SOLVER)."""
    _modules.append(module)
    for kind, name in _NAMES.items():
        entry = getattr(module, name, None)
        if entry is not None:
            _added[kind][entry.word] = entry


def forget(module: ModuleType) -> None:
    """Take back what `register` added; a module that was not registered is left alone."""
    if module in _modules:
        _modules.remove(module)
    for kind, name in _NAMES.items():
        entry = getattr(module, name, None)
        if entry is not None:
            _added[kind].pop(entry.word, None)
