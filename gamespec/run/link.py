"""Join a program with what comes from outside: the device, the user's networks and data, checked against the spec."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gamespec.check.constant import plain_use
from gamespec.emit.spell import attribute
from gamespec.library.data.disk import rows_at_once
from gamespec.library.registry import words
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Span

if TYPE_CHECKING:
    from gamespec.ir.game import Data, Dist, Game, Net
    from gamespec.ir.types import Field, Type
    from gamespec.run.contract import Checked, Emitted, State

ROWS = 2_000_000
"""Rows of one data source that are held in memory."""


def span(checked: Checked, key: str) -> Span:
    """Where a part of the game was written; the start of the file where that is not known."""
    found = checked.spans.get(key)
    return found if isinstance(found, Span) else Span(checked.source.name, 0, 0)


def refusal(code: str, message: str, place: Span, label: str = "", notes: tuple[str, ...] = (), hint: str = "") -> GameError:
    """A GameError with one diagnostic."""
    return GameError((Diagnostic(code, message, Label(place, label), notes=notes, hint=hint),))


def device(checked: Checked, name: str) -> str:
    """The device to run on, if it is there."""
    start = Span(checked.source.name, 0, 0)
    try:
        wanted = torch.device(name)
    except RuntimeError:
        raise refusal("GE606", f"unknown device `{name}`", start, hint="use `--device cpu` or `--device cuda`") from None
    if wanted.type == "cuda" and (not torch.cuda.is_available() or (wanted.index or 0) >= torch.cuda.device_count()):
        seen = torch.cuda.device_count()
        note = f"torch {torch.__version__} sees {seen} GPU{'' if seen == 1 else 's'}"
        raise refusal("GE606", f"no device `{name}`", start, notes=(note,), hint="use `--device cpu`")
    if wanted.type not in ("cpu", "cuda"):
        raise refusal("GE606", f"programs do not run on `{name}`", start, hint="use `--device cpu` or `--device cuda`")
    return str(wanted)


def nets(checked: Checked, given: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The user's networks, each tried once on zeros of its declared input."""
    game = checked.game
    known(checked, "net", given, [net.name for net in game.nets])
    for net in game.nets:
        place = span(checked, f"net:{net.name}")
        if net.name in given:
            _try(net, given[net.name], place)
        elif net.source is None:
            raise refusal(
                "GE604",
                f"no network was given for `{net.name}`",
                place,
                "declared `= given`",
                hint=f'pass `nets={{"{net.name}": module}}` to `solve`',
            )
    return dict(given)


def data(checked: Checked, given: Mapping[str, object], rows: int = ROWS) -> dict[str, Any]:
    """The user's data as tensors in the order of the declared fields, checked against their types and ranges.

    A distribution of `py` is the function that draws from it.
    """
    game = checked.game
    foreign = [dist for dist in game.dists if dist.source.word == "py"]
    known(checked, "data", given, [*(d.name for d in game.data), *(d.name for d in foreign)])
    for source in game.data:
        if source.source.word == "given" and source.name not in given:
            raise refusal(
                "GE604",
                f"no data was given for `{source.name}`",
                span(checked, f"data:{source.name}"),
                "declared `= given`",
                hint=f'pass `data={{"{source.name}": tensors}}` to `solve`',
            )
    found: dict[str, Any] = {d.name: table(d, given[d.name], span(checked, f"data:{d.name}"), rows) for d in game.data if d.name in given}
    return found | {dist.name: _function(dist, given.get(dist.name), span(checked, f"dist:{dist.name}")) for dist in foreign}


def _function(dist: Dist, draw: object, place: Span) -> FunctionType:
    """The function behind a distribution, `draw(n, noise, **options)`.

    It remembers nothing: a run that goes on, and a batch of another size, would else see other samples.
    """
    if not isinstance(draw, FunctionType) or draw.__closure__:
        raise refusal("GE601", f"`{dist.name}` is drawn by a plain function", place, f"{type(draw).__name__} given",
                      hint="write `def name(n, noise): return noise.normal((n, 2))`, without a state of its own")  # fmt: skip
    return draw


def _tried(dist: Dist, module: Any, state: State, place: Span) -> None:  # noqa: ANN401  # of the program; until 2027-11
    """Draw a few samples twice: of the declared type, and the same for the same noise."""
    draw, options = getattr(state, f"from_{attribute(dist.name)}"), plain_use(dist.source)[1]
    try:
        found = [draw(4, module.noise_of_first(0, 0, 4, state.device), **options) for _ in range(2)]
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise refusal("GE601", f"`{dist.name}` cannot be drawn", place, "called with 4, noise and the options written here", (said,)) from error
    wanted = (4, *dist.type.shape)
    if not all(isinstance(t, Tensor) and tuple(t.shape) == wanted and bool(torch.isfinite(t).all()) for t in found):
        shown = list(found[0].shape) if isinstance(found[0], Tensor) else type(found[0]).__name__
        raise refusal("GE602", f"`{dist.name}` is not {dist.type}", place, f"4 samples gave {shown}, needed finite numbers {list(wanted)}")
    if not torch.equal(found[0], found[1]):
        raise refusal("GE602", f"`{dist.name}` draws from something else than its noise", place, "the same noise gave other samples",
                      hint="use `noise.normal(shape)`, `noise.uniform(shape)` and `noise.whole(shape, size)` alone")  # fmt: skip


def table(source: Data, given: object, place: Span, rows: int = ROWS) -> tuple[Tensor, ...]:
    """One data source as tensors, one row for each sample."""
    columns = _columns(source, given, place, rows)
    if len(columns) != len(source.fields):
        names = ", ".join(f"`{f.name}`" for f in source.fields)
        raise refusal("GE602", f"`{source.name}` has {len(columns)} columns, not {len(source.fields)}", place, f"needs {names}")
    lengths = {len(c) if c.dim() else 0 for c in columns}
    if len(lengths) > 1 or lengths == {0}:
        shown = ", ".join(f"`{f.name}` {len(c) if c.dim() else 0}" for f, c in zip(source.fields, columns, strict=True))
        raise refusal("GE602", f"the columns of `{source.name}` have no common length", place, f"rows: {shown}")
    return tuple(checked_column(source.name, f, c, place) for f, c in zip(source.fields, columns, strict=True))


def checked_column(name: str, field: Field, column: Tensor, place: Span) -> Tensor:
    """A column of the declared type; the message names the first row that is not."""
    title = f"`{field.name}` of `{name}` is not {field.type}"
    inner = _inner(field.type)
    rows = 2 if "." in field.name else 1  # of a set of tasks: tasks, and the rows of each
    if tuple(column.shape[rows:]) != inner or column.dim() < rows:
        raise refusal("GE602", title, place, f"row 0 has shape {list(column.shape[1:])}, needed {list(inner)}")
    whole = _whole(field)
    if whole and column.is_floating_point():
        raise refusal(
            "GE602",
            title,
            place,
            f"row 0 is {column[0].tolist()!r}: a float, where whole numbers are needed",
            hint="convert it: `labels.long()`",
        )
    bad = _outside(field, column)
    if bool(bad.any()):
        row = int(bad.nonzero()[0])
        raise _leaves(name, field, column, row, f"row {row}", place)
    if field.type.kind == "bool":
        return column.bool()
    return column.long() if whole else column.to(torch.get_default_dtype())


def _outside(field: Field, column: Tensor) -> Tensor:
    """Which rows of a column leave its range, [n] bool."""
    bad = [torch.zeros(0, dtype=torch.bool)]
    for part in torch.split(column, rows_at_once(column)):
        flat = part.reshape(len(part), -1)
        bad.append(_wrong(field, flat).any(1).cpu())
    return torch.cat(bad)


def _wrong(field: Field, values: Tensor) -> Tensor:
    lo, hi = _range(field)
    # Data rounded to float32 from a bound itself is inside.
    slack = 0.0 if _whole(field) else 1e-6 * max(1.0, *(abs(b) for b in (lo, hi) if math.isfinite(b)), 0.0)
    return values.isnan() | (values < lo - slack) | (values > hi + slack)


def _leaves(name: str, field: Field, column: Tensor, row: int, shown: str, place: Span) -> GameError:
    """What is said of a row that holds a number outside; `shown` is the row in the reader's terms."""
    lo, hi = _range(field)
    flat = column[row].reshape(-1)
    value = float(flat[_wrong(field, flat)][0])
    needed = "a number" if math.isnan(value) else f"between {lo:g} and {hi:g}"
    pixels = (lo, hi) == (0.0, 1.0) and float(flat.min()) >= 0 and 1 < float(flat.max()) <= 255
    hint = "divide by 255" if pixels and not _whole(field) else ""
    title = f"`{field.name}` of `{name}` is not {field.type}" if _whole(field) else f"`{field.name}` of `{name}` leaves its declared range"
    return refusal("GE602", title, place, f"{shown} holds {value:g}, needed {needed}", hint=hint)


def inside(checked: Checked, module: Emitted, state: State, given: Collection[str]) -> None:
    """Compare what was read from files with the declared ranges; the first row outside is named as it stands in its file.

    Sources that ship with the package were compared when the game was checked, and what was `given` when it was linked.
    Distributions of `py` are drawn from.
    Error: GameError with GE602, GE601. Cost: one pass over the columns that have a range.
    """
    for dist in (d for d in checked.game.dists if d.source.word == "py"):
        _tried(dist, module, state, span(checked, f"dist:{dist.name}"))
    for source in checked.game.data:
        entry = words("data").get(source.source.word)
        if source.name in given or entry is None or entry.columns_of is None:
            continue
        name = attribute(source.name)
        for field, column in zip(source.fields, getattr(state, name), strict=True):
            if field.range is None or not bool((bad := _outside(field, column)).any()):
                continue
            places = getattr(module, f"read_{name}")()["row"]
            first = min(bad.nonzero()[:, 0].tolist(), key=lambda k: int(places[k]))
            raise _leaves(source.name, field, column, first, f"row {int(places[first])} of the file", span(checked, f"data:{source.name}"))


def _whole(field: Field) -> bool:
    return field.type.kind in ("class", "index", "bool", "tokens")


def _inner(type_: Type) -> tuple[int, ...]:
    """Shape of one row."""
    return (*type_.shape, type_.size) if type_.kind == "logits" else type_.shape


def _range(field: Field) -> tuple[float, float]:
    """The least and the greatest value of a column."""
    kind, infinite = field.type.kind, math.inf
    lo, hi = {"class": (0.0, field.type.size - 1.0), "prob": (0.0, 1.0), "bool": (0.0, 1.0)}.get(kind, (-infinite, infinite))
    if field.range is not None:
        lo = max(lo, float(field.range.lo)) if field.range.lo is not None else lo
        hi = min(hi, float(field.range.hi)) if field.range.hi is not None else hi
    return lo, hi


def _columns(source: Data, given: object, place: Span, rows: int) -> list[Tensor]:
    """The columns of whatever was given: tensors, a dict of them, a Dataset or a DataLoader."""
    if isinstance(given, Mapping):
        missing = [f.name for f in source.fields if f.name not in given]
        if missing:
            raise refusal(
                "GE602",
                f"`{source.name}` has no column `{missing[0]}`",
                place,
                "given: " + ", ".join(f"`{k}`" for k in given),
            )
        return [_tensor(given[f.name]) for f in source.fields]
    if isinstance(given, Tensor):
        return [given.detach().cpu()]
    if isinstance(given, tuple | list) and all(hasattr(c, "shape") and getattr(c, "ndim", 0) > 0 for c in given):
        return [_tensor(c) for c in given]
    if isinstance(given, DataLoader):
        return _joined(source, (_record(source, b) for b in given), place, rows)
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):
        samples: Iterable[Any] = (given[i] for i in range(min(len(given), rows + 1)))
    elif isinstance(given, Iterable):
        samples = given
    else:
        raise refusal(
            "GE602",
            f"`{source.name}` is no table",
            place,
            f"{type(given).__name__} given",
            hint="give tensors, a Dataset or a DataLoader",
        )
    return _joined(source, ([_tensor(v)[None] for v in _record(source, s)] for s in samples), place, rows)


def _record(source: Data, sample: Any) -> list[Any]:  # noqa: ANN401  # what a Dataset gives; until 2027-11
    """The values of a sample or batch in the order of the fields."""
    if isinstance(sample, Mapping):
        return [sample[f.name] for f in source.fields]
    return list(sample) if isinstance(sample, tuple | list) else [sample]


def _joined(source: Data, parts: Iterable[list[Any]], place: Span, rows: int) -> list[Tensor]:
    """Parts put under one another, as long as they fit."""
    gathered: list[list[Tensor]] = []
    count = 0
    for part in parts:
        tensors = [_tensor(v) for v in part]
        count += len(tensors[0]) if tensors else 0
        if count > rows:
            raise refusal(
                "GE602",
                f"`{source.name}` has more than {rows} rows",
                place,
                hint="give fewer, or feed batches to the step of `Game.compile`",
            )
        gathered.append(tensors)
    if not gathered:
        raise refusal("GE602", f"`{source.name}` has no rows", place)
    widths = {tuple(tuple(t.shape[1:]) for t in part) for part in gathered}
    if len(widths) > 1:
        first = next(
            i for i, part in enumerate(gathered) if tuple(tuple(t.shape[1:]) for t in part) != tuple(tuple(t.shape[1:]) for t in gathered[0])
        )
        row = sum(len(part[0]) for part in gathered[:first])
        raise refusal("GE602", f"the rows of `{source.name}` differ in shape", place, f"row {row} differs from row 0")
    return [torch.cat(column) for column in zip(*gathered, strict=True)]


def _tensor(value: Any) -> Tensor:  # noqa: ANN401  # numbers, arrays, tensors; until 2027-11
    return torch.as_tensor(value).detach().cpu()


def known(checked: Checked, kind: str, given: Mapping[str, object], names: list[str]) -> None:
    """Refuse names that the game does not declare."""
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean `{near[0]}`?" if near else "declared: " + (", ".join(f"`{n}`" for n in names) or "none")
            raise refusal("GE607", f"the game declares no {kind} `{name}`", Span(checked.source.name, 0, 0), hint=hint)


def _try(net: Net, module: nn.Module, place: Span) -> None:
    """Run a given network once, in eval mode, on two rows of zeros, and compare the shape of what it gives."""
    if not isinstance(module, nn.Module):
        raise refusal("GE601", f"`{net.name}` is no network", place, f"{type(module).__name__} given, a torch.nn.Module needed")
    first = next(iter([*module.parameters(), *module.buffers()]), torch.zeros(()))
    real = first.dtype if first.is_floating_point() else torch.get_default_dtype()
    inputs = [
        torch.zeros(2, *_inner(t), device=first.device, dtype=torch.long if t.kind in ("class", "index", "tokens") else real) for t in net.inputs
    ]
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            out = module(*inputs)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        takes = ", ".join(str(t) for t in net.inputs)
        raise refusal(
            "GE601",
            f"the network given for `{net.name}` does not take {takes}",
            place,
            "declared here",
            (f"{type(error).__name__}: {said}",),
        ) from None
    finally:
        for m, training in modes:
            m.train(training)
    needed = (2, *_inner(net.output))
    if not isinstance(out, Tensor) or tuple(out.shape) != needed:
        found = list(out.shape[1:]) if isinstance(out, Tensor) else type(out).__name__
        raise refusal(
            "GE601",
            f"the network given for `{net.name}` does not give {net.output}",
            place,
            f"shape {found} given, {list(needed[1:])} needed",
        )


def used(game: Game) -> list[str]:
    """The data sources that the players' objectives draw from, in the order of their declarations."""
    members = {group.id: group.nodes for group in game.groups}
    reached: set[str] = set()
    ahead = list(game.root)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead.extend([*members.get(name, ()), *(e.child for e in game.edges if e.parent == name)])
    text = "".join(node.model_dump_json() for node in game.nodes if node.id in reached)
    return [source.name for source in game.data if f'"over":"{source.name}"' in text]
