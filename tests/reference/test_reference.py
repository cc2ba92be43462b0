"""Emitted programs against the interpreter: the same bits for formulas, the same numbers for networks."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from tests.emit.build import compiled, program
from tests.reference.interpreter import Interpreter

SPECS = Path(__file__).parents[2] / "specs"
CLOSED = [
    ("saddle/bilinear", None), ("saddle/forsaken", None), ("nash/matrix_game", None), ("nash/cournot", None), ("stackelberg/anti_saddle", None),
    ("stackelberg/anti_saddle", "gda"), ("stackelberg/three_level", None), ("../tests/truth/nash_followers", None),
    ("../tests/truth/two_leaders", None), ("../tests/truth/minimax_over_answer", None),
]  # fmt: skip

HEAD = "language 1\ngame tiny\n"
DATA = "data tr: (x: R[3], y: class[4]) = given\nnet h: R[3] -> logits[4] = mlp(5)\n"
NETWORKS = {
    "per sample": HEAD + DATA + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.2)} [ ce(h(x + d), y) ]\n"
    "schedule { h: adam(lr = 0.01)  d: pgd(steps = 3, lr = 0.1) }\nrun { batch = 6  precision = float64 }",
    "weights of classes": HEAD + DATA + "var lam: R[4] in Simplex(4)\nsolve min{h} max{lam} [ E{(x, y) ~ tr}[lam[y]*ce(h(x), y)] ]\n"
    "schedule { method: alternating  h: sgd(lr = 0.1, momentum = 0.9)  lam: ascent(lr = 0.3), repeat(2) }\nrun { batch = 6  precision = float64 }",
    "at once": HEAD + DATA + "var t: R init 1\nsolve min{h} max{t} [ E{(x, y) ~ tr}[ce(t*h(x), y)] - t^2 ]\n"
    "schedule { method: simultaneous  h: sgd(lr = 0.1)  t: adam(lr = 0.1) }\nrun { batch = 6  precision = float64 }",
    "looking ahead": HEAD + DATA + "var t: R init 1\nsolve min{h} max{t} [ E{(x, y) ~ tr}[ce(t*h(x), y)] - t^2 ]\n"
    "schedule { method: extragradient  h: adam(lr = 0.1)  t: sgd(lr = 0.1) }\nrun { batch = 6  precision = float64 }",
    "looking back": HEAD + DATA + "var t: R init 1\nsolve min{h} max{t} [ E{(x, y) ~ tr}[ce(t*h(x), y)] - t^2 ]\n"
    "schedule { method: optimistic  h: sgd(lr = 0.1, momentum = 0.5)  t: adam(lr = 0.1) }\nrun { batch = 6  precision = float64 }",
}  # fmt: skip


def beside(text, schedule, data=None):
    """The program with its state, and the interpreter at the same point."""
    checked, made = compiled(text, schedule, lane="torch")
    module = program(text, schedule, lane="torch")
    s = module.start(0, data=data)
    game = checked.game
    variables = {v.name: getattr(s, v.name).clone() for v in game.vars if not v.scope}
    nets = {n.name: copy.deepcopy(getattr(s, n.name)) for n in game.nets}
    return module, s, Interpreter(game, made.plan, variables, nets)


@pytest.mark.parametrize(("name", "schedule"), CLOSED)
def test_a_formula_gives_the_same_bits(name, schedule):
    """Twenty steps of a small game are those of the interpreter, bit for bit."""
    module, s, oracle = beside((SPECS / f"{name}.game").read_text(), schedule)
    for _ in range(20):
        module.step(s)
        oracle.step()
        found = {v: getattr(s, v) for v in oracle.point}

        assert {v: t.tolist() for v, t in found.items()} == {v: t.tolist() for v, t in oracle.point.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_the_same_numbers(name):
    """Four steps of a game on data are those of the interpreter, which looks at one sample at a time."""
    rng = torch.Generator().manual_seed(1)
    batch = {"tr": (torch.randn(6, 3, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 1, 2]))}
    module, s, oracle = beside(NETWORKS[name], None, batch)
    for _ in range(4):
        module.step(s, batch)
        oracle.step(batch)
    shared = [v for v in oracle.point if hasattr(s, v)]

    assert all(torch.allclose(getattr(s, v), oracle.point[v], rtol=0, atol=1e-12) for v in shared)
    for mine, theirs in zip(s.h.parameters(), oracle.nets["h"].parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-12)
