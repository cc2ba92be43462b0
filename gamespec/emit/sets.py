"""Sets as Python text: projecting on one, drawing from one."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.check.constant import plain
from gamespec.emit.expr import ATOM, UnsupportedError, Writer, number
from gamespec.ir import game as ir
from gamespec.ir.expr import Expr, Num, Word
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
            moving.append((None if lo is None else f"{lo} - {shift}", None if hi is None else f"{hi} - {shift}"))
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
    texts = [_side(a, writer) for a in part.args]
    if part.word == "Box":
        return texts[0], texts[1]
    if part.word == "Linf":
        return f"-{texts[0]}", texts[0]
    lo, hi = words("sets")[part.word].bounds(*(plain(a) for a in part.args))
    return None if lo is None else repr(float(lo)), None if hi is None else repr(float(hi))


def _side(arg: Expr, writer: Writer) -> str | None:
    if isinstance(arg, Word):
        return None
    if isinstance(arg, Num):
        return number(arg.value).text if arg.value.denominator != 1 else f"{arg.value.numerator}.0"
    return writer.write(arg).text


def projection(found: ir.Set | None, point: str, writer: Writer, *, rows: bool) -> str:
    """The text of the projection of `point` on a set; `point` itself without a set."""
    if found is None:
        return point
    sides = box(found, writer)
    if sides is not None:
        writer.reached.add("project_box")
        return point if sides.lo is sides.hi is None else f"project_box({point}, {sides.lo}, {sides.hi})"
    return library_call(found, point, writer, "project_rows" if rows else "project")


def library_call(found: ir.Set, first: str, writer: Writer, what: str) -> str:
    """A call of a set's own function, with its options after the first argument."""
    if len(found.parts) != 1 or found.parts[0].shift is not None:
        raise UnsupportedError("an intersection with a set that is no box cannot be written in this version", "use `Linf`, or one set alone")
    part = found.parts[0]
    entry = words("sets")[part.word]
    function = getattr(entry, what) or getattr(entry, what.removesuffix("_rows"))
    writer.reached.add(function.__name__)
    options = [t for t in (_side(a, writer) for a in part.args[entry.sizes :]) if t is not None]
    return f"{function.__name__}({', '.join([first, *options])})"


def draw(found: ir.Set | None, shape: str, rng: str, writer: Writer, *, rows: bool) -> str:
    """The text of a random member of a set, of shape `shape` (a Python expression giving a tuple or a size)."""
    sides = box(found, writer) if found is not None else Box(None, None)
    if sides is None:
        assert found is not None
        call = library_call(found, shape, writer, "start_rows" if rows else "start")
        return f"{call[:-1]}, rng={rng}, dtype=DTYPE)"
    if sides.lo is None or sides.hi is None:
        noise = f"torch.randn({shape}, generator={rng}, device=s.device, dtype=DTYPE)"
        return noise if found is None else projection(found, noise, writer, rows=rows)
    uniform = f"torch.rand({shape}, generator={rng}, device=s.device, dtype=DTYPE)"
    return f"{sides.lo} + ({sides.hi} - {sides.lo}) * {uniform}" if not sides.tensors else f"lo + (hi - lo) * {uniform}"
