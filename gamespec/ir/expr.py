"""Expressions of the IR: a closed family of eleven kinds; functions are data, not kinds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as PydanticField

from gamespec.ir.types import Exact, Frozen


class Num(Frozen):
    """An exact number."""

    kind: Literal["num"] = "num"
    value: Exact


class Word(Frozen):
    """A symbolic constant: an option such as `uniform`, a string, a status such as `diverging`."""

    kind: Literal["word"] = "word"
    value: str


class Ref(Frozen):
    """A name: a variable, a bound name, or the parameters of a network when used as a point."""

    kind: Literal["ref"] = "ref"
    name: str


class Call(Frozen):
    """A function of `library.functions` applied to arguments; arithmetic is a function too."""

    kind: Literal["call"] = "call"
    fn: str
    args: tuple[Expr, ...]


class Apply(Frozen):
    """Network `net` at `args`; `at` gives explicit parameters (`h(a; x + delta)`), None means its own."""

    kind: Literal["apply"] = "apply"
    net: str
    args: tuple[Expr, ...]
    at: Expr | None = None


class Draw(Frozen):
    """Names bound to one sample (`over` a data source or distribution, `draws`) or to each element.

    `over` names a data source or a distribution when `draws` or `exact`; otherwise `first..last` without `skip` is
    an index set. `names` follow the fields of the source. A sample of grouped data is a table or several, and
    `over` is then `data/sample.part` for the rows of one of them.
    """

    names: tuple[str, ...]
    over: str = ""
    draws: bool = True
    cond: Expr | None = None
    first: int = 0
    last: int = -1
    skip: Expr | None = None

    @property
    def inner(self) -> bool:
        """Whether this runs through a table that is part of a sample."""
        return "/" in self.over

    @property
    def part(self) -> tuple[str, str]:
        """Of an inner draw: the name of the sample, and that of its table (empty where the sample is one)."""
        name, _, table = self.over.partition("/")[2].partition(".")
        return name, table


class Reduce(Frozen):
    """`E`, `sum`, `mean`, `prod`, `min`, `max` or `argmax` of `body` over draws or indices."""

    kind: Literal["reduce"] = "reduce"
    op: Literal["E", "sum", "mean", "prod", "min", "max", "argmin", "argmax"]
    draws: tuple[Draw, ...]
    body: Expr


class Value(Frozen):
    """The optimal value of node `node`, whose objective stands here with its own variable inside."""

    kind: Literal["value"] = "value"
    node: str


class Grad(Frozen):
    """Gradient of `body` in the name `name`, taken at `at` (None: where the name stands already)."""

    kind: Literal["grad"] = "grad"
    name: str
    body: Expr
    at: Expr | None = None


class Stop(Frozen):
    """The value of `body`, through which no derivative passes."""

    kind: Literal["stop"] = "stop"
    body: Expr


class If(Frozen):
    """`if cond then then else other`, elementwise."""

    kind: Literal["if"] = "if"
    cond: Expr
    then: Expr
    other: Expr


class Array(Frozen):
    """An array literal."""

    kind: Literal["array"] = "array"
    items: tuple[Expr, ...]


class Index(Frozen):
    """`base[indices]`."""

    kind: Literal["index"] = "index"
    base: Expr
    indices: tuple[Expr, ...]


Expr = Annotated[
    Num | Word | Ref | Call | Apply | Reduce | Value | Grad | Stop | If | Array | Index,
    PydanticField(discriminator="kind"),
]

for _model in (Call, Apply, Draw, Reduce, Grad, Stop, If, Array, Index):
    _model.model_rebuild()
