"""Distributions in balls of finite order: values in closed form, whom the leader plays, what is reported."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from gamespec import pipeline
from gamespec.notation.expand import expanded
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from tests.emit.build import played

HEAD = "language 1\ngame ball\ndata tr: (a: R[3], i: index) = given\nvar b: R init 1\nvar p: Dist(tr) in Wball(tr, EPS, norm = 2, order = ORDER)\n"
ROWS = torch.randn((8, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def ran(text, eps="1/2", order="2", steps=60, schedule=""):
    """The result of a game on eight rows."""
    text = (HEAD + text).replace("EPS", eps).replace("ORDER", order)
    text += f"\nschedule {{ b: sgd(lr = 0.1) {schedule} }}\nrun {{ precision = float64  steps = {steps} }}"
    checked = pipeline.check(Source("ball.game", text))
    result = execute(checked, pipeline.compile(checked), Request(command="test", data={"tr": (ROWS, torch.arange(8))}))
    return checked, result


def worst(result):
    """The leader's objective at the last step."""
    return result.history[-1]["losses"]["b+log_price_of_p"]


LINEAR = "E{(a, i) ~ p}[ 3*a[0] + 4*a[2] ] ] + (b - 2)^2 ]"


@pytest.mark.parametrize("eps", ["1/2", "1/1000", "20"])
@pytest.mark.parametrize("order", ["1", "3/2", "2"])
def test_a_linear_loss_gains_the_radius_times_its_slope(eps, order):
    """E f + eps |w|, in every order and over five powers of ten of the radius, without a rate to tune."""
    _, result = ran(f"solve min{{b}} [ max{{p}} [ {LINEAR}", eps, order)
    wanted = float((ROWS @ torch.tensor([3.0, 0, 4], dtype=torch.float64)).mean()) + 5 * float(Fraction(eps))

    assert worst(result) == pytest.approx(wanted, rel=2e-3)
    assert result.certificates["p: budget spent"] == pytest.approx(1, abs=2e-2)


def test_a_minimiser_lowers_a_maximum():
    """With everything turned around, E f - eps |w|."""
    _, result = ran("solve max{b} [ min{p} [ E{(a, i) ~ p}[ 3*a[0] + 4*a[2] ] ] - (b - 2)^2 ]")

    assert worst(result) == pytest.approx(float((ROWS @ torch.tensor([3.0, 0, 4], dtype=torch.float64)).mean()) - 2.5, rel=1e-3)


def test_a_square_moves_the_far_samples_more():
    """E |a|^2 / 2 over the ball of order 2 reaches (sqrt(E |a|^2) + eps)^2 / 2: every sample moves outwards in proportion."""
    _, result = ran("solve min{b} [ max{p} [ E{(a, i) ~ p}[ norm(a)^2/2 ] ] + (b - 2)^2 ]", steps=120)
    size = float(ROWS.pow(2).sum(1).mean()) ** 0.5

    assert worst(result) == pytest.approx((size + 0.5) ** 2 / 2, rel=1e-3)
    assert "p: gain of 100 steps over 20" in result.certificates


def test_a_lipschitz_loss_of_order_one():
    """E |a_0| over the ball of order 1 reaches E |a_0| + eps."""
    _, result = ran("solve min{b} [ max{p} [ E{(a, i) ~ p}[ abs(a[0]) ] ] + (b - 2)^2 ]", order="1", steps=150)

    assert worst(result) == pytest.approx(float(ROWS[:, 0].abs().mean()) + 0.5, rel=2e-2)


def test_the_leader_plays_the_worst_case():
    """The minimum of b m + eps |b| + b^2/2, with m the mean, is the mean drawn towards 0 by eps."""
    m = float(ROWS[:, 1].mean())
    eps = abs(m) / 3
    _, result = ran("solve min{b} [ max{p} [ E{(a, i) ~ p}[ b*a[1] ] ] + b^2/2 ]", f"{eps:.9f}", steps=400)

    assert float(result.players["b"]) == pytest.approx(-m * 2 / 3, abs=1e-4)


def test_it_is_explained_and_proved_where_it_can_be():
    """The one price, and the concavity after the penalty that makes the dual exact."""
    checked, _ = ran(f"solve min{{b}} [ max{{p}} [ {LINEAR}", steps=1)
    text = pipeline.explain(checked)

    assert "`p` moves every sample of `tr` at one price, exp(`log_price_of_p`)" in text
    assert "strongly concave: proved (modulus 2)" in text
    assert not [d for d in checked.diagnostics if d.code == "GW314"]


def test_moves_stay_inside_the_range_of_the_data():
    """Images in [0, 1] stay there, whatever the radius."""
    text = """language 1
game ball
data tr: (x: R[64] in [0, 1], y: class[10]) = digits("train")
net f: R[64] -> logits[10] = linear()
var p: Dist(tr) in Wball(tr, 3, norm = 2, order = 2)
solve min{f} max{p} [ E{(x, y) ~ p}[ ce(f(x), y) ] ]
schedule { f: adam(lr = 0.01) }
run { batch = 64  steps = 5 }
"""
    module, s, _ = played(text, 5)
    x, y = s.tr
    moved = x + 3 * module.respond_p(s, s.f, s.log_price_of_p, x, y, torch.Generator())

    assert float(moved.min()) >= -1e-6
    assert float(moved.max()) <= 1 + 1e-6
    assert float((moved - x).abs().max()) > 0.1


@pytest.mark.parametrize("order", ["2", "inf"])
def test_the_expanded_file_plays_the_same(order):
    """Its schedule names the steps of the moves, and not the price, which nobody declared."""
    text = (HEAD + f"solve min{{b}} [ max{{p}} [ {LINEAR}").replace("EPS", "1/2").replace("ORDER", order)
    checked = pipeline.check(Source("ball.game", text))
    again = pipeline.compile(pipeline.check(Source("ball.game", expanded(checked)))).plan

    assert "log_price" not in expanded(checked)
    assert (again.body, again.rules) == (pipeline.compile(checked).plan.body, pipeline.compile(checked).plan.rules)


def test_what_has_no_dual_is_refused():
    """A distribution that stands with its leader, and orders outside of 1 to 2, of which those below 1 are no distances."""
    for text, order, code in (
        ("solve min{b} [ max{p} [ " + LINEAR, "3", "GE292"),
        ("solve min{b} [ min{p} [ " + LINEAR, "2", "GE292"),
        ("solve min{b} [ max{p} [ " + LINEAR, "1/2", "GE501"),
    ):
        with pytest.raises(GameError) as caught:
            ran(text, order=order)
        assert {d.code for d in caught.value.diagnostics if d.code.startswith("GE")} == {code}


@pytest.mark.parametrize(("order", "loss", "code"), [("1", "norm(a)^2/2", "GW415"), ("3/2", "norm(a)^2/2", "GW415"), ("1", "exp(a[1]/8)", "")])
def test_an_infinite_worst_case_is_no_certified_one(order, loss, code):
    """Squares in a ball of order below 2: a rare sample that moves far gains any amount. It fails at the end, and is warned of where it is proved."""
    checked, result = ran(f"solve min{{b}} [ max{{p}} [ E{{(a, i) ~ p}}[ {loss} ] ] + (b - 2)^2 ]", order=order)
    assert result.certificates["p: rarer, longer moves"] > 0.05
    assert result.certificates["ok"] is False
    assert [d.code for d in checked.diagnostics if d.code == "GW415"] == [code] * bool(code)


@pytest.mark.parametrize("loss", ["norm(a)", "3*a[0] + 4*a[2]", "-norm(a)^2"])
def test_a_finite_worst_case_of_order_one_holds(loss):
    """Longer moves of fewer samples gain no more where the objective grows no faster than moves cost."""
    checked, result = ran(f"solve min{{b}} [ max{{p}} [ E{{(a, i) ~ p}}[ {loss} ] ] + (b - 2)^2 ]", order="1", steps=150)

    assert result.certificates["p: rarer, longer moves"] <= 1e-3
    assert result.certificates["ok"] is True
    assert "GW415" not in [d.code for d in checked.diagnostics]
