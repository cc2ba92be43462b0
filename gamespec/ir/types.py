"""Types of the language: what kind of thing an expression is and the shape of one sample of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator

Exact = Annotated[Fraction, PlainValidator(lambda v: v if isinstance(v, Fraction) else Fraction(v)), PlainSerializer(str)]
"""An exact rational; a string such as "8/255" in JSON."""

Kind = Literal["real", "prob", "logits", "class", "index", "bool", "params", "set", "word", "tokens", "dist", "table"]


class Frozen(BaseModel):
    """A value of the IR: immutable, hashable, strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Type(Frozen):
    """What an expression is. `shape` is that of one sample; `size` is K of class[K] and logits[K].

    `net` names the network of a `params` type, and what a `dist` is a distribution over: a network's parameters (then
    `shape` is empty), the samples of a source, or, where it is empty, numbers of that `shape`. `tokens` are whole numbers that stand for words.
    A `table` is one sample of the grouped data `net`, or a part of it.
    """

    kind: Kind
    shape: tuple[int, ...] = ()
    size: int = 0
    net: str = ""

    @property
    def numeric(self) -> bool:
        """Whether arithmetic applies."""
        return self.kind in ("real", "prob", "logits", "index", "bool")

    def __str__(self) -> str:
        """As it is written in a `.game` file."""
        if self.kind in ("class", "logits"):
            return f"{self.kind}[{self.size}]"
        if self.kind == "tokens":
            return f"tokens[{self.shape[0]}]"
        if self.kind == "dist":
            return f"Dist({self.net or Type(kind='real', shape=self.shape)})"
        if self.kind == "table":
            return f"a table of `{self.net}`"
        if self.kind == "params":
            return f"params({self.net})"
        if self.kind != "real":
            return f"{self.kind}[{', '.join(map(str, self.shape))}]" if self.shape else self.kind
        if len(self.shape) == 3:
            return f"image[{', '.join(map(str, self.shape))}]"
        return f"R[{', '.join(map(str, self.shape))}]" if self.shape else "R"


REAL = Type(kind="real")
PROB = Type(kind="prob")
BOOL = Type(kind="bool")
INDEX = Type(kind="index")


def vector(*shape: int) -> Type:
    """R[n, ...]."""
    return Type(kind="real", shape=shape)


class Interval(Frozen):
    """A closed interval of values; None is unbounded on that side."""

    lo: Exact | None = None
    hi: Exact | None = None

    @property
    def width(self) -> Fraction | None:
        """Length, None when unbounded."""
        return None if self.lo is None or self.hi is None else self.hi - self.lo


class Field(Frozen):
    """One column of a data source: its name in the record, its type, the declared range of its values."""

    name: str
    type: Type
    range: Interval | None = None
