"""From the text of a game to a result, through every stage."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

import gamespec as gs
from gamespec import cli
from gamespec.run import link

FIT = """\
language 1
game fit
data train: (a: R[2] in [0, 1], b: class[2]) = given
net h: R[2] -> logits[2] = linear()
solve min{h} E{(a, b) ~ train}[ ce(h(a), b) ]
run { steps = 30  batch = 16  seed = 0 }
"""

ROOT = """\
language 1
game root
var u in [-1, 1] init 0.5
var v in [-1, 1] init 0.5
solve min{u} max{v} [ u*v + sqrt(u - 0.2) ]
schedule { method: simultaneous(lr = 0.1) }
run { steps = 100  tol = 1e-8  seed = 0 }
"""


def gamec(capsys, *argv):
    """Exit code and stdout of a command."""
    code = cli.main(argv)
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "status"),
    [
        ((), 0, "converged"),
        (("--schedule", "gda"), 5, "diverging"),
        (("--steps", "7"), 3, "finished"),
    ],
)
def test_the_smallest_game_ends_as_theory_says(options, code, status, capsys, tmp_path):
    """Extragradient arrives, simultaneous steps run away, seven steps are too few."""
    found, out = gamec(
        capsys, "run", "specs/saddle/bilinear.game", "--output", "json", "--out", str(tmp_path / "runs"), *options
    )

    assert (found, json.loads(out)["run"]["status"]) == (code, status)


def test_the_emitted_file_gives_the_same_numbers_alone(capsys, tmp_path):
    """`python -I train.py` and `gamec run` agree to the last bit."""
    spec = "specs/nash/cournot.game"
    file = tmp_path / "train.py"
    gamec(capsys, "emit", spec, "-o", str(file))
    _, out = gamec(capsys, "run", spec, "--output", "json", "--out", str(tmp_path / "runs"))
    alone = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, check=False, cwd=tmp_path)
    metrics = json.loads(out)["run"]["metrics"]

    assert metrics
    assert [f"{name} {value!r}" for name, value in metrics.items() if f"{name} {value!r}" not in alone.stdout] == []


def test_a_cycle_is_called_a_cycle(capsys, tmp_path):
    """Extragradient on the forsaken game goes around a stable point and says so."""
    code, out = gamec(capsys, "run", "specs/saddle/forsaken.game", "--quiet", "--out", str(tmp_path / "runs"))

    assert code == 3
    assert "the path cycles around" in out


def test_own_data_fill_a_hole(tmp_path):
    """`= given` is filled from Python; rows out of range are refused at the declaration."""
    path = tmp_path / "fit.game"
    path.write_text(FIT)
    game = gs.load(path)
    a = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    b = (a[:, 0] > a[:, 1]).long()
    result = game.solve(data={"train": torch.utils.data.DataLoader(torch.utils.data.TensorDataset(a, b), 8)})
    with pytest.raises(gs.CheckError) as caught:
        game.solve(data={"train": (a * 2, b)})

    assert result.ok
    assert "data train" in "".join(caught.value.__notes__)


def test_own_network_in_a_loop_of_ones_own(tmp_path):
    """One step for each batch, with the user's module in place of the declared one."""
    path = tmp_path / "fit.game"
    path.write_text(FIT)
    a = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    b = (a[:, 0] > a[:, 1]).long()
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    step = gs.load(path).compile(nets={"h": net}, data={"train": (a, b)})
    losses = [float(next(iter(step((a[:32], b[:32])).losses.values()))) for _ in range(20)]

    assert losses[-1] < losses[0]


@pytest.mark.parametrize("module", ["torch", "sympy", "rich"])
def test_checking_a_network_game_does_not_load(module):
    """`gamec check` is for editors: quick."""
    code = (
        "import sys; from gamespec.cli import main; main(['check', 'specs/robust/pgd_digits.game']);"
        f"print({module!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_only_the_players_draw_from_the_data_of_a_batch():
    """The test split of a metric is no source of batches."""
    assert link.used(gs.load("specs/robust/pgd_digits.game").ir()) == ["train"]


def test_nan_is_told_at_the_line_of_the_root(capsys, tmp_path):
    """A square root that leaves its domain."""
    path = tmp_path / "root.game"
    path.write_text(ROOT)
    code = cli.main(["run", str(path), "--quiet", "--out", str(tmp_path / "runs")])
    said = capsys.readouterr().err

    assert code == 5
    assert [w for w in ("error[GE702]", "first made by `sqrt`") if w not in said] == []
