"""Parts of the language that are checked and explained, and that no emitted program has yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gamespec.ir.game import Game


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What cannot be written as a program, where it stands in the source map, and what to do instead."""

    what: str
    at: str
    hint: str


def unwritten(game: Game) -> Unwritten | None:
    """The first part of a game that no program can be written for, None where there is none."""
    return next(_found(game), None)


def _found(game: Game) -> Iterator[Unwritten]:
    for node in game.nodes:
        if node.constraints and (node.scope or node.choice is not None or node.id.startswith("@")):
            yield Unwritten(
                "a constraint on one answer for each sample cannot be solved yet",
                f"node:{node.id}",
                "declare a set on the variable, or add a penalty",
            )
    for edge in game.edges:
        if edge.ties != "any":
            yield Unwritten(f"`ties {edge.ties}` cannot be solved yet", f"node:{edge.child}", "drop `ties`, or make the answer unique")
    yield from _declared(game)


def _declared(game: Game) -> Iterator[Unwritten]:
    for var in game.vars:
        if var.type.kind == "dist":
            yield Unwritten("a player that chooses a distribution cannot be solved yet", f"var:{var.name}", "let it choose one point")
        if var.type.kind == "tokens":
            yield Unwritten("a player that chooses words cannot be solved yet", f"var:{var.name}", "let it choose numbers")
    for dist in game.dists:
        if dist.source.word == "py":
            hint = "draw from `Normal(0, 1)` or `Uniform(0, 1)`, or declare a data source with `py`"
            yield Unwritten("a distribution from outside cannot be drawn from yet", f"dist:{dist.name}", hint)
