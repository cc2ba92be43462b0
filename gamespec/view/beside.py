"""Several runs beside each other: networks of one type on the same data, before the same adversary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gamespec.emit.spell import spelled
from gamespec.ir.game import Data, Net
from gamespec.view.opened import Opened, Undrawable


@dataclass(frozen=True)
class Cast:
    """A network that plays in the program of a run: its own, or that of another run. `name` is empty where it is alone."""

    name: str
    net: Any

    def titled(self, title: str) -> str:
        """A title that says whose it is."""
        return f"{self.name}: {title[:1].lower()}{title[1:]}" if self.name else title


def casts(run: Opened, net: Net, data: Data, others: Sequence[Opened] = ()) -> list[Cast]:
    """The network of a run, and of each other run the one that has its type and learned from the same source.

    Error: Undrawable naming the run that has none.
    """
    names = named([run, *others]) if others else [""]
    return [Cast(name, player(one, net if one is run else _like(one, net, data))) for name, one in zip(names, [run, *others], strict=True)]


def player(run: Opened, net: Net) -> Any:  # noqa: ANN401  # of a program; until 2027-11
    """A network as the run left it."""
    return run.module.players(run.state).get(net.handle, getattr(run.state, spelled(net.name), None))


@contextmanager
def played(run: Opened, net: Net, cast: Cast) -> Iterator[None]:
    """Inside, a cast stands in the program's state for its network."""
    own = getattr(run.state, spelled(net.name))
    if cast.name:
        setattr(run.state, spelled(net.name), cast.net)
    try:
        yield
    finally:
        setattr(run.state, spelled(net.name), own)


def named(runs: Sequence[Opened]) -> list[str]:
    """A name for each run: the first of game, schedule and folder in which all differ."""
    choices = ([r.game.name for r in runs], [f"{r.game.name}, {r.manifest['schedule']}" for r in runs], [r.path.name for r in runs])
    return next((names for names in choices if len(set(names)) == len(names)), [f"run {k + 1}" for k in range(len(runs))])


def _like(run: Opened, net: Net, data: Data) -> Net:
    """The network of a run with the type of another, of that name where there are several."""
    if not any(d.source.word == data.source.word and [f.type for f in d.fields] == [f.type for f in data.fields] for d in run.game.data):
        raise Undrawable(f"{run.path.name} has no data like `{data.name}`")
    found = [n for n in run.game.nets if n.inputs == net.inputs and n.output == net.output]
    if not found:
        raise Undrawable(f"{run.path.name} has no network like `{net.name}`")
    return next((n for n in found if n.name == net.name), found[0])


__all__ = ["Cast", "casts", "named", "played", "player"]
