"""The centres of the modes of `mog` on a ring, to compare samples with."""

from __future__ import annotations

from gamespec.library.base import Metric, Option
from gamespec.library.data.mog import ring_centers

METRIC = Metric(
    word="ring",
    arity=0,
    options=(Option("modes", int, 8), Option("radius", float, 2.0)),
    compute=ring_centers,
    result="rows",
    source="Metz et al. 2017, section 3.1",
)
