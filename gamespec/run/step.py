"""One step of a game at a time, for people with their own loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamespec.report.diagnostic import GameError, InternalError
from gamespec.run import link
from gamespec.run.execute import Request, prepare
from gamespec.run.lane import Lane
from gamespec.run.load import located

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gamespec.run.contract import Checked, Compiled


@dataclass(frozen=True)
class Info:
    """What one step gave: objectives as 0-d tensors, those of players apart from those of inner variables."""

    losses: dict[str, Tensor]
    inner: dict[str, Tensor]
    players: Mapping[str, nn.Module | Tensor]


class Step:
    """`step(batch)` makes one outer step; without a batch the program draws from its own data.

    A batch is a dict of source names, or the tensors of the one source that the players draw from.
    """

    def __init__(self, checked: Checked, compiled: Compiled, request: Request) -> None:
        self._run, linked = prepare(checked, compiled, request)
        self._sources = link.used(checked.game)
        self._device = linked.device
        # How long the loop will be is known to its author alone: without a word from them, eager.
        compiling = "on" if self._run.compiling == "on" else "off"
        self._lane = Lane(self._run.module, compiling, 0)
        self.state = self._guarded(self._run.module.start, self._run.seed, linked.device, nets=linked.nets or None, data=linked.data or None)
        link.inside(self._run.checked, self._run.module, self.state, linked.data)

    def __call__(self, batch: Any = None) -> Info:  # noqa: ANN401  # see the class; until 2027-11
        """Make one step."""
        found = self._guarded(self._lane, self.state, self._batch(batch))
        players = self.players
        losses = {name: value for name, value in found.items() if name in players}
        inner = {name: value for name, value in found.items() if name not in players}
        return Info(losses, inner, players) if losses else Info(found, {}, players)

    @property
    def players(self) -> Mapping[str, nn.Module | Tensor]:
        """What each player chose so far."""
        return self._run.module.players(self.state)

    @property
    def lane(self) -> str:
        """How steps are made, eager or compiled, and why; empty before the first."""
        return self._lane.said

    @property
    def residual(self) -> Tensor:
        """Distance from optimality, as a 0-d tensor."""
        return self._run.module.residual(self.state)

    def measure(self) -> dict[str, float]:
        """Every metric of the spec."""
        return self._run.module.measure(self.state)

    def _batch(self, batch: Any) -> dict[str, tuple[Tensor, ...]] | None:  # noqa: ANN401  # see the class; until 2027-11
        if batch is None:
            return None
        if not isinstance(batch, Mapping):
            if len(self._sources) != 1:
                wanted = ", ".join(f'"{name}": ...' for name in self._sources)
                place = link.span(self._run.checked, "node:main")
                raise link.refusal("GE602", "which data source is this batch of?", place, hint=f"pass {{{wanted}}}")
            batch = {self._sources[0]: batch if isinstance(batch, tuple | list) else (batch,)}
        link.known(self._run.checked, "data", batch, self._sources)
        return {name: tuple(t.to(self._device) for t in rows) for name, rows in batch.items()}

    def _guarded(self, call: Any, *args: object, **options: object) -> Any:  # noqa: ANN401  # a function of the program; until 2027-11
        run = self._run
        try:
            return call(*args, **options)
        except (GameError, InternalError):
            raise
        except Exception as error:
            found = located(error, run.compiled.program, run.program, run.checked.source.name)
            raise GameError((found,)) from error
