"""The order of play and its reason: the decision table."""

from __future__ import annotations

from dataclasses import dataclass

from gamespec.classify.equilibrium import wrong_way
from gamespec.classify.facts import Fact, Order, PlayerFacts
from gamespec.classify.tree import Tree

WRITTEN = "as you wrote"
LOCAL = "nonconvex: no theorem; result is checked by local certificates"


@dataclass(frozen=True, slots=True)
class Decision:
    """The order, why, and what the reader should know besides."""

    order: Order
    reason: str
    notes: tuple[str, ...] = ()


def decide_order(
    tree: Tree, players: tuple[PlayerFacts, ...], saddle: Fact, zero_sum: Fact, identical: Fact
) -> Decision:
    """The first row of the table that applies."""
    game = tree.game
    if game.order:
        return Decision("sequential", WRITTEN)
    if game.order_word == "simultaneous":
        return Decision("simultaneous", WRITTEN, _warnings(tree, players))
    if tree.block and tree.followers:
        led = "the follower that they share" if tree.shared else "followers of their own"
        return Decision("sequential", f"leaders at once, each through the answer of {led}: their equilibrium, in which nobody gains alone")
    if any(group.constraints for group in game.groups):
        return Decision("simultaneous", "a shared constraint: equal multipliers assumed")
    if game.concept == "nash":
        return Decision("simultaneous", WRITTEN)
    if any(name in {dist.name for dist in game.dists} for p in players for name in p.owns):
        return Decision("simultaneous", "a player chooses a distribution: sampling or mirror steps only")
    if len(players) == 1 and not tree.block:
        return Decision("simultaneous", "one player: nothing to order")
    if tree.block:
        return _block(players)
    return _nested(tree, players, saddle, zero_sum, identical)


def _block(players: tuple[PlayerFacts, ...]) -> Decision:
    first, *_, last = (p.node for p in players) if len(players) > 1 else (players[0].node, players[0].node)
    note = f"GN310 order chosen: simultaneous; write `order {first} then {last}` for the game in turn, which may have another solution"
    reason = f"no player is inside another's argmin; local Nash sought; add `order {first} then {last}` for minimax"
    return Decision("simultaneous", reason, (note,))


def _nested(tree: Tree, players: tuple[PlayerFacts, ...], saddle: Fact, zero_sum: Fact, identical: Fact) -> Decision:
    if identical.verdict:
        return Decision(
            "sequential", "all players push the same way: one optimisation", ("GW301 no player opposes another",)
        )
    if tree.followers and not zero_sum.verdict:
        return Decision("sequential", "general-sum follower")
    if any(p.per_sample for p in players):
        return Decision("sequential", "one inner problem per sample; the leader must see its answer")
    if saddle.verdict and all(p.convexity.verdict for p in players):
        return Decision("simultaneous", saddle.reason.text)
    if saddle.verdict:
        return Decision("sequential", f"{WRITTEN}, though the orders agree: {saddle.reason.text}")
    return Decision("sequential", wrong_way(tree, players) or f"{WRITTEN}; {LOCAL}")


def _warnings(tree: Tree, players: tuple[PlayerFacts, ...]) -> tuple[str, ...]:
    """What a simultaneous order loses in a game written in turn."""
    if tree.block:
        return ()
    found = []
    if wrong_way(tree, players):
        found.append(f"simultaneous play looks for a saddle point, but it is {wrong_way(tree, players)}")
    if any(p.per_sample for p in players):
        found.append("simultaneous play moves one inner problem per sample only one step at a time")
    return tuple(found)
