"""Parts of the language that are checked and explained, and that no emitted program has yet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gamespec.check.shape import each
from gamespec.ir.expr import Num, Word
from gamespec.ir.game import Edge, Game


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What cannot be written as a program, where it stands (the first of these places that is known), and what to do instead."""

    what: str
    at: tuple[str, ...]
    hint: str


def unwritten(game: Game, schedule: str) -> Unwritten | None:
    """The first part of a game under a schedule that no program can be written for, None where there is none."""
    return next(_found(game, schedule), None)


def _found(game: Game, schedule: str) -> Iterator[Unwritten]:
    for node in game.nodes:
        several = node.axis or len(node.owns) > 1 or (bool(node.scope) and not each(game, node.scope))
        if node.constraints and (node.choice is not None or (node.scope and several)):
            said = "a constraint on a choice among few, on one answer of several variables, of a family or of a task cannot be solved yet"
            yield Unwritten(said, (f"node:{node.id}",), "declare a set on the variable, or add a penalty")
    for edge in game.edges:
        if edge.ties != "any":
            yield from _tied(game, edge)
    yield from _declared(game, schedule)


def _tied(game: Game, edge: Edge) -> Iterator[Unwritten]:
    """Ties are broken by a search, which needs few numbers in boxes, and one leader with one follower of closed form."""
    at, ties = (f"node:{edge.child}",), f"`ties {edge.ties}`"
    if len(game.edges) > 1 or len(game.root) > 1 or game.data or game.dists or any(n.constraints for n in game.nodes):
        yield Unwritten(
            f"{ties} is solved for one leader of one follower, without data and constraints", at, "drop `ties`, or make the answer unique"
        )
    for node, most in ((game.node(edge.parent), 2), (game.node(edge.child), 1)):
        owned = [v for v in game.vars if v.name in node.owns]
        count = sum(math.prod(v.type.shape) for v in owned)
        if len(owned) < len(node.owns) or count > most or node.choice is not None or node.axis:
            said = f"{ties} is solved for leaders of at most 2 numbers and followers of one, and {', '.join(f'`{o}`' for o in node.owns)} is more"
            yield Unwritten(said, (f"node:{node.id}",), "drop `ties`, or make the answer unique")
            continue
        for v in owned:
            sides = [p.args for p in v.set.parts] if v.set is not None else []
            if len(sides) != 1 or v.set is None or v.set.parts[0].word != "Box" or any(isinstance(a, Word) for a in sides[0]):
                hint = f"declare `var {v.name} in [-1, 1]`"
                yield Unwritten(f"{ties} is solved by a search of boxes, and `{v.name}` lies in none with two sides", (f"var:{v.name}",), hint)


def _declared(game: Game, schedule: str) -> Iterator[Unwritten]:
    for var in (v for v in game.vars if v.type.kind == "dist"):
        near = var.set is not None
        most, over = 6, f"draw from it for `{var.type.net}` alone, and write `{var.name}: particles(2)`, 6 at most"
        if not var.type.net:
            most, over = 32, f"draw from it by `E`, and write `{var.name}: particles(8)`, 32 at most"
        uses = (
            u for s in game.schedules if s.name == schedule for e in s.entries if e.target == var.name for u in e.directives if u.word == "particles"
        )
        if any(isinstance(o.value, Num) and o.value.value > most for u in uses for o in u.options):
            yield Unwritten(f"a distribution is played by {most} particles at most", (f"{var.name}:particles.0",), f"write `{most}`")
        alone = f"write one expectation over it against its leader, `max{{{var.name}}} [ E{{.. ~ {var.name}}}[ .. ] ]`, of order 1 to 2 or inf"
        hint = alone if near and var.type.net else over
        if any(d.over == var.name for n in game.nodes for d in n.scope):
            hint = f"draw from `{var.name}` in an expectation of its own, with no player inside: one who answers each draw is not available"
        yield Unwritten("a player that chooses a distribution cannot be solved yet", (f"var:{var.name}",), hint)
