"""What is shown while a game runs."""

from __future__ import annotations

import io
import subprocess
import sys

from gamespec.run.progress import Plain, progress
from gamespec.run.result import Report


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Yes."""
        return True


def shown(out, total, every):
    """The text of a whole run."""
    with progress(total, out=out) as show:
        for k in range(every, total + 1, every):
            show(Report(k, 0.1, {"h": 1 / k}, {"clean": 0.9} if k == every else {}))
    return out.getvalue()


def test_plain_lines_are_about_twenty():
    """However many reports there are."""
    lines = shown(io.StringIO(), 5000, 5).splitlines()

    assert 15 <= len(lines) <= 21


def test_a_line_has_step_losses_metrics_pace_and_time():
    """The newest metrics stay until newer ones come, and an older one says which step it is of."""
    first, *_, last = shown(io.StringIO(), 100, 10).splitlines()

    assert first == "step  10/100  h 0.1  clean 0.9  100 steps/s  1 s left"
    assert last == "step 100/100  h 0.01  clean 0.9 (step 10)  1e+03 steps/s  0.1 s"


def test_a_slow_run_counts_seconds():
    """And the time left is that of the steps left, also where the run was stopped in between."""
    out = io.StringIO()
    with progress(100, out=out) as show:
        show(Report(50, 1000.0, {"h": 1.0}))

    assert out.getvalue() == "step  50/100  h 1  20 s/step  17 min left\n"


def test_a_terminal_gets_a_bar():
    """With the same numbers."""
    assert "clean 0.9" in shown(Terminal(), 100, 10)


def test_quiet_and_empty_runs_show_nothing():
    """No steps, no bar."""
    with progress(0, out=io.StringIO()) as show:
        show(Report(0, 0.0, {}))

    assert not isinstance(show, Plain)


def test_rich_is_imported_only_for_a_terminal():
    """A log file does not pay for it."""
    code = (
        "import io, sys; from gamespec.run.progress import progress; progress(10, out=io.StringIO());"
        "print('rich' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"
