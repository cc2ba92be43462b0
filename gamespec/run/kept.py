"""Open what a run left on the disk: every file is compared with its checksum before anything is made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.ir.game import Game
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.run import store

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2
"""The layout of a run directory; another number is another layout."""

_NEEDED = ("game", "source", "schedule", "seed", "steps", "device", "files", "given", "hashes", "status", "seconds", "overrides")


@dataclass(frozen=True)
class Kept:
    """A run directory whose files are what was written."""

    path: Path
    manifest: dict[str, Any]

    @property
    def finished(self) -> bool:
        """Whether there is a result."""
        return self.manifest["status"] != "running"

    def text(self, name: str) -> str:
        """A text file of the run."""
        return _read(self.path, name).decode()

    def json(self, name: str) -> Any:  # noqa: ANN401  # JSON; until 2027-11
        """A JSON file of the run."""
        return store.read_json(self.path / name)

    def game(self) -> Game:
        """The meaning of the game."""
        return Game.model_validate_json(self.text("ir.json"))

    def source(self) -> Source:
        """The game as it was written, under the name that it had."""
        return Source(self.manifest["source"], self.text("spec.game"))

    def places(self) -> tuple[tuple[tuple[int, Span], ...], dict[str, Span]]:
        """Where the lines of the program, and the parts of the game, were written."""
        found = self.json("places.json")
        return tuple((line, Span(*at)) for line, at in found["program"]), {key: Span(*at) for key, at in found["game"].items()}


@dataclass(frozen=True)
class Checkpoint:
    """A point from which a run can go on. `ended` is how its steps ended, empty where there are more."""

    step: int
    seconds: float
    ended: str
    lane: dict[str, Any]
    metrics: Mapping[str, Any]
    tree: dict[str, Any]
    tensors: dict[str, Tensor]
    files: dict[str, dict[str, Any]]
    """Checksums of what it was read from."""


def kept(path: str | Path) -> Kept:
    """The run in a directory. Error: GameError, GE603 where there is none, GE608 naming the file that is damaged."""
    folder = Path(path)
    if not folder.is_dir():
        raise refused(folder, "GE603", f"no run directory {folder}", "`gamec runs` lists the runs")
    manifest = _signed(folder, "manifest.json")
    if manifest.get("format") != FORMAT:
        raise damaged(folder, f"manifest.json is of format {manifest.get('format')}, and {FORMAT} can be read")
    missing = [key for key in _NEEDED if key not in manifest]
    if missing:
        raise damaged(folder, f"manifest.json has no entry `{missing[0]}`")
    for name, entry in manifest["files"].items():
        check(folder, name, entry)
    return Kept(folder, manifest)


def finished(path: str | Path) -> Kept:
    """The same of a run that has a result. Error: GE609 where it still goes on, or was killed."""
    found = kept(path)
    if not found.finished or "result.json" not in found.manifest["files"]:
        raise refused(found.path, "GE609", f"{found.path} has no result yet", f"type `gamec run --resume {found.path}` to go on with it")
    return found


def checkpoint(run: Kept) -> Checkpoint | None:
    """The last checkpoint of a run, None where none was written. Error: GE608 where it, or the record up to it, is damaged."""
    folder = run.path
    if not (folder / "checkpoint.json").exists() and not run.manifest.get("checkpointed") and "checkpoint.json" not in run.manifest["files"]:
        return None
    said = _signed(folder, "checkpoint.json")
    content = check(folder, said["file"]["name"], said["file"])
    check(folder, "metrics.jsonl", said["metrics"], prefix=True)
    if said["program"] != run.manifest["hashes"]["program"]:
        raise damaged(folder, "checkpoint.json belongs to another program")
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError):
        raise damaged(folder, f"{said['file']['name']} is no safetensors file") from None
    own = (folder / "checkpoint.json").read_bytes()
    files = {said["file"]["name"]: {k: said["file"][k] for k in ("bytes", "sha256")}, "checkpoint.json": store.checksum(own)}
    return Checkpoint(said["step"], said["seconds"], said["ended"], said["lane"], said["metrics"], said["tree"], tensors, files)


def check(folder: Path, name: str, entry: Mapping[str, Any], *, prefix: bool = False) -> bytes:
    """The content of a file, compared with its length and checksum; of its beginning where more may have followed."""
    if Path(name).name != name:
        raise damaged(folder, f"`{name}` is no file of a run")
    content = _read(folder, name)
    if len(content) < entry["bytes"] or (len(content) > entry["bytes"] and not prefix):
        raise damaged(folder, f"{name} has {len(content)} bytes, not {entry['bytes']}")
    content = content[: entry["bytes"]]
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise damaged(folder, f"{name} is not what was written: its checksum differs")
    return content


def _signed(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object that holds its own checksum."""
    try:
        found = store.read_json_text(_read(folder, name).decode())
    except (ValueError, RecursionError):
        raise damaged(folder, f"{name} is no JSON") from None
    if not isinstance(found, dict) or found.get("sha256") != store.seal(found):
        raise damaged(folder, f"{name} is not what was written: its checksum differs")
    return found


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise damaged(folder, f"{name} is missing") from None
    except OSError as error:
        raise damaged(folder, f"{name} cannot be read: {error.strerror}") from None


def damaged(folder: Path, what: str) -> GameError:
    """The refusal of a directory whose files are not what was written."""
    return refused(folder, "GE608", f"{folder} is damaged: {what}", "copy the run again from where it was made, or make it again")


def refused(folder: Path, code: str, message: str, hint: str = "", notes: tuple[str, ...] = ()) -> GameError:
    """A refusal of a run directory."""
    return GameError((Diagnostic(code, message, Label(Span(str(folder), 0, 0)), notes=notes, hint=hint),))
