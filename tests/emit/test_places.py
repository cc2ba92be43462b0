"""What cannot be played, or written as a program, is underlined where it was asked for."""

from __future__ import annotations

import pytest

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source

LEADERS = """language 1
var a: R
var b: R
var w: R
solve nash { first: min{a}[ a*w ] second: min{b}[ b*w ] s.t. w = argmin{w}[ (w - a - b)^2 ] }ORDER
schedule { w: sgd(lr = 0.1, steps = 3)WAY }
"""
WARM = """language 1
data t: (x: R[2], y: class[2]) = SOURCE
dist z: R[2] = Normal(0, 1)
var u: R[2]
solve min{u} DRAW max{d: R[2] in L2(0.1)} [ norm(x + d - u)^2 ]
schedule { d: pgd(steps = 1, start = warm) }
schedule longer extends default { u: sgd(lr = 0.1) }
"""
POINTS = """language 1
var p: Dist(R) in [-1, 1]
var q: R in [-1, 1]
solve min{p} max{q} E{x ~ p} [ (x - q)^2 ]
schedule { p: particles(64) }
"""


@pytest.mark.parametrize(
    ("text", "schedule", "code", "underlined"),
    [
        (LEADERS.replace("ORDER", " order simultaneous").replace("WAY", ""), None, "GE505", "order simultaneous"),
        (LEADERS.replace("ORDER", "").replace("WAY", ", through(penalty(gamma = 3))"), None, "GE292", "through(penalty(gamma = 3))"),
        (WARM.replace("SOURCE", "moons(n = 8)").replace("DRAW", "E{x ~ z}"), None, "GE292", "start = warm"),
        (WARM.replace("SOURCE", "moons(n = 8)").replace("DRAW", "E{(x, y) ~ t, n ~ z}").replace("x + d", "x + n + d"), None, "GE292", "start = warm"),
        (WARM.replace("SOURCE", "moons(n = 8)").replace("DRAW", "E{x ~ z}"), "longer", "GE292", "start = warm"),
        (POINTS, None, "GE292", "64"),
    ],
)
def test_what_is_refused_is_underlined(text, schedule, code, underlined):
    """In the schedule, in one that it extends, or behind the players."""
    with pytest.raises(GameError) as caught:
        pipeline.compile(pipeline.check(Source("a.game", text)), schedule)

    (found,) = caught.value.diagnostics
    assert found.code == code
    assert text[found.primary.span.start : found.primary.span.end] == underlined
    assert found.hint
