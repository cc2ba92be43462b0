"""Go on with a run that was stopped or killed: the same program from its last checkpoint, to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from gamespec.emit.program import Program
from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.run.execute import Linked, Request, Run, linked_to, play, started
from gamespec.run.kept import Checkpoint, Kept, checkpoint, damaged, kept, refused
from gamespec.run.load import load_file, located
from gamespec.run.manifest import machine
from gamespec.run.snapshot import Mismatch, Snapshot, restored
from gamespec.run.store import Store

if TYPE_CHECKING:
    from gamespec.ir.game import Game
    from gamespec.report.source import Source, Span
    from gamespec.run.contract import Emitted, State
    from gamespec.run.progress import Progress
    from gamespec.run.result import Report, Result


@dataclass(frozen=True)
class Again:
    """A game as a run directory has it: what was checked and compiled when the run began."""

    source: Source
    sources: Mapping[str, Source]
    game: Game
    spans: dict[str, Span]
    program: Program
    choice: str
    plan: str
    diagnostics: tuple[Diagnostic, ...] = ()


def resume(
    path: str | Path,
    nets: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    progress: Callable[[int], Progress] | None = None,
    on_step: Callable[[Report], None] | None = None,
    every: int | None = None,
    log: tuple[str, ...] = (),
    allow: tuple[str, ...] = (),
) -> Result:
    """Go on with a run; executes the program saved there. Error: GameError, GE608 to GE611 saying why it cannot go on.

    `nets` and `data` bring again what was brought from outside, `allow` lists modules that `py(..)` may import again; `every`
    is as in Request, None as the run had it.
    """
    found = kept(path)
    if found.manifest["status"] not in ("running", "interrupted"):
        raise refused(found.path, "GE611", f"{found.path} has ended: {found.manifest['status']}", "make a new run, with more `--steps`")
    since = checkpoint(found)
    again = read_again(found)
    with threads(found):
        run, linked = opened(found, again, dict(nets or {}), dict(data or {}), every, log, allow)
        state, start = started(run, linked)
        prints = start.fingerprints()
        if prints != found.manifest["data"]:
            other = next(k for k in [*prints, *found.manifest["data"]] if prints.get(k) != found.manifest["data"].get(k))
            hint = "bring the data that the run began with"
            raise refused(found.path, "GE611", f"the data in `s.{other}` are not those that the run began with", hint)
        if since is not None:
            put_back(found, state, since)
        run.store.cut(since.metrics["bytes"] if since else 0)
        run.store.files |= since.files if since else {}
        return play(run, _known(found, since), state, start, found.manifest["steps"], since, progress, on_step)


def put_back(found: Kept, state: State, since: Checkpoint) -> None:
    """The state as it was at a checkpoint. Error: GE608 where that does not fit the program."""
    try:
        restored(state, Snapshot(since.tree, since.tensors))
    except (Mismatch, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise damaged(found.path, f"the checkpoint does not fit the program: {error}") from error


def read_again(found: Kept) -> Again:
    """What a run began with. Error: GE608 where a file of it cannot be read."""
    try:
        lines, parts = found.places()
        source = found.source()
        program = Program(found.text("program.py"), lines)
        choice, _, plan = found.text("plan.txt").partition("\n\n")
        return Again(source, {source.name: source}, found.game(), parts, program, choice, plan)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(found.path, str(error).splitlines()[0]) from None


def opened(
    found: Kept,
    again: Again,
    nets: dict[str, Any],
    data: dict[str, Any],
    every: int | None,
    log: tuple[str, ...] = (),
    allow: tuple[str, ...] = (),
) -> tuple[Run, Linked]:
    """The run with its own program, and what is brought from outside, checked as when it began."""
    m = found.manifest
    for kind, brought in (("nets", nets), ("data", data)):
        missing = [name for name in m["given"][kind] if name not in brought]
        if missing:
            hint = f'from Python: `gs.resume("{found.path.as_posix()}", {kind}={{"{missing[0]}": ..}})`'
            raise refused(found.path, "GE604", f"`{missing[0]}` was given from Python and is not part of the run", hint)
    linked = linked_to(again, m["device"], nets, data, allow, m["seed"])
    path = found.path / "program.py"
    try:
        module = cast("Emitted", load_file(path))
    except Exception as error:
        raise GameError((located(error, again.program, path, again.source.name),)) from error
    own = Store(found.path)
    own.files = {k: v for k, v in m["files"].items() if k in _STATIC}
    every = m["checkpoint_every"] if every is None else every
    sets, root = tuple(m["overrides"].items()), found.path.parent
    chosen = (m["seed"], m["device"], m["steps"], root, nets, data, sets, "resume", m["compile"], every, log, allow, m.get("starts", 0))
    request = Request(*chosen)
    return Run(again, again, request, own, module), linked


_STATIC = ("spec.game", "ir.json", "plan.txt", "sources.json", "places.json", "program.py")


def _known(found: Kept, since: Checkpoint | None) -> dict[str, Any]:
    """The manifest, with a note of where the run went on and on what machine."""
    here = machine(found.manifest["device"])
    before = found.manifest.get("resumed", [])
    return {
        **found.manifest,
        "status": "running",
        "checkpointed": since is not None,
        "resumed": [*before, {"step": since.step if since else 0, **here}],
    }


@contextmanager
def threads(found: Kept) -> Iterator[None]:
    """As many threads as the run had: sums in another order have other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(int(found.manifest.get("threads") or before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
