"""Other places where the reports of a run are written as they come: TensorBoard and Weights & Biases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gamespec.run.result import Report


class Writer(Protocol):
    """Sees every report of a run."""

    def __call__(self, report: Report) -> None:
        """Write one report."""

    def close(self) -> None:
        """Nothing more comes."""


class TensorBoard:
    """Event files in the folder `tensorboard` of the run."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._out: Any = SummaryWriter(log_dir=str(folder / "tensorboard"))
        self._out.add_text("run", "\n".join(f"{key}: {value}" for key, value in {"game": name, **settings}.items()))

    def __call__(self, report: Report) -> None:
        """Objectives under `objective/`, metrics under `metric/`."""
        for name, value in flat(report).items():
            self._out.add_scalar(name, value, report.step)

    def close(self) -> None:
        """Bring everything to the disk."""
        self._out.close()


class WeightsAndBiases:
    """A run of the project `gamespec`; where and whether it is sent is decided by the variables of wandb."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        import wandb

        self._run = wandb.init(project="gamespec", name=folder.name, group=name, dir=str(folder), config=dict(settings))

    def __call__(self, report: Report) -> None:
        """The same names as in TensorBoard."""
        self._run.log(flat(report), step=report.step)

    def close(self) -> None:
        """End the run."""
        self._run.finish()


WRITERS: dict[str, tuple[Callable[[Path, str, Mapping[str, Any]], Writer], str]] = {
    "tensorboard": (TensorBoard, "tensorboard"),
    "wandb": (WeightsAndBiases, "wandb"),
}
"""What `--log` takes: the writer, and the package that it needs."""


def flat(report: Report) -> dict[str, float]:
    """The numbers of a report by path."""
    losses = {f"objective/{name}": value for name, value in report.losses.items()}
    return losses | {f"metric/{name}": value for name, value in report.metrics.items()}


def opened(names: tuple[str, ...], folder: Path, game: str, settings: Mapping[str, Any]) -> tuple[list[Writer], list[str]]:
    """The writers of these names, and why some are left out: a package that is not there stops no run."""
    found: list[Writer] = []
    missing: list[str] = []
    for name in names:
        make, package = WRITERS[name]
        try:
            found.append(make(folder, game, settings))
        except ImportError:
            missing.append(f"`{name}` needs the package `{package}`: type `pip install {package}`")
    return found, missing
