"""Code from outside: imported when a game runs, only where the module is allowed, and nothing else of it."""

from __future__ import annotations

import signal
import sys

import pytest
import torch

import gamespec as gs
from gamespec import pipeline
from gamespec.cli import main
from gamespec.run.execute import Request, execute
from gamespec.run.resume import resume
from gamespec.syntax.read import read

GAME = """language 1
game outside
data tr: (x: R[3], y: class[2]) = py("beside_game:Table", rows = 20)
net h: R[3] -> logits[2] = py("beside_game:Small", width = 4)
solve min{h} [ E{(x, y) ~ tr}[ ce(h(x), y) ] ]
schedule { h: sgd(lr = 0.1) }
run { steps = 3  batch = 5 }
"""
MODULE = """
from os import system
import torch
from torch import nn

class Small(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))

class Table:
    def __init__(self, rows):
        self.x, self.y = torch.rand(rows, 3), torch.arange(rows) % 2
    def __len__(self):
        return len(self.x)
    def __getitem__(self, k):
        return self.x[k], self.y[k]

def broken(width):
    raise RuntimeError("no weights here")

def two_sides(n, noise, apart):
    sides = 2.0 * noise.whole((n, 1), 2) - 1
    return torch.cat([sides * apart + 0.1 * noise.normal((n, 1)), noise.uniform((n, 1))], dim=1)

def wide(n, noise):
    return noise.normal((n, 3))

def wild(n, noise):
    return torch.rand(n, 2)

def maker(modes):
    def draw(n, noise):
        return modes * noise.normal((n, 2))
    return draw

inner = maker(3)

_private = Small
number = 3
"""


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder with a game and a module of its own, in which one stands."""
    (tmp_path / "beside_game.py").write_text(MODULE)
    (tmp_path / "a.game").write_text(GAME)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("beside_game", None)


def refused(text="", **options):
    """The diagnostic of a run that ends before it begins."""
    with pytest.raises(gs.CheckError) as caught:
        gs.from_text(text or GAME, "a.game").solve(**options)
    return caught.value.diagnostics[0]


def test_a_module_is_imported_only_where_it_is_allowed(beside):
    """Checking, explaining and emitting import nothing; running refuses, and names what to type."""
    game = gs.load("a.game")
    game.explain()
    game.emit()
    found = refused()

    assert (found.code, "beside_game" in sys.modules) == ("GE612", False)
    assert "--allow-import beside_game" in found.hint
    assert found.primary.span.start == GAME.index("h: R[3]")


def test_an_allowed_module_plays(beside):
    """Network and table are made with the options of the game, the same for the same seed, and torch's state is put back."""
    before = torch.get_rng_state()
    first, second, third = (gs.load("a.game").solve(allow=["beside_game"], seed=seed) for seed in (1, 1, 2))
    weights = [next(r.players["h"].parameters()).tolist() for r in (first, second, third)]

    assert first.history[-1]["losses"]["h"] == second.history[-1]["losses"]["h"]
    assert weights[0] == weights[1] != weights[2]
    assert torch.equal(before, torch.get_rng_state())
    assert str(beside) not in sys.path


def test_the_command_and_the_project_allow(beside, capsys):
    """`--allow-import`, or `allow-import` under [tool.gamec]; exit code 4 without."""
    assert main(["run", "a.game", "--quiet", "--output", "short"]) == 4
    assert main(["run", "a.game", "--quiet", "--output", "short", "--allow-import", "beside_game"]) == 0
    (beside / "pyproject.toml").write_text("[tool.gamec]\nallow-import = ['beside_game']\n")
    assert main(["run", "a.game", "--quiet", "--output", "short"]) == 0
    (beside / "pyproject.toml").write_text("[tool.gamec\n")
    assert main(["run", "a.game", "--quiet", "--output", "short"]) == 4
    capsys.readouterr()


@pytest.mark.parametrize(("words", "refused", "good"), [
    (["compare"], 3, 0), (["test"], 3, 0), (["sweep", "--output", "json"], 3, 0),
])  # fmt: skip
def test_every_command_that_runs_games_may_be_allowed(beside, words, refused, good, capsys):
    """Not only `run`: without the option each says which module was not imported."""
    assert main([words[0], "a.game", *words[1:]]) == refused
    assert "beside_game" in capsys.readouterr().out
    assert main([words[0], "a.game", *words[1:], "--allow-import", "beside_game"]) == good


def test_a_run_goes_on_with_code_from_outside(beside, capsys):
    """What `py` made is made again from the same seed, where it is allowed again: to the same bits, and so is the certificate."""
    (beside / "a.game").write_text(GAME.replace("steps = 3", "steps = 6  every = 1  seed = 5"))
    whole = gs.load("a.game").solve(allow=["beside_game"])

    def stop(report):
        if report.step == 2:
            raise KeyboardInterrupt

    checked = pipeline.check(read("a.game"))
    part = execute(checked, pipeline.compile(checked), Request(out=beside / "runs", allow=("beside_game",), every=1), on_step=stop)
    path = str(part.path)
    said = main(["run", "--resume", path, "--quiet"])
    went = main(["run", "--resume", path, "--quiet", "--allow-import", "beside_game"])
    on = gs.load_run(path)

    assert (said, went, "GE612" in capsys.readouterr().err) == (4, 0, True)
    assert [row["losses"] for row in on.history] == [row["losses"] for row in whole.history]
    assert main(["certify", path]) == 4
    assert main(["certify", path, "--allow-import", "beside_game"]) == 0


@pytest.mark.parametrize(("name", "code", "said"), [
    ("system", "GE612", "comes from `posix`"), ("number", "GE601", "no class or function"), ("Smal", "GE601", "no class or function"),
    ("broken", "GE601", "cannot be made"),
])  # fmt: skip
def test_only_what_an_allowed_module_defines_is_taken(beside, name, code, said):
    """Not what it imports from elsewhere, no number, nothing that is not there, nothing that fails."""
    found = refused(GAME.replace(":Small", f":{name}"), allow=["beside_game"])

    assert found.code == code
    assert said in found.message
    if name == "Smal":
        assert 'py("beside_game:Small")' in found.hint


@pytest.mark.parametrize("place", ["../beside:Small", "beside_game:_private", "beside_game:Small.x", ".beside_game:Small", "/x:Small", "a b:C"])
def test_a_place_is_a_module_and_a_public_name(beside, place):
    """No path, nothing private, nothing behind a dot: said by `check`."""
    with pytest.raises(gs.CheckError) as caught:
        gs.from_text(GAME.replace("beside_game:Small", place), "a.game")

    assert caught.value.diagnostics[0].code == "GE601"


def test_what_cannot_be_imported_is_said(beside):
    """A module that is not there, and one that fails; an allowed package allows what is in it."""
    (beside / "beside_fails.py").write_text("1 / 0")

    assert refused(GAME.replace("beside_game:Small", "beside_none:Small"), allow=["beside_none"]).code == "GE605"
    found = refused(GAME.replace("beside_game:Small", "beside_fails:Small"), allow=["beside_fails"])
    assert (found.code, "ZeroDivisionError" in found.notes[0]) == ("GE601", True)
    assert refused(GAME.replace("beside_game:Small", "beside_none.part:Small"), allow=["beside_none"]).code == "GE605"
    assert refused(GAME.replace("beside_game:Small", "beside_nonesuch:Small"), allow=["beside_none"]).code == "GE612"


def test_a_network_from_outside_may_be_replaced(beside):
    """What is given from Python needs nothing to be imported."""
    table = (torch.zeros(8, 3), torch.zeros(8, dtype=torch.int64))
    result = gs.load("a.game").solve(nets={"h": torch.nn.Linear(3, 2)}, data={"tr": table})

    assert str(result.status) == "finished"
    assert "beside_game" not in sys.modules


DRAWN = """language 1
game drawn
dist z: R[2] = py("beside_game:NAME"OPTIONS)
var u: R[2] init 0
solve min{u} E{x ~ z}[ norm(u - x)^2 ]
metric spread = E{x ~ z}[ abs(x[0]) ]
schedule { u: sgd(lr = 0.1) }
run { batch = 64  steps = 30  every = 10 }
"""


def drawn(name, options=""):
    """A game that draws from a function of the module."""
    return DRAWN.replace("NAME", name).replace("OPTIONS", options)


def test_a_distribution_from_outside_is_drawn_from(beside, tmp_path):
    """By a function of noise: the metric is its mean, and a run that was stopped goes on to the same bits."""
    (beside / "z.game").write_text(drawn("two_sides", ", apart = 3"))
    checked = pipeline.check(read("z.game"))
    made, request = pipeline.compile(checked), {"allow": ("beside_game",)}
    whole = execute(checked, made, Request(**request, out=tmp_path / "whole"))

    def stop(report):
        if report.step == 10:
            signal.raise_signal(signal.SIGINT)

    part = execute(checked, made, Request(**request, out=tmp_path / "part"), on_step=stop)
    on = resume(part.path, allow=("beside_game",))

    assert whole.metrics["spread"] == pytest.approx(3, abs=0.05)
    assert [row["losses"] for row in on.history] == [row["losses"] for row in whole.history]
    assert torch.equal(on.players["u"], whole.players["u"])


@pytest.mark.parametrize(("name", "code", "said"), [
    ("wide", "GE602", "is not R[2]"), ("wild", "GE602", "something else than its noise"), ("inner", "GE601", "a plain function"),
    ("Small", "GE601", "a plain function"), ("broken", "GE601", "cannot be drawn"),
])  # fmt: skip
def test_what_draws_no_such_samples_is_refused(beside, name, code, said):
    """Another shape, randomness of its own, a memory, no function, and one that fails."""
    found = refused(drawn(name), allow=["beside_game"])

    assert found.code == code
    assert said in f"{found.message} {found.primary.text}"
