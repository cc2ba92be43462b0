"""Games with known answers: the table beside this file, and how far a run ended from the nearest solution."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gamespec import pipeline
from gamespec.report.source import Source

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One row of truths.json.

    `solutions` are points of the solution set, some variables left out where any value does. `reached` says whether the
    schedule of the file arrives; where it does not, `status` is how the run ends. A point that is only stationary is
    listed as a solution, though it solves nothing.
    """

    file: str
    id: str
    concept: str
    has_saddle: bool | None
    order_matters: bool | None
    value: float | None
    solutions: list[dict[str, float | list[float]]]
    maximin: float | None = None
    reached: bool = True
    status: str = ""
    tolerance: float = 1e-4

    def __str__(self) -> str:
        """As pytest names the case."""
        return self.file.removesuffix(".game")


CASES = [Case(**row) for row in json.loads((HERE / "truths.json").read_text(encoding="utf-8"))]


@cache
def checked(file: str) -> pipeline.Checked:
    """A checked game of this folder."""
    return pipeline.check(Source(file, (HERE / file).read_text(encoding="utf-8")))


def distance(players: Mapping[str, Any], solutions: list[dict[str, float | list[float]]]) -> float:
    """Euclidean distance to the nearest solution; infinite where there is none."""
    return min((math.sqrt(sum(map(lambda kv: _square(players[kv[0]], kv[1]), s.items()))) for s in solutions), default=math.inf)


def _square(found: Any, wanted: float | list[float]) -> float:
    numbers = wanted if isinstance(wanted, list) else [wanted]
    return sum((a - b) ** 2 for a, b in zip(found.reshape(-1).tolist(), numbers, strict=True))
