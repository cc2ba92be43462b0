"""Games from Python: load a `.game` file, explain it, solve it with your own networks and data, or step it yourself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.library.registry import register
from gamespec.report.diagnostic import GameError
from gamespec.shipped import find

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gamespec.ir.game import Game as Meaning
    from gamespec.pipeline import Checked, Compiled
    from gamespec.report.diagnostic import Diagnostic
    from gamespec.run.result import Report, Result
    from gamespec.run.step import Step

__all__ = ["CheckError", "Game", "from_text", "load", "load_run", "register", "resume"]

CheckError = GameError
"""Raised for every mistake in a game, in its parameters or in what is given to it; see its `diagnostics`."""


class Game:
    """A checked game. Made by `load`."""

    def __init__(self, checked: Checked, params: tuple[tuple[str, str], ...] = ()) -> None:
        self._checked = checked
        self._params = params

    @property
    def name(self) -> str:
        """As the file calls it."""
        return self._checked.game.name

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes; errors are raised."""
        return self._checked.diagnostics

    def ir(self) -> Meaning:
        """The meaning of the file: immutable, comparable, `ir().hash()`."""
        return self._checked.game

    def explain(self, schedule: str | None = None, *, why: bool = False, lane: str = "auto") -> str:
        """What the compiler found and chose, and with `why` what it rejected; the text of `gamec explain`."""
        from gamespec import pipeline

        with self._shown():
            return pipeline.explain(self._checked, schedule, why, lane)

    def emit(self, schedule: str | None = None, *, lane: str = "auto") -> str:
        """The Python program that `solve` executes; it needs only torch."""
        return self._compiled(schedule, {}, {}, lane).program.text

    def solve(
        self,
        schedule: str | None = None,
        *,
        nets: Mapping[str, nn.Module] | None = None,
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        device: str = "cpu",
        steps: int | None = None,
        on_step: Callable[[Report], None] | None = None,
        out: str | os.PathLike[str] | None = None,
        compile: str | None = None,
        lane: str = "auto",
        starts: int = 0,
        checkpoint_every: int | None = None,
        allow: Sequence[str] = (),
    ) -> Result:
        """Run the game.

        `nets` are modules for `= given` or in place of a declared network; `data` are tensors, a Dataset or a
        DataLoader for a declared source; `on_step` sees every report; `out` is a folder to save the run in,
        with a checkpoint every `checkpoint_every` steps (None: by the clock, 0: none); `compile` is auto, on or off
        (default: the game's, else auto); `lane` is closed (a loop over plain numbers), torch, or auto: what can be;
        `starts` random starts are played as well, and the metrics say how many come to rest and at how many places;
        `allow` lists the modules that `py(..)` of the game may import.
        """
        from gamespec.run.execute import execute

        request = replace(self._request(nets, data, seed, device, steps, out, compile, allow), every=checkpoint_every, starts=starts)
        with self._shown():
            compiled = self._compiled(schedule, request.nets, request.data, lane)
            return execute(self._checked, compiled, request, on_step=on_step)

    def compile(
        self,
        schedule: str | None = None,
        *,
        nets: Mapping[str, nn.Module] | None = None,
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        device: str = "cpu",
        compile: str | None = None,
        lane: str = "auto",
        allow: Sequence[str] = (),
    ) -> Step:
        """One step for a loop of your own: `info = step(batch)` with `info.losses`, `info.inner`, `info.players`."""
        from gamespec.run.step import Step

        request = self._request(nets, data, seed, device, None, None, compile, allow)
        with self._shown():
            return Step(self._checked, self._compiled(schedule, request.nets, request.data, lane), request)

    def portrait(self, starts: Tensor, steps: int | None = None, every: int | None = None, *, schedule: str | None = None) -> Tensor:
        """Play many starts at once, on plain numbers: where the players stand, [1 + steps / every, n, numbers].

        `starts` is [n, numbers], the variables one after the other; `steps` is the game's own number where left out, and
        `every` all of them. For games of formulas; others are refused with the reason.
        """
        from gamespec.run.portrait import portrait

        with self._shown():
            return portrait(self._checked, self._compiled(schedule, {}, {}, "closed"), starts, steps, every)

    def __repr__(self) -> str:
        """One line."""
        return f"<Game {self.name} from {self._checked.source.name}>"

    def _compiled(self, schedule: str | None, nets: Mapping[str, Any], data: Mapping[str, Any], lane: str = "auto") -> Compiled:
        from gamespec import pipeline

        if lane not in ("auto", "closed", "torch"):
            raise ValueError(f"lane is auto, closed or torch, not {lane!r}")
        with self._shown():
            return pipeline.compile(self._checked, schedule, frozenset([*nets, *data]), lane)

    def _request(
        self,
        nets: Mapping[str, nn.Module] | None,
        data: Mapping[str, Any] | None,
        seed: int | None,
        device: str,
        steps: int | None,
        out: str | os.PathLike[str] | None,
        compile: str | None,
        allow: Sequence[str],
    ) -> Any:  # noqa: ANN401  # a Request, whose module loads torch; until 2027-11
        from gamespec.run.execute import Request

        folder = None if out is None else Path(out)
        return Request(seed, device, steps, folder, dict(nets or {}), dict(data or {}), self._params, "api", compile, allow=tuple(allow))

    @contextmanager
    def _shown(self) -> Iterator[None]:
        with _shown({self._checked.source.name: self._checked.source} | dict(self._checked.sources)):
            yield


def load(path: str | os.PathLike[str], params: Mapping[str, object] | None = None) -> Game:
    """Read and check a `.game` file; `params` overrides its parameters: `{"eps": "4/255"}`.

    A path such as "specs/saddle/bilinear.game" that is not on disk is looked up among the games of gamespec.
    """
    from gamespec import pipeline
    from gamespec.syntax.parse import read

    sets = tuple((name, _written(value)) for name, value in (params or {}).items())
    with _shown({}):
        source = read(find(path))
    with _shown({source.name: source}):
        return Game(pipeline.check(source, sets), sets)


def from_text(text: str, name: str = "game.game", params: Mapping[str, object] | None = None) -> Game:
    """Check the text of a game; `name` is what diagnostics call it, and relative paths start in its folder."""
    from gamespec import pipeline
    from gamespec.report.source import Source

    sets = tuple((key, _written(value)) for key, value in (params or {}).items())
    source = Source(name, text)
    with _shown({source.name: source}):
        return Game(pipeline.check(source, sets), sets)


def load_run(path: str | os.PathLike[str], nets: Mapping[str, nn.Module] | None = None) -> Result:
    """A saved run. Asking it for a network runs the program saved beside it: open only runs that you trust."""
    from gamespec.run import result

    return result.load_run(Path(path), nets)


def resume(
    path: str | os.PathLike[str],
    *,
    nets: Mapping[str, nn.Module] | None = None,
    data: Mapping[str, Any] | None = None,
    on_step: Callable[[Report], None] | None = None,
) -> Result:
    """Go on with a run that was stopped or killed, to the bits that it would have had; runs the program saved there.

    `nets` and `data` bring again what was brought to `solve`.
    """
    from gamespec.run import resume as going

    with _shown({}):
        return going.resume(Path(path), nets, data, on_step=on_step)


def _written(value: object) -> str:
    """A value as the language writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _shown(sources: Mapping[str, Any]) -> Iterator[None]:
    """Diagnostics with their lines of the file, once, below the traceback."""
    try:
        yield
    except GameError as error:
        if not getattr(error, "__notes__", None):
            from gamespec.report.render import human

            error.add_note("\n" + human(error.diagnostics, dict(sources)))
        raise
