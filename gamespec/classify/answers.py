"""Followers whose answer has a closed form, put into the objectives above them.

A follower without a set whose cost is quadratic and strongly convex in its own variables answers H⁻¹(-g), where g is
its slope at zero; with that the leader's problem is one in its own variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from gamespec.classify import matrix
from gamespec.classify.bounds import Known
from gamespec.classify.expand import Seat
from gamespec.classify.form import ONE, ZERO, Form, Unfit, apply, derivative
from gamespec.classify.proof import hessian
from gamespec.classify.tree import Tree


def substitute(form: Form, values: Mapping[str, Form]) -> Form:
    """The form with variables replaced by forms. Raises Unfit."""
    found = ZERO
    for monomial, coefficient in form.terms:
        term = ONE.times(coefficient)
        for atom, n in monomial:
            if atom.arg is None:
                here = values.get(atom.key, Form(((((atom, 1),), Fraction(1)),)))
            elif atom.fn == "same":
                here = substitute(atom.arg, values)
            else:
                here = apply(atom.fn, substitute(atom.arg, values))
            term = term * here**n
        found = found + term
    return found


def answered(known: Known, tree: Tree, seats: tuple[Seat, ...]) -> tuple[tuple[Seat, ...], frozenset[str]]:
    """The players with their followers' answers put in, and the leaders for whom that was possible."""
    if not seats or any(edge.kind == "value" for edge in tree.edges) or any(node.axis for node in tree.game.nodes):
        return seats, frozenset()
    # The variables of a level and of those below it.
    beside = {
        level: frozenset(name for s in seats if tree.levels[s.node] >= level for name in s.names)
        for level in tree.levels.values()
    }
    answers: list[dict[str, Form]] = []
    missing = False
    done: set[str] = set()
    found: dict[str, Seat] = {}
    for seat in sorted(seats, key=lambda s: -tree.levels[s.node]):
        if seat.node in tree.leaders and not missing:
            cost = seat.cost
            try:
                for values in answers:
                    cost = substitute(cost, values)
            except Unfit:
                missing = True
            else:
                seat = replace(seat, cost=cost)
                done.add(seat.node)
        found[seat.node] = seat
        own = answer(known, seat) if seat.node in tree.followers and not missing else None
        if own is not None and any(f.names & beside[tree.levels[seat.node]] for f in own.values()):
            own = None  # Followers that answer each other: an equilibrium, not one answer after the other.
        missing = missing or (seat.node in tree.followers and own is None)
        if own is not None:
            answers.append(own)
    return tuple(found[seat.node] for seat in seats), frozenset(done)


def answer(known: Known, seat: Seat) -> dict[str, Form] | None:
    """The best answer of a player by variable, None where it is not an affine system."""
    spans = [known.place(name.partition("[")[0]).range for name in seat.names]
    if not all(r.free and r.lo is None and r.hi is None for r in spans):
        return None
    try:
        cells = [[f.constant for f in row] for row in hessian(seat.cost, seat.names)]
        own = dict.fromkeys(seat.names, ZERO)
        slopes = [substitute(derivative(seat.cost, name), own) for name in seat.names]
    except Unfit:
        return None
    if any(x is None for row in cells for x in row):
        return None
    numbers = [[x or Fraction(0) for x in row] for row in cells]
    if matrix.least(numbers) <= 0:
        return None
    found: dict[str, Form] = {}
    for name, weights in zip(seat.names, _inverse(numbers), strict=True):
        total = ZERO
        for weight, slope in zip(weights, slopes, strict=True):
            total = total - slope.times(weight)
        found[name] = total
    return found


def _inverse(a: list[list[Fraction]]) -> list[list[Fraction]]:
    """The rows of the inverse of a symmetric matrix that has one."""
    units = [[Fraction(i == j) for j in range(len(a))] for i in range(len(a))]
    return [row for unit in units if (row := matrix.solve(a, unit)) is not None]
