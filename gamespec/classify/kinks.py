"""Where an objective is not differentiable in a player's variables."""

from __future__ import annotations

from gamespec.classify.curvature import Rules
from gamespec.ir import expr as ir
from gamespec.ir.walk import children
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words

_KINKED = ("abs", "relu", "max", "min", "norm", "margin")


def kink(rules: Rules, e: ir.Expr) -> str | None:
    """The function or network that may have a kink in the own variables, None where there is none."""
    if rules.read(e).shape == "constant":
        return None
    match e:
        case ir.Call(fn="pow", args=(ir.Call(fn="norm", args=(inner,)), ir.Num(value=n))) if n % 2 == 0:
            return kink(rules, inner)
        case ir.Call(fn=fn) if fn in _KINKED or FUNCTIONS[fn].piecewise_constant:
            return fn
        case ir.Reduce(op=("max" | "min" | "argmax" | "argmin") as op):
            return op
        case ir.Apply(net=name) if not _affine(rules, name):
            return name
        case ir.Value(node=node):
            return kink(rules, rules.known.nodes[node].objective)
        case ir.If():
            return "if"
    return next((found for child in children(e) if (found := kink(rules, child)) is not None), None)


def _affine(rules: Rules, net: str) -> bool:
    source = rules.known.nets[net].source
    entry = words("networks").get(source.word) if source is not None else None
    return entry is not None and bool(entry.affine)
