"""Lists, replays and sweeps of runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from gamespec import cli, pipeline
from gamespec.run.execute import Request, execute
from gamespec.run.sweep import Cell, Grid, Line, Outcome, table
from gamespec.syntax.read import read
from gamespec.view.again import replay
from gamespec.view.grid import as_text, picture
from gamespec.view.listing import listed
from gamespec.view.opened import open_run
from gamespec.view.picture import Band
from tests.run.seals import resealed

QUICK = """language 1
game quick
param c in [0, 1] = 0.5
var x: R init 1
var y: R init 1
solve min{x} max{y} [ x*y + c*x^2 - y^2 ]
schedule       { method: extragradient(lr = 0.2) }
schedule other { method: simultaneous(lr = 0.1) }
run { steps = 30  tol = 1e-9 }
"""


@pytest.mark.parametrize("which", ["cycle", "robust", "generator"])
def test_a_replay_gives_the_same_bits(which, request):
    """Objectives at every report, players and metrics."""
    found = replay(open_run(request.getfixturevalue(which)))

    assert found.same, str(found)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [("metrics.jsonl", '"step": ', '"step": 1', "report 1"), ("manifest.json", '"seed": 0', '"seed": 1', "objective")],
)
def test_a_replay_sees_a_difference(robust, tmp_path, file, old, new, said):
    """A changed record is found, and the exit code says so."""
    shutil.copytree(robust, tmp_path / "run")
    path = tmp_path / "run" / file
    path.write_text(path.read_text().replace(old, new, 1))
    resealed(tmp_path / "run")
    found = replay(open_run(tmp_path / "run"))

    assert not found.same
    assert said in found.differences[0]
    assert cli.main(["replay", str(tmp_path / "run")]) == 3


def test_runs_are_listed(cycle, tmp_path, capsys):
    """The newest first, a damaged one marked, other folders left out."""
    shutil.copytree(cycle, tmp_path / "good")
    shutil.copytree(cycle, tmp_path / "bad")
    (tmp_path / "bad" / "manifest.json").write_text("{")
    (tmp_path / "else").mkdir()
    found = {e.path.name: e.status for e in listed(tmp_path)}

    assert found == {"good": "cycling", "bad": "damaged"}
    assert cli.main(["runs", str(tmp_path)]) == 0
    assert "value = " in capsys.readouterr().out
    assert cli.main(["runs", str(tmp_path / "none")]) == 2


def sweep(folder, *words):
    """Run a sweep in a process; gives its exit code and its document."""
    (folder / "quick.game").write_text(QUICK)
    command = [sys.executable, "-m", "gamespec.cli", "sweep", "quick.game", "--output", "json", "--out", "out", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_a_sweep_goes_on_and_isolates_failures(tmp_path):
    """A value out of range fails alone; a second call makes only what is missing."""
    code, first = sweep(tmp_path, "--over", "c=0.25,0.5,7", "--seeds", "0..1", "--jobs", "2")
    files = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "cells").glob("*.json")}
    _, second = sweep(tmp_path, "--over", "c=0.25,0.5", "--seeds", "0..2", "--jobs", "2")
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "cells").glob("*.json")}

    assert code == 3
    assert [(line["runs"], line["failed"]) for line in first["sweep"]["table"]] == [(2, 0), (2, 0), (0, 2)]
    assert all("GE405" in c["error"] for c in first["sweep"]["cells"] if c["values"]["c"] == "7")
    assert [line["runs"] for line in second["sweep"]["table"]] == [3, 3]
    assert len(files) == 4
    assert len(after) == 6
    assert all(after[name] == when for name, when in files.items())
    assert (tmp_path / "out" / "picture.svg").is_file()


def test_a_stopped_cell_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    """Not from the beginning: the sweep finds the run of the cell; a damaged one is made again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.game").write_text(QUICK.replace("tol = 1e-9", "every = 5"))
    checked = pipeline.check(read("quick.game"))
    cell, grid, out = Cell((), 0), Grid("quick.game", (), (0,)), tmp_path / "cell"

    def stop(report):
        if report.step == 10:
            raise KeyboardInterrupt

    assert "--resume" not in grid.command(cell, out)
    stopped = execute(checked, pipeline.compile(checked, lane="torch"), Request(out=out, every=5), on_step=stop)
    command = grid.command(cell, out)

    assert command[-2:] == ["--resume", str(stopped.path)]
    said = (stopped.path / "checkpoint.json").read_bytes()
    (stopped.path / "checkpoint.json").write_bytes(said[:-9])
    assert "--resume" not in grid.command(cell, out)
    (stopped.path / "checkpoint.json").write_bytes(said)
    assert cli.main(command[3:]) == 0
    assert listed(out)[0].status == "finished"
    assert "--resume" not in grid.command(cell, out)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--over", "d=1"], 1),
        (["--over", "schedule=none"], 1),
        (["--over", "c=1", "--over", "c=2"], 1),
        (["--seeds", "4..1"], 2),
        (["--over", "c=1,,2"], 2),
    ],
    ids=["no param", "no schedule", "twice", "seeds", "empty"],
)
def test_a_wrong_sweep_runs_nothing(tmp_path, monkeypatch, capsys, words, code):
    """Names that are not in the game end the sweep before its first cell."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.game").write_text(QUICK)
    try:
        found = cli.main(["sweep", "quick.game", *words])
    except SystemExit as stop:
        found = stop.code

    assert found == code
    assert not (tmp_path / "sweeps").exists()


def test_mean_and_spread():
    """The sample standard deviation; failed cells do not count."""
    cells = [Cell((("c", "1/2"),), seed) for seed in range(4)]
    outcomes = [Outcome(cell, "finished", metrics={"value": float(k)}) for k, cell in enumerate(cells[:3])]
    (line,) = table([*outcomes, Outcome(cells[3], error="no")])

    assert (line.mean("value"), line.spread("value"), line.failed) == (1.0, 1.0, 1)
    assert "1 ± 1" in as_text([line])


def test_a_picture_runs_along_the_number():
    """With a param and a schedule, the param is the axis and each schedule a curve with its band."""
    lines = [Line((("schedule", s), ("eps", e)), ("finished",), 0, {"value": (1.0, 2.0)}) for s in "ab" for e in ("1/10", "1/5")]
    panel = picture(lines, "t").panels[0]
    bands = [m for m in panel.marks if isinstance(m, Band)]

    assert panel.x == "eps"
    assert [list(b.xs) for b in bands] == [[0.1, 0.2], [0.1, 0.2]]
