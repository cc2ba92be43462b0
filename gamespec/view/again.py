"""A run made again by its own program, compared with what was saved bit by bit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamespec.lazy import torch
from gamespec.view.opened import Opened, Undrawable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class _Enough(Exception):  # noqa: N818  # ends a replay where the run was interrupted; until 2027-11
    """The last report of the run was reached."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is the same and what is not. `differences` name the first place of each kind."""

    reports: int
    players: tuple[str, ...]
    metrics: tuple[str, ...]
    differences: tuple[str, ...]
    elsewhere: tuple[str, ...]
    """What differs between the machine or the packages of then and of now."""

    @property
    def same(self) -> bool:
        """Whether every number has the same bits."""
        return not self.differences

    def row(self) -> dict[str, Any]:
        """For programs."""
        compared = {"reports": self.reports, "players": list(self.players), "metrics": list(self.metrics)}
        return {"same": self.same, "compared": compared, "differences": list(self.differences), "elsewhere": list(self.elsewhere)}

    def __str__(self) -> str:
        """For a person."""
        what = f"{self.reports} reports, {len(self.players)} players, {len(self.metrics)} metrics"
        lines = [f"the same bits: {what}"] if self.same else [f"NOT the same: {what} compared", *(f"  {d}" for d in self.differences)]
        if self.elsewhere and not self.same:
            lines.append(f"  then and now differ in {', '.join(self.elsewhere)}")
        return "\n".join(lines)


def replay(run: Opened) -> Replay:
    """Execute the program of a run with its seed, steps, device and threads. Undrawable where it cannot be."""
    m = run.manifest
    given = [*m.get("given", {}).get("nets", ()), *m.get("given", {}).get("data", ())]
    if given:
        raise Undrawable(f"`{given[0]}` was given from Python, so only that Python program can make the run again")
    device = str(m.get("device", "cpu"))
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Undrawable(f"the run was made on {device}, and there is no such device here")
    rows = list(run.history)
    made: list[tuple[int, dict[str, float]]] = []
    kept: Any = None

    def note(k: int, s: Any, losses: Mapping[str, Tensor]) -> None:  # noqa: ANN401  # the state of a program; until 2027-11
        nonlocal kept
        made.append((k, {name: float(v) for name, v in losses.items()}))
        kept = s
        if cut and len(made) >= len(rows):
            raise _Enough

    cut = run.result["status"] == "interrupted"
    from gamespec.run.lane import Lane

    threads = torch.get_num_threads()
    torch.set_num_threads(int(m.get("threads") or threads))
    try:
        lane = m.get("lane") or {}
        since = lane.get("compiled_from")
        play = Lane(run.module, "off" if since is None else "on", m["steps"], since)
        s, _ = run.module.train(seed=m["seed"], device=device, steps=m["steps"], on_step=note, **play.instead)
        measured = {} if cut else run.module.measure(s)
    except _Enough:
        s, measured = kept, {}
    except Exception as error:
        raise Undrawable(f"its program stopped: {type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    finally:
        torch.set_num_threads(threads)
    differences = [*_reports(rows, made), *_players(run, s), *_metrics(run, measured)]
    return Replay(len(rows), tuple(run.result["players"]), tuple(measured), tuple(differences), _elsewhere(run))


def _bits(value: float) -> bytes:
    return struct.pack("<d", value)


def _reports(rows: list[dict[str, Any]], made: list[tuple[int, dict[str, float]]]) -> list[str]:
    """The first report that differs."""
    for row, (k, losses) in zip(rows, made, strict=False):
        if row["step"] != k or set(row["losses"]) != set(losses):
            return [f"report {row['step']}: now made at step {k} for {', '.join(losses)}"]
        for name, value in losses.items():
            if _bits(float(row["losses"][name])) != _bits(value):
                return [f"step {k}, objective of {name}: {row['losses'][name]!r} then, {value!r} now"]
    return [f"{len(rows)} reports then, {len(made)} now"] if len(rows) != len(made) else []


def _players(run: Opened, s: Any) -> list[str]:  # noqa: ANN401  # the state of a program; until 2027-11
    """Each player whose saved numbers differ."""
    found = []
    for name, player in run.module.players(s).items():
        if name not in run.result["players"]:
            found.append(f"player {name}: not saved")
            continue
        now = player.state_dict() if hasattr(player, "state_dict") else {"value": player}
        then = run.numbers(name)
        wrong = [key for key in now if key not in then or not _equal(then[key], now[key].detach().cpu())]
        if wrong or len(now) != len(then):
            found.append(f"player {name}: {wrong[0] if wrong else 'other tensors'} differs")
    return found


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same type, shape and bytes."""
    bytes_of = [t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b)]
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*bytes_of)


def _metrics(run: Opened, measured: Mapping[str, float]) -> list[str]:
    then = run.result["metrics"]
    wrong = [k for k, v in measured.items() if k not in then or _bits(float(then[k])) != _bits(float(v))]
    return [f"metric {k}: {then.get(k)!r} then, {measured[k]!r} now" for k in wrong]


def _elsewhere(run: Opened) -> tuple[str, ...]:
    """Versions and machine, where they are not those of the run."""
    import platform

    m = run.manifest
    versions = m.get("versions", {})
    pairs = {"torch": (versions.get("torch"), torch.__version__), "python": (versions.get("python"), platform.python_version())}
    if str(m.get("device", "cpu")) == "cpu":
        pairs["processor"] = (m.get("device_name"), platform.machine())
    return tuple(f"{k} ({then} then, {now} now)" for k, (then, now) in pairs.items() if then != now)
