"""Distributions within a transport distance of finite order as players: by duality, moves that have one price.

The largest E{a ~ p}[ f(a) ] over all p with W_k(p, data) <= eps is the least, over L > 0, of

    L + E{a ~ data} max{e} [ f(a + eps e) - L |e|^k ],

with e the move in units of eps and L what the whole budget is worth, in units of f. The best e leave E|e|^k = 1 at the
best L; log L is raised by log(E|e|^k)/k, which is Newton's step where f is affine, and no unit of f or eps enters.
Source: Blanchet and Murthy 2019, theorem 1; Gao and Kleywegt 2023, theorem 1; Sinha et al. 2018 for a price that is given.
"""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.constant import plain, to_expr
from gamespec.check.shape import globals_of
from gamespec.check.transport import Near, domain, moving, near, put
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Num, Reduce, Ref, Stop, Value
from gamespec.ir.types import REAL

_LEAST = Fraction(1, 10**6)
"""Of the mean cost, before its logarithm: where nobody moves, the price falls by a factor at each step."""


def priced_moves(game: ir.Game, schedule: str) -> ir.Game:
    """The game with every such distribution as moves of the samples, at a price that the leader chooses with what it owns.

    Left as they are: balls of radius 0, orders below 1, which are no distances, and above 2, where gradient steps from afar
    overshoot; distributions that stand with their leader rather than against
    it, and those that answer a leader who is one of a family or answers samples itself.
    """
    for var in game.vars:
        node = next((n for n in game.nodes if n.owns == (var.name,)), None)
        found = None if node is None else near(game, var, node)
        if node is not None and found is not None and found.order is not None and 1 <= found.order <= 2 and found.radius.value > 0:
            game = _dual(game, schedule, var, node, found, found.order)
    return game


def _dual(game: ir.Game, schedule: str, var: ir.Var, node: ir.Node, found: Near, order: Fraction) -> ir.Game:
    (edge,) = (e for e in game.edges if e.child == node.id)
    leader, name = game.node(edge.parent), log_price(var.name)
    sense = node.sense if edge.sign > 0 else {"min": "max", "max": "min"}[node.sense]
    if not edge.sign or sense == leader.sense or leader.axis or leader.scope or leader.id.startswith("@") or name in globals_of(game):
        return game
    move, log = Ref(name=var.name), Ref(name=name)
    worth: Expr = Call(fn="exp", args=(Stop(body=log),))
    cost = _cost(found, move, order)
    there = Call(fn="add", args=(Ref(name=found.sample), Call(fn="mul", args=(found.radius, move))))
    gained = Call(fn="div", args=(put(found.body, found.sample, there), worth))
    own = node.model_copy(update={"objective": Call(fn="sub" if node.sense == "max" else "add", args=(gained, cost)), "scope": (found.draw,)})
    mean = Reduce(op="E", draws=(found.draw,), body=Call(fn="mul", args=(worth, Value(node=node.id))))
    whole = Call(fn="add", args=(mean, worth)) if node.sense == "max" else Call(fn="sub", args=(mean, worth))
    spent = Call(fn="add", args=(Reduce(op="E", draws=(found.draw,), body=cost), Num(value=_LEAST)))
    raised = Stop(body=Call(fn="div", args=(Call(fn="log", args=(spent,)), Num(value=order))))
    pull = Call(fn="mul", args=(raised, Call(fn="sub", args=(log, Stop(body=log)))))  # 0, with the slope that raises the price
    objective = Call(fn="sub" if leader.sense == "min" else "add", args=(put(leader.objective, node.id, whole), pull))
    lead = leader.model_copy(update={"objective": objective, "owns": (*leader.owns, name)})
    nodes = tuple({node.id: own, leader.id: lead}.get(n.id, n) for n in game.nodes)
    moves = moving(var, found, domain(found, found.radius)).model_copy(update={"init": Num(value=Fraction(0))})
    variables = (*(moves if v.name == var.name else v for v in game.vars), ir.Var(name=name, type=REAL, init=Num(value=Fraction(0))))
    plans = tuple(_scheduled(s, var.name, name, order) if s.name == schedule else s for s in game.schedules)
    return game.model_copy(update={"nodes": nodes, "vars": variables, "schedules": plans})


def _cost(found: Near, move: Expr, order: Fraction) -> Expr:
    """What a move costs: its norm, to the power of the order."""
    norms: dict[str, tuple[Expr, ...]] = {"L2": (), "L1": (Num(value=Fraction(1)),), "Linf": (Ref(name="inf"),)}
    size = Call(fn="norm", args=(move, *norms[found.norm]))
    return size if order == 1 else Call(fn="pow", args=(size, Num(value=order)))


def log_price(name: str) -> str:
    """The variable that holds the logarithm of what the budget of a distribution is worth."""
    return f"log_price_of_{name}"


def _scheduled(schedule: ir.Schedule, name: str, price: str, order: Fraction) -> ir.Schedule:
    """Moves by gradient steps whose length suits the price, where nothing else is written; `augmented(lr = ..)` is the step of the price."""
    found = next((e.directives for e in schedule.entries if e.target == name), ())
    rate = next((plain(o.value) for u in found if u.word == "augmented" for o in u.options if o.key == "lr"), 0.3)
    step = Fraction(1, 10) if order == 1 else Fraction(1, 5) if order < 2 else Fraction(1, 2)
    usual = (_use("sgd", lr=step, steps=Fraction(40 if order < 2 else 20)),) if not found or [u.word for u in found] == ["augmented"] else ()
    rest = tuple(e for e in schedule.entries if e.target != name)
    mine = ir.Entry(target=name, directives=(*usual, *(u for u in found if u.word != "augmented")))
    theirs = ir.Entry(target=price, directives=(_use("sgd", lr=Fraction(str(rate))),))
    return schedule.model_copy(update={"entries": (*rest, mine, theirs)})


def _use(word: str, **options: Fraction) -> ir.Use:
    return ir.Use(word=word, options=tuple(ir.Option(key=key, value=to_expr(value)) for key, value in options.items()))


def prices(game: ir.Game) -> list[tuple[ir.Var, ir.Node, Expr]]:
    """The moves that have a price, with their player and the mean cost of a move: 1 where the whole budget is spent."""
    found: list[tuple[ir.Var, ir.Node, Expr]] = []
    for node in game.nodes:
        var = next((v for v in game.vars if node.owns == (v.name,) and v.scope), None)
        price = None if var is None else next((v for v in game.vars if v.name == log_price(var.name)), None)
        if var is not None and price is not None and isinstance(node.objective, Call):
            found.append((var, node, Reduce(op="E", draws=node.scope, body=node.objective.args[1])))
    return found


def duals(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each distribution that became moves at a price."""
    was = {v.name: v for v in before.vars}
    return [
        f"  transport  `{v.name}` moves every sample of `{was[v.name].type.net}` at one price, exp(`{log_price(v.name)}`), in units of the radius: "
        "by duality the worst case of the whole ball, where every move is the best one"
        for v, _, _ in prices(after)
    ]
