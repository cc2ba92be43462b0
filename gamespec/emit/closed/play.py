"""One step of the plan as assignments of plain numbers: derive, move, repeat, select, with the gradients written out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import assert_never

from gamespec.emit.closed import copies, second
from gamespec.emit.closed.graph import Graph, Node, NotClosed
from gamespec.emit.closed.put import clipped, put
from gamespec.emit.closed.read import Array, Reader, nested, stacked
from gamespec.emit.closed.text import Formulas
from gamespec.emit.functions import moved_part, writer
from gamespec.emit.moves import rate_text
from gamespec.emit.points import factor_code, kept, named
from gamespec.emit.scene import Scene
from gamespec.emit.sets import mirror
from gamespec.emit.spell import gradient_name, point_name, spelled
from gamespec.emit.step import label
from gamespec.ir import game as ir
from gamespec.ir.walk import expanded
from gamespec.library.registry import words
from gamespec.plan.ops import GRADIENT, NOW, Adjust, Choose, Derive, Keep, Move, Op, Reach, Repeat, Respond, Sample, Scatter, Select, Survey, flat
from gamespec.plan.response import Envelope, Frozen, Stop
from gamespec.plan.sums import Factor, Fading
from gamespec.solvers.base import plain_steps

Line = tuple[str, str]
"""A line of the program, and the player that it stands for."""


class Play:
    """Writes the body of the loop. Every op reads names and assigns names, so that a loop may repeat it."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.graph = scene, Graph()
        taken = {*map(spelled, scene.names), "k", "steps", "s", "value", "values", "moved", *(f"{spelled(n)}_each" for n in scene.beams)}
        self.formulas = Formulas(taken | _whole(scene), scene.reached)
        self.lines: list[Line] = []
        self.indent = ""
        self.names: dict[tuple[str, str], list[str]] = {}
        """The Python names of a variable's numbers at a point, or of its gradient: (`q`, `q_at_ahead`) -> q_at_ahead_0, ..."""
        self.at: dict[str, Array] = {}
        """What these names stand for at present, by the name of the whole: `q_at_ahead`, `g_q`."""
        self.losses: dict[str, str] = {}
        self.memory: dict[str, tuple[int, ...]] = {}
        """What step rules remember: its name and its shape."""
        self.folded: dict[str, str] = {}
        """How that is called inside the loop."""
        self.kept = kept(scene)
        for v in scene.shared:
            if v.name not in scene.beams:
                self.bind(v.name, spelled(v.name))
        for name, (own, _) in self.kept.items():
            self.bind(own, name)

    # -------------------------------------------------------------- names and lines

    def line(self, text: str, node: str = "") -> None:
        """One line at the present depth."""
        self.lines.append((self.indent + text, node))

    @contextmanager
    def block(self, head: str, node: str = "") -> Iterator[None]:
        """Lines inside are one level deeper."""
        self.line(head, node)
        self.indent += "    "
        yield
        self.indent = self.indent[:-4]

    def var(self, name: str) -> ir.Var:
        """The variable with this name."""
        found = self.scene.var(name)
        if found is None or found.type.kind != "real":
            raise NotClosed(f"`{name}` is no array of numbers")
        return found

    def spelt(self, own: str, base: str) -> list[str]:
        """The Python names of the numbers of something that has a variable's shape."""
        if (own, base) not in self.names:
            shape = self.var(own).type.shape
            self.formulas.taken.add(base)
            places = itertools.product(*map(range, shape))
            self.names[own, base] = [self.formulas.fresh("_".join([base, *map(str, p)])) for p in places] if shape else [base]
        return self.names[own, base]

    def bind(self, own: str, base: str) -> Array:
        """The names hold new numbers from here on."""
        names = self.spelt(own, base)
        self.formulas.forget(set(names))
        self.at[base] = Array(self.var(own).type.shape, tuple(map(self.graph.name, names)))
        return self.at[base]

    def where(self, own: str, point: str) -> str:
        """What a variable is called at a point: as where it stands, unless it went there or was kept there."""
        name = point_name(spelled(own), point)
        return name if name in self.at else spelled(own)

    def assign(self, names: Sequence[str], nodes: Sequence[Node], players: Sequence[str]) -> None:
        """Formulas to names, each for a player."""
        found = self.formulas.lines(list(zip(names, nodes, strict=True)))
        for lines, player in zip(found, players, strict=True):
            for line in lines:
                self.line(line, player)

    def inline(self, nodes: Sequence[Node], node: str = "") -> list[str]:
        """Formulas to stand inside a line; what they share is assigned before."""
        before: list[str] = []
        found = [self.formulas.text(n, before).text for n in nodes]
        for line in before:
            self.line(line, node)
        return found

    def reader(self, point: str = NOW) -> Reader:
        """Reads objectives with all players at a point."""
        names = {v.name: self.at.get(self.where(v.name, point)) for v in self.scene.shared}
        return Reader(self.scene.game, self.graph, {n: a for n, a in names.items() if a is not None})

    # -------------------------------------------------------------- ops

    def write(self, ops: tuple[Op, ...]) -> None:
        """Every op in order."""
        for op in ops:
            match op:
                case Sample():
                    if op.data or op.dists:
                        raise NotClosed("it draws samples")
                case Derive():
                    self.derive(op)
                case Move():
                    self.move(op)
                case Keep():
                    self.keep(op)
                case Select():
                    copies.select(self, op.node)
                case Repeat():
                    with self.block(f"for _ in range({op.times}):"):
                        self.renew()
                        self.write(op.body)
                    self.renew()
                case Adjust() | Reach():
                    second.at_once(self, op)
                case Scatter() | Survey():
                    raise NotClosed("answers are drawn anew or searched for on a grid")
                case Respond() | Choose():
                    raise NotClosed("a player answers each sample")
                case _:
                    assert_never(op)

    def renew(self) -> None:
        """At the start and the end of a loop every name may hold something else than the lines before say."""
        bases = {base: own for own, base in self.names}
        for base in list(self.at):
            self.bind(bases[base], base)

    # -------------------------------------------------------------- derive

    def derive(self, op: Derive) -> None:
        """Gradients of these players at one point, all before any move."""
        special = [(f, r) for f, r in op.through if not isinstance(r, Frozen | Envelope | Stop)]
        if special:
            second.through(self, op, special)
            return
        beams = [n for n in op.nodes if any(o in self.scene.beams for o in self.scene.game.node(n).owns)]
        if beams and len(op.nodes) > 1:
            raise NotClosed("copies of one player move at once with another player")
        if beams:
            copies.derive(self, op.nodes[0], op.into)
            return
        game = self.scene.game
        joint = len(op.nodes) > 1 and not any(game.node(n).axis for n in op.nodes)
        joint = joint and len({expanded(game, n) for n in op.nodes}) == 1
        wanted: list[tuple[str, Node, str]] = []
        slopes: list[tuple[str, Node, str]] = []
        moved: list[tuple[str, str]] = []
        for n in op.nodes:
            values, gradients = self.slopes(n, op.at)
            wanted += self.report(n, op.at, values, "value" if joint else f"value_{self.scene.title(n)}")
            for own, slope in gradients.items():
                base = self.slope(own, op.into)
                slopes += [(name, d, n) for name, d in zip(self.spelt(own, base), slope.items, strict=True)]
                moved.append((own, base))
        self.assign(*zip(*wanted, *slopes, strict=True))
        for own, base in moved:
            self.bind(own, base)

    def slope(self, own: str, name: str) -> str:
        """What the gradient of this name is called."""
        return gradient_name(spelled(own), name)

    def slopes(self, node: str, point: str) -> tuple[list[Node], dict[str, Array]]:
        """The objective of a player, one of each member of a family, and its gradient in what it owns."""
        owner, reader = self.scene.game.node(node), self.reader(point)
        if not owner.axis:
            value = reader.one(owner.objective)
            arrays = {o: reader.names[o] for o in owner.owns if o in reader.names}
            flat = iter(self.graph.gradient(value, [n for a in arrays.values() for n in a.items]))
            return [value], {o: Array(a.shape, tuple(itertools.islice(flat, len(a.items)))) for o, a in arrays.items()}
        (own,) = owner.owns
        values, rows = [], []
        for k, row in enumerate(reader.names[own].rows()):
            values.append(reader.bound({owner.index: k}).one(owner.objective))
            rows.append(Array(row.shape, tuple(self.graph.gradient(values[-1], row.items))))
        return values, {own: stacked(rows)}

    def report(self, node: str, point: str, values: list[Node], name: str) -> list[tuple[str, Node, str]]:
        """What is said of a player in reports, where nothing has been said yet: its objective before it moves."""
        scene = self.scene
        owner, said = scene.game.node(node), label(scene, node)
        if owner.axis:
            labels = [f"{owner.owns[0]}[{i}]" for i in range(min(owner.axis, 8))]
            new = [(w, f"{name}_{i}", v) for i, (w, v) in enumerate(zip(labels, values, strict=False)) if w not in self.losses]
            self.losses |= {w: text for w, text, _ in new}
            return [(text, v, node) for _, text, v in new]
        if said in self.losses:
            return []
        shared = next((self.losses.get(label(scene, e.child)) for e in scene.game.edges if e.parent == node), None)
        if shared is not None and point == NOW and moved_part(scene, node) is not None:
            self.losses[said] = shared
            return []
        name = point_name(name, point)
        known = name in self.losses.values()
        self.losses[said] = name
        return [] if known else [(name, values[0], node)]

    # -------------------------------------------------------------- move

    def move(self, op: Move) -> None:
        """Step along the gradients, then project."""
        owned = [(own, node) for node in op.nodes for own in self.scene.game.node(node).owns]
        for own, node in owned:
            if own in self.scene.beams:
                copies.move(self, own, node, op)
            else:
                self._move_one(own, node, op)
        if op.to == NOW:  # once somebody has moved, what was reached before is gone
            lasting = {*self.kept, *map(spelled, (v.name for v in self.scene.shared))}
            self.at = {base: a for base, a in self.at.items() if base in lasting or base.startswith("g_")}
        for own, _ in owned:
            if own not in self.scene.beams:
                self.bind(own, point_name(spelled(own), op.to))

    def factor(self, factor: Factor) -> Node:
        """A factor that may change with the steps."""
        if isinstance(factor, Fading):
            return self.graph.name(f"({factor_code(factor).replace('s.k', 'k')})")
        return self.graph.number(Fraction(repr(factor)))

    def mixed(self, terms: Sequence[tuple[Array, Factor]], shape: tuple[int, ...]) -> Array:
        """A sum of points, or of gradients."""
        g = self.graph
        scaled = [[g.mul(self.factor(f), x) for x in a.items] for a, f in terms]
        return Array(shape, tuple(map(g.total, zip(*scaled, strict=True))))

    def rate(self, own: str, scale: Factor) -> Node:
        """The length of a step that nothing but the number of steps changes."""
        rule, options = self.scene.plan.rule(own), dict(self.scene.plan.rule(own).options)
        if plain_steps(rule):
            text = rate_text(rule, scale).replace("s.k", "k")
            return self.graph.number(Fraction(text)) if _decimal(text) else self.graph.name(f"({text})")
        count = f"rule_{spelled(own)}_count"
        self.memory[count], self.folded[count] = (), count
        self.scene.reached.add("decayed_number")
        rate = self.formulas.fresh(f"rate_{spelled(own)}")
        self.line(f"{count} += 1")
        self.line(f"{rate} = decayed_number({options['lr']!r}, {options['decay']!r}, {count}, {options['total']!r})")
        return self.graph.mul(self.factor(scale), self.graph.name(rate))

    def plainly(self, own: str) -> bool:
        """Whether a step is a length times the gradient."""
        rule = self.scene.plan.rule(own)
        options = dict(rule.options)
        return rule.word == "sgd" and not options.get("momentum") and not options.get("weight_decay")

    def stepped(self, node: str, rate: Node, start: Array, along: Array) -> Array:
        """The point after a plain step, not yet projected."""
        g = self.graph
        turn = g.add if self.scene.game.node(node).sense == "max" else g.sub
        return Array(start.shape, tuple(turn(x, g.mul(rate, d)) for x, d in zip(start.items, along.items, strict=True)))

    def _move_one(self, own: str, node: str, op: Move) -> None:
        var = self.var(own)
        if op.mirror and mirror(var.set, writer(self.scene), rows=False) is not None:
            raise NotClosed(f"`{own}` moves in the geometry of its set")
        start = self.mixed([(self.at[self.where(own, point)], f) for point, f in op.origin], var.type.shape)
        names, into = self.spelt(own, point_name(spelled(own), op.to)), var.set if op.project else None
        if not op.along:
            put(self, into, names, start, node)
            return
        along = self.mixed([(self.at[self.slope(own, name)], f) for name, f in op.along], var.type.shape)
        if self.plainly(own):
            put(self, into, names, self.stepped(node, self.rate(own, op.scale), start, along), node)
            return
        moved = self._by_rule(own, node, op, start, along)
        put(self, into, names, moved, node)

    def _by_rule(self, own: str, node: str, op: Move, start: Array, along: Array) -> Array:
        """A step by a rule with a memory, or a part of it, number by number."""
        rule, shape, g = self.scene.plan.rule(own), self.var(own).type.shape, self.graph
        entry = words("rules").get(rule.word)
        if entry is None or entry.numbers is None:
            raise NotClosed(f"`{rule.word}` is not written for plain numbers")
        defaults = {o.name: o.default for o in entry.options}
        options = "".join(f", {k}={v!r}" for k, v in rule.options if k in defaults and (k == "lr" or v != defaults[k]))
        held = [f"rule_{spelled(own)}_{m}" for m in entry.memory]
        for name in held:
            self.memory[name], self.folded[name] = shape, self.packed(own, name)
        self.scene.reached.add(entry.numbers.__name__)
        turned = [g.neg(d) if self.scene.game.node(node).sense == "max" else d for d in along.items]
        begun, down = self.inline(start.items, node), self.inline(turned, node)
        moved = self.spelt(own, f"moved_{spelled(own)}")
        columns = [moved, begun, down, *(self.spelt(own, m) for m in held)]
        groups = [[f"[{', '.join(c)}]" for c in columns]] if entry.together else list(zip(*columns, strict=True))
        for into, *given in groups:
            self.line(f"{', '.join([into, *given[2:]])} = {entry.numbers.__name__}({', '.join(given)}{options})", node)
        found = self.bind(own, f"moved_{spelled(own)}")
        if op.scale == 1:
            return found
        share = self.factor(op.scale)
        return Array(shape, tuple(g.add(s, g.mul(share, g.sub(m, s))) for s, m in zip(start.items, found.items, strict=True)))

    def keep(self, op: Keep) -> None:
        """Remember points or gradients beyond this step."""
        g = self.graph
        for node in op.nodes if op.weight != 0 else ():
            for own in self.scene.game.node(node).owns:
                if own in self.scene.beams:
                    raise NotClosed("copies of a player are kept beyond a step")
                name = named(self.scene, own, op.name, gradient=op.gradient)
                new, old = self.at[self.slope(own, op.of) if op.gradient else self.where(own, op.of)], self.at[name]
                share = self.factor(op.weight)
                blend = [n if op.weight == 1 else g.add(o, g.mul(share, g.sub(n, o))) for n, o in zip(new.items, old.items, strict=True)]
                self.assign(self.spelt(own, name), blend, [node] * len(blend))
                self.bind(own, name)

    # -------------------------------------------------------------- where it stands

    def load(self) -> None:
        """Bring all variables from the state into local names."""
        self.scene.reached.add("unpacked")
        for v in self.scene.shared:
            self.line(f"{self.packed(v.name, spelled(v.name))} = unpacked(s.{spelled(v.name)})")

    def packed(self, own: str, base: str) -> str:
        """The numbers of something as Python text: a name, or nested lists of names."""
        return nested(self.spelt(own, base), self.var(own).type.shape)

    def residual(self, own: str, node: str, slope: Array) -> list[str]:
        """How far a step along the gradient and back into the set leads, as text for each number."""
        g, at, into = self.graph, self.at[spelled(own)], self.var(own).set
        if into is None:
            return self.inline(slope.items, node)
        turn = g.add if self.scene.game.node(node).sense == "max" else g.sub
        ahead = Array(at.shape, tuple(turn(z, d) for z, d in zip(at.items, slope.items, strict=True)))
        projected = clipped(self, into, ahead)
        if projected is None:
            base = point_name(spelled(own), "near")
            put(self, into, self.spelt(own, base), ahead, node)
            projected = self.bind(own, base)
        return self.inline([g.sub(z, p) for z, p in zip(at.items, projected.items, strict=True)], node)


def _whole(scene: Scene) -> set[str]:
    """The names of all variables and gradients at all points of a plan: no single number is called like one of them."""
    points, gradients = {NOW, "near"}, {GRADIENT}
    for op in flat(scene.plan.body):
        match op:
            case Adjust() | Derive():
                points.add(op.at)
                gradients.add(op.into)
            case Move():
                points |= {op.to, *(name for name, _ in op.origin)}
                gradients |= {name for name, _ in op.along}
            case Keep():
                (gradients if op.gradient else points).add(op.name)
            case _:
                pass
    named_points = {point_name(spelled(v.name), p) for v in scene.shared for p in points}
    return named_points | {gradient_name(spelled(v.name), g) for v in scene.shared for g in gradients}


def _decimal(text: str) -> bool:
    """Whether a text is one number."""
    try:
        Fraction(text)
    except ValueError:
        return False
    return True
