"""Parts of the language that are checked and explained, and that no emitted program has yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gamespec.ir.expr import Apply, Call, Expr, Reduce, Ref
from gamespec.ir.game import Game
from gamespec.ir.walk import walk


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
    for group in game.groups:
        if group.constraints:
            yield Unwritten("a constraint shared by players cannot be solved yet", f"node:{group.nodes[0]}", "give each variable a set of its own")
    for node in game.nodes:
        if node.constraints:
            yield Unwritten("a constraint of a player cannot be solved yet", f"node:{node.id}", "declare a set on the variable, or add a penalty")
    for edge in game.edges:
        if edge.ties != "any":
            yield Unwritten(f"`ties {edge.ties}` cannot be solved yet", f"node:{edge.child}", "drop `ties`, or make the answer unique")
    yield from _declared(game)
    labels = {p.name for p in game.params if p.type is not None}
    formulas = [(f"node:{n.id}", n.objective) for n in game.nodes] + [(f"metric:{m.name}", m.value) for m in game.metrics]
    for at, formula in formulas:
        for e in walk(formula):
            what = _part(e) or _labelled(e, labels)
            if what:
                yield Unwritten(what, at, "`gamec explain` says what the game is")


def _declared(game: Game) -> Iterator[Unwritten]:
    for var in game.vars:
        if var.type.kind == "params":
            yield Unwritten("a perturbation of parameters cannot be solved yet", f"var:{var.name}", f"perturb the input of `{var.type.net}`")
        if var.type.kind == "dist":
            yield Unwritten("a player that chooses a distribution cannot be solved yet", f"var:{var.name}", "let it choose one point")
        if var.type.kind == "tokens":
            yield Unwritten("a player that chooses words cannot be solved yet", f"var:{var.name}", "let it choose numbers")
    for net in game.nets:
        if net.set is not None:
            word = net.set.parts[0].word
            yield Unwritten(f"a network in `{word}` cannot be kept there yet", f"net:{net.name}", f"drop `in {word}`, or add a penalty")
    sources = [(f"net:{n.name}", n.source) for n in game.nets] + [(f"data:{d.name}", d.source) for d in game.data]
    sources += [(f"dist:{d.name}", d.source) for d in game.dists]
    for at, source in sources:
        if source is not None and source.word == "py":
            name = str(getattr(source.args[0], "value", ""))
            hint = "write `= given`, and give it from Python: `nets={..}` or `data={..}`"
            yield Unwritten(f"`{name}` is not on the allow-list: no module is imported by a game yet", at, hint)


def _labelled(e: Expr, labels: set[str]) -> str:
    if isinstance(e, Call) and e.fn in ("ce", "margin", "correct") and any(isinstance(a, Ref) and a.name in labels for a in e.args):
        return "a loss against one class for all samples cannot be computed yet"
    return ""


def _part(e: Expr) -> str:
    if isinstance(e, Apply) and e.at is not None:
        return f"`{e.net}` at other parameters than its own cannot be computed yet"
    if isinstance(e, Reduce) and any(d.cond is not None for d in e.draws):
        return "a condition on draws cannot be drawn yet"
    return ""
