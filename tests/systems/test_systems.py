"""The catalogue: every system of the field that a single text can express compiles, and its first steps are finite.

`table.json` names the systems and their files, relative to the folder of the tests; what the files of other folders reach is tested there.
Not here, as no text says it: weights that follow the history of a run (adaptive local linearity, boundary equilibrium GANs), minibatches that
are visited several times with one gradient for both players (free adversarial training), attacks without a gradient and ensembles of them
one after another (AutoAttack), and searches by L-BFGS.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gamespec import pipeline
from gamespec.report.source import Source
from tests.check.test_example_runs import brought, smaller, takes_steps

HERE = Path(__file__).parent
TABLE = json.loads((HERE / "table.json").read_text(encoding="utf-8"))
EVERY = {"hypergradients.game", "two_modes.game", "attacks.game", "mixed_gan.game", "supervised_autoencoder.game"}
"""Files whose schedules are systems of their own."""


def test_every_file_of_this_folder_is_in_the_table():
    """Once, and no system has two rows."""
    mine = [row["file"] for row in TABLE if row["file"].startswith("systems/")]

    assert sorted(mine) == sorted(f"systems/{p.name}" for p in HERE.glob("*.game"))
    assert len({row["system"] for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("name", sorted(p.name for p in HERE.glob("*.game")))
def test_a_system_names_its_source(name):
    """Each says where its formulation comes from, and nothing of it is flagged as wrong."""
    source = Source(str(HERE / name), (HERE / name).read_text(encoding="utf-8"))

    assert "# Source: " in source.text
    # A test split that a player learns from, a perturbation without a domain and a constant term are what their papers have.
    assert {d.code for d in pipeline.check(source).diagnostics if d.severity != "note"} <= {"GW314", "GW411", "GW507"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["system"])
def test_a_system_takes_finite_steps(row):
    """Two steps on small networks and batches; losses, residual and metrics are finite."""
    path = (HERE.parent / row["file"]).resolve()
    checked = pipeline.check(Source(str(path), smaller(path.read_text(encoding="utf-8"))), (), row.get("solve"))
    nets, data = brought(checked)
    schedules = [s.name for s in checked.game.schedules]
    for schedule in schedules if path.name in EVERY else schedules[:1] or ["default"]:
        takes_steps(checked, schedule, nets, data)
