"""A saved run, opened for looking: what was recorded, and its program where a picture needs to compute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.ir.game import Game
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.run import store
from gamespec.run.load import load_file
from gamespec.run.result import Status

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor


@dataclass(frozen=True)
class Opened:
    """A run directory. Asking for `module` or `state` executes the program saved there: open only runs that you trust."""

    path: Path
    manifest: dict[str, Any]
    result: dict[str, Any]
    history: tuple[dict[str, Any], ...]
    game: Game
    text: str
    program: str

    @property
    def status(self) -> Status:
        """How the run ended."""
        return Status(self.result["status"])

    @property
    def source(self) -> Source:
        """The game as it was run."""
        return Source(str(self.path / "spec.game"), self.text)

    @property
    def sets(self) -> tuple[tuple[str, str], ...]:
        """The values of `--set`."""
        return tuple(self.manifest.get("overrides", {}).items())

    @cached_property
    def module(self) -> ModuleType:
        """The program, imported."""
        return load_file(self.path / "program.py")

    @cached_property
    def state(self) -> Any:  # noqa: ANN401  # known to the program alone; until 2027-11
        """The state of the program with the players as they were saved."""
        given = self.manifest.get("given", {})
        outside = [*given.get("nets", ()), *given.get("data", ())]
        if outside:
            raise Undrawable(f"`{outside[0]}` was given from Python and is not part of the run")
        s = self.module.start(seed=self.manifest["seed"])
        built = self.module.players(s)
        for name, entry in self.result["players"].items():
            numbers = self.numbers(name)
            if entry["kind"] == "module":
                built[name].load_state_dict(numbers)
                built[name].eval()
            else:
                setattr(s, name if hasattr(s, name) else f"{name}_", numbers["value"])
        return s

    def numbers(self, player: str) -> dict[str, Tensor]:
        """The saved tensors of a player."""
        return store.read_tensors(self.path / Path(self.result["players"][player]["file"]).name)


class Undrawable(Exception):  # noqa: N818  # a reason, not an error; until 2027-11
    """Why a picture cannot be made of this run, in the reader's terms."""


def open_run(path: str | Path) -> Opened:
    """The run saved in a directory. Error: GameError (GE603) naming the file that is missing or damaged."""
    folder = Path(path)
    if not folder.is_dir():
        raise _refused(folder, f"no run directory {folder}", "`gamec runs` lists the runs")
    try:
        manifest, result = (_object(folder / name) for name in ("manifest.json", "result.json"))
        game = Game.model_validate_json(_text(folder / "ir.json"))
        text, program = _text(folder / "spec.game"), _text(folder / "program.py")
        history = tuple(store.read_lines(folder / "metrics.jsonl"))
        missing = [key for key in ("game", "schedule", "seed", "steps") if key not in manifest]
        missing += [key for key in ("status", "metrics", "checks", "expectations", "players") if key not in result]
        if missing:
            raise ValueError(f"no entry `{missing[0]}`")
        return Opened(folder, manifest, result, history, game, text, program)
    except OSError as error:
        name = Path(error.filename or folder).name
        hint = "a run that still goes on, or was killed, has no result yet" if name == "result.json" else ""
        raise _refused(folder, f"{folder} has no readable {name}", hint) from None
    except ValueError as error:
        said = str(error).splitlines()[0]
        raise _refused(folder, f"{folder} is damaged: {said}", "copy the run again from where it was made") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is no text") from None


def _object(path: Path) -> dict[str, Any]:
    try:
        found = store.read_json(path)
    except (ValueError, RecursionError):
        raise ValueError(f"{path.name} is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return found


def _refused(folder: Path, message: str, hint: str) -> GameError:
    return GameError((Diagnostic("GE603", message, Label(Span(str(folder), 0, 0)), hint=hint),))
