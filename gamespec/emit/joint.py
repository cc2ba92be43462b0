"""The derivative of a leader through several followers at once, or through followers that are bound to sets, as Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.emit.functions import objective_name, parameters
from gamespec.emit.sets import projection
from gamespec.emit.solved import slope
from gamespec.emit.spell import handle, spelled
from gamespec.plan.response import Implicit, Response, Unrolled

if TYPE_CHECKING:
    from gamespec.emit.scene import Scene
    from gamespec.emit.step import Steps

Through = list[tuple[str, Response]]


def needed(scene: Scene, through: Through) -> bool:
    """Whether the kernels of one free follower do not do."""
    owned = [v for f, _ in through for o in scene.game.node(f).owns if (v := scene.var(o)) is not None]
    penalised = not all(isinstance(how, (Unrolled, Implicit)) for _, how in through)
    return not penalised and (len(through) > 1 or any(v.set is not None for v in owned))


def joint_derivative(steps: Steps, leader: str, through: Through) -> None:
    """The leader's objective and the followers' stacked gradients as functions of what both chose, then the kernel.

    Leaves the leader's gradients in g_all, one tensor for each of its own, turned to minimise.
    """
    scene, value = steps.scene, f"value_{steps.scene.title(leader)}"
    lead, follow = _Pack(steps, (leader,)), _Pack(steps, tuple(f for f, _ in through))
    key = (leader, " ".join(follow.nodes))
    if key not in steps.defined:
        steps.defined.add(key)
        lead.sizes()
        follow.sizes()
        with steps.block("def outer(lead, follow):"):
            lead.unpack("lead")
            follow.unpack("follow")
            steps.line(f"return {objective_name(scene, leader)}({', '.join(parameters(scene, leader))})", node=leader)
        steps.text.add("")
        with steps.block("def field(lead, follow):"):
            lead.unpack("lead")
            follow.unpack("follow")
            steps.line("return [", *(f"    *{slope(scene, f)}," for f in follow.nodes), "]", node=follow.nodes[0])
        steps.text.add("")
    how = through[0][1]
    scene.reached.add("gradients")
    steps.losses.setdefault(steps.label(leader), value)
    lists = f"outer, field, {follow.projected()}, {lead.text}, {follow.text}"
    if isinstance(how, Unrolled):
        scene.reached.add("hypergradient_joint_unrolled")
        rates = follow.rates([r.lr if isinstance(r, Unrolled) else 0.0 for _, r in through])
        steps.line(f"{value}, g_all, end = hypergradient_joint_unrolled({lists}, steps={how.steps}, rates={rates})", node=follow.nodes[0])
        if steps.moves:
            follow.keep("end")
    elif isinstance(how, Implicit):
        scene.reached.add("hypergradient_joint")
        steps.line(f"{value}, g_all = hypergradient_joint({lists}, steps={how.steps}, tol={how.tol!r})", node=follow.nodes[0])
    lead.split("g_all")


class _Pack:
    """All that some players chose as one list of tensors: networks bring several, variables one each."""

    def __init__(self, steps: Steps, nodes: tuple[str, ...]) -> None:
        self.steps, self.nodes = steps, nodes
        owns = [o for n in nodes for o in steps.scene.game.node(n).owns]
        self.owns = [(o, spelled(o) if (net := steps.scene.net(o)) is None else handle(net), net is not None) for o in owns]

    @property
    def text(self) -> str:
        """The list."""
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

    def projected(self) -> str:
        """A function that puts everything back into its set; None where nothing has one."""
        scene = self.steps.scene
        if all(v is None or v.set is None for v in (scene.var(o) for o, _, _ in self.owns)):
            return "None"
        # Those that come before a variable are counted from the front: only one network may stand among bound variables.
        places, before = [], ""
        for o, text, many in self.owns:
            at = f"points[{before or 0}]"
            var = scene.var(o)
            places.append(
                f"*points[{before or 0}:{before + ' + ' if before else ''}count_{text}]"
                if many
                else projection(var.set if var else None, at, self.steps.writer, rows=False)
            )
            before = f"{before + ' + ' if before else ''}{f'count_{text}' if many else '1'}"
        return f"lambda points: [{', '.join(places)}]"

    def rates(self, found: list[float]) -> str:
        """The step of each tensor."""
        each = [lr for n, lr in zip(self.nodes, found, strict=True) for _ in self.steps.scene.game.node(n).owns]
        return f"[{', '.join(f'*[{lr!r}] * len({text})' if many else repr(lr) for (_, text, many), lr in zip(self.owns, each, strict=True))}]"

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

    def split(self, source: str) -> None:
        """One gradient for each thing that the leader owns; step rules of networks descend."""
        scene = self.steps.scene
        up = scene.game.node(self.nodes[0]).sense == "max"
        for o, text, many in self.owns:
            if many:
                rest = f"{source}[:len({text})]"
                self.steps.line(f"g_{spelled(o)} = {f'[-g for g in {rest}]' if up else rest}")
                if len(self.owns) > 1:
                    self.steps.line(f"{source} = {source}[len({text}):]")
            else:
                self.steps.line(f"g_{spelled(o)}, *{source} = {source}" if len(self.owns) > 1 else f"(g_{spelled(o)},) = {source}")
