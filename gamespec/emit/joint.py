"""The derivative of a leader through its followers' steps or optimality conditions, as Python."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from gamespec.emit.data import quoted
from gamespec.emit.functions import objective_name, parameters
from gamespec.emit.sets import projection
from gamespec.emit.solved import slope
from gamespec.emit.spell import handle, spelled
from gamespec.library.registry import words
from gamespec.plan.response import Implicit, Response, Unrolled

if TYPE_CHECKING:
    from gamespec.emit.scene import Scene
    from gamespec.emit.step import Steps

Through = list[tuple[str, Response]]


def joint_derivative(steps: Steps, leaders: tuple[str, ...], through: Through) -> None:
    """The leaders' objectives and the followers' stacked gradients as functions of what all chose, then the kernel.

    All leaders pass through the same answer, found once. Leaves their gradients in g_all, one tensor for each of their own,
    turned to minimise.
    """
    scene = steps.scene
    lead, follow = Pack(steps, leaders), Pack(steps, tuple(f for f, _ in through))
    how = through[0][1]
    if steps.defines(" ".join(leaders), " ".join(follow.nodes)):
        lead.sizes()
        follow.sizes()
        as_function(steps, "outer", leaders, lead, follow)
        _field(steps, lead, follow, flexible=isinstance(how, Unrolled))
        if isinstance(how, Unrolled):
            _advance(steps, follow)
    scene.reached.add("gradients")
    values = [f"value_{scene.title(leader)}" for leader in leaders]
    for leader, value in zip(leaders, values, strict=True):
        steps.losses.setdefault(steps.label(leader), value)
    found, parts = (values[0], "") if len(leaders) == 1 else ("values", f", parts={lead.parts()}")
    if isinstance(how, Unrolled):
        _unrolled(steps, how, found, lead, follow, parts)
    elif isinstance(how, Implicit):
        scene.reached.add("hypergradient_implicit")
        bound = f", {follow.projected()}" if follow.bound else ""
        with follow.kept():
            call = f"hypergradient_implicit(outer, field, {lead.text}, {follow.text}, {_solve(scene, how)}{bound}{parts})"
            steps.line(f"{found}, g_all = {call}", node=follow.nodes[0])
    if len(leaders) > 1:
        steps.line(f"{', '.join(values)} = values")
    lead.split("g_all")


def as_function(steps: Steps, name: str, nodes: tuple[str, ...], lead: Pack, follow: Pack, *, negated: bool = False) -> None:
    """Players' objectives as a function of what leaders and followers chose; a follower's own is that of a mover."""
    if steps.text.lines[-1]:
        steps.text.add("")
    with steps.block(f"def {name}(lead, follow):"):
        lead.unpack("lead")
        follow.unpack("follow")
        with steps.playing(follow.nodes) if nodes[0] in follow.nodes and follow.moody else nullcontext():
            calls = [f"{objective_name(steps.scene, node)}({', '.join(parameters(steps.scene, node))})" for node in nodes]
            value = f"{'-' if negated else ''}{calls[0]}" if len(calls) == 1 else f"torch.stack([{', '.join(calls)}])"
            steps.line(f"return {value}", node=nodes[0])
    steps.text.add("")


def _field(steps: Steps, lead: Pack, follow: Pack, *, flexible: bool) -> None:
    """The gradients that the followers descend on; `flexible` where some steps need no graph of them."""
    with steps.block(f"def field(lead, follow{', graph' if flexible else ''}):"):
        lead.unpack("lead")
        follow.unpack("follow")
        slopes = [slope(steps.scene, f) for f in follow.nodes]
        slopes = [f.replace("graph=True", "graph=graph") for f in slopes] if flexible else slopes
        with steps.playing(follow.nodes) if follow.moody else nullcontext():
            if len(slopes) == 1:
                steps.line(f"return {slopes[0]}", node=follow.nodes[0])
            else:
                steps.line("return [", *(f"    *{f}," for f in slopes), "]", node=follow.nodes[0])
    steps.text.add("")


def _advance(steps: Steps, follow: Pack) -> None:
    """One step of every follower by its own rule, put back into its set, as a differentiable function."""
    with steps.block("def advance(lead, follow, memory, k, graph):"):
        steps.line("slopes = field(lead, follow, graph)")
        kept = []
        for j, (o, _, _) in enumerate(follow.owns):
            rule = steps.scene.plan.rule(o)
            entry = words("rules")[rule.word]
            assert entry.advance is not None  # refused before anything is written
            steps.scene.reached.add(entry.advance.__name__)
            defaults = {p.name: p.default for p in entry.options}
            options = "".join(f", {k}={quoted(v)}" for k, v in rule.options if k in defaults and (k == "lr" or v != defaults[k]))
            here, slopes = ("follow", "slopes") if len(follow.owns) == 1 else (f"follow{follow.cut(j)}", f"slopes{follow.cut(j)}")
            own = "follow" if len(follow.owns) == 1 else f"moved_{j}"
            kept.append(f"kept_{j}")
            steps.line(
                f"{own}, kept_{j} = {entry.advance.__name__}({here}, memory[{j}] if memory else [], {slopes}, k{options})", node=follow.owner(o)
            )
        if len(follow.owns) > 1:
            steps.line(f"follow = [{', '.join(f'*moved_{j}' for j in range(len(follow.owns)))}]")
        if follow.bound:
            steps.line(f"follow = {follow.projected('follow').removeprefix('lambda follow: ')}")
        steps.line(f"return follow, [{', '.join(kept)}]")
    steps.text.add("")


def _unrolled(steps: Steps, how: Unrolled, value: str, lead: Pack, follow: Pack, parts: str) -> None:
    scene, kernel = steps.scene, "hypergradient_forward" if how.forward else "hypergradient_unrolled"
    steps.scene.reached.add(kernel)
    last = f", last={how.last}" if how.last else ""
    again = ", recompute=True" if how.recompute else ""
    noisy = f", noisy=({', '.join(f's.{n}' for n in follow.moody)},)" if how.recompute and follow.moody else ""
    call = f"{kernel}(outer, advance, {lead.text}, {follow.text}, steps={how.steps}{last}{again}{noisy}{parts})"
    steps.line(f"{value}, g_all, end = {call}", node=follow.nodes[0])
    if steps.moves and not any(scene.game.node(n).scope for n in follow.nodes):
        follow.keep("end")


def _solve(scene: Scene, how: Implicit) -> str:
    """The solver of the linear system as a Python function."""
    kernel = {"cg": "conjugate_gradient", "neumann": "neumann", "gmres": "gmres", "approxgrad": "descend_normal"}[how.how]
    scene.reached.add(kernel)
    # The first of the terms of a Neumann series costs no product.
    counted = max(how.steps - 1, 0) if how.how == "neumann" else how.steps
    last = f"rate={how.rate!r}" if how.rate else f"tol={how.tol!r}"
    return f"lambda product, b: {kernel}(product, b, steps={counted}, {last})"


class Pack:
    """All that some players chose as one list of tensors: networks bring several, variables one each."""

    def __init__(self, steps: Steps, nodes: tuple[str, ...]) -> None:
        self.steps, self.nodes = steps, nodes
        owns = [o for n in nodes for o in steps.scene.game.node(n).owns]
        self.owns = [(o, spelled(o) if (net := steps.scene.net(o)) is None else handle(net), net is not None) for o in owns]

    @property
    def bound(self) -> bool:
        """Whether anything lies in a set."""
        return any(v is not None and v.set is not None for v in (self.steps.scene.var(o) for o, _, _ in self.owns))

    @property
    def moody(self) -> list[str]:
        """The networks that may act differently in train and eval mode, where a step makes that matter."""
        scene = self.steps.scene
        owned = {o for o, _, _ in self.owns}
        return [spelled(n.name) for n in scene.game.nets if n.handle in owned and n.name in scene.moody] if self.steps.moves else []

    def kept(self) -> AbstractContextManager[None]:
        """Lines inside leave the statistics of these networks as they are: nobody moves there."""
        if not self.moody:
            return nullcontext()
        self.steps.scene.reached.add("keeping")
        return self.steps.block(f"with keeping(({', '.join(f's.{n}' for n in self.moody)},)):")

    def owner(self, name: str) -> str:
        """Whose a thing is."""
        return next(n for n in self.nodes if name in self.steps.scene.game.node(n).owns)

    def cut(self, j: int) -> str:
        """Where in the list the tensors of one thing stand, as the text of a slice."""
        sizes = [f"count_{text}" if many else "1" for _, text, many in self.owns]

        def total(parts: list[str]) -> str:
            ones, rest = sum(p == "1" for p in parts), [p for p in parts if p != "1"]
            return " + ".join([*rest, *([str(ones)] if ones else [])])

        return f"[{total(sizes[:j])}:{total(sizes[: j + 1])}]"

    def parts(self) -> str:
        """How many tensors each player has, as the text of a tuple."""
        own = [[f"count_{text}" if many else "1" for o, text, many in self.owns if self.owner(o) == n] for n in self.nodes]
        return f"({', '.join(' + '.join(sizes) for sizes in own)})"

    @property
    def text(self) -> str:
        """The list."""
        if len(self.owns) == 1 and self.owns[0][2]:
            return self.owns[0][1]
        return f"[{', '.join(f'*{text}' if many else text for _, text, many in self.owns)}]"

    def sizes(self) -> None:
        """How many tensors each network brings, where that is needed."""
        for _, text, many in self.owns:
            if many and len(self.owns) > 1:
                self.steps.line(f"count_{text} = len({text})")

    def unpack(self, source: str) -> None:
        """Give the parts their names back."""
        if len(self.owns) == 1:
            _, text, many = self.owns[0]
            self.steps.line(f"{text} = {source}" if many else f"({text},) = {source}")
            return
        if not any(many for _, _, many in self.owns):
            self.steps.line(f"{', '.join(text for _, text, _ in self.owns)} = {source}")
            return
        for _, text, many in self.owns:
            cut = f"count_{text}"
            self.steps.line(f"{text}, {source} = {source}[:{cut}], {source}[{cut}:]" if many else f"{text}, *{source} = {source}")

    def projected(self, source: str = "points") -> str:
        """A function that puts everything back into its set; None where nothing has one."""
        scene = self.steps.scene
        if not self.bound:
            return "None"
        places = []
        for j, (o, _, many) in enumerate(self.owns):
            var, cut = scene.var(o), self.cut(j)
            at = f"{source}{cut.partition(':')[0] if cut[1] != ':' else '[0'}]"
            places.append(f"*{source}{cut}" if many else projection(var.set if var else None, at, self.steps.writer, rows=bool(var and var.scope)))
        return f"lambda {source}: [{', '.join(places)}]"

    def keep(self, source: str) -> None:
        """The players stay where the last step ended."""
        scene = self.steps.scene
        if not any(many for _, _, many in self.owns):
            names = [text for _, text, _ in self.owns]
            self.steps.line(f"{', '.join(f's.{n}' for n in names)}{',' * (len(names) == 1)} = {', '.join(names)}{',' * (len(names) == 1)} = {source}")
            return
        for o, text, many in self.owns:
            if not many:
                self.steps.line(f"s.{text}, {source} = {source}[0], {source}[1:]", f"{text} = s.{text}")
                continue
            with self.steps.block("with torch.no_grad():"), self.steps.block(f"for weight, moved in zip({text}, {source}, strict=False):"):
                self.steps.line("weight.copy_(moved)")
            if (o, text, many) != self.owns[-1]:
                self.steps.line(f"{source} = {source}[len({text}):]")
        assert scene.explicit  # every network among leader and followers is applied at explicit parameters

    def split(self, source: str, *, lowered: bool = False) -> None:
        """One gradient for each thing that a player owns; step rules of networks descend, variables follow the slope.

        `lowered` where the gradients are of what the player lowers, whatever its sense.
        """
        last = len(self.owns) == 1
        for o, text, many in self.owns:
            turned = self.steps.scene.game.node(self.owner(o)).sense == "max" and many != lowered
            if many:
                part = source if last else f"{source}[:count_{text}]"
                self.steps.line(f"g_{spelled(o)} = {f'[-g for g in {part}]' if turned else f'list({part})'}")
                if not last:
                    self.steps.line(f"{source} = {source}[count_{text}:]")
                continue
            self.steps.line(f"(g_{spelled(o)},) = {source}" if last else f"g_{spelled(o)}, *{source} = {source}")
            if turned:
                self.steps.line(f"g_{spelled(o)} = -g_{spelled(o)}")
