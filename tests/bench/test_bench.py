"""The timing command itself: what it prints, and that loops by hand do the work that they are compared with."""

from __future__ import annotations

import json

import pytest
import torch

from tests.bench import __main__ as bench
from tests.bench import cuda, hand, loops
from tests.bench.jobs import JOBS, cleaning, hyper
from tests.bench.pairs import GAMES, Job, Skip, emitted, timed
from tests.work import operations


def test_a_row_has_the_ratio_and_its_range():
    """Twice the work takes about twice the time, and the bar is judged on the median."""

    def work(n):
        return lambda: [torch.ones(300, 300) @ torch.ones(300, 300) for _ in range(n)]

    row = timed(Job("group", "twice", "once", 1.0, lambda: (work(2), work(1)), repeats=5))

    assert row["low"] <= row["ratio"] <= row["high"]
    assert "MISSED" in bench.table([row])
    assert json.loads(json.dumps(row)) == row


def test_what_cannot_be_timed_is_skipped_with_its_reason():
    """A package that is not there is a row that says so, and no failure."""

    def absent():
        raise Skip("no such package")

    row = timed(Job("group", "ours", "theirs", 1.0, absent))

    assert "skipped: no such package" in bench.table([row])


def test_every_job_has_a_name_of_its_own():
    """A row of the page is found by what is timed against what."""
    names = [(job.group, job.name, job.against) for job in JOBS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("schedule", [None, "implicit", "neumann"])
def test_hypergradients_by_hand_are_those_of_the_game(schedule, tmp_path):
    """From the same weights both lanes move u to the same place, so that equal work is timed."""
    module, _ = emitted(GAMES / "hyper_logistic.game", schedule, tmp_path)
    s = module.start()
    task = cleaning()
    task.w = [p.detach().clone().requires_grad_() for p in s.h.parameters()]
    module.step(s)
    {None: task.unroll, "implicit": lambda: task.implicit(20), "neumann": lambda: task.neumann(20)}[schedule]()

    torch.testing.assert_close(task.u.detach(), s.u, rtol=1e-3, atol=1e-4)
    for mine, theirs in zip(task.w, s.h.parameters(), strict=True):
        torch.testing.assert_close(mine.detach(), theirs.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("way", "more"), [("unroll", 1.01), ("implicit", 0.9), ("neumann", 1.0)])
def test_hypergradients_make_no_more_operations_than_by_hand(way, more):
    """A step of the eager lane; those that one row of weights for each sample takes are all that is left over."""
    ours, theirs = hyper("hyper_logistic", (), way, compiled=False)
    for work in (ours, theirs):
        work()

    assert operations(ours) <= more * operations(theirs)


def test_the_attack_written_out_is_the_attack():
    """The floor computes the same answers as autograd does."""
    net, a = hand.digits_cnn(), torch.rand(8, 1, 8, 8)
    b = net(a).argmax(1)
    x = loops.straight_attack(net, a, b, 1e-4, 3e-4, 1)
    lo, hi = (a - 1e-4).clamp(min=0), (a + 1e-4).clamp(max=1)
    at = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(net(at), b, reduction="sum"), at)

    assert bool(((x == lo) | (x == hi)).all())
    assert float(((x == hi) == (slope > 0)).float().mean()) > 0.98


def test_the_steps_on_images_of_cifar_run_without_a_gpu():
    """Two steps of a narrow network on four images, emitted and by hand; without a GPU the rows are skipped with the reason."""
    rows = torch.rand(4, 3, 32, 32), torch.tensor([0, 3, 5, 9])
    net = cuda.words("networks")["preact_resnet18"].build((3, 32, 32), (10,), 4)
    ours, theirs = cuda.emitted(rows, "cpu", compiled=False, width=4), cuda.by_hand(net, rows, "cpu")
    losses = [float(ours()["h"]) for _ in range(2)] + [float(theirs()) for _ in range(2)]

    assert all(0.5 < loss < 10 for loss in losses)
    if not torch.cuda.is_available():
        assert [timed(job)["skipped"] for job in cuda.JOBS] == ["no CUDA device"] * 2
