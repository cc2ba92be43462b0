"""Responses: how a derivative passes through another player. Nash and Stackelberg differ in nothing else."""

from __future__ import annotations

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
    """Through `steps` gradient steps of the follower of length `lr` (reverse mode)."""

    steps: int
    lr: float

    def __str__(self) -> str:
        """As a plan prints it."""
        return f"unrolled over {self.steps} steps of {self.lr:g}"


@dataclass(frozen=True, slots=True)
class Implicit:
    """By the implicit function theorem; `how` is "cg" (matrix-free) or "newton" (dense, any number of levels).

    Followers in equilibrium, and followers bound to sets, have no symmetric derivative: "cg" is GMRES for them.
    """

    how: str
    steps: int
    tol: float

    def __str__(self) -> str:
        """As a plan prints it."""
        return f"implicitly ({self.how}, up to {self.steps} steps, tolerance {self.tol:g})"


@dataclass(frozen=True, slots=True)
class Penalty:
    """The follower minimises the leader's objective + gamma/2 |gradient of its own|^2; gamma grows by `growth` a step."""

    gamma: float
    growth: float

    def __str__(self) -> str:
        """As a plan prints it."""
        return f"under a penalty of {self.gamma:g}{f', times {self.growth:g} a step' if self.growth != 1 else ''}"


Response = Frozen | Envelope | Stop | Unrolled | Implicit | Penalty
