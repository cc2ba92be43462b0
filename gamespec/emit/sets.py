"""Sets as Python text: projecting on one, drawing from one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gamespec.check.constant import plain
from gamespec.emit.expr import Writer
from gamespec.emit.piece import ATOM, NEGATIVE, exact
from gamespec.emit.refuse import UnsupportedError
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Ref, Word
from gamespec.library.registry import words


@dataclass(frozen=True, slots=True)
class Box:
    """The two sides of a box as Python text, None where open; `tensors` when they depend on a sample."""

    lo: str | None
    hi: str | None
    tensors: bool = False


def box(found: ir.Set, writer: Writer) -> Box | None:
    """The sides of an intersection of boxes; None when some part is no box."""
    entries = [words("sets")[p.word] for p in found.parts]
    if any(e.bounds is None for e in entries):
        return None
    fixed: list[tuple[str | None, str | None]] = []
    moving: list[tuple[str | None, str | None]] = []
    for part in found.parts:
        lo, hi = _sides(part, writer)
        if part.shift is None:
            fixed.append((lo, hi))
        else:
            shift = writer.write(part.shift).within(ATOM)
            moving.append((lo and f"{lo} - {shift}", hi and f"{hi} - {shift}"))
    lows, highs = [lo for lo, _ in fixed if lo], [hi for _, hi in fixed if hi]
    lo, hi = _tightest("max", lows), _tightest("min", highs)
    if not moving:
        return Box(lo, hi)
    if len(moving) > 1:
        raise UnsupportedError("two shifted sets at once cannot be written in this version")
    inner_lo, inner_hi = moving[0]
    low = lo if inner_lo is None else f"({inner_lo}).clamp(min={lo})" if lo else f"({inner_lo})"
    high = hi if inner_hi is None else f"({inner_hi}).clamp(max={hi})" if hi else f"({inner_hi})"
    return Box(low, high, tensors=True)


def _tightest(word: str, sides: list[str]) -> str | None:
    return None if not sides else sides[0] if len(sides) == 1 else f"{word}({', '.join(sides)})"


def _sides(part: ir.Part, writer: Writer) -> tuple[str | None, str | None]:
    if part.word == "Box":
        lo, hi = (_side(a, writer) for a in part.args)
        return lo, hi
    if part.word == "Linf":
        radius = _side(part.args[0], writer)
        return f"-{radius}", radius
    values = {p.name: plain(p.value) for p in writer.game.params}
    lo, hi = words("sets")[part.word].bounds(*(values[a.name] if isinstance(a, Ref) else plain(a) for a in part.args))
    return None if lo is None else repr(float(lo)), None if hi is None else repr(float(hi))


def _side(arg: Expr, writer: Writer) -> str | None:
    """The text of a bound or a radius, None where the set is open; a whole number is written as a float."""
    if isinstance(arg, Word):
        return None
    value = exact(arg)
    if value is not None and value.denominator == 1:
        return repr(float(value))
    piece = writer.write(arg)
    return piece.within(NEGATIVE if value is not None else ATOM)


def projection(found: ir.Set | None, point: str, writer: Writer, *, rows: bool) -> str:
    """The text of the projection of `point` on a set; `point` itself without a set."""
    if found is None:
        return point
    sides = box(found, writer)
    if sides is not None:
        writer.reached.add("project_box")
        return point if sides.lo is sides.hi is None else f"project_box({point}, {sides.lo}, {sides.hi})"
    return library_call(found, point, writer, "project_rows" if rows else "project")


def mirror(found: ir.Set | None, writer: Writer, *, rows: bool) -> Callable[[str, str], str] | None:
    """How a step is made in the geometry of a set that has one: the text for a start and a step. None elsewhere."""
    if found is None or len(found.parts) != 1 or found.parts[0].shift is not None or words("sets")[found.parts[0].word].mirror is None:
        return None
    return lambda start, step: library_call(found, f"{start}, {step}", writer, "mirror_rows" if rows else "mirror")


def library_call(found: ir.Set, first: str, writer: Writer, what: str) -> str:
    """A call of a set's own function, with its options after the first argument."""
    if len(found.parts) != 1 or found.parts[0].shift is not None:
        raise UnsupportedError("an intersection with a set that is no box cannot be written in this version", "use `Linf`, or one set alone")
    part = found.parts[0]
    entry = words("sets")[part.word]
    function = getattr(entry, what) or getattr(entry, what.removesuffix("_rows"))
    writer.reached.add(function.__name__)
    return f"{function.__name__}({', '.join([first, *library_options(part, writer)])})"


def library_options(part: ir.Part, writer: Writer) -> list[str]:
    """What a set's own function gets after its first argument."""
    sizes = words("sets")[part.word].sizes
    return [t for t in (_side(a, writer) for a in part.args[sizes:]) if t is not None]


def draw(found: ir.Set | None, shape: str, rng: str, writer: Writer, *, rows: bool) -> str:
    """The text of a random member of a set, of shape `shape` (a Python expression giving a tuple).

    `rng` is the text of noise, or of a generator of the state.
    """

    def number(law: str) -> str:
        if not rng.startswith("s.rng_"):
            return f"{rng}.{law}({shape}, DTYPE)"
        return f"torch.{'rand' if law == 'uniform' else 'randn'}({shape}, generator={rng}, device=s.device, dtype=DTYPE)"

    sides = box(found, writer) if found is not None else Box(None, None)
    if sides is None:
        assert found is not None  # only a set can be no box
        if words("sets")[found.parts[0].word].start is None:
            return projection(found, number("normal"), writer, rows=rows)
        call = library_call(found, shape, writer, "start_rows" if rows else "start")
        writer.reached.update({"Drawn"} if rng.startswith("s.rng_") else set())
        return f"{call[:-1]}, rng={f'Drawn({rng})' if rng.startswith('s.rng_') else rng}, dtype=DTYPE)"
    # Inside rather than on the side, where a logarithm may have no slope.
    away = f"torch.abs({number('normal')})"
    if sides.lo is not None and sides.hi is None:
        return f"{'lo' if sides.tensors else sides.lo} + {away}"
    if sides.hi is not None and sides.lo is None:
        return f"{'hi' if sides.tensors else sides.hi} - {away}"
    if sides.lo is None or sides.hi is None:
        return projection(found, number("normal"), writer, rows=rows)
    lo, hi = ("lo", "hi") if sides.tensors else (sides.lo, sides.hi)
    return f"{lo} + {_width(lo, hi)} * {number('uniform')}"


def _width(lo: str, hi: str) -> str:
    """The width hi - lo, worked out where both are numbers."""
    if lo == f"-{hi}":
        return repr(2 * float(hi)) if _is_number(hi) else f"2 * {hi}"
    return repr(float(hi) - float(lo)) if _is_number(lo) and _is_number(hi) else f"({hi} - {lo})"


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def inside(found: ir.Set, values: list[Fraction | None], writer: Writer) -> bool:
    """Whether numbers are known to lie in a box, so that nothing need be projected."""
    sides = box(found, writer)
    if sides is None or any(side is not None and not _is_number(side) for side in (sides.lo, sides.hi)):
        return False
    lo, hi = float(sides.lo or "-inf"), float(sides.hi or "inf")
    return all(v is not None and lo <= float(v) <= hi for v in values)
