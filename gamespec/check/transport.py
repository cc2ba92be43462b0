"""Distributions near a data source as players: in the ball of order inf every sample moves by itself.

A distribution lies within eps of the empirical one in the distance of order inf exactly where some plan moves no sample
further than eps, so that max over it of E{a ~ p}[ f(a) ] is E{a ~ data} max{d in B(eps)} [ f(a + d) ]: one answer for each
sample. The player keeps its name, and owns the move.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Draw, Expr, Num, Reduce, Ref, Value, Word
from gamespec.ir.types import REAL, Field
from gamespec.ir.walk import free_names, rebuild, walk

_BALLS = {"inf": "Linf", "2": "L2", "1": "L1"}


def transported(game: ir.Game) -> ir.Game:
    """The game with every such distribution as a move of the samples, where that is the same game.

    Left as they are: balls of another order, whose samples share one budget; distributions whose player's objective is no
    expectation over them; and those that other players or metrics draw from.
    Source: Staib and Jegelka 2017, proposition 3.1.
    """
    for var in game.vars:
        node = next((n for n in game.nodes if n.owns == (var.name,)), None)
        if var.type.kind == "dist" and var.set is not None and node is not None:
            game = _moved(game, var, node)
    return game


@dataclass(frozen=True, slots=True)
class Near:
    """A player who chooses a distribution near a source: the ball, and what becomes of it where samples move.

    `norm` is the ball of a move's norm; `order` None for inf. `draw` is a draw of the source, `field` and `sample` what moves of it.
    """

    norm: str
    radius: Num
    order: Fraction | None
    body: Expr
    draw: Draw
    field: Field
    sample: str


def near(game: ir.Game, var: ir.Var, node: ir.Node) -> Near | None:
    """A distribution in a ball over which one player takes one expectation; None for all others."""
    if var.type.kind != "dist" or not var.type.net or var.set is None:
        return None
    _, radius, norm, order = var.set.parts[0].args
    over, word = node.objective, _BALLS.get(norm.value if isinstance(norm, Word) else str(getattr(norm, "value", "")), "")
    data = next((d for d in game.data if d.name == var.type.net), None)
    edges = [e for e in game.edges if e.child == node.id]
    elsewhere = [n.objective for n in game.nodes if n.id != node.id] + [m.value for m in game.metrics]
    if (
        data is None or not word or not isinstance(radius, Num) or len(edges) != 1 or edges[0].kind != "value" or node.constraints
        or not (isinstance(over, Reduce) and over.op == "E" and [d.over for d in over.draws] == [var.name] and over.draws[0].cond is None)
        or any(_draws(e, var.name) for e in (over.body, *elsewhere))
    ):  # fmt: skip
        return None
    draw = over.draws[0].model_copy(update={"over": data.name})
    place = next((k for k, f in enumerate(data.fields[: len(draw.names)]) if f.type.kind in ("real", "image")), None)
    if place is None or any(f.type.kind in ("real", "image") for f in data.fields[place + 1 : len(draw.names)]):
        return None
    power = order.value if isinstance(order, Num) else None
    return Near(word, radius, power, over.body, draw, data.fields[place], draw.names[place])


def _moved(game: ir.Game, var: ir.Var, node: ir.Node) -> ir.Game:
    found = near(game, var, node)
    if found is None or found.order is not None:
        return game
    parts = [ir.Part(word=found.norm, args=(found.radius,))]
    if found.norm == "Linf":
        parts += domain(found)
    there = Call(fn="add", args=(Ref(name=found.sample), Ref(name=var.name)))
    own = node.model_copy(update={"objective": put(found.body, found.sample, there), "scope": (found.draw,)})
    mean = Reduce(op="E", draws=(found.draw,), body=Value(node=node.id))
    nodes = tuple(own if n.id == node.id else n.model_copy(update={"objective": put(n.objective, node.id, mean)}) for n in game.nodes)
    return game.model_copy(update={"nodes": nodes, "vars": tuple(moving(v, found, parts) if v.name == var.name else v for v in game.vars)})


def domain(found: Near, scale: Num | None = None) -> list[ir.Part]:
    """Where the moves of a sample lead inside the range of its field, if it has one; in units of `scale`."""
    if found.field.range is None:
        return []
    unit = Fraction(1) if scale is None else scale.value
    ends = ((found.field.range.lo, "-inf"), (found.field.range.hi, "inf"))
    sides = tuple(Word(value=inf) if end is None else Num(value=end / unit) for end, inf in ends)
    sample = Ref(name=found.sample)
    return [ir.Part(word="Box", args=sides, shift=sample if scale is None else Call(fn="div", args=(sample, scale)))]


def moving(var: ir.Var, found: Near, parts: list[ir.Part]) -> ir.Var:
    """The variable of a distribution as one of the moves of its samples."""
    shape = REAL.model_copy(update={"shape": found.field.type.shape})
    return var.model_copy(update={"type": shape, "set": ir.Set(parts=tuple(parts)) if parts else None, "scope": (found.draw,)})


def _draws(expr: Expr, name: str) -> bool:
    """Whether somebody draws from the distribution."""
    return name in free_names(expr) or any(isinstance(e, Reduce) and any(d.over == name for d in e.draws) for e in walk(expr))


def put(expr: Expr, name: str, there: Expr) -> Expr:
    """The expression with something else in the place of a name, or of the value of a player."""
    if expr in (Ref(name=name), Value(node=name)):
        return there
    return rebuild(expr, lambda e: put(e, name, there))


def explained(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each distribution that became a move of the samples."""
    was = {v.name: v for v in before.vars}
    return [
        f"  transport  `{v.name}` moves every sample of `{was[v.name].type.net}` by itself: order inf bounds each move alone"
        for v in after.vars
        if v.name in was and was[v.name].type.kind == "dist" and v.type.kind != "dist" and v.init is None
    ]
