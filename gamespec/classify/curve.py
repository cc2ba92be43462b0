"""How curvature composes: sums, weights, powers, and functions of curved parts (Grant, Boyd and Ye 2006)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gamespec.classify import interval
from gamespec.classify.bounds import call, reduced
from gamespec.classify.interval import ALL, INF, Interval
from gamespec.ir import expr as ir
from gamespec.library.functions import FUNCTIONS

Shape = Literal["constant", "affine", "convex", "concave", "unknown"]
_FLIPPED: dict[Shape, Shape] = {"convex": "concave", "concave": "convex"}


@dataclass(frozen=True, slots=True)
class Curve:
    """What an expression is in the own variables, elementwise where it is an array.

    `why` names the curved parts, or the part that ends the rules. `strong` lists lower bounds of the strong convexity
    (concavity of a concave one) by variable, for the sum of the elements. `plain` names the variable that this is, up
    to its sign and a constant added; `root` the one whose Euclidean distance to a constant this is. `size` counts the
    elements.
    """

    shape: Shape
    bounds: Interval = ALL
    why: tuple[str, ...] = ()
    strong: tuple[tuple[str, float], ...] = ()
    plain: str = ""
    root: str = ""
    size: int | None = 1

    @property
    def flat(self) -> bool:
        """Constant or affine."""
        return self.shape in ("constant", "affine")

    def text(self) -> str:
        """The curved parts in one line."""
        return ", ".join(dict.fromkeys(self.why))


SCALAR = ("sum", "mean", "norm", "mse", "ce", "kl", "margin", "correct")


def count(shape: tuple[int, ...]) -> int:
    """How many numbers an array of this shape has."""
    found = 1
    for n in shape:
        found *= n
    return found


def common(read: list[Curve]) -> int | None:
    """The number of elements of an elementwise result."""
    return None if any(c.size is None for c in read) else max(c.size or 1 for c in read)


def both(a: Interval, b: Interval) -> Interval:
    """What lies in both."""
    return max(a[0], b[0]), min(a[1], b[1])


def flip(a: Curve) -> Curve:
    """The opposite."""
    why = tuple(w if a.shape == "unknown" else (w[1:] if w.startswith("-") else f"-{w}") for w in a.why)
    return replace(a, shape=_FLIPPED.get(a.shape, a.shape), bounds=interval.neg(a.bounds), why=why, root="")


def add(a: Curve, b: Curve) -> Curve:
    """The sum."""
    shape = _together([a, b])
    why = a.why + b.why
    if shape == "unknown" and "unknown" not in (a.shape, b.shape):
        why = ("a convex and a concave part", *why)
    elif shape == "unknown":
        why = (a.why if a.shape == "unknown" else ()) + (b.why if b.shape == "unknown" else ())
    strong = dict(a.strong)
    for name, value in b.strong:
        strong[name] = strong.get(name, 0.0) + value
    plain = a.plain if b.shape == "constant" else (b.plain if a.shape == "constant" else "")
    # A constant array added to a number makes many copies of it: it is the variable no more.
    grown = (b if a.plain else a).size
    plain = plain if grown == 1 or grown == (a if a.plain else b).size else ""
    return Curve(shape, interval.add(a.bounds, b.bounds), why, tuple(strong.items()), plain, "", common([a, b]))


def _together(parts: list[Curve]) -> Shape:
    """The shape of a sum."""
    shapes = {p.shape for p in parts} - {"constant"}
    if not shapes:
        return "constant"
    curved = shapes - {"affine"}
    if len(curved) > 1:
        return "unknown"
    return curved.pop() if curved else "affine"


def joined(parts: list[Curve]) -> Curve:
    """An array of parts."""
    shape: Shape = _together(parts)
    span = parts[0].bounds
    for part in parts[1:]:
        span = interval.hull(span, part.bounds)
    return Curve(shape, span, tuple(w for p in parts for w in p.why), size=None)


def scale(a: Curve, weight: Curve) -> Curve:
    """The product with a constant."""
    lo, hi = weight.bounds
    span = interval.mul(a.bounds, weight.bounds)
    size = common([a, weight])
    if a.flat:
        return replace(a, bounds=span, plain="", root="", size=size)
    if lo >= 0:
        return replace(a, bounds=span, strong=_scaled(a, lo), plain="", root="", size=size)
    if hi <= 0:
        return replace(flip(a), bounds=span, strong=_scaled(a, -hi), plain="", root="", size=size)
    return Curve("unknown", span, ("a weight whose sign is unknown",), size=size)


def _scaled(a: Curve, by: float) -> tuple[tuple[str, float], ...]:
    return tuple((name, interval.mul((m, m), (by, by))[0]) for name, m in a.strong) if by > 0 else ()


def product(a: Curve, b: Curve, otherwise: str) -> Curve:
    """The product of two parts, one of which must be constant for a verdict."""
    if a.shape == "constant":
        return scale(b, a)
    if b.shape == "constant":
        return scale(a, b)
    culprits = tuple(w for c in (a, b) if c.shape == "unknown" for w in c.why)
    return Curve("unknown", interval.mul(a.bounds, b.bounds), culprits or (otherwise,), size=common([a, b]))


def reciprocal(b: Curve) -> Curve:
    """One over a part."""
    return replace(b, bounds=interval.inverse(b.bounds)) if b.shape == "constant" else power(b, -1.0)


def matmul(a: Curve, b: Curve, *, same: bool) -> Curve:
    """The product of rows and columns; `same`: a row with itself."""
    if same and a.plain:
        return Curve("convex", (0.0, INF), ("a sum of squares",), ((a.plain, 2.0),))
    if same and a.flat:
        return Curve("convex", (0.0, INF), ("a sum of squares",))
    return replace(product(a, b, "a product of two parts that both move"), strong=(), size=None)


def power(a: Curve, n: float) -> Curve:
    """The power with a constant exponent, where that is defined."""
    if n == 1:
        return a
    even = n > 0 and n % 2 == 0
    shape = _power_shape(a, n, even=even)
    name = f"a power {n:g}" if n != 2 else "a square"
    owner = a.root or a.plain
    strong = ((owner, 2.0),) if n == 2 and owner else ()
    why = (f"norm({a.root})^2",) if n == 2 and a.root else (name,)
    return Curve(shape, (0.0, INF) if even else ALL, why if shape != "unknown" else a.why or why, strong, size=a.size)


def _power_shape(a: Curve, n: float, *, even: bool) -> Shape:
    lo, hi = a.bounds
    rising, falling = a.shape in ("affine", "convex"), a.shape in ("affine", "concave")
    if n > 1 and ((even and a.flat) or (lo >= 0 and rising) or (even and hi <= 0 and falling)):
        return "convex"
    if (n > 1 and n % 2 == 1 and hi <= 0 and falling) or (0 < n < 1 and falling):
        return "concave"
    return "convex" if n < 0 and lo >= 0 and falling else "unknown"


def function(fn: str, args: list[Curve]) -> Curve:
    """A function of the table: convex and rising of convex is convex, and so on."""
    entry, first = FUNCTIONS[fn], args[0]
    rest = args[1:]
    span = call(fn, [a.bounds for a in args])
    size = 1 if fn in SCALAR else common(args)
    culprits = tuple(w for a in args if a.shape == "unknown" for w in a.why)
    if culprits:
        return Curve("unknown", span, culprits, size=size)
    if fn in ("max", "min"):
        return _extreme(fn, args, span, size)
    if fn in ("sum", "mean"):
        share = interval.inverse((float(first.size or 1),) * 2)[0] if fn == "mean" else 1.0
        counted = fn == "sum" or first.size is not None
        return Curve(first.shape, span, first.why, _scaled(first, share) if counted else ())
    jointly = fn in ("mse", "kl") and all(a.flat for a in args)
    if not jointly and any(a.shape != "constant" for a in rest):
        return Curve("unknown", span, (f"`{fn}` of two parts that both move",), size=size)
    shape = _composed(entry.curvature, _slope(fn, entry.slope, first), first)
    if shape == "unknown":
        reason = f"`{fn}` is not convex" if entry.curvature == "unknown" else f"`{fn}` of a curved part"
        return Curve(shape, span, (reason,), size=size)
    inside = "an affine map" if first.flat else "a curved part"
    root = first.plain if fn == "norm" and not rest else ""
    return Curve(shape, span, (*first.why, f"{fn} of {inside}"), root=root, size=size)


def _slope(fn: str, slope: int, first: Curve) -> int:
    """Norms rise where their argument is not negative."""
    return 1 if fn in ("abs", "norm") and first.bounds[0] >= 0 else slope


def _composed(outer: str, slope: int, inner: Curve) -> Shape:
    if outer == "convex":
        fits = inner.flat or (slope > 0 and inner.shape == "convex") or (slope < 0 and inner.shape == "concave")
        return "convex" if fits else "unknown"
    if outer == "concave":
        fits = inner.flat or (slope > 0 and inner.shape == "concave") or (slope < 0 and inner.shape == "convex")
        return "concave" if fits else "unknown"
    return "unknown"


def _extreme(fn: str, args: list[Curve], span: Interval, size: int | None) -> Curve:
    wanted: Shape = "convex" if fn == "max" else "concave"
    if all(a.flat or a.shape == wanted for a in args):
        return Curve(wanted, span, (*(w for a in args for w in a.why), f"{fn} of {wanted} parts"), size=size)
    return Curve("unknown", span, (f"`{fn}` of parts that are not {wanted}",), size=size)


def reduced_curve(op: str, draws: tuple[ir.Draw, ...], body: Curve) -> Curve:
    """A reduction over samples or indices."""
    span = reduced(op, body.bounds)
    if body.shape in ("constant", "unknown"):
        return replace(body, bounds=span, strong=(), plain="", root="")
    if op in ("max", "min"):
        return _extreme(op, [body], span, body.size)
    if op in ("E", "mean", "sum"):
        # The sum over an index set or over data is not empty; one with a condition may be.
        kept = op != "sum" or all(d.cond is None for d in draws)
        return replace(body, bounds=span, strong=body.strong if kept else (), plain="", root="")
    return Curve("unknown", span, (f"`{op}` of parts that move",), size=body.size)
