"""A saved run, opened for looking: what was recorded, and its program where a picture needs to compute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.ir.game import Game
from gamespec.report.source import Source
from gamespec.run import store
from gamespec.run.kept import damaged, finished
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
    """The run saved in a directory. Error: GameError, GE603 to GE609, naming what is missing, damaged or unfinished."""
    run = finished(path)
    try:
        result, game = run.json("result.json"), run.game()
        missing = [key for key in ("status", "metrics", "checks", "expectations", "players") if key not in result]
        if missing:
            raise ValueError(f"result.json has no entry `{missing[0]}`")
        history = tuple(store.read_lines(run.path / "metrics.jsonl"))
        return Opened(run.path, run.manifest, result, history, game, run.text("spec.game"), run.text("program.py"))
    except ValueError as error:
        raise damaged(run.path, str(error).splitlines()[0]) from None
