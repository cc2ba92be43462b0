"""Distributions near a data source as players: in the ball of order inf every sample moves by itself.

A distribution lies within eps of the empirical one in the distance of order inf exactly where some plan moves no sample
further than eps, so that max over it of E{a ~ p}[ f(a) ] is E{a ~ data} max{d in B(eps)} [ f(a + d) ]: one answer for each
sample. The player keeps its name, and owns the move.
"""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Num, Reduce, Ref, Value, Word
from gamespec.ir.types import REAL
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


def _moved(game: ir.Game, var: ir.Var, node: ir.Node) -> ir.Game:
    assert var.set is not None  # a ball around a source, as the caller has seen
    (part,) = var.set.parts
    _, radius, norm, order = part.args
    over, word = node.objective, _BALLS.get(norm.value if isinstance(norm, Word) else str(getattr(norm, "value", "")), "")
    data = next((d for d in game.data if d.name == var.type.net), None)
    edges = [e for e in game.edges if e.child == node.id]
    elsewhere = [n.objective for n in game.nodes if n.id != node.id] + [m.value for m in game.metrics]
    if (
        data is None or not word or order != Word(value="inf") or len(edges) != 1 or edges[0].kind != "value" or node.constraints
        or not (isinstance(over, Reduce) and over.op == "E" and [d.over for d in over.draws] == [var.name] and over.draws[0].cond is None)
        or any(_draws(e, var.name) for e in (over.body, *elsewhere))
    ):  # fmt: skip
        return game
    draw = over.draws[0].model_copy(update={"over": data.name})
    place = next((k for k, f in enumerate(data.fields[: len(draw.names)]) if f.type.kind in ("real", "image")), None)
    if place is None or any(f.type.kind in ("real", "image") for f in data.fields[place + 1 : len(draw.names)]):
        return game
    field, sample = data.fields[place], draw.names[place]
    parts = [ir.Part(word=word, args=(radius,))]
    if field.range is not None and word == "Linf":
        sides = tuple(Word(value=inf) if end is None else Num(value=end) for end, inf in ((field.range.lo, "-inf"), (field.range.hi, "inf")))
        parts.append(ir.Part(word="Box", args=sides, shift=Ref(name=sample)))
    move = var.model_copy(update={"type": REAL.model_copy(update={"shape": field.type.shape}), "set": ir.Set(parts=tuple(parts)), "scope": (draw,)})
    there = Call(fn="add", args=(Ref(name=sample), Ref(name=var.name)))
    own = node.model_copy(update={"objective": _put(over.body, sample, there), "scope": (draw,)})
    mean = Reduce(op="E", draws=(draw,), body=Value(node=node.id))
    nodes = tuple(own if n.id == node.id else n.model_copy(update={"objective": _averaged(n.objective, node.id, mean)}) for n in game.nodes)
    return game.model_copy(update={"nodes": nodes, "vars": tuple(move if v.name == var.name else v for v in game.vars)})


def _draws(expr: Expr, name: str) -> bool:
    """Whether somebody draws from the distribution."""
    return name in free_names(expr) or any(isinstance(e, Reduce) and any(d.over == name for d in e.draws) for e in walk(expr))


def _put(expr: Expr, name: str, there: Expr) -> Expr:
    return there if expr == Ref(name=name) else rebuild(expr, lambda e: _put(e, name, there))


def _averaged(expr: Expr, node: str, mean: Expr) -> Expr:
    return mean if expr == Value(node=node) else rebuild(expr, lambda e: _averaged(e, node, mean))


def explained(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each distribution that became a move of the samples."""
    was = {v.name: v for v in before.vars}
    return [
        f"  transport  `{v.name}` moves every sample of `{was[v.name].type.net}` by itself: order inf bounds each move alone"
        for v in after.vars
        if v.name in was and was[v.name].type.kind == "dist" and v.type.kind != "dist"
    ]
