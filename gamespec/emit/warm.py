"""Answers that are kept for every row of a table, and gone on with when the row comes again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.check.constant import of_table, plain_use
from gamespec.check.shape import each
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.scene import Scene, is_table
from gamespec.emit.spell import attribute, spelled
from gamespec.library.registry import words
from gamespec.plan.ops import Plan, Respond, flat
from gamespec.solvers.setup import rows_of

if TYPE_CHECKING:
    from gamespec.emit.scene import Text
    from gamespec.emit.step import Steps
    from gamespec.ir import game as ir

LARGEST = 2**32
"""Bytes of a table of answers beyond which it is refused."""


def kept_answers(game: ir.Game, plan: Plan) -> dict[str, str]:
    """The players whose answers are kept row by row, each with the source of the rows."""
    found = (op.node for op in flat(plan.body) if isinstance(op, Respond) and op.start == "warm")
    return {n: game.node(n).scope[0].over for n in found if game.node(n).scope}


def refuse_warm(game: ir.Game, plan: Plan) -> None:
    """Raise UnsupportedError where an answer belongs to no row of a table, or where a table of them would not fit."""
    for node, source in kept_answers(game, plan).items():
        owner, data = game.node(node), next((d for d in game.data if d.name == source), None)
        (name,) = owner.owns
        what = f"no answer `{name}` can be kept from one visit to the next"
        noisy = any(isinstance(op, Respond) and op.node == node and op.rule.word == "langevin" for op in flat(plan.body))
        again, at = f"write `start = uniform` for `{name}`", f"{name}:{'langevin' if noisy else 'pgd'}.start"
        if owner.axis:
            raise UnsupportedError(f"{what}: there is one for each element of a family", again, at)
        if data is None or data.source.word == "iid" or not is_table(game, source) or any(d.over != source for d in owner.scope):
            raise UnsupportedError(f"{what}: not every sample that it answers is a row of one table, which comes again", again, at)
        if not each(game, owner.scope):
            raise UnsupportedError(f"{what}: it answers tasks, and not rows", again, at)
        known = data.source.word in words("data")
        if known and of_table(data.source)[2]:
            moved = f"the images of `{source}` are moved anew at each visit, and the answer is to another image"
            raise UnsupportedError(f"{what}: {moved}", f"drop `pad` and `flip`, or {again}", at)
        if plain_use(data.source)[1].get("keep") == "disk":
            raise UnsupportedError(f"{what}: `{source}` lies on the disk, and its answers would fill memory", f"drop `keep = disk`, or {again}", at)
        rows, shape = rows_of(game, source) if known else 0, next(v.type.shape for v in game.vars if v.name == name)
        size = rows * math.prod(shape) * (8 if plan.precision == "float64" else 4)
        if size > LARGEST:
            raise UnsupportedError(f"{what}: {rows} rows of `{source}` make a table of {size / 2**30:.1f} GiB, and 4 are allowed", again, at)


def warm_tables(scene: Scene) -> set[str]:
    """The sources whose batches say which rows they are."""
    return set(kept_answers(scene.game, scene.plan).values())


def start_warm(scene: Scene, text: Text) -> None:
    """The tables of answers, all 0 at first."""
    for node, source in kept_answers(scene.game, scene.plan).items():
        (name,) = scene.game.node(node).owns
        scene.reached.add("answers_of_rows")
        shape = next(v.type.shape for v in scene.game.vars if v.name == name)
        text.add(f"    s.warm_{spelled(name)} = answers_of_rows(len(s.{attribute(source)}[0]), {shape!r}, {LARGEST}, DTYPE, device)")


def bind_rows(steps: Steps, source: str) -> None:
    """Which rows of a table a batch brings: what its sampler says, or the last column of a batch from outside."""
    steps.scene.reached.add("rows_of_visits")
    name = attribute(source)
    steps.line(f'rows_{name} = rows_of_visits(known, len(s.{name}[0]), "{source}")')


def begun(steps: Steps, op: Respond) -> str:
    """Where the answers of a batch, or of the first rows, begin: one more argument."""
    source = kept_answers(steps.scene.game, steps.scene.plan).get(op.node)
    node = steps.scene.game.node(op.node)
    if source is None:
        return f", s.{spelled(node.owns[0])}" if op.start == "warm" else ""
    rows = f"rows_{attribute(source)}" if steps.moves else f":{steps.count(node.scope[0])}"
    return f", s.warm_{spelled(node.owns[0])}[{rows}]"


def keep_answers(steps: Steps, op: Respond) -> None:
    """Put the answers of a batch in their place."""
    source = kept_answers(steps.scene.game, steps.scene.plan).get(op.node)
    if source is not None and steps.moves:
        own = spelled(steps.scene.game.node(op.node).owns[0])
        steps.line(f"s.warm_{own}[rows_{attribute(source)}] = {own}")
