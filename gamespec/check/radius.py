"""Balls against the data: a radius larger than the domain, perturbations that leave it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Num, Ref
from gamespec.ir.types import Interval
from gamespec.ir.walk import walk

if TYPE_CHECKING:
    from gamespec.check.expressions import Build


def check(game: ir.Game, build: Build) -> None:
    """Record GE410 (radius beyond the domain) and GW411 (the perturbed input can leave the domain)."""
    ranges = {n: f.range for d in game.data for n, f in zip(build.samples.get(d.name, ()), d.fields, strict=False) if f.range}
    for var in game.vars:
        if var.set is None:
            continue
        around = _around(var.name, game)
        rng = next((ranges[a] for a in around if a in ranges), None)
        if rng is None:
            continue
        for part in var.set.parts:
            if part.word in ("Linf", "L2") and part.args:
                _radius(var, part, rng, game, build)
        if not any(p.shift is not None for p in var.set.parts):
            name = next(a for a in around if a in ranges)
            build.log.notice("GW411", f"`{name} + {var.name}` can leave the domain of `{name}`", build.spans[f"var:{var.name}"],
                             f"values of `{name}` lie in [{rng.lo}, {rng.hi}]", hint=f"add `& (domain({name}) - {name})` to its set")  # fmt: skip


def _around(var: str, game: ir.Game) -> list[str]:
    """The names that a variable is added to."""
    found = []
    for node in game.nodes:
        for e in walk(node.objective):
            if isinstance(e, Call) and e.fn in ("add", "sub"):
                names = [_base(a) for a in e.args]
                if var in names:
                    found += [n for n in names if n and n != var]
    return found


def _base(expr: Expr) -> str:
    if getattr(expr, "kind", "") == "index":
        return _base(expr.base)  # type: ignore[union-attr]  # the kind says it; until 2027-11
    return expr.name if isinstance(expr, Ref) else ""


def _radius(var: ir.Var, part: ir.Part, rng: Interval, game: ir.Game, build: Build) -> None:
    arg = part.args[0]
    name = arg.name if isinstance(arg, Ref) else ""
    values = {p.name: p.value for p in game.params}
    value = values.get(name, arg)
    if not isinstance(value, Num) or rng.width is None:
        return
    reach = rng.width if part.word == "Linf" else rng.width * Fraction(_root(var.type.shape))
    if value.value > reach:
        span = build.spans.get(f"param:{name}", build.spans[f"var:{var.name}"])
        guess = f"{plain(value)}/255" if value.value.denominator == 1 else ""
        build.log.add("GE410", "the radius is larger than the data", span, f"used as a radius around data in [{rng.lo}, {rng.hi}]",
                         hint=f"did you mean `{guess}`?" if guess else f"choose at most {reach}")  # fmt: skip


def _root(shape: tuple[int, ...]) -> int:
    """A whole number at least the square root of the number of entries."""
    total = 1
    for n in shape:
        total *= n
    root = 1
    while root * root < total:
        root += 1
    return root
