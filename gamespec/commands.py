"""What each command of `gamec` does: arguments in, exit code out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gamespec import shipped
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from gamespec.pipeline import Checked
    from gamespec.run.progress import Progress
    from gamespec.run.result import Result
    from gamespec.screen import Screen


class Refused(Exception):  # noqa: N818  # not an error of ours: diagnostics were shown; until 2027-11
    """The command ends here, with this exit code; what there is to say has been said."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


def check(args: Namespace, screen: Screen) -> int:
    """Every file: names, types, structure; `--show` prints a stage."""
    code = 0
    for path in args.files:
        try:
            checked = checked_file(path, screen, solve=args.solve)
            if args.show:
                _show(checked, args, screen)
            screen.note(f"{checked.source.name}: fine")
        except Refused as stop:
            code = max(code, stop.code)
        except GameError as error:
            screen.say(error.diagnostics)
            code = 1
    return code


def _show(checked: Checked, args: Namespace, screen: Screen) -> None:
    """Print one stage."""
    from gamespec import pipeline

    if args.show == "ast":
        from gamespec.outline import outline
        from gamespec.syntax.parse import parse

        text = outline(parse(checked.source))
    elif args.show == "ir":
        text = checked.game.model_dump_json(indent=2, exclude_defaults=True)
    else:
        text = str(getattr(pipeline.compile(checked, args.schedule), args.show))
    screen.document.setdefault("stages", {})[checked.source.name] = text
    screen.result(text)


def explain(args: Namespace, screen: Screen) -> int:
    """What was found and chosen, with reasons."""
    from gamespec import pipeline

    text = pipeline.explain(checked_file(args.file, screen, _sets(args), solve=args.solve), args.schedule, args.why, args.lane)
    screen.document["explain"] = text
    screen.result(text)
    return 0


def emit(args: Namespace, screen: Screen) -> int:
    """The program that `run` executes, or the game in another notation, on stdout or in a file."""
    text = _written(args, checked_file(args.file, screen, _sets(args), solve=args.solve))
    screen.document["program" if args.to == "torch" else args.to] = text
    if args.o and args.o != "-":
        target = Path(args.o)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, target)
        except OSError as error:
            return _usage(screen, f"cannot write {target}: {error.strerror}")
        screen.note(f"wrote {target}")
    else:
        screen.result(text)
    return 0


def _written(args: Namespace, checked: Checked) -> str:
    if args.to == "ir":
        return checked.game.model_dump_json(indent=2) + "\n"
    if args.to == "latex":
        from gamespec.notation.latex import latex

        return latex(checked.spec)
    if args.to in {"dot", "mermaid"}:
        from gamespec.notation import graph

        made: str = getattr(graph, args.to)(checked.game)
        return made
    from gamespec import pipeline

    return pipeline.compile(checked, args.schedule, lane=args.lane).program.text


def run(args: Namespace, screen: Screen) -> int:
    """Solve, certify, save; or go on with a run that was stopped."""
    play = _resumed(args, screen) if args.resume else _begun(args, screen)
    from gamespec.run.progress import progress
    from gamespec.run.summary import as_json, summary

    quiet = args.quiet or screen.json
    try:
        result = play(lambda steps: progress(steps, quiet=quiet, color=screen.colored))
    except GameError as error:
        screen.say(error.diagnostics)
        return exit_code(error)
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(args.out):
            raise
        return _usage(screen, f"cannot write {error.filename}: {error.strerror}")
    screen.say(result.diagnostics)
    screen.document["run"] = as_json(result)
    screen.result(summary(result))
    return result.exit_code


def _begun(args: Namespace, screen: Screen) -> Callable[[Callable[[int], Progress]], Result]:
    """A new run of a game."""
    from gamespec import pipeline

    sets = _sets(args)
    checked = checked_file(args.file, screen, sets, solve=args.solve)
    compiled = pipeline.compile(checked, args.schedule, lane=args.lane)
    if screen.say(compiled.diagnostics):
        raise Refused(1)
    from gamespec.run.execute import Request, execute

    request = Request(
        args.seed, args.device, args.steps, Path(args.out), overrides=sets, compile=args.compile, every=args.checkpoint_every,
        log=tuple(dict.fromkeys(args.log)),
        allow=tuple(args.allow_import), starts=args.starts,
    )  # fmt: skip
    return lambda show: execute(checked, compiled, request, show)


def _resumed(args: Namespace, screen: Screen) -> Callable[[Callable[[int], Progress]], Result]:
    """A run that goes on as it began: what it is cannot be chosen again."""
    names = ("schedule", "set", "solve", "seed", "steps", "compile", "starts")
    again = [f"--{name}" for name in names if getattr(args, name) not in (None, [], 0)]
    if again:
        raise Refused(_usage(screen, f"a run goes on as it began: drop `{again[0]}`, or make a new run"))
    from gamespec.run.resume import resume

    log, allow = tuple(dict.fromkeys(args.log)), tuple(args.allow_import)
    return lambda show: resume(args.resume, progress=show, every=args.checkpoint_every, log=log, allow=allow)


def compare(args: Namespace, screen: Screen) -> int:
    """One table of the game under several schedules and orders of play; 3 where no run could be made."""
    from gamespec.compare import compare as compared

    chosen = tuple(name.strip() for name in args.schedules.split(",") if name.strip())
    found = compared(checked_file(args.file, screen, _sets(args)), chosen, args.steps, args.seed, tuple(args.allow_import), args.starts)
    screen.document["compare"] = found.document()
    screen.result(str(found))
    return 0 if any(not row.failed for row in found.rows) else 3


def test(args: Namespace, screen: Screen) -> int:
    """Run every game with its default schedule and with each that an `expect` names; one line for each."""
    failed = ran = 0
    begin = time.perf_counter()
    for written in args.paths:
        place = Path(shipped.find(written))
        if not place.exists():
            return _usage(screen, f"no file or folder {written}")
        for path in shipped.games(place):
            for held in _tested(path, screen, tuple(args.allow_import)):
                ran += 1
                failed += not held
    screen.result(f"{ran - failed} of {ran} held, {time.perf_counter() - begin:.1f} s")
    return 3 if failed else 0


def _tested(path: Path, screen: Screen, allow: tuple[str, ...]) -> list[bool]:
    """Whether each schedule of one game does as its `expect` lines say."""
    try:
        checked = checked_file(str(path), screen, quiet=True)
    except (GameError, Refused) as error:
        said = _mistakes(error) if isinstance(error, GameError) else ["warnings"]
        return [_line(screen, path, "", 0.0, said)]
    done: list[bool] = []
    default = ""
    for schedule in [None, *dict.fromkeys(e.schedule for e in checked.game.expects if e.schedule)]:
        if schedule == default:
            continue
        begin = time.perf_counter()
        name, wrong = _one(checked, schedule, allow)
        default = default or name
        done.append(_line(screen, path, name, time.perf_counter() - begin, wrong))
    return done


def _one(checked: Checked, schedule: str | None, allow: tuple[str, ...]) -> tuple[str, list[str]]:
    """Name of the schedule and what is wrong with a run of it."""
    from gamespec import pipeline
    from gamespec.run.execute import Request, execute

    try:
        result = execute(checked, pipeline.compile(checked, schedule), Request(command="test", allow=allow))
    except GameError as error:
        return schedule or "default", _mistakes(error)
    return schedule or result.schedule, _wrong(result)


def _mistakes(error: GameError) -> list[str]:
    return [f"{d.code}: {d.message}" for d in error.diagnostics]


def _wrong(result: Result) -> list[str]:
    """The `expect` lines decide; without any, the certificate does; a run that blew up must be expected to."""
    wrong = [text for text, ok in result.expectations if not ok]
    if result.status.failed and not any("status" in text for text, _ in result.expectations):
        wrong.append(f"{result.status}: {result.note or result.status.advice}")
    if not result.expectations and result.exit_code:
        wrong.extend(f"not certified: {c['name']} = {c['value']:.3g}" for c in result.checks if c["ok"] is False)
        wrong = wrong or [f"{result.status}: {result.note or result.status.advice}"]
    return wrong


def _line(screen: Screen, path: Path, schedule: str, seconds: float, wrong: list[str]) -> bool:
    screen.document.setdefault("tests", []).append(
        {"file": str(path), "schedule": schedule, "ok": not wrong, "seconds": round(seconds, 3), "failed": wrong}
    )
    verdict = "FAILED" if wrong else "ok    "
    head = f"{verdict}  {seconds:6.1f} s  {path}  {schedule}".rstrip()
    screen.result("\n".join([head, *(f"        {w}" for w in wrong)]))
    return not wrong


def sweep(args: Namespace, screen: Screen) -> int:
    """A grid of runs."""
    from gamespec.view import actions

    return actions.sweep(args, screen)


def _of_a_run(action: str, args: Namespace, screen: Screen) -> int:
    """An action on a run directory; 4 where that is damaged or has no result."""
    from gamespec.view import actions

    try:
        code: int = getattr(actions, action)(args, screen)
    except GameError as error:
        screen.say(error.diagnostics)
        return exit_code(error)
    return code


def plot(args: Namespace, screen: Screen) -> int:
    """Pictures of a run in one file."""
    return _of_a_run("plot", args, screen)


def report(args: Namespace, screen: Screen) -> int:
    """One page about a run."""
    return _of_a_run("report", args, screen)


def runs(args: Namespace, screen: Screen) -> int:
    """The runs of a folder."""
    from gamespec.view import actions

    return actions.runs(args, screen)


def certify(args: Namespace, screen: Screen) -> int:
    """The certificate of a run made again with a longer search."""
    return _of_a_run("certify", args, screen)


def replay(args: Namespace, screen: Screen) -> int:
    """A run made again and compared."""
    return _of_a_run("replay", args, screen)


def version(args: Namespace, screen: Screen) -> int:
    """gamespec, Python and torch, none of them loaded."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from gamespec import __version__

    try:
        torch = installed("torch")
    except PackageNotFoundError:
        torch = "not installed"
    python = ".".join(map(str, sys.version_info[:3]))
    screen.document["versions"] = {"gamespec": __version__, "python": python, "torch": torch, "language": 1}
    screen.result(f"gamec {__version__} (language 1, python {python}, torch {torch})")
    return 0


def exit_code(error: GameError) -> int:
    """What a run that could not be made, or stopped, ends with."""
    codes = {d.code for d in error.diagnostics}
    if codes & {"GE702", "GE703"}:
        return 5
    return 4 if any(c.startswith("GE6") or c == "GE701" for c in codes) else 1


def _sets(args: Namespace) -> tuple[tuple[str, str], ...]:
    """The overrides `--set name=value`, in the order written."""
    return tuple((key.strip(), value.strip()) for key, _, value in (item.partition("=") for item in args.set))


def checked_file(path: str, screen: Screen, sets: tuple[tuple[str, str], ...] = (), *, quiet: bool = False, solve: str | None = None) -> Checked:
    """A checked file; its warnings are shown, and end the command where that was asked for."""
    from gamespec import pipeline

    source = source_of(path)
    screen.sources[source.name] = source
    checked = pipeline.check(source, sets, solve)
    screen.sources.update(checked.sources)
    shown = [d for d in checked.diagnostics if not quiet or screen.strict]
    if screen.say(shown):
        raise Refused(1)
    return checked


def source_of(path: str) -> Source:
    """The text of a file, of a shipped game, or of stdin."""
    from gamespec.syntax.read import read

    if path != "-":
        return read(shipped.find(path))
    try:
        return Source("<stdin>", sys.stdin.buffer.read(MAX_STDIN).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        place = Label(Span("<stdin>", 0, 0), f"byte {error.start} is not UTF-8")
        raise GameError((Diagnostic("GE005", "the input is not text", place, hint="save it as UTF-8"),)) from None


MAX_STDIN = 64_000_000
"""Bytes read from stdin; the parser bounds the rest."""


def _usage(screen: Screen, text: str) -> int:
    screen.note(f"gamec: {text}")
    return 2
