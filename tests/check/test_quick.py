"""`gamec check` is quick: it loads nothing that computes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gamespec import pipeline, shipped
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from tests.work import calls

FOLDER = shipped.folder()
GAMES = shipped.games(FOLDER) if FOLDER else []
HEAVY = ("torch", "sympy", "numpy", "scipy", "sklearn", "lark", "rich", "safetensors")
LATER = ("gamespec.classify", "gamespec.emit", "gamespec.run")

PROGRAM = f"""
import sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise SystemExit(f"{{name}} is imported")

sys.meta_path.insert(0, Guard())
from gamespec import cli
code = cli.main(["check", *sys.argv[1:]])
loaded = [name for name in sys.modules if name.startswith({LATER!r})]
raise SystemExit(f"loaded: {{loaded}}" if loaded else code)
"""


@pytest.mark.parametrize("arguments", [[str(path) for path in GAMES]], ids=["shipped games"])
def test_checking_imports_nothing_that_computes(arguments):
    """Neither torch nor sympy nor numpy nor scikit-learn, nor the stages after `check`."""
    here = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, env=here, timeout=60, check=False)

    assert len(arguments) >= 10
    assert done.stderr.count("fine") == len(arguments), done.stderr
    assert done.returncode == 0, done.stderr


def test_a_word_is_imported_alone():
    """A game that uses one network loads the files of no other."""
    program = (
        "import sys; from gamespec import pipeline; from gamespec.syntax.read import read; "
        "pipeline.check(read(sys.argv[1])); print(*sorted(n for n in sys.modules if n.startswith('gamespec.library.networks.')))"
    )
    path = next(p for p in GAMES if p.stem == "pgd_digits")
    here = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=here, timeout=60, check=True)

    assert "gamespec.library.networks.small_cnn" in done.stdout
    assert "gamespec.library.networks.mlp" not in done.stdout


def long_game(lines: int, uses: int = 1) -> Source:
    """A game of this many lines: parameters, names, definitions, metrics and comments in turn, each used by the next."""
    groups = "\n".join(
        f"param p{i} in [0, 10] = {i % 7}\nlet l{i} = p{i} + 1\ndef f{i}(x) = x^2 + l{i}\n"
        f"metric m{i} = {' + '.join([f'f{i}(u)'] * uses)}\n# the next one"
        for i in range(lines // 5)
    )
    return Source("long.game", f"language 1\nvar u in [-1, 1]\n{groups}\nsolve min{{u}} [ u^2 ]\n")


def test_the_work_of_a_check_is_linear_in_the_lines():
    """Eight times the lines are at most eight and a half times the calls."""
    pipeline.check(long_game(50))  # loads what is loaded once
    short, long = (calls(lambda n=n: pipeline.check(long_game(n))) for n in (500, 4000))
    assert long <= 8.5 * short


def test_a_game_that_is_too_large_is_said_to_be_so_once():
    """Not again for every statement behind the limit."""
    with pytest.raises(GameError) as caught:
        pipeline.check(long_game(5_000, uses=20))
    assert [d.code for d in caught.value.diagnostics] == ["GE211"]
