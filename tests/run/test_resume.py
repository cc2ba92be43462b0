"""Runs that are stopped, killed or damaged."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys

import pytest
import torch

import gamespec as gs
from gamespec import cli, pipeline
from gamespec.report.diagnostic import GameError, InternalError
from gamespec.report.source import Source
from gamespec.run import kept, snapshot, store
from gamespec.run.execute import Request, execute, prepare, started
from gamespec.run.lane import Lane
from gamespec.run.load import load_file
from gamespec.run.manifest import manifest
from gamespec.run.probes import Probes
from gamespec.run.recorder import Recorder
from gamespec.run.result import Status
from gamespec.run.resume import resume
from gamespec.run.saver import Saver
from gamespec.syntax.read import read
from gamespec.view.opened import open_run
from tests.work import calls

SMALL = """language 1
game small
data train: (a: R[2], b: class[2]) = moons(n = 60)
dist noise: R[2] = Normal(0, 1)
net h: R[2] -> logits[2] = mlp(8)
var w in [-1, 1] init 0.5
solve min{h} max{w} E{(a, b) ~ train, z ~ noise} max{d in Linf(0.1)} [ ce(h(a + d + 0.01 * w * z), b) - w^2 ]
metric clean = E{(a, b) ~ train}[ correct(h(a), b) ]
schedule { h: adam(lr = 0.02, decay = cosine)  w: sgd(lr = 0.01, momentum = 0.5)  d: pgd(steps = 2, lr = 0.05) }
run { batch = 16  steps = 30  every = 4  seed = 3 }
"""


def made(tmp_path, text=SMALL, on_step=None, **request):
    """A run of a text; gives its result."""
    checked = pipeline.check(Source("small.game", text))
    return execute(checked, pipeline.compile(checked), Request(out=tmp_path, **request), on_step=on_step)


def numbers(result):
    """Every number of a result that is no time."""
    rows = [(row["step"], row["losses"]) for row in result.history]
    return rows, result.metrics, result.checks


def same_players(one, other):
    """Whether all players have the same bits."""
    return all(store.packed(store.numbers(one.players[k])) == store.packed(store.numbers(other.players[k])) for k in one.players)


def mortal(tmp_path, spec, steps, every, moments, seed):
    """Ends of runs at random moments; the words that were printed."""
    command = [sys.executable, "-m", "tests.run.mortal", spec, *map(str, (steps, every, moments, seed)), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="children are forked")
def test_a_run_that_ends_in_the_middle_goes_on_to_the_same_bits(tmp_path):
    """Killed, asked to stop, interrupted, and with a full disk, each at a moment drawn at random."""
    spec = tmp_path / "small.game"
    spec.write_text(SMALL)
    done = mortal(tmp_path, str(spec), 12, 5, 4, 0)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("4 of 4 the same\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="children are forked")
@pytest.mark.parametrize(
    ("spec", "steps", "every"),
    [("specs/robust/plain_digits.game", 40, 7), ("specs/generative/gan_mog.game", 120, 25), ("specs/bilevel/hyper_cleaning.game", 40, 7)],
)
def test_twenty_moments_of_a_shipped_game(tmp_path, spec, steps, every):
    """The same at twenty moments of three games: batches and Adam, two players and noise, a hypergradient."""
    done = mortal(tmp_path, spec, steps, every, 20, 1)

    assert done.stdout.endswith("20 of 20 the same\n"), done.stdout + done.stderr


@pytest.mark.parametrize("phases", ["", "phases: only(h, steps = 7), only(w, d, steps = 6), again "])
def test_a_stopped_run_says_how_to_go_on(tmp_path, phases):
    """Ctrl-C ends it after the present step, with a checkpoint there, and it goes on from that step, in the middle of its phase."""
    text = SMALL.replace("schedule { ", f"schedule {{ {phases}")
    whole = made(tmp_path / "whole", text)

    def stop(report):
        if report.step == 8:
            signal.raise_signal(signal.SIGINT)

    part = made(tmp_path / "part", text, on_step=stop)
    saved = kept.checkpoint(kept.kept(part.path))
    on = resume(part.path)

    assert (part.status, part.exit_code, saved.step) == (Status.INTERRUPTED, 130, 8)
    assert on.status is whole.status
    assert numbers(on) == numbers(whole)
    assert same_players(on, whole)
    assert kept.kept(on.path).manifest["resumed"][0]["step"] == 8


def test_the_first_whole_checkpoint_is_noted_beside_a_torn_one(tmp_path):
    """A run that was killed while it saved leaves a file that nothing speaks of; the next checkpoint is noted all the same."""
    noted = {}

    def torn(report):
        (manifest,) = tmp_path.glob("*/manifest.json")
        noted[report.step] = bool(json.loads(manifest.read_text(encoding="utf-8")).get("checkpointed"))
        if report.step == 4:
            manifest.with_name("checkpoint.3.0.safetensors").write_bytes(b"torn")

    made(tmp_path, on_step=torn, every=8)

    assert noted == {k: k > 8 for k in noted}
    assert {4, 8, 12} <= {*noted}


def test_a_finished_run_does_not_go_on(tmp_path, capsys):
    """There is nothing left to do."""
    result = made(tmp_path)

    assert cli.main(["run", "--resume", str(result.path)]) == 4
    assert "GE611" in capsys.readouterr().err


def test_a_run_goes_on_as_it_began(tmp_path, capsys):
    """What a run is cannot be chosen again."""
    assert cli.main(["run", "--resume", str(tmp_path), "--seed", "1"]) == 2
    assert "drop `--seed`" in capsys.readouterr().err


def test_other_data_are_refused(tmp_path):
    """A run that was given data goes on with the same data only."""
    text = SMALL.replace("moons(n = 60)", "given")
    a, b = torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    checked = pipeline.check(Source("small.game", text))
    compiled = pipeline.compile(checked, None, frozenset(["train"]))

    def stop(report):
        signal.raise_signal(signal.SIGTERM)

    part = execute(checked, compiled, Request(out=tmp_path, data={"train": (a, b)}), on_step=stop)

    with pytest.raises(GameError, match=r"GE604: `train` was given"):
        gs.resume(part.path)
    with pytest.raises(GameError, match=r"GE611: the data in `s.train.0`"):
        gs.resume(part.path, data={"train": (a + 1, b)})
    assert gs.resume(part.path, data={"train": (a, b)}).status is Status.FINISHED


HARMS = ("missing", "cut", "flipped")


def harmed(path, harm, rng, size=None):
    """Damage a file."""
    content = bytearray(path.read_bytes())
    size = len(content) if size is None else size
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[: rng.randrange(size)])
    else:
        content[rng.randrange(size)] ^= 1 << rng.randrange(8)
        path.write_bytes(content)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A finished run, and one that was killed after a checkpoint."""
    folder = tmp_path_factory.mktemp("two")
    done = made(folder / "done").path

    class Killed(BaseException):
        pass

    def kill(report):
        if report.step == 12:
            raise Killed

    with pytest.raises(Killed):
        made(folder / "dead", on_step=kill, every=5)
    return done, next((folder / "dead").iterdir())


@pytest.mark.parametrize("k", range(100))
def test_a_damaged_run_is_refused(k, two_runs, tmp_path):
    """A hundred damaged directories: each is refused, and the file that is wrong is named."""
    rng = random.Random(k)
    unfinished = k % 3 == 2
    copy = tmp_path / "run"
    shutil.copytree(two_runs[unfinished], copy)
    names = sorted(p.name for p in copy.iterdir())
    name, harm = rng.choice(names), rng.choice(HARMS)
    metrics = json.loads((copy / "checkpoint.json").read_text())["metrics"]["bytes"]
    harmed(copy / name, harm, rng, metrics if unfinished and name == "metrics.jsonl" else None)
    actions = [resume] if unfinished else [gs.load_run, open_run, resume]
    codes, texts = set(), []
    for action in actions:
        with pytest.raises(GameError) as caught:
            action(copy)
        codes |= {d.code for d in caught.value.diagnostics}
        texts.append(str(caught.value))

    assert codes == {"GE608"}
    assert [t for t in texts if name not in t] == []


def test_an_undamaged_run_is_opened(two_runs, tmp_path):
    """The same two directories, left as they were."""
    done, dead = two_runs
    shutil.copytree(dead, tmp_path / "dead")

    assert gs.load_run(done).metrics == resume(tmp_path / "dead").metrics
    with pytest.raises(GameError, match="GE609"):
        gs.load_run(dead)


def test_a_replay_without_weights_is_no_fault_of_gamec(two_runs, tmp_path, capsys):
    """It says which file is missing, and exits as for files that cannot be read."""
    copy = tmp_path / "run"
    shutil.copytree(two_runs[0], copy)
    (copy / "h.safetensors").unlink()

    assert cli.main(["replay", str(copy)]) == 4
    assert "h.safetensors is missing" in capsys.readouterr().err


def test_a_given_network_is_asked_for(tmp_path):
    """A saved run whose network came from Python says what to write."""
    text = SMALL.replace("mlp(8)", "given")
    checked = pipeline.check(Source("small.game", text))
    net = torch.nn.Linear(2, 2)
    result = execute(checked, pipeline.compile(checked, None, frozenset(["h"])), Request(out=tmp_path, steps=2, nets={"h": net}))

    with pytest.raises(GameError, match="GE604: `h` was given") as caught:
        gs.load_run(result.path).players["h"]
    assert "nets={" in caught.value.diagnostics[0].hint
    back = gs.load_run(result.path, nets={"h": torch.nn.Linear(2, 2)}).players["h"]
    assert torch.equal(back.weight, net.weight)


# ------------------------------------------------------------------ nothing is left out


def program(tmp_path, body):
    """A module whose state is what a text makes of it."""
    path = tmp_path / "program.py"
    classes = "import torch\nfrom torch import nn\n\nclass Own:\n    pass\n\nclass State:\n    pass\n\n"
    text = f"{classes}def start():\n    s = State()\n    s.k = 0\n{body}    return s\n"
    path.write_text(text)
    return load_file(path)


WILD = """\
    s.net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    s.net.register_buffer("hidden", torch.zeros(3), persistent=False)
    s.net.count = 0
    s.tied = [s.net[0].weight, s.net[0].weight]
    s.average = [p.detach().clone() for p in s.net.parameters()]
    s.rng = torch.Generator().manual_seed(0)
    s.again = {"rng": s.rng, 3: (1.5, float("inf"), True, None, "word")}
    s.data = (torch.arange(6.0).reshape(2, 3),)
    s.own = Own()
    s.own.rate, s.own.moment, s.own.inner = 0.1, torch.zeros(2, dtype=torch.bfloat16), Own()
    s.own.inner.table = {"a": [torch.ones(()), torch.empty(0)]}
    s.kind, s.function = torch.float64, torch.sigmoid
"""


def stir(s):
    """Change all of it."""
    s.k = 7
    with torch.no_grad():
        s.net[0].weight.add_(1)
    s.net(torch.randn(4, 2, generator=s.rng))
    s.net.hidden.add_(2)
    s.net.count = 5
    s.net[2].eval()
    s.average = [p + 1 for p in s.average]
    s.own.rate, s.own.moment, s.own.inner.table["a"] = 0.01, s.own.moment + 1, [torch.full((2,), 3.0), torch.arange(4)]
    s.later = torch.ones(2)


def test_everything_in_a_state_is_saved_and_put_back(tmp_path):
    """Networks with their modes and hidden buffers, averages, generators, objects in objects, what came later."""
    module = program(tmp_path, WILD)
    s = module.start()
    begin = snapshot.base(s)
    stir(s)
    taken = snapshot.captured(s, begin)
    fresh = module.start()
    snapshot.restored(fresh, taken)
    again = snapshot.captured(fresh, snapshot.base(fresh))

    assert again.tree == taken.tree
    assert store.packed(again.tensors) == store.packed(taken.tensors)
    assert fresh.tied[0] is fresh.net[0].weight is fresh.tied[1]
    assert fresh.again["rng"] is fresh.rng
    assert (fresh.net[2].training, fresh.net.count, fresh.own.rate) == (False, 5, 0.01)
    assert "data.0" not in taken.tensors


def test_data_that_were_written_to_are_saved(tmp_path):
    """What does not change is only marked, and a write is a change."""
    s = program(tmp_path, WILD).start()
    begin = snapshot.base(s)
    s.data[0].add_(1)

    assert "data.0" in snapshot.captured(s, begin).tensors


@pytest.mark.parametrize(("value", "said"), [("iter([])", "list_iterator"), ("{1, 2}", "set"), ("lambda: s", "function")])
def test_what_cannot_be_saved_is_named(tmp_path, value, said):
    """A checkpoint never forgets in silence."""
    s = program(tmp_path, f"    s.odd = {value}\n").start()

    with pytest.raises(InternalError, match=f"`s.odd` is a {said}"):
        snapshot.captured(s, snapshot.base(s))


def test_a_checkpoint_of_another_program_does_not_fit(tmp_path):
    """Shapes that differ are named."""
    s = program(tmp_path, "    s.net = nn.Linear(2, 2)\n").start()
    taken = snapshot.captured(s, snapshot.base(s))
    other = program(tmp_path, "    s.net = nn.Linear(3, 2)\n").start()

    with pytest.raises(snapshot.Mismatch, match=r"`s.net.weight` was torch.float32 \[2, 2\] and is torch.float32 \[2, 3\]"):
        snapshot.restored(other, taken)


# ------------------------------------------------------------------ what it costs


def test_reports_and_watching_cost_at_most_three_in_a_hundred_calls(tmp_path):
    """Adversarial training on digits as it is by default, with one report in 36 steps: counted in calls, not in seconds."""
    checked = pipeline.check(read("specs/robust/pgd_digits.game"))
    run, linked = prepare(checked, pipeline.compile(checked), Request(out=tmp_path))
    state, start = started(run, linked)
    probes = Probes(checked.game, run.module, start, 720, "nested", checked.spans.get, "pgd_digits.game")
    probes.first(state)
    known = manifest(run, "cpu", 720, start.fingerprints())
    recorder = Recorder(run.module, run.store, (), probes)
    saver = Saver(run.store, recorder, Lane(run.module, "off", 720), start, known, None)
    other, _ = started(run, linked)

    def bare():
        for _ in range(36):
            run.module.step(other)

    watched = calls(lambda: run.module.train(steps=36, on_step=recorder, state=state, watch=saver))
    run.store.close()

    assert state.k == 36
    assert len(recorder.history) == 1
    assert watched <= 1.03 * calls(bare)


@pytest.mark.slow
def test_a_compiled_run_goes_on_compiled(tmp_path):
    """The lane that a run is on is taken again, to the same bits."""
    whole = made(tmp_path / "whole", compile="on")

    def stop(report):
        if report.step == 16:
            signal.raise_signal(signal.SIGTERM)

    part = made(tmp_path / "part", on_step=stop, compile="on")
    on = resume(part.path)

    assert "compiled" in whole.lane
    assert "compiled" in on.lane
    assert numbers(on) == numbers(whole)
    assert same_players(on, whole)
