"""What a method plays, what a step of it costs and where it is from, as `gamec list solvers` says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gamespec.check.lower import lower
from gamespec.library.registry import words
from gamespec.report.source import Source
from gamespec.solvers.base import Accepts, Solver
from gamespec.solvers.cost import passes
from gamespec.solvers.setup import resolve
from gamespec.syntax.parse import parse

_ALONE = "language 1\ngame one\nvar x: R\nsolve min{x} [ x^2 ]\n"
_BOTH = "language 1\ngame two\nvar x: R\nvar y: R\nsolve min{x} max{y} [ x*y ]\n"

_FOLLOWERS = {
    "value": "followers of the leader's objective",
    "response": "followers with an objective of their own",
    "per_sample": "one follower per sample",
    "choice": "discrete followers",
}


def plays(accepts: Accepts) -> str:
    """The games that a method can play, in words."""
    who = "one player" if accepts.needs == "one player" else "all at once" if accepts.order == "simultaneous" else "in turn"
    found = [who, *([", ".join(_FOLLOWERS[f] for f in accepts.followers)] if accepts.order == "sequential" else [])]
    found.append("networks" if accepts.networks else "no networks")
    found += ["no sets"] if not accepts.sets else []
    found += ["few numbers"] if accepts.few else []
    found += ["plain steps only"] if accepts.plain else []
    return "; ".join(found)


def price(solver: Solver) -> str:
    """Gradients of each player in one step, on a game of one variable a player, with what else is computed."""
    text = _ALONE if solver.accepts.needs == "one player" else _BOTH
    source = Source("list", text)
    game = lower(parse(source), source, {}, None).game
    backward, parts = passes(game, solver.plan(game, resolve(game, "default", solver.word)))
    count = backward / (1 if solver.accepts.needs == "one player" else 2)
    return "; ".join([f"{count:g} gradient{'s' * (count != 1)} a player", *parts])


def listed(signature: Callable[[Any], str]) -> tuple[list[dict[str, str]], str]:
    """Every method as data, and as text for a reader."""
    rows = []
    for word, solver in words("solvers").items():
        row = {"word": f"{word}({signature(solver)})", "about": solver.summary, "plays": plays(solver.accepts), "cost": price(solver)}
        rows.append(row | {"source": solver.source})
    parts = [f"{r['word']}\n    {r['about']}\n    plays: {r['plays']}\n    a step: {r['cost']}\n    from: {r['source']}" for r in rows]
    return rows, "\n".join(parts)
