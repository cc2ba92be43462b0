"""Balls against the data: a radius larger than the domain, perturbations that leave it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Index, Num, Ref
from gamespec.ir.types import Interval
from gamespec.ir.walk import walk
from gamespec.report.diagnostic import Edit, Fix
from gamespec.report.source import Span

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(game: ir.Game, build: Build) -> None:
    """Record GE410 (radius beyond the domain) and GW411 (the perturbed input can leave the domain)."""
    ranges = {n: f.range for d in game.data for n, f in zip(build.samples.get(d.name, ()), d.fields, strict=False) if f.range}
    for var in game.vars:
        around = next((a for a in _around(var.name, game) if a in ranges), None)
        if var.set is None or around is None:
            continue
        for part in var.set.parts:
            if part.word in ("Linf", "L2"):
                _rounded(var, part, game, build)
                _radius(var, part, ranges[around], game, build)
        if not any(p.shift is not None for p in var.set.parts):
            name, moved = (build.written.get(n, n) for n in (around, var.name))
            place, text = build.spans.get(f"set:{var.name}"), f" & (domain({name}) - {name})"
            fixes = (Fix(f"add `{text.strip()}`", (Edit(Span(place.file, place.end, place.end), text),)),) if place else ()
            build.log.add("GW411", f"`{name} + {moved}` can leave the domain of `{name}`", build.spans[f"var:{var.name}"],
                          f"values of `{name}` lie in {_shown(ranges[around])}", hint=f"add `{text.strip()}` to its set", fixes=fixes)  # fmt: skip


def _rounded(var: ir.Var, part: ir.Part, game: ir.Game, build: Build) -> None:
    """Note a decimal that is nearly 1, 2, 4, 8 or 16 of 255 levels of grey (GN413)."""
    name = part.args[0].name if isinstance(part.args[0], Ref) else ""
    value = next((p.value for p in game.params if p.name == name), part.args[0])
    near = next((k for k in (1, 2, 4, 8, 16) if isinstance(value, Num) and 0 < abs(value.value * 255 / k - 1) < Fraction(3, 100)), None)
    if near is not None:
        span = build.spans.get(f"param:{name}") or build.spans.get(f"radius:{var.name}") or build.spans[f"var:{var.name}"]
        build.log.add("GN413", f"this radius is nearly {near}/255", span, "decimals are exact here", hint=f"write `{near}/255`")


def _shown(rng: Interval) -> str:
    return f"[{'-inf' if rng.lo is None else rng.lo}, {'inf' if rng.hi is None else rng.hi}]"


def _around(var: str, game: ir.Game) -> list[str]:
    """The names that a variable is added to."""
    sums = [e for node in game.nodes for e in walk(node.objective) if isinstance(e, Call) and e.fn in ("add", "sub")]
    pairs = [[_base(a) for a in e.args] for e in sums]
    return [n for names in pairs if var in names for n in names if n not in ("", var)]


def _base(expr: Expr) -> str:
    if isinstance(expr, Index):
        return _base(expr.base)
    return expr.name if isinstance(expr, Ref) else ""


def _radius(var: ir.Var, part: ir.Part, rng: Interval, game: ir.Game, build: Build) -> None:
    arg = part.args[0]
    name = arg.name if isinstance(arg, Ref) else ""
    value = next((p.value for p in game.params if p.name == name), arg)
    if not isinstance(value, Num) or rng.width is None:
        return
    far = rng.width if part.word == "Linf" else rng.width * math.isqrt(math.prod(var.type.shape) - 1) + rng.width
    if value.value > far:
        span = build.spans.get(f"param:{name}") or build.spans.get(f"radius:{var.name}") or build.spans[f"var:{var.name}"]
        guess = value.value / 255 if value.value.denominator == 1 and value.value / 255 <= far else far
        written = f"{value.value}/255" if guess != far else str(far)
        build.log.add(
            "GE410", "the radius is larger than the data", span, f"used as a radius around data in {_shown(rng)}", hint=f"write `{written}`"
        )
