"""The centres of the modes of `mog` on a grid, to compare samples with."""

from __future__ import annotations

from gamespec.library.base import Metric, Option
from gamespec.library.data.mog import grid_centers

METRIC = Metric(
    word="grid",
    arity=0,
    options=(Option("modes", int, 25), Option("radius", float, 2.0)),
    compute=grid_centers,
    result="rows",
    source="Metz et al. 2017, section 3.1",
)
