"""Any tree of frozen values as indented text, places in the file left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def outline(value: Any) -> str:  # noqa: ANN401  # any tree; until 2027-11
    """One line for each node, its plain fields beside its name, the nodes below it indented."""
    return "\n".join(_lines(value, "", 0)) + "\n"


def _lines(value: Any, key: str, depth: int) -> Iterator[str]:  # noqa: ANN401  # any tree; until 2027-11
    indent, head = "  " * depth, f"{key}: " if key else ""
    if isinstance(value, tuple | list) and any(_deep(v) for v in value):
        yield f"{indent}{head}[{len(value)}]"
        for item in value:
            yield from _lines(item, "", depth + 1)
    elif is_dataclass(value) and not isinstance(value, type):
        inside = [(f.name, getattr(value, f.name)) for f in fields(value) if f.name != "span"]
        flat = " ".join(f"{name}={_short(v)}" for name, v in inside if not _deep(v) and v not in (None, (), False))
        yield f"{indent}{head}{type(value).__name__} {flat}".rstrip()
        for name, v in inside:
            if _deep(v):
                yield from _lines(v, name, depth + 1)
    else:
        yield f"{indent}{head}{_short(value)}"


def _deep(value: Any) -> bool:  # noqa: ANN401  # any tree; until 2027-11
    """Whether a value has nodes inside."""
    if isinstance(value, tuple | list):
        return any(_deep(v) for v in value)
    return is_dataclass(value)


def _short(value: Any) -> str:  # noqa: ANN401  # any leaf; until 2027-11
    return repr(value) if isinstance(value, str) else str(value)
