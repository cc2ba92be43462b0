"""Check the result of a run again from what it left on the disk, with as long a search as is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamespec.emit.spell import spelled
from gamespec.run.execute import certificates
from gamespec.run.kept import checkpoint, damaged, finished
from gamespec.run.proofs import proved_checks
from gamespec.run.result import Result, Saved, load_run
from gamespec.run.resume import opened, put_back, read_again, threads
from gamespec.run.store import Store

if TYPE_CHECKING:
    from gamespec.run.contract import Emitted, State


def certify(
    path: str | Path,
    budget: int = 1,
    nets: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    allow: tuple[str, ...] = (),
) -> Result:
    """The result of a run with its certificate made again; executes the program saved there.

    What was checked is written to certificate.json beside the result. `nets` and `data` bring again what was brought
    from outside, `allow` lists modules that `py(..)` may import.
    Error: GameError, GE603 to GE609 saying what is missing, damaged, unfinished or not given.
    """
    found = finished(path)
    before = load_run(found.path)
    with threads(found):
        run, linked = opened(found, read_again(found), dict(nets or {}), dict(data or {}), None, allow=allow)
        try:
            state = run.module.start(run.seed, linked.device, nets=linked.nets or None, data=linked.data or None)
        except Exception as error:
            raise run.failed(error) from error
        since = checkpoint(found)
        if since is not None:
            put_back(found, state, since)
        else:
            _players_back(run.module, state, before, found.path)
        try:
            players = run.module.players(state)
            checks = (*run.module.certify(state, budget), *proved_checks(run.checked.game, players, budget))
        except Exception as error:
            raise run.failed(error) from error
    result = replace(before, players=players, checks=checks, certificates=certificates(checks, before.status), expectations=(), metrics={})
    written = {"budget": budget, "status": str(result.status), "certificates": result.certificates, "checks": list(checks)}
    Store(found.path).json("certificate.json", written)
    return result


def _players_back(module: Emitted, state: State, before: Result, folder: Path) -> None:
    """The players as they were saved, in the state of a program that left no checkpoint; copies of one are all that one."""
    built = module.players(state)
    assert isinstance(before.players, Saved)  # what `load_run` gives
    for name, player in built.items():
        if name not in before.players:
            raise damaged(folder, f"result.json has no player `{name}`")
        numbers = before.players.numbers(name)
        try:
            own = getattr(state, spelled(name))
            if hasattr(player, "load_state_dict"):
                shapes = {key: t.shape for key, t in own.state_dict().items()}
                own.load_state_dict({key: t.expand(shapes.get(key, t.shape)) for key, t in numbers.items()})
                continue
            setattr(state, spelled(name), numbers["value"].to(own).expand(own.shape).clone())
        except (RuntimeError, KeyError) as error:
            raise damaged(folder, f"the numbers of `{name}` do not fit the program: {str(error).splitlines()[0]}") from error


__all__ = ["certify"]
