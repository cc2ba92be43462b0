"""The game graph as a tree: who stands on which level, who pushes which way, who answers whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from gamespec.ir.game import Edge, Game, Node


@dataclass(frozen=True)
class Tree:
    """A game with its levels and directions."""

    game: Game

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Nodes by id."""
        return {node.id: node for node in self.game.nodes}

    def played(self) -> Game:
        """The game without the nodes that only a metric uses."""
        reached, todo = set(), list(self.game.root)
        while todo:
            here = todo.pop()
            reached.add(here)
            todo += [edge.child for edge in self.edges if edge.parent == here and edge.child not in reached]
        nodes = tuple(node for node in self.game.nodes if node.id in reached)
        edges = tuple(edge for edge in self.edges if edge.parent in reached)
        return self.game.model_copy(update={"nodes": nodes, "edges": edges})

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Edges between nodes: one to every member where the child is a group."""
        members = {group.id: group.nodes for group in self.game.groups}
        return tuple(
            edge.model_copy(update={"child": child})
            for edge in self.game.edges
            for child in members.get(edge.child, (edge.child,))
        )

    @cached_property
    def levels(self) -> dict[str, int]:
        """The level of every node: 1 for those who move first. A discrete choice adds no level of its own."""
        start = {root: 1 for root in self.game.root}
        for k, rank in enumerate(self.game.order):
            start |= dict.fromkeys(rank, k + 1)
        found = {node.id: start.get(node.id, 1) for node in self.game.nodes}
        for _ in self.game.nodes:
            for edge in self.edges:
                deeper = found[edge.parent] + (self.nodes[edge.parent].choice is None)
                found[edge.child] = max(found[edge.child], deeper)
        return found

    @cached_property
    def depth(self) -> int:
        """The number of levels."""
        return max(self.levels.values())

    @cached_property
    def flipped(self) -> dict[str, bool]:
        """Whether a node's objective stands in the objectives above with a minus."""
        found = dict.fromkeys(self.nodes, False)
        for _ in self.game.nodes:
            for edge in self.edges:
                if edge.kind == "value":
                    found[edge.child] = found[edge.parent] ^ (edge.sign < 0)
        return found

    def sense(self, node: str) -> Literal["min", "max"]:
        """Which way a node pushes the objective of the root, or its own below a response."""
        own = self.nodes[node].sense
        return own if not self.flipped[node] else ("max" if own == "min" else "min")

    @cached_property
    def followers(self) -> tuple[str, ...]:
        """Nodes whose answer a parent sees."""
        return tuple(edge.child for edge in self.edges if edge.kind == "response")

    @cached_property
    def leaders(self) -> frozenset[str]:
        """Nodes that see an answer."""
        return frozenset(edge.parent for edge in self.edges if edge.kind == "response")

    @property
    def shared(self) -> tuple[str, ...]:
        """Followers that several players of the block lead, each member of a family among them."""
        leaders = {child: sum(self.nodes[e.parent].axis or 1 for e in self.edges if e.child == child) for child in self.followers}
        return tuple(child for child, count in leaders.items() if self.block and count > 1)

    @property
    def block(self) -> bool:
        """Whether several players, or the members of a family, move at once at the root."""
        family = any(self.nodes[root].axis for root in self.game.root)
        return not self.game.order and (len(self.game.root) > 1 or (self.game.concept != "nested" and family))

    def seats(self) -> int:
        """How many players move at the root."""
        return sum(self.nodes[root].axis or 1 for root in self.game.root)

    def ranks(self) -> list[list[str]]:
        """What the players own, by level."""
        found: list[list[str]] = [[] for _ in range(self.depth)]
        for node in sorted(self.game.nodes, key=lambda n: self.levels[n.id]):
            found[self.levels[node.id] - 1] += node.owns
        return [rank for rank in found if rank]
