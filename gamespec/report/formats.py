"""Diagnostics for machines of others: commands of GitHub workflows, and SARIF 2.1.0 for code scanners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gamespec.report.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gamespec.report.diagnostic import Diagnostic, Edit, Fix, Label
    from gamespec.report.source import Source, Span

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


# ------------------------------------------------------------------ GitHub


def github(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """One workflow command for each diagnostic; GitHub shows it beside the line."""
    return "\n".join(_command(d, sources) for d in diagnostics)


def _command(d: Diagnostic, sources: Mapping[str, Source]) -> str:
    word = {"error": "error", "warning": "warning", "note": "notice"}[d.severity]
    region = _region(d.primary.span, sources)
    places = {"file": d.primary.span.file, "line": region["startLine"], "endLine": region["endLine"]}
    if region["startLine"] == region["endLine"]:
        places |= {"col": region["startColumn"], "endColumn": region["endColumn"]}
    title = f"{d.code} {CODES[d.code].name}"
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in (places | {"title": title}).items())
    return f"::{word} {properties}::{_data(_said(d))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _said(d: Diagnostic) -> str:
    """Message, label, notes and hint as one text."""
    first = f"{d.message}: {d.primary.text}" if d.primary.text else d.message
    hints = [f"help: {d.hint}"] if d.hint else []
    return "\n".join([first, *(f"note: {note}" for note in d.notes), *hints])


# ------------------------------------------------------------------ SARIF


def sarif(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Source], version: str = "") -> dict[str, Any]:
    """One log with one run: the rules that spoke, and a result for each diagnostic."""
    codes = sorted({d.code for d in diagnostics})
    driver = {"name": "gamec", "rules": [_rule(code) for code in codes]} | ({"version": version} if version else {})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(d, codes.index(d.code), sources) for d in diagnostics],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    row = CODES[code]
    level = {"E": "error", "W": "warning", "N": "note"}[code[1]]
    return {
        "id": code,
        "name": row.name,
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.explanation},
        "help": {"text": f"gamec rule {code}"},
        "defaultConfiguration": {"level": level},
    }


def _result(d: Diagnostic, rule: int, sources: Mapping[str, Source]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": rule,
        "level": d.severity,
        "message": {"text": _said(d)},
        "locations": [_location(d.primary, sources)],
    }
    if d.related:
        result["relatedLocations"] = [_location(label, sources) | {"id": i} for i, label in enumerate(d.related)]
    if d.fixes:
        result["fixes"] = [_fix(fix, sources) for fix in d.fixes]
    return result


def _location(label: Label, sources: Mapping[str, Source]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(label.span.file)}, "region": _region(label.span, sources)}
    return {"physicalLocation": place} | ({"message": {"text": label.text}} if label.text else {})


def _fix(fix: Fix, sources: Mapping[str, Source]) -> dict[str, Any]:
    files = list(dict.fromkeys(edit.span.file for edit in fix.edits))
    changes = [
        {
            "artifactLocation": {"uri": _uri(file)},
            "replacements": [_replacement(edit, sources) for edit in fix.edits if edit.span.file == file],
        }
        for file in files
    ]
    return {"description": {"text": fix.message}, "artifactChanges": changes}


def _replacement(edit: Edit, sources: Mapping[str, Source]) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span, sources), "insertedContent": {"text": edit.text}}


def _region(span: Span, sources: Mapping[str, Source]) -> dict[str, int]:
    """Lines and columns from 1; the end is the column behind the last character."""
    if span.file not in sources:
        return {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
    source = sources[span.file]
    (line, column), (last, end) = source.position(span.start), source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": last, "endColumn": end}


def _uri(file: str) -> str:
    return quote(file.replace("\\", "/"), safe="/:")
