"""What must hold of every plan; a violation is a fault of a solver, never of a user."""

from __future__ import annotations

from gamespec.ir.game import Game
from gamespec.plan.ops import Choose, Derive, Move, Op, Plan, Repeat, Respond, Sample, Select
from gamespec.plan.response import Envelope
from gamespec.report.diagnostic import InternalError


def verify(plan: Plan, game: Game) -> None:
    """Raise InternalError unless the plan is sound.

    Gradients exist before they are used and belong to the point that was left; players of one simultaneous
    group are all differentiated before any of them moves; an envelope names why it is right; everything that is
    chosen has a step rule; a beam is selected before its leader moves.
    """
    owners = {n.id: n for n in game.nodes}
    for node in {n for op in _flat(plan.body) if isinstance(op, (Derive, Move)) for n in op.nodes}:
        _require(node in owners, f"unknown player {node}")
        for name in owners[node].owns:
            _require(name in dict(plan.rules), f"{name} has no step rule")
    fresh: set[str] = set()
    for op in _flat(plan.body):
        match op:
            case Derive():
                fresh |= set(op.nodes)
                for follower, how in op.through:
                    _require(not isinstance(how, Envelope) or bool(how.reason), f"the envelope at {follower} gives no reason")
            case Move():
                _require(set(op.nodes) <= fresh, f"{op.nodes} move before their gradients are taken")
                fresh -= set(op.nodes)
            case Repeat() | Respond() | Choose() | Select() | Sample():
                pass
    _require(bool(plan.residual), "the plan has no residual")


def _flat(body: tuple[Op, ...]) -> list[Op]:
    found: list[Op] = []
    for op in body:
        found.append(op)
        if isinstance(op, Repeat):
            found += _flat(op.body)
    return found


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError(f"unsound plan: {what}")
