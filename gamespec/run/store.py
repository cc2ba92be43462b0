"""The run directory: what is written there, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from gamespec.report.diagnostic import InternalError

if TYPE_CHECKING:
    from torch import Tensor, nn

_MOST = 100_000
"""Runs of one game in one folder."""


class Store:
    """One run directory, made by `create`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: TextIO | None = None

    def text(self, name: str, text: str) -> Path:
        """Write a text file."""
        target = self.path / name
        _replace(target, text.encode())
        return target

    def json(self, name: str, value: object) -> Path:
        """Write a JSON file; NaN and infinities become strings."""
        return self.text(name, json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n")

    def line(self, row: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl, on disk before this returns."""
        if self._lines is None:
            self._lines = (self.path / "metrics.jsonl").open("a", encoding="utf-8")
        self._lines.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
        self._lines.flush()

    def players(self, players: Mapping[str, nn.Module | Tensor]) -> dict[str, dict[str, str]]:
        """Write one safetensors file for each player; gives the table to find them by."""
        table: dict[str, dict[str, str]] = {}
        taken: set[str] = set()
        for name, player in players.items():
            file = _free(slug(name), taken) + ".safetensors"
            module = callable(getattr(player, "state_dict", None))
            numbers: Mapping[str, Any] = cast("nn.Module", player).state_dict() if module else {"value": player}
            write_tensors(self.path / file, numbers)
            table[name] = {"file": file, "kind": "module" if module else "tensor"}
        return table

    def close(self) -> None:
        """Close metrics.jsonl; the file exists from here on."""
        if self._lines is None:
            self._lines = (self.path / "metrics.jsonl").open("a", encoding="utf-8")
        self._lines.close()
        self._lines = None


def create(root: Path, game: str, digest: str) -> Store:
    """A new directory `<game>-<hash>-<n>` in `root`: the first n that nobody has, also among parallel runs."""
    root.mkdir(parents=True, exist_ok=True)
    stem = f"{slug(game)}-{slug(digest)[:12]}-"
    numbers = [int(rest) for entry in root.glob(f"{stem}*") if (rest := entry.name[len(stem) :]).isdecimal()]
    first = max(numbers, default=0) + 1
    for n in range(first, first + _MOST):
        path = root / f"{stem}{n}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return Store(path)
    raise InternalError(f"no free run directory {stem}* in {root}")


def slug(name: str) -> str:
    """A name as one harmless path component: letters, digits, `_` and `-`, at most 64 characters."""
    kept = re.sub(r"[^\w-]+", "_", name).strip("_-")[:64]
    return kept or "unnamed"


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors; each is copied, because the format refuses shared memory."""
    from safetensors.torch import save

    _replace(path, save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def read_json(path: Path) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    """The value of a JSON file, NaN and infinities as floats again."""
    return _number(json.loads(path.read_text(encoding="utf-8")))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file; a last line cut short by a crash is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(_number(json.loads(line)))
        except json.JSONDecodeError:
            break
    return rows


def _free(stem: str, taken: set[str]) -> str:
    """A file stem that no other player has, also where capitals do not count."""
    name, n = stem, 1
    while name.casefold() in taken:
        n += 1
        name = f"{stem}-{n}"
    taken.add(name.casefold())
    return name


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, target)


_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    """The value with NaN and infinities as words: JSON has no such numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _number(value: Any) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    if isinstance(value, str):
        return _SPECIAL.get(value, value)
    if isinstance(value, dict):
        return {k: _number(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_number(v) for v in value]
    return value
