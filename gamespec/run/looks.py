"""What is looked at once, before the first step: each network on its own, and each answer to a sample."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gamespec.emit.spell import attribute, spelled
from gamespec.ir.expr import Num, Ref

if TYPE_CHECKING:
    from gamespec.ir.game import Game, Net, Node, Part
    from gamespec.run.contract import Emitted, State

Found = tuple[str, str, str, str, str]
"""Code, message, place in the game, label, hint."""

ROWS = 64

OUTSIDE = 1e-5
"""What rounding may put an answer outside of its set, as a share of the radius or of the range."""

WORSE = 1e-3
"""What an answer may be worse than none, as a share of the objective: rounding and kinks alone are below."""


def looks(game: Game, module: Emitted, state: State, names: Callable[[Node], Mapping[str, Any]]) -> Iterator[Found]:
    """What is wrong, on a copy of the state that may change. `names` gives what the functions of a player take.

    Cost: two passes of each network over a few rows, and one answer of each player to them.
    """
    for net in game.nets:
        yield from _alone(game, module, state, net)
    for node in game.nodes:
        if node.scope and node.choice is None and len(node.owns) == 1:
            yield from _answer(game, module, state, node, names(node))


# ------------------------------------------------------------------ networks


def _alone(game: Game, module: Emitted, state: State, net: Net) -> Iterator[Found]:
    """Probabilities that are declared as logits, and networks that give two values for one sample."""
    h = {**module.players(state)}.get(net.name, getattr(state, spelled(net.name), None))
    rows = _rows(game, state, net)
    if not isinstance(h, nn.Module) or rows is None:
        return
    trained = h.training
    h.eval()
    with torch.no_grad():
        one, two = h(rows), h(rows)
    h.train(trained)
    off = float((one - two).abs().max())
    if off > 1e-5 * (1 + float(one.abs().max())):
        yield ("GW722", f"`{net.name}` is random when it is measured", f"net:{net.name}", f"two looks at the same samples differ by {off:.3g}",
               "a metric is one draw of it: make it draw in `train` mode alone, or read several runs")  # fmt: skip
    # Log-probabilities may pass: the softmax of them is what they mean.
    if net.output.kind == "logits" and float(one.min()) >= 0 and float((one.sum(-1) - 1).abs().max()) < 1e-4:
        yield ("GW719", f"`{net.name}` gives probabilities where logits are declared", f"net:{net.name}",
               "they are positive and add up to 1, and `ce` takes a softmax of them once more", "drop the softmax at its end")  # fmt: skip


def _rows(game: Game, state: State, net: Net) -> Tensor | None:
    """Some samples that a network of one input can take; None where no table has such."""
    for data in game.data:
        for field, column in zip(data.fields, getattr(state, attribute(data.name), ()), strict=False):
            if (field.type,) == net.inputs and column.is_floating_point() and "." not in field.name:
                return column[:ROWS]
    return None


# ------------------------------------------------------------------ answers


def _answer(game: Game, module: Emitted, state: State, node: Node, known: Mapping[str, Any]) -> Iterator[Found]:
    """One answer to some rows: it leaves networks as they are, lies in its set, and is no worse than none."""
    label = f"{node.id.split('/')[0][1:]}_{node.owns[0]}" if node.id.startswith("@") else node.label or node.owns[0]
    respond, judge = (getattr(module, f"{what}_{label}", None) for what in ("respond", "objective"))
    given = None if respond is None else bound(respond, known)
    if respond is None or given is None:
        return
    name, at = node.owns[0], f"node:{node.id}"
    nets = {n.name: h for n in game.nets if isinstance(h := getattr(state, spelled(n.name), None), nn.Module)}
    for h in nets.values():
        h.eval()  # as a step has them while samples are answered
    before = {key: value.clone() for key, value in _kept(nets)}
    answer = respond(**given)
    answer = (answer[0] if isinstance(answer, tuple) else answer).detach()  # multipliers may come with it
    changed = next((key for key, value in _kept(nets) if not torch.equal(value, before[key])), None)
    if changed is not None:
        yield ("GW717", f"the answer `{name}` changes a network", at, f"`{changed}` is another after it",
               "look for running statistics and modes that its search leaves changed")  # fmt: skip
    var = next(v for v in game.vars if v.name == name)
    parts = var.set.parts if var.set is not None else ()
    out = [by for part in parts if (by := _outside(module, part, answer, known)) is not None]
    if any(by > OUTSIDE for by in out):
        yield ("GW718", f"the answer `{name}` leaves its set", at, f"by {max(out):.3g} of its size, measured again",
               "project every step of its search")  # fmt: skip
    judged = None if judge is None else bound(judge, {**known, spelled(name): answer})
    if judge is not None and judged is not None and len(out) == len(parts) > 0:
        with torch.no_grad():
            found, idle = (float(judge(**{**judged, spelled(name): z}).mean()) for z in (answer, torch.zeros_like(answer)))
        if (found - idle) * (1 if node.sense == "min" else -1) > WORSE * (1 + abs(idle)):
            yield ("GW721", f"the answer `{name}` is worse than none", at, f"its objective is {found:.4g}, and {idle:.4g} without it",
                   "try a smaller rate or more steps; a search that goes the wrong way looks like this")  # fmt: skip


def _kept(nets: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """What a search must leave as it is: buffers, and whether each layer is in train mode."""
    for name, h in nets.items():
        yield from ((f"{name}.{key}", b) for key, b in h.named_buffers())
        yield f"the mode of {name}", torch.tensor([m.training for m in h.modules()])


def _outside(module: Emitted, part: Part, answer: Tensor, known: Mapping[str, Any]) -> float | None:
    """How far answers leave a ball or a range, as a share of its size; None for other sets."""
    ends = [_number(module, a) for a in part.args]
    if part.word in ("Linf", "L2") and part.shift is None and len(ends) == 1 and ends[0]:
        flat = answer.flatten(1).double()
        size = flat.abs().amax(1) if part.word == "Linf" else flat.norm(dim=1)
        return float(size.max()) / ends[0] - 1
    if part.word == "Box" and isinstance(part.shift, Ref) and part.shift.name in known and len(ends) == 2:
        lo, hi = ends
        if lo is not None and hi is not None:
            moved = (known[part.shift.name] + answer).double()
            return max(lo - float(moved.min()), float(moved.max()) - hi) / (hi - lo)
    return None


def _number(module: Emitted, arg: object) -> float | None:
    if isinstance(arg, Num):
        return float(arg.value)
    value = getattr(module, spelled(arg.name), None) if isinstance(arg, Ref) else None
    return float(value) if isinstance(value, int | float) else None


def bound(function: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a function by name; None where one that it needs is not known."""
    found = {}
    for name, p in inspect.signature(function).parameters.items():
        if name in known:
            found[name] = known[name]
        elif p.default is p.empty:
            return None
    return found
