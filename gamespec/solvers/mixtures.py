"""Mixed strategies over the parameters of a network: the distribution is the mean of a few particles, each a network.

min{p} max{q} E{u ~ p, v ~ q}[ f(u, v) ] becomes min{u_1, .., u_n} max{v_1, .., v_m} of the mean of f(u_i, v_j) over all
pairs; with steps shaken by noise the particles sample the distributions (entropic mirror descent in its sampled form).
"""

from __future__ import annotations

from fractions import Fraction

from gamespec.check.constant import plain
from gamespec.check.shape import globals_of
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Call, Draw, Expr, Num, Reduce, Ref
from gamespec.ir.walk import free_names, rebuild, walk

MOST = 6
"""Particles of one distribution: every pair is written out."""

Parts = dict[str, tuple[ir.Net, ...]]
"""The networks that stand for each distribution, by its name."""


def mixed(game: ir.Game, schedule: str) -> ir.Game:
    """The game with `particles(n)` networks, two without a word, for every distribution over parameters.

    Left as they are: distributions over a network that is brought, one that somebody uses beside the distribution, and
    more than MOST particles.
    Source: Hsieh, Liu and Cevher 2019, algorithm 2, for particles moved by Langevin steps.
    """
    entries = {e.target: e.directives for e in next((s for s in game.schedules if s.name == schedule), game.schedules[0]).entries}
    parts: Parts = {}
    for var in game.vars:
        net = next((n for n in game.nets if n.name == var.type.net), None)
        if var.type.kind != "dist" or net is None or net.source is None or net.source.word == "py" or var.set is not None:
            continue
        count = next((int(str(plain(o.value))) for u in entries.get(var.name, ()) if u.word == "particles" for o in u.options), 2)
        if 1 <= count <= MOST and not _used_alone(game, var, net):
            parts[var.name] = _copies(game, net, count)
    return _replaced(game, schedule, parts) if parts else game


def _copies(game: ir.Game, net: ir.Net, count: int) -> tuple[ir.Net, ...]:
    taken, found, k = {*globals_of(game), *(n.name for n in game.nets)}, list[ir.Net](), 1
    while len(found) < count:
        name = f"{net.name}_{k}"
        if name not in taken:
            found.append(net.model_copy(update={"name": name, "handle": name}))
        k += 1
    return tuple(found)


def _used_alone(game: ir.Game, var: ir.Var, net: ir.Net) -> bool:
    """Whether the network acts at other parameters than those drawn from this distribution."""
    drawn = {n for e in _formulas(game) for r in walk(e) if isinstance(r, Reduce) for d in r.draws if d.over == var.name for n in d.names}
    applied = [e for f in _formulas(game) for e in walk(f) if isinstance(e, Apply) and e.net == net.name]
    owned = any(net.handle in n.owns for n in game.nodes)
    elsewhere = any(set(free_names(f)) & (drawn | {net.handle}) for f in _formulas(game) if not any(isinstance(e, Apply) for e in walk(f)))
    return owned or elsewhere or any(not (isinstance(e.at, Ref) and e.at.name in drawn) for e in applied)


def _formulas(game: ir.Game) -> list[Expr]:
    return [*(n.objective for n in game.nodes), *(m.value for m in game.metrics)]


def _replaced(game: ir.Game, schedule: str, parts: Parts) -> ir.Game:
    def owns(node: ir.Node) -> tuple[str, ...]:
        return tuple(h for o in node.owns for h in ([n.handle for n in parts[o]] if o in parts else [o]))

    nodes = tuple(n.model_copy(update={"owns": owns(n), "objective": _meant(n.objective, parts)}) for n in game.nodes)
    metrics = tuple(m.model_copy(update={"value": _meant(m.value, parts)}) for m in game.metrics)
    gone = {v.type.net for v in game.vars if v.name in parts}
    nets = (*(n for n in game.nets if n.name not in gone), *(n for copies in parts.values() for n in copies))
    plans = tuple(_scheduled(s, parts) if s.name == schedule else s for s in game.schedules)
    variables = tuple(v for v in game.vars if v.name not in parts)
    return game.model_copy(update={"nodes": nodes, "metrics": metrics, "nets": nets, "vars": variables, "schedules": plans})


def _meant(expr: Expr, parts: Parts) -> Expr:
    """Expectations over distributions written out as means over particles."""
    if not isinstance(expr, Reduce) or not any(d.over in parts for d in expr.draws):
        return rebuild(expr, lambda e: _meant(e, parts))
    terms, rest = [expr.body], list[Draw]()
    for draw in expr.draws:
        if draw.over not in parts:
            rest.append(draw)
            continue
        copies = parts[draw.over]
        terms = [_at(t, draw.names[0], copy) for t in terms for copy in copies]
    total = terms[0]
    for term in terms[1:]:
        total = Call(fn="add", args=(total, term))
    mean = total if len(terms) == 1 else Call(fn="div", args=(total, Num(value=Fraction(len(terms)))))
    inner = _meant(mean, parts)
    return Reduce(op=expr.op, draws=tuple(rest), body=inner) if rest else inner


def _at(expr: Expr, name: str, copy: ir.Net) -> Expr:
    """The network at the particle `copy` where it stood at the draw, and the particle's numbers where the draw stood alone."""
    if expr == Ref(name=name):
        return Ref(name=copy.handle)
    if isinstance(expr, Apply) and expr.at == Ref(name=name):
        return Apply(net=copy.name, args=tuple(_at(a, name, copy) for a in expr.args))
    return rebuild(expr, lambda e: _at(e, name, copy))


def _scheduled(schedule: ir.Schedule, parts: Parts) -> ir.Schedule:
    """Every particle moves as its distribution is scheduled, by a gradient that is not made smaller by the mean."""
    entries = []
    for e in schedule.entries:
        uses = tuple(_whole(u, len(parts.get(e.target, ()))) for u in e.directives if u.word != "particles")
        entries += [ir.Entry(target=n.handle, directives=uses) for n in parts[e.target]] if e.target in parts else [e]
    return schedule.model_copy(update={"entries": tuple(entries)})


def _whole(use: ir.Use, count: int) -> ir.Use:
    if use.word != "sgld" or not count or any(o.key == "count" for o in use.options):
        return use
    return use.model_copy(update={"options": (*use.options, ir.Option(key="count", value=Num(value=Fraction(count))))})


def drawn_as(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each distribution that is a mean of particles."""
    left = {v.name for v in after.vars}
    count = {n.name: sum(m.name not in {k.name for k in before.nets} and m.name.startswith(f"{n.name}_") for m in after.nets) for n in before.nets}
    return [
        f"  particles  `{v.name}` is the mean of {count[v.type.net]} networks like `{v.type.net}`"
        for v in before.vars
        if v.type.kind == "dist" and v.name not in left
    ]
