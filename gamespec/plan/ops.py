"""A plan: one step of a solver as a small program of ops, a value that can be printed, checked and emitted.

Ops speak of named points, where all players stand at once, and of named gradients. The point `now` is where the players
are; a move to another name looks there without going. What is kept outlives the step: a kept point begins where the
players begin, a kept gradient as zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import assert_never

from gamespec.plan.response import Response  # part of the dataclasses; until 2027-11
from gamespec.plan.sums import Factor, Mix, factor_text, mix_text

NOW, GRADIENT = "now", "gradient"
"""The point where the players stand, and what a gradient is called that nobody names."""


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
    """Gradient `into` of each player's own objective in its own variables, at a named point, all before any move.

    `through` says for every follower of these players how the derivative passes through it.
    """

    nodes: tuple[str, ...]
    at: str
    through: tuple[tuple[str, Response], ...] = ()
    into: str = GRADIENT


@dataclass(frozen=True, slots=True)
class Adjust:
    """Gradient `into` made of the joint field of all these players at a point, and of its Jacobian.

    `call` names a function of the kernels, or of a module that was registered: call(field, points, **options), with the
    field differentiable, gives the direction to descend in. With `rates` the step sizes follow the points: a list for
    each player, of one for each tensor that he owns.
    It takes `products` of the Jacobian with a vector, beside the field itself.
    """

    nodes: tuple[str, ...]
    at: str
    call: str
    options: tuple[tuple[str, object], ...] = ()
    rates: bool = False
    into: str = GRADIENT
    products: int = 1


@dataclass(frozen=True, slots=True)
class Reach:
    """A point `to` that a function of the kernels finds at once: call(field, points, project, **options), or with rates.

    As `Adjust`; `project` puts a list of points back into the players' sets, None where all are free. With `values` it
    gets value(points), what the first player lowers, too. It takes the field at `fields` points.
    """

    nodes: tuple[str, ...]
    at: str
    to: str
    call: str
    options: tuple[tuple[str, object], ...] = ()
    rates: bool = False
    products: int = 1
    values: bool = False
    fields: int = 1


@dataclass(frozen=True, slots=True)
class Move:
    """Step each player from `start` along `along` to point `to`, then project on its set unless told not to.

    `start` is a point or a sum of points, `along` a sum of gradients, empty for no step. The step is `scale` times that
    of the player's rule. With `mirror`, a set that has a geometry of its own is moved in by that geometry.
    """

    nodes: tuple[str, ...]
    start: str | Mix
    to: str
    scale: Factor = 1.0
    along: Mix = ((GRADIENT, 1.0),)
    project: bool = True
    mirror: bool = False

    @property
    def origin(self) -> Mix:
        """Where the step starts, as a sum of points."""
        return ((self.start, 1.0),) if isinstance(self.start, str) else self.start


@dataclass(frozen=True, slots=True)
class Keep:
    """Remember, under `name` and beyond this step, `weight` of a point or a gradient and the rest of what was kept.

    Weight 1 copies, 1/k averages, 0 keeps the start for ever.
    """

    nodes: tuple[str, ...]
    name: str
    of: str = NOW
    weight: Factor = 1.0
    gradient: bool = False


@dataclass(frozen=True, slots=True)
class Respond:
    """A follower answers: `steps` moves by `rule` from `start` ("warm", "zero", "uniform"), kept best of `restarts`.

    With `each`, all of them are kept, for a leader that looks at each; beyond `eps` of the best, the best stands instead.
    """

    node: str
    rule: Rule
    steps: int
    start: str
    restarts: int = 1
    surrogates: tuple[str, ...] = ()
    each: bool = False
    eps: float = math.inf
    still: bool = False
    """Whether this is no answer: the player of each sample stands at the start while it has no phase."""


@dataclass(frozen=True, slots=True)
class Choose:
    """A discrete follower tries every element of its index set."""

    node: str


@dataclass(frozen=True, slots=True)
class Select:
    """Take, of the beam of `node`, the candidate whose objective is best."""

    node: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """Draw anew, of the beam of `node`, every candidate nearer than `distance` to one that is better."""

    node: str
    distance: float


@dataclass(frozen=True, slots=True)
class Survey:
    """Search the leader's and its follower's boxes, `counts` points a side; `worst`: ties go against the leader."""

    leader: str
    follower: str
    worst: bool
    counts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do `body` `times` times."""

    times: int
    body: tuple[Op, ...]


Op = Sample | Derive | Adjust | Reach | Move | Keep | Respond | Choose | Select | Scatter | Survey | Repeat


def flat(body: tuple[Op, ...]) -> list[Op]:
    """All ops of a plan, those inside repetitions included."""
    return [o for op in body for o in ([op, *flat(op.body)] if isinstance(op, Repeat) else [op])]


@dataclass(frozen=True, slots=True)
class Phase:
    """A time of the run in which only some players move: its steps, 0 for all that are left, and one step of it."""

    steps: int
    movers: tuple[str, ...]
    body: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a solver decided. `rules`: step rule of everything that is chosen, by name. `beams`: copies per variable.

    `residual` lists (node, responses): the optimality map, which stops the run and certifies the result. `answer` is the
    point that is reported and certified: `now`, or a kept one.
    """

    solver: str
    schedule: str
    source: str
    body: tuple[Op, ...]
    rules: tuple[tuple[str, Rule], ...]
    residual: tuple[tuple[str, tuple[tuple[str, Response], ...]], ...]
    beams: tuple[tuple[str, int], ...] = ()
    kept: tuple[tuple[str, Rule], ...] = ()
    """How each network stays in its set after every move, by its handle: `spectral` or `clip`, with the number c."""
    shares: tuple[tuple[str, str, int], ...] = ()
    """Whose slopes are divided by which weights: by the number at a place, or row by row at -1."""
    steps: int = 1000
    batch: int = 0
    every: int = 10
    tol: float | None = None
    seed: int = 0
    precision: str = "float32"
    epochs: float = 0.0
    defaults: tuple[tuple[str, str], ...] = ()
    answer: str = NOW
    phases: tuple[Phase, ...] = ()
    """What is done in place of `body`, one after the other."""
    again: bool = False
    """Whether the first phase follows the last."""

    def rule(self, name: str) -> Rule:
        """The step rule of a variable or network handle."""
        return dict(self.rules)[name]

    def __str__(self) -> str:
        """One line per op, then step rules, the residual, and what was chosen for the author."""
        length = f"{self.epochs:g} epochs = {self.steps} steps" if self.epochs else f"{self.steps} steps"
        head = f"{length}, batch {self.batch or 'full'}, {self.precision}, seed {self.seed}, tolerance {self.tol or 'none'}"
        lines = [f"plan {self.solver} (schedule {self.schedule}; {self.source})", f"  {head}"]
        for title, body in self._times():
            lines += [f"  {title}", *(f"    {line}" for op in body for line in _lines(op))]
        lines += [f"  rule {name}: {rule}" for name, rule in self.rules]
        lines += [f"  beam {name}: {copies} copies" for name, copies in self.beams]
        lines += [f"  keep {name}: {rule.word}({rule.option('c'):g})" for name, rule in self.kept]
        lines += [f"  slopes of {name} are divided by {of}{'' if at < 0 else f'[{at}]'}" for name, of, at in self.shares]
        lines += [f"  the answer is {self.answer}"] if self.answer != NOW else []
        lines += [f"  residual of {_short(node)}{_through(through)}" for node, through in self.residual]
        lines += [f"  default {key} = {value}" for key, value in self.defaults]
        return "\n".join(lines)

    def _times(self) -> list[tuple[str, tuple[Op, ...]]]:
        """What is done when."""
        each = [(f"{when}, for {_all(p.movers)}", p.body) for when, p in zip(self.when(), self.phases, strict=True)]
        return each or [("each step", self.body)]

    def when(self) -> list[str]:
        """The steps of each phase: `steps 1 to 50 of every 100`."""
        ends = list(accumulate(p.steps for p in self.phases))
        of = f" of every {ends[-1]}" if self.again else ""
        return [f"steps {end - p.steps + 1} to {end}{of}" if p.steps else f"from step {end + 1} on" for p, end in zip(self.phases, ends, strict=True)]


def _short(node: str) -> str:
    """A node without the path that leads to it: `max:d`."""
    return node.rsplit("/", 1)[-1]


def _through(through: tuple[tuple[str, Response], ...]) -> str:
    return "".join(f", through {_short(follower)} {how}" for follower, how in through)


def _all(nodes: tuple[str, ...]) -> str:
    return ", ".join(map(_short, nodes))


def _into(name: str) -> str:
    return "" if name == GRADIENT else f" as {name}"


def _options(options: tuple[tuple[str, object], ...]) -> str:
    return f"({', '.join(f'{k} = {v}' for k, v in options)})" if options else ""


def _lines(op: Op) -> list[str]:
    """An op as a person would say it, indented where it repeats others."""
    match op:
        case Sample():
            drawn = ", ".join((*op.data, *op.dists))
            return [f"sample {drawn}"] if drawn else []
        case Derive():
            return [f"derive {_all(op.nodes)} at {op.at}{_into(op.into)}{_through(op.through)}"]
        case Adjust():
            return [f"adjust {_all(op.nodes)} at {op.at} by {op.call}{_options(op.options)}{_into(op.into)}"]
        case Reach():
            return [f"reach {op.to} from {op.at} with {_all(op.nodes)} by {op.call}{_options(op.options)}"]
        case Move():
            along = f" along {mix_text(op.along)}" if op.along != ((GRADIENT, 1.0),) else ""
            scale = f", {factor_text(op.scale)} of the step" if op.scale != 1 else ""
            how = f"{', mirrored' if op.mirror else ''}{', free' if not op.project else ''}"
            return [f"move {_all(op.nodes)} from {mix_text(op.origin)} to {op.to}{along}{scale}{how}"]
        case Keep():
            share = "" if op.weight == 1 else f", {factor_text(op.weight)} of it"
            return [f"keep {'gradient ' if op.gradient else ''}{op.of} of {_all(op.nodes)} as {op.name}{share}"]
        case Respond() | Choose() | Scatter() | Select() | Survey():
            return [_answer(op)]
        case Repeat():
            return [f"repeat {op.times} times", *(f"  {line}" for inner in op.body for line in _lines(inner))]
        case _:
            assert_never(op)


def _answer(op: Respond | Choose | Scatter | Select | Survey) -> str:
    """An op by which a follower answers."""
    match op:
        case Respond(still=True):
            return f"{_short(op.node)} stands at {op.start}"
        case Respond():
            kept = f"all {op.restarts} answers" if op.each else f"best of {op.restarts} restarts"
            best = f", {kept}" if op.restarts > 1 else ""
            instead = f", climbing {', '.join(op.surrogates)}" if op.surrogates else ""
            return f"respond {_short(op.node)}: {op.steps} steps of {op.rule} from {op.start}{best}{instead}"
        case Choose():
            return f"choose {_short(op.node)}: try every element"
        case Scatter():
            return f"scatter {_short(op.node)}: draw anew what is nearer than {op.distance:g} to a better candidate"
        case Select():
            return f"select the best of {_short(op.node)}"
        case Survey():
            tie = "against" if op.worst else "for"
            return f"survey {_short(op.leader)} and {_short(op.follower)}: {op.counts[0]} and {op.counts[1]} points a side, ties {tie} the leader"
