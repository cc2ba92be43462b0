"""The certificate of a saved run made again: the same as at its end, longer where asked, refused where the run is not whole."""

from __future__ import annotations

import json

import pytest
import torch

import gamespec as gs
from gamespec import cli
from tests.emit.build import program

BEAM = """language 1
game beam
var u in [-0.5, 0.5] init 0.3
var v in [-0.5, 0.5]
solve min{u} max{v} [ -u^2 + v^2 + 2*u*v ]
schedule { method: k_beam(K = 8)  u: descent(lr = 0.1, decay = sqrt)  v: ascent(lr = 0.1, decay = sqrt) }
run { steps = 2000  seed = 0  precision = float64 }
"""
GIVEN = """language 1
game given
net h: R[2] -> R[1] = given
data rows: (a: R[2]) = given
solve min{h} E{a ~ rows}[ norm(h(a))^2 ]
run { steps = 3  batch = 2 }
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved run of a method that keeps several answers."""
    return gs.from_text(BEAM).solve(out=tmp_path_factory.mktemp("runs"))


def test_a_certificate_made_again_is_the_same(saved):
    """With the same budget every number comes back, also those that need all copies of a player."""
    again = gs.load_run(saved.path).certify()

    assert again.checks == saved.checks
    assert again.certificates == saved.certificates


def test_a_larger_budget_is_written_down(saved, capsys):
    """`gamec certify` prints as `run` does and leaves certificate.json beside the result, which stays whole."""
    code = cli.main(["certify", str(saved.path), "--budget", "3"])
    said = capsys.readouterr().out
    written = json.loads((saved.path / "certificate.json").read_text())

    assert code == 0
    assert [line for line in said.splitlines() if line.startswith(("certificate", "finished"))] == ["certificate", "finished: all steps were made."]
    assert written["budget"] == 3
    assert {c["name"] for c in written["checks"]} == {c["name"] for c in saved.checks}
    assert gs.load_run(saved.path).checks == saved.checks
    assert not list(saved.path.glob("*.tmp"))


def test_a_point_that_is_no_solution_exits_3(tmp_path, capsys):
    """A leader that stands still at the wrong place is proved to lose."""
    text = BEAM.replace("u: descent(lr = 0.1,", "u: descent(lr = 1e-9,")
    run = gs.from_text(text).solve(out=tmp_path)

    assert cli.main(["certify", str(run.path)]) == 3
    assert "regret of the leader, proved  0.21" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("u.safetensors", b"", "GE608"),
        ("u.safetensors", None, "GE608"),
        ("program.py", b"raise SystemExit", "GE608"),
        ("manifest.json", b"{", "GE608"),
    ],
)
def test_a_run_that_is_not_whole_is_refused(tmp_path, capsys, file, content, code):
    """A changed or missing file is named, and nothing of the run is executed."""
    run = gs.from_text(BEAM).solve(out=tmp_path, steps=2)
    if content is None:
        (run.path / file).unlink()
    else:
        (run.path / file).write_bytes(content)

    assert cli.main(["certify", str(run.path)]) == 4
    said = capsys.readouterr().err
    assert code in said
    assert file in said


def test_no_run_is_refused(tmp_path, capsys):
    """There is nothing there."""
    assert cli.main(["certify", str(tmp_path / "none")]) == 4
    assert "GE603" in capsys.readouterr().err


def test_what_was_given_must_be_given_again(tmp_path):
    """A network and data that came from Python."""
    brought: dict[str, dict[str, object]] = {"nets": {"h": torch.nn.Linear(2, 1)}, "data": {"rows": torch.ones(4, 2)}}
    run = gs.from_text(GIVEN).solve(out=tmp_path, **brought)

    with pytest.raises(gs.CheckError, match="GE604"):
        gs.load_run(run.path).certify()
    again = gs.load_run(run.path).certify(nets={"h": torch.nn.Linear(2, 1)}, data=brought["data"])

    assert again.checks == run.checks


def test_a_network_that_cannot_be_differentiated_twice_is_certified_without(tmp_path):
    """The entry says so instead of ending the run."""

    class Once(torch.autograd.Function):
        """The identity, whose derivative has none."""

        @staticmethod
        def forward(ctx, x):
            """Give the same numbers."""
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            """Give the same slopes, as fused kernels do: once."""
            if torch.is_grad_enabled():
                raise RuntimeError("the second derivative is not implemented")
            return g

    class Net(torch.nn.Linear):
        """A layer with that behind it."""

        def forward(self, x):
            """Apply both."""
            return Once.apply(super().forward(x))

    run = gs.from_text(GIVEN).solve(nets={"h": Net(2, 1)}, data={"rows": torch.ones(4, 2)})
    entry = next(c for c in run.checks if c["name"] == "h: least curvature")

    assert entry["value"] != entry["value"]
    assert entry["note"].startswith("no second derivatives")


def test_networks_keep_their_weights_while_they_are_certified():
    """The search of a network moves it and puts it back."""
    module = program("""language 1
game moves
net h: R[2] -> R[1] = mlp(4)
dist p: R[2] = Normal(0, 1)
solve min{h} E{x ~ p}[ norm(h(x) - 1)^2 ]
run { steps = 2 }
""")
    s, _ = module.train()
    before = [w.clone() for w in s.h.parameters()]
    found = {e["name"]: e["value"] for e in module.certify(s)}

    assert all(torch.equal(a, b) for a, b in zip(before, s.h.parameters(), strict=True))
    assert found["h: gain alone"] > 0
