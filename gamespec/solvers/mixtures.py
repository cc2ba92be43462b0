"""Mixed strategies as a few particles: the distribution is their mean, or their mixture by weights on a simplex.

min{p} max{q} E{u ~ p, v ~ q}[ f(u, v) ] becomes min{u, a} max{v, b} of the sum of a_i b_j f(u_i, v_j) over all pairs, with
even weights a = 1/n unless the schedule gives the distribution `hedge`. Then weights are multiplied (entropic mirror descent) and
a particle moves by its own slope, that of the sum divided by its weight: the steps of a cone over the particles. With steps
shaken by noise the particles sample the distributions (entropic mirror descent in its sampled form).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gamespec.check.constant import plain
from gamespec.check.shape import globals_of
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Call, Draw, Expr, Index, Num, Reduce, Ref, Word
from gamespec.ir.types import REAL
from gamespec.ir.walk import free_names, rebuild, walk

SHARE = "share"
"""What a schedule says of a particle with a weight, which nobody writes: its slope is divided by that."""

MOST, MOST_POINTS = 6, 32
"""Particles of one distribution over networks, where every pair is written out, and over numbers."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands for a distribution: `count` networks, or as many points in one variable; weights where they have some."""

    var: ir.Var
    count: int
    nets: tuple[ir.Net, ...]
    weights: str

    @property
    def owns(self) -> tuple[str, ...]:
        """What its player chooses."""
        return (*([n.handle for n in self.nets] or [self.var.name]), *([self.weights] if self.weights else []))

    @property
    def made(self) -> list[ir.Var]:
        """The variables that it needs: the points, which begin anywhere in their set, and the weights."""
        whole = REAL.model_copy(update={"shape": (self.count, *self.var.type.shape)})
        points = [] if self.nets else [self.var.model_copy(update={"type": whole, "init": Word(value="uniform")})]
        simplex = ir.Set(parts=(ir.Part(word="Simplex", args=(_num(self.count), _num(1))),))
        weights = [ir.Var(name=self.weights, type=REAL.model_copy(update={"shape": (self.count,)}), set=simplex)] if self.weights else []
        return points + weights

    def averaged(self, body: Expr, name: str) -> Expr:
        """The expectation of a formula of one draw: a sum over its particles."""
        if self.nets:
            terms = [self._weighed(_at(body, name, net), _num(k)) for k, net in enumerate(self.nets)]
            total = terms[0]
            for term in terms[1:]:
                total = Call(fn="add", args=(total, term))
        else:
            at = f"{name}_of"
            point = _put(body, name, Index(base=Ref(name=self.var.name), indices=(Ref(name=at),)))
            total = Reduce(op="sum", draws=(Draw(names=(at,), draws=False, last=self.count - 1),), body=self._weighed(point, Ref(name=at)))
        return total if self.weights or self.count == 1 else Call(fn="div", args=(total, _num(self.count)))

    def _weighed(self, term: Expr, at: Expr) -> Expr:
        return Call(fn="mul", args=(Index(base=Ref(name=self.weights), indices=(at,)), term)) if self.weights else term

    def entries(self, uses: tuple[ir.Use, ...]) -> list[ir.Entry]:
        """Particles move as their distribution is scheduled, by slopes that are not made smaller by mean or weight."""
        found, moving = [], tuple(_whole(u, 0 if self.weights else self.count) for u in uses if u.word not in ("particles", "hedge"))
        for k, name in enumerate(n.handle for n in self.nets) if self.nets else ((-1, self.var.name),):
            divided = (ir.Use(word=SHARE, args=(Word(value=self.weights), _num(k))),) if self.weights else ()
            found.append(ir.Entry(target=name, directives=(*moving, *divided)))
        if self.weights:
            found.append(ir.Entry(target=self.weights, directives=tuple(u for u in uses if u.word == "hedge")))
        return found


Parts = dict[str, _Part]
"""What stands for each distribution, by its name."""


def share(use: ir.Use) -> tuple[str, int]:
    """Which weights a slope is divided by: by the number at a place, or row by row at -1."""
    weights, place = use.args
    return str(plain(weights)), int(str(plain(place)))


def mixed(game: ir.Game, schedule: str) -> ir.Game:
    """The game with `particles(n)` for every distribution over parameters or numbers; 2 networks, 8 points without a word.

    Left as they are: distributions over a network that is brought, one that somebody uses beside the distribution, those
    whose draws somebody answers one by one, and more than MOST networks or MOST_POINTS points.
    Source: Hsieh, Liu and Cevher 2019, algorithm 2, for particles moved by Langevin steps; Domingo-Enrich et al. 2020,
    section 4, and Wang and Chizat 2022, algorithm 1, for particles with weights.
    """
    entries = {e.target: e.directives for e in next((s for s in game.schedules if s.name == schedule), game.schedules[0]).entries}
    parts: Parts = {}
    taken = {*globals_of(game), *(n.name for n in game.nets)}
    answered = {d.over for n in game.nodes for d in n.scope}
    for var in (v for v in game.vars if v.type.kind == "dist" and v.name not in answered):
        net = next((n for n in game.nets if n.name == var.type.net), None)
        points = not var.type.net
        if not points and (net is None or net.source is None or net.source.word == "py" or var.set is not None or _used_alone(game, var, net)):
            continue
        uses = entries.get(var.name, ())
        count = next((int(str(plain(o.value))) for u in uses if u.word == "particles" for o in u.options), 8 if points else 2)
        if 1 <= count <= (MOST_POINTS if points else MOST):
            weights = f"{var.name}_weights" if any(u.word == "hedge" for u in uses) else ""
            while weights and weights in taken:
                weights += "_"
            parts[var.name] = _Part(var, count, _copies(taken, net, count) if net is not None else (), weights)
    return _replaced(game, schedule, parts) if parts else game


def _copies(taken: set[str], net: ir.Net, count: int) -> tuple[ir.Net, ...]:
    found, k = list[ir.Net](), 1
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
        return tuple(h for o in node.owns for h in (parts[o].owns if o in parts else (o,)))

    nodes = tuple(n.model_copy(update={"owns": owns(n), "objective": _meant(n.objective, parts)}) for n in game.nodes)
    metrics = tuple(m.model_copy(update={"value": _meant(m.value, parts)}) for m in game.metrics)
    gone = {p.var.type.net for p in parts.values()}
    nets = (*(n for n in game.nets if n.name not in gone), *(n for p in parts.values() for n in p.nets))
    plans = tuple(_scheduled(s, parts) if s.name == schedule else s for s in game.schedules)
    variables = (*(v for v in game.vars if v.name not in parts), *(v for p in parts.values() for v in p.made))
    return game.model_copy(update={"nodes": nodes, "metrics": metrics, "nets": nets, "vars": variables, "schedules": plans})


def _meant(expr: Expr, parts: Parts) -> Expr:
    """Expectations over distributions written out as sums over particles."""
    if not isinstance(expr, Reduce) or not any(d.over in parts for d in expr.draws):
        return rebuild(expr, lambda e: _meant(e, parts))
    body, rest = expr.body, list[Draw]()
    for draw in expr.draws:
        if draw.over in parts:
            body = parts[draw.over].averaged(body, draw.names[0])
        else:
            rest.append(draw)
    inner = _meant(body, parts)
    return Reduce(op=expr.op, draws=tuple(rest), body=inner) if rest else inner


def _at(expr: Expr, name: str, copy: ir.Net) -> Expr:
    """The network at the particle `copy` where it stood at the draw, and the particle's numbers where the draw stood alone."""
    if expr == Ref(name=name):
        return Ref(name=copy.handle)
    if isinstance(expr, Apply) and expr.at == Ref(name=name):
        return Apply(net=copy.name, args=tuple(_at(a, name, copy) for a in expr.args))
    return rebuild(expr, lambda e: _at(e, name, copy))


def _put(expr: Expr, name: str, point: Expr) -> Expr:
    return point if expr == Ref(name=name) else rebuild(expr, lambda e: _put(e, name, point))


def _scheduled(schedule: ir.Schedule, parts: Parts) -> ir.Schedule:
    """What is said of a distribution, for its particles and their weights."""
    written = {e.target: e.directives for e in schedule.entries}
    entries = [e for e in schedule.entries if e.target not in parts]
    return schedule.model_copy(update={"entries": (*entries, *(e for o, p in parts.items() for e in p.entries(written.get(o, ()))))})


def _whole(use: ir.Use, count: int) -> ir.Use:
    if use.word != "sgld" or not count or any(o.key == "count" for o in use.options):
        return use
    return use.model_copy(update={"options": (*use.options, ir.Option(key="count", value=_num(count)))})


def _num(value: int) -> Num:
    return Num(value=Fraction(value))


def drawn_as(before: ir.Game, after: ir.Game) -> list[str]:
    """A line for each distribution that is played by particles."""
    left = {v.name: v for v in after.vars}
    known, lines = {n.name for n in before.nets}, []
    for v in (v for v in before.vars if v.type.kind == "dist" and v.type.net not in {d.name for d in before.data}):
        weighed = any(name.startswith(f"{v.name}_weights") for name in left)
        how = "the mixture, by weights," if weighed else "the mean"
        if not v.type.net and left[v.name].type.kind != "dist":
            lines.append(f"  particles  `{v.name}` is {how} of {left[v.name].type.shape[0]} points")
        elif v.type.net and v.name not in left:
            count = sum(m.name not in known and m.name.startswith(f"{v.type.net}_") for m in after.nets)
            lines.append(f"  particles  `{v.name}` is {how} of {count} networks like `{v.type.net}`")
    return lines
