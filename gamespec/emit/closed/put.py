"""Points put into sets: boxes as formulas, other sets by their own function of plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gamespec.emit.closed.graph import Node, NotClosed
from gamespec.emit.closed.read import Array
from gamespec.emit.functions import writer
from gamespec.emit.sets import box, library_options
from gamespec.emit.spell import target
from gamespec.ir import game as ir
from gamespec.library.registry import words

if TYPE_CHECKING:
    from gamespec.emit.closed.play import Play


def put(play: Play, into: ir.Set | None, names: list[str], point: Array, node: str) -> None:
    """Assign the nearest point of a set."""
    projected = clipped(play, into, point)
    if projected is not None:
        play.assign(names, projected.items, [node] * len(names))
        return
    assert into is not None  # no set is no box
    for row, some in _groups(into, point, names):
        texts = play.inline(row, node)
        if sum(map(len, texts)) > 100:
            play.assign(some, row, [node] * len(row))
            texts = some
        play.line(f"{target(some)} = {_onto(play, into, texts)}", node)


def clipped(play: Play, into: ir.Set | None, point: Array) -> Array | None:
    """The nearest point of a box as formulas; None for another set."""
    if into is None:
        return point
    sides = box(into, writer(play.scene))
    if sides is None:
        return None
    if sides.tensors:
        raise NotClosed("a set is moved")
    g = play.graph
    lo, hi = (None if t is None else g.name(t, constant=True) for t in (sides.lo, sides.hi))
    if lo is not None and hi is not None:
        return Array(point.shape, tuple(g.call("clip", z, lo, hi) for z in point.items))
    if lo is not None:
        return Array(point.shape, tuple(g.call("atleast", z, lo) for z in point.items))
    return point if hi is None else Array(point.shape, tuple(g.call("atmost", z, hi) for z in point.items))


def _groups(into: ir.Set, point: Array, names: list[str]) -> list[tuple[Sequence[Node], list[str]]]:
    """What is projected together: all numbers, or those of each row where the set is one of vectors."""
    width = point.shape[-1] if words("sets")[into.parts[0].word].sizes and point.shape else len(point.items)
    return [(point.items[k : k + width], names[k : k + width]) for k in range(0, len(names), width)]


def _onto(play: Play, into: ir.Set, texts: list[str]) -> str:
    """The call that projects a list of numbers on a set that is no box."""
    entry = words("sets")[into.parts[0].word]
    if entry.project_numbers is None or len(into.parts) != 1 or into.parts[0].shift is not None:
        raise NotClosed(f"`{into.parts[0].word}` is not written for plain numbers")
    play.scene.reached.add(entry.project_numbers.__name__)
    arguments = [f"[{', '.join(texts)}]", *library_options(into.parts[0], writer(play.scene))]
    return f"{entry.project_numbers.__name__}({', '.join(arguments)})"
