"""How diagnostics look: for a person, one to a line, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gamespec.report.cells import visible, window
from gamespec.report.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gamespec.report.diagnostic import Diagnostic, Fix, Label
    from gamespec.report.source import Source, Span

FORMAT_VERSION = "1.0"

_COLORS = {"error": "1;31", "warning": "1;33", "note": "1;36", "label": "1;34", "bold": "1"}


def human(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], color: bool = False) -> str:
    """Each diagnostic with the lines it is about; a blank line between two."""
    paint = _paint if color else _plain
    return "\n\n".join("\n".join(_lines(diagnostic, sources, paint)) for diagnostic in diagnostics)


def short(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One line for each diagnostic: `file:line:column: error[CODE]: message`."""
    return "\n".join(
        f"{_place(d.primary.span, sources)}: {d.severity}[{d.code}]: {visible(d.message)}" for d in diagnostics
    )


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are of each severity: `2 errors, 1 warning`."""
    counted = [
        f"{number} {severity}{'s' if number > 1 else ''}" for severity, number in _counts(diagnostics).items() if number
    ]
    return ", ".join(counted) or "no errors"


def as_json(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source], version: str = "") -> dict[str, Any]:
    """One document with every diagnostic; `version` is that of the tool. Lines and columns count from 1."""
    counts = _counts(diagnostics)
    return {
        "format_version": FORMAT_VERSION,
        "tool": "gamec",
        "tool_version": version,
        "valid": counts["error"] == 0,
        "counts": counts,
        "diagnostics": [_as_json(diagnostic, sources) for diagnostic in diagnostics],
    }


def _counts(diagnostics: Iterable[Diagnostic]) -> dict[str, int]:
    counts = {"error": 0, "warning": 0, "note": 0}
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    return counts


# ------------------------------------------------------------------ for a person


def _plain(text: str, style: str) -> str:
    return text


def _paint(text: str, style: str) -> str:
    return f"\x1b[{_COLORS[style]}m{text}\x1b[0m"


def _lines(diagnostic: Diagnostic, sources: Mapping[str, Source], paint: Callable[[str, str], str]) -> list[str]:
    severity = diagnostic.severity
    title = paint(f"{severity}[{diagnostic.code}]", severity) + paint(f": {visible(diagnostic.message)}", "bold")
    places = [(diagnostic.primary, "^", severity), *((label, "-", "label") for label in diagnostic.related)]
    here = diagnostic.primary.span.file
    files = list(dict.fromkeys(label.span.file for label, _, _ in places))
    shown = [place for place in places if place[0].span.file in sources]
    numbers = [sources[label.span.file].position(label.span.start)[0] for label, _, _ in shown]
    gutter = " " * len(str(max(numbers, default=1)))
    lines = [title]
    for file in files:
        first = next(label for label, _, _ in places if label.span.file == file)
        arrow = "-->" if file == here else ":::"
        lines.append(f"{gutter}{paint(arrow, 'label')} {_place(first.span, sources)}")
        if file in sources:
            lines.append(paint(f"{gutter} |", "label"))
            lines.extend(_excerpt(sources[file], [p for p in places if p[0].span.file == file], len(gutter), paint))
        elif first.text:
            lines.append(f"{gutter} {paint('=', 'label')} {visible(first.text)}")
    for word, text in _tail(diagnostic):
        indent = "\n" + gutter + " " * (len(word) + 5)
        lines.append(f"{gutter} {paint('=', 'label')} {paint(word, 'bold')}: {visible(text, keep_lines=indent)}")
    return lines


def _tail(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    notes = [("note", note) for note in diagnostic.notes]
    hints = [("help", diagnostic.hint)] if diagnostic.hint else [("help", fix.message) for fix in diagnostic.fixes]
    return [*notes, *hints]


def _excerpt(
    source: Source, places: list[tuple[Label, str, str]], width: int, paint: Callable[[str, str], str]
) -> list[str]:
    """The lines with a label, in order, each once, with a row of marks under it for each label."""
    lines: list[str] = []
    last = (0, "")
    for label, mark, style in sorted(places, key=lambda place: _row(source, place[0].span)):
        number, column = source.position(label.span.start)
        text, left, length = window(source.line(number), column - 1, column - 1 + label.span.end - label.span.start)
        if (number, text) != last:
            lines.append(f"{paint(f'{number:>{width}} |', 'label')} {text}".rstrip())
        last = (number, text)
        said = f" {visible(label.text)}" if label.text else ""
        lines.append(f"{paint(' ' * width + ' |', 'label')} {' ' * left}{paint(mark * length + said, style)}")
    return lines


def _row(source: Source, span: Span) -> tuple[int, int]:
    """By line, and in a line from the right, as labels are read from the mark nearest to them."""
    line, column = source.position(span.start)
    return line, -column


def _place(span: Span, sources: Mapping[str, Source]) -> str:
    if span.file not in sources:
        return visible(span.file)
    line, column = sources[span.file].position(span.start)
    return f"{visible(span.file)}:{line}:{column}"


# ------------------------------------------------------------------ for a program


def _as_json(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "name": CODES[diagnostic.code].name,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "primary": _label_json(diagnostic.primary, sources),
        "related": [_label_json(label, sources) for label in diagnostic.related],
        "notes": list(diagnostic.notes),
        "hint": diagnostic.hint,
        "fixes": [_fix_json(fix) for fix in diagnostic.fixes],
    }


def _label_json(label: Label, sources: Mapping[str, Source]) -> dict[str, Any]:
    span = label.span
    return {
        "file": span.file,
        "start": _point(span.file, span.start, sources),
        "end": _point(span.file, span.end, sources),
        "label": label.text,
    }


def _point(file: str, offset: int, sources: Mapping[str, Source]) -> dict[str, int]:
    line, column = sources[file].position(offset) if file in sources else (1, 1)
    return {"line": line, "column": column, "offset": offset}


def _fix_json(fix: Fix) -> dict[str, Any]:
    return {
        "message": fix.message,
        "applicability": "safe" if fix.safe else "unsafe",
        "edits": [
            {"file": edit.span.file, "start": edit.span.start, "end": edit.span.end, "text": edit.text}
            for edit in fix.edits
        ],
    }
