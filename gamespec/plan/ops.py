"""A plan: one step of a solver as a small program in eight ops, a value that can be printed, checked and emitted."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.plan.response import Response  # noqa: TC001  # part of the dataclasses; until 2027-11


@dataclass(frozen=True, slots=True)
class Rule:
    """A step rule with its options."""

    word: str
    options: tuple[tuple[str, object], ...] = ()

    def option(self, name: str) -> object:
        """The value of an option."""
        return dict(self.options)[name]


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
        """One line per op, then what was chosen for the author."""
        head = [f"plan {self.solver} (schedule {self.schedule}; {self.source})"]
        head += [f"  {self.steps} steps, batch {self.batch or 'full'}, {self.precision}, seed {self.seed}, tol {self.tol}"]
        tail = [f"  default {key} = {value}" for key, value in self.defaults]
        return "\n".join([*head, *_lines(self.body, "  "), *(f"  rule {n}: {r}" for n, r in self.rules), *tail])


def _lines(ops: tuple[Op, ...], indent: str) -> list[str]:
    lines: list[str] = []
    for op in ops:
        if isinstance(op, Repeat):
            lines += [f"{indent}repeat {op.times}", *_lines(op.body, indent + "  ")]
        else:
            lines.append(f"{indent}{op}")
    return lines
