"""Responses: how a derivative passes through another player. Nash and Stackelberg differ in nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frozen:
    """The other player stands still: the simultaneous (Nash) field."""

    def __str__(self) -> str:
        """As a plan prints it."""
        return "standing still"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Frozen at the follower's optimum, which is right to first order where `reason` holds (Danskin 1967)."""

    reason: str

    def __str__(self) -> str:
        """As a plan prints it."""
        return f"at its optimum ({self.reason})"


@dataclass(frozen=True, slots=True)
class Stop:
    """The follower's answer is treated as a constant, by the author's wish (first-order bilevel methods)."""

    def __str__(self) -> str:
        """As a plan prints it."""
        return "as a constant"


@dataclass(frozen=True, slots=True)
class Unrolled:
    """Through the follower's `steps` steps by its own rule, whose length is `lr`, or through the `last` of them.

    Backwards, keeping the graphs of all steps or, with `recompute`, the iterates; or `forward`, carrying along.
    """

    steps: int
    lr: float
    rule: str = "sgd"
    last: int = 0
    forward: bool = False
    recompute: bool = False

    def __str__(self) -> str:
        """As a plan prints it."""
        rule = f" by {self.rule}" if self.rule != "sgd" else ""
        last = f", through the last {self.last}" if self.last else ""
        way = ", forwards" if self.forward else ", from stored iterates" if self.recompute else ""
        return f"unrolled over {self.steps} steps of {self.lr:g}{rule}{last}{way}"


@dataclass(frozen=True, slots=True)
class Implicit:
    """By the implicit function theorem; `how` the linear system is solved: see `through(implicit)` in the library.

    "newton" is dense and finds the answer as well, at any number of levels; "cg" and "approxgrad" need the symmetric
    system of one follower without a set. `rate` is the step of "neumann" and "approxgrad".
    """

    how: str
    steps: int
    tol: float
    rate: float = 0.0

    def __str__(self) -> str:
        """As a plan prints it."""
        rest = f"steps of {self.rate:g}" if self.how in ("neumann", "approxgrad") else f"steps, tolerance {self.tol:g}"
        return f"implicitly ({self.how}, up to {self.steps} {rest})"


@dataclass(frozen=True, slots=True)
class Hull:
    """By the shortest vector in the hull of the slopes at all candidates of a beam within `eps` of the best.

    Or, of a follower that is answered anew, at `answers` of its answers, each sample's moved to its best beyond `eps`.
    """

    eps: float
    answers: int = 0

    def __str__(self) -> str:
        """As a plan prints it."""
        if math.isinf(self.eps):
            return f"by the shortest slope in the hull of those at {self.answers} answers"
        return f"by the shortest slope in the hull of those at candidates within {self.eps:g} of the best"


@dataclass(frozen=True, slots=True)
class Differences:
    """Implicitly by first derivatives alone: `terms` of the Neumann series, products by differences at `scale`."""

    terms: int
    rate: float
    scale: float

    def __str__(self) -> str:
        """As a plan prints it."""
        return f"by differences of gradients {self.scale:g} apart ({self.terms} terms of {self.rate:g})"


@dataclass(frozen=True, slots=True)
class Penalty:
    """The follower minimises the leader's objective + gamma/2 |gradient of its own|^2.

    gamma grows by `growth` a step, or only where all slopes are below `when`; a `multiplier` grows with it.
    """

    gamma: float
    growth: float
    when: float = math.inf
    multiplier: bool = False

    @property
    def steady(self) -> bool:
        """Whether the price is a formula of the number of the step: nothing to remember."""
        return math.isinf(self.when) and not self.multiplier

    def __str__(self) -> str:
        """As a plan prints it."""
        often = "a step" if math.isinf(self.when) else f"whenever the slopes are below {self.when:g}"
        grows = f", times {self.growth:g} {often}" if self.growth != 1 else ""
        return f"under a penalty of {self.gamma:g}{grows}{' and a multiplier' if self.multiplier else ''}"


@dataclass(frozen=True, slots=True)
class ValueFunction:
    """The follower minimises the leader's objective + weight * what it loses against `steps` own steps of `lr`.

    Without a gamma the weight follows from the slopes, and leader and follower move at once (BOME); else it is gamma,
    times `growth` a step (F2SA).
    """

    steps: int
    lr: float
    gamma: float | None = None
    growth: float = 1.0
    pace: float = 0.5

    def __str__(self) -> str:
        """As a plan prints it."""
        grows = f", times {self.growth:g} a step" if self.growth != 1 else ""
        weight = f"at the pace {self.pace:g}" if self.gamma is None else f"times {self.gamma:g}{grows}"
        return f"by what it loses against {self.steps} steps of {self.lr:g}, {weight}"


Response = Frozen | Envelope | Stop | Hull | Unrolled | Implicit | Differences | Penalty | ValueFunction
