"""Reports that are written elsewhere as well."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import ClassVar

import pytest

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute

GAME = """language 1
game fit
data train: (a: R[2], b: class[2]) = moons(n = 60)
net h: R[2] -> logits[2] = linear()
solve min{h} E{(a, b) ~ train}[ ce(h(a), b) ]
run { batch = 20  steps = 6  every = 2  seed = 0 }
"""


def played(tmp_path, *names):
    """A run that is written elsewhere."""
    checked = pipeline.check(Source("fit.game", GAME))
    return execute(checked, pipeline.compile(checked), Request(out=tmp_path, log=names))


class Board:
    """Stands in for the writer of TensorBoard."""

    made: ClassVar[list] = []

    def __init__(self, log_dir):
        self.folder, self.rows, self.closed = log_dir, [], False
        Board.made.append(self)

    def add_text(self, name, text):
        """A text."""
        self.text = text

    def add_scalar(self, name, value, step):
        """A number."""
        self.rows.append((name, value, step))

    def close(self):
        """The end."""
        self.closed = True


def test_tensorboard_sees_every_report(tmp_path, monkeypatch):
    """The same numbers as in metrics.jsonl, in a folder of the run."""
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Board
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    Board.made.clear()
    result = played(tmp_path, "tensorboard")
    (board,) = Board.made

    assert board.rows == [("objective/h", row["losses"]["h"], row["step"]) for row in result.history]
    assert board.folder == str(result.path / "tensorboard")
    assert board.closed
    assert "game: fit" in board.text


def test_wandb_sees_every_report(tmp_path, monkeypatch):
    """Under the name of the run directory, with the settings of the run."""
    rows, said = [], {}

    class Run:
        def log(self, values, step):
            rows.append((values, step))

        def finish(self):
            said["finished"] = True

    module = ModuleType("wandb")
    module.init = lambda **options: said.update(options) or Run()
    monkeypatch.setitem(sys.modules, "wandb", module)
    result = played(tmp_path, "wandb")

    assert rows == [({"objective/h": row["losses"]["h"]}, row["step"]) for row in result.history]
    assert (said["name"], said["config"]["seed"], said["finished"]) == (result.path.name, 0, True)


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_package_stops_no_run(tmp_path, monkeypatch, name):
    """The run is made, and says what to install."""
    for module in ("torch.utils.tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, module, None)
    result = played(tmp_path, name)

    assert str(result.status) == "finished"
    assert [(d.code, d.notes) for d in result.diagnostics] == [("GW605", (f"`{name}` needs the package `{name}`: type `pip install {name}`",))]
