"""`python -m tests.bench [JOB ...]`: ratios of emitted to hand-written steps, interleaved, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from gamespec import pipeline
from gamespec.run.load import load
from gamespec.syntax.parse import read
from tests.bench import hand

SPECS = Path(__file__).parents[2] / "specs"
REPEATS = 9
STEPS = 12
"""Steps in one timed repeat."""


def emitted(spec: str, schedule: str | None = None) -> Any:  # an emitted module; until 2027-11
    """The program of a spec, as a module."""
    compiled = pipeline.compile(pipeline.check(read(SPECS / spec)), schedule)
    return load(compiled.program, Path(tempfile.mkdtemp()) / "program.py")


def pgd_digits() -> tuple[Callable[[], object], Callable[[], object]]:
    """One PGD-10 training step on 128 digits: emitted, by hand."""
    program = emitted("robust/pgd_digits.game")
    s = program.start()
    a, b = (t[:128] for t in s.train)
    step = hand.pgd_training(hand.digits_cnn(), eps=0.15, rate=0.04, steps=10, lr=0.002)
    return lambda: program.step(s, {"train": (a, b)}), lambda: step(a, b)


def gan_mog() -> tuple[Callable[[], object], Callable[[], object]]:
    """One alternating step of a 2-D GAN, batch 256, data and noise drawn inside: emitted, by hand."""
    program = emitted("generative/gan_mog.game")
    s = program.start()
    step = hand.gan_alternating(hand.mlp(8, 2, 128, 128), hand.mlp(2, 1, 128, 128), lr=1e-3, betas=(0.5, 0.999))
    return lambda: program.step(s), lambda: step(hand.ring(256, 8, 2.0, 0.05), torch.randn(256, 8))


JOBS: dict[str, tuple[Callable[[], tuple[Callable[[], object], Callable[[], object]]], float]] = {
    "PGD-10 training step, digits CNN": (pgd_digits, 1.05),
    "2-D GAN step, alternating": (gan_mog, 1.05),
}
"""What is timed, with the largest ratio that is allowed."""


def paired(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of every repeat of both, taken in turns so that a drift of the machine meets both."""
    times: tuple[list[float], list[float]] = ([], [])
    for k in range(REPEATS + 1):
        order = ((0, ours), (1, theirs)) if k % 2 else ((1, theirs), (0, ours))
        for which, work in order:
            begin = time.perf_counter()
            for _ in range(STEPS):
                work()
            if k:  # the first repeat warms up
                times[which].append(time.perf_counter() - begin)
    return times


def measure(names: list[str]) -> Iterator[dict[str, object]]:
    """One row for each job."""
    for name, (job, bar) in JOBS.items():
        if names and not any(n in name for n in names):
            continue
        mine, other = paired(*job())
        ratios = [m / o for m, o in zip(mine, other, strict=True)]
        yield {
            "job": name, "ratio": round(statistics.median(ratios), 3), "bar": bar, "low": round(min(ratios), 3), "high": round(max(ratios), 3),
            "emitted_ms": round(1e3 * statistics.median(mine) / STEPS, 3), "hand_ms": round(1e3 * statistics.median(other) / STEPS, 3),
        }  # fmt: skip


def main() -> int:
    """Print the table and the JSON; 1 when a bar is missed."""
    torch.set_num_threads(1)
    rows = list(measure(sys.argv[1:]))
    print(f"{'job':40} {'ratio':>7} {'bar':>6} {'range':>15}")
    for r in rows:
        print(f"{r['job']:40} {r['ratio']:7} {r['bar']:6} {r['low']:>7} .. {r['high']}")
    print(json.dumps({"threads": 1, "torch": torch.__version__, "repeats": REPEATS, "rows": rows}))
    return int(any(r["ratio"] > r["bar"] for r in rows))  # type: ignore[operator]  # numbers; until 2027-11


if __name__ == "__main__":
    sys.exit(main())
