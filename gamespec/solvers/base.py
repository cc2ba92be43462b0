"""What a solver declares, and the game as a solver sees it: players, followers, the schedule resolved."""

from __future__ import annotations

import math
from collections.abc import Callable  # part of the dataclass; until 2027-11
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gamespec.ir import game as ir
from gamespec.ir.expr import Reduce
from gamespec.ir.walk import walk
from gamespec.library.base import Option
from gamespec.plan.ops import NOW, Keep, Move, Op, Plan, Repeat, Rule
from gamespec.plan.response import Response  # part of the dataclass; until 2027-11
from gamespec.plan.sums import Factor, Fading

if TYPE_CHECKING:
    from gamespec.classify.facts import Facts

Follower = Literal["value", "response", "per_sample", "choice"]


@dataclass(frozen=True, slots=True)
class Accepts:
    """Which games a method can play, as data: it ranks the choice, words the rejection and prints the table.

    `order`: "sequential" methods keep the order of play, "simultaneous" ones move all at once. `followers`: the kinds of
    follower allowed. `networks`: whether a player may be a network. `needs`: whom there must be. `reason` continues a
    sentence that begins with the method's name. `sets`: whether variables may be bound to sets. `few`: whether there must
    be few numbers. `plain`: whether the step sizes enter the equations, so that every step must be plain. `fits` says what
    else is wrong with a game, in a sentence.
    """

    order: Literal["sequential", "simultaneous"]
    followers: tuple[Follower, ...]
    networks: bool
    reason: str
    needs: Literal["anybody", "one player", "a follower"] = "anybody"
    sets: bool = True
    few: bool = False
    plain: bool = False
    fits: Callable[[ir.Game, Facts], str] | None = None
    turns: bool = True
    """Whether, of the methods that keep the order, followers make moves of their own before their leader moves."""
    ties: bool = False
    """Whether it breaks the ties of a follower, and plays no other games."""


@dataclass(frozen=True, slots=True)
class Seat:
    """How one node is played: the step rule of each thing it owns and, for a follower, how it answers.

    `steps` inner moves from `start`; `times` moves per turn; `beam` copies; `response` as written, None otherwise.
    """

    node: str
    rules: tuple[tuple[str, Rule], ...]
    steps: int
    start: str
    restarts: int = 1
    surrogates: tuple[str, ...] = ()
    times: int = 1
    beam: int = 0
    response: Response | None = None
    kept: tuple[tuple[str, Rule], ...] = ()
    shares: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The resolved schedule: everything a solver needs beside the game, and which of it was chosen by default."""

    schedule: str
    method: str
    options: tuple[tuple[str, object], ...]
    seats: tuple[Seat, ...]
    steps: int
    batch: int
    seed: int
    tol: float | None
    every: int
    precision: str
    defaults: tuple[tuple[str, str], ...]
    epochs: float = 0.0
    phases: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Steps of each phase, 0 to the end of the run, and who moves in it."""
    again: bool = False

    def seat(self, node: str) -> Seat:
        """The seat of a node."""
        return next(s for s in self.seats if s.node == node)


AVERAGES = (Option("average", str, "none", ("none", "uniform", "ema")), Option("ema", float, 0.999))
"""What every method takes besides its own options: which average of the points is the answer."""


@dataclass(frozen=True, slots=True)
class Solver:
    """A method: one file. `plan(game, table)` writes one step of it as a Plan body with its residual.

    `rule`: the step rule of players whose author names none, with those options of the method that it takes.
    """

    word: str
    accepts: Accepts
    options: tuple[Option, ...]
    source: str
    plan: Callable[[ir.Game, Table], Plan]
    summary: str = ""
    rule: str = ""
    decay: str = "constant"
    """Of a step rule of which the author says nothing: `sqrt` where a constant rate swings around a kink."""
    steps: int = 1000
    """Of a run whose author gave no number."""

    def __post_init__(self) -> None:
        """Every method can report an average of its points instead of the last one."""
        object.__setattr__(self, "options", (*self.options, *AVERAGES))


def children(game: ir.Game, node: str) -> list[ir.Edge]:
    """The edges from a node to its followers, in the order in which they are written."""
    return [e for e in game.edges if e.parent == node]


def leaders(game: ir.Game, node: str) -> list[str]:
    """The players that foresee the answer of this one."""
    return [e.parent for e in game.edges if e.child == node]


def beside(game: ir.Game, node: str) -> bool:
    """Whether one of its leaders has another follower as well."""
    return any(len(children(game, leader)) > 1 for leader in leaders(game, node))


def follower_kind(game: ir.Game, edge: ir.Edge) -> Follower:
    """What kind of follower an edge leads to."""
    child = game.node(edge.child)
    if child.choice is not None:
        return "choice"
    if child.scope:
        return "per_sample"
    return edge.kind


def descendants(game: ir.Game, node: str) -> list[str]:
    """A node and all its followers, leaders first."""
    return [node, *(d for e in children(game, node) for d in descendants(game, e.child))]


def team(game: ir.Game, node: str) -> tuple[str, ...]:
    """The followers that are in equilibrium with this one, itself included; itself alone where there is no other."""
    return next((g.nodes for g in game.groups if node in g.nodes and node not in game.root), (node,))


def problem_nodes(game: ir.Game) -> list[str]:
    """All players of the game itself, without those inside metrics, each once; leaders first, all of them."""
    found = [d for r in game.root for d in descendants(game, r)]
    return list(dict.fromkeys(reversed(found)))[::-1]


def owns_network(game: ir.Game, node: str) -> bool:
    """Whether a node chooses a network."""
    handles = {n.handle for n in game.nets}
    return any(o in handles for o in game.node(node).owns)


def size(game: ir.Game, node: str) -> int:
    """How many numbers a node chooses; networks count as many."""
    if owns_network(game, node):
        return 10**9
    found = [v for v in game.vars if v.name in game.node(node).owns]
    return 10**9 if any(v.type.kind == "params" for v in found) else sum(math.prod(v.type.shape) for v in found)


def plain_steps(rule: Rule) -> bool:
    """Whether a rule is plain gradient steps, constant or falling with the square root: nothing to remember."""
    options = dict(rule.options)
    return (
        rule.word in ("sgd", "hedge")
        and not options.get("momentum")
        and not options.get("weight_decay")
        and options.get("decay", "constant") in ("constant", "sqrt")
    )


def drawn(game: ir.Game) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The data sources, and the distributions, that the players' objectives draw from."""
    found: dict[str, None] = {}
    for n in problem_nodes(game):
        node = game.node(n)
        inside = (d for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws)
        found |= {d.over: None for d in (*node.scope, *inside) if d.over and not d.inner}
    tables = {d.name for d in game.data}
    return tuple(s for s in found if s in tables), tuple(s for s in found if s not in tables)


def _average(game: ir.Game, table: Table, of: str) -> Keep | None:
    """What keeps the average that was asked for, over steps k = 1, 2, ...; answers of samples and candidates have none."""
    options = dict(table.options)
    weights: dict[object, Factor] = {
        "uniform": Fading(size=1.0),
        "ema": Fading(base=1.0 - float(str(options.get("ema", 0.0))), first=1.0),
    }
    free = (n for n in problem_nodes(game) if game.node(n).choice is None and not game.node(n).scope and not table.seat(n).beam)
    weight = weights.get(options.get("average"))
    return None if weight is None else Keep(tuple(free), "average", of, weight)


def steps_made(body: tuple[Op, ...], node: str) -> int:
    """How many steps a player makes along gradients in one step of a plan; looking ahead counts."""
    found = 0
    for op in body:
        if isinstance(op, Repeat):
            found += op.times * steps_made(op.body, node)
        elif isinstance(op, Move) and node in op.nodes and op.along:
            found += 1
    return found


def ending(rule: Rule, total: int) -> Rule:
    """A rule whose rate changes over the whole run, told how long that is."""
    options = dict(rule.options)
    if options.get("decay", "constant") == "constant" or options.get("total"):
        return rule
    return Rule(rule.word, tuple((options | {"total": total}).items()))


def finished(
    game: ir.Game, table: Table, *, solver: str, source: str, body: tuple[Op, ...], through: tuple[tuple[str, Response], ...], answer: str = NOW
) -> Plan:
    """A plan from a body: rules, beams and settings from the table; the residual with these responses.

    `answer` is the kept point that is reported, where it is not the one that moves.
    """
    nodes = problem_nodes(game)
    if not table.phases and len(body) > 1 and isinstance(body[1], Repeat) and body[1].body[0] == body[0]:
        body = body[1:]  # every turn of the first mover has rows of its own
    kept = _average(game, table, answer)
    body, answer = ((*body, kept), kept.name) if kept is not None else (body, answer)
    moves, through = {n: steps_made(body, n) for n in nodes}, tuple(dict.fromkeys(through))
    return Plan(
        solver=solver,
        schedule=table.schedule,
        source=source,
        body=body,
        rules=tuple((name, ending(rule, table.steps * moves[n])) for n in nodes for name, rule in table.seat(n).rules),
        residual=tuple((n, tuple((f, r) for f, r in through if f in descendants(game, n)[1:])) for n in nodes if game.node(n).choice is None),
        kept=tuple(k for n in nodes for k in table.seat(n).kept),
        shares=tuple(s for n in nodes for s in table.seat(n).shares),
        beams=tuple((o, table.seat(n).beam) for n in nodes for o in game.node(n).owns if table.seat(n).beam),
        steps=table.steps, batch=table.batch, every=table.every, tol=table.tol, seed=table.seed, precision=table.precision,
        epochs=table.epochs, defaults=table.defaults, answer=answer,
    )  # fmt: skip
