"""From the text of a game to the module that its emitted program is."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.load import load


def compiled(text, schedule=None, given=(), lane="auto"):
    """The checked game and everything between it and its run."""
    checked = pipeline.check(Source("test.game", text))
    return checked, pipeline.compile(checked, schedule, frozenset(given), lane)


def program(text, schedule=None, given=(), lane="auto"):
    """The module of the emitted program."""
    _, made = compiled(text, schedule, given, lane)
    path = Path(tempfile.mkdtemp(prefix="gamespec-test-")) / "program.py"
    return load(made.program, path)


def played(text, steps=2, schedule=None, seed=0, **options):
    """The state after some steps, and the module."""
    module = program(text, schedule, options.get("nets") or ())
    s, losses = module.start(seed, **options), {}
    for _ in range(steps):
        losses = module.step(s)
    return module, s, losses


def bilevel(schedule, how="", more=""):
    """A small quadratic bilevel game with a schedule."""
    return f"""language 1
game bilevel
var u: R[2] init [0.5, -0.3]
var w: R[2] init [0.1, 0.2]
solve min{{u}} [ norm(w - [1, 2])^2 + norm(u)^2 s.t. w = argmin{{w}}[ norm(w - u)^2 + sum(w)*sum(u) + norm(w)^2 {more}] ]
schedule {{ {schedule} {how} }}
run {{ steps = 10  precision = float64 }}
"""
