"""Answers kept for every row of a table: `start = warm`."""

from __future__ import annotations

import signal

import numpy
import pytest
import torch

from gamespec import pipeline
from gamespec.emit import warm
from gamespec.kernels.rows import answers_of_rows
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run import kept, store
from gamespec.run.execute import Request, execute
from gamespec.run.resume import resume
from tests.emit.build import compiled, played, program

GAME = """language 1
game persistent
data tr: (a: R[2], y: R) = given
var w: R[2] init [1, -0.5]
solve min{w} E{(a, y) ~ tr} max{d in Linf(0.3)} [ (sum(w*(a + d)) - y)^2 ]
schedule { w: sgd(lr = 0.05)  d: RULE }
run { batch = BATCH  precision = float64  seed = 0 }
"""
PGD = "pgd(steps = 1, lr = 0.1, start = warm)"
DIGITS = """language 1
game digits_kept
data train: (a: R[64] in [0, 1], b: class[10]) = digits("train")
net h: R[64] -> logits[10] = linear()
solve min{h} E{(a, b) ~ train} max{d in Linf(0.1) & (domain(a) - a)} [ ce(h(a + d), b) ]
schedule { h: adam(lr = 0.02)  d: RULE }
run { batch = 512  steps = 9  every = 1  seed = 3 }
"""


def table():
    """Five rows."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(5, 2, generator=rng, dtype=torch.float64), torch.randn(5, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("batch", [2, "full"])
def test_steps_are_those_of_a_loop_by_hand(batch):
    """Each row goes on from its own last answer, over three epochs of batches that are no whole part of the table; bit for bit."""
    a, y = table()
    module = program(GAME.replace("RULE", PGD).replace("BATCH", str(batch)))
    s, other = (module.start(0, data={"tr": (a, y)}) for _ in range(2))
    w, answers, seen = s.w.clone(), {row: torch.zeros(2, dtype=torch.float64) for row in range(5)}, []
    for _ in range(9):
        module.step(s)
        rows = other.order_tr.next()
        rows = list(range(5)) if isinstance(rows, slice) else rows.tolist()
        d = torch.stack([answers[row] for row in rows]).requires_grad_()
        (slope,) = torch.autograd.grad((((a[rows] + d) * w).sum(1) - y[rows]).square().sum(), d)
        moved = (d.detach() + 0.1 * torch.sign(slope)).clamp(-0.3, 0.3)
        answers |= dict(zip(rows, moved, strict=True))
        at = w.clone().requires_grad_()
        (slope,) = torch.autograd.grad((((a[rows] + moved) * at).sum(1) - y[rows]).square().mean(), at)
        w = w - 0.05 * slope
        seen += rows

        assert torch.equal(s.w, w)
        assert torch.equal(s.warm_d, torch.stack([answers[row] for row in range(5)]))
    assert all(seen.count(row) >= 3 for row in range(5))


def test_a_batch_from_outside_names_its_rows():
    """The last column has their numbers; without it nothing is kept in a wrong place."""
    a, y = table()
    module = program(GAME.replace("RULE", PGD).replace("BATCH", "2"))
    s = module.start(0, data={"tr": (a, y)})
    rows = torch.tensor([4, 1])
    module.step(s, {"tr": (a[rows], y[rows], rows)})

    assert (s.warm_d != 0).any(1).tolist() == [False, True, False, False, True]
    with pytest.raises(ValueError, match="numbers of the rows as the last column"):
        module.step(s, {"tr": (a[rows], y[rows])})


def test_looks_go_on_from_what_is_kept_and_change_nothing():
    """The residual is that at the kept answers after one more step, and the table stays as it is."""
    a, y = table()
    module, s, _ = played(GAME.replace("RULE", PGD).replace("BATCH", "full"), 2, data={"tr": (a, y)})
    before = s.warm_d.clone()
    d = before.clone().requires_grad_()
    (slope,) = torch.autograd.grad((((a + d) * s.w).sum(1) - y).square().sum(), d)
    moved, at = (before + 0.1 * torch.sign(slope)).clamp(-0.3, 0.3), s.w.clone().requires_grad_()
    (slope,) = torch.autograd.grad((((a + moved) * at).sum(1) - y).square().mean(), at)

    assert float(module.residual(s)) == pytest.approx(float(slope.abs().max()), rel=1e-12)
    module.certify(s)
    assert torch.equal(s.warm_d, before)


def test_langevin_particles_are_kept_and_differ_from_fresh_ones():
    """A chain of one step a visit moves as far as a chain of as many steps, not as far as one step."""
    a, y = table()
    rule = "langevin(steps = 1, lr = 0.01, noise = 0.02, start = warm)"
    _, s, _ = played(GAME.replace("RULE", rule).replace("BATCH", "full").replace("w: sgd(lr = 0.05)", "w: sgd(lr = 1e-9)"), 40, data={"tr": (a, y)})

    assert float(s.warm_d.abs().max()) > 0.05
    assert float(s.warm_d.abs().max()) <= 0.3


def test_an_answer_without_a_phase_stands_where_it_was_kept():
    """Two steps of the adversary, one without it: the leader moves against the answers of the second."""
    a, y = table()
    rule = f"{PGD}  phases: only(d, steps = 2), only(w, steps = 1)"
    text = GAME.replace("RULE", rule).replace("BATCH", "full")
    _, s, _ = played(text, 3, data={"tr": (a, y)})
    _, before, _ = played(text, 2, data={"tr": (a, y)})
    at = before.w.clone().requires_grad_()
    (slope,) = torch.autograd.grad((((a + before.warm_d) * at).sum(1) - y).square().mean(), at)

    assert torch.equal(s.warm_d, before.warm_d)
    assert float(before.warm_d.abs().max()) == pytest.approx(0.2)
    assert torch.allclose(s.w, before.w - 0.05 * slope, rtol=1e-12)


@pytest.mark.parametrize(("start", "reached"), [("warm", 0.3), ("zero", 0.1)])
def test_one_answer_to_all_samples_goes_on_too(start, reached):
    """A shared perturbation that climbs by 0.1 a visit is at 0.3 after three, and at 0.1 where it begins anew."""
    text = f"""language 1
var w: R init 0
var d in [-1, 1] init 0
solve min{{w}} max{{d}} [ (1 + d)*(2 + w^2) ]
schedule {{ method: nested  w: sgd(lr = 0.1)  d: pgd(steps = 1, lr = 0.1, start = {start}) }}
"""
    assert float(played(text, 3)[1].d) == pytest.approx(reached)


@pytest.mark.parametrize("lane", ["off", pytest.param("on", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_within_an_epoch_goes_on_to_the_same_bits(tmp_path, lane):
    """Four answers in ten are a visit older when it stops: all come back, in either lane."""
    text = DIGITS.replace("RULE", "pgd(steps = 1, lr = 0.02, start = warm)")

    def made(name, on_step=None):
        checked = pipeline.check(Source("digits_kept.game", text))
        return execute(checked, pipeline.compile(checked), Request(out=tmp_path / name, compile=lane), on_step=on_step)

    def stop(report):
        if report.step == 4:
            signal.raise_signal(signal.SIGINT)

    whole, part = made("whole"), made("part", stop)
    saved = kept.checkpoint(kept.kept(part.path))
    on = resume(part.path)

    assert saved.step == 4
    assert saved.tensors["warm_d"].shape == (1437, 64)
    assert (lane == "on") == ("compiled from" in whole.lane)
    assert [row["losses"] for row in on.history] == [row["losses"] for row in whole.history]
    assert store.packed(store.numbers(on.players["h"])) == store.packed(store.numbers(whole.players["h"]))
    last = [kept.checkpoint(kept.kept(run.path)).tensors["warm_d"] for run in (on, whole)]
    assert torch.equal(*last)


NOISE = """language 1
data z: R[2] = mog(modes = 4)
net h: R[2] -> R = linear()
solve min{h} E{x ~ z} max{d in Linf(0.1)} [ h(x + d)^2 ]
schedule { d: pgd(start = warm) }
"""


@pytest.mark.parametrize(
    ("text", "code", "said", "hint"),
    [
        (NOISE, "GE292", "row of one table", "start = uniform"),
        (DIGITS.replace("RULE", "pgd(start = warm, restarts = 3)"), "GE506", "goes on from one answer", "restarts"),
        (DIGITS.replace("RULE", "pgd(start = warm, surrogate = [margin])"), "GE506", "goes on from one answer", "surrogate"),
        (
            DIGITS.replace("RULE", "pgd(start = zero)  m.e: pgd(start = warm)")
            + "metric m = E{(a, b) ~ train} max{e in Linf(0.1) & (domain(a) - a)} [ ce(h(a + e), b) ]\n",
            "GE506", "no earlier visit", "start = uniform",
        ),
    ],
)  # fmt: skip
def test_what_has_no_row_to_go_on_from_is_refused(text, code, said, hint):
    """With what to write instead."""
    with pytest.raises(GameError) as caught:
        compiled(text)

    found = caught.value.diagnostics[0]
    assert found.code == code
    assert said in found.message
    assert hint in found.hint


@pytest.mark.parametrize(("option", "said"), [("pad = 1", "moved anew"), ("keep = disk", "lies on the disk")])
def test_rows_that_change_and_tables_that_do_not_fit_are_refused(tmp_path, option, said):
    """Images that are shifted at every visit, and a table that is on the disk for its size."""
    numpy.savez(tmp_path / "small.npz", x=numpy.zeros((6, 1, 4, 4), dtype="float32"), y=numpy.arange(6) % 2)
    text = f"""language 1
data tr: (x: image[1, 4, 4] in [0, 1], y: class[2]) = npz("{tmp_path / "small.npz"}", {option})
net h: image[1, 4, 4] -> logits[2] = linear()
solve min{{h}} E{{(x, y) ~ tr}} max{{d in Linf(0.1)}} [ ce(h(x + d), y) ]
schedule {{ d: pgd(start = warm) }}
"""
    with pytest.raises(GameError) as caught:
        compiled(text)

    found = caught.value.diagnostics[0]
    assert found.code == "GE292"
    assert said in found.message
    assert f"drop `{option.split()[0]}" in found.hint


def test_a_table_that_is_known_to_be_too_large_is_refused_before_it_runs(monkeypatch):
    """1437 rows of 64 numbers of 4 bytes, where 300,000 bytes are allowed."""
    monkeypatch.setattr(warm, "LARGEST", 300_000)
    with pytest.raises(GameError) as caught:
        compiled(DIGITS.replace("RULE", PGD))

    assert caught.value.diagnostics[0].code == "GE292"
    assert "1437 rows" in caught.value.diagnostics[0].message


def test_a_table_of_answers_is_bounded():
    """Sixteen GiB are not taken in silence."""
    with pytest.raises(ValueError, match=r"16\.0 GiB"):
        answers_of_rows(2**22, (1024,), 2**32, torch.float32, "cpu")
