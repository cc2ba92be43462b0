"""What must hold of every plan; a violation is a fault of a solver, never of a user."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gamespec.ir.game import Game
from gamespec.plan.ops import NOW, Adjust, Choose, Derive, Keep, Move, Op, Plan, Reach, Repeat, Respond, Sample, Scatter, Select, Survey, flat
from gamespec.plan.response import Envelope, Frozen, Hull, Implicit, Response, Stop, Unrolled
from gamespec.plan.sums import Fading
from gamespec.report.diagnostic import InternalError


def verify(plan: Plan, game: Game) -> None:
    """Raise InternalError unless the plan is sound.

    Players, sources and repetitions exist; everything that moves or answers has a step rule; a point is reached or kept
    before anything happens there, and what was reached is gone once somebody has moved; gradients are taken or kept
    before they are used, a step is made with each of them once, and none is used after another player's move made it
    stale, unless both belong to one simultaneous group; a derivative says how it passes through each follower, and an
    envelope why it is right; per-sample and discrete followers have answered, and a beam is selected, before their
    leader derives; every player that chooses freely is in the residual. Every phase is such a plan, and everybody whose
    phase it is moves in it.
    """
    _Check(plan, game).run()
    for phase in plan.phases:
        _Check(replace(plan, body=phase.body), game).run()
        moved = {n for op in flat(phase.body) for n in _moved(op)}
        _require(moved == {*phase.movers}, f"{sorted(moved ^ {*phase.movers})} move in a phase of {phase.movers}, or do not")


@dataclass(frozen=True, slots=True)
class _Gradient:
    """A gradient: with whom it was taken, after how many moves, and whether a step was made along it."""

    group: tuple[str, ...]
    moves: int
    used: bool = False


@dataclass(slots=True)
class _Check:
    """A walk through a plan: gradients by player and name, moves so far, who has answered, points reached and kept."""

    plan: Plan
    game: Game
    taken: dict[tuple[str, str], _Gradient] = field(default_factory=dict)
    moves: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    kept: set[tuple[bool, str]] = field(default_factory=set)
    """Kept names, gradients marked by True."""

    def run(self) -> None:
        """Every op, then what the plan says as a whole."""
        self.kept = {(op.gradient, op.name) for op in flat(self.plan.body) if isinstance(op, Keep)}
        _require((False, NOW) not in self.kept, "nothing is kept under the name of the present")
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
            case Adjust():
                self.together(op)
                self.hold(op.nodes, op.into)
            case Reach():
                self.together(op)
                self.arrive(op.nodes, op.to)
            case Move():
                self.move(op)
            case Keep():
                self.keep(op)
            case Respond() | Choose():
                self.known(op.node)
                _require(isinstance(op, Choose) or (op.steps >= 0 and op.restarts >= 1), f"{op.node} answers in no steps")
                self.answered.add(op.node)
            case Select() | Scatter():
                self.known(op.node)
                _require(any(o in dict(self.plan.beams) for o in self.game.node(op.node).owns), f"{op.node} has no beam to select from")
                self.answered.add(op.node)
            case Survey():
                self.known(op.leader)
                self.known(op.follower)
                tied = any(e.parent == op.leader and e.child == op.follower for e in self.game.edges)
                _require(tied and min(op.counts) >= 2, f"{op.follower} does not follow {op.leader} in {op}")
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
        self.stands(op.at, "gradients are taken")
        elsewhere = op.at != NOW and not all(isinstance(how, Frozen) for _, how in op.through)
        _require(not elsewhere, f"a derivative passes through an answer at {op.at}, where nobody answers")
        for node in op.nodes:
            self.known(node)
            for e in (e for e in self.game.edges if e.parent == node):
                # A group moves together, and a follower under a penalty moves on its leader's price.
                told = e.child in said or e.child in op.nodes or node in said
                _require(told, f"the derivative of {node} does not say how it passes through {e.child}")
                self.settled(node, e.child, said.get(e.child))
        self.hold(op.nodes, op.into)

    def together(self, op: Adjust | Reach) -> None:
        """The joint field of players that nobody answers."""
        self.stands(op.at, "a field is taken")
        for node in op.nodes:
            self.known(node)
            outside = [e.child for e in self.game.edges if e.parent == node and e.child not in op.nodes]
            _require(not outside, f"the field of {node} leaves out {outside}")

    def hold(self, nodes: tuple[str, ...], name: str) -> None:
        """A gradient of these players waits to be used."""
        _require((True, name) not in self.kept, f"the gradient {name} is a kept one")
        for node in nodes:
            self.taken[node, name] = _Gradient(nodes, len(self.moves))

    def stands(self, point: str, what: str) -> None:
        """A point is where the players are, was reached, or is kept."""
        _require(point == NOW or point in self.reached or (False, point) in self.kept, f"{what} at {point}, where nobody went")

    def arrive(self, nodes: tuple[str, ...], to: str) -> None:
        """Players have moved, or looked."""
        _require((False, to) not in self.kept, f"{nodes} move to {to}, which is kept")
        if to == NOW:
            self.moves += nodes
            self.reached.clear()
        else:
            self.reached.add(to)

    def keep(self, op: Keep) -> None:
        """What is kept exists."""
        if not op.gradient:
            self.stands(op.of, "a point is kept")
        for node in op.nodes:
            self.known(node)
            _require(not op.gradient or (node, op.of) in self.taken, f"a gradient {op.of} of {node} is kept before it is taken")

    def settled(self, node: str, child: str, how: Response | None) -> None:
        """Per sample, discrete and beam followers have answered before their leader derives."""
        follower = self.game.node(child)
        beam = any(o in dict(self.plan.beams) for o in follower.owns)
        inside = isinstance(how, (Hull, Unrolled, Implicit))
        waits = bool(follower.scope) or follower.choice is not None or beam
        _require(not waits or inside or child in self.answered, f"{node} derives before {child} has answered")

    def move(self, op: Move) -> None:
        """Steps along gradients that are still right."""
        _require(isinstance(op.scale, Fading) or op.scale > 0, f"{op.nodes} move by {op.scale}")
        _require(bool(op.origin), f"{op.nodes} move from nowhere")
        for point, _ in op.origin:
            self.stands(point, f"{op.nodes} start")
        for node in op.nodes:
            self.known(node)
            for name in (name for name, _ in op.along if (True, name) not in self.kept):
                self.use(node, name, ends=op.to == NOW)
        self.arrive(op.nodes, op.to)

    def use(self, node: str, name: str, *, ends: bool) -> None:
        """A gradient that was taken, is not stale, and has not made its step yet; a step to the present `ends` it."""
        gradient = self.taken.get((node, name))
        if gradient is None or gradient.used:
            raise InternalError(f"unsound plan: {node} moves before its gradient is taken")
        others = sorted({*self.moves[gradient.moves :]} - {*gradient.group})
        _require(not others, f"{node} moves along a gradient from before {others} moved")
        if ends:
            self.taken[node, name] = replace(gradient, used=True)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError(f"unsound plan: {what}")


def _moved(op: Op) -> tuple[str, ...]:
    """Who is elsewhere after an op."""
    match op:
        case Derive():
            return tuple(f for f, how in op.through if not isinstance(how, (Envelope, Frozen, Hull, Stop)))
        case Move():
            return op.nodes
        case Respond(still=False) | Choose():
            return (op.node,)
    return ()
