"""Constraints as prices: every constraint gets a player who raises its multiplier while it is violated.

The owner of a constraint g <= 0 adds phi(g, m) to what it minimises, and a player of its own chooses the multiplier
m >= 0 to make phi as large as it can. The solutions of this game without constraints are those of the game with them,
together with their multipliers, where a constraint qualification holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from gamespec.check.constant import plain, to_expr
from gamespec.check.shape import globals_of
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Draw, Expr, Index, Num, Reduce, Ref, Word
from gamespec.ir.types import REAL, Type
from gamespec.ir.walk import walk
from gamespec.library.directives import DIRECTIVES
from gamespec.solvers.base import problem_nodes

ZERO = Num(value=Fraction(0))


@dataclass(frozen=True, slots=True)
class Limit:
    """One constraint: `slack` is at most 0, or 0 where `equal`, for every element of `draws`."""

    slack: Expr
    equal: bool
    draws: tuple[Draw, ...] = ()


def limits(constraint: Expr) -> Iterator[Limit]:
    """The parts of a written constraint: `0 <= x <= 1` has two, one with `forall` has a range."""
    match constraint:
        case Reduce(op="min"):
            for part in limits(constraint.body):
                yield Limit(part.slack, part.equal, (*constraint.draws, *part.draws))
        case Call(fn="and", args=(a, b)):
            yield from limits(a)
            yield from limits(b)
        case Call(fn="le" | "eq", args=(a, b)):
            yield Limit(a if b == ZERO else Call(fn="sub", args=(a, b)), constraint.fn == "eq")
        case Call(fn="ge", args=(a, b)):
            yield Limit(Call(fn="sub", args=(b, a)), equal=False)


def priced(game: ir.Game, schedule: str) -> ir.Game:
    """The game in which every constraint has a multiplier; the constraints stay written where they were.

    Raises nothing. Those of one answer for each sample are priced row by row, by `row_priced`.
    Source: Rockafellar 1974 for the augmented Lagrangian of inequalities; Facchinei and Kanzow 2010, section 4, for one
    multiplier that all players share, whose equilibria are the variational ones.
    """
    for group in game.groups:
        if group.constraints:
            game = _with(game, schedule, group.nodes, group.constraints, f"{group.id}/price", None)
    for node in (game.node(n) for n in problem_nodes(game)):
        if node.constraints and not node.scope:
            # In a family whose members are bound one by one, each has multipliers of its own.
            each = Draw(names=(node.index,), last=node.axis - 1) if node.axis else None
            game = _with(game, schedule, (node.id,), node.constraints, f"{node.id}/price", each)
    return game


def _with(game: ir.Game, schedule: str, owners: tuple[str, ...], constraints: tuple[Expr, ...], ident: str, each: Draw | None) -> ir.Game:
    """One more player, who owns the multipliers of these constraints and joins those that they bind."""
    first = game.node(owners[0])
    found = [limit for c in constraints for limit in limits(c)]
    taken = {*globals_of(game), *(n for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws for n in d.names)}
    made = [_variable(limit, each, taken) for limit in found]
    own, rate = terms(game, schedule, first)
    prices = [_price(limit, v, each, own) for limit, v in zip(found, made, strict=True)]
    total = _added([p if each is None else Reduce(op="sum", draws=(each,), body=p) for p in prices])
    nodes = [_charged(n, prices) if n.id in owners else n for n in game.nodes]
    player = ir.Node(id=ident, sense="max", owns=tuple(v.name for v in made), objective=total, label="multipliers" if len(made) > 1 else "")
    update: dict[str, object] = {"vars": (*game.vars, *made), "nodes": (*nodes, player)}
    if owners[0] in game.root:
        rest = tuple(g for g in game.groups if owners[0] not in g.nodes)
        group = next((g for g in game.groups if owners[0] in g.nodes), ir.Group(id="group", nodes=game.root))
        grown = group.model_copy(update={"nodes": (*group.nodes, ident)})
        concept = "nash" if game.concept == "nested" else game.concept
        update |= {"root": (*game.root, ident), "groups": (*rest, grown), "concept": concept}
        if game.order:
            update["order"] = (*game.order, (ident,))
    else:
        joined = [e for e in game.edges if e.child == owners[0]]
        edges = tuple(e.model_copy(update={"kind": "response", "child": ident, "sign": 1, "unique": False, "ties": "any"}) for e in joined)
        group = next((g for g in game.groups if owners[0] in g.nodes), ir.Group(id=f"{owners[0]}/priced", nodes=owners))
        grown = group.model_copy(update={"nodes": (*group.nodes, ident)})
        update |= {"edges": (*game.edges, *edges), "groups": (*(g for g in game.groups if g.id != group.id), grown)}
    update["schedules"] = tuple(_scheduled(s, first, made, rate) if s.name == schedule else s for s in game.schedules)
    return game.model_copy(update=update)


def _variable(limit: Limit, each: Draw | None, taken: set[str]) -> ir.Var:
    """The multipliers of a constraint, from 0 up; those of an equation have either sign."""
    name, k = "multiplier", 2
    while name in taken:
        name, k = f"multiplier_{k}", k + 1
    taken.add(name)
    shape = tuple(d.last + 1 for d in (*((each,) if each else ()), *limit.draws))
    half = ir.Set(parts=(ir.Part(word="Box", args=(ZERO, Word(value="inf"))),))
    return ir.Var(name=name, type=Type(kind="real", shape=shape) if shape else REAL, set=None if limit.equal else half)


def _price(limit: Limit, var: ir.Var, each: Draw | None, rho: float) -> Expr:
    """What the constraint costs its owner: phi(g, m), summed over the elements that it ranges over."""
    indices = tuple(Ref(name=d.names[0]) for d in (*((each,) if each else ()), *limit.draws))
    cost = phi(limit, Index(base=Ref(name=var.name), indices=indices) if indices else Ref(name=var.name), rho)
    for d in reversed(limit.draws):
        cost = Reduce(op="sum", draws=(d,), body=cost)
    return cost


def phi(limit: Limit, m: Expr, rho: float) -> Expr:
    """What one element of a constraint costs at the multiplier m."""
    if rho <= 0:
        cost: Expr = Call(fn="mul", args=(m, limit.slack))
    elif limit.equal:
        square = Call(fn="mul", args=(to_expr(Fraction(str(rho)) / 2), _squared(limit.slack)))
        cost = Call(fn="add", args=(Call(fn="mul", args=(m, limit.slack)), square))
    else:
        pushed = limit.slack if rho == 1 else Call(fn="mul", args=(to_expr(Fraction(str(rho))), limit.slack))
        risen = Call(fn="max", args=(ZERO, Call(fn="add", args=(m, pushed))))
        cost = Call(fn="div", args=(Call(fn="sub", args=(_squared(risen), _squared(m))), to_expr(2 * Fraction(str(rho)))))
    return cost


def _squared(expr: Expr) -> Expr:
    return Call(fn="pow", args=(expr, Num(value=Fraction(2))))


def _added(terms: list[Expr]) -> Expr:
    total = terms[0]
    for term in terms[1:]:
        total = Call(fn="add", args=(total, term))
    return total


def _charged(node: ir.Node, prices: list[Expr]) -> ir.Node:
    """A minimiser pays the prices, a maximiser loses them."""
    word = "add" if node.sense == "min" else "sub"
    return node.model_copy(update={"objective": Call(fn=word, args=(node.objective, _added(prices)))})


def paid(game: ir.Game) -> list[str]:
    """A line for each player who owns multipliers: whom they bind, and which solution is meant where they are shared."""
    lines = []
    for node in (n for n in game.nodes if n.id.endswith("/price")):
        owner = node.id.removesuffix("/price")
        group = next((g for g in game.groups if g.id == owner and g.constraints), None)
        bound = [n for n in game.nodes if n.id in (group.nodes if group else (owner,)) and n.id != node.id]
        who = ", ".join(f"`{o}`" for n in bound for o in n.owns)
        shared = len(bound) > 1 or bool(group and bound[0].axis)
        meant = "shared by all of them: a variational (normalised) equilibrium" if shared else "of its own"
        lines.append(f"  price      {', '.join(f'`{o}`' for o in node.owns)} for what binds {who}, {meant}")
    return lines


# ------------------------------------------------------------------ the schedule


def _entry(game: ir.Game, schedule: str, node: ir.Node) -> tuple[ir.Use, ...]:
    entries = next(s for s in game.schedules if s.name == schedule).entries
    return next((e.directives for o in node.owns for e in entries if e.target == o), ())


def terms(game: ir.Game, schedule: str, node: ir.Node) -> tuple[float, float]:
    """Weight of the square in the augmented Lagrangian, 0 for the plain one, and the step of the multipliers."""
    options = {o.name: o.default for o in DIRECTIVES["augmented"].options}
    for use in _entry(game, schedule, node):
        if use.word == "augmented":
            options |= {o.key: plain(o.value) for o in use.options}
    rho = float(str(options["rho"]))
    # Below rho, the inverse curvature in the multiplier: at rho itself a look ahead sees an idle multiplier at 0 already.
    return rho, float(str(options["lr"])) or rho / 2 or 0.1


def _scheduled(schedule: ir.Schedule, owner: ir.Node, made: list[ir.Var], rate: float) -> ir.Schedule:
    """Multipliers climb at a rate of their own, as often as their owner moves, and derivatives pass through them as through it."""
    found = next((e.directives for o in owner.owns for e in schedule.entries if e.target == o), ())
    steps = next((o for u in found for o in u.options if o.key == "steps" and u.word != "newton"), None)
    climb = ir.Use(word="ascent", options=(ir.Option(key="lr", value=to_expr(Fraction(str(rate)))), *((steps,) if steps else ())))
    kept = tuple(u for u in found if u.word in ("through", "newton", "repeat"))
    return schedule.model_copy(update={"entries": (*schedule.entries, *(ir.Entry(target=v.name, directives=(climb, *kept)) for v in made))})
