"""Directives of one entry that would do nothing: one beside another that decides the same, weights that never move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.library.directives import DIRECTIVES
from gamespec.syntax import tree
from gamespec.syntax.say import say

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(found: ir.Use, before: list[ir.Use], node: tree.Expr, build: Build, *, method: bool) -> None:
    """Raise Failed where a directive, or the one method of a schedule, changes nothing: GE506 beside another, GE501 by its rate."""
    if found.word == "hedge" and any(o.key == "lr" and plain(o.value) == 0 for o in found.options):
        raise build.log.fail("GE501", "`lr` of `hedge` is 0", node.span, "weights would never move", hint="write `hedge(lr = 0.1)`")
    other = next((u.word for u in before if method or _decides(u.word) == _decides(found.word)), None)
    if other is not None:
        said = f"`{other}` is written twice" if other == found.word else f"`{other}` and `{found.word}` decide the same"
        raise build.log.fail("GE506", said, node.span, "one of the two would do nothing", hint=f"keep one, such as `{say(node)}`")


def _decides(word: str) -> str:
    """What a directive decides of a player, where two would be one too many: how it steps, how it chooses, or what the word says."""
    if word in ("hedge", "enumerate"):
        return "choice"
    return "steps" if word in ("pgd", "langevin") or DIRECTIVES[word].role == "move" else word
