"""One problem under several schedules and readings: the same game in turn and at once, each point judged by every concept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gamespec import pipeline
from gamespec.classify.globally import Landscape, landscape
from gamespec.classify.judge import Judged, judge
from gamespec.ir.expr import Value
from gamespec.ir.game import Edge, Game, Group, Schedule
from gamespec.ir.walk import constrained, problem
from gamespec.report.diagnostic import GameError

if TYPE_CHECKING:
    from gamespec.pipeline import Checked
    from gamespec.run.execute import Request
    from gamespec.run.result import Result

WRITTEN = "as written"


@dataclass(frozen=True, slots=True)
class Reading:
    """A game with one order of play; `schedules` are those that it is run under."""

    name: str
    checked: Checked
    schedules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One run: how it was made, where it ended, what that is worth; `failed` says why there is none."""

    reading: str
    schedule: str
    method: str = ""
    status: str = ""
    value: float | None = None
    certified: bool | None = None
    judged: Judged | None = None
    point: tuple[tuple[str, float], ...] = ()
    seconds: float = 0.0
    failed: str = ""
    settled: float | None = None
    """The share of random starts that come to rest, and at how many places; None where none were played."""
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs, and what is proved of the whole game where that could be done."""

    rows: tuple[Row, ...]
    whole: Landscape | None

    def __str__(self) -> str:
        """A table, the points reached, and the proofs."""
        head = ("reading", "schedule", "method", "value", *(title for title, _ in COLUMNS), *ENDS)
        lines = _aligned([head, *(_cells(row) for row in self.rows)])
        lines += [f"{row.reading}, {row.schedule}: {row.failed}" for row in self.rows if row.failed]
        places = [(f"{row.reading}, {row.schedule}", _place(row)) for row in self.rows if row.point]
        if places:
            lines += ["", "points reached", *(f"  {line}" for line in _aligned([(a, b) for a, b in places]))]
        if self.whole is not None:
            lines += ["", "of the whole game, proved", *(f"  {line}" for line in str(self.whole).split("\n"))]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {"rows": [asdict(row) for row in self.rows], "whole": None if self.whole is None else str(self.whole)}


COLUMNS = (("slope", "slope"), ("total", "total"), ("gap", "gap"), ("regret", "regret"), ("local Nash", "nash"), ("local minimax", "minimax"))
"""The columns of judgement: title and field of `Judged`. What no row has is left out."""

ENDS = ("certified", "status", "time", "starts at rest", "places", "solves")
"""The columns after those of judgement."""


def compare(
    checked: Checked,
    schedules: tuple[str, ...] = (),
    steps: int | None = None,
    seed: int | None = None,
    allow: tuple[str, ...] = (),
    starts: int = 0,
) -> Comparison:
    """Run every schedule of a game as written, and its other readings under the methods that these get by default.

    `allow` lists modules that `py(..)` may import. With `starts` so many random starts are played as well wherever that
    is done on plain numbers.
    """
    from gamespec.run.execute import Request
    from gamespec.run.proofs import coordinates

    whole = landscape(problem(checked.game))
    values = (whole.minimax, whole.maximin) if whole and whole.minimax and whole.maximin else None
    rows = []
    for reading in readings(checked, schedules):
        for schedule in reading.schedules:
            row, result = _run(reading, schedule, Request(seed=seed, steps=steps, command="compare", allow=allow, starts=starts))
            if result is not None:
                point = coordinates(result.players)
                row = replace(row, judged=judge(problem(checked.game), dict(point), values), point=point)
            rows.append(row)
    return Comparison(tuple(rows), whole)


def readings(checked: Checked, schedules: tuple[str, ...] = ()) -> Iterator[Reading]:
    """The game as written, then at once where it was in turn, or in each turn where it was at once."""
    yield Reading(WRITTEN, checked, schedules or tuple(s.name for s in checked.game.schedules))
    game = checked.game
    plain = not any(n.scope or n.axis or n.choice for n in problem(game).nodes) and not constrained(game)
    if not plain:
        return
    if game.edges and game.order_word != "simultaneous":
        yield _read(checked, "at once", _at_once(game))
    elif game.edges:
        yield _read(checked, "in turn", game.model_copy(update={"order_word": ""}))
    elif len(game.root) == 2:
        for first, second in (game.root, game.root[::-1]):
            label = ", ".join(game.node(first).owns)
            yield _read(checked, f"{label} first", _in_turn(game, first, second))


def _read(checked: Checked, name: str, game: Game) -> Reading:
    """A reading with every choice left to its default: rates of one order need not suit another."""
    update = {"schedules": (Schedule(name="default", entries=()),), "expects": ()}
    settings = tuple(s for s in game.run if s.key != "schedule")
    return Reading(name, replace(checked, game=game.model_copy(update=update | {"run": settings})), ("default",))


def _at_once(game: Game) -> Game:
    if any(edge.kind == "value" for edge in game.edges):
        return game.model_copy(update={"order_word": "simultaneous", "order": ()})
    nodes = tuple(n.id for n in problem(game).nodes)
    roots = (*game.root, *(n for n in nodes if n not in game.root))
    return game.model_copy(update={"edges": (), "root": roots, "groups": (Group(id="group", nodes=roots),), "concept": "nash", "order": ()})


def _in_turn(game: Game, first: str, second: str) -> Game:
    """The first player sees the answer of the second; of one objective it sees the value."""
    leader, follower = game.node(first), game.node(second)
    plain = {"root": (first,), "groups": (), "concept": "nested", "order": (), "order_word": ""}
    if leader.objective == follower.objective and leader.sense != follower.sense:
        nodes = tuple(n.model_copy(update={"objective": Value(node=second)}) if n.id == first else n for n in game.nodes)
        return game.model_copy(update=plain | {"nodes": nodes, "edges": (Edge(kind="value", parent=first, child=second),)})
    return game.model_copy(update=plain | {"edges": (Edge(kind="response", parent=first, child=second),)})


def _run(reading: Reading, schedule: str, request: Request) -> tuple[Row, Result | None]:
    from gamespec.run.execute import execute
    from gamespec.run.starts import PLACES, SETTLED

    begin = time.perf_counter()
    try:
        compiled = pipeline.compile(reading.checked, schedule)
        many = compiled.program.lane == "closed" and not compiled.plan.beams
        result = execute(reading.checked, compiled, request if many else replace(request, starts=0))
    except GameError as error:
        return Row(reading.name, schedule, failed="; ".join(_said(error))), None
    row = Row(
        reading.name,
        schedule,
        method=compiled.choice.solver.word,
        status=str(result.status),
        value=result.value,
        certified=bool(result.certificates.get("ok")),
        seconds=time.perf_counter() - begin,
        settled=result.metrics.get(SETTLED),
        places=int(result.metrics[PLACES]) if PLACES in result.metrics else None,
    )
    return row, result


def _said(error: GameError) -> list[str]:
    return [f"{d.code}: {d.message}{f' ({d.primary.text})' if d.primary.text else ''}" for d in error.diagnostics]


def _cells(row: Row) -> tuple[str, ...]:
    judged = [getattr(row.judged, name) if row.judged else None for _, name in COLUMNS]
    shown = [_number(x) if not isinstance(x, bool) else _word(x) for x in judged]
    certified = "" if row.certified is None else _word(row.certified)
    value = "" if row.value is None else f"{row.value:.6g}"
    rest, places = "" if row.settled is None else f"{row.settled:.1%}", "" if row.places is None else str(row.places)
    solves = ", ".join(row.judged.concepts) or ("nothing" if row.judged.refuted else "") if row.judged else ""
    return (row.reading, row.schedule, row.method, value, *shown, certified, row.status or "none", f"{row.seconds:.1f} s", rest, places, solves)


def _word(verdict: bool) -> str:
    return "yes" if verdict else "no"


def _number(x: float | None) -> str:
    return "" if x is None else "0" if x < 1e-12 else f"{x:.2g}"


def _place(row: Row) -> str:
    shown = [f"{name} = {0.0 if abs(x) < 5e-9 else x:.6g}" for name, x in row.point[:8]]
    return ", ".join(shown) + (", ..." if len(row.point) > 8 else "")


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns side by side; those that are empty under their title are left out."""
    kept = [i for i in range(len(rows[0])) if len(rows) < 2 or any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in kept}
    return ["  ".join(row[i].ljust(widths[i]) for i in kept).rstrip() for row in rows]


__all__ = ["Comparison", "Reading", "Row", "compare", "readings"]
