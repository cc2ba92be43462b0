"""How a run ended, and what it gives to the person who asked for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.run import store
from gamespec.run.kept import finished, refused

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gamespec.report.diagnostic import Diagnostic


class Status(StrEnum):
    """How a run ended, equal to its word. A closed family; `advice` says what it means and what to try."""

    CONVERGED = "converged"
    FINISHED = "finished"
    CYCLING = "cycling"
    DRIFTING = "drifting"
    DIVERGING = "diverging"
    STALLED = "stalled"
    NAN = "nan"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """One sentence about what happened, and one about what to type next where that helps."""
        return _ADVICE[self]

    @property
    def failed(self) -> bool:
        """Whether the last point is of no use as an answer."""
        return self in (Status.DIVERGING, Status.NAN)

    def __str__(self) -> str:
        """The word that an `expect` line compares with."""
        return self.value


_ADVICE = {
    Status.CONVERGED: "the residual fell below the tolerance.",
    Status.FINISHED: "all steps were made.",
    Status.CYCLING: "the players keep moving around a point that they do not reach. Try: `method: extragradient`, "
    "which cures bilinear games; where that cycles too, another start or a smaller rate.",
    Status.DRIFTING: "the players keep moving in one direction. Try: more steps, or bounded sets for the variables.",
    Status.DIVERGING: "the players move away faster and faster. Try: `method: extragradient`, or a smaller rate.",
    Status.STALLED: "the residual stopped falling above the tolerance. Try: a smaller rate at the end, larger batches, or another start.",
    Status.NAN: "a number became NaN or infinite; the last good players were kept. Try: a smaller rate.",
    Status.INTERRUPTED: "stopped by hand; what was reached until then was kept.",
}


@dataclass(frozen=True)
class Report:
    """One report of a run: what `on_step` receives."""

    step: int
    time: float
    losses: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)
    point: tuple[float, ...] = ()
    """All variables, in a game of few numbers."""
    warnings: tuple[Diagnostic, ...] = ()
    """What was noticed since the last report."""
    lengths: Mapping[str, float] = field(default_factory=dict)
    """How long the parameters of each network are, as one vector."""
    samples: Mapping[str, Any] = field(default_factory=dict)
    """What generators made of fixed noise, at the reports where that is kept."""

    def row(self) -> dict[str, Any]:
        """As it stands in the history and in metrics.jsonl."""
        where = {"@point": list(self.point)} if self.point else {}
        made = {f"@{key}": dict(kept) for key, kept in (("length", self.lengths), ("samples", self.samples)) if kept}
        return {"step": self.step, "time": round(self.time, 4), "losses": dict(self.losses), **where, **made, **self.metrics}


@dataclass(frozen=True)
class Result:
    """What a run gives. `path` is the run directory, None until it is saved.

    `certificates` maps the name of each check to its value, and `ok` to whether none of them failed.
    """

    name: str
    schedule: str
    status: Status
    players: Mapping[str, nn.Module | Tensor]
    metrics: dict[str, float]
    certificates: dict[str, Any]
    checks: tuple[dict[str, Any], ...] = ()
    expectations: tuple[tuple[str, bool], ...] = ()
    history: tuple[dict[str, Any], ...] = ()
    note: str = ""
    seconds: float = 0.0
    path: Path | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    kept: Path | None = None
    lane: str = ""
    """How the steps were made, eager or compiled, and why; empty where nothing was decided."""

    @property
    def value(self) -> float | None:
        """The value of the game at the last point, where it is defined."""
        return self.metrics.get("value")

    @property
    def ok(self) -> bool:
        """Whether nothing that was checked failed."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """What `gamec run` ends with."""
        if self.status is Status.INTERRUPTED:
            return 130
        if self.status.failed:
            return 5
        met = self.certificates.get("ok", True) and all(ok for _, ok in self.expectations)
        return 0 if met and self.status is not Status.CYCLING else 3

    def certify(self, budget: int = 1, nets: Mapping[str, nn.Module] | None = None, data: Mapping[str, Any] | None = None) -> Result:
        """The certificate of these players made again, `budget` times as long a search; runs the program of the run.

        `nets` and `data` bring again what was brought from outside. What was checked is kept as certificate.json.
        """
        from gamespec.run.certify import certify

        source = self.path or self.kept
        if source is None:
            raise ValueError("this result has no run directory to certify")
        return certify(source, budget, nets, data)

    def save(self, path: str | Path) -> Path:
        """Copy the run directory to `path`, which must not exist."""
        target = Path(path)
        source = self.path or self.kept
        if source is None:
            raise ValueError("this result has no run directory to copy")
        if target.exists():
            raise FileExistsError(f"{target} exists already")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.copytree(source, temporary)
        os.replace(temporary, target)
        return target

    def __repr__(self) -> str:
        """One line: name, schedule, status, metrics."""
        shown = ", ".join(f"{k} = {v:.6g}" for k, v in self.metrics.items())
        return f"<Result of {self.name}, schedule {self.schedule}: {self.status}; {shown}>"


class Saved(Mapping[str, Any]):
    """The players of a saved run, read when asked for."""

    def __init__(self, path: Path, players: Mapping[str, Mapping[str, str]], build: Callable[[], Mapping[str, Any]]) -> None:
        self._path = path
        self._players = players
        self._build = build
        self._modules: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> nn.Module | Tensor:
        """A variable as a tensor, a network as a module with its trained numbers."""
        entry = self._players[name]
        tensors = store.read_tensors(self._path / Path(entry["file"]).name)
        if entry["kind"] == "tensor":
            return tensors["value"]
        if self._modules is None:
            self._modules = self._build()
        module: nn.Module = self._modules[name]
        module.load_state_dict(tensors)
        return module.eval()

    def __iter__(self) -> Iterator[str]:
        """The names of the players."""
        return iter(self._players)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._players)

    def numbers(self, name: str, *, last: bool = False) -> dict[str, Tensor]:
        """The saved tensors of a player by name, where it stood last if its answer is an average, without running any code of the run."""
        return store.read_tensors(self._path / Path(self._players[name]["last" if last else "file"]).name)


def load_run(path: str | Path, nets: Mapping[str, nn.Module] | None = None) -> Result:
    """A saved run. Asking for a network runs the `program.py` saved beside it, so open only runs that you trust.

    `nets` gives the modules that were `= given`. Error: GameError, GE603 where there is no run, GE608 where a file is
    not what was written, GE609 where there is no result yet, GE604 when a module is asked for that was not given.
    """
    run = finished(path)
    said = run.json("result.json")

    def build() -> Mapping[str, Any]:
        from gamespec.run.load import load_file
        from gamespec.run.rows import stand_ins

        missing = [name for name in run.manifest["given"]["nets"] if name not in (nets or {})]
        if missing:
            hint = f'write `gs.load_run("{run.path.as_posix()}", nets={{"{missing[0]}": module}})`'
            raise refused(run.path, "GE604", f"`{missing[0]}` was given from Python and is not part of the run", hint)
        module = load_file(run.path / "program.py")
        state = module.start(seed=run.manifest["seed"], nets=dict(nets or {}), data=stand_ins(run.game()))
        built: Mapping[str, Any] = module.players(state)
        return built

    return Result(
        name=run.manifest["game"],
        schedule=run.manifest["schedule"],
        status=Status(said["status"]),
        players=Saved(run.path, said["players"], build),
        metrics=said["metrics"],
        certificates=said["certificates"],
        checks=tuple(said["checks"]),
        expectations=tuple((e["text"], e["ok"]) for e in said["expectations"]),
        history=tuple(store.read_lines(run.path / "metrics.jsonl")),
        note=said["note"],
        seconds=run.manifest["seconds"],
        path=run.path,
    )
