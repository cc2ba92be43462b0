"""What holds between the players: whether minimax equals maximin, and whether the joint gradient field is monotone."""

from __future__ import annotations

from fractions import Fraction

from gamespec.classify.answers import answered
from gamespec.classify.bounds import Known
from gamespec.classify.curvature import Rules
from gamespec.classify.curve import flip
from gamespec.classify.expand import Expansion, Seat, names_of
from gamespec.classify.facts import SADDLE, Fact, PlayerFacts, proved, refuted, short, spell_point, unknown
from gamespec.classify.form import Form, Unfit, derivative
from gamespec.classify.matrix import least, solve
from gamespec.classify.players import Problem, Sense, curvature
from gamespec.classify.proof import Forms, Range, decide, hessian
from gamespec.classify.tree import Tree
from gamespec.classify.whole import whole_saddle

MONOTONE = "monotone field"
ORDER = "the order of play matters"
Field = tuple[tuple[str, Form], ...]


def field_of(seats: tuple[Seat, ...]) -> Field:
    """Every player's slope of its own cost, by variable; empty where there is none."""
    try:
        return tuple((name, derivative(seat.cost, name)) for seat in seats for name in seat.names)
    except Unfit:
        return ()


def jacobian(field: Field) -> Forms:
    """The derivatives of a field; empty where there are none."""
    try:
        return tuple(tuple(derivative(slope, name) for name, _ in field) for _, slope in field)
    except Unfit:
        return ()


def _range(known: Known, name: str) -> Range:
    return known.place(name.partition("[")[0]).range


# ------------------------------------------------------------------ minimax and maximin


def saddle(known: Known, tree: Tree, players: tuple[PlayerFacts, ...], seats: tuple[Seat, ...], *, zero_sum: bool) -> Fact:
    """Whether minimax equals maximin, so that the order does not matter; refuted where no saddle point exists."""
    if not zero_sum:
        return unknown(SADDLE, "not a zero-sum game")
    if tree.block and (len(players) != 2 or any(p.count > 1 for p in players)):
        return unknown(SADDLE, "not a game of two players")
    low, high = sides(tree, players)
    convex, concave = _team(known, tree, low, players, "min"), _team(known, tree, high, players, "max")
    if convex.verdict and concave.verdict:
        if not all(p.convex_set.verdict for p in players):
            return unknown(SADDLE, "convex-concave on a set that is not known to be convex")
        return _minimax_theorem(known, (low, high), seats)
    whole = whole_saddle(known, seats)
    if whole is not None:
        return whole
    if wrong_way(tree, players):
        return unknown(SADDLE, wrong_way(tree, players))
    missing, team = (convex, low) if not convex.verdict else (concave, high)
    if missing.verdict is None and not seats:
        return unknown(SADDLE, f"nonconvex: no theorem; {missing.reason}")
    names = ", ".join(name for p in team for name in p.owns)
    return unknown(SADDLE, f"not {missing.name} in {names}: {missing.reason}" if missing.verdict is False else str(missing.reason))


Team = tuple[PlayerFacts, ...]


def sides(tree: Tree, players: Team) -> tuple[Team, Team]:
    """Those who lower the objective of the root and those who raise it; in a block of two one each."""
    if tree.block:
        return players[:1], players[1:]
    push = pushes(tree)
    return tuple(p for p in players if push[p.node] == "min"), tuple(p for p in players if push[p.node] == "max")


def pushes(tree: Tree) -> dict[str, Sense]:
    """Which way each node of a zero-sum game pushes the objective of the root: an answer goes against its leader."""
    found: dict[str, Sense] = {root: tree.sense(root) for root in tree.game.root}
    for _ in tree.game.nodes:
        for edge in tree.edges:
            same = edge.kind == "value" and tree.sense(edge.child) == tree.sense(edge.parent)
            up = found.get(edge.parent)
            if up is not None:
                found[edge.child] = up if same else ("max" if up == "min" else "min")
    return found


def wrong_way(tree: Tree, players: Team) -> str:
    """What it means that two players are each bent against their own direction; "" where they are not."""
    if len(players) != 2 or any(not p.reverse.verdict or p.affine.verdict for p in players):
        return ""
    names = [f"`{', '.join(p.owns)}`" for p in players] if tree.block else ["the leader", "the follower"]
    parts = (f"{p.reverse.name} in {name} ({p.reverse.reason})" for p, name in zip(players, names, strict=True))
    return f"{', '.join(parts)}: no saddle point need exist"


def _team(known: Known, tree: Tree, team: Team, players: Team, sense: Sense) -> Fact:
    """Whether the objective of the root is convex (concave) in all that one side moves, jointly."""
    if len(team) == 1 and len(players) == 2:
        return team[0].convexity
    root = tree.nodes[tree.game.root[0]]
    names = tuple(name for p in team for name in p.owns)
    curve = Rules(known, frozenset(names)).read(root.objective)
    try:
        cost = Expansion(known.game).seat(root, 0).cost
        cost = cost if sense == tree.sense(root.id) else -cost
        numbers = tuple(n for name in names for n in names_of(name, known.vars[name].type.shape))
        costs: tuple[tuple[Form, tuple[str, ...]], ...] = ((cost, numbers),)
    except Unfit:
        costs = ()
    task = Problem(sense, curve if root.sense == tree.sense(root.id) else flip(curve), names, costs, lambda n: _range(known, n))
    return curvature(task)[0]


def _minimax_theorem(known: Known, teams: tuple[Team, Team], seats: tuple[Seat, ...]) -> Fact:
    if any(all(p.compact.verdict for p in team) for team in teams):
        return proved(SADDLE, "minimax equals maximin (Sion), orders agree")
    if all(len(team) == 1 and team[0].modulus for team in teams):
        return proved(SADDLE, "strongly convex-concave: there is exactly one saddle point, orders agree")
    point = _stationary(known, seats)
    if point:
        return proved(SADDLE, f"convex-concave and stationary at {spell_point(point)}, a saddle point: orders agree")
    return unknown(SADDLE, "convex-concave, but no side is compact")


def _stationary(known: Known, seats: tuple[Seat, ...]) -> tuple[tuple[str, Fraction], ...]:
    """The point where an affine field vanishes, if it lies in the sets; empty if there is none."""
    field = field_of(seats)
    matrix = [[f.constant for f in row] for row in jacobian(field)]
    if not matrix or any(x is None for row in matrix for x in row):
        return ()
    ranges = [_range(known, name) for name, _ in field]
    rest = [dict(slope.terms).get((), Fraction(0)) for _, slope in field]
    found = solve([[x or Fraction(0) for x in row] for row in matrix], [-c for c in rest])
    if found is None or not all(_member(x, r) for x, r in zip(found, ranges, strict=True)):
        return ()
    return tuple(zip((name for name, _ in field), found, strict=True))


def _member(x: Fraction, span: Range) -> bool:
    return span.free and (span.lo is None or span.lo <= x) and (span.hi is None or x <= span.hi)


# ------------------------------------------------------------------ general-sum games in turn


def order_apart(known: Known, tree: Tree, seats: tuple[Seat, ...]) -> Fact:
    """Whether the game in turn has another solution than the game at once, for strictly convex quadratic players."""
    if tree.block or not tree.followers:
        return unknown(ORDER, "nobody follows anybody")
    if any(node.constraints for node in tree.game.nodes) or any(group.constraints for group in tree.game.groups):
        return unknown(ORDER, "a constraint stands between the players")
    seen, leaders = answered(known, tree, seats)
    if leaders != tree.leaders or not all(_bowl(seat) for seat in (*seats, *seen)):
        return unknown(ORDER, "not all players are strictly convex quadratics with free followers")
    at_once, in_turn = _stationary(known, seats), _stationary(known, seen)
    if not at_once or not in_turn:
        return unknown(ORDER, "a solution lies at a bound")
    if at_once == in_turn:
        return refuted(ORDER, f"in turn and at once both end at {spell_point(in_turn)}")
    return proved(ORDER, f"in turn {spell_point(in_turn)}, at once {spell_point(at_once)}")


def _bowl(seat: Seat) -> bool:
    """Whether a player's cost is strictly convex in its own numbers, with constant curvature."""
    try:
        cells = [[f.constant for f in row] for row in hessian(seat.cost, seat.names)]
    except Unfit:
        return False
    numbers = [[x for x in row if x is not None] for row in cells]
    return all(len(row) == len(cells) for row in numbers) and least(numbers) > 0


# ------------------------------------------------------------------ monotone fields


def monotone(known: Known, tree: Tree, players: tuple[PlayerFacts, ...], seats: tuple[Seat, ...], *, zero_sum: bool) -> Fact:
    """Whether the joint field of all players' own slopes is monotone, and how strongly."""
    if len(tree.game.nodes) == 1 and not tree.block:
        return unknown(MONOTONE, "one player")
    if tree.followers and not zero_sum:
        return unknown(MONOTONE, "a follower's answer is seen: the simultaneous field is not what is solved")
    field = field_of(seats)
    cells = jacobian(field)
    members = sum(p.count for p in players)
    if cells and len(seats) == members:
        return _monotone_closed(known, field, cells)
    if zero_sum and len(players) == 2 and all(p.convexity.verdict for p in players):
        return proved(MONOTONE, "the gradients of a convex-concave function")
    return unknown(MONOTONE, "nonconvex: no theorem" if not cells else "not treated")


def _monotone_closed(known: Known, field: Field, cells: Forms) -> Fact:
    n = len(field)
    half = Fraction(1, 2)
    middle = tuple(tuple((cells[i][j] + cells[j][i]).times(half) for j in range(n)) for i in range(n))
    names = set().union(*(f.names for row in middle for f in row), *(slope.names for _, slope in field), {name for name, _ in field})
    verdict = decide(middle, {name: _range(known, name) for name in sorted(names)}, tuple(slope for _, slope in field))
    if verdict.holds and verdict.bound:
        return proved(MONOTONE, f"strongly, modulus {short(verdict.bound)}")
    if verdict.holds:
        turning = verdict.constant and any((cells[i][j] - cells[j][i]).terms for i in range(n) for j in range(i))
        return proved(MONOTONE, "not strictly: simultaneous gradient steps may cycle" if turning else "")
    if verdict.holds is False:
        return refuted(MONOTONE, f"its symmetric part has the eigenvalue {short(verdict.value)}", verdict.point)
    return unknown(MONOTONE, "intervals do not decide")
