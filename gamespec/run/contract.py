"""What running a game asks of the stages before it and of the program that they emit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, dtype, nn

    from gamespec.emit.program import Program
    from gamespec.ir.game import Game
    from gamespec.report.diagnostic import Diagnostic
    from gamespec.report.source import Source, Span

State = Any
"""The state of a program: known to the program alone, but for `k`, the steps made, and `device`."""

Play = Callable[[State], "dict[str, Tensor]"]
"""What makes one step: the `step` of a program, or what stands in for it."""

OnStep = Callable[[int, State, "Mapping[str, Tensor]"], None]
"""`on_step(k, state, losses)`, called by a program at its reports."""


class Places(Protocol):
    """Where the parts of a game were written."""

    def get(self, key: str) -> Span | None:
        """The place of `node:main`, `net:h`, `data:train` and the like."""


class Checked(Protocol):
    """A checked game, as far as running it needs one."""

    @property
    def source(self) -> Source:
        """The file that was read."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """All texts that it was made of, by name."""

    @property
    def game(self) -> Game:
        """Its meaning."""

    @property
    def spans(self) -> Places:
        """Where each part of the game was written."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes."""


class Compiled(Protocol):
    """A compiled game, as far as running it needs one; every part prints itself."""

    @property
    def choice(self) -> object:
        """The solver with its options."""

    @property
    def plan(self) -> object:
        """What the solver does at every step."""

    @property
    def program(self) -> Program:
        """The Python file."""


class Emitted(Protocol):
    """The module that an emitted program is."""

    DTYPE: dtype
    NAME: str
    SCHEDULE: str
    SEED: int
    STEPS: int
    EVERY: int
    TOL: float | None
    KIND: str
    TAIL: int
    """Steps of a path that may be looked at; scalar games only."""

    def start(
        self,
        seed: int = ...,
        device: str = ...,
        nets: Mapping[str, nn.Module] | None = ...,
        data: Mapping[str, tuple[Tensor, ...]] | None = ...,
    ) -> State:
        """The state before the first step."""

    def step(self, s: State, batch: Mapping[str, tuple[Tensor, ...]] | None = ...) -> dict[str, Tensor]:
        """One outer step: the objective of each player by its label."""

    def residual(self, s: State) -> Tensor:
        """Distance from optimality."""

    def probe(self, s: State) -> dict[str, float]:
        """Cheap metrics to show on the way; draws nothing from the state's generators."""

    def measure(self, s: State) -> dict[str, float]:
        """Every metric of the spec, and `value` where it is defined."""

    def players(self, s: State) -> dict[str, nn.Module | Tensor]:
        """What each player chose."""

    def point(self, s: State) -> list[float]:
        """All variables as one list of numbers; scalar games only."""

    def expectations(self, s: State, values: Mapping[str, float], status: str) -> list[tuple[str, bool]]:
        """Every `expect` of the schedule with whether it holds."""

    def certify(self, s: State, budget: int = ...) -> list[dict[str, Any]]:
        """What was checked at the final point, with `budget` times the usual search."""

    def ending(self, s: State, entries: list[dict[str, Any]], points: list[list[float]]) -> tuple[str, str]:
        """How a run of all its steps ended, a word and a sentence, by certificate and path; scalar games only."""

    def train(
        self,
        seed: int = ...,
        device: str = ...,
        nets: Mapping[str, nn.Module] | None = ...,
        data: Mapping[str, tuple[Tensor, ...]] | None = ...,
        steps: int = ...,
        on_step: OnStep | None = ...,
        play: Play = ...,
        state: State | None = ...,
        watch: Callable[[int, State], bool] | None = ...,
    ) -> tuple[State, str]:
        """All steps from `state` on, with the word for how they ended; `watch` sees each, and ends the run with True."""

    def restore(self, s: State, saved: Any) -> None:  # noqa: ANN401  # what `save` of the program gave; until 2027-11
        """Put a copy of what the players chose back."""
