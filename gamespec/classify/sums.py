"""How the players' objectives add up: zero-sum, constant-sum, identical, potential.

Objectives are compared as they are written, up to order, signs, rational factors and the names of bound samples; closed
forms are compared as polynomials over their functions, and by sympy where that alone does not show what points suggest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from gamespec.classify import interval, symbolic
from gamespec.classify.bounds import Known
from gamespec.classify.expand import Seat
from gamespec.classify.facts import Fact, proved, refuted, unknown
from gamespec.classify.form import Form, Unfit, collect, derivative, enclose
from gamespec.classify.proof import Range
from gamespec.classify.tree import Tree
from gamespec.ir import expr as ir
from gamespec.ir.game import Edge
from gamespec.ir.walk import expanded, free_names, rebuild

Terms = dict[ir.Expr, Fraction]
UNIT = ir.Num(value=Fraction(1))


@dataclass(frozen=True, slots=True)
class Sums:
    """How the objectives add up, each a fact."""

    zero: Fact
    constant: Fact
    identical: Fact
    potential: Fact


def linear(e: ir.Expr, known: Known) -> Terms:
    """An expression as a sum of terms with rational factors."""
    value = known.exact(e)
    if value is not None:
        return {UNIT: value} if value else {}
    match e:
        case ir.Call(fn="add" | "sub", args=(a, b)):
            return combined(linear(a, known), linear(b, known), Fraction(1 if e.fn == "add" else -1))
        case ir.Call(fn="neg", args=(a,)):
            return combined({}, linear(a, known), Fraction(-1))
        case ir.Call(fn="mul", args=(a, b)):
            for factor, other in ((known.exact(a), b), (known.exact(b), a)):
                if factor is not None:
                    return combined({}, linear(other, known), factor)
        case ir.Call(fn="div", args=(a, b)) if divisor := known.exact(b):
            return combined({}, linear(a, known), 1 / divisor)
        case ir.Reduce(op=("E" | "sum" | "mean") as op, draws=draws, body=body):
            return _reduced(op, draws, body, known)
    return {e: Fraction(1)}


def _reduced(op: str, draws: tuple[ir.Draw, ...], body: ir.Expr, known: Known) -> Terms:
    names = [name for draw in draws for name in draw.names]
    found: Terms = {}
    for term, factor in linear(body, known).items():
        if term == UNIT and op == "E":
            found[UNIT] = found.get(UNIT, Fraction(0)) + factor
            continue
        new = {name: f"${k}" for k, name in enumerate(names)}
        plain = tuple(d.model_copy(update={"names": tuple(new[n] for n in d.names)}) for d in draws)
        key = renamed(ir.Reduce.model_validate({"op": op, "draws": plain, "body": term}), new)
        found[key] = found.get(key, Fraction(0)) + factor
    return {term: factor for term, factor in found.items() if factor}


def renamed(e: ir.Expr, names: Mapping[str, str]) -> ir.Expr:
    """The expression with names replaced."""
    if isinstance(e, ir.Ref):
        return ir.Ref(name=names.get(e.name, e.name))
    return rebuild(e, lambda child: renamed(child, names))


def combined(a: Terms, b: Terms, factor: Fraction) -> Terms:
    """The sum a + factor * b."""
    found = dict(a)
    for term, value in b.items():
        found[term] = found.get(term, Fraction(0)) + factor * value
    return {term: value for term, value in found.items() if value}


def sums(known: Known, tree: Tree, seats: tuple[Seat, ...]) -> Sums:
    """The four facts of a game."""
    game = tree.game
    if len(game.nodes) == 1 and not tree.block:
        return _open("one player")
    if tree.edges and tree.block:
        return _open("players at once, some of whom lead others")
    if tree.edges:
        zero, identical = _nested(known, tree)
        potential = unknown("potential", "players move in turn")
        return Sums(zero, Fact("constant-sum", zero.verdict, zero.reason), identical, potential)
    members = sum(node.axis or 1 for node in game.nodes)
    if len(seats) == members:
        return _closed(known, seats)
    if any(node.axis for node in game.nodes):
        return _open("a family without closed form")
    return _written(known, tree)


def _open(text: str) -> Sums:
    return Sums(*(unknown(name, text) for name in ("zero-sum", "constant-sum", "identical-interest", "potential")))


def _nested(known: Known, tree: Tree) -> tuple[Fact, Fact]:
    """Zero-sum where every follower's value stands in its leader's objective, or might as well."""
    zero, same = True, True
    why: list[str] = []
    for edge in tree.edges:
        opposed = tree.sense(edge.parent) != tree.sense(edge.child)
        if edge.kind == "value":
            zero, same = zero and (edge.sign != 0), same and not opposed
            continue
        first, second = _costs(known, tree, edge)
        owned = tree.nodes[edge.child].owns
        names = {*owned, *(net.name for net in tree.game.nets if net.handle in owned)}
        zero = zero and not _seen(combined(first, second, Fraction(1)), names)
        same = same and not _seen(combined(first, second, Fraction(-1)), names)
        if not zero:
            why.append(f"{_owned(tree, edge.child)} has an objective of its own")
    if same:
        return refuted("zero-sum", "all push the same way"), proved("identical-interest", "all push the same way")
    apart = refuted("identical-interest", "they push different ways")
    if zero:
        return proved("zero-sum", "a follower's value is its leader's objective"), apart
    return unknown("zero-sum", why[0] if why else "the sign of a follower's value is unknown"), apart


def _owned(tree: Tree, node: str) -> str:
    return ", ".join(f"`{name}`" for name in tree.nodes[node].owns)


def _seen(terms: Terms, names: set[str]) -> bool:
    """Whether a term depends on one of the names: others do not change what their owner does."""
    return any(names & set(free_names(term)) for term in terms)


def _costs(known: Known, tree: Tree, edge: Edge) -> tuple[Terms, Terms]:
    """The costs of a leader and its follower, both of one sample where the follower's is."""
    child = tree.nodes[edge.child]
    above = expanded(tree.game, edge.parent)
    if (
        child.scope
        and not tree.nodes[edge.parent].scope
        and isinstance(above, ir.Reduce)
        and above.draws == child.scope
    ):
        above = above.body
    pair = ((above, tree.nodes[edge.parent].sense), (expanded(tree.game, edge.child), child.sense))
    first, second = (combined({}, linear(e, known), Fraction(1 if sense == "min" else -1)) for e, sense in pair)
    return first, second


def _written(known: Known, tree: Tree) -> Sums:
    costs = [
        combined({}, linear(expanded(tree.game, n.id), known), Fraction(1 if n.sense == "min" else -1))
        for n in tree.game.nodes
    ]
    total: Terms = {}
    for cost in costs:
        total = combined(total, cost, Fraction(1))
    constant = set(total) <= {UNIT}
    text = f"the costs add up to {total.get(UNIT, 0)}"
    same = all(cost == costs[0] for cost in costs)
    return Sums(
        _known("zero-sum", text, holds=not total), _known("constant-sum", text, holds=constant),
        _known("identical-interest", "all have one objective", holds=same),
        proved("potential", "the common objective") if same else unknown("potential", "no closed form"),
    )  # fmt: skip


def _known(name: str, text: str, *, holds: bool) -> Fact:
    """What reading alone tells: it can prove, not refute."""
    return proved(name, text) if holds else unknown(name, "the objectives are written differently")


def _closed(known: Known, seats: tuple[Seat, ...]) -> Sums:
    total = collect(term for seat in seats for term in seat.cost.terms)
    ranges = {name: known.place(name.partition("[")[0]).range for seat in seats for name in seat.cost.names}
    constant = total.constant if total.constant is not None else (Fraction(0) if _vanishes(total, ranges) else None)
    zero = _settled("zero-sum", f"the costs add up to {constant}", total, holds=constant == 0)
    level = _settled("constant-sum", f"the costs add up to {constant}", total, holds=constant is not None)
    differences = [seat.cost - seats[0].cost for seat in seats[1:]]
    same = all(_vanishes(d, ranges) for d in differences)
    identical = _settled("identical-interest", "all have one objective", *differences, holds=same)
    return Sums(zero, level, identical, _potential(seats, ranges))


def _settled(name: str, text: str, *forms: Form, holds: bool) -> Fact:
    """A fact about forms: polynomials with other coefficients are other functions."""
    if holds:
        return proved(name, text)
    if any(f.polynomial and f.terms for f in forms):
        return refuted(name, "the objectives are other polynomials")
    return unknown(name, "not seen from their forms")


def _vanishes(form: Form, ranges: Mapping[str, Range]) -> bool:
    """Whether a form is zero everywhere: by its terms, or by sympy where points do not rule it out."""
    if not form.terms or form.polynomial:
        return not form.terms
    for k in range(3):
        box = {name: interval.exact(ranges[name].trial()[(k + i) % 5]) for i, name in enumerate(sorted(form.names))}
        lo, hi = enclose(form, box)
        if lo > 0 or hi < 0:
            return False
    return symbolic.vanishes(form)


def _potential(seats: tuple[Seat, ...], ranges: Mapping[str, Range]) -> Fact:
    """Whether one function drives all players: equal mixed derivatives (Monderer and Shapley 1996, theorem 4.5)."""
    try:
        for k, first in enumerate(seats):
            for second in seats[k + 1 :]:
                for a in first.names:
                    for b in second.names:
                        gap = derivative(derivative(first.cost - second.cost, a), b)
                        if not _vanishes(gap, ranges):
                            return _settled("potential", "mixed derivatives agree", gap, holds=False)
    except Unfit:
        return unknown("potential", "an objective has kinks")
    return proved("potential", "mixed derivatives agree")
