"""Objectives that grow faster than moves of the samples cost: the worst case of such a ball is infinite."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.transport import near
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Index, Num, Reduce, Ref
from gamespec.ir.walk import free_names

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(game: ir.Game, build: Build) -> None:
    """Record GW415 where an objective provably grows as a power of the sample above the order of its ball.

    One sample that moves far with a small probability spends as little as is wanted, and gains without end.
    Source: Gao and Kleywegt 2023, definition 2 and proposition 2: the worst case is finite only up to a growth of that order.
    """
    for var in game.vars:
        node = next((n for n in game.nodes if n.owns == (var.name,)), None)
        found = None if node is None else near(game, var, node)
        if node is None or found is None or found.order is None or found.field.range is not None:
            continue
        power = growth(found.body, found.sample, up=node.sense == "max")
        if power is not None and power > found.order:
            name, shown = build.written.get(var.name, var.name), build.written.get(found.sample, found.sample)
            build.log.add("GW415", f"the worst case of `{name}` is infinite", build.spans[f"var:{var.name}"],
                          f"the objective grows as the power {power} of `{shown}`, and the cost of a move as the power {found.order}",
                          hint=f"write `order = {power if power <= 2 else 'inf'}`")  # fmt: skip


def growth(e: Expr, name: str, *, up: bool = True) -> Fraction | None:
    """The power of a sample as which a formula surely grows to infinity, to minus infinity without `up`.

    0 where the sample is not in it; None where nothing is proved.
    """
    if name not in free_names(e):
        return Fraction(0)
    match e:
        case Call(fn="neg", args=(a,)):
            return growth(a, name, up=not up)
        case Call(fn="add" | "sub", args=(a, b)):
            both = growth(a, name, up=up), growth(b, name, up=up == (e.fn == "add"))
            return None if None in both else max(p for p in both if p is not None)
        case Call(fn="mul", args=(Num(value=c), a)) | Call(fn="mul" | "div", args=(a, Num(value=c))) if c:
            return growth(a, name, up=up == (c > 0))
        case Reduce(op="sum" | "mean", body=body) if all(not d.draws for d in e.draws):
            return growth(body, name, up=up)
        case Call(fn="norm" | "abs", args=(a, *_)) if up and _affine(a, name):
            return Fraction(1)
        case Call(fn="pow", args=(a, Num(value=k))) if up and k > 0 and _affine(a, name):
            return k if k % 2 == 0 else None
        case Call(fn="pow", args=(a, Num(value=k))) if up and k > 0:
            power = growth(a, name)
            return None if power is None else power * k
        case _:
            return None


def _affine(e: Expr, name: str) -> bool:
    """Whether a formula is the sample, or an entry of it, times a number other than 0, plus what does not hold the sample."""
    match e:
        case Ref(name=own) | Index(base=Ref(name=own)):
            return own == name
        case Call(fn="neg", args=(a,)):
            return _affine(a, name)
        case Call(fn="add" | "sub", args=(a, b)):
            return (_affine(a, name) and name not in free_names(b)) or (_affine(b, name) and name not in free_names(a))
        case Call(fn="mul", args=(Num(value=c), a)) | Call(fn="mul" | "div", args=(a, Num(value=c))):
            return bool(c) and _affine(a, name)
        case _:
            return False
