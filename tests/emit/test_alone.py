"""A first-order point that is no answer is not certified."""

from __future__ import annotations

import pytest

from tests.emit.build import program

HEAD = "language 1\ngame alone\n"


@pytest.mark.parametrize(("text", "gains"), [
    ("var u in [0, 1] init 0.1\nvar v in [0, 1] init 0.1\nsolve min{u} max{v} [ (u - v)^2 ]\nschedule { method: nested(lr = 0.1) }", 0.81),
    ("var u: R\nsolve min{u} [ -u^2 ]", 1.0),
    ("var u in [-1, 1]\nvar v in [-1, 1]\nsolve min{u} [ u^2 + v^2 s.t. v in argmax{v}[ v^2*(1 + u^2) ] ]", 1.0),
    ("var u: R init 1\nvar v: R init 1\nsolve min{u} max{v} [ u*v + u^2 - v^2 ]", 0.0),
])  # fmt: skip
def test_the_last_player_must_not_gain_alone(text, gains):
    """A follower at its worst answer satisfies first-order conditions; a search from elsewhere finds it out."""
    module = program(HEAD + text + "\nrun { steps = 400  tol = 1e-8  seed = 0 }")
    s, status = module.train()
    entry = next(e for e in module.certify(s) if e["name"].endswith("gain alone") and e["tol"])

    assert status == "converged"
    assert entry["value"] == pytest.approx(gains, abs=1e-3)
    assert entry["ok"] == (gains == 0.0)
