"""The command `gamec`: arguments in, exit code out, no logic."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gamespec import __version__

if TYPE_CHECKING:
    from gamespec.screen import Screen

STAGES = ("ast", "ir", "facts", "plan", "program")
NOTATIONS = ("torch", "latex", "ir", "dot", "mermaid")
LANES = ("auto", "closed", "torch")
OUTPUTS = ("human", "short", "json", "github", "sarif")
TEXTS = ("words", "fmt", "fix", "rule", "schema", "expand")
KINDS = ("sets", "solvers", "responses", "directives", "rules", "networks", "data", "metrics", "specs")
LOGS = ("tensorboard", "wandb")
SOLVE = "the `solve` of this label (default: the first)"
MOST_SEEDS = 10_000
EXITS = """exit codes: 0 fine, 1 mistakes in the game, 2 in the command line, 3 a certificate or `expect` failed,
4 network, data, package or device missing or of the wrong shape, 5 NaN or divergence, 70 a fault of gamec,
130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    shared = _shared(suppress=True)
    top = argparse.ArgumentParser(
        "gamec",
        description="Compile games of machine learning: .game text to a certified result.",
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_shared(suppress=False)],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"gamec {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)

    check = add("check", "find mistakes; runs nothing")
    check.add_argument("files", nargs="+", metavar="FILE", help="a .game file, `-` for stdin")
    check.add_argument("--show", choices=STAGES, help="print a stage of the compiler")
    check.add_argument("--schedule", help="the schedule for facts, plan and program")
    check.add_argument("--solve", metavar="L", help=SOLVE)
    check.add_argument("--fix", action="store_true", help="make the safe fixes in the files")
    check.add_argument("--unsafe", action="store_true", help="with --fix: make the others too")
    check.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")

    explain = _game(add("explain", "say what was found and chosen, with reasons"))
    explain.add_argument("--solve", metavar="L", help=SOLVE)
    _lane(explain)
    explain.add_argument("--why", action="store_true", help="also what was rejected, and why")

    run = _game(add("run", "solve, certify, save"), optional=True)
    run.add_argument("--seed", type=_count, metavar="N", help="another seed than the game's")
    run.add_argument("--device", default="cpu", metavar="D", help="cpu (default), cuda or cuda:1")
    run.add_argument("--steps", type=_count, metavar="N", help="another number of steps than the schedule's")
    run.add_argument("--compile", choices=("auto", "on", "off"), help="compile steps to machine code (default: the game's, else auto)")
    run.add_argument("--out", default="runs", metavar="DIR", help="where runs are saved (default: runs)")
    run.add_argument("--solve", metavar="L", help=SOLVE)
    run.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped or killed; its program is executed")
    run.add_argument("--checkpoint-every", type=_count, metavar="N", help="steps between checkpoints, 0 for none (default: by the clock)")
    _allow(run)
    run.add_argument("--log", action="append", default=[], choices=LOGS, help="also write the reports there")
    _lane(run)
    _starts(run)
    run.add_argument("--quiet", action="store_true", help="no progress")

    compare = _game(add("compare", "run one game under several schedules and orders of play; judge every point"), schedule=False)
    compare.add_argument("--schedules", default="", metavar="A,B", help="these schedules instead of all")
    compare.add_argument("--steps", type=_count, metavar="N", help="another number of steps than the schedules'")
    compare.add_argument("--seed", type=_count, metavar="N", help="another seed than the game's")
    _allow(compare)
    _starts(compare)

    emit = _game(add("emit", "write the Python program that `run` executes, or the game in another notation"))
    emit.add_argument("--solve", metavar="L", help=SOLVE)
    _lane(emit)
    emit.add_argument("--to", choices=NOTATIONS, default="torch", help="torch: the program (default)")
    emit.add_argument("-o", metavar="FILE", help="where to; stdout without")

    sweep = _game(add("sweep", "run a grid of values and seeds, each cell once; one table, one picture"))
    sweep.add_argument("--over", action="append", default=[], metavar="K=A,B", type=_choices, help="values of a param, or of `schedule`")
    sweep.add_argument("--seeds", type=_seeds, default=(0,), metavar="A..B", help="seeds: 0..4, or 0,3,7 (default: 0)")
    sweep.add_argument("--jobs", type=_positive, default=1, metavar="N", help="runs at a time (default: 1)")
    sweep.add_argument("--steps", type=_count, metavar="N", help="another number of steps than the schedule's")
    sweep.add_argument("--device", default="cpu", metavar="D", help="cpu (default), cuda or cuda:1")
    _allow(sweep)
    _starts(sweep)
    sweep.add_argument("--out", metavar="DIR", help="where to; a second call goes on there (default: sweeps/<game>-<hash>)")

    plot = add("plot", "draw a run: learning curves, the plane, samples, robustness")
    plot.add_argument("run", metavar="RUN", help="a run directory; its program is executed, so only runs that you trust")
    plot.add_argument("others", nargs="*", metavar="OTHER", help="other runs with the same data and networks of the same type, drawn beside it")
    plot.add_argument("-o", metavar="FILE", help=".svg or .png (default: RUN/pictures.svg)")

    report = add("report", "one page about a run, with everything inside")
    report.add_argument("run", metavar="RUN", help="a run directory; its program is executed, so only runs that you trust")
    report.add_argument("others", nargs="*", metavar="OTHER", help="other runs with the same data and networks of the same type, drawn beside it")
    report.add_argument("-o", metavar="FILE", help="where to (default: RUN/report.html)")

    runs = add("runs", "list the runs of a folder")
    runs.add_argument("folder", nargs="?", default="runs", metavar="DIR", help="where the runs are (default: runs)")

    certify = add("certify", "check the result of a run again, and longer")
    certify.add_argument("run", metavar="RUN", help="a run directory; its program is executed, so only runs that you trust")
    certify.add_argument("--budget", type=_positive, default=10, metavar="N", help="N times the search of `run` (default: 10)")
    _allow(certify)

    replay = add("replay", "make a run again and compare every bit")
    replay.add_argument("run", metavar="RUN", help="a run directory; its program is executed, so only runs that you trust")

    _texts(add)

    words = add("list", "the words of the library, or the games that come with it")
    words.add_argument("kind", choices=KINDS)

    test = add("test", "run games and evaluate their `expect` lines")
    test.add_argument("paths", nargs="+", metavar="FILE-or-DIR")
    _allow(test)

    add("version", "versions of gamespec, Python and torch")
    return top


def _texts(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The commands on texts."""
    fmt = add("fmt", "print games in their one layout; comments stay, and so does the meaning")
    fmt.add_argument("files", nargs="+", metavar="FILE-or-DIR", help="rewritten where they lie; `-` from stdin to stdout")
    fmt.add_argument("--check", action="store_true", help="change nothing; exit 1 where something would change")
    fmt.add_argument("--diff", action="store_true", help="show what would change, and change nothing")
    fmt.add_argument("--unicode", action="store_true", help="print ∈ ∼ ≤ ≥ ≠ ∖ 𝔼 ∑ ∇ instead of ASCII")

    rule = add("rule", "what a code means, with the smallest bad program and its fix")
    rule.add_argument("code", nargs="?", metavar="CODE", help="for example GE203; without, all codes are listed")

    schema = add("schema", "the JSON Schema of the IR or of diagnostics")
    schema.add_argument("kind", choices=("ir", "diagnostics"))

    expand = add("expand", "the same game with definitions, imports and every default written out")
    expand.add_argument("file", metavar="FILE", help="a .game file, `-` for stdin")


def _shared(*, suppress: bool) -> argparse.ArgumentParser:
    """Options that may stand before or after the command."""
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS if suppress else None)
    left_out: Any = argparse.SUPPRESS
    shared.add_argument("--output", choices=OUTPUTS, default=left_out if suppress else "human")
    shared.add_argument("--color", choices=("auto", "always", "never"), default=left_out if suppress else "auto")
    shared.add_argument("--strict", action="store_true", default=left_out if suppress else False, help="warnings are errors")
    return shared


def _game(command: argparse.ArgumentParser, *, schedule: bool = True, optional: bool = False) -> argparse.ArgumentParser:
    """What every command on one game takes."""
    command.add_argument("file", metavar="FILE", nargs="?" if optional else None, help="a .game file, `-` for stdin")
    if schedule:
        command.add_argument("--schedule", metavar="S", help="a schedule of the game, by name")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="K=V",
        type=_assignment,
        help="another value of a parameter: --set eps=4/255",
    )
    return command


def _lane(command: argparse.ArgumentParser) -> None:
    """Plain numbers or tensors."""
    command.add_argument("--lane", choices=LANES, default="auto", help="closed: plain numbers; torch: tensors; auto (default): what can be")


def _allow(command: argparse.ArgumentParser) -> None:
    """Code from outside."""
    command.add_argument("--allow-import", action="append", default=[], metavar="MODULE", help="a module that `py(..)` may import; may be repeated")


def _starts(command: argparse.ArgumentParser) -> None:
    """Many starts beside the one of the game."""
    command.add_argument("--starts", type=_count, default=0, metavar="N", help="N random starts as well, at once: how many come to rest")


def _assignment(text: str) -> str:
    if "=" not in text or not text.partition("=")[0].strip():
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form name=value")
    return text


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 0 on")
    return number


def _positive(text: str) -> int:
    if (number := _count(text)) == 0:
        raise argparse.ArgumentTypeError("`0` is not a whole number from 1 on")
    return number


def _choices(text: str) -> tuple[str, tuple[str, ...]]:
    """`eps=0.1,0.2` as a name and its values; commas inside brackets belong to a value."""
    key, _, rest = _assignment(text).partition("=")
    depth, values = 0, [""]
    for letter in rest:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            values.append("")
        else:
            values[-1] += letter
    found = tuple(value.strip() for value in values)
    if not all(found):
        raise argparse.ArgumentTypeError(f"`{text}` has an empty value")
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"`{text}` has a value twice")
    return key.strip(), found


def _seeds(text: str) -> tuple[int, ...]:
    """`0..4`, `0,3,7` or both mixed."""
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        low, high = _count(first), _count(last) if dots else _count(first)
        if high < low or high - low >= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"`{part}` is no range of 1 to {MOST_SEEDS} seeds")
        found.update(dict.fromkeys(range(low, high + 1)))
    return tuple(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the console script exits with what this returns."""
    # Idle threads of OpenMP otherwise burn the cores that the others work on; read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Looking for pydantic plugins reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    known = parser()
    args = known.parse_args(argv)
    if args.command == "run" and (args.file is None) == (args.resume is None):
        known.error("`run` takes a .game file, or `--resume RUN`, and not both")
    try:
        return _command(args)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _fault(error, argv)


def _command(args: argparse.Namespace) -> int:
    from gamespec import commands
    from gamespec.report.diagnostic import GameError
    from gamespec.screen import Screen

    screen = Screen(args.output, args.color, args.strict)
    try:
        code = _action(args)(args, screen)
    except commands.Refused as refused:
        code = refused.code
    except GameError as error:
        screen.say(error.diagnostics)
        code = 1
    screen.close(code)
    return code


def _action(args: argparse.Namespace) -> Callable[[argparse.Namespace, Screen], int]:
    """What a command does."""
    from gamespec import commands

    fixes = args.command == "check" and (args.fix or args.diff)
    name = "fix" if fixes else {"list": "words"}.get(args.command, args.command)
    if name in TEXTS:
        from gamespec import tools

        found: Callable[[argparse.Namespace, Screen], int] = getattr(tools, name)
    else:
        found = getattr(commands, name)
    return found


def _fault(error: Exception, argv: Sequence[str] | None) -> int:
    """Our own mistake: a report in a file, one line for the person."""
    import platform
    import tempfile
    import traceback

    told = "".join(traceback.format_exception(error))
    words = " ".join(sys.argv[1:] if argv is None else argv)
    text = f"gamec {__version__}, python {platform.python_version()}, {platform.platform()}\ngamec {words}\n\n{told}"
    with tempfile.NamedTemporaryFile("w", prefix="gamec-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="replace") as file:
        file.write(text)
    said = f"internal error: {type(error).__name__}: this is a fault of gamec, not of your game"
    sys.stderr.write(f"{said}\nreport: {file.name}\n")
    return 70


if __name__ == "__main__":
    sys.exit(main())
