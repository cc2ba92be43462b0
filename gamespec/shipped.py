"""The games that come with gamespec: `specs/` of a checkout, or the copy inside an installed package."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path | None:
    """Where the games are."""
    here = Path(__file__).resolve().parent
    return next((place for place in (here / "specs", here.parent / "specs") if place.is_dir()), None)


def find(path: str | os.PathLike[str]) -> str:
    """The path itself where it exists, else a shipped game of that name, else the path as it was."""
    written = os.fspath(path)
    base = folder()
    if base is None or not written or Path(written).exists():
        return written
    parts = Path(written).parts
    inside = base.joinpath(*(parts[1:] if parts[0] == "specs" else parts))
    if ".." in parts or Path(written).is_absolute() or not inside.exists():
        return written
    return str(inside)


def games(place: Path) -> list[Path]:
    """Every game of a file or folder that has something to solve, in the order of the names."""
    if place.is_file():
        return [place]
    return [path for path in sorted(place.rglob("*.game")) if "lib" not in path.relative_to(place).parts[:-1]]


def first_line(path: Path) -> str:
    """The first comment of a game: what it is about."""
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.strip().startswith("#"):
            return line.strip().lstrip("# ")
    return ""
