"""Weights over a finite set in place of its best element, for a follower that the schedule gives exponential weights.

max over j of f_j(x) is the maximum over q in the simplex of the sum of q_j f_j(x): a player of its own, whose answer is a
mixture, and whose leader moves along the weighted slope. Enumeration takes the slope of the best element alone.
"""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.polarity import signed
from gamespec.check.shape import globals_of
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Draw, Expr, Index, Num, Reduce, Ref, Value
from gamespec.ir.types import REAL
from gamespec.ir.walk import rebuild, walk


def weighed(game: ir.Game, schedule: str) -> ir.Game:
    """The game with a player on a simplex for every index under `hedge`; it keeps the name of the index.

    The checker has seen that such an index stands alone, outside expectations, with no player inside.
    Source: Freund and Schapire 1999, section 2, for the mixture and its weights.
    """
    entries = next((s for s in game.schedules if s.name == schedule), game.schedules[0]).entries
    for entry in entries:
        if any(u.word == "hedge" for u in entry.directives):
            node, best = _found(game, entry.target)
            game = game if best is None or node is None else _weighed(game, node, best)
    return game


def _found(game: ir.Game, name: str) -> tuple[ir.Node | None, Reduce | None]:
    """The maximum or minimum over an index of this name, and in whose objective it stands."""
    for node in game.nodes:
        for e in walk(node.objective):
            if isinstance(e, Reduce) and e.op in ("max", "min") and e.draws[0].names == (name,):
                return node, e
    return None, None


def _weighed(game: ir.Game, node: ir.Node, best: Reduce) -> ir.Game:
    (draw,) = best.draws
    (name,) = draw.names
    size, taken, index = draw.last - draw.first + 1, {*globals_of(game), *_bound(game)}, f"{name}_of"
    while index in taken:
        index += "_"
    at = Ref(name=index)
    element: Expr = at if not draw.first else Call(fn="add", args=(at, Num(value=Fraction(draw.first))))
    term = Call(fn="mul", args=(Index(base=Ref(name=name), indices=(at,)), _put(best.body, Ref(name=name), element)))
    child = ir.Node(
        id=f"{node.id}/{best.op}:{name}", sense="max" if best.op == "max" else "min", owns=(name,),
        objective=Reduce(op="sum", draws=(Draw(names=(index,), draws=False, last=size - 1),), body=term),
    )  # fmt: skip
    leader = node.model_copy(update={"objective": _put(node.objective, best, Value(node=child.id))})
    simplex = ir.Part(word="Simplex", args=(Num(value=Fraction(size)), Num(value=Fraction(1))))
    weights = ir.Var(name=name, type=REAL.model_copy(update={"shape": (size,)}), set=ir.Set(parts=(simplex,)))
    return signed(game.model_copy(update={
        "vars": (*game.vars, weights),
        "nodes": (*(leader if n.id == node.id else n for n in game.nodes), child),
        "edges": (*game.edges, ir.Edge(kind="value", parent=node.id, child=child.id)),
    }))  # fmt: skip


def _bound(game: ir.Game) -> set[str]:
    """Every name that a binder brings."""
    return {n for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws for n in d.names}


def _put(expr: Expr, old: Expr, new: Expr) -> Expr:
    return new if expr == old else rebuild(expr, lambda e: _put(e, old, new))


def weights_of(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each index that became weights."""
    was = {v.name for v in before.vars}
    made = [v for v in after.vars if v.name not in was and v.name in _bound(before)]
    return [f"  weights    `{v.name}` is a mixture of {v.type.shape[0]} choices, and its leader moves along their weighted slope" for v in made]
