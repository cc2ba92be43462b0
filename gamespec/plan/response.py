"""Responses: how a derivative passes through another player. Nash and Stackelberg differ in nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frozen:
    """The other player stands still: the simultaneous (Nash) field."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Frozen at the follower's optimum, which is right to first order where `reason` holds (Danskin 1967)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The follower's answer is treated as a constant, by the author's wish (first-order bilevel methods)."""


@dataclass(frozen=True, slots=True)
class Unrolled:
    """Through `steps` gradient steps of the follower of length `lr` (reverse mode)."""

    steps: int
    lr: float


@dataclass(frozen=True, slots=True)
class Implicit:
    """By the implicit function theorem; `how` is "cg" (matrix-free) or "newton" (dense, any number of levels)."""

    how: str
    steps: int
    tol: float


@dataclass(frozen=True, slots=True)
class Penalty:
    """The follower minimises the leader's objective + gamma/2 |gradient of its own|^2; gamma grows by `growth` a step."""

    gamma: float
    growth: float


Response = Frozen | Envelope | Stop | Unrolled | Implicit | Penalty
