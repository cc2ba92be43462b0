"""Cheap looks at a run that tell what goes wrong in silence.

What is looked for are the codes GW710 to GW722. A look costs a few steps, is made only where the run is long enough for it
(`first`) or within the share of time that all looks have (`look`), works on a copy of the state, and says a thing once.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gamespec.check.columns import too_wide
from gamespec.check.constant import column_names
from gamespec.emit.spell import attribute, spelled
from gamespec.ir.expr import Apply, Call, Reduce, Ref
from gamespec.ir.walk import walk
from gamespec.library.data.disk import rows_at_once
from gamespec.library.registry import words
from gamespec.report.diagnostic import Diagnostic, Label
from gamespec.report.source import Span
from gamespec.run.growth import longer
from gamespec.run.looks import ROWS, bound, looks
from gamespec.run.sampled import fixed_noise

if TYPE_CHECKING:
    from gamespec.ir.game import Game, Node
    from gamespec.run.contract import Emitted, State
    from gamespec.run.snapshot import Base

_PLAIN_METHODS = ("nested", "alternating", "simultaneous", "descent")
"""Methods whose first step is along each player's own gradient."""

_SHARE = 0.01
"""Part of the steps that the looks before the first may cost."""

_ROWS = 256
_OVERFIT, _MASKED, _COLLAPSED = 0.2, 0.02, 0.2
_NOISE = 0.02
"""What two looks at 256 rows may differ by, for nothing."""

_NEIGHBOURS = 5


@dataclass
class Probes:
    """The looks of one run. `place` finds where a part of the game was written."""

    game: Game
    module: Emitted
    start: Base
    steps: int
    solver: str
    place: Callable[[str], Span | None]
    file: str
    said: dict[str, Diagnostic] = field(default_factory=dict)
    _begin: dict[str, Tensor] = field(default_factory=dict)
    _reports: int = 0
    _covered: dict[str, float] = field(default_factory=dict)

    # -------------------------------------------------------------- before the first step

    @torch.random.fork_rng(devices=[])  # networks from outside may draw from torch's own generator
    def first(self, state: State) -> None:
        """Look at the first batch: where each player's step leads, what an attack of no size does, each network and each answer."""
        self._begin = {name: t.detach().clone() for name, t in self._weights(state)}
        self._ranges(state)
        movers = [n for n in self.game.nodes if not n.id.startswith("@") and n.owns and not n.scope]
        if self.solver in _PLAIN_METHODS and 2 * (len(movers) + 1) <= _SHARE * self.steps:
            self._signs(state, movers)
        if _SHARE * self.steps >= 4:
            for metric, node in self._attacks():
                self._no_size(self.copied(state), metric, node)
            other = self.copied(state)
            for found in looks(self.game, self.module, other, lambda node: {**self._names_of(other, node, ROWS), "s": other}):
                self.say(*found)

    def _ranges(self, state: State) -> None:
        """Data that fill little of what is declared. Cost: one pass over the columns whose range only the numbers tell."""
        for source in self.game.data:
            entry = words("data").get(source.source.word)
            # Of what ships with the package `check` has spoken, where it knew.
            known = entry.columns if entry is not None and entry.columns_of is None else {}
            names = column_names(source.source, source.fields) if known else [""] * len(source.fields)
            for declared, name, column in zip(source.fields, names, getattr(state, attribute(source.name), ()), strict=False):
                if declared.range is None or (name in known and known[name].range is not None) or not column.numel():
                    continue
                ends = [part.aminmax() for part in torch.split(column, rows_at_once(column))]
                lo, hi = min(float(e.min) for e in ends), max(float(e.max) for e in ends)
                if too_wide(declared.range, lo, hi):
                    self.say("GW414", f"`{declared.name}` of `{source.name}` fills little of its declared range", f"data:{source.name}",
                             f"its values lie in [{lo:.6g}, {hi:.6g}]", "declare the range that they have: radii are reckoned in it")  # fmt: skip

    def _signs(self, state: State, movers: list[Node]) -> None:
        """Each player alone, a little along its own step: its objective must not get worse on the same batch."""
        ahead, here = self.copied(state), self._chosen(state)
        losses = self.module.step(ahead)
        left = next((name for name, t in self._weights(ahead) if t.grad is not None), None)
        if left is not None:
            self.say("GW720", "a step leaves a gradient behind", f"net:{left.partition(':')[0]}", f"`{left.replace(':', '.')}.grad` is set after it",
                     "nothing may call `backward` inside a network or a method: it adds to the next step of another player")  # fmt: skip
        moved = {name: t.detach() - here[name].detach() for name, t in self._chosen(ahead).items()}
        for node in movers:
            label = next((k for k in (node.label, "+".join(node.owns), node.id) if k in losses), None)
            names = self._names(node)
            step = {name: d for name, d in moved.items() if name.partition(":")[0] in names}
            if label is None or all(float(d.abs().max()) == 0 for d in step.values()):
                continue
            worse = [self._worse(state, node, label, float(losses[label]), step, share) for share in (0.1, 0.01)]
            if all(worse):
                what = "rises" if node.sense == "min" else "falls"
                self.say(
                    "GW710",
                    f"the objective of {label} {what} along its own step",
                    f"node:{node.id}",
                    f"on the first batch, by {worse[0]:.3g} after a tenth of the step",
                    "try a smaller rate, or `method: extragradient`",
                )

    def _worse(self, state: State, node: Node, label: str, value: float, step: Mapping[str, Tensor], share: float) -> float:
        """By how much the objective gets worse along a share of the step; 0 where it does not."""
        other = self.copied(state)
        for name, d in step.items():
            self._push(other, name, share * d)
        change = float(self.module.step(other)[label]) - value
        worse = change if node.sense == "min" else -change
        return worse if worse > 1e-4 * share * (1e-6 + abs(value)) else 0.0

    def _no_size(self, state: State, metric: str, node: Node) -> None:
        """An attack whose radius is 0 must change nothing."""
        radii = self._radii(node)
        found = getattr(self.module, f"metric_{metric}")
        answer = next((n for n in vars(self.module) if n.startswith(f"respond_{metric}_")), "")
        if not radii or not answer:
            return
        short = _short(found, rows=64, steps=1)
        respond: Any = getattr(self.module, answer)
        with _patched(self.module, {spelled(name): 0.0 for name in radii}):
            self._look(state)
            attacked = float(found(state, **short))
        with _patched(self.module, {answer: lambda *args, **options: torch.zeros_like(respond(*args, **options))}):
            self._look(state)
            clean = float(found(state, **short))
        if not abs(attacked - clean) <= 1e-6 * (1 + abs(clean)):
            self.say("GW711", f"`{metric}` changes under an attack of size 0", f"metric:{metric}", f"{attacked:.4g} instead of {clean:.4g}",
                     "look at what differs between clean and attacked: the mode of the network, random layers")  # fmt: skip

    # -------------------------------------------------------------- on the way

    def report(self, state: State, step: int, lengths: Mapping[str, float]) -> None:
        """At every report: who runs away; at the second, at the cost of a pass over the weights: who stands still."""
        self._reports += 1
        known = {spelled(n.name): n.name for n in self.game.nets}
        for own, times in longer(self.start.lengths, lengths).items():
            name = known.get(own, own)
            self.say("GW716", f"`{name}` explodes", f"net:{name}", f"at step {step}, its weights are {times:.1e} times as long as at the start",
                     "try a smaller rate, `weight_decay`, or a gradient penalty")  # fmt: skip
        phases = [movers for _, movers in getattr(self.module, "PHASES", ())]
        for name, t in self._weights(state) if self._reports == 2 else ():
            player, was = name.partition(":")[0], self._begin.get(name)
            if was is not None and t.requires_grad and torch.equal(t, was) and all(player in movers for movers in phases):
                self.say("GW715", f"`{name.replace(':', '.')}` has not moved", f"net:{player}", f"as at the start after {step} steps",
                         "no gradient reaches it, or its rate is 0: is it used in the objective of its player?")  # fmt: skip

    @torch.random.fork_rng(devices=[])
    def look(self, state: State, step: int) -> None:
        """Attacks against training attacks, losses against each other, generated against real samples."""
        other = self.copied(state)
        for metric, node in self._attacks():
            self._stands(other, metric, node, step)
        for net, dist, data in self._generators():
            if hasattr(other, spelled(net)):  # not one that particles stand for
                self._covers(other, net, dist, data, step)

    def _stands(self, state: State, metric: str, node: Node, step: int) -> None:
        """A metric under an attack on each of its losses, and under the attack of training.

        Source: Wong et al. 2020, section 5.4 (overfitting); Athalye et al. 2018; Croce and Hein 2020, section 4 (masking).
        """
        answer = next((n for n in vars(self.module) if n.startswith(f"respond_{metric}_")), "")
        if not answer:
            return
        respond: Any = getattr(self.module, answer)
        found = getattr(self.module, f"metric_{metric}")
        many = "only" in inspect.signature(respond).parameters
        values = []
        for k in range(2) if many else (None,):
            attack = respond if k is None else functools.partial(respond, only=slice(k, k + 1))
            with _patched(self.module, {answer: attack}):
                self._look(state)
                values.append(float(found(state, **_short(found, rows=_ROWS, steps=10))))
        if many and values[0] - values[1] > _MASKED + _NOISE:
            self.say(
                "GW713",
                "gradients are masked",
                f"metric:{metric}",
                f"at step {step}, {values[0]:.0%} hold against the first loss, {values[1]:.0%} against the second",
                "trust the lower number; logits grow too large, or a layer has no useful slope",
            )
        own = self._own_attack(state, metric, node)
        if own is not None and own - min(values) > _OVERFIT:
            self.say(
                "GW712",
                "catastrophic overfitting",
                f"metric:{metric}",
                f"at step {step}, {own:.0%} hold against the attack of training, {min(values):.0%} against `{metric}`",
                "train with more steps of `pgd`, or a smaller radius",
            )

    def _own_attack(self, state: State, metric: str, node: Node) -> float | None:
        """The share of held-out rows that hold against the attack of training; None where that cannot be told."""
        correct = any(isinstance(e, Call) and e.fn == "correct" for e in walk(node.objective))
        trained = next((n for n in self.game.nodes if n.scope and not n.id.startswith("@") and self._kind(n) == self._kind(node)), None)
        answer = getattr(self.module, f"respond_{trained.label or '_'.join(trained.owns)}", None) if trained is not None else None
        judge = next((f for n, f in vars(self.module).items() if n.startswith(f"objective_{metric}_")), None)
        if not correct or answer is None or judge is None:
            return None
        known = self._names_of(state, node) | {"s": state}
        given = bound(answer, known)
        found = None if given is None else answer(**given)
        found = found[0] if isinstance(found, tuple) else found  # multipliers may come with it
        judged = None if given is None else bound(judge, known | {spelled(node.owns[0]): found})
        if judged is None:
            return None
        with torch.no_grad():
            return float(judge(**judged).mean())

    def _covers(self, state: State, net: str, dist: str, data: str, step: int) -> None:
        """The share of real samples with a generated one no farther than their fifth real neighbour. Source: Naeem et al. 2020, equation 4."""
        rng = fixed_noise(self.module, _ROWS, state.device)
        held = getattr(state, attribute(data), None)
        draw = getattr(self.module, f"draw_{attribute(data)}", None)
        with torch.no_grad():
            rows = held[0] if isinstance(held, tuple) else draw(state, _ROWS, rng) if draw else torch.zeros(0, 1)
            real = rows[:_ROWS].flatten(1)
            made = getattr(state, spelled(net))(getattr(self.module, f"draw_{attribute(dist)}")(state, _ROWS, rng)).flatten(1)
            reach = torch.cdist(real, real).kthvalue(_NEIGHBOURS + 1, dim=1).values
            covered = float((torch.cdist(real, made).amin(dim=1) <= reach).double().mean())
        best = self._covered[net] = max(covered, self._covered.get(net, 0.0))
        if best > 2 * _COLLAPSED and covered < min(_COLLAPSED, best / 2):
            self.say("GW714", f"`{net}` collapses", f"net:{net}", f"at step {step}, near {covered:.0%} of the real samples; it was {best:.0%}",
                     "try a smaller rate for the player that wins, or another loss")  # fmt: skip

    # -------------------------------------------------------------- the game

    def _attacks(self) -> list[tuple[str, Node]]:
        """Metrics with one player inside who answers each sample."""
        inner: dict[str, list[Node]] = {}
        for n in self.game.nodes:
            if n.id.startswith("@") and not n.id.startswith("@expect"):
                inner.setdefault(n.id[1:].split("/")[0], []).append(n)
        names = [(m, nodes[0]) for m, nodes in inner.items() if len(nodes) == 1 and nodes[0].scope and nodes[0].choice is None]
        return [(m, n) for m, n in names if {"rows", "steps"} <= {*inspect.signature(getattr(self.module, f"metric_{m}")).parameters}]

    def _radii(self, node: Node) -> list[str]:
        """The params that are the radii of a player's set; none where one is a number."""
        var = next(v for v in self.game.vars if v.name == node.owns[0])
        parts = [p for p in (var.set.parts if var.set else ()) if p.shift is None]
        radii = [a.name if isinstance(a, Ref) else "" for p in parts for a in p.args]
        return radii if radii and all(radii) and all(isinstance(getattr(self.module, spelled(r), None), float | int) for r in radii) else []

    def _kind(self, node: Node) -> object:
        return next((v.type for v in self.game.vars if v.name == node.owns[0]), None)

    def _generators(self) -> Iterator[tuple[str, str, str]]:
        """Networks that make samples out of noise, with the noise and the real samples beside them."""
        dists, done = {d.name for d in self.game.dists}, set()
        draws = [d for n in self.game.nodes for e in walk(n.objective) if isinstance(e, Reduce) for d in e.draws]
        over = {name: d.over for d in draws for name in d.names}
        for n in self.game.nodes:
            for e in walk(n.objective):
                if (
                    not (isinstance(e, Apply) and len(e.args) == 1 and isinstance(e.args[0], Ref) and over.get(e.args[0].name) in dists)
                    or e.net in done
                ):
                    continue
                net = next(x for x in self.game.nets if x.name == e.net)
                real = next((d.name for d in self.game.data if d.name in over.values() and d.fields[0].type.shape == net.output.shape), None)
                if real is not None and net.output.kind == "real":
                    done.add(e.net)
                    yield e.net, str(over[e.args[0].name]), real

    def _names(self, node: Node) -> list[str]:
        """Networks and variables of a player, by name."""
        return [next((n.name for n in self.game.nets if n.handle == o), o) for o in node.owns]

    def _names_of(self, state: State, node: Node, most: int = _ROWS) -> dict[str, Any]:
        """What the functions of a metric's player take, by name: networks, variables, the first rows of its samples, noise for them."""
        found = {spelled(n.name): getattr(state, spelled(n.name)) for n in self.game.nets if hasattr(state, spelled(n.name))}
        found |= {spelled(v.name): getattr(state, spelled(v.name)) for v in self.game.vars if not v.scope and hasattr(state, spelled(v.name))}
        for d in node.scope:
            rows = getattr(state, attribute(d.over), None)
            if rows is not None:
                found |= {spelled(n): t[:most] for n, t in zip(d.names, rows, strict=False)}
                found["rng"] = fixed_noise(self.module, len(rows[0][:most]), state.device)
        return found

    # -------------------------------------------------------------- the state

    def _weights(self, state: State) -> Iterator[tuple[str, Tensor]]:
        for name, player in self.module.players(state).items():
            if isinstance(player, nn.Module):
                # As they stand in the state: of several copies a player is one, and a network of its own.
                yield from ((f"{name}:{k}", t) for k, t in getattr(state, spelled(name)).named_parameters())

    def _chosen(self, state: State) -> dict[str, Tensor]:
        """Every tensor that a player chose: weights, and variables that are attributes of the state."""
        names = [v.name for v in self.game.vars if not v.scope and isinstance(getattr(state, spelled(v.name), None), Tensor)]
        return dict(self._weights(state)) | {name: getattr(state, spelled(name)) for name in names}

    def _push(self, state: State, name: str, by: Tensor) -> None:
        if ":" not in name:
            setattr(state, spelled(name), getattr(state, spelled(name)) + by)
            return
        with torch.no_grad():
            dict(self._weights(state))[name].add_(by)

    def _look(self, state: State) -> None:
        """The same draws at every look."""
        if hasattr(state, "rng_measure"):
            state.rng_measure = type(state.rng_measure)(torch.Generator(state.device).manual_seed(0))

    def copied(self, state: State) -> State:
        """Another state with the same numbers, that may change; data are shared."""
        return copy.deepcopy(state, {id(t): t for t, _ in self.start.tensors.values()})

    def say(self, code: str, message: str, at: str, label: str, hint: str) -> None:
        """Warn, the first time."""
        place = self.place(at) or Span(self.file, 0, 0)
        self.said.setdefault(f"{code} {at}", Diagnostic(code, message, Label(place, label), hint=hint))


def _short(metric: Callable[..., Any], **options: int) -> dict[str, int]:
    """Options of a quick look, those that a metric takes."""
    known = inspect.signature(metric).parameters
    return {k: v for k, v in {**options, "restarts": 1}.items() if k in known}


@contextmanager
def _patched(module: Any, values: Mapping[str, Any]) -> Iterator[None]:  # noqa: ANN401  # an emitted program; until 2027-11
    """Inside, other values stand for names of a module."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
