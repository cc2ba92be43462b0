"""One step of the plan as Python: derive, move, respond, choose, select, repeat."""

from __future__ import annotations

from typing import assert_never

from gamespec.emit.answers import answer_call, bilevel, choice, respond_call
from gamespec.emit.expr import UnsupportedError, Writer, attribute, handle_text, spelled
from gamespec.emit.functions import Scene, Text, draws_of, function_name, moved_part, needs, parameters
from gamespec.emit.sets import projection
from gamespec.ir.expr import Array
from gamespec.ir.walk import expanded
from gamespec.plan.ops import Choose, Derive, Move, Op, Repeat, Respond, Rule, Sample, Select
from gamespec.plan.response import Implicit, Penalty, Response, Unrolled


class Steps:
    """Writes the body of `step` (or of `residual`): keeps track of which names hold what."""

    def __init__(self, scene: Scene, text: Text, *, moves: bool = True) -> None:
        self.scene, self.text, self.indent = scene, text, "    "
        self.moves = moves
        """Whether the state may change: not where a residual or a check looks at it."""
        self.writer: Writer = scene.writer()
        self.raised: set[str] = set()
        """Maximisers whose stored gradient is already that of minus their objective."""
        self.losses: dict[str, str] = {}
        self.renamed: dict[str, str] = {}
        """Variables that stand at another point: `x` -> `x_ahead`, `v` -> `v_best`."""

    def line(self, *lines: str, node: str = "") -> None:
        """Write lines at the present depth."""
        span = self.scene.spans.get(f"node:{node}") if node else None
        for one in lines:
            self.text.add(f"{self.indent}{one}", span=span)

    # -------------------------------------------------------------- names at the start

    def load(self) -> None:
        """Bring networks, parameters, constants and variables into local names."""
        scene = self.scene
        names = {n for node in scene.nodes for n in self._needed(node)}
        shared = {e.net for e, _ in scene.hoisted}
        nets = [spelled(n.name) for n in scene.game.nets if spelled(n.name) in names or n.name in shared]
        if nets:
            self.line(f"{', '.join(nets)} = {', '.join(f's.{n}' for n in nets)}")
        for n in scene.game.nets:
            if n.name in scene.explicit:
                self.line(f"{handle_text(n)} = list({spelled(n.name)}.parameters())")
        rest = [spelled(p.name) for p in scene.game.params if isinstance(p.value, Array) and spelled(p.name) in names]
        rest += [spelled(v.name) for v in scene.game.vars if not v.scope and any(v.name in scene.game.node(n).owns for n in scene.nodes)]
        if rest:
            self.line(f"{', '.join(rest)} = {', '.join(f's.{n}' for n in rest)}")

    def _needed(self, node: str) -> list[str]:
        return parameters(self.scene, node) if self.scene.game.node(node).choice is None else []

    # -------------------------------------------------------------- ops

    def write(self, ops: tuple[Op, ...]) -> None:
        """Every op in order."""
        for op in ops:
            match op:
                case Sample():
                    self.sample(op)
                case Derive():
                    self.derive(op)
                case Move():
                    self.move(op)
                case Respond():
                    self.respond(op)
                case Choose():
                    choice(self, op.node)
                case Select():
                    self.select(op.node)
                case Repeat():
                    self.line(f"for _ in range({op.times}):")
                    self.indent += "    "
                    self.write(op.body)
                    self.indent = self.indent[:-4]
                case _:
                    assert_never(op)

    def sample(self, op: Sample) -> None:
        """Names of the next batch; noise for as many rows."""
        names = self.batch_names()
        size = ""
        for source in op.data:
            target = ", ".join(names[source])
            self.line(f"{target}{',' if len(names[source]) == 1 else ''} = (batch or {{}}).get({source!r}) or batch_{attribute(source)}(s)")
            size = size or f"len({names[source][0]})"
        for dist in op.dists:
            self.line(f"{names[dist][0]} = draw_{attribute(dist)}(s, {size or 'BATCH'}, s.rng_noise)")
        self.hoist()

    def batch_names(self) -> dict[str, list[str]]:
        """The local names of every source's columns."""
        found: dict[str, list[str]] = {}
        for node in self.scene.nodes:
            owner = self.scene.game.node(node)
            for d in draws_of(self.scene, owner.objective, owner.scope):
                found.setdefault(d.over, [spelled(n) for n in d.names])
        return found

    def hoist(self, net: str = "") -> None:
        """Compute the shared network applications (of one network, or all)."""
        if not self.scene.hoisted:
            return
        plain = Writer(self.scene.game, self.scene.names)
        for expr, name in self.scene.hoisted:
            if not net or expr.net == net:
                self.line(f"{name} = {plain.write(expr).text}  # shared by both players")

    def call(self, node: str, suffix: dict[str, str] | None = None) -> str:
        """The call of a player's objective at the present names."""
        renamed = {**self.renamed, **(suffix or {})}
        args = [renamed.get(a, a) for a in parameters(self.scene, node)]
        return f"{function_name(self.scene.game, node)}({', '.join(args)})"

    # -------------------------------------------------------------- derive

    def same_objective(self, nodes: tuple[str, ...]) -> bool:
        """Whether all these players share one objective, so that one forward serves them all."""
        if len(nodes) < 2 or any(self.scene.game.node(n).axis for n in nodes):
            return False
        return all(expanded(self.scene.game, n) == expanded(self.scene.game, nodes[-1]) for n in nodes[:-1])

    def derive(self, op: Derive) -> None:
        """Gradients of these players at one point, all before any move."""
        point = {spelled(v.name): f"{spelled(v.name)}_ahead" for v in self.scene.game.vars if not v.scope} if op.at == "ahead" else {}
        if op.through and any(isinstance(r, (Unrolled, Penalty, Implicit)) for _, r in op.through):
            self._derive_through(op)
            return
        if self.same_objective(op.nodes):
            self._joint(op.nodes, point)
            return
        for node in op.nodes:
            self._own(node, point)

    def _leaf(self, nodes: tuple[str, ...], point: dict[str, str]) -> None:
        self.scene.reached.add("leaf")
        names = [point.get(spelled(o), spelled(o)) for n in nodes for o in self.scene.game.node(n).owns if self.scene.var(o)]
        for name in names:
            self.line(f"{name} = leaf({name})")

    def wanted(self, node: str, point: dict[str, str]) -> list[tuple[str, str, bool]]:
        """What a player differentiates in: name, Python text, whether it is a list of tensors."""
        found = []
        for o in self.scene.game.node(node).owns:
            net = self.scene.net(o)
            if net is not None:
                text = handle_text(net) if net.name in self.scene.explicit else f"list({spelled(net.name)}.parameters())"
                found.append((spelled(o), text, True))
            else:
                found.append((spelled(o), point.get(spelled(o), spelled(o)), False))
        return found

    def _joint(self, nodes: tuple[str, ...], point: dict[str, str]) -> None:
        self._leaf(nodes, point)
        wanted = [w for n in nodes for w in self.wanted(n, point)]
        value = f"value{'_ahead' if point else ''}"
        self.line(f"{value} = {self.call(nodes[-1], point)}", node=nodes[-1])
        for n in nodes:
            self.losses.setdefault(self.label(n), value)
        self._grad(value, wanted, nodes[-1])

    def _grad(self, value: str, wanted: list[tuple[str, str, bool]], node: str) -> None:
        if len(wanted) == 1:
            name, text, many = wanted[0]
            self.line(f"g_{name} = torch.autograd.grad({value}, {text}){'' if many else '[0]'}", node=node)
            return
        if not any(many for _, _, many in wanted):
            targets = ", ".join(f"g_{n}" for n, _, _ in wanted)
            self.line(f"{targets} = torch.autograd.grad({value}, ({', '.join(t for _, t, _ in wanted)}))", node=node)
            return
        for name, text, many in wanted:
            self.line(f"at_{name} = {text if many else f'[{text}]'}")
        self.line(f"g_all = list(torch.autograd.grad({value}, [{', '.join(f'*at_{n}' for n, _, _ in wanted)}]))", node=node)
        for name, _, many in wanted:
            tail = "" if many else "[0]"
            self.line(f"g_{name}, g_all = g_all[:len(at_{name})]{tail}, g_all[len(at_{name}):]")

    def _own(self, node: str, point: dict[str, str]) -> None:
        owner = self.scene.game.node(node)
        self._leaf((node,), point)
        name = f"value_{'_'.join(spelled(o) for o in owner.owns)}"
        if owner.axis and not owner.scope:
            self._family(node, point, name)
            return
        wanted = self.wanted(node, point)
        beams = [o for o in owner.owns if o in self.scene.beams]
        if beams:
            self.line(f"{name} = {self.beam_values(node)}  # [{self.scene.beams[beams[0]]}]", node=node)
            self.losses.setdefault(self.label(node), f"{name}.{'amax' if owner.sense == 'max' else 'amin'}()")
            self._grad(f"{name}.sum()", wanted, node)
            return
        part = moved_part(self.scene, node) if not point else None
        shared = next((self.losses.get(self.label(e.child)) for e in self.scene.game.edges if e.parent == node), None)
        if part is not None and shared is not None:
            args = [self.renamed.get(a, a) for a in needs(self.scene, part)]
            self.line(f"{name} = moved_by_{'_'.join(map(spelled, owner.owns))}({', '.join(args)})", node=node)
            self.losses.setdefault(self.label(node), shared)
        else:
            self.line(f"{name} = {self.call(node, point)}", node=node)
            self.losses.setdefault(self.label(node), name)
        raised = owner.sense == "max" and all(not self.plain(o) for o in owner.owns)
        if raised:
            self.raised |= set(owner.owns)
        self._grad(f"-{name}" if raised else name, wanted, node)

    def _family(self, node: str, point: dict[str, str], name: str) -> None:
        """One gradient for each player of a family: its own objective in its own entry."""
        owner = self.scene.game.node(node)
        (own,) = owner.owns
        var, index = point.get(spelled(own), spelled(own)), spelled(owner.index)
        self.line(f"{name} = [{self.call(node, point)} for {index} in range({owner.axis})]  # one for each {owner.label or 'player'}", node=node)
        self.line(f"g_{spelled(own)} = torch.stack([torch.autograd.grad(f, {var}, retain_graph=True)[0][{index}] for {index}, f in enumerate({name})])")
        for i in range(min(owner.axis, 8)):
            self.losses.setdefault(f"{own}[{i}]", f"{name}[{i}]")

    def beam_values(self, node: str) -> str:
        """The objective at every candidate of a beam."""
        params = parameters(self.scene, node)
        mapped = {spelled(b) for b in self.scene.beams}
        dims = ", ".join("0" if p in mapped else "None" for p in params)
        comma = "," if len(params) == 1 else ""
        args = ", ".join(params)
        return f"torch.vmap({function_name(self.scene.game, node)}, in_dims=({dims}{comma}))({args})"

    def _derive_through(self, op: Derive) -> None:
        (node,) = op.nodes
        through = dict(op.through)
        if node in through:  # a follower under a penalty moves on the penalised value
            bilevel(self, node, through[node], follower=True)
            return
        dense = [f for f, r in op.through if isinstance(r, Implicit) and r.how == "newton"]
        if dense:
            self._leaf((node,), {})
            answer_call(self, node)
            name = f"value_{'_'.join(spelled(o) for o in self.scene.game.node(node).owns)}"
            self.line(f"{name} = {self.call(node)}", node=node)
            self.losses.setdefault(self.label(node), name)
            self._grad(name, self.wanted(node, {}), node)
            return
        direct = [(f, r) for f, r in op.through if isinstance(r, (Unrolled, Implicit, Penalty))]
        bilevel(self, node, self._single(direct), follower=False, child=direct[0][0])

    @staticmethod
    def _single(direct: list[tuple[str, Response]]) -> Response:
        return direct[0][1]

    # -------------------------------------------------------------- move

    def plain(self, name: str) -> bool:
        """Whether a variable moves by plain arithmetic rather than by a step-rule object."""
        return self.scene.var(name) is not None and _plain(self.scene.plan.rule(name))

    def move(self, op: Move) -> None:
        """Step along the gradients, then project."""
        for node in op.nodes:
            owner = self.scene.game.node(node)
            for o in owner.owns:
                self._move_one(o, owner.sense, op)

    def _move_one(self, name: str, sense: str, op: Move) -> None:
        var, own = self.scene.var(name), spelled(name)
        sign = "+" if sense == "max" and name not in self.raised else "-"
        gradient = f"g_{own}"
        if op.scale != 1 and not self.plain(name):
            raise UnsupportedError("a step rule with a memory takes whole steps in this version", "use `sgd` without momentum")
        if var is None:
            net = self.scene.net(name)
            assert net is not None
            target = handle_text(net) if net.name in self.scene.explicit else f"list({spelled(net.name)}.parameters())"
            self.line(f"s.rule_{own}.update({target}, {gradient if sign == '-' else f'[-g for g in {gradient}]'})")
            return
        if self.plain(name):
            rate = _rate(self.scene.plan.rule(name), op.scale)
            moved = f"{own} {sign} {rate} * {gradient}"
            moved = projection(var.set, f"({moved}).detach()" if var.set is None else moved, self.writer, rows=False)
            moved = moved if var.set is None else f"{moved}.detach()"
            self.line(f"{own}_ahead = {moved}" if op.to == "ahead" else f"s.{own} = {own} = {moved}")
            return
        self.line(f"{own} = {own}.detach()")
        self.line(f"s.rule_{own}.update([{own}], [{gradient if sign == '-' else f'-{gradient}'}])")
        self.line(f"s.{own} = {own} = {projection(var.set, own, self.writer, rows=False)}")

    # -------------------------------------------------------------- followers

    def respond(self, op: Respond) -> None:
        """One answer per sample."""
        respond_call(self, op.node)

    def select(self, node: str) -> None:
        """The best candidate of a beam, for the leader to answer."""
        owner = self.scene.game.node(node)
        word = "argmax" if owner.sense == "max" else "argmin"
        self.line(f"best = {self.beam_values(node)}.{word}()")
        for o in owner.owns:
            self.line(f"{spelled(o)}_best = {spelled(o)}[best]")
            self.renamed[spelled(o)] = f"{spelled(o)}_best"

    def label(self, node: str) -> str:
        """How a player is called in reports: its label, else what it owns."""
        owner = self.scene.game.node(node)
        return owner.label or (node if "/" not in node and node != "main" and self.scene.game.concept != "nested" else "+".join(owner.owns))

    def finish(self) -> None:
        """Return the objective of each player."""
        entries = ", ".join(f"{k!r}: {v}.detach()" for k, v in self.losses.items())
        self.line(f"return {{{entries}}}")


def _plain(rule: Rule) -> bool:
    options = dict(rule.options)
    return rule.word == "sgd" and not options.get("momentum") and not options.get("weight_decay") and options.get("decay", "constant") in ("constant", "sqrt")


def _rate(rule: Rule, scale: float) -> str:
    lr = float(rule.option("lr")) * scale  # type: ignore[arg-type]  # a number; until 2027-11
    return f"{lr!r} / math.sqrt(s.k)" if dict(rule.options).get("decay") == "sqrt" else repr(lr)
