"""`pad = 4, flip = true` of a data source: images of a minibatch are shifted and mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check.constant import of_table

if TYPE_CHECKING:
    from gamespec.check.build import Build
    from gamespec.ir.game import Use
    from gamespec.ir.types import Field
    from gamespec.syntax import tree


def check_moves(s: tree.Data, source: Use, fields: tuple[Field, ...], build: Build) -> None:
    """Only images are moved, and by whole pixels inside them. Raises Failed with GE602."""
    moves = of_table(source)[2]
    images = [f.type.shape for f in fields if len(f.type.shape) == 3]
    if moves and not images:
        said = f"`{next(iter(moves))}` moves images, and `{s.name.id}` has none"
        hint = "declare `x: image[channels, height, width]`"
        raise build.log.fail("GE602", said, s.source.span, f"{fields[0].type} is declared", hint=hint)
    pad, most = int(str(moves.get("pad", 0))), min((min(shape[1:]) for shape in images), default=0)
    if moves and not 0 <= pad < most:
        raise build.log.fail("GE602", f"images of {most} pixels cannot be shifted by {pad}", s.source.span, hint=f"write `pad = {max(most // 8, 1)}`")
