"""Exponential weights as a word of a schedule, for a player on a simplex."""

from __future__ import annotations

import pytest
import torch

from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, played
from tests.reference.test_reference import beside

GAME = """language 1
game weights
var x: R init 1
var q in Simplex(2)
solve min{x} max{q} [ q[0]*(x - 1)^2 + q[1]*((x + 1)^2 + 1/2) ]
schedule { method: METHOD  x: sgd(lr = 0.05)  q: hedge(lr = 0.3, decay = DECAY) }
run { seed = 0 }
"""


def text(method="alternating", decay="constant"):
    """Two losses of which the worst counts: x = -1/8, q = (7/16, 9/16)."""
    return GAME.replace("METHOD", method).replace("DECAY", decay)


@pytest.mark.parametrize("decay", ["constant", "sqrt"])
def test_a_step_multiplies_the_weights(decay):
    """q_i exp(lr loss_i), scaled to sum 1; the second step with decay is shorter by sqrt(2)."""
    q, x = torch.tensor([0.5, 0.5], dtype=torch.float64), 1.0
    for k in (1, 2):
        rate = 0.3 / (k**0.5 if decay == "sqrt" else 1)
        losses = torch.tensor([(x - 1) ** 2, (x + 1) ** 2 + 0.5], dtype=torch.float64)
        q = q * torch.exp(rate * losses)
        q = q / q.sum()
        x -= 0.05 * float(q[0] * 2 * (x - 1) + q[1] * 2 * (x + 1))
        _, s, _ = played(text(decay=decay).replace("var q in Simplex(2)", "var q in Simplex(2) init 1/2"), k)

        assert torch.allclose(s.q, q, rtol=1e-12)
        assert abs(float(s.x) - x) < 1e-12


def test_it_reaches_the_weights_of_the_worst_case():
    """Looking ahead, the last iterate converges to the saddle point."""
    _, s, _ = played(text("extragradient"), 600)

    assert abs(float(s.x) + 1 / 8) < 1e-6
    assert torch.allclose(s.q, torch.tensor([7 / 16, 9 / 16], dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("method", ["alternating", "simultaneous", "extragradient", "nested"])
def test_programs_make_the_steps_of_the_interpreter(method):
    """The same bits, whoever moves first."""
    module, s, oracle = beside(text(method), None)
    for _ in range(5):
        module.step(s)
        oracle.step()

        assert [s.x.tolist(), s.q.tolist()] == [oracle.point["x"].tolist(), oracle.point["q"].tolist()]


def test_only_a_simplex_is_weighed():
    """Said where it is written, with what to write."""
    with pytest.raises(GameError) as caught:
        compiled(text().replace("x: sgd(lr = 0.05)", "x: hedge(lr = 0.1)"))

    assert [d.code for d in caught.value.diagnostics] == ["GE506"]
    assert "in no simplex" in str(caught.value)
