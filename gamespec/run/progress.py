"""Progress of a run on stderr: a bar on a terminal, about twenty plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

if TYPE_CHECKING:
    from gamespec.run.result import Report

_LINES = 20
"""Plain lines of one run, the last one not counted."""


class Progress(Protocol):
    """Something that shows how far a run is."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the screen as it was found."""

    def __call__(self, report: Report) -> None:
        """Show one report."""


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to end."""

    def __call__(self, report: Report) -> None:
        """Nothing to show."""


class Plain(Quiet):
    """One line each time another twentieth of the steps is done."""

    def __init__(self, total: int, out: TextIO) -> None:
        self._total = max(total, 1)
        self._out = out
        self._shown = 0
        self._metrics: dict[str, tuple[float, int]] = {}

    def __call__(self, report: Report) -> None:
        """Print the report if it is time."""
        self._metrics |= {name: (value, report.step) for name, value in report.metrics.items()}
        self._out.writelines(f"{line}\n" for line in warned(report))
        done = report.step * _LINES // self._total
        if done <= self._shown and report.step < self._total:
            return
        self._shown = done
        head = f"step {report.step:>{len(str(self._total))}}/{self._total}"
        self._out.write(f"{head}  {numbers(report, self._metrics)}  {pace(report)}  {left_over(report.step, self._total, report.time)}\n")
        self._out.flush()


class Bar:
    """A bar with the losses, the newest cheap metrics, the pace and the time left; needs rich."""

    def __init__(self, total: int, out: TextIO, color: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        self._metrics: dict[str, tuple[float, int]] = {}
        columns: list[Any] = [
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
        ]
        console = Console(file=out, no_color=not color)
        self._rich = Rich(*columns, console=console, transient=True, refresh_per_second=8)
        self._task = self._rich.add_task("", total=total)

    def __enter__(self) -> Self:
        """Draw the empty bar."""
        self._rich.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take the bar away."""
        self._rich.stop()

    def __call__(self, report: Report) -> None:
        """Move the bar."""
        from rich.markup import escape

        self._metrics |= {name: (value, report.step) for name, value in report.metrics.items()}
        for line in warned(report):
            self._rich.console.print(escape(line))
        self._rich.update(self._task, completed=report.step, description=escape(f"{numbers(report, self._metrics)}  {pace(report)}"))


def progress(total: int, *, quiet: bool = False, color: bool = True, out: TextIO | None = None) -> Progress:
    """What suits the place where stderr goes."""
    stream = out or sys.stderr
    if quiet or total <= 0:
        return Quiet()
    return Bar(total, stream, color) if stream.isatty() else Plain(total, stream)


def numbers(report: Report, metrics: dict[str, tuple[float, int]]) -> str:
    """Losses, then the newest metrics with the step that they are of, where that is an older one: `h 0.412  clean 0.953 (step 36)`."""
    newest = [f"{name} {value:.4g}{'' if step == report.step else f' (step {step})'}" for name, (value, step) in metrics.items()]
    return "  ".join([*(f"{name} {value:.4g}" for name, value in report.losses.items()), *newest])


def warned(report: Report) -> list[str]:
    """A line for each thing that was noticed: `step 36: GW712 catastrophic overfitting: at step 36, ..`."""
    return [f"step {report.step}: {d.code} {d.message}: {d.primary.text}" for d in report.warnings]


def pace(report: Report) -> str:
    """Steps a second up to here, `57 steps/s`, or seconds a step where one takes longer."""
    if report.time <= 0 or report.step <= 0:
        return ""
    rate = report.step / report.time
    return f"{rate:.3g} steps/s" if rate >= 1 else f"{1 / rate:.3g} s/step"


def left_over(done: int, total: int, seconds: float) -> str:
    """Time left, from the pace so far."""
    if done >= total or done <= 0:
        return f"{seconds:.1f} s"
    left = seconds / done * (total - done)
    return f"{left / 60:.0f} min left" if left >= 100 else f"{left:.0f} s left"
