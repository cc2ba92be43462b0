"""What must hold of every plan; a violation is a fault of a solver, never of a user."""

from __future__ import annotations

from dataclasses import dataclass, field

from gamespec.ir.game import Game
from gamespec.plan.ops import Choose, Derive, Move, Op, Plan, Repeat, Respond, Sample, Select
from gamespec.plan.response import Envelope, Implicit, Response, Unrolled
from gamespec.report.diagnostic import InternalError


def verify(plan: Plan, game: Game) -> None:
    """Raise InternalError unless the plan is sound.

    Players, sources and repetitions exist; everything that moves or answers has a step rule; gradients are taken before
    they are used, at the point that a look ahead reached or where the player stands, and no gradient is used after
    another player's move made it stale, unless both belong to one simultaneous group; a derivative says how it passes
    through each follower, and an envelope why it is right; per-sample and discrete followers have answered, and a beam
    is selected, before their leader derives; every player that chooses freely is in the residual.
    """
    _Check(plan, game).run()


@dataclass(frozen=True, slots=True)
class _Gradient:
    """A gradient that waits to be used: where it was taken, with whom, and after how many moves."""

    at: str
    group: tuple[str, ...]
    moves: int


@dataclass(slots=True)
class _Check:
    """A walk through a plan: gradients not used yet, the moves so far, who has answered, which points were reached."""

    plan: Plan
    game: Game
    fresh: dict[str, _Gradient] = field(default_factory=dict)
    moves: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Every op, then what the plan says as a whole."""
        for op in self.plan.body:
            self.op(op)
        still = {node for node, _ in self.plan.residual}
        nodes = {node.id for node in self.game.nodes if not node.id.startswith("@") and node.choice is None}
        _require(bool(still), "the plan has no residual")
        _require(nodes <= still, f"{sorted(nodes - still)} are not in the residual")
        for node, through in self.plan.residual:
            self.known(node)
            self.responses(through)
        _require(self.plan.steps >= 0 and self.plan.every >= 1, "a run has steps and reports")

    def op(self, op: Op) -> None:
        """One op."""
        match op:
            case Sample():
                sources = {d.name for d in self.game.data} | {d.name for d in self.game.dists}
                _require({*op.data, *op.dists} <= sources, f"unknown source in {op}")
                self.answered.clear()
            case Derive():
                self.derive(op)
            case Move():
                self.move(op)
            case Respond() | Choose():
                self.known(op.node)
                _require(isinstance(op, Choose) or (op.steps >= 0 and op.restarts >= 1), f"{op.node} answers in no steps")
                self.answered.add(op.node)
            case Select():
                self.known(op.node)
                _require(any(o in dict(self.plan.beams) for o in self.game.node(op.node).owns), f"{op.node} has no beam to select from")
                self.answered.add(op.node)
            case Repeat():
                _require(op.times >= 1, "a repetition of nothing")
                for inner in op.body:
                    self.op(inner)

    def known(self, node: str) -> None:
        """The player exists, and all that it chooses freely has a step rule."""
        found = next((n for n in self.game.nodes if n.id == node), None)
        _require(found is not None, f"unknown player {node}")
        rules = dict(self.plan.rules)
        for name in found.owns if found is not None and found.choice is None else ():
            _require(name in rules, f"{name} has no step rule")

    def responses(self, through: tuple[tuple[str, Response], ...]) -> None:
        """An envelope is right for a reason."""
        for follower, how in through:
            _require(any(n.id == follower for n in self.game.nodes), f"unknown follower {follower}")
            _require(not isinstance(how, Envelope) or bool(how.reason), f"the envelope at {follower} gives no reason")

    def derive(self, op: Derive) -> None:
        """Gradients of a group, at one point."""
        self.responses(op.through)
        said = dict(op.through)
        _require(op.at == "now" or op.at in self.reached, f"gradients are taken at {op.at}, where nobody went")
        for node in op.nodes:
            self.known(node)
            for e in (e for e in self.game.edges if e.parent == node):
                # A group moves together, and a follower under a penalty moves on its leader's price.
                told = e.child in said or e.child in op.nodes or node in said
                _require(told, f"the derivative of {node} does not say how it passes through {e.child}")
                self.settled(node, e.child, said.get(e.child))
            self.fresh[node] = _Gradient(op.at, op.nodes, len(self.moves))

    def settled(self, node: str, child: str, how: Response | None) -> None:
        """Per sample, discrete and beam followers have answered before their leader derives."""
        follower = self.game.node(child)
        beam = any(o in dict(self.plan.beams) for o in follower.owns)
        inside = isinstance(how, (Unrolled, Implicit))
        waits = bool(follower.scope) or follower.choice is not None or beam
        _require(not waits or inside or child in self.answered, f"{node} derives before {child} has answered")

    def move(self, op: Move) -> None:
        """Steps along gradients that are still right."""
        _require(op.scale > 0, f"{op.nodes} move by {op.scale}")
        _require(op.start == "now", f"{op.nodes} move from {op.start}, where nobody stands")
        for node in op.nodes:
            self.known(node)
            _require(node in self.fresh, f"{node} moves before its gradient is taken")
            gradient = self.fresh.pop(node)
            others = sorted({*self.moves[gradient.moves :]} - {*gradient.group})
            _require(not others, f"{node} moves along a gradient from before {others} moved")
            _require(op.to == "now" or gradient.at == op.start, f"{node} looks ahead along a gradient of another point than it leaves")
        if op.to == "now":
            self.moves += op.nodes
            self.reached.clear()
        else:
            self.reached.add(op.to)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError(f"unsound plan: {what}")
