"""What this version cannot write as a program, said before anything is written."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.plan.ops import Derive, Op, Plan, Repeat
from gamespec.plan.response import Implicit, Penalty, Unrolled
from gamespec.solvers.base import children


class UnsupportedError(Exception):
    """Something that this version cannot write as a program, with what to do instead."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what, self.hint = what, hint
        super().__init__(what)


def flat(body: tuple[Op, ...]) -> list[Op]:
    """All ops of a plan, those inside repetitions included."""
    return [o for op in body for o in ([op, *flat(op.body)] if isinstance(op, Repeat) else [op])]


def refuse(game: ir.Game, plan: Plan) -> None:
    """Raise UnsupportedError for what the rest of the emitter does not write."""
    for node in game.nodes:
        _player(game, node)
    for op in flat(plan.body):
        if isinstance(op, Derive):
            _through(game, op)


def _player(game: ir.Game, node: ir.Node) -> None:
    names = ", ".join(f"`{o}`" for o in node.owns)
    if node.scope and node.choice is None:
        if len(node.owns) != 1 or any(n.handle in node.owns for n in game.nets):
            raise UnsupportedError(
                f"one answer per sample in {names} at once is not available in this version", "use one variable of all their numbers"
            )
        if children(game, node.id):
            raise UnsupportedError(f"{names} answers each sample and leads another player, which is not available in this version")
    if node.axis and not node.scope and (len(node.owns) != 1 or children(game, node.id)):
        raise UnsupportedError(f"a family of players that owns {names} or leads others is not available in this version")
    if node.choice is not None and not node.scope:
        raise UnsupportedError(f"a discrete answer {names} that is shared by all samples is not available in this version")


def _through(game: ir.Game, op: Derive) -> None:
    """Hypergradients pass through one follower, the only one of its leader, with no follower of its own."""
    special = [(f, r) for f, r in op.through if isinstance(r, (Unrolled, Penalty)) or (isinstance(r, Implicit) and r.how == "cg")]
    if not special:
        return
    names = ", ".join(f"`{o}`" for n in op.nodes for o in game.node(n).owns)
    if len(op.through) > 1:
        raise UnsupportedError(
            f"the derivative of {names} passes through several followers, one of them unrolled, implicit by conjugate gradients or under a penalty",
            "leave `through` out for followers of few numbers: their answers are solved for",
        )
    leader = next(e.parent for e in game.edges if e.child == special[0][0])
    networks = {n.handle for n in game.nets}
    for n in (leader, special[0][0]):
        owns = game.node(n).owns
        if len(owns) > 1 and networks & set(owns):
            raise UnsupportedError(
                f"{', '.join(f'`{o}`' for o in owns)} are chosen together, a network among them, which cannot pass through a follower in this version"
            )
