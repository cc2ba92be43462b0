"""What is asked of any text at all: it is a game or it is refused with diagnostics, soon, and in little memory."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gamespec import pipeline
from gamespec.ir.game import Game
from gamespec.report.codes import CODES
from gamespec.report.diagnostic import Diagnostic, GameError
from gamespec.report.render import as_json, human, short
from gamespec.report.source import Source
from gamespec.syntax.layout import layout
from gamespec.syntax.parse import parse

SECONDS = 2.0
"""Of processor time, for one text."""


class Slow(BaseException):  # not to be caught by what is tested; until 2027-11
    """A text took too long."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Raise Slow after this much processor time; the clock does not run while other processes do."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Slow(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def examine(text: str, *, explain: bool = False) -> str:
    """Check, print every diagnostic in every way, lay out, go to JSON and back; gives "fine" or "refused".

    Raises whatever the compiler does not turn into diagnostics, and AssertionError where something it says is not so.
    """
    source = Source("fuzz.game", text)
    found: tuple[Diagnostic, ...]
    try:
        checked = pipeline.check(source)
        found = checked.diagnostics
    except GameError as error:
        checked, found = None, error.diagnostics
        assert found, "refused without a reason"
    _said(found, source)
    try:
        laid = layout(source)
    except GameError as error:
        _said(error.diagnostics, source)
    else:
        assert layout(Source("fuzz.game", laid)) == laid, "the layout of a layout is another"
        parse(Source("fuzz.game", laid))
    if checked is None:
        return "refused"
    assert Game.model_validate_json(checked.game.model_dump_json()) == checked.game
    if explain:
        try:
            assert pipeline.explain(checked, None, why=True)
        except GameError as error:
            _said(error.diagnostics, source)
    return "fine"


def _said(found: tuple[Diagnostic, ...], source: Source) -> None:
    """Every diagnostic has a known code and points into the text, and every way to print them works."""
    for d in found:
        assert d.code in CODES, d.code
        for label in (d.primary, *d.related):
            assert label.span.file != source.name or 0 <= label.span.start <= label.span.end <= len(source.text), (d.code, label.span)
    sources = {source.name: source}
    human(found, sources, color=True)
    short(found, sources)
    json.dumps(as_json(found, sources))
