"""`python -m tests.bench.k_beam [TRIALS]`: mean distance of K-beam and its rivals to the minimax points of six surfaces.

The step of each emitted program is traced once, with the number of the step as a tensor, and run on all trials at once;
nothing but where the trials start is not from the `.game` files beside this one.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.load import load

HERE = Path(__file__).parent / "surfaces"
STEPS = 999
METHODS = ("at_once", "in_turn", "beam_1", "beam_2", "beam_5", "beam_10")
TABLE: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "saddle": ((0.0,), (0, 0, 0, 0, 0, 0)),
    "rotated_saddle": ((0.0,), (0, 0, 0, 0, 0, 0)),
    "seesaw": ((0.0,), (0.254, 0.223, 0.215, 0.030, 0.002, 0.002)),
    "monkey": ((-0.25, 0.25), (0.243, 0.242, 0.242, 0.120, 0.025, 0.003)),
    "anti_saddle": ((0.0,), (0.500, 0.500, 0.500, 0.310, 0.086, 0.021)),
    "weapons": ((0.0,), (0.137, 0.137, 0.137, 0.023, 0.001, 0.001)),
}
"""Where u is minimax, and the mean distance to the nearest such u over 20,000 trials of an independent implementation."""

REFERENCE_TRIALS, DIGITS = 20_000, 0.0005
"""How many trials stand behind the column, and how far its three digits may be from what they round."""


@dataclass(frozen=True)
class Cell:
    """The distances of all trials of one method on one surface, beside the known mean."""

    surface: str
    method: str
    mean: float
    spread: float
    trials: int
    known: float

    @property
    def allowed(self) -> float:
        """Three standard errors of both means, and the rounding of the known one."""
        return 3 * self.spread * math.sqrt(1 / self.trials + 1 / REFERENCE_TRIALS) + DIGITS

    @property
    def right(self) -> bool:
        """Whether both means agree."""
        return abs(self.mean - self.known) <= self.allowed


def program(surface: str, method: str) -> ModuleType:
    """The emitted program of a surface under one schedule."""
    path = HERE / f"{surface}.game"
    compiled = pipeline.compile(pipeline.check(Source(path.name, path.read_text(encoding="utf-8"))), method, lane="torch")
    return load(compiled.program, Path(tempfile.mkdtemp(prefix="gamespec-bench-")) / "program.py")


Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def batched(module: ModuleType, trials: int) -> Step:
    """The program's step as a function of stacks of u and v and of the step's number, as one straight line of tensor code."""
    s = module.start(0)
    copies = s.v.shape
    # The length of a step is the only thing that depends on its number: as a tensor it need not be traced 999 times.
    module.math = SimpleNamespace(**{n: getattr(math, n) for n in dir(math) if n[0] != "_"} | {"sqrt": torch.sqrt})

    def one(u: torch.Tensor, v: torch.Tensor, k: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        s.u, s.v, s.k = u, v, k - 1
        s_k = s.k
        module.step(s)
        s.k = s_k
        return s.u, s.v

    scalar = torch.zeros((), dtype=torch.float64)
    lane = make_fx(one)(scalar, torch.zeros(copies, dtype=torch.float64), scalar + 1)
    stack = torch.vmap(lane, in_dims=(0, 0, None))
    wide = [torch.zeros(trials, dtype=torch.float64), torch.zeros(trials, *copies, dtype=torch.float64), scalar + 1]
    flat = make_fx(stack)(*wide)
    flat.graph.eliminate_dead_code()  # what the step only reports
    flat.recompile()
    return flat


def distances(surface: str, method: str, trials: int, rng: torch.Generator) -> torch.Tensor:
    """How far from the nearest minimax u each trial has ended, from uniform starts in +-0.45. Shapes: the result is [trials]."""
    module = program(surface, method)
    copies = module.start(0).v.shape
    u, v = (0.9 * torch.rand((trials, *shape), generator=rng, dtype=torch.float64) - 0.45 for shape in ((), copies))
    step = batched(module, trials)
    for k in range(1, STEPS + 1):
        u, v = step(u, v, torch.tensor(float(k), dtype=torch.float64))
    ends = torch.tensor(TABLE[surface][0], dtype=torch.float64)
    return (u[:, None] - ends).abs().amin(dim=1)


def cell(surface: str, method: str, trials: int, seed: int = 0) -> Cell:
    """One entry of the table."""
    found = distances(surface, method, trials, torch.Generator().manual_seed(seed))
    known = TABLE[surface][1][METHODS.index(method)]
    return Cell(surface, method, float(found.mean()), float(found.std()), trials, known)


def main(trials: int = 2000) -> int:
    """Print the table; 1 where a mean is off."""
    start, wrong = time.perf_counter(), 0
    print(f"mean |u - u*| over {trials} trials (known)".ljust(40), *(m.ljust(16) for m in METHODS))
    for surface in TABLE:
        cells = [cell(surface, m, trials) for m in METHODS]
        wrong += sum(not c.right for c in cells)
        shown = [f"{c.mean:.4f} ({c.known:.3f}){'' if c.right else ' !'}" for c in cells]
        print(surface.ljust(40), *(text.ljust(16) for text in shown))
    print(f"{wrong} of {6 * len(TABLE)} means are off; {time.perf_counter() - start:.1f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
