"""The run directory: what is written there, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from gamespec.report.diagnostic import Diagnostic, GameError, InternalError, Label
from gamespec.report.source import Span

if TYPE_CHECKING:
    from torch import Tensor, nn

_MOST = 100_000
"""Runs of one game in one folder."""


class Store:
    """One run directory, made by `create`. `files` has the checksum of everything written there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, dict[str, Any]] = {}
        self._lines: IO[bytes] | None = None
        self._digest, self._bytes = hashlib.sha256(), 0

    def text(self, name: str, text: str) -> Path:
        """Write a text file."""
        return self.content(name, text.encode())

    def content(self, name: str, content: bytes) -> Path:
        """Write a file of bytes, whole and on the disk before it has its name."""
        target = self.path / name
        with self._writing(name):
            _replace(target, content)
        self.files[name] = checksum(content)
        return target

    def json(self, name: str, value: object) -> Path:
        """Write a JSON file; NaN and infinities become strings."""
        return self.text(name, json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n")

    def signed(self, name: str, value: Mapping[str, Any]) -> Path:
        """Write a JSON object that holds the checksum of the rest of itself, as `sha256`."""
        return self.json(name, {**value, "sha256": seal(value)})

    def line(self, row: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        content = (json.dumps(_plain(row), ensure_ascii=False) + "\n").encode()
        with self._writing("metrics.jsonl"):
            lines = self._lines or self._open()
            lines.write(content)
            lines.flush()
        self._digest.update(content)
        self._bytes += len(content)

    def lines(self) -> dict[str, Any]:
        """Length and checksum of metrics.jsonl, all of it on the disk."""
        with self._writing("metrics.jsonl"):
            os.fsync((self._lines or self._open()).fileno())
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}

    def cut(self, size: int) -> None:
        """Keep only the first bytes of metrics.jsonl, and go on after them."""
        self.close()
        path = self.path / "metrics.jsonl"
        kept = path.read_bytes()[:size]
        os.truncate(path, size)
        self._digest, self._bytes = hashlib.sha256(kept), len(kept)

    def players(self, players: Mapping[str, nn.Module | Tensor], last: Mapping[str, nn.Module | Tensor] | None = None) -> dict[str, dict[str, str]]:
        """Write one safetensors file for each player, and one for its last point where its answer is another."""
        table: dict[str, dict[str, str]] = {}
        taken: set[str] = set()
        for name, player in players.items():
            file = _free(slug(name), taken)
            module = callable(getattr(player, "state_dict", None))
            self.content(f"{file}.safetensors", packed(numbers(player)))
            table[name] = {"file": f"{file}.safetensors", "kind": "module" if module else "tensor"}
            if last and name in last:
                self.content(f"{file}.last.safetensors", packed(numbers(last[name])))
                table[name]["last"] = f"{file}.last.safetensors"
        return table

    def close(self) -> None:
        """Close metrics.jsonl; the file exists from here on."""
        self.files["metrics.jsonl"] = self.lines()
        if self._lines is not None:
            self._lines.close()
        self._lines = None

    def abandon(self) -> None:
        """Close metrics.jsonl where not all of it may have reached the disk."""
        with contextlib.suppress(OSError):
            if self._lines is not None:
                self._lines.close()
        self._lines = None

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """What the system says against writing, as a refusal that tells how to go on."""
        try:
            yield
        except OSError as error:
            place = Label(Span(str(self.path), 0, 0))
            hint = f"make room, then type `gamec run --resume {self.path}`"
            said = Diagnostic("GE610", f"cannot write {self.path / name}: {error.strerror}", place, hint=hint)
            raise GameError((said,)) from error

    def _open(self) -> IO[bytes]:
        self._lines = (self.path / "metrics.jsonl").open("ab")
        return self._lines


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


def packed(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as safetensors; each is copied, because the format refuses shared memory."""
    from safetensors.torch import save

    return save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    from safetensors.torch import load_file

    return load_file(path)


def read_json(path: Path) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    """The value of a JSON file, NaN and infinities as floats again."""
    return read_json_text(path.read_text(encoding="utf-8"))


def read_json_text(text: str) -> Any:  # noqa: ANN401  # JSON; until 2027-11
    """The same of a text."""
    return _number(json.loads(text))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file; a last line cut short by a crash is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(_number(json.loads(line)))
        except json.JSONDecodeError:
            break
    return rows


def numbers(player: nn.Module | Tensor) -> Mapping[str, Any]:
    """The tensors of a player by name."""
    whole = callable(getattr(player, "state_dict", None))
    return cast("nn.Module", player).state_dict() if whole else {"value": player}


def _free(stem: str, taken: set[str]) -> str:
    """A file stem that no other player has, also where capitals do not count."""
    name, n = stem, 1
    while name.casefold() in taken:
        n += 1
        name = f"{stem}-{n}"
    taken.add(name.casefold())
    return name


def checksum(content: bytes) -> dict[str, Any]:
    """Length and SHA-256 of the content of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def seal(value: Mapping[str, Any]) -> str:
    """The checksum of a JSON object, its own entry `sha256` left out."""
    plain = {k: v for k, v in _plain(value).items() if k != "sha256"}
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _replace(target: Path, content: bytes) -> None:
    """Write beside the target, bring it to the disk, then give it its name: whoever looks sees the old or the new."""
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _settle(target.parent)


def _settle(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
