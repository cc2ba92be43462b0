"""The state of a program as Python: data, networks, variables, step rules, random streams; saving and restoring it."""

from __future__ import annotations

from gamespec.check.constant import plain, plain_use
from gamespec.emit import sets
from gamespec.emit.expr import attribute, constant_text, spelled
from gamespec.emit.functions import Scene, Text
from gamespec.emit.step import _plain
from gamespec.ir import game as ir
from gamespec.ir.expr import Array, Call, Num, Word
from gamespec.ir.walk import walk
from gamespec.library.registry import words
from gamespec.solvers.setup import rows_of


def literal(value: object) -> str:
    """A plain value as Python text."""
    return repr(value)


def arguments(use: ir.Use) -> str:
    """The arguments of a library word as Python text."""
    args, options = plain_use(use)
    return ", ".join([*map(literal, args), *(f"{k}={literal(v)}" for k, v in options.items())])


def columns_used(scene: Scene) -> set[str]:
    """The data sources of which a metric reads a column that no field declares."""
    found = set()
    exprs = [m.value for m in scene.game.metrics] + [e.condition for e in scene.game.expects]
    for expr in exprs:
        for e in walk(expr):
            if isinstance(e, Call) and e.fn == "column":
                data, column = (a.value for a in e.args if isinstance(a, Word))
                source = next(d for d in scene.game.data if d.name == data)
                if column not in {f.name for f in source.fields}:
                    found.add(data)
    return found


def data_functions(scene: Scene, text: Text) -> None:
    """Write, for every source, how it is read or drawn, and how its next batch comes."""
    for data in scene.game.data:
        name = attribute(data.name)
        entry = words("data").get(data.source.word)
        if entry is not None and entry.draw is not None and entry.load is None:
            _stream(scene, data, text)
            continue
        if entry is not None and entry.load is not None:
            scene.reached.add(entry.load.__name__)
            text.add("", "", f"def read_{name}():", f'    """The table of `{data.name}`: its columns by name."""')
            text.add(f"    return {entry.load.__name__}({arguments(data.source)})", span=scene.spans.get(f"data:{data.name}"))
        text.add(
            "", "", f"def batch_{name}(s):", f'    """The next minibatch of `{data.name}`: {", ".join(_shape(f) for f in data.fields)}."""',
            f"    rows = s.order_{name}.next()",
            f"    return {'tuple(t[rows] for t in s.' + name + ')'}",
        )  # fmt: skip
        if _sampled(scene, data.name):
            text.add(
                "", "", f"def draw_{name}(s, n, rng):", f'    """n rows of `{data.name}`, drawn with replacement."""',
                f"    return s.{name}[0][torch.randint(len(s.{name}[0]), (n,), generator=rng, device=rng.device)]",
            )  # fmt: skip
    for dist in scene.game.dists:
        _dist(dist, text)


def _sampled(scene: Scene, name: str) -> bool:
    return any(isinstance(e, Call) and e.fn == "sample" and Word(value=name) in e.args for m in scene.game.metrics for e in walk(m.value))


def _shape(field: ir.Field) -> str:
    return f"{field.name} {['rows', *field.type.shape] if field.type.shape else '[rows]'}".replace("'", "")


def _stream(scene: Scene, data: ir.Data, text: Text) -> None:
    entry = words("data")[data.source.word]
    scene.reached.add(entry.draw.__name__)
    name = attribute(data.name)
    args = arguments(data.source)
    text.add(
        "", "", f"def draw_{name}(s, n, rng):", f'    """n fresh samples of `{data.name}`."""',
        f"    return {entry.draw.__name__}(n, rng{', ' if args else ''}{args}).to(s.device, DTYPE)",
        "", "", f"def batch_{name}(s):", f'    """The next minibatch of `{data.name}`."""',
        f"    return (draw_{name}(s, BATCH, s.rng_data),)",
    )  # fmt: skip


def _dist(dist: ir.Dist, text: Text) -> None:
    _, options = plain_use(dist.source)
    shape = "".join(f", {n}" for n in dist.type.shape)
    if dist.source.word == "Normal":
        mean, std = options.get("mean", 0), options.get("std", 1)
        drawn = f"torch.randn(n{shape}, generator=rng, device=s.device, dtype=DTYPE)"
        drawn = drawn if (mean, std) == (0, 1) else f"{mean} + {std} * {drawn}"
    else:
        lo, hi = options.get("lo", 0), options.get("hi", 1)
        drawn = f"{lo} + {float(hi) - float(lo)!r} * torch.rand(n{shape}, generator=rng, device=s.device, dtype=DTYPE)"  # type: ignore[arg-type]
    text.add("", "", f"def draw_{attribute(dist.name)}(s, n, rng):", f'    """n samples of `{dist.name}`."""', f"    return {drawn}")


def start_function(scene: Scene, text: Text) -> None:
    """Write `start`: everything as it is before the first step."""
    game = scene.game
    text.add(
        "", "", "class State:", '    """Everything that changes while the game is played, and what it is played with."""',
        "", "", "def start(seed=SEED, device=\"cpu\", nets=None, data=None):",
        '    """The state before the first step; `nets` and `data` replace those named in the game."""',
        "    s = State()",
        "    s.k, s.seed, s.device = 0, seed, device",
        "    s.rng_start, s.rng_noise, s.rng_measure = (stream(seed, k, device) for k in range(3))",
        "    s.rng_data = stream(seed, 3, device)",
    )  # fmt: skip
    for d in game.data:
        _start_data(scene, d, text)
    for n in game.nets:
        _start_net(scene, n, text)
    for p in game.params:
        if isinstance(p.value, Array):
            text.add(f"    s.{spelled(p.name)} = torch.tensor({constant_text(p.value)}, dtype=DTYPE, device=device)")
    for v in game.vars:
        if not v.scope:
            _start_var(scene, v, text)
    for name, rule in scene.plan.rules:
        var = scene.var(name)
        if rule.word == "sign" or (var is not None and (_plain(rule) or var.scope)):
            continue
        entry = words("rules")[rule.word]
        scene.reached.add(entry.build.__name__)
        net = scene.net(name)
        target = f"list(s.{spelled(net.name)}.parameters())" if net is not None else f"[s.{spelled(name)}]"
        allowed = {o.name for o in entry.options}
        options = ", ".join(f"{k}={v!r}" for k, v in rule.options if k in allowed)
        text.add(f"    s.rule_{spelled(name)} = {entry.build.__name__}({target}, {options})")
    text.add("    return s")


def _start_data(scene: Scene, d: ir.Data, text: Text) -> None:
    name = attribute(d.name)
    entry = words("data").get(d.source.word)
    if entry is not None and entry.load is None:
        return
    if entry is None:
        text.add(f"    s.{name} = tuple(t.to(device) for t in data[{d.name!r}])")
    else:
        _, options = plain_use(d.source)
        targets = list(options.get("targets") or ("y",))  # type: ignore[call-overload]  # a tuple of words; until 2027-11
        columns = []
        for f in d.fields:
            key = "i" if f.type.kind == "index" else (targets.pop(0) if targets else "y") if f.type.kind == "class" else "x"
            shape = f".reshape(-1{''.join(f', {n}' for n in f.type.shape)})" if f.type.kind not in ("class", "index") else ""
            to = ".to(device, DTYPE)" if f.type.kind not in ("class", "index") else ".to(device)"
            columns.append(f'table["{key}"]{shape}{to}')
        text.add(f"    table = read_{name}()")
        if d.name in columns_used(scene):
            text.add(f"    s.{name}_table = {{key: t.to(device) for key, t in table.items()}}")
        comma = "," if len(columns) == 1 else ""
        text.add(f"    s.{name} = ({', '.join(columns)}{comma})")
        text.add(f"    if data and {d.name!r} in data:", f"        s.{name} = tuple(t.to(device) for t in data[{d.name!r}])")
    text.add(f"    s.order_{name} = Sampler(len(s.{name}[0]), BATCH, stream(seed, {4 + _index(scene.game, d.name)}, \"cpu\"))")
    scene.reached.add("Sampler")


def _index(game: ir.Game, name: str) -> int:
    return [d.name for d in game.data].index(name)


def _start_net(scene: Scene, n: ir.Net, text: Text) -> None:
    name = spelled(n.name)
    if n.source is None or n.name in scene.given:
        text.add(f"    s.{name} = nets[{n.name!r}].to(device)")
        return
    scene.reached.add("fresh")
    build = words("networks")[n.source.word].build
    scene.reached.add(build.__name__)
    target = (n.output.size,) if n.output.kind == "logits" else n.output.shape
    args = arguments(n.source)
    call = f"{build.__name__}({n.inputs[0].shape!r}, {target!r}{', ' if args else ''}{args})"
    text.add(f"    s.{name} = fresh(lambda: {call}, s.rng_start, device, DTYPE)", span=scene.spans.get(f"net:{n.name}"))


def _start_var(scene: Scene, v: ir.Var, text: Text) -> None:
    writer = scene.writer()
    copies = scene.beams.get(v.name, 0)
    shape = (*((copies,) if copies else ()), *v.type.shape)
    dims = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    init = v.init
    if init is None and not copies:
        value = sets.projection(v.set, f"torch.zeros({dims}, device=device, dtype=DTYPE)", writer, rows=False)
    elif isinstance(init, Num) and not copies:
        value = f"torch.full({dims}, {float(init.value)!r}, device=device, dtype=DTYPE)"
    elif isinstance(init, Array) and init.items and isinstance(init.items[0], Word):
        value = sets.projection(v.set, f"{plain(init.items[1])} * torch.randn({dims}, generator=s.rng_start, device=device, dtype=DTYPE)", writer, rows=False)
    elif isinstance(init, Array):
        value = f"torch.tensor({constant_text(init)}, device=device, dtype=DTYPE)"
        value = f"{value}.expand({dims}).clone()" if copies else value
    elif isinstance(init, Word) and init.value == "zeros" and not copies:
        value = f"torch.zeros({dims}, device=device, dtype=DTYPE)"
    else:  # candidates of a beam start apart from each other
        value = sets.draw(v.set, dims, "s.rng_start", writer, rows=bool(copies))
    text.add(f"    s.{spelled(v.name)} = {value}", span=scene.spans.get(f"var:{v.name}"))


def stored_functions(scene: Scene, text: Text) -> None:
    """Write `players`, `save` and `restore`."""
    game = scene.game
    owned = {o for n in scene.nodes for o in game.node(n).owns}
    nets = [spelled(n.name) for n in game.nets if n.handle in owned or n.source is None]
    shared = [v for v in game.vars if not v.scope and v.name in owned]
    entries = [f'"{n}": s.{n}' for n in nets]
    for v in shared:
        entries.append(f'"{v.name}": best_{spelled(v.name)}(s)' if v.name in scene.beams else f'"{v.name}": s.{spelled(v.name)}')
    text.add("", "", "def players(s):", '    """What every player chose: networks and variables by name."""', f"    return {{{', '.join(entries)}}}")
    saves = [f"*s.{n}.parameters(), *s.{n}.buffers()" for n in nets] + [f"s.{spelled(v.name)}" for v in shared]
    text.add("", "", "def save(s):", '    """A copy of what every player chose."""', f"    return [t.detach().clone() for t in ({', '.join(saves)},)]")
    text.add("", "", "def restore(s, saved):", '    """Put a saved copy back."""', "    saved = list(saved)")
    for n in nets:
        text.add(f"    for t in (*s.{n}.parameters(), *s.{n}.buffers()):", "        t.data.copy_(saved.pop(0))")
    for v in shared:
        text.add(f"    s.{spelled(v.name)} = saved.pop(0)")


__all__ = ["arguments", "data_functions", "rows_of", "start_function", "stored_functions"]
