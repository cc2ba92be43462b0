"""Games from Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import gamespec as gs
from tests.run import programs


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """The path of a game, with stand-ins for the stages before `run`."""
    fake = programs.pipeline(
        {None: programs.network(), "cycle": programs.rotation(), "shapes": programs.rotation("shapes")}
    )
    monkeypatch.setitem(sys.modules, "gamespec.pipeline", fake)
    monkeypatch.setattr(gs, "pipeline", fake, raising=False)
    monkeypatch.chdir(tmp_path)
    path = Path("toy.game")
    path.write_text(programs.TEXT)
    return path


def test_a_mistake_raises_with_diagnostics_and_a_picture(toy):
    """CheckError has the diagnostics; a traceback ends with the marked line."""
    toy.write_text("solve ?")
    with pytest.raises(gs.CheckError) as caught:
        gs.load(toy)

    assert [d.code for d in caught.value.diagnostics] == ["GE001"]
    assert len(caught.value.__notes__) == 1
    assert "solve ?" in caught.value.__notes__[0]


def test_a_missing_file_raises_the_same(toy):
    """One kind of exception for whoever loads a game."""
    with pytest.raises(gs.CheckError):
        gs.load("nowhere.game")


def test_a_game_explains_emits_and_shows_itself(toy):
    """The texts of the command line."""
    game = gs.load(toy)

    assert game.explain(why=True) == "toy: explained why\n"
    assert game.emit() == programs.network().text
    assert game.ir().name == game.name == "toy"
    assert repr(game).startswith("<Game toy from ")


def test_parameters_are_passed_as_the_language_writes_them(toy, monkeypatch):
    """Strings, numbers and booleans."""
    seen = []
    check = gs.pipeline.check
    monkeypatch.setattr(gs.pipeline, "check", lambda source, sets: (seen.append(sets), check(source, sets))[1])
    gs.load(toy, params={"eps": "4/255", "k": 3, "flag": True})

    assert seen == [(("eps", "4/255"), ("k", "3"), ("flag", "true"))]


def test_a_game_is_solved_with_ones_own_network_and_data(toy, tmp_path):
    """And listened to, and saved."""
    module = torch.nn.Linear(3, 1)
    rows = torch.utils.data.TensorDataset(torch.rand(32, 3), torch.zeros(32, dtype=torch.long))
    seen = []
    result = gs.load(toy).solve(
        nets={"h": module},
        data={"train": torch.utils.data.DataLoader(rows, 8)},
        seed=1,
        on_step=seen.append,
        out=tmp_path,
    )

    assert result.players["h"] is module
    assert (result.ok, len(seen)) == (True, 4)
    assert gs.load_run(result.path, nets={"h": torch.nn.Linear(3, 1)}).metrics == result.metrics


def test_certificates_say_whether_they_hold(toy):
    """The name of each check, and `ok`."""
    result = gs.load(toy).solve("cycle")

    assert result.certificates["ok"] is False
    assert result.certificates["stationarity"] > 1
    assert result.value == result.metrics["value"]


def test_a_failing_program_raises_at_the_game_line(toy):
    """With the line of the game below the traceback."""
    with pytest.raises(gs.CheckError) as caught:
        gs.load(toy).solve("shapes")

    assert caught.value.diagnostics[0].code == "GE701"
    assert "u*v" in "".join(caught.value.__notes__)


def test_one_step_at_a_time_in_a_loop_of_ones_own(toy):
    """Batches as a tuple or by the name of the source, or the program's own."""
    step = gs.load(toy).compile(seed=0)
    step._sources = ["train"]
    batch = (torch.rand(8, 3), torch.zeros(8, dtype=torch.long))
    infos = [step(batch), step({"train": batch}), step(list(batch)), step()]

    assert [set(info.losses) for info in infos] == [{"h"}] * 4
    assert set(infos[0].inner) == {"inner"}
    assert infos[0].players["h"] is step.players["h"]
    assert step.residual.dim() == 0
    assert set(step.measure()) == {"error"}


@pytest.mark.parametrize("batch", [{"trian": (torch.rand(8, 3), torch.zeros(8))}, (torch.rand(8, 4), torch.zeros(8))])
def test_a_batch_of_another_form_is_refused(toy, batch):
    """An unknown source, or rows of another shape."""
    step = gs.load(toy).compile()
    step._sources = ["train"]

    with pytest.raises(gs.CheckError):
        step(batch)


def test_a_bare_batch_needs_one_source(toy):
    """With several, the name decides."""
    with pytest.raises(gs.CheckError, match="which data source"):
        gs.load(toy).compile()((torch.rand(8, 3),))


def test_public_names_are_complete_and_sorted():
    """Nothing is hidden, nothing missing."""
    assert gs.__all__ == sorted(gs.__all__)
    assert dir(gs) == gs.__all__
    assert [n for n in gs.__all__ if not hasattr(gs, n)] == []
    with pytest.raises(AttributeError):
        gs.nothing  # noqa: B018  # the access is what is tested; until 2027-11


def test_import_loads_nothing_heavy():
    """`import gamespec` alone is free."""
    code = "import sys, gamespec; print(sorted({'torch', 'sympy', 'rich', 'pydantic', 'lark'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
