"""Data and distributions as Python: how each source is read or drawn, and how its next batch comes."""

from __future__ import annotations

import os

from gamespec.check.constant import column_names, of_table, plain_use
from gamespec.emit.noise import ahead, brought, drawn, keys, moves
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import attribute
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Word
from gamespec.ir.types import Field
from gamespec.ir.walk import walk
from gamespec.library.data.files import data_file
from gamespec.library.registry import words
from gamespec.plan.ops import flat

FIRST_ORDER = 4
"""Number of the random stream that shuffles the first source; the others follow."""


def quoted(value: object) -> str:
    """A plain value as Python text, strings in double quotes."""
    return f'"{value}"' if isinstance(value, str) and value.isprintable() and not {'"', "\\"} & {*value} else repr(value)


def arguments(use: ir.Use) -> str:
    """The arguments of a library word as Python text, strings in double quotes; a file that lies beside the game by its full path."""
    args, options = plain_use(use)
    if use.word in words("data"):
        args, options, _ = of_table(use)
    for key in ("path", "labels") if use.word in words("data") else ():
        if isinstance(options.get(key), str):
            options[key] = _found(str(options[key]))
    return ", ".join([*map(quoted, args), *(f"{k}={quoted(v)}" for k, v in options.items())])


def _found(path: str) -> str:
    """A file as written where it is found from the folder that one runs in, else where it was found."""
    try:
        place = data_file(path)
    except (OSError, ValueError):
        return path
    return path if os.path.exists(path) and os.path.samefile(path, place) else os.path.abspath(place)


def data_functions(scene: Scene, text: Text) -> None:
    """Write, for every source, how it is read or drawn, and how its next batch comes."""
    played = {d for op in flat(scene.plan.body) for d in getattr(op, "data", ())}
    for data in scene.game.data:
        name = attribute(data.name)
        entry = words("data").get(data.source.word)
        span = scene.spans.get(f"data:{data.name}")
        if data.source.word == "iid":
            _sets(scene, data, text)
            continue
        if entry is not None and entry.load is None:
            _stream(scene, data, text)
            continue
        if entry is not None:
            scene.reached.add(entry.load.__name__)
            text.define(f"read_{name}", "", f"The table of `{data.name}`: its columns by name.", span)
            text.add(f"    return {entry.load.__name__}({arguments(data.source)})", span=span)
        if data.name in played:
            shapes = ", ".join(f"{f.name} [{', '.join(['n', *map(str, f.type.shape)])}]" for f in data.fields)
            text.define(f"batch_{name}", "s", f"The next minibatch of `{data.name}`: {shapes}.", span)
            text.add(f"    rows = s.order_{name}.next()")
            _batch(scene, data, text)
        if _sampled(scene, data.name):
            text.define(f"draw_{name}", "s, n, rng", f"n rows of `{data.name}`, drawn with replacement.", span)
            text.add(f"    return s.{name}[0][rng.whole((n,), len(s.{name}[0]))]")
    for dist in scene.game.dists:
        _dist(scene, dist, text)
    early = ahead(scene)
    for draw in drawn(scene):
        if (ends := early.get(draw.names[0])) is not None:
            text.define(f"batch_{ends}", "s, n", f"The next n samples of `{draw.over}`.")
            text.add(f"    return (s.next_{ends}.take(n, lambda n, rng: draw_{attribute(draw.over)}(s, n, rng)),)")


def _batch(scene: Scene, data: ir.Data, text: Text) -> None:
    """The rows of a minibatch, its images moved where that was asked for."""
    name, moved = attribute(data.name), moves(data)
    many = data.name in brought(scene)
    if moved or many:
        text.add(f"    visits = s.order_{name}.visits().to(s.device)")
    if not moved:
        text.add(f"    return {f'*(t[rows] for t in s.{name}), visits' if many else f'tuple(t[rows] for t in s.{name})'}")
        return
    scene.reached.update({"moved_images", "Noise"})
    text.add(f"    drawn, rng = [t[rows] for t in s.{name}], Noise(s.key_{keys(scene)[f'data:{data.name}']}, visits)")
    for k, f in enumerate(data.fields):
        if len(f.type.shape) == 3:
            settings = f"pad={moved.get('pad', 0)}, flip={moved.get('flip', False)}, fill={_darkest(f)!r}"
            text.add(f"    drawn[{k}] = moved_images(drawn[{k}], rng, {settings})")
    text.add(f"    return {'*drawn, visits' if many else 'tuple(drawn)'}")


def _darkest(field: Field) -> float:
    """What comes in at the edge of an image: 0, or the value next to it in the declared range."""
    lo, hi = (None, None) if field.range is None else (field.range.lo, field.range.hi)
    return float(lo) if lo is not None and lo > 0 else float(hi) if hi is not None and hi < 0 else 0.0


def _measured(scene: Scene) -> list[Expr]:
    """Every expression inside a metric or an expectation."""
    return [e for whole in (*(m.value for m in scene.game.metrics), *(x.condition for x in scene.game.expects)) for e in walk(whole)]


def _sampled(scene: Scene, name: str) -> bool:
    return any(isinstance(e, Call) and e.fn == "sample" and Word(value=name) in e.args for e in _measured(scene))


def _undeclared(scene: Scene, data: ir.Data) -> bool:
    """Whether a metric reads a column of this source that no field declares."""
    columns = [[a.value for a in e.args if isinstance(a, Word)] for e in _measured(scene) if isinstance(e, Call) and e.fn == "column"]
    return any(name == data.name and column not in {f.name for f in data.fields} for name, column in columns)


def _sets(scene: Scene, data: ir.Data, text: Text) -> None:
    """Sets of rows of another source; as many as make up a minibatch."""
    (of, size), _ = plain_use(data.source)
    table, name = f"s.{attribute(str(of))}", attribute(data.name)
    scene.reached.update({"Noise", "counted"})
    text.define(f"batch_{attribute(data.name)}", "s", f"Sets of {size} rows of `{of}`, drawn independently; BATCH rows in all, one set at least.")
    text.add(
        f"    visits = counted(max(1, (BATCH or len({table}[0])) // {size}), s.came_{name})",
        f"    rows = Noise(s.key_{keys(scene)[f'data:{data.name}']}, visits).whole((len(visits), {size}), len({table}[0]))",
        f"    return {f'*(t[rows] for t in {table}), visits' if data.name in brought(scene) else f'tuple(t[rows] for t in {table})'}",
    )


def _stream(scene: Scene, data: ir.Data, text: Text) -> None:
    entry = words("data")[data.source.word]
    scene.reached.add(entry.draw.__name__)
    name, args, span = attribute(data.name), arguments(data.source), scene.spans.get(f"data:{data.name}")
    shape = ", ".join(["n", *map(str, data.fields[0].type.shape)])
    text.define(f"draw_{name}", "s, n, rng", f"n fresh samples of `{data.name}`, [{shape}].", span)
    text.add(f"    return {entry.draw.__name__}(n, rng{', ' if args else ''}{args}).to(s.device, DTYPE)", span=span)
    text.define(f"batch_{name}", "s, n=BATCH", f"The next n samples of `{data.name}`.", span)
    if f"data:{data.name}" in ahead(scene):
        text.add(f"    return (s.next_{name}.take(n, lambda n, rng: draw_{name}(s, n, rng)),)")
        return
    scene.reached.update({"Noise", "counted"})
    text.add(
        f"    visits = counted(n, s.came_{name})",
        f"    x = draw_{name}(s, n, Noise(s.key_{keys(scene)[f'data:{data.name}']}, visits))",
        f"    return {'x, visits' if data.name in brought(scene) else '(x,)'}",
    )


def _dist(scene: Scene, dist: ir.Dist, text: Text) -> None:
    _, options = plain_use(dist.source)
    shape = "".join(f", {n}" for n in dist.type.shape)
    if dist.source.word == "py":
        scene.reached.add("noise_of_first")  # by which it is tried
        written = "".join(f", {key}={value!r}" for key, value in options.items())
        drawn = f"s.from_{attribute(dist.name)}(n, rng{written}).to(s.device, DTYPE)"
    elif dist.source.word == "Normal":
        mean, std = options.get("mean", 0), options.get("std", 1)
        drawn = f"rng.normal((n,{shape[1:]}), DTYPE)"
        drawn = drawn if (mean, std) == (0, 1) else f"{mean} + {std} * {drawn}"
    else:
        lo, hi = (float(str(options.get(key, usual))) for key, usual in (("lo", 0), ("hi", 1)))
        drawn = f"rng.uniform((n,{shape[1:]}), DTYPE)"
        drawn = drawn if (lo, hi) == (0, 1) else f"{lo!r} + {hi - lo!r} * {drawn}"
    text.define(f"draw_{attribute(dist.name)}", "s, n, rng", f"n samples of `{dist.name}`, [n{shape}].")
    text.add(f"    return {drawn}")


def start_data(scene: Scene, d: ir.Data, number: int, text: Text) -> None:
    """Read a table, or take the caller's; shuffle it where batches of it are asked for."""
    name = attribute(d.name)
    entry = words("data").get(d.source.word)
    span = scene.spans.get(f"data:{d.name}")
    if d.source.word == "iid" or (entry is not None and entry.load is None):
        return
    if entry is None:
        text.add(f'    s.{name} = tuple(t.to(device) for t in data["{d.name}"])', span=span)
    else:
        text.add(f"    table = read_{name}()", span=span)
        if _undeclared(scene, d):
            text.add(f"    s.{name}_table = {{key: t.to(device) for key, t in table.items()}}")
        columns = _columns(d)
        text.add(f"    s.{name} = ({', '.join(columns)}{',' if len(columns) == 1 else ''})", span=span)
        text.add(f'    if "{d.name}" in data:', f'        s.{name} = tuple(t.to(device) for t in data["{d.name}"])')
    if any(d.name in getattr(op, "data", ()) for op in flat(scene.plan.body)):
        scene.reached.add("Sampler")
        text.add(f'    s.order_{name} = Sampler(len(s.{name}[0]), BATCH, stream(seed, {FIRST_ORDER + number}, "cpu"))')


def _columns(d: ir.Data) -> list[str]:
    """The fields of a source as columns of its table, on the device, in the shape that was declared."""
    found = []
    for f, key in zip(d.fields, column_names(d.source, d.fields), strict=True):
        if f.type.kind in ("class", "index", "bool"):
            found.append(f'table["{key}"].to(device)')
        else:
            shape = ", ".join([*([f'len(table["{key}"])'] if d.grouped else []), "-1", *map(str, f.type.shape)])
            found.append(f'table["{key}"].reshape({shape}).to(device, DTYPE)')
    return found
