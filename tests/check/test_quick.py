"""`gamec check` is quick: it loads nothing that computes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gamespec import shipped

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
