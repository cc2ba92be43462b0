"""The one door to torch for code that `gamec check` may import: torch is loaded at its first use."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy(ModuleType):
    """A module that imports itself when an attribute is asked for."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # a module's attributes can be anything; until 2027-11
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import torch as torch
else:
    torch = _Lazy("torch")
