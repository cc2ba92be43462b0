"""Randomness that goes by rows: who draws it, under which name, and how a program numbers what it draws for."""

from __future__ import annotations

from gamespec.check.constant import of_table
from gamespec.emit.scene import Scene, draws_of, is_table
from gamespec.emit.spell import attribute, spelled, unused
from gamespec.emit.warm import warm_tables
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Draw, Reduce
from gamespec.ir.walk import walk
from gamespec.library.registry import words
from gamespec.plan.ops import Respond, flat

PLAYERS, DRAWS, BATCHES = 1024, 2048, 3072
"""Numbers of the random streams of the first player, of the first auxiliary variable, of the first source; the others follow."""

ANSWERS, DIRECTIONS, STARTS = 1000, 1001, 1002
"""Numbers of those of a certificate, where other answers are looked for and along what, and of many starts at once."""


def draws(op: Respond) -> bool:
    """Whether an answer depends on chance: where it starts, or what is added on its way."""
    return op.start not in ("zero", "own", "warm") or op.rule.word == "langevin"


def by_chance(scene: Scene) -> list[str]:
    """The players of a plan whose answers depend on chance."""
    bodies = (scene.plan.body, *(phase.body for phase in scene.plan.phases))
    return list(dict.fromkeys(op.node for body in bodies for op in flat(body) if isinstance(op, Respond) and draws(op)))


def answered(scene: Scene, node: str) -> Draw | None:
    """The draw whose samples a player answers: of a table where there is one. None for one answer to all."""
    scope = scene.game.node(node).scope
    return next((d for d in scope if is_table(scene.game, d.over)), scope[0] if scope else None)


def beside(scene: Scene, draw: Draw) -> Draw | None:
    """The draw of a table in the same expectation."""
    found = (e for n in scene.nodes for e in walk(scene.game.node(n).objective) if isinstance(e, Reduce) and draw in e.draws)
    return next((d for e in found for d in e.draws if d is not draw and d.over and is_table(scene.game, d.over)), None)


def drawn(scene: Scene) -> list[Draw]:
    """The draws from distributions in the players' objectives, each once."""
    dists = {d.name for d in scene.game.dists}
    found = (d for n in scene.nodes for d in draws_of(scene, scene.game.node(n).objective, scene.game.node(n).scope))
    return list(dict.fromkeys(d for d in found if d.over in dists))


def numbers(scene: Scene, draw: Draw) -> str:
    """What holds the numbers of the samples of a draw, one for each, as Python text."""
    if any(d.name == draw.over for d in scene.game.data):
        return f"visits_{attribute(draw.over)}"
    table = beside(scene, draw)
    return numbers(scene, table) if table is not None else f"visits_{spelled(draw.names[0])}"


def numbered(scene: Scene) -> set[str]:
    """The sources whose batches bring a number for each sample."""
    wanted = [d for n in by_chance(scene) if (d := answered(scene, n)) is not None] + drawn(scene)
    texts = {numbers(scene, d) for d in wanted}
    return {d.name for d in scene.game.data if f"visits_{attribute(d.name)}" in texts}


def brought(scene: Scene) -> set[str]:
    """The sources whose batches say which samples they bring, for noise or for answers that are kept."""
    return numbered(scene) | warm_tables(scene)


def ahead(scene: Scene) -> dict[str, str]:
    """What is drawn for many steps at once, as nobody asks for the numbers of its samples.

    Endless sources, and distributions that are drawn beside no row, by what `keys` has them under; each with the end of its name.
    """
    known, asked = brought(scene), [answered(scene, n) for n in by_chance(scene)]
    endless = (d for d in scene.game.data if d.source.word != "iid" and not is_table(scene.game, d.name) and d.name not in known)
    found = {f"data:{d.name}": attribute(d.name) for d in endless}
    alone = (d for d in drawn(scene) if beside(scene, d) is None and d not in asked)
    named = {d.names[0]: spelled(d.names[0]) for d in alone}
    return found | {of: name for of, name in named.items() if name not in {attribute(d.name) for d in scene.game.data}}


def counters(scene: Scene) -> list[str]:
    """What is numbered in the order in which it comes: samples without rows, rows that a loop brings, answers to no sample."""
    known, early = numbered(scene), ahead(scene)
    chance = [d for d in scene.game.data if chance_in_batches(scene, d.name) and not moves(d) and f"data:{d.name}" not in early]
    sources = [attribute(d.name) for d in scene.game.data if d.name in known or d in chance]
    alone = [numbers(scene, d).removeprefix("visits_") for d in drawn(scene) if beside(scene, d) is None and d.names[0] not in early]
    return list(dict.fromkeys([*sources, *alone, *(scene.title(n) for n in by_chance(scene) if answered(scene, n) is None)]))


def keys(scene: Scene) -> dict[str, str]:
    """The names of the random streams: by player, by the name of a draw, and by source for what is drawn with its batches."""
    taken: set[str] = set()
    players = {n: unused(scene.title(n), taken) for n in by_chance(scene)}
    auxiliary = {d.names[0]: unused(spelled(d.names[0]), taken) for d in drawn(scene)}
    return players | auxiliary | {f"data:{d.name}": unused(attribute(d.name), taken) for d in scene.game.data if chance_in_batches(scene, d.name)}


def stream_number(scene: Scene, of: str) -> int:
    """The number of a random stream, by what `keys` has it under. It goes by places, so that no name matters."""
    if of.startswith("data:"):
        return BATCHES + [d.name for d in scene.game.data].index(of.removeprefix("data:"))
    auxiliary = [d.names[0] for d in drawn(scene)]
    return DRAWS + auxiliary.index(of) if of in auxiliary else PLAYERS + [n.id for n in scene.game.nodes].index(of)


def chance_in_batches(scene: Scene, source: str) -> bool:
    """Whether a batch of a source is itself drawn by chance, beyond the order of rows."""
    data = next(d for d in scene.game.data if d.name == source)
    return data.source.word == "iid" or not is_table(scene.game, source) or bool(moves(data))


def measured_by_chance(scene: Scene) -> bool:
    """Whether a metric, or what is expected, is an average over samples drawn for it."""
    tables = {d.name for d in scene.game.data if is_table(scene.game, d.name)}
    whole = (*(m.value for m in scene.game.metrics), *(x.condition for x in scene.game.expects))
    looked_at = [e for one in whole for e in walk(one)]
    over = {d.over for e in looked_at if isinstance(e, Reduce) for d in e.draws if d.over}
    return not over <= tables or any(isinstance(e, Call) and e.fn == "sample" for e in looked_at)


def moves(data: ir.Data) -> dict[str, object]:
    """What is done to the images of each minibatch; nothing for a source that is no word of the library."""
    return of_table(data.source)[2] if data.source.word in words("data") else {}
