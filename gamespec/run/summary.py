"""What is said at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gamespec.run.result import Result


def summary(result: Result) -> str:
    """Metrics, certificate, status with advice, expectations, where the run is and how to load it."""
    parts = [
        _block("metrics", [[name, _number(value)] for name, value in result.metrics.items()]),
        _block(_verdict(result), [_check(check) for check in result.checks]),
        f"{result.status}: {result.status.advice}\n" + (f"  {result.note}\n" if result.note else ""),
        f"steps: {result.lane}\n" if result.lane else "",
        _block("expect", [["ok" if ok else "FAILED", text] for text, ok in result.expectations]),
        _saved(result),
    ]
    return "\n".join(part for part in parts if part)


def as_json(result: Result) -> dict[str, Any]:
    """The same for programs."""
    return {
        "game": result.name,
        "schedule": result.schedule,
        "status": str(result.status),
        "advice": result.status.advice,
        "note": result.note,
        "lane": result.lane,
        "metrics": result.metrics,
        "certificates": result.certificates,
        "checks": list(result.checks),
        "expectations": [{"text": text, "ok": ok} for text, ok in result.expectations],
        "seconds": round(result.seconds, 3),
        "path": str(result.path) if result.path else None,
        "exit": result.exit_code,
    }


def _verdict(result: Result) -> str:
    if not result.checks:
        return ""
    return "certificate" if result.certificates.get("ok") else "certificate: NOT certified"


def _check(check: dict[str, Any]) -> list[str]:
    bound = "" if check.get("tol") is None else f"<= {check['tol']:g}"
    held = {True: "ok", False: "FAILED", None: ""}[check.get("ok")]
    return [check["name"], _number(check["value"]), bound, held, check.get("note", "")]


def _saved(result: Result) -> str:
    if result.path is None:
        return ""
    lines = f"saved: {result.path}\n"
    name = next(iter(result.players), None)
    if name is None:
        return lines
    return f'{lines}load:  import gamespec as gs; gs.load_run("{result.path.as_posix()}").players["{name}"]\n'


def _number(value: float) -> str:
    return f"{value:.6g}"


def _block(title: str, rows: Sequence[Sequence[str]]) -> str:
    """A title over rows in aligned columns; nothing without a title or rows."""
    if not title or not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines = [f"  {'  '.join(row)}".rstrip() for row in padded]
    return "\n".join([title, *lines]) + "\n"
