"""How a path goes on, as an emitted file says it alone: the words and sentences of `run`, on games whose fate is known."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from gamespec.run.execute import Request, execute
from gamespec.run.load import load_file
from tests.emit.build import compiled

TRUTHS = Path(__file__).parents[1] / "truth"

DRIFT = """language 1
game drift
var x: R init 0.0
solve min{x} [ exp(-x) ]
schedule { method: descent(lr = 0.1) }
run { steps = 500  tol = 1e-8  seed = 0 }
"""


def told(text, schedule, tmp_path, capsys):
    """What `run` says of a game, and what the file that it ran prints alone: status, sentence."""
    checked, made = compiled(text, schedule)
    result = execute(checked, made, Request(out=tmp_path))
    capsys.readouterr()
    load_file(result.path / "program.py").main()
    printed = capsys.readouterr().out.splitlines()
    path = next((line.removeprefix("path ").removeprefix("path") for line in printed if line.startswith("path")), "")
    return (str(result.status), result.note), (printed[-1].removeprefix("status "), path)


@pytest.mark.parametrize(
    ("name", "schedule", "status", "radius", "period"),
    [
        # Truths: the cycle of descent-ascent has radius sqrt(4/3 (1 + lr/eps)), of extragradient sqrt(4/3 (1 - lr/eps)).
        ("almost_bilinear", None, "cycling", math.sqrt(4 / 3 * 0.9), 2 * math.pi / 0.01),
        ("almost_bilinear", "sim", "cycling", math.sqrt(4 / 3 * 1.1), 2 * math.pi / 0.01),
        # A rotation by the angle whose cosine is 1 - lr^2 / 2.
        ("bilinear", "alt", "cycling", None, 2 * math.pi / math.acos(1 - 0.1**2 / 2)),
        ("bilinear_adam", "adam", "cycling", None, None),
        ("bilinear", "sim", "diverging", None, None),
        ("bilinear_momentum", None, "converged", None, None),
        ("bilinear_momentum", "positive", "diverging", None, None),
    ],
)
def test_the_file_alone_says_how_the_path_ends(name, schedule, status, radius, period, tmp_path, capsys):
    """Both say the same, and it is what is known: word, radius and period."""
    run, alone = told((TRUTHS / f"{name}.game").read_text(), schedule, tmp_path, capsys)

    assert run == alone
    assert run[0] == status
    if radius is not None:
        assert float(re.search(r"distance of about ([\d.]+)", run[1])[1]) == pytest.approx(radius, rel=0.02)
    if period is not None:
        assert float(re.search(r"once in ([\d.]+) steps", run[1])[1]) == pytest.approx(period, rel=0.01)


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (DRIFT.replace("exp(-x)", "-x"), "drifting", "drifts"),
        (DRIFT.replace("lr = 0.1", "lr = 1e-13"), "stalled", "stands still at (0)"),
        (DRIFT.replace("exp(-x)", "abs(x - 0.03)"), "cycling", "once in 2 steps"),
        (DRIFT.replace("exp(-x)", "(x - 1)^2").replace("0.1", "0.01"), "finished", "more steps reach the tolerance"),
    ],
    ids=["drift", "stalled", "jumping", "soon"],
)
def test_the_file_alone_names_other_ends(text, status, said, tmp_path, capsys):
    """A way without an end, a standstill away from the answer, jumps over a kink, and an answer that is near."""
    run, alone = told(text, None, tmp_path, capsys)

    assert run == alone
    assert run[0] == status
    assert said in run[1]
