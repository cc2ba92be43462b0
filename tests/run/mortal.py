"""Runs that end in the middle: `python -m tests.run.mortal SPEC STEPS EVERY MOMENTS SEED FOLDER` prints a line for each.

Every run is a child of this process, which has loaded what all of them need. A run is counted in lines of Python inside
gamespec.run and the emitted program, from its manifest on; it ends at a line drawn at random: by SIGKILL, by SIGTERM, by
Ctrl-C, or because no file may grow any more. Another child goes on with it, as often as is needed, and what it leaves is
compared bit by bit with the run that nothing happened to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import sys
from pathlib import Path

from gamespec import pipeline
from gamespec.report.diagnostic import GameError
from gamespec.run import execute, kept, resume, saver, store
from gamespec.syntax.read import read

ENDS = ("kill", "term", "interrupt", "disk")


class Clock:
    """Counts lines, and does something at one of them."""

    def __init__(self, at, act):
        self.count, self.at, self.act = 0, at, act

    def start(self):
        """From here on."""
        sys.settrace(self._called)

    def _called(self, frame, event, arg):
        name = frame.f_code.co_filename
        return self._line if name.endswith("program.py") or "/gamespec/run/" in name else None

    def _line(self, frame, event, arg):
        if event == "line":
            self.count += 1
            if self.count == self.at:
                self.act()
        return self._line


def full():
    """No file grows beyond a few bytes from now on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))


ACTS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
    "disk": full,
}


def born(act):
    """Do something in a child; gives the signal or the exit code that it ended with."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = act() or 0
        except GameError as error:
            code = {"GE610": 10}.get(error.diagnostics[0].code, 98)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def clocked(clock):
    """Start a clock once the manifest is there."""
    before = saver.write_manifest

    def write(*args, **options):
        before(*args, **options)
        if sys.gettrace() is None:
            clock.start()

    execute.write_manifest = write


def left(folder):
    """What a run left, in short: every number but times, with all its bits."""
    run = kept.finished(folder)
    said = run.json("result.json")
    rows = [{k: v for k, v in row.items() if k in ("step", "losses", "@point")} for row in store.read_lines(folder / "metrics.jsonl")]
    numbers = [(folder / p["file"]).read_bytes() for p in said["players"].values()]
    state = kept.checkpoint(run).tensors
    whole = {k: v for k, v in state.items() if k != "rng_measure"}  # where looks begin: set anew at each, and looks follow the clock
    told = json.dumps([rows, said["metrics"], said["checks"], said["status"]], sort_keys=True).encode()
    return hashlib.sha256(b"".join([told, *numbers, store.packed(whole)])).hexdigest()


def main(spec, steps, every, moments, seed, folder):
    """One line for each moment: how the run ended, how often it went on, and whether the bits are the same."""
    source = read(spec)
    checked = pipeline.check(source)
    compiled = pipeline.compile(checked)
    out, rng = Path(folder), random.Random(int(seed))

    def run(name, clock):
        def act():
            clocked(clock)
            execute.execute(checked, compiled, execute.Request(out=out / name, steps=int(steps), every=int(every)))
            sys.settrace(None)
            (out / name / "lines").write_text(str(clock.count))

        return act

    assert born(run("whole", Clock(0, None))) == 0
    total = int((out / "whole" / "lines").read_text())
    wanted = left(next((out / "whole").glob("*-1")))
    same = 0
    for k in range(int(moments)):
        end = ENDS[(k + int(seed)) % len(ENDS)]
        ended = born(run(str(k), Clock(rng.randrange(1, total), ACTS[end])))
        path, times = next((out / str(k)).glob("*-1")), 0
        while kept.kept(path).manifest["status"] in ("running", "interrupted") and times < 3:
            times += 1
            with contextlib.suppress(FileNotFoundError):
                born(lambda path=path: resume.resume(path) and None)
        good = left(path) == wanted
        same += good
        sys.stdout.write(f"{k} {end} ended with {ended}, resumed {times} times: {'same' if good else 'OTHER'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{same} of {moments} the same\n")
    return 0 if same == int(moments) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
