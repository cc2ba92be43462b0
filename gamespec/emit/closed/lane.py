"""The closed-form lane: the functions of a program that play on plain numbers, or why a game is not played so."""

from __future__ import annotations

import math
from collections.abc import Mapping  # part of the dataclass; until 2027-11
from dataclasses import dataclass, replace

from gamespec.emit.closed.graph import NotClosed
from gamespec.emit.closed.play import Line, Play
from gamespec.emit.closed.text import folded
from gamespec.emit.functions import writer
from gamespec.emit.noise import STARTS
from gamespec.emit.points import kept, seen
from gamespec.emit.scene import Scene, Text
from gamespec.emit.sets import draw
from gamespec.emit.spell import spelled, target
from gamespec.plan.ops import NOW
from gamespec.plan.response import Envelope, Frozen, Stop

NUMBERS = 100
"""Numbers that the players move, above which a loop over tensors is as quick."""

OPERATIONS = 2000
"""Operations in one step, above which it is so as well."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What is written for plain numbers.

    `held`: everything that a step changes, by its name in the state, with how it is called inside the loop; variables
    come first. `memory`: what step rules remember, by its name in the state, with its shape.
    """

    scene: Scene
    body: tuple[Line, ...]
    held: Mapping[str, str]
    memory: Mapping[str, tuple[int, ...]]
    losses: Mapping[str, str]
    residual: tuple[Line, ...]
    constants: tuple[str, ...]

    def write(self, text: Text) -> None:
        """Write `loop`, `advance`, `step`, `portrait`, `scattered` and, where it is a formula, `residual`."""
        self._play(text)
        self._advance(text)
        if not self.scene.beams:
            self._portrait(text)
            self._scattered(text)
        if self.residual:
            text.define("residual", "s", "Distance from first-order optimality: the largest z - P(z - g) over all players, 0-d.")
            seen(self.scene, text)
            self._add(text, self.residual)

    def _add(self, text: Text, lines: tuple[Line, ...], indent: str = "    ") -> None:
        for line, node in lines:
            text.add(*folded(indent + line), span=self.scene.span(node) if node else None)

    def _play(self, text: Text) -> None:
        plan = self.scene.plan
        text.define(
            "loop",
            ", ".join(["k", "steps", *self.held]),
            f"`steps` steps of {plan.solver} after step k, with the gradients written out: where they lead, and the objective of each player.\n\n"
            "    A number is a float, or a tensor [starts] that plays many starts at once.\n"
            f"    Source: {plan.source}.\n    ",
        )
        given = [*(f"{inside} = {name}" for name, inside in self.held.items() if inside != name), *self.constants]
        self._add(text, (*((line, "") for line in given), ("for k in range(k + 1, k + steps + 1):", "")))
        self._add(text, self.body, "        ")
        entries = ", ".join(f'"{k}": {v}' for k, v in self.losses.items())
        self._add(text, ((f"return ({', '.join(self.held.values())},), {{{entries}}}", ""),))

    def _advance(self, text: Text) -> None:
        self.scene.reached.update({"unpacked", "packed"})
        held = list(self.held)
        first = f"s.{held[0]}"
        doc = "`steps` steps at once, on plain numbers; gives the objective of each player. Tensors stay tensors where not `plain`."
        text.define("advance", "s, steps, plain=True", doc)
        states = [f"s.{n}" for n in held]
        lines = [
            f"found, losses = loop(s.k, steps, *(unpacked(t, plain=plain) for t in ({', '.join(states)},)))",
            "s.k += steps",
            f"({target(states)}) = (packed(t, {first}) for t in found)"
            if len(states) > 8
            else f"{target(states)} = (packed(t, {first}) for t in found)",
            f"return {{name: packed(value, {first}) for name, value in losses.items()}}",
        ]
        self._add(text, tuple((line, "") for line in lines))
        text.define("step", "s, batch=None", f"One step of {self.scene.plan.solver}; gives the objective of each player.")
        text.add("    return advance(s, 1)")

    def _portrait(self, text: Text) -> None:
        """Many starts at once."""
        doc = "Play many starts at once: starts [n, numbers], in the order of `point`, give [1 + steps / every, n, numbers]."
        text.define("portrait", "starts, steps=STEPS, every=None", doc)
        start, places = 0, {}
        for v in self.scene.shared:
            size, across = math.prod(v.type.shape), ", ".join(map(str, (*v.type.shape, "-1")))
            columns = f"unpacked(starts[:, {start}:{start + size}].T.reshape({across}), plain=False, keep=1)"
            places[v.name] = columns if v.type.shape else f"starts[:, {start}]"
            start += size
        shapes = {v.name: v.type.shape for v in self.scene.shared}
        zeros = dict(self.memory) | {name: shapes[own] for name, (own, gradient) in kept(self.scene).items() if gradient}
        parts = {n: f"unpacked(torch.zeros({shape!r}, dtype=DTYPE))" if shape else "0.0" for n, shape in zeros.items()}
        parts |= {spelled(own): text for own, text in places.items()}
        parts |= {name: places[own] for name, (own, gradient) in kept(self.scene).items() if not gradient}
        lines = [
            "every, seen = every or max(steps, 1), [starts]",
            f"held = ({', '.join(parts[n] for n in self.held)},)",
            "for k in range(0, steps, every):",
            "    held, _ = loop(k, min(every, steps - k), *held)",
            f"    seen.append(torch.cat([packed(t, starts).reshape(-1, len(starts)) for t in held[:{len(places)}]]).T)",
            "return torch.stack(seen)",
        ]
        self._add(text, tuple((line, "") for line in lines))

    def _scattered(self, text: Text) -> None:
        """Where many starts are to begin."""
        text.define("scattered", "count, seed=SEED", "Random starts in the sets, near 0 where those have no end: [count, numbers].")
        write = writer(self.scene)
        shapes = [", ".join(map(str, ("count", *v.type.shape))) for v in self.scene.shared]
        drawn = [draw(v.set, f"({shape},)", "rng", write, rows=True) for v, shape in zip(self.scene.shared, shapes, strict=True)]
        self.scene.reached.add("noise_of_first")
        lines = [
            f'rng = noise_of_first(seed, {STARTS}, count, "cpu")',
            "columns = [",
            *(f"    {place.replace('s.device', 'rng.device')}," for place in drawn),
            "]",
            "return torch.cat([t.reshape(count, -1) for t in columns], 1)",
        ]
        self._add(text, tuple((line, "") for line in lines))


def closed(scene: Scene) -> Closed:
    """The closed-form lane of a game. Raises NotClosed with the reason where there is none."""
    if not scene.scalar:
        raise NotClosed("networks or samples take part")
    if scene.plan.precision != "float64":
        raise NotClosed(f"plain numbers have double precision, and {scene.plan.precision} is asked for")
    if scene.plan.shares:
        raise NotClosed("its particles have weights")
    if scene.plan.phases:
        raise NotClosed("its steps differ from phase to phase")
    count = sum(math.prod(v.type.shape) * max(scene.beams.get(v.name, 0), 1) for v in scene.shared)
    if count > NUMBERS:
        raise NotClosed(f"its players move {count} numbers, more than {NUMBERS}")
    inside = replace(scene, reached=set())
    play = Play(inside)
    play.write(scene.plan.body)
    if play.formulas.written > OPERATIONS:
        raise NotClosed(f"a step takes {play.formulas.written} operations, more than {OPERATIONS}")
    held = {spelled(v.name): f"{spelled(v.name)}_each" if v.name in scene.beams else play.packed(v.name, spelled(v.name)) for v in scene.shared}
    held |= {name: play.packed(own, name) for name, (own, _) in kept(scene).items()} | play.folded
    try:
        residual = _residual(inside)
    except NotClosed:
        residual = ()  # that of the torch lane says the same
    scene.reached.update(inside.reached)
    return Closed(scene, tuple(play.lines), held, play.memory, play.losses, residual, tuple(play.formulas.constants))


def _residual(scene: Scene) -> tuple[Line, ...]:
    """The body of `residual`."""
    play = Play(scene)
    if scene.beams or any(not isinstance(r, Frozen | Envelope | Stop) for _, through in scene.plan.residual for _, r in through):
        raise NotClosed("answers are found anew")
    play.load()
    terms: list[str] = []
    for node, _ in scene.plan.residual:
        _, slopes = play.slopes(node, NOW)
        for own, slope in slopes.items():
            terms += play.residual(own, node, slope)
    scene.reached.add("larger_of")
    found = f"abs({terms[0]})"
    for term in terms[1:]:
        play.line(f"found = larger_of({found}, abs({term}))")
        found = "found"
    play.line(f"return torch.tensor({found}, dtype=DTYPE)")
    return (*((line, "") for line in play.formulas.constants), *play.lines)
