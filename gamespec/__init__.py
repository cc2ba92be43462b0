"""gamespec: the compiler for games in machine learning."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gamespec.api import CheckError, Game, from_text, load, load_run, register, resume

__version__ = "0.1.0"

__all__ = ["CheckError", "Game", "__version__", "builder", "from_text", "load", "load_run", "register", "resume"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever `gamespec.api` has under this name; until 2027-11
    """The public names, imported when first asked for: `import gamespec` alone loads nothing."""
    if name == "builder":
        return importlib.import_module("gamespec.builder")
    if name in __all__:
        return getattr(importlib.import_module("gamespec.api"), name)
    raise AttributeError(f"module `gamespec` has no attribute `{name}`")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
