"""What a program checks at its final point, as Python: the concept that was asked for, and what players gain alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from gamespec.emit.answers import answer_noise, respond_name, respond_parameters
from gamespec.emit.data import quoted
from gamespec.emit.feasible import feasibility
from gamespec.emit.metrics import chosen
from gamespec.emit.noise import ANSWERS, DIRECTIONS
from gamespec.emit.piece import constant_text
from gamespec.emit.points import seen
from gamespec.emit.refuse import bounded
from gamespec.emit.rows import multipliers, unpaid
from gamespec.emit.scene import FIXED, Scene, Text
from gamespec.emit.sets import Box, box, draw, projection
from gamespec.emit.solved import answer_call
from gamespec.emit.spell import handle, spelled
from gamespec.emit.step import Steps
from gamespec.emit.warm import begun
from gamespec.ir import game as ir
from gamespec.ir.expr import Value
from gamespec.ir.walk import expanded
from gamespec.library.registry import words
from gamespec.plan.ops import Choose, Respond, Rule, Survey, flat
from gamespec.solvers.base import children

SMALL = 40
"""Numbers in a game up to which its second derivatives are taken exactly."""

STARTS = 8
"""Starts of a search for a better answer."""

CLOSE = 1e-3
"""What a player may gain alone, and how far below 0 a curvature may lie relative to the others, at a certified point."""

ROWS = 256
"""Rows on which networks are differentiated twice."""

PRODUCTS = 8
"""Hessian-vector products, and steps of descent, for each player that is a network."""


def certify_function(scene: Scene, text: Text) -> None:
    """Write `certify`: the residual, the tests of the concept that was asked for, and what players gain alone."""
    doc = "What was checked at the final point: name, value, tolerance (None: reported only), verdict, note."
    text.define("certify", "s, budget=1", f"{doc}\n\n    `budget` times as long a search.\n    ")
    seen(scene, text)
    note = "first order, on all players' own variables"
    if not scene.scalar:
        note = f"gradient norm on {FIXED} fixed rows; reported, as networks are not expected to reach 0"
    scene.reached.add("check")
    tol, searched = "TOL", any(isinstance(op, Survey) for op in flat(scene.plan.body))
    if searched:
        note, tol = "what a second search of both boxes finds better, for the leader or for the follower", "TOL or 1e-3"
    text.add("    entries = [", f'        check("residual", float(residual(s)), {tol}, "{note}"),', "    ]")
    for node in scene.nodes:
        owner = scene.game.node(node)
        asked = any(isinstance(o, Respond) and o.node == node for o in flat(scene.plan.body))
        if asked and not owner.axis:
            _suboptimality(scene, node, text)
    # No derivative vanishes where the follower's answer jumps: what a search says is all there is to say.
    if scene.scalar and not searched:
        _small(scene, text)
    elif not scene.scalar:
        _large(scene, text)
    feasibility(scene, text)
    for owned, rule in scene.plan.kept:
        _stretch(scene, owned, rule, text)
    text.add("    return entries")


def _stretch(scene: Scene, handle: str, rule: Rule, text: Text) -> None:
    """A network in `Lipschitz(c)` stretches distances c times at most; one with clipped weights by what is reported."""
    net = scene.net(handle)
    assert net is not None  # only networks are kept
    assert net.set is not None  # and only in a set
    if rule.word == "clip" and not bounded(net, scene.given):
        return
    scene.reached.add("lipschitz_bound")
    tol = f"{rule.option('c')!r} * 1.001" if rule.word == "spectral" else "None"
    note = f"the most that it can stretch a distance, to be {constant_text(net.set.parts[0].args[0])} at most"
    text.add("    with torch.no_grad():", f"        bound = float(lipschitz_bound(s.{spelled(net.name)}))")
    text.add(f'    entries.append(check("{net.name}: stretch", bound, {tol}, "{note}"))')


def _suboptimality(scene: Scene, node: str, text: Text) -> None:
    """How much better a follower per sample answers when it takes five times as many steps."""
    owner = scene.game.node(node)
    name = spelled(owner.owns[0])
    op = next(o for o in flat(scene.plan.body) if isinstance(o, Respond) and o.node == node)
    steps = Steps(scene, text, moves=False)
    args = ", ".join(["s", *respond_parameters(scene, node), answer_noise(steps, op) + begun(steps, op)])
    with steps.playing():
        steps.fixed()
        steps.load()
        best = "[0]" if op.each else ""
        for reached, more in (("usual", ""), ("asked", f", steps={5 * op.steps} * budget")):
            priced = multipliers(scene, node)
            steps.line(f"{name}{', ' * bool(priced)}{priced} = {respond_name(scene, node)}({args}{more}){best}", *unpaid(steps, owner))
            steps.line(f"{reached} = {steps.call(node)}.mean().detach()")
        gain = "asked - usual" if owner.sense == "max" else "usual - asked"
        note = "in the follower's objective, mean over fixed rows; near 0 means that it answers well"
        name = f'f"{owner.owns[0]}: gain of {{{5 * op.steps} * budget}} steps over {op.steps}"'
        steps.line(f'note = "{note}"', f"entries.append(check({name}, float({gain}), None, note))")


# ------------------------------------------------------------------ games of variables


@dataclass(frozen=True, slots=True)
class Seat:
    """One player of a game of variables: its number, what it owns, and its member where it is one of a family."""

    number: int
    node: ir.Node
    owns: tuple[ir.Var, ...]
    member: int | None = None

    @property
    def name(self) -> str:
        """As the certificate calls it."""
        return "+".join(v.name for v in self.owns) + ("" if self.member is None else f"[{self.member}]")

    @property
    def parts(self) -> Iterator[tuple[ir.Var, tuple[int, ...], str]]:
        """What it owns, each with its shape and its part of the player's vector `{}`."""
        shapes = [v.type.shape[1:] if self.member is not None else v.type.shape for v in self.owns]
        ends = [0, *(sum(math.prod(s) for s in shapes[: k + 1]) for k in range(len(shapes)))]
        for var, shape, (start, end) in zip(self.owns, shapes, pairwise(ends), strict=True):
            cut = f"[{start}:{end}]" if len(self.owns) > 1 else ""
            yield var, shape, f"{{}}{cut}.view({shape!r})"


def _seats(scene: Scene) -> tuple[Seat, ...]:
    """The players, leaders first; every member of a family is one."""
    found: list[Seat] = []
    for node in _ranked(scene):
        owns = tuple(v for o in node.owns if (v := scene.var(o)) is not None)
        for member in range(node.axis) if node.axis else (None,):
            found.append(Seat(len(found), node, owns, member))
    return tuple(found)


def _ranked(scene: Scene) -> list[ir.Node]:
    """The players, leaders first, in the order of play where one was given to a block."""
    ranks = {n: k for k, rank in enumerate(scene.game.order) for n in rank}
    return sorted((scene.game.node(n) for n in scene.nodes), key=lambda n: ranks.get(n.id, 0))


def _concept(scene: Scene, seats: tuple[Seat, ...]) -> str:
    """Which tests the game asks for: "minimum", "nash", "minimax", "stackelberg", "leaders", or "" where none is written."""
    game = scene.game
    if _constrained(scene) or any(s.node.choice is not None for s in seats):
        return ""
    if len(seats) == 1:
        return "minimum"
    if game.order_word == "simultaneous" or not (game.edges or game.order):
        return "nash"
    rest = set(scene.nodes) - set(game.root)
    several = sum(game.node(root).axis or 1 for root in game.root) > 1
    if several and rest and all({e.child for e in children(game, root)} == rest for root in game.root):
        return "leaders"
    nested = len(game.root) == 1 and len(children(game, game.root[0])) == len(scene.nodes) - 1
    if not nested and not (len(game.root) == 2 == len(seats)):
        return ""
    leader, *followers = seats
    if len(followers) > 1 or followers[0].node.sense == leader.node.sense:
        return "stackelberg"
    (follower,) = (f.node for f in followers)
    shared = leader.node.objective == Value(node=follower.id) or expanded(game, leader.node.id) == expanded(game, follower.id)
    return "minimax" if shared else "stackelberg"


def _constrained(scene: Scene) -> bool:
    """Whether what a player may do depends on the others: neither tests nor searches know of that."""
    return any(scene.game.node(n).constraints for n in scene.nodes) or any(g.constraints for g in scene.game.groups)


def _small(scene: Scene, text: Text) -> None:
    """The tests of a game of variables alone."""
    seats = _seats(scene)
    concept = _concept(scene, seats)
    searching = _searching(scene, seats, concept)
    exact = concept and not scene.beams and sum(math.prod(v.type.shape) for v in scene.shared) <= SMALL and _convex(seats)
    if not searching and not exact:
        return
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        steps.fixed()
        steps.load()
        steps.hoist()
        for o in scene.beams:
            steps.line(f"{spelled(o)} = {chosen(scene, o)}")
        answer_call(steps, scene.game.root)
        steps.line("points = [", *(f"    {_point(s)}," for s in seats if not s.member), "]")
        steps.line("sets = [", *(f"    {_set(s, steps)}," for s in seats), "]", "")
        _costs(seats, steps)
        if exact:
            _second_order(scene, concept, steps)
        if searching:
            _gains(searching, concept, steps)


def _point(seat: Seat) -> str:
    """What a player chose, as one vector; a family as one for each member."""
    if seat.member is not None:
        (var,) = seat.owns
        return f"*{spelled(var.name)}.detach().reshape({seat.node.axis}, -1).unbind()"
    return _joined([f"{spelled(v.name)}.detach().reshape(-1)" for v in seat.owns])


def _set(seat: Seat, steps: Steps) -> str:
    """The projection of a player's vector on its sets; None for the whole space."""
    plain, found = [], []
    for var, _, part in seat.parts:
        plain.append(part.format("at"))
        found.append(projection(var.set, plain[-1], steps.writer, rows=False))
    if found == plain:
        return "None"
    pieces = [f"{one}.reshape(-1)" for one in found]
    return f"lambda at: {_joined(pieces)}"


def _joined(pieces: list[str], dim: str = "") -> str:
    """Vectors, or rows of them, as one."""
    return pieces[0] if len(pieces) == 1 else f"torch.cat([{', '.join(pieces)}]{dim})"


def _costs(seats: tuple[Seat, ...], steps: Steps) -> None:
    """Every player's cost as a function of all vectors."""
    with steps.block("def costs(points):"):
        for seat in seats:
            if seat.member:
                continue
            if seat.member == 0:
                (var,) = seat.owns
                steps.line(f"{spelled(var.name)} = torch.stack(points[{seat.number} : {seat.number + seat.node.axis}]).view({var.type.shape!r})")
                continue
            for var, _, part in seat.parts:
                steps.line(f"{spelled(var.name)} = {part.format(f'points[{seat.number}]')}")
        steps.line("return [", *(f"    {_cost(s, steps)}," for s in seats if not s.member), "]")
    steps.line("")


def _cost(seat: Seat, steps: Steps) -> str:
    value = f"{'-' if seat.node.sense == 'max' else ''}{steps.call(seat.node.id)}"
    if seat.member is None:
        return value
    return f"*({value} for {spelled(seat.node.index)} in range({seat.node.axis}))"


def _convex(seats: tuple[Seat, ...]) -> bool:
    """Whether every set is one on which projecting and differentiating go together; a family's lie in boxes."""
    parts = [(s, words("sets")[p.word]) for s in seats for v in s.owns if v.set is not None for p in v.set.parts]
    return all(entry.convex and (s.member is None or entry.bounds is not None or entry.word in ("Box", "Linf")) for s, entry in parts)


TRIED = {
    "minimum": "the cost falls along a direction: try another start (`init`)",
    "nash": "a player's cost falls along a direction of its own: try another start (`init`), or an `order` of play",
    "minimax": "try another start (`init`), more steps of the follower, or `method: k_beam`",
    "leaders": "try another start (`init`), or more steps of the follower",
    "stackelberg": "try another start (`init`), or more steps of the follower",
}
"""What to try where a test of second order fails."""


def _second_order(scene: Scene, concept: str, steps: Steps) -> None:
    """The test of the concept that was asked for decides; local Nash is reported beside local minimax."""
    steps.line(f'tried = "{TRIED[concept]}"')
    if concept in ("minimum", "nash"):
        name = "local minimum, second order" if concept == "minimum" else "local Nash, second order"
        scene.reached.add("nash_check")
        steps.line(f'entries.append(nash_check("{name}", costs, points, sets, {CLOSE}, tried))')
    elif concept == "minimax":
        scene.reached.update({"nash_check", "minimax_check"})
        steps.line(f"entries.append(minimax_check(costs, points, sets, {CLOSE}, tried))")
        steps.line('entries.append(nash_check("local Nash, second order", costs, points, sets, None, ""))')
    elif concept == "leaders":
        scene.reached.add("leaders_checks")
        names = [seat.name for seat in _seats(scene) if seat.node.id in scene.game.root]
        steps.line(f"entries += leaders_checks([{', '.join(map(quoted, names))}], costs, points, sets, {CLOSE}, tried)")
    else:
        scene.reached.add("stackelberg_checks")
        steps.line(f"entries += stackelberg_checks(costs, points, sets, {CLOSE}, tried)")


def _searching(scene: Scene, seats: tuple[Seat, ...], concept: str) -> list[tuple[Seat, float | None]]:
    """Who searches for a better answer, and what it may find.

    Whoever moves last must have the best answer, and so must every player of `nash`. A block without an order asks
    for a local Nash point: its players' gains are reported, and so is that of a leader of a zero-sum game.
    """
    found: list[tuple[Seat, float | None]] = []
    for seat in () if _constrained(scene) else seats:
        last = not any(e.parent == seat.node.id for e in scene.game.edges)
        follows = seat.node.id not in scene.game.root and scene.game.order_word != "simultaneous"
        ordered = bool(scene.game.order) and seat is seats[-1]
        if seat.node.choice is not None or any(v.scope for v in seat.owns):
            continue
        if last and (follows or ordered or len(seats) == 1 or (concept == "nash" and scene.game.concept == "nash")):
            found.append((seat, CLOSE))
        elif concept in ("nash", "minimax") and not scene.beams:
            found.append((seat, None))
    return found


def _gains(searching: list[tuple[Seat, float | None]], concept: str, steps: Steps) -> None:
    """What each of them finds, and the sum of all where nobody follows anybody."""
    steps.scene.reached.add("gain_check")
    steps.line(f"rng = {steps.look(ANSWERS, '1')}", "gains = [")
    for seat, tol in searching:
        starts = []
        for var, shape, _ in seat.parts:
            drawn = draw(var.set, f"({', '.join(map(str, (STARTS, *shape)))}{'' if shape else ','})", "rng", steps.writer, rows=True)
            starts.append(f"({drawn}).reshape({STARTS}, -1)")
        length = 100 if tol is not None else 40
        open_ = any(_open(var, steps) for var in seat.owns)
        k, start = seat.number, _joined(starts, ", dim=1")
        steps.line("    gain_check(", f'        "{seat.name}", {k}, costs, points, sets[{k}],', f"        {start},")
        steps.line(f"        {length} * budget, {tol}, near={open_},", "    ),")
    steps.line("]", "entries += gains")
    if concept in ("nash", "minimax") and len(searching) > 1:
        steps.scene.reached.add("gap_check")
        two = len(searching) == 2 and expanded(steps.scene.game, searching[0][0].node.id) == expanded(steps.scene.game, searching[1][0].node.id)
        steps.line(f'entries.append(gap_check("{"duality gap" if two else "exploitability"}", gains))')


def _open(var: ir.Var, steps: Steps) -> bool:
    """Whether a variable's set has no end on some side."""
    sides = box(var.set, steps.writer) if var.set is not None else Box(None, None)
    if sides is not None:
        return None in (sides.lo, sides.hi)
    return var.set is not None and not all(words("sets")[p.word].compact for p in var.set.parts)


# ------------------------------------------------------------------ games with networks


def _large(scene: Scene, text: Text) -> None:
    """For every player whose choice is networks alone: its least curvature, and what some descent of it gains."""
    owners = [n for n in scene.nodes if scene.game.node(n).owns and all(scene.net(o) for o in scene.game.node(n).owns)]
    if not owners:
        return
    scene.reached.add("network_checks")
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        steps.fixed(ROWS)
        steps.load()
        for one in (n for n in scene.game.nets if n.handle in scene.beams):
            steps.line(f"{handle(one)} = list({chosen(scene, one.handle)}.parameters())")
        steps.write(tuple(op for op in flat(scene.plan.body) if isinstance(op, (Respond, Choose))))
        steps.line(f"rng = {steps.look(DIRECTIONS, '1')}")
        for node in owners:
            owner = scene.game.node(node)
            nets = [net for o in owner.owns if (net := scene.net(o)) is not None]
            lists = [scene.own(net) for net in nets]
            weights = lists[0] if len(lists) == 1 else f"[{', '.join(f'*{one}' for one in lists)}]"
            sign = "-" if owner.sense == "max" else ""
            start = "rng.normal((sum(w.numel() for w in weights),), DTYPE)"
            steps.line(f"weights = {weights}")
            with steps.block("def cost():"):
                steps.hoist()
                steps.line(f"return {sign}{steps.call(node)}")
            name = "+".join(n.name for n in nets)
            steps.line(f"along = {start}")
            steps.line(f'entries += network_checks("{name}", cost, weights, along, {PRODUCTS} * budget, {PRODUCTS} * budget)')
