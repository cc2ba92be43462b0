"""What `gamec plot`, `report`, `runs`, `replay` and `sweep` do: arguments in, exit code out."""

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
    found = album(open_run(args.run))
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

    return _write(Path(args.o or Path(args.run) / "report.html"), page(open_run(args.run)).encode(), screen)


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
