"""Facts about a game, each with its reason: proved, refuted, assumed or unknown."""

from __future__ import annotations

from dataclasses import replace

from gamespec.classify import equilibrium
from gamespec.classify import players as own
from gamespec.classify.answers import answered
from gamespec.classify.bounds import Known
from gamespec.classify.expand import Seat, seats
from gamespec.classify.facts import Fact, Facts, PlayerFacts, Reason, unknown
from gamespec.classify.form import Unfit
from gamespec.classify.order import Decision, decide_order
from gamespec.classify.sums import Sums, sums
from gamespec.classify.tree import Tree
from gamespec.ir.game import Game
from gamespec.ir.walk import constrained

__all__ = ["Fact", "Facts", "PlayerFacts", "Reason", "classify"]


def classify(game: Game) -> Facts:
    """What kind of game it is, what is proved of its players, and in which order it is solved, with reasons."""
    known, tree = Known(game), Tree(Tree(game).played())
    game = tree.game
    numbers = tuple(sorted(_seats(game), key=lambda seat: tree.levels[seat.node]))
    added = sums(known, tree, numbers)
    zero_sum = bool(added.zero.verdict)
    players = _players(known, tree, numbers, zero_sum=zero_sum)
    saddle = equilibrium.saddle(known, tree, players, numbers, zero_sum=zero_sum)
    if constrained(game):
        saddle = unknown(saddle.name, "a constraint stands between the players")
    decision = decide_order(tree, players, saddle, added.zero, added.identical)
    return Facts(
        name=game.name, kind=_kind(tree, added, decision), zero_sum=added.zero, constant_sum=added.constant,
        identical=added.identical, potential=added.potential, levels=tree.depth, order=decision.order,
        order_text=_order_text(tree, decision), order_reason=decision.reason, saddle=saddle,
        monotone=equilibrium.monotone(known, tree, players, numbers, zero_sum=zero_sum),
        apart=equilibrium.order_apart(known, tree, numbers), players=players,
        notes=(*decision.notes, *_notes(tree, players)),
    )  # fmt: skip


def _players(known: Known, tree: Tree, numbers: tuple[Seat, ...], *, zero_sum: bool) -> tuple[PlayerFacts, ...]:
    """The players by level.

    In a zero-sum game a follower's answer may be held still; elsewhere it is put in where it has a closed form.
    """
    # The closed forms of answers know nothing of constraints.
    bound = constrained(tree.game)
    closed, seen = (numbers, frozenset()) if bound else (numbers, tree.leaders) if zero_sum else answered(known, tree, numbers)
    nodes = sorted(tree.game.nodes, key=lambda node: tree.levels[node.id])
    found = tuple(own.facts(known, tree, node, closed, blind=node.id in tree.leaders - seen) for node in nodes)
    return tuple(replace(p, unique=unknown(p.unique.name, "a constraint binds it")) if bound else p for p in found)


def _seats(game: Game) -> tuple[Seat, ...]:
    try:
        return seats(game)
    except Unfit:
        return ()


def _sum_name(added: Sums) -> str:
    for fact in (added.zero, added.constant, added.identical):
        if fact.verdict:
            return fact.name
    return "general-sum"


def _kind(tree: Tree, added: Sums, decision: Decision) -> str:
    """The name of the game in words."""
    if tree.block:
        shared = ", shared constraint" if any(group.constraints for group in tree.game.groups) else ""
        if tree.shared:
            count = f"{len(tree.shared)} followers" if len(tree.shared) > 1 else "one follower"
            return f"multi-leader Stackelberg, {tree.seats()} leaders of {count}{shared}"
        potential = ", potential" if added.potential.verdict and not added.identical.verdict else ""
        return f"Nash, {tree.seats()} players, {_sum_name(added)}{potential}{shared}"
    if len(tree.game.nodes) == 1:
        return "single-level"
    if added.zero.verdict:
        levels = f"{tree.depth} levels, " if tree.depth > 2 else ""
        return f"minimax, zero-sum, {levels}{decision.order}"
    if tree.depth > 2:
        return f"multilevel, {tree.depth} levels, {_sum_name(added)}"
    return f"{_sum_name(added)}, bilevel"


def _order_text(tree: Tree, decision: Decision) -> str:
    ranks = [", ".join(rank) for rank in tree.ranks()]
    if decision.order == "sequential":
        return " then ".join(ranks)
    return f"{', '.join(ranks)} at once" if tree.block or len(ranks) > 1 else ranks[0]


def _notes(tree: Tree, players: tuple[PlayerFacts, ...]) -> tuple[str, ...]:
    found = []
    claimed = {edge.child for edge in tree.edges if edge.kind == "response" and edge.unique}
    for player in players:
        if player.node in claimed and not player.unique.verdict:
            names = ", ".join(f"`{name}`" for name in player.owns)
            claim = f"GW320 `=` says that {names} has one answer, which is {player.unique.reason}"
            found.append(f"{claim}: write `in`, or add a regulariser")
    if tree.game.merged:
        names = ", ".join(f"`{name}`" for name in tree.game.merged)
        found.append(f"GN303 {names} pushes its leader's way and became part of it")
    return tuple(found)
