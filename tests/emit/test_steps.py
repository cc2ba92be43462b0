"""How many steps an epoch is, and which way an attack goes."""

from __future__ import annotations

import pytest
import torch

from tests.emit.build import program

LEARN = """language 1
game learn
data tr: (x: R[30], y: class[2]) = SOURCE
net h: R[30] -> logits[2] = linear()
solve min{h} E{(x, y) ~ tr} PLAYER [ ce(h(INPUT), y) ]
"""


@pytest.mark.parametrize(("rows", "steps"), [(None, 3 * 15), (300, 3 * 10), (60, 3 * 2), (1, 3)])
def test_epochs_are_counted_on_the_rows_that_are_there(rows, steps):
    """Rows that are brought count in place of those that they replace."""
    text = LEARN.replace("SOURCE", 'breast_cancer("train")').replace("PLAYER", "").replace("INPUT", "x")
    module = program(text + "run { batch = 32  epochs = 3 }")
    data = None if rows is None else {"tr": (torch.zeros(rows, 30), torch.zeros(rows, dtype=torch.int64))}

    assert module.steps_for(data) == steps


def test_an_attack_in_an_l2_ball_finds_the_worst_point_of_a_linear_classifier():
    """The worst point is known: along the difference of the two weight rows, on the sphere."""
    text = LEARN.replace("SOURCE", 'breast_cancer("train")').replace("PLAYER", "max{d in L2(0.5)}").replace("INPUT", "x + d")
    module = program(text + "schedule { d: pgd(steps = 60, lr = 0.1) }\nrun { batch = 32  steps = 1  precision = float64 }")
    s = module.start()
    x, y = s.tr
    d = module.respond_d(s, s.h, x, y, rng=module.noise_of_first(0, 0, len(x), "cpu"))
    weight = next(s.h.parameters()).detach()
    away = (weight[1] - weight[0]) / (weight[1] - weight[0]).norm()
    worst = 0.5 * (1 - 2 * y)[:, None] * away

    assert (d - worst).norm(dim=1).max() <= 1e-3


def test_a_metric_has_rows_and_names_of_its_own():
    """What players share within a step is no part of a metric, whether it repeats the names of a draw or not."""
    text = """language 1
game shared
data tr: (x: R[30], y: class[2]) = breast_cancer("train")
data te: (x: R[30], y: class[2]) = breast_cancer("test")
net g: R[30] -> R[3] = linear()
net a: R[3] -> logits[2] = linear()
net b: R[3] -> logits[2] = linear()
solve min{g, a} max{b} [ E{(x, y) ~ tr}[ce(a(g(x)), y)] - E{(x, y) ~ tr}[ce(b(g(x)), y)] ]
metric same = E{(x, y) ~ te}[ correct(a(g(x)), y) ]
metric other = E{(p, q) ~ te}[ correct(a(g(p)), q) ]
run { steps = 2 }
"""
    module = program(text)
    s, _ = module.train()
    x, y = s.te
    right = float((s.a(s.g(x)).argmax(dim=1) == y).float().mean())

    assert module.measure(s) == {"same": pytest.approx(right), "other": pytest.approx(right)}
