"""Copies of one player (a beam): lists of numbers, each of which moves, and the best of which is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.closed.graph import NotClosed
from gamespec.emit.closed.put import put
from gamespec.emit.closed.read import nested
from gamespec.emit.spell import spelled
from gamespec.emit.step import label
from gamespec.plan.ops import NOW, Move

if TYPE_CHECKING:
    from gamespec.emit.closed.play import Play


def _one(play: Play, node: str) -> str:
    """The one variable of a player with copies."""
    owns = play.scene.game.node(node).owns
    if len(owns) > 1:
        raise NotClosed("copies of several variables move together")
    return owns[0]


def _loop(play: Play, own: str, *more: str) -> str:
    """The head of a loop over the copies of a variable, and over what goes with each."""
    bases = [spelled(own), *more]
    parts = [play.packed(own, base) for base in bases]
    lists = [f"{base}_each" for base in bases]
    return f"for {parts[0]} in {lists[0]}:" if not more else f"for {', '.join(parts)} in zip({', '.join(lists)}, strict=True):"


def derive(play: Play, node: str, into: str) -> None:
    """The gradient of every copy."""
    own, scene = _one(play, node), play.scene
    said, name, many = label(scene, node), f"value_{scene.title(node)}", f"{play.slope(own, into)}_each"
    play.line(f"{many} = []")
    new = said not in play.losses
    if new:
        play.line("values = []")
    with play.block(_loop(play, own), node):
        play.bind(own, spelled(own))
        values, slope = play.slopes(node, NOW)
        if new:
            play.line(f"values.append({play.inline(values, node)[0]})", node)
        play.line(f"{many}.append({nested(play.inline(slope[own].items, node), slope[own].shape)})", node)
    del play.at[spelled(own)]
    if new:
        play.line(f"{name} = {_best(play, 'values', node)}")
        play.losses[said] = name


def _best(play: Play, candidates: str, node: str) -> str:
    play.scene.reached.add("best_of")
    return f"best_of(values, {candidates}, largest={play.scene.game.node(node).sense == 'max'})"


def move(play: Play, own: str, node: str, op: Move) -> None:
    """Every copy moves."""
    if op.to != NOW or op.start != NOW or len(op.along) != 1 or op.mirror or not op.project or not play.plainly(own):
        raise NotClosed("copies make other steps than plain ones")
    slope, rate = play.slope(own, op.along[0][0]), play.rate(own, op.scale)
    play.line("moved = []")
    with play.block(_loop(play, own, slope), node):
        at, along = play.bind(own, spelled(own)), play.bind(own, slope)
        along = play.mixed([(along, op.along[0][1])], along.shape)
        put(play, play.var(own).set, play.spelt(own, spelled(own)), play.stepped(node, rate, at, along), node)
        play.line(f"moved.append({play.packed(own, spelled(own))})", node)
    del play.at[spelled(own)], play.at[slope]
    play.line(f"{spelled(own)}_each = moved")


def select(play: Play, node: str) -> None:
    """The best copy, for the leader to answer."""
    own = _one(play, node)
    play.line("values = []")
    with play.block(_loop(play, own), node):
        play.bind(own, spelled(own))
        play.line(f"values.append({play.inline([play.reader().one(play.scene.game.node(node).objective)], node)[0]})", node)
    play.line(f"{play.packed(own, spelled(own))} = {_best(play, f'{spelled(own)}_each', node)}", node)
    play.bind(own, spelled(own))
