"""Constraints on one answer for each sample: a norm of the answer becomes its set, all else gets multipliers row by row."""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.constant import plain
from gamespec.check.shape import globals_of
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Expr, Index, Num, Reduce, Ref
from gamespec.ir.types import vector
from gamespec.ir.walk import free_names, walk
from gamespec.solvers.prices import Limit, limits, phi, terms

_BALLS = {"inf": "Linf", "2": "L2", "1": "L1"}


def in_sets(game: ir.Game) -> ir.Game:
    """The game with `norm(d) <= eps` as the set of an answer that lies in none, or in a box where the ball is one or lies inside."""
    for node in game.nodes:
        var = next((v for v in game.vars if node.owns == (v.name,)), None)
        if var is None or not node.scope:
            continue
        kept = []
        for constraint in node.constraints:
            ball = _ball(game, constraint, var)
            inside = ball is not None and _inside(game, ball, var)
            if ball is None or not (inside or (var.set is not None and _boxes([*var.set.parts, ball]))):
                kept.append(constraint)
                continue
            var = var.model_copy(update={"set": ir.Set(parts=(*(var.set.parts if var.set and not inside else ()), ball))})
        changed = node.model_copy(update={"constraints": tuple(kept)})
        variables = tuple(var if v.name == var.name else v for v in game.vars)
        game = game.model_copy(update={"nodes": tuple(changed if n.id == node.id else n for n in game.nodes), "vars": variables})
    return game


def _boxes(parts: list[ir.Part]) -> bool:
    return all(p.word in ("Linf", "Box") for p in parts)


def _inside(game: ir.Game, ball: ir.Part, var: ir.Var) -> bool:
    """Whether a ball around 0 lies in everything that its variable is bound to, so that nothing else need be projected on."""
    values = {p.name: p.value for p in game.params}
    for part in var.set.parts if var.set is not None else ():
        if part.shift is not None or part.word not in ("Linf", "Box"):
            return False
        radius, *sides = (float(str(plain(values.get(a.name, a) if isinstance(a, Ref) else a))) for a in (*ball.args, *part.args))
        if radius > (sides[0] if part.word == "Linf" else min(-sides[0], sides[1])):
            return False
    return True


def _ball(game: ir.Game, constraint: Expr, var: ir.Var) -> ir.Part | None:
    """The ball around 0 that a constraint means; None where it means something else."""
    match constraint:
        case Call(fn="le", args=(Call(fn="norm", args=(Ref(name=name), *rest)), radius)) if name == var.name:
            pass
        case Call(fn="ge", args=(radius, Call(fn="norm", args=(Ref(name=name), *rest)))) if name == var.name:
            pass
        case _:
            return None
    known = {p.name for p in game.params}
    order = "2" if not rest else rest[0].name if isinstance(rest[0], Ref) else str(getattr(rest[0], "value", ""))
    if order not in _BALLS or not isinstance(radius, Num | Ref) or not set(free_names(radius)) <= known:
        return None
    return ir.Part(word=_BALLS[order], args=(radius,))


def row_limits(node: ir.Node) -> list[Limit]:
    """The constraints of one answer, a number each: the worst over what one ranges over."""
    found = []
    for limit in (limit for c in node.constraints for limit in limits(c)):
        slack: Expr = Call(fn="abs", args=(limit.slack,)) if limit.equal and limit.draws else limit.slack
        for d in reversed(limit.draws):
            slack = Reduce(op="max", draws=(d,), body=slack)
        found.append(Limit(slack, limit.equal and not limit.draws))
    return found


def row_priced(game: ir.Game, schedule: str) -> ir.Game:
    """The game in which whoever answers each sample pays for its constraints at multipliers that come with the answer.

    Its leader differentiates what is paid too, at the same multipliers: by the envelope theorem that is the slope of the
    constrained value, also where a constraint speaks of what the leader chooses.
    """
    for node in game.nodes:
        found = row_limits(node) if node.scope else []
        if not found:
            continue
        rho, _ = terms(game, schedule, node)
        taken = {*globals_of(game), *(n for o in game.nodes for e in walk(o.objective) if isinstance(e, Reduce) for d in e.draws for n in d.names)}
        name = next(n for n in ("multiplier", *(f"multiplier_{k}" for k in range(2, 99))) if n not in taken)
        paid: Expr = node.objective
        for k, limit in enumerate(found):
            m = Index(base=Ref(name=name), indices=(Num(value=Fraction(k)),))
            paid = Call(fn="add" if node.sense == "min" else "sub", args=(paid, phi(limit, m, rho)))
        var = ir.Var(name=name, type=vector(len(found)), scope=node.scope)
        nodes = tuple(node.model_copy(update={"objective": paid}) if n.id == node.id else n for n in game.nodes)
        game = game.model_copy(update={"nodes": nodes, "vars": (*game.vars, var)})
    return game


def row_multipliers(game: ir.Game, node: ir.Node) -> ir.Var | None:
    """The multipliers that come with the answers of a player; None where it pays for nothing."""
    owned = {o for n in game.nodes for o in n.owns}
    names = free_names(node.objective) if node.scope and node.constraints else ()
    return next((v for v in game.vars if v.scope and v.name not in owned and v.name in names), None)


def said(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each answer that is bound: by a set that its constraint is, or by multipliers."""
    lines = []
    for old in (n for n in before.nodes if n.constraints and n.scope):
        node, own = after.node(old.id), ", ".join(f"`{o}`" for o in old.owns)
        each = ", ".join(n for d in old.scope for n in d.names)
        if len(node.constraints) < len(old.constraints):
            lines.append(f"  bound      {own} stays within its norm by projection")
        if node.constraints:
            lines.append(f"  price      {own} pays for its constraints at multipliers of every ({each})")
    return lines
