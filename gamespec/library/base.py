"""What a library file declares: the record that makes a word of the language out of a function."""

from __future__ import annotations

from collections.abc import Callable  # part of the dataclasses; until 2027-11
from dataclasses import dataclass
from typing import Any, Literal

from gamespec.ir.types import Type  # part of the dataclasses; until 2027-11

REQUIRED = object()
"""The default of an option that must be given."""

Plain = bool | int | float | str | tuple[Any, ...] | None
"""What an option's value is once the language has evaluated it."""


@dataclass(frozen=True, slots=True)
class Option:
    """An argument of a library word: positional in the order listed, or by name.

    `type` is what the value must be: `words` lists the allowed words where type is str.
    `many` takes all remaining positional arguments as a tuple.
    """

    name: str
    type: type
    default: Any = REQUIRED
    words: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True)
class Set:
    """A set that a variable may lie in.

    `project(z, *options)` maps a point [...event] to the nearest member. `bounds(*options)` gives (lo, hi) when the
    set is a box around the origin of its shift, with None for an open side; such sets intersect exactly.
    `diameter(*options)` is the largest distance of two members in any coordinate, None when unbounded.
    `convex`, `compact` and `contains_zero` hold for every choice of options; `bounds` and `diameter` say more.
    The first `sizes` options are the shape of a point: `project` and `start` get the options after them.
    """

    word: str
    options: tuple[Option, ...]
    convex: bool
    compact: bool
    project: Callable[..., Any]
    source: str
    bounds: Callable[..., tuple[float | None, float | None]] | None = None
    diameter: Callable[..., float | None] | None = None
    contains_zero: bool = True
    start: Callable[..., Any] | None = None
    """`start(shape, *options, rng=, dtype=)`: a random member, by `rng.uniform(shape, dtype)` and `rng.normal(..)`; None for uniform in the box."""
    outside: Callable[..., str] | None = None
    """`outside(numbers, *options)`: why a point, as a list of numbers, is no member; empty where it is one. Without torch."""
    project_rows: Callable[..., Any] | None = None
    """`project_rows(z, *options)` for a stack of points [b, ...event]; None where `project` does that as well."""
    start_rows: Callable[..., Any] | None = None
    """`start_rows(shape, *options, rng=, dtype=)` for a stack, shape [b, ...event]; None where `start` does that.

    A row must depend on its own numbers alone, so that it is the same in any batch."""
    sizes: int = 0
    mirror: Callable[..., Any] | None = None
    """`mirror(z, step, *options)`: from a member, a step against `step` in the geometry of the set; None for the plain one."""
    mirror_rows: Callable[..., Any] | None = None
    """`mirror_rows(z, step, *options)` for a stack of points; None where `mirror` does that as well."""
    project_numbers: Callable[..., Any] | None = None
    """`project_numbers(z, *options)`: the same for a list of floats, or of tensors [starts]; None where that is not written."""


@dataclass(frozen=True, slots=True)
class Network:
    """A family of networks. `build(source_shape, target_shape, *args, **options)` gives a `torch.nn.Module`.

    `rank` is the number of dimensions that one input must have (None: any). `positional` are widths.
    `prob_tail` says that with `out = "sigmoid"` the module is `Sequential(score, Sigmoid)`, so that `net[0]` is the score.
    `affine`: the output is affine in the parameters for a fixed input.
    `count(source_shape, target_shape, *args, **options)` is its number of parameters, without torch.
    `misfit(source_shape, target_shape, *args, **options)` says why the family does not fit these shapes, or None.
    """

    word: str
    options: tuple[Option, ...]
    build: Callable[..., Any]
    count: Callable[..., int]
    source: str
    rank: int | None = None
    prob_tail: bool = False
    affine: bool = False
    batch_coupled: Callable[..., bool] | None = None
    """`batch_coupled(**options)`: whether the samples of a batch meet in a layer; None where they never do."""
    stretch: Callable[..., bool] | None = None
    """`stretch(**options)`: whether a bound is known on how much every layer stretches distances; None where none is."""
    misfit: Callable[..., Misfit | None] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a data source offers: shape of one row, kind, number of classes, range of values."""

    kind: Literal["real", "class", "index", "bool"]
    shape: tuple[int, ...] = ()
    size: int = 0
    range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A data source.

    A table: `load(*args, **options) -> dict[str, Tensor]`, rows first; `rows(*args, **options)` counts them without torch.
    A stream: `draw(n, rng, *args, **options) -> Tensor [n, ...]`, by `rng.uniform(shape, dtype)`, `rng.normal(..)`, `rng.whole(shape, size)`.
    `columns` describes both; a record field of class type takes the option `targets` in order (default ("y",)).
    """

    word: str
    options: tuple[Option, ...]
    columns: dict[str, Column]
    source: str
    load: Callable[..., Any] | None = None
    rows: Callable[..., int] | None = None
    draw: Callable[..., Any] | None = None
    columns_of: Callable[..., dict[str, dict[str, Any]]] | None = None
    """`columns_of(*args, **options)`: the columns of a source whose file decides them, as arguments of `Column`, read from
    headers without torch. Error: OSError for the file, ImportError for a package, ValueError for what is in the file."""

    def offered(self, *args: Any, **options: Any) -> dict[str, Column]:  # plain values; until 2027-11
        """The columns under these options. Error: as `columns_of`."""
        if self.columns_of is None:
            return self.columns
        return {name: Column(**column) for name, column in self.columns_of(*args, **options).items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """A step rule: `build(tensors, **options)` gives an object with `update(tensors, grads)`, in place, descending.

    `advance(points, memory, grads, k, **options)` is step k = 1, 2, ... of the same rule as a differentiable function: it
    gives the points reached and what to remember, `[]` before the first step. None where a rule cannot be unrolled.
    `numbers(x, slope, *memory, **options)` is the same for one number (a float, or a tensor [starts]); it gives the new x and
    the new memory, whose parts are called `memory` and begin as 0; with `together` x, slope and each part of the memory are
    the lists of all numbers of a variable.
    """

    word: str
    options: tuple[Option, ...]
    build: Callable[..., Any]
    source: str
    advance: Callable[..., Any] | None = None
    numbers: Callable[..., tuple[Any, ...]] | None = None
    memory: tuple[str, ...] = ()
    together: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """A function of whole columns: `compute(*tensors, **options)` gives a 0-d tensor, or a tensor where `result` says so.

    `arity` counts the tensor arguments; the numbers of `options` follow them.
    """

    word: str
    arity: int
    options: tuple[Option, ...]
    compute: Callable[..., Any]
    result: Literal["number", "rows"]
    source: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a word does not fit where it stands, in the user's terms, and what to type instead."""

    cause: str
    hint: str = ""


__all__ = ["REQUIRED", "Column", "Metric", "Misfit", "Network", "Option", "Plain", "Rule", "Set", "Source", "Type"]
