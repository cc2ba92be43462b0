"""What is known of sets."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamespec.classify.bounds import Known
from gamespec.classify.proof import Range
from gamespec.ir import expr as ir
from gamespec.ir.game import Param, Set

from . import games
from .games import call, inside, part, raw, var, x

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("found", "compact", "span"),
    [
        (inside("Box", 0, 1), True, Range(Fraction(0), Fraction(1))),
        (inside("Box", 0, None), False, Range(Fraction(0), None)),
        (inside("Box", 2, 2), True, Range(Fraction(2), Fraction(2), solid=False)),
        (inside("Box", -x("r"), x("r")), True, Range(-HALF, HALF)),
        (inside("Box", x("a"), call("neg", ir.Word(value="inf"))), False, Range(Fraction(0), None, False, False)),
        (inside("Box", 0, x("a")), True, Range(Fraction(0), Fraction(1), False, False)),
        (inside("Linf", x("r")), True, Range(-HALF, HALF)),
        (inside("Linf", 0), True, Range(Fraction(0), Fraction(0), False, False)),
        (inside("Linf", x("unheard")), True, Range(None, None, False, False)),
        (inside("L2", 1), True, Range(Fraction(-1), Fraction(1), free=False)),
        (inside("Simplex", 3), True, Range(Fraction(0), Fraction(1), False, False)),
        (inside("Simplex", 3, 2), True, Range(Fraction(0), Fraction(2), False, False)),
        (inside("Box", 0, 1, shift=x("a")), True, Range(Fraction(-1), Fraction(1), False, False)),
        (inside("Box", 0, 1, shift=x("unheard")), True, Range(None, None, False, False)),
        (inside("L2"), True, Range(None, None, False, False)),
        (inside("Cloud"), None, Range(None, None, False, False)),
        (Set(parts=(part("L2", 1), part("Box", 0, None))), True, Range(Fraction(0), Fraction(1), False, False)),
        (Set(parts=()), False, Range()),
    ],
)
def test_place(found: Set, compact: bool | None, span: Range) -> None:
    """Compactness and the values of each number; `free` and `solid` only where they are certain."""
    base = games.pgd()
    radius = Param(name="r", value=raw(HALF))
    game = base.model_copy(update={"vars": (var("t", set=found),), "params": (radius,)})
    place = Known(game).place("t")

    assert place.compact is compact
    assert place.range == span
