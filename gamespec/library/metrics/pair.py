"""The modes of `two_modes`, to compare samples with."""

from __future__ import annotations

from gamespec.library.base import Metric, Option
from gamespec.library.data.two_modes import two_mode_centers

METRIC = Metric(
    word="pair",
    arity=0,
    options=(Option("cosine", float, 0.3),),
    compute=two_mode_centers,
    result="rows",
    source="Jelassi et al. 2022, section 4",
)
