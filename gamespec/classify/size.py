"""How many numbers a player moves."""

from __future__ import annotations

import math

from gamespec.check.constant import plain_use
from gamespec.classify.bounds import Known
from gamespec.ir.game import Net, Node
from gamespec.ir.types import Type
from gamespec.library.registry import words


def size_of(known: Known, node: Node) -> int | None:
    """The numbers of one member of a node, None where a network does not tell."""
    total = 0
    for name in node.owns:
        found = _network(known, known.handles[name]) if name in known.handles else _variable(known, name)
        if found is None:
            return None
        total += found
    return total


def _variable(known: Known, name: str) -> int | None:
    var = known.vars.get(name)
    if var is None:
        return None
    if var.type.kind == "params":
        return _network(known, known.nets[var.type.net])
    if var.type.kind == "dist":
        return None
    whole = math.prod(var.type.shape)
    # The type of a declared family is that of all members, that of a family inside a binder is that of one.
    return whole // var.axis if var.axis and not var.scope else whole


def _network(known: Known, net: Net) -> int | None:
    entry = words("networks").get(net.source.word) if net.source is not None else None
    if net.source is None or entry is None or len(net.inputs) != 1:
        return None
    args, options = plain_use(net.source)
    return int(entry.count(_shape(net.inputs[0]), _shape(net.output), *args, **options))


def _shape(kind: Type) -> tuple[int, ...]:
    return (kind.size,) if kind.kind == "logits" else kind.shape
