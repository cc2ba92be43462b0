"""The cells of a sweep, each checked before any of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec import pipeline, shipped
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.report.suggest import nearest
from gamespec.run.sweep import Cell, Grid, identity
from gamespec.syntax import tree
from gamespec.syntax.read import read

if TYPE_CHECKING:
    from gamespec.screen import Screen

MOST = 100_000
"""Cells of one sweep."""


def cells(grid: Grid, screen: Screen) -> tuple[str, list[Cell]]:
    """A name for the sweep and its cells. Error: GameError where the file, or a name that is swept, is wrong.

    A value that the game refuses is the failure of its cells alone.
    """
    source = read(shipped.find(grid.file))
    screen.sources[source.name] = source
    # `--set` of a name that is unknown is refused for all cells together.
    base = pipeline.check(source, tuple((k, v) for k, v in grid.sets if k != "schedule"))
    screen.say(base.diagnostics)
    _known(grid, base, source)
    found: list[Cell] = []
    meanings: dict[tuple[tuple[str, str], ...], tuple[str, str]] = {}
    for values, seed in grid.cells():
        if len(found) >= MOST:
            raise _refused(source, f"more than {MOST} cells", "sweep fewer values or seeds")
        if values not in meanings:
            meanings[values] = _meaning(grid, values, source)
        meaning, wrong = meanings[values]
        found.append(Cell(values, seed, identity(meaning, grid), wrong))
    return f"{base.game.name}-{base.game.hash()}", found


def _known(grid: Grid, base: pipeline.Checked, source: Source) -> None:
    """Names that are swept are params, or `schedule` with schedules of the game."""
    params = [s.name.id for s in base.spec.statements if isinstance(s, tree.Param)]
    schedules = [s.name for s in base.game.schedules]
    seen: set[str] = set()
    for name, values in grid.over:
        if name in seen:
            raise _refused(source, f"`{name}` is swept twice", f"write `--over {name}=a,b` once")
        seen.add(name)
        if name == "schedule":
            unknown = [v for v in values if v not in schedules]
            if unknown:
                raise _refused(source, f"unknown schedule `{unknown[0]}`", f"there are {', '.join(schedules)}", "GE502")
        elif name not in params:
            near = nearest(name, [*params, "schedule"])
            hint = f"write `--over {near}=...`" if near else f"params: {', '.join(params) or 'none'}"
            raise _refused(source, f"no param `{name}` in {source.name}", hint, "GE504")


def _meaning(grid: Grid, values: tuple[tuple[str, str], ...], source: Source) -> tuple[str, str]:
    """The hash of the game with these values, or why there is none."""
    sets = tuple((k, v) for k, v in (*grid.sets, *values) if k != "schedule")
    try:
        return pipeline.check(source, sets).game.hash(), ""
    except GameError as error:
        return "", "; ".join(f"{d.code}: {d.message}" for d in error.diagnostics)


def _refused(source: Source, message: str, hint: str, code: str = "GE501") -> GameError:
    return GameError((Diagnostic(code, message, Label(Span(source.name, 0, 0)), hint=hint),))
