"""What `gamec plot`, `report`, `runs`, `certify`, `replay` and `sweep` do: arguments in, exit code out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from gamespec.screen import Screen


def plot(args: Namespace, screen: Screen) -> int:
    """Every picture of a run in one file."""
    from gamespec.view import png, svg
    from gamespec.view.album import album
    from gamespec.view.opened import Undrawable, open_run

    target = Path(args.o or Path(args.run) / "pictures.svg")
    if target.suffix not in (".svg", ".png"):
        return _wrong(screen, f"{target} is neither .svg nor .png")
    found = album(open_run(args.run), [open_run(other) for other in args.others])
    columns = 3 if sum(len(p.panels) for p in found.pictures) > 4 else 2
    try:
        content = svg.document(found.pictures, columns).encode() if target.suffix == ".svg" else png.document(found.pictures, columns)
    except Undrawable as reason:
        screen.note(f"gamec: {reason}")
        return 4
    screen.document["pictures"] = [{"name": p.name, "title": p.title, "caption": p.caption} for p in found.pictures]
    screen.document["missing"] = list(found.missing)
    return _write(target, content, screen)


def report(args: Namespace, screen: Screen) -> int:
    """The page about a run."""
    from gamespec.view.opened import open_run
    from gamespec.view.page import report as page

    text = page(open_run(args.run), [open_run(other) for other in args.others])
    return _write(Path(args.o or Path(args.run) / "report.html"), text.encode(), screen)


def runs(args: Namespace, screen: Screen) -> int:
    """The runs of a folder, the newest first."""
    from gamespec.view.listing import as_text, listed

    folder = Path(args.folder)
    if not folder.is_dir():
        return _wrong(screen, f"no folder {folder}")
    found = listed(folder)
    screen.document["runs"] = [entry.row() for entry in found]
    screen.result(as_text(found) if found else f"no runs in {folder}")
    return 0


def replay(args: Namespace, screen: Screen) -> int:
    """Make a run again and compare; exit 3 where a bit differs."""
    from gamespec.view.again import replay as again
    from gamespec.view.opened import Undrawable, open_run

    try:
        found = again(open_run(args.run))
    except Undrawable as reason:
        screen.note(f"gamec: {reason}")
        return 4
    screen.document["replay"] = found.row()
    screen.result(str(found))
    return 0 if found.same else 3


def certify(args: Namespace, screen: Screen) -> int:
    """Check the result of a run again; exit 3 where something fails."""
    from gamespec.run.certify import certify as again
    from gamespec.run.summary import as_json, summary

    result = again(args.run, args.budget, allow=tuple(args.allow_import))
    screen.document["certify"] = as_json(result)
    screen.result(summary(result))
    return result.exit_code


def sweep(args: Namespace, screen: Screen) -> int:
    """A grid of runs, one table, one picture."""
    from gamespec.run.store import Store
    from gamespec.run.sweep import Grid, Outcome, table
    from gamespec.run.sweep import sweep as play
    from gamespec.view import grid as shown
    from gamespec.view import svg
    from gamespec.view.cells import cells

    allow = tuple(args.allow_import)
    grid = Grid(args.file, tuple(args.over), tuple(args.seeds), args.steps, args.device, _pairs(args.set), allow, args.starts)
    name, wanted = cells(grid, screen)
    out = Path(args.out or Path("sweeps") / name)
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        said = f"FAILED: {outcome.error}" if outcome.error else outcome.status + ("" if outcome.fresh else " (done before)")
        screen.note(f"[{done}/{len(wanted)}] {outcome.cell}: {said}")

    try:
        outcomes = play(grid, wanted, out, args.jobs, tell)
    except OSError as error:
        return _wrong(screen, f"cannot write {error.filename or out}: {error.strerror}")
    lines = table(outcomes)
    text = shown.as_text(lines)
    kept = Store(out)
    document = {"table": shown.as_rows(lines), "cells": [o.row() for o in outcomes]}
    kept.text("table.txt", text + "\n")
    kept.json("table.json", document)
    if shown.metrics_of(lines):
        kept.text("picture.svg", svg.document([shown.picture(lines, name)]))
    screen.document["sweep"] = document | {"path": str(out)}
    screen.result(text)
    screen.note(f"saved: {out}")
    return 3 if any(o.error or o.exit for o in outcomes) else 0


def _pairs(sets: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key.strip(), value.strip()) for key, _, value in (item.partition("=") for item in sets))


def _write(target: Path, content: bytes, screen: Screen) -> int:
    """The file, whole or not at all."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, target)
    except OSError as error:
        return _wrong(screen, f"cannot write {target}: {error.strerror}")
    screen.document["wrote"] = str(target)
    screen.note(f"wrote {target}")
    return 0


def _wrong(screen: Screen, text: str) -> int:
    screen.note(f"gamec: {text}")
    return 2
