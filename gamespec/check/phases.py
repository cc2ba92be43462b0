"""`phases: only(h, steps = 200), all` of a schedule: who moves when, while the others stand still."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gamespec.check.words import Word, use
from gamespec.ir import game as ir
from gamespec.ir.expr import Num
from gamespec.ir.expr import Word as Symbol
from gamespec.library.base import Option
from gamespec.report.suggest import nearest
from gamespec.syntax import tree
from gamespec.syntax.say import say

if TYPE_CHECKING:
    from gamespec.check.build import Build
    from gamespec.check.scope import Scope

_STEPS = Option("steps", int, 0)
WORDS = {"only": Word((_STEPS,)), "all": Word((_STEPS,)), "again": Word()}
"""What a phase is called: who moves for how many steps; `again` goes back to the first."""


Players = dict[str, tuple[ir.Node, tuple[str, ...]]]
"""What may be named: the node, and what it owns under that name."""


def lower(entry: tree.Entry, targets: dict[str, str] | None, scope: Scope, build: Build) -> ir.Entry | None:
    """The phases, with their players as ids of nodes; None where the game itself is not known.

    Raises Failed with GE501 (a length, `again`), GE503 (an unknown player) or GE506 (part of one, one who never moves).
    """
    nodes = {owned: n for n in build.nodes if not n.id.startswith("@") for owned in n.owns}
    known: Players = {n.label or n.id: (n, n.owns) for n in nodes.values() if n.label or "/" not in n.id}
    known |= {path: (nodes[o], (o,)) for path, o in (targets or {}).items() if o in nodes}
    some = next((path for path in targets or () if path in known), next(iter(known), "u"))
    found = [_phase(value, known, some, scope, build, solved=targets is not None) for value in entry.values]
    again = found[-1].word == "again"
    for value, phase in zip(entry.values, found, strict=True):
        last = phase is found[-1]
        if any(o.value == Num(value=Fraction(0)) for o in phase.options):
            raise build.log.fail("GE501", "a phase of no steps", value.span, hint="drop it, or write `steps = 100`")
        if phase.word == "again" and (not last or len(found) == 1):
            example = f"phases: only({some}, steps = 50), all(steps = 50), again"
            raise build.log.fail("GE501", "`again` stands after the last phase", value.span, hint=f"write `{example}`")
        if phase.word != "again" and not phase.options and (again or not last):
            said = "every phase that is played again has a length" if again else "only the last phase lasts to the end of the run"
            raise build.log.fail("GE501", said, value.span, hint=f"write `{phase.word}({_named(value)}steps = 100)`")
    if targets is None or (build.elsewhere and any(p.word == "only" and not p.args for p in found)):
        return None
    moving = {a.value for p in found for a in p.args if isinstance(a, Symbol)}
    still = next((n for n in nodes.values() if n.id not in moving), None)
    if still is not None and all(p.word != "all" for p in found):
        raise build.log.fail("GE506", f"`{still.owns[0]}` stands still in every phase", entry.span, hint="add a phase `all`")
    return ir.Entry(target="phases", directives=tuple(found))


def _named(value: tree.Expr) -> str:
    """The players of a phase, as they would be typed again."""
    return "".join(f"{say(a)}, " for a in value.args) if isinstance(value, tree.Call) else ""


def _phase(value: tree.Expr, known: Players, some: str, scope: Scope, build: Build, *, solved: bool) -> ir.Use:
    """One phase; `some` is a player that a hint may name."""
    names = value.args if isinstance(value, tree.Call) and isinstance(value.fn, tree.Name) and value.fn.id == "only" else ()
    bare = tree.Call(value.span, value.fn, (), value.kwargs, value.params) if names and isinstance(value, tree.Call) else value
    found = use(bare, WORDS, "phase", "GE501", scope, build)
    if found.word == "only" and not names:
        raise build.log.fail("GE501", "`only` names the players that move", value.span, hint=f"write `only({some}, steps = 100)`")
    named: dict[str, list[str]] = {}
    for name in names if solved else ():
        path = name.id if isinstance(name, tree.Name) else ""
        if path not in known and path in build.elsewhere:
            continue
        if path not in known:
            near = nearest(path, known)
            said = f"no player `{path}`" if path else "a phase names players"
            raise build.log.fail("GE503", said, name.span, f"did you mean `{near}`?" if near else "",
                                 hint=f"write `{near}`" if near else f"players: {', '.join(known)}")  # fmt: skip
        node, owns = known[path]
        named.setdefault(node.id, []).extend(owns)
    for node in (n for n in build.nodes if n.id in named):
        left = [o for o in node.owns if o not in named[node.id]]
        if left:
            called = next(path for path, (_, owns) in known.items() if owns == (left[0],))
            raise build.log.fail("GE506", f"a phase moves a part of a player, who chooses `{called}` too", value.span, hint=f"add `{called}` to it")
    return found.model_copy(update={"args": tuple(Symbol(value=n) for n in named)})
