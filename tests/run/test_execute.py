"""Whole runs of small programs: status, certificate, history, files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from gamespec.emit.program import Program
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Span
from gamespec.run.execute import Request, execute
from gamespec.run.result import Status, load_run
from gamespec.run.summary import as_json, summary

from .programs import OBJECTIVE, Checked, Compiled, game, network, rotation


def go(program, tmp_path=None, **options):
    """Run a program."""
    request = Request(out=tmp_path, **options)
    return execute(Checked(), Compiled(program), request)


@pytest.mark.parametrize(
    ("move", "steps", "tol", "status", "code"),
    [
        ("alternating", 200, 1e-6, "cycling", 3),
        ("alternating", 200, None, "cycling", 3),
        ("extragradient", 2000, 1e-6, "converged", 0),
        ("simultaneous", 4000, 1e-6, "diverging", 5),
        ("simultaneous", 200, 1e-6, "diverging", 5),
        ("extragradient", 20, 1e-6, "finished", 3),
    ],
)
def test_the_status_of_a_bilinear_game(move, steps, tol, status, code):
    """Who circles, who arrives, who runs away, and with which exit code."""
    result = go(rotation(move, steps=steps, tol=tol, expected=status))

    assert (str(result.status), result.exit_code) == (status, code)
    assert result.expectations == ((f"status == {status}", True),)


def test_a_cycle_names_the_point_it_did_not_reach():
    """The sentence of a run that circles."""
    result = go(rotation())

    assert "the stationary point (0, 0)" in result.note
    assert result.note.endswith("was not reached")


def test_watching_a_path_does_not_move_the_answer():
    """The players are those of the last step, not of the look ahead."""
    result = go(rotation())
    u, v = 1.0, 1.0
    for _ in range(200):
        u = u - 0.1 * v
        v = v + 0.1 * u

    assert (float(result.players["u"]), float(result.players["v"])) == (u, v)


def test_nan_is_told_at_its_line_and_the_exit_code_is_five():
    """The logarithm of a negative number is found again and pointed at."""
    result = go(rotation("logarithm", tol=None, expected="nan"))
    (found,) = result.diagnostics

    assert (result.status, result.exit_code) == (Status.NAN, 5)
    assert (found.code, found.primary.span) == ("GE702", OBJECTIVE)


def test_a_shape_error_is_told_at_its_line():
    """An exception of a step becomes a diagnostic."""
    with pytest.raises(GameError) as caught:
        go(rotation("shapes"))

    assert [(d.code, d.primary.span) for d in caught.value.diagnostics] == [("GE701", OBJECTIVE)]


def test_a_program_that_cannot_be_imported_is_told(tmp_path):
    """A missing package is no traceback."""
    from gamespec.emit.program import Program

    with pytest.raises(GameError) as caught:
        go(Program("import a_package_that_is_not_there\n"), tmp_path)

    assert caught.value.diagnostics[0].code == "GE605"


def test_an_interrupted_run_keeps_what_it_has(tmp_path):
    """Ctrl-C is an end like others, with exit code 130."""
    result = go(rotation("interrupt"), tmp_path)

    assert (result.status, result.exit_code) == (Status.INTERRUPTED, 130)
    assert json.loads((result.path / "manifest.json").read_text())["status"] == "interrupted"


def test_an_interrupt_after_a_report_keeps_the_players(tmp_path):
    """The state of the last report is saved."""

    def stop(report):
        raise KeyboardInterrupt

    result = execute(Checked(), Compiled(network()), Request(out=tmp_path), on_step=stop)

    assert result.status is Status.INTERRUPTED
    assert (result.path / "h.safetensors").exists()


def test_an_error_of_the_listener_is_the_listeners():
    """What `on_step` raises comes out unchanged."""

    def wrong(report):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        execute(Checked(), Compiled(network()), on_step=wrong)


def test_the_run_directory_is_complete(tmp_path):
    """Everything needed to read a run, and to make it again."""
    result = go(network(), tmp_path, seed=3, overrides=(("eps", "1/2"),))
    manifest = json.loads((result.path / "manifest.json").read_text())

    names = (
        "checkpoint.20.0.safetensors checkpoint.json h.safetensors ir.json manifest.json metrics.jsonl places.json plan.txt "
        "program.py report.txt result.json sources.json spec.game"
    )
    assert sorted(p.name for p in result.path.iterdir()) == names.split()
    assert (manifest["seed"], manifest["overrides"], manifest["status"]) == (3, {"eps": "1/2"}, "finished")
    assert manifest["versions"]["torch"] == torch.__version__
    assert (result.path / "program.py").read_text() == network().text


def test_history_has_one_row_for_each_report(tmp_path):
    """Every fifth of twenty steps, in memory and on disk."""
    seen = []
    result = execute(Checked(), Compiled(network()), Request(out=tmp_path), on_step=seen.append)

    assert [row["step"] for row in result.history] == [5, 10, 15, 20]
    assert [r.step for r in seen] == [5, 10, 15, 20]
    assert load_run(result.path).history == result.history


def test_a_saved_run_is_read_back(tmp_path):
    """Metrics, status, and a network that answers as before."""
    result = go(network(), tmp_path)
    back = load_run(result.path)
    a = torch.rand(4, 3, generator=torch.Generator().manual_seed(1))

    assert (back.status, back.metrics, back.expectations) == (result.status, result.metrics, result.expectations)
    assert torch.equal(back.players["h"](a), result.players["h"](a))
    assert back.players.numbers("h").keys() == {"weight", "bias"}


def test_variables_are_read_back_without_running_anything(tmp_path, monkeypatch):
    """A saved tensor needs no program."""
    result = go(rotation(), tmp_path)
    monkeypatch.setattr("gamespec.run.load.load_file", None)

    assert torch.equal(load_run(result.path).players["u"], result.players["u"])


def test_an_unsaved_run_is_saved_afterwards(tmp_path):
    """`save` writes the same directory, and never over another."""
    result = go(network())
    path = result.save(tmp_path / "deep" / "kept")

    assert result.path is None
    assert load_run(path).metrics == result.metrics
    with pytest.raises(FileExistsError):
        result.save(path)


def test_given_networks_and_data_are_used():
    """The user's module is trained on the user's rows."""
    module = torch.nn.Linear(3, 1)
    data = {"train": (torch.rand(8, 3), torch.zeros(8, dtype=torch.long))}
    result = go(network(), nets={"h": module}, data=data)

    assert result.players["h"] is module


def test_the_numbers_are_those_of_the_program_alone(tmp_path):
    """Running the saved file in a bare interpreter gives the same bits."""
    result = go(network(), tmp_path, seed=2)
    code = "import runpy, sys; m = runpy.run_path(sys.argv[1]); s, _ = m['train'](2, 'cpu');print(repr(m['measure'](s)['error']))"
    out = subprocess.run(
        [sys.executable, "-I", "-c", code, str(result.path / "program.py")],
        capture_output=True, text=True, check=True, env=dict(os.environ),
    )  # fmt: skip

    assert out.stdout.strip() == repr(result.metrics["error"])


def test_the_summary_says_everything(tmp_path):
    """Metrics, certificate, status with advice, expectations, the path and how to load it."""
    result = go(rotation(), tmp_path)
    said = summary(result)

    assert [w for w in ("metrics", "NOT certified", "cycling:", "Try:", "expect", "saved:", "load_run(") if w not in said] == []
    assert as_json(result)["exit"] == 3


def test_a_game_with_a_wild_name_stays_in_its_folder(tmp_path):
    """Names are made harmless."""
    result = execute(Checked(game("../../x y")), Compiled(network()), Request(out=tmp_path))

    assert result.path.parent == tmp_path


ROOT = """\
import torch

NAME, SCHEDULE, SEED, STEPS, EVERY, TOL, KIND = "root", "default", 0, 3, 1, None, "network"


class State:
    def __init__(self):
        self.k, self.x = 0, torch.zeros((), requires_grad=True)


def start(seed=SEED, device="cpu", nets=None, data=None):
    return State()


def step(s, batch=None):
    loss = torch.sqrt(s.x**2)
    (grad,) = torch.autograd.grad(loss, s.x)
    s.x = (s.x - grad).detach().requires_grad_()
    return {"x": loss.detach()}


def players(s):
    return {"x": s.x.detach()}


def measure(s):
    return {}


def certify(s):
    return []


def expectations(s, values, status):
    return []


def train(seed=SEED, device="cpu", nets=None, data=None, steps=STEPS, on_step=None, play=step, state=None, watch=None):
    return state, "nan"
"""


def test_nan_of_a_derivative_is_told_at_the_formula_it_belongs_to():
    """The derivative of a root at zero: the mark is under the root, not under the call of autograd."""
    line = next(i for i, row in enumerate(ROOT.splitlines(), 1) if "sqrt" in row)
    result = go(Program(ROOT, ((line, OBJECTIVE), (line + 1, Span("toy.game", 0, 1)))))

    assert [d.primary.span for d in result.diagnostics] == [OBJECTIVE]


def test_masks_of_infinity_are_not_blamed(tmp_path):
    """Infinity that is meant, as in a masked maximum, is not the NaN that is looked for."""
    masked = "mask = torch.full((2,), 1.0).masked_fill(torch.tensor([True, False]), -float('inf'))"
    text = rotation("logarithm", tol=None, expected="nan").text.replace(
        "def step(s, batch=None):\n", f"def step(s, batch=None):\n    {masked}; s.w = mask.max()\n"
    )
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "log(" in row)
    result = go(Program(text, ((line, OBJECTIVE),)))

    assert [d.primary.span for d in result.diagnostics] == [OBJECTIVE]


def test_a_real_interrupt_saves_the_run(tmp_path):
    """SIGINT in the middle of a long run: exit code 130, and weights on disk."""
    code = (
        "import signal, sys; from pathlib import Path; from tests.run.programs import *\n"
        "from gamespec.run.execute import Request, execute\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "say = lambda report: report.step == 100 and print('running', flush=True)\n"
        "request = Request(steps=10**9, out=Path(sys.argv[1]), compile='off')\n"
        "sys.exit(execute(Checked(), Compiled(network()), request, on_step=say).exit_code)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()

    assert process.returncode == 130
    assert len(list(tmp_path.glob("*/h.safetensors"))) == 1
