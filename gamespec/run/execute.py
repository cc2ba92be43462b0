"""Execute a compiled game: link, train, diagnose, certify, save."""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gamespec.report.diagnostic import Diagnostic, GameError, InternalError, Label
from gamespec.report.source import Span
from gamespec.run import foreign, link, store
from gamespec.run.blame import not_finite
from gamespec.run.lane import Lane
from gamespec.run.load import load_file, located
from gamespec.run.manifest import manifest
from gamespec.run.probes import Probes
from gamespec.run.proofs import proved_checks
from gamespec.run.recorder import Recorder
from gamespec.run.result import Report, Result, Status
from gamespec.run.sampled import Sampled
from gamespec.run.saver import Saver, stoppable, write_manifest
from gamespec.run.snapshot import Base, Snapshot, base, restored
from gamespec.run.starts import player, settled
from gamespec.run.store import Store
from gamespec.run.summary import summary
from gamespec.run.writers import opened
from gamespec.solvers.setup import settings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gamespec.run.contract import Checked, Compiled, Emitted, State
    from gamespec.run.kept import Checkpoint
    from gamespec.run.progress import Progress

_SETTINGS = ("source", "schedule", "seed", "steps", "overrides", "device")
"""What of the manifest is told to other places where reports are written."""


@dataclass(frozen=True)
class Request:
    """What was asked for beside the game itself; `out` None keeps the run only while Python runs.

    `every` counts the steps from one checkpoint to the next: None is by the clock, 0 none but when the run is stopped.
    """

    seed: int | None = None
    device: str = "cpu"
    steps: int | None = None
    out: Path | None = None
    nets: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[tuple[str, str], ...] = ()
    command: str = "run"
    compile: str | None = None
    """auto, on or off; None asks the `run` block of the game."""
    every: int | None = None
    log: tuple[str, ...] = ()
    """Where else the reports are written: tensorboard, wandb."""
    allow: tuple[str, ...] = ()
    """Modules that `py(..)` may import, beside those that the project allows."""
    starts: int = 0
    """Random starts that are played as well, all at once, to see how many of them come to rest."""


@dataclass(frozen=True)
class Run:
    """One run under way."""

    checked: Checked
    compiled: Compiled
    request: Request
    store: Store
    module: Emitted

    @property
    def seed(self) -> int:
        """The seed that is used."""
        return self.module.SEED if self.request.seed is None else self.request.seed

    @property
    def compiling(self) -> str:
        """Whether steps are compiled: as asked, else as the game says, else as the length of the run says."""
        return self.request.compile or str(settings(self.checked.game).get("compile") or "auto")

    @property
    def program(self) -> Path:
        """The file that runs."""
        return self.store.path / "program.py"

    def failed(self, error: Exception) -> GameError:
        """What is said of an exception inside the program."""
        return GameError((located(error, self.compiled.program, self.program, self.checked.source.name),))


@dataclass(frozen=True)
class Linked:
    """What comes from outside: networks and data by name, both empty where the program has its own."""

    device: str
    nets: dict[str, nn.Module]
    data: dict[str, tuple[Tensor, ...]]


def execute(
    checked: Checked,
    compiled: Compiled,
    request: Request | None = None,
    progress: Callable[[int], Progress] | None = None,
    on_step: Callable[[Report], None] | None = None,
) -> Result:
    """Run the emitted program and say how it ended; raises GameError when it cannot start or stops on an error.

    `progress(steps)` makes what shows the reports; `on_step` sees each of them.
    """
    run, linked = prepare(checked, compiled, request or Request())
    state, start = started(run, linked)
    steps = _steps(run, linked)
    known = manifest(run, linked.device, steps, start.fingerprints())
    return play(run, known, state, start, steps, None, progress, on_step)


def started(run: Run, linked: Linked) -> tuple[State, Base]:
    """The state before the first step, and what no step may change in it."""
    try:
        state = run.module.start(run.seed, linked.device, nets=linked.nets or None, data=linked.data or None)
    except Exception as error:
        raise run.failed(error) from error
    link.inside(run.checked, run.module, state, linked.data)
    return state, base(state)


def play(
    run: Run,
    known: Mapping[str, Any],
    state: State,
    start: Base,
    steps: int,
    since: Checkpoint | None,
    progress: Callable[[int], Progress] | None,
    on_step: Callable[[Report], None] | None,
) -> Result:
    """All steps from a state on, and everything that follows the last; `since` is the checkpoint that it comes from."""
    kept = run.store
    write_manifest(kept, known)
    show = progress(steps) if progress else nullcontext()
    with show:
        writers, missing = opened(run.request.log, kept.path, run.module.NAME, {k: known[k] for k in _SETTINGS})
        shown = (f for f in (show if progress else None, on_step) if callable(f))
        listeners: tuple[Callable[[Report], None], ...] = (*writers, *shown)
        history = tuple(store.read_lines(kept.path / "metrics.jsonl")) if since else ()
        probes = _probes(run, state, start, steps, since)
        sampled = Sampled(run.checked.game, run.module, max((row["step"] for row in history if "@samples" in row), default=0))
        recorder = Recorder(run.module, kept, listeners, probes, history, since.seconds if since else 0.0, sampled)
        lane = _lane(run, steps, state, since, known.get("lane"))
        saver = Saver(kept, recorder, lane, start, known, run.request.every if run.request.out else 0)
        word = since.ended if since else ""
        if not word:
            state, word = _train(run, recorder, saver, lane, state, steps)
            if run.request.out and word != "interrupted":
                saver.save(state, word)
                if word == "finished":
                    recorder.last_look(steps, state)
        for writer in writers:
            writer.close()
    result = _finish(run, recorder, state, word)
    result = replace(result, lane=lane.said, diagnostics=(*_slower(run, lane), *_unwritten(run, missing), *probes.said.values(), *result.diagnostics))
    kept.text("report.txt", summary(replace(result, path=None)))
    ended = {"status": str(result.status), "seconds": round(result.seconds, 3), "lane": lane.record()}
    write_manifest(kept, {**known, **ended}, ended=True)
    return result


def prepare(checked: Checked, compiled: Compiled, request: Request) -> tuple[Run, Linked]:
    """The program loaded from its own directory, and what comes from outside, checked."""
    seed = settings(checked.game).get("seed") if request.seed is None else request.seed
    linked = linked_to(checked, request.device, request.nets, request.data, request.allow, int(str(seed or 0)))
    kept = _store(checked, request)
    kept.text("spec.game", checked.source.text)
    kept.text("ir.json", checked.game.model_dump_json(indent=1))
    kept.text("plan.txt", f"{compiled.choice}\n\n{compiled.plan}\n")
    kept.json("sources.json", {name: source.text for name, source in checked.sources.items() if name != checked.source.name})
    kept.json("places.json", _places(checked, compiled))
    path = kept.text("program.py", compiled.program.text)
    try:
        module = cast("Emitted", load_file(path))
    except Exception as error:
        raise GameError((located(error, compiled.program, path, checked.source.name),)) from error
    if request.starts:
        player(checked, compiled, module)
    return Run(checked, compiled, request, kept, module), linked


def linked_to(checked: Checked, device: str, nets: Mapping[str, Any], data: Mapping[str, Any], allow: tuple[str, ...], seed: int) -> Linked:
    """What is brought from Python, and what `py(..)` makes of allowed modules, checked against the declarations."""
    allowed = (*allow, *foreign.project(Path.cwd()))
    return Linked(
        link.device(checked, device),
        link.nets(checked, foreign.nets(checked, dict(nets), allowed, seed)),
        link.data(checked, foreign.data(checked, dict(data), allowed, seed)),
    )


def _places(checked: Checked, compiled: Compiled) -> dict[str, Any]:
    """Where the lines of the program and the parts of the game were written: file, first and last character."""
    lines = [[line, [at.file, at.start, at.end]] for line, at in compiled.program.spans]
    parts = dict(getattr(checked.spans, "spans", ()))
    return {"program": lines, "game": {key: [at.file, at.start, at.end] for key, at in parts.items()}}


def _steps(run: Run, linked: Linked) -> int:
    """How many steps there will be: as asked, else the program's own number, which counts the rows that are brought."""
    if run.request.steps is not None:
        return run.request.steps
    counted = getattr(run.module, "steps_for", None)
    return run.module.STEPS if counted is None else counted(linked.data)


def _probes(run: Run, state: State, start: Base, steps: int, since: Checkpoint | None) -> Probes:
    """What is looked for on the way; the first looks are made before the first step."""
    solver = str(getattr(run.compiled.plan, "solver", ""))
    probes = Probes(run.checked.game, run.module, start, steps, solver, run.checked.spans.get, run.checked.source.name)
    try:
        if since is None:
            probes.first(state)
    except Exception as error:
        raise run.failed(error) from error
    return probes


def _lane(run: Run, steps: int, state: State, since: Checkpoint | None, chosen: Mapping[str, Any] | None) -> Lane:
    """How steps are made; a run that goes on takes the lane that it took, at the same step, also where the clock chose."""
    before = since.lane if since and not (chosen and chosen["said"]) else chosen
    if before is None:
        return Lane(run.module, run.compiling, steps)
    at, began = since.step if since else 0, before["compiled_from"]
    if began is None or (since and since.ended):
        left = Lane(run.module, "off" if before["said"] else run.compiling, steps, before=at)
        left.said, left.began, left.timed, left.clock = before["said"], began, before.get("timed", 0), before.get("clock", 0.0)
        return left
    if since is None or at + 1 < began:
        return Lane(run.module, "on", steps, since=began, before=at)
    lane = Lane(run.module, "on", steps)
    lane(state)  # a step that is taken back: it compiles
    restored(state, Snapshot(since.tree, since.tensors))
    lane.taken_up(state, began)
    return lane


def _unwritten(run: Run, missing: list[str]) -> tuple[Diagnostic, ...]:
    """A warning where reports were to be written elsewhere as well, and could not be."""
    place = Label(Span(run.checked.source.name, 0, 0))
    hint = 'type `pip install "gamespec[log]"`, or drop `--log`'
    return (Diagnostic("GW605", "reports are not written elsewhere", place, notes=tuple(missing), hint=hint),) if missing else ()


def _slower(run: Run, lane: Lane) -> tuple[Diagnostic, ...]:
    """A warning where steps should have been compiled and are not."""
    if not lane.warning:
        return ()
    start = Label(Span(run.checked.source.name, 0, 0), "")
    return (Diagnostic("GW704", "steps run eager, not compiled", start, notes=(lane.warning,), hint="use `--compile off`"),)


def _train(run: Run, recorder: Recorder, saver: Saver, lane: Lane, state: State, steps: int) -> tuple[State, str]:
    """Play; Ctrl-C and SIGTERM end the run after its present step, with a checkpoint, and a second one at once."""
    try:
        with stoppable(saver.stop):
            return run.module.train(run.seed, steps=steps, on_step=recorder, state=state, watch=saver, **lane.instead)
    except KeyboardInterrupt:
        # In the middle of a step: what the players last were is whole.
        if getattr(state, "good", None):
            run.module.restore(state, state.good)
        return state, "interrupted"
    except Exception as error:
        run.store.abandon()
        if isinstance(error, GameError | InternalError) or error is recorder.foreign:
            raise
        raise run.failed(error) from error
    except BaseException:
        run.store.abandon()
        raise


def _finish(run: Run, recorder: Recorder, state: State, word: str) -> Result:
    """Everything that follows the last step; what was reached is on disk before anything is measured."""
    module = run.module
    players = module.players(state)
    last = getattr(module, "last", None)
    table = run.store.players(players, last(state) if last and state is not None else {})
    result = Result(
        name=module.NAME,
        schedule=module.SCHEDULE,
        status=Status(word),
        players=players,
        metrics={},
        certificates={},
        history=tuple(recorder.history),
        seconds=recorder.seconds,
        path=run.store.path if run.request.out else None,
        kept=run.store.path,
    )
    _write(run, result, table)
    if result.status is Status.INTERRUPTED:
        return result
    try:
        result = _measured(run, recorder, state, result)
    except KeyboardInterrupt:
        result = replace(result, status=Status.INTERRUPTED)
    except Exception as error:
        raise run.failed(error) from error
    _write(run, result, table)
    if result.status is Status.NAN or (result.status is Status.DIVERGING and _has_nan(result)):
        # Last, because the search steps the state once more.
        found = not_finite(module, state, run.compiled.program, run.program, max(module.EVERY, 1) + 1)
        result = replace(result, diagnostics=(found,))
    return result


def _measured(run: Run, recorder: Recorder, state: State, result: Result) -> Result:
    """The result with its certificate, metrics, expectations, and the status that the path shows."""
    module, status, note = run.module, result.status, ""
    own = module.certify(state)
    checks = (*own, *proved_checks(run.checked.game, result.players))
    values = {name: float(value) for name, value in module.measure(state).items()}
    if run.request.starts:
        values |= settled(module, run.request.starts, module.STEPS if run.request.steps is None else run.request.steps, run.seed)
    if module.KIND == "scalar" and status is Status.FINISHED:
        word, note = module.ending(state, own, recorder.points)
        status = Status(word)
    elif status is Status.FINISHED and not hasattr(state, "kept") and (note := recorder.runaway):
        status = Status.DIVERGING
    if hasattr(state, "kept"):
        note = f"the players are those of step {state.kept[1]}, which `keep` chose of all reports"
    held = module.expectations(state, values, str(status))
    return replace(
        result,
        status=status,
        metrics=values,
        certificates=certificates(checks, status),
        checks=checks,
        expectations=tuple((text, bool(ok)) for text, ok in held),
        note=note,
    )


def _has_nan(result: Result) -> bool:
    """Whether NaN is among the last losses, the metrics or what the certificate decides."""
    losses = result.history[-1]["losses"].values() if result.history else ()
    return any(math.isnan(v) for v in [*losses, *result.metrics.values(), *(c["value"] for c in result.checks if c["tol"] is not None)])


def certificates(checks: tuple[dict[str, Any], ...], status: Status) -> dict[str, Any]:
    """Name of each check with its value, and `ok`: nothing failed and the players came to rest."""
    rest = not status.failed and status is not Status.CYCLING
    return {c["name"]: c["value"] for c in checks} | {"ok": rest and all(c["ok"] is not False for c in checks)}


def _write(run: Run, result: Result, table: Mapping[str, Any]) -> None:
    run.store.json(
        "result.json",
        {
            "status": str(result.status),
            "note": result.note,
            "metrics": result.metrics,
            "certificates": result.certificates,
            "checks": list(result.checks),
            "expectations": [{"text": text, "ok": ok} for text, ok in result.expectations],
            "players": table,
        },
    )
    run.store.close()


def _store(checked: Checked, request: Request) -> Store:
    """A new run directory where it was asked for, else one that lasts as long as this process."""
    root = request.out
    if root is None:
        root = Path(tempfile.mkdtemp(prefix="gamespec-"))
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    return store.create(root, checked.game.name, checked.game.hash())
