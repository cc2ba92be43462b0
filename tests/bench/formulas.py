"""Small games of formulas: one step on plain numbers against one on tensors, and many starts at once against the clock."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from gamespec import pipeline
from gamespec.run.load import load
from gamespec.syntax.parse import read
from tests.bench.pairs import ROOT, Job, Work

FOLDER = Path(tempfile.mkdtemp())
AT_ONCE = 1000
"""Steps in one call of the loop, as between two reports of a long run."""

BAR = 2.0
"""Seconds that 10,000 starts of 1,000 steps may take."""


def closed(path: Path) -> Work:
    """`AT_ONCE` steps of a game on plain numbers."""
    module = load(pipeline.compile(pipeline.check(read(path)), lane="closed").program, FOLDER / f"{path.stem}.py")
    state = module.start()
    return lambda: module.advance(state, AT_ONCE)


def functional(path: Path) -> Work:
    """As many steps as an expert writes them in eager torch: one gradient of the objective at each of the two points."""
    module = load(pipeline.compile(pipeline.check(read(path)), lane="torch").program, FOLDER / f"{path.stem}_torch.py")
    start, value = module.start(), module.objective_y
    lr, most = (0.5, torch.inf) if path == BILINEAR else (0.05, 2.0)

    def field(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
        slope, up = torch.autograd.grad(value(x, y), (x, y))
        return slope, -up

    def moved(t: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        return t - lr * slope if most == torch.inf else (t - lr * slope).clamp(-most, most)

    def steps() -> None:
        x, y = start.x, start.y
        for _ in range(AT_ONCE):
            g, h = field(x, y)
            g, h = field(moved(x, g), moved(y, h))
            x, y = moved(x, g), moved(y, h)

    return steps


def portrait(path: Path) -> Work:
    """10,000 starts x 1,000 steps of extragradient."""
    module = load(pipeline.compile(pipeline.check(read(path)), lane="closed").program, FOLDER / f"{path.stem}_many.py")
    starts = 2 * torch.rand(10_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    return lambda: module.portrait(starts, 1000)


BILINEAR, FORSAKEN = ROOT / "specs/saddle/bilinear.game", ROOT / "specs/saddle/forsaken.game"

JOBS = [
    Job("formulas", f"{path.stem}, 1,000 iterations of extragradient", "by hand, eager torch", 0.01,
        lambda p=path: (closed(p), functional(p)), repeats=5)
    for path in (BILINEAR, FORSAKEN)
]  # fmt: skip
"""What is timed."""
