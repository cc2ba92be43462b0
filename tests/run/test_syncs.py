"""What a step asks of the host: on a GPU every number that is looked at, and every copy, is a wait for all that runs there."""

from __future__ import annotations

import collections

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.load import load
from gamespec.run.traced import played, watch
from tests.run.test_lane import GAMES

MORE = {
    "evaluated_often": GAMES["networks"].replace("d: pgd(steps = 2, lr = 0.05)", "d: pgd(steps = 2, lr = 0.05, restarts = 2)"),
    "rates": GAMES["networks"].replace("h: adam(lr = 0.01)", "h: sgd(lr = 0.1, momentum = 0.9, decay = cosine, total = 12)"),
    "rmsprop": GAMES["noise"].replace("G: adam(lr = 0.01)", "G: rmsprop(lr = 0.01)"),
    "extra": GAMES["noise"].replace("schedule {", "schedule { method: extra_adam "),
    "unrolled": GAMES["second_order"].replace("through(unroll)", "through(unroll(recompute = true))"),
    "neumann": GAMES["second_order"].replace("through(unroll)", "through(implicit(by = neumann, iters = 5))"),
    "cg": GAMES["second_order"].replace("through(unroll)", "through(implicit(by = cg, iters = 5))"),
}
WAITS = {"_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2", "unique_dim", "bincount", "repeat_interleave"}
"""Operations whose result, or the shape of it, the host has to wait for."""


class Waits(TorchDispatchMode):
    """Counts operations that a GPU would have to be waited for, and copies of what the host has."""

    def __init__(self):
        super().__init__()
        self.seen = collections.Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [*GAMES, *MORE])
def test_a_step_waits_for_nothing(name, tmp_path):
    """No number of a tensor is read on the host, and no shape depends on one; what reads none can be captured."""
    text = {**GAMES, **MORE}[name]
    module = load(pipeline.compile(pipeline.check(Source("a.game", text)), lane="torch").program, tmp_path / "a.py")
    s = module.start()
    asked = watch(module, s, {})
    with Waits() as waits:
        played(module, s, asked.batch, asked.asks)

    assert not waits.seen


def test_what_is_looked_at_is_seen():
    """The count itself: reading a number, and a shape that depends on numbers."""
    with Waits() as waits:
        t = torch.ones(3)
        float(t.sum())
        t[t > 0]

    assert set(waits.seen) >= {"_local_scalar_dense"}
