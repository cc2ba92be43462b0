"""The state of a program as Python: networks, variables, step rules, random streams; saving and restoring it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from gamespec.emit import sets
from gamespec.emit.data import arguments, quoted, start_data
from gamespec.emit.functions import writer
from gamespec.emit.metrics import chosen
from gamespec.emit.noise import ahead, counters, keys, measured_by_chance, stream_number
from gamespec.emit.piece import constant_text, exact
from gamespec.emit.points import kept, seen
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import attribute, spelled
from gamespec.emit.warm import start_warm
from gamespec.ir import game as ir
from gamespec.ir.expr import Array, Expr, Word
from gamespec.library.registry import words
from gamespec.plan.ops import NOW
from gamespec.plan.response import Penalty
from gamespec.solvers.base import plain_steps


def start_function(scene: Scene, text: Text, memory: Mapping[str, tuple[int, ...]] | None = None) -> None:
    """Write `start`: everything as it is before the first step.

    `memory`: what rules remember as plain numbers, by its name, with its shape; None where rules are objects.
    """
    game = scene.game
    text.add("", "", "class State:", '    """Everything that changes while the game is played, and what it is played with."""')
    text.define(
        "start",
        'seed=SEED, device="cpu", nets=None, data=None',
        "The state before the first step; `nets` and `data` replace those named in the game.",
    )
    if any(n.source is None or n.name in scene.given for n in game.nets):
        text.add("    nets = nets or {}")
    foreign = [d.name for d in game.dists if d.source.word == "py"]
    if game.data or foreign:
        text.add("    data = data or {}")
    text.add("    s = State()", "    s.k, s.seed, s.device = 0, seed, device")
    text.add("    s.rng_start = stream(seed, 0, device)")
    if measured_by_chance(scene):
        scene.reached.add("Drawn")
        text.add("    s.rng_measure = Drawn(stream(seed, 2, device))")
    names, counts, early = keys(scene), counters(scene), ahead(scene)
    if names:
        scene.reached.add("stream_key")
    scene.reached.update(["Ahead"] if early else [])
    for of, name in names.items():
        key = f"stream_key(seed, {stream_number(scene, of)}, device)"
        text.add(f"    s.next_{early[of]} = Ahead({key})" if of in early else f"    s.key_{name} = {key}")
    text.add(*(f"    s.came_{name} = torch.zeros((), dtype=torch.int64, device=device)" for name in counts))
    text.add(*(f'    s.from_{attribute(name)} = data["{name}"]' for name in foreign))
    for k, d in enumerate(game.data):
        start_data(scene, d, k, text)
    for n in game.nets:
        _start_net(scene, n, text)
        text.add(*(f"    {line}" for line in scene.keeping(n)))
    for p in scene.arrays:
        text.add(f"    s.{spelled(p.name)} = torch.tensor({constant_text(p.value)}, dtype=DTYPE, device=device)")
    for v in game.vars:
        if not v.scope:
            _start_var(scene, v, text)
    start_warm(scene, text)
    _start_rules(scene, text, memory)
    _start_kept(scene, text)
    text.add(*(["    s.answered = False"] if scene.plan.answer != NOW else []), "    return s")


def _start_rules(scene: Scene, text: Text, memory: Mapping[str, tuple[int, ...]] | None) -> None:
    """What the step rules, and prices that change, remember."""
    for name, shape in (memory or {}).items():
        text.add(f"    s.{name} = torch.zeros({shape!r}, device=device, dtype=DTYPE)")
    for name, rule in scene.plan.rules:
        net, var = scene.net(name), scene.var(name)
        if net is None and (var is None or var.scope or plain_steps(rule) or rule.word == "sign" or memory is not None):
            continue
        entry = words("rules")[rule.word]
        scene.reached.add(entry.build.__name__)
        target = scene.weights(net, "s.") if net is not None else f"[s.{spelled(name)}]"
        defaults = {o.name: o.default for o in entry.options}
        options = "".join(f", {k}={quoted(v)}" for k, v in rule.options if k in defaults and (k == "lr" or v != defaults[k]))
        text.add(f"    s.rule_{spelled(name)} = {entry.build.__name__}({target}{options})")
    for follower, how in {f: r for _, through in scene.plan.residual for f, r in through}.items():
        if isinstance(how, Penalty) and not how.steady:
            _start_price(scene, follower, how, text)


def _start_kept(scene: Scene, text: Text) -> None:
    """Points and gradients that outlive a step."""
    for name, (owned, gradient) in kept(scene).items():
        net = scene.net(owned)
        many = "" if net is None else scene.weights(net, "s.")
        scene.reached.update({"copied"} if many and not gradient else set())
        if gradient:
            value = f"[torch.zeros_like(p, requires_grad=False) for p in {many}]" if many else f"torch.zeros_like(s.{spelled(owned)})"
        else:
            value = f"copied({many})" if many else f"s.{spelled(owned)}.clone()"
        text.add(f"    s.{name} = {value}")


def _start_price(scene: Scene, follower: str, how: Penalty, text: Text) -> None:
    """What a follower's slope costs its leader, where that changes with the run."""
    scene.reached.add("Price")
    owns = scene.game.node(follower).owns
    owned = [f"s.{spelled(o)}" if (net := scene.net(o)) is None else f"*{scene.weights(net, 's.')}" for o in owns]
    when = "math.inf" if math.isinf(how.when) else repr(how.when)
    text.add(f"    s.rule_{spelled(owns[0])}_price = Price([{', '.join(owned)}], {how.gamma!r}, {how.growth!r}, {when}, {how.multiplier})")


def _start_net(scene: Scene, n: ir.Net, text: Text) -> None:
    name, span = spelled(n.name), scene.spans.get(f"net:{n.name}")
    if n.source is None or n.name in scene.given:
        text.add(f'    s.{name} = nets["{n.name}"].to(device)', span=span)
        return
    scene.reached.add("fresh")
    build = words("networks")[n.source.word].build
    scene.reached.add(build.__name__)
    shape = (n.output.size,) if n.output.kind == "logits" else n.output.shape
    call = ", ".join([repr(n.inputs[0].shape), repr(shape), *([arguments(n.source)] if n.source.args or n.source.options else [])])
    made, copies = f"fresh(lambda: {build.__name__}({call}), s.rng_start, device, DTYPE)", scene.beams.get(n.handle, 0)
    if copies:
        scene.reached.add("stacked")
        made = f"stacked(lambda: {made}, {copies})"
    text.add(f"    s.{name} = {made}", span=span)


def _start_var(scene: Scene, v: ir.Var, text: Text) -> None:
    """Inside its set from the start; the candidates of a beam stand apart, the first where the author put the variable."""
    write, copies = writer(scene), scene.beams.get(v.name, 0)
    shape = scene.shape(v, str(copies) if copies else "")
    init = v.init
    if copies or (isinstance(init, Word) and init.value == "uniform"):
        value = sets.draw(v.set, shape, "s.rng_start", write, rows=bool(copies))
    elif isinstance(init, Array) and init.items and isinstance(init.items[0], Word):  # normal(std)
        spread = constant_text(init.items[1])
        drawn = f"{spread} * torch.randn({shape}, generator=s.rng_start, device=device, dtype=DTYPE)"
        value = sets.projection(v.set, drawn, write, rows=False)
    else:
        value = _constant(v, init, shape, scene)
    span = scene.spans.get(f"var:{v.name}")
    text.add(f"    s.{spelled(v.name)} = {value}", span=span)
    if copies and init is not None and not (isinstance(init, Word) and init.value == "uniform"):
        text.add(f"    s.{spelled(v.name)}[0] = {_constant(v, init, scene.shape(v), scene)}", span=span)


def _constant(v: ir.Var, init: Expr | None, shape: str, scene: Scene) -> str:
    """A start that is written down, put into the set unless it is known to lie there."""
    text = None if init is None or isinstance(init, Word) else constant_text(init)
    options = "device=device, dtype=DTYPE"
    if init is None or text is None:
        values: list[Fraction | None] = [Fraction(0)]
        value = f"torch.zeros({shape}, {options})"
    elif isinstance(init, Array):
        values = [exact(e) for e in init.items]
        value = f"torch.tensor({text}, {options})"
    else:
        values = [exact(init)]
        value = f"torch.full({shape}, {text if set(text) & {*'.e'} else f'{text}.0'}, {options})"
    write = writer(scene)
    known = v.set is None or sets.inside(v.set, values, write)
    return value if known else sets.projection(v.set, value, write, rows=False)


def stored_functions(scene: Scene, text: Text) -> None:
    """Write `players`, `save` and `restore`."""
    game = scene.game
    owned = {o for n in scene.nodes for o in game.node(n).owns}
    nets = [n for n in game.nets if n.handle in owned or n.source is None]
    entries = [f'"{n.name}": {chosen(scene, n.handle)}' for n in nets] + [f'"{v.name}": {chosen(scene, v.name)}' for v in scene.shared]
    text.define("players", "s", "What every player chose: networks and variables by name.")
    seen(scene, text)
    text.add(f"    return {{{', '.join(entries)}}}")
    if scene.plan.answer != NOW:
        text.define("last", "s", "Where every player stood in the end, which is not its answer.")
        text.add(f"    return {{{', '.join(entries)}}}")
    names = [f"s.{spelled(n.name)}" for n in nets]
    weights = [f"*{n}.parameters(), *{n}.buffers()" for n in names]
    variables = [f"s.{spelled(v.name)}" for v in scene.shared]
    weights += [f"*s.{name}" for name, (owned, _) in kept(scene).items() if scene.var(owned) is None]
    variables += [f"s.{name}" for name, (owned, _) in kept(scene).items() if scene.var(owned) is not None]
    text.define("save", "s", f"A copy of what every player chose{', and of what is kept between steps' if kept(scene) else ''}.")
    text.add(f"    return [t.detach().clone() for t in [{', '.join([*weights, *variables])}]]")
    text.define("restore", "s, saved", "Put a saved copy back.")
    if weights:
        text.add(
            f"    weights = [{', '.join(weights)}]",
            "    with torch.no_grad():",
            "        for t, kept in zip(weights, saved, strict=False):",
            "            t.copy_(kept)",
        )
    if variables:
        rest = "saved" if not weights else "saved[len(weights):]"
        text.add(f"    {', '.join(variables)}{',' if len(variables) == 1 else ''} = (t.clone() for t in {rest})")
