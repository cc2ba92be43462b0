"""The programs of the design are compiled, and take two steps on small networks and batches, with finite objectives."""

from __future__ import annotations

import math
import re
import tempfile
from pathlib import Path

import pytest
import torch

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.report.source import Source
from gamespec.run.load import load
from tests.check.test_examples import HERE, WRITTEN

SMALLER = [
    (r"mlp\(\d+(?:, \d+)*", "mlp(6"), (r"small_cnn\(\d*\)", "small_cnn(2)"), (r"width = \d+", "width = 2"), (r"batch = \d+", "batch = 12"),
    (r'digits\("(train|test)"\)', r'digits("\1", subset = 40)'), (r"(subset = (?:100|500))", "subset = 24"), (r"offset = \d+", "offset = 40"),
    (r"pgd\(steps = \d+", "pgd(steps = 2"), (r"iters = \d+", "iters = 3"), (r"sgd\(lr = ([\d.]+), steps = \d+", r"sgd(lr = \1, steps = 2"),
    (r"image\[3, 224, 224\]", "image[3, 8, 8]"), (r"4096", "64"), (r"small_cnn\(\)", "small_cnn(2)"),
    (r"ways = 5, shots = 1(, tasks = \d+)?", "ways = 5, tasks = 6"),
]  # fmt: skip
"""What is changed in the text of an example, so that its steps take no time."""


def smaller(text):
    """A game with small networks, few rows and few inner steps."""
    for pattern, new in SMALLER:
        text = re.sub(pattern, new, text)
    return text


def small(name):
    """The text of an example, made smaller."""
    return smaller((HERE / f"{name}.game").read_text(encoding="utf-8"))


class Outside(torch.nn.Module):
    """A network of any inputs and of one output, with weights that it uses."""

    def __init__(self, inputs, output):
        super().__init__()
        self.last = torch.nn.Linear(sum(map(math.prod, inputs)), math.prod(output))
        self.output = output

    def forward(self, *x):
        """One row for each sample."""
        return self.last(torch.cat([t.flatten(1).float() / 10 for t in x], dim=1)).view(len(x[0]), *self.output)


def brought(checked):
    """Networks and data that the game declares and does not make."""
    rng = torch.Generator().manual_seed(0)
    nets, data = {}, {}
    for n in checked.game.nets:
        if n.source is None or n.source.word == "py":
            shape = (n.output.size,) if n.output.kind == "logits" else n.output.shape
            nets[n.name] = Outside([t.shape for t in n.inputs], shape)
    for d in checked.game.data:
        if d.source.word in ("given", "py"):
            data[d.name] = tuple(column(f.type, rng) for f in d.fields)
    return nets, data


def column(kind, rng):
    """Sixteen values of a type."""
    if kind.kind in ("class", "tokens"):
        return torch.randint(kind.size or 50, (16, *kind.shape), generator=rng)
    return torch.rand((16, *kind.shape), generator=rng)


def takes_steps(checked, schedule, nets, data):
    """Two steps of a schedule, and every look at the result, give finite numbers."""
    made = pipeline.compile(checked, schedule, frozenset(nets))
    module = load(made.program, Path(tempfile.mkdtemp(prefix="gamespec-test-")) / "program.py")
    s = module.start(0, nets=nets, data=data)
    for _ in range(2):
        losses = module.step(s)

    assert all(math.isfinite(float(v)) for v in losses.values()), (schedule, losses)
    assert math.isfinite(float(module.residual(s)))
    assert all(math.isfinite(v) for v in module.probe(s).values())


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_an_example_takes_its_steps(name):
    """Every schedule of it, two steps, and every look at the result."""
    checked = pipeline.check(Source(str(HERE / f"{name}.game"), small(name)))
    nets, data = brought(checked)
    for schedule in [s.name for s in checked.game.schedules]:
        takes_steps(checked, schedule, nets, data)


@pytest.mark.parametrize("name", sorted({p.stem for p in HERE.glob("*.game")} - WRITTEN))
def test_an_example_without_a_program_says_why(name):
    """One diagnostic, with what to type instead."""
    checked = pipeline.check(Source(str(HERE / f"{name}.game"), small(name)))
    with pytest.raises(GameError) as caught:
        pipeline.compile(checked)

    assert [d.code for d in caught.value.diagnostics] == ["GE292"]
    assert caught.value.diagnostics[0].hint
