"""A plan: one step of a solver as a small program in eight ops, a value that can be printed, checked and emitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from gamespec.plan.response import Response  # part of the dataclasses; until 2027-11


@dataclass(frozen=True, slots=True)
class Rule:
    """A step rule with its options."""

    word: str
    options: tuple[tuple[str, object], ...] = ()

    def option(self, name: str) -> object:
        """The value of an option."""
        return dict(self.options)[name]

    def __str__(self) -> str:
        """As in a schedule, without what does nothing."""
        shown = ", ".join(f"{k} = {v}" for k, v in self.options if k == "lr" or v not in (0, 0.0, "constant", False))
        return f"{self.word}({shown})"


@dataclass(frozen=True, slots=True)
class Sample:
    """Take the next batch of these sources; a draw of every distribution in `dists`."""

    data: tuple[str, ...]
    dists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derive:
    """Gradient of each player's own objective in its own variables, at a named point, all before any move.

    `through` says for every follower of these players how the derivative passes through it.
    """

    nodes: tuple[str, ...]
    at: str
    through: tuple[tuple[str, Response], ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Step each player from point `start` along its gradient to point `to`, then project on its set.

    The step is `scale` times that of the player's rule.
    """

    nodes: tuple[str, ...]
    start: str
    to: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Respond:
    """A follower answers: `steps` moves by `rule` from `start` ("warm", "zero", "uniform"), kept best of `restarts`."""

    node: str
    rule: Rule
    steps: int
    start: str
    restarts: int = 1
    surrogates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choose:
    """A discrete follower tries every element of its index set."""

    node: str


@dataclass(frozen=True, slots=True)
class Select:
    """Take, of the beam of `node`, the candidate whose objective is best."""

    node: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do `body` `times` times."""

    times: int
    body: tuple[Op, ...]


Op = Sample | Derive | Move | Respond | Choose | Select | Repeat


@dataclass(frozen=True, slots=True)
class Plan:
    """What a solver decided. `rules`: step rule of everything that is chosen, by name. `beams`: copies per variable.

    `residual` lists (node, responses): the optimality map, which stops the run and certifies the result.
    """

    solver: str
    schedule: str
    source: str
    body: tuple[Op, ...]
    rules: tuple[tuple[str, Rule], ...]
    residual: tuple[tuple[str, tuple[tuple[str, Response], ...]], ...]
    beams: tuple[tuple[str, int], ...] = ()
    steps: int = 1000
    batch: int = 0
    every: int = 10
    tol: float | None = None
    seed: int = 0
    precision: str = "float32"
    epochs: float = 0.0
    defaults: tuple[tuple[str, str], ...] = ()

    def rule(self, name: str) -> Rule:
        """The step rule of a variable or network handle."""
        return dict(self.rules)[name]

    def __str__(self) -> str:
        """One line per op, then step rules, the residual, and what was chosen for the author."""
        length = f"{self.epochs:g} epochs = {self.steps} steps" if self.epochs else f"{self.steps} steps"
        head = f"{length}, batch {self.batch or 'full'}, {self.precision}, seed {self.seed}, tolerance {self.tol or 'none'}"
        lines = [f"plan {self.solver} (schedule {self.schedule}; {self.source})", f"  {head}", "  each step"]
        lines += [f"    {line}" for op in self.body for line in _lines(op)]
        lines += [f"  rule {name}: {rule}" for name, rule in self.rules]
        lines += [f"  beam {name}: {copies} copies" for name, copies in self.beams]
        lines += [f"  residual of {_short(node)}{_through(through)}" for node, through in self.residual]
        lines += [f"  default {key} = {value}" for key, value in self.defaults]
        return "\n".join(lines)


def _short(node: str) -> str:
    """A node without the path that leads to it: `max:d`."""
    return node.rsplit("/", 1)[-1]


def _through(through: tuple[tuple[str, Response], ...]) -> str:
    return "".join(f", through {_short(follower)} {how}" for follower, how in through)


def _lines(op: Op) -> list[str]:
    """An op as a person would say it, indented where it repeats others."""
    match op:
        case Sample():
            drawn = ", ".join((*op.data, *op.dists))
            return [f"sample {drawn}"] if drawn else []
        case Derive():
            return [f"derive {', '.join(map(_short, op.nodes))} at {op.at}{_through(op.through)}"]
        case Move():
            scale = f", {op.scale:g} of the step" if op.scale != 1 else ""
            return [f"move {', '.join(map(_short, op.nodes))} from {op.start} to {op.to}{scale}"]
        case Respond():
            best = f", best of {op.restarts} restarts" if op.restarts > 1 else ""
            instead = f", climbing {', '.join(op.surrogates)}" if op.surrogates else ""
            return [f"respond {_short(op.node)}: {op.steps} steps of {op.rule} from {op.start}{best}{instead}"]
        case Choose():
            return [f"choose {_short(op.node)}: try every element"]
        case Select():
            return [f"select the best of {_short(op.node)}"]
        case Repeat():
            return [f"repeat {op.times} times", *(f"  {line}" for inner in op.body for line in _lines(inner))]
        case _:
            assert_never(op)
