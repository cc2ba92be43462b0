"""Second derivatives as formulas: fields adjusted by their Jacobian, and derivatives through followers' answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gamespec.emit.closed.graph import Node, NotClosed
from gamespec.emit.closed.put import clipped, put
from gamespec.emit.closed.read import Array
from gamespec.emit.spell import spelled, target
from gamespec.emit.step import label
from gamespec.plan.ops import NOW, Adjust, Derive, Reach
from gamespec.plan.response import Implicit, Response, Unrolled
from gamespec.solvers.base import children

if TYPE_CHECKING:
    from gamespec.emit.closed.play import Play

_ADJUSTED = {
    "hamiltonian_field": "hamiltonian_numbers", "consensus_field": "consensus_numbers",
    "symplectic_field": "symplectic_numbers", "competitive_field": "competitive_numbers",
}  # fmt: skip
"""What is made of a field by its Jacobian, and the same for plain numbers."""

Own = tuple[str, str]
"""A variable and the player whose it is."""


def _owned(play: Play, nodes: Sequence[str]) -> list[Own]:
    found = [(o, n) for n in nodes for o in play.scene.game.node(n).owns]
    if any(o in play.scene.beams for o, _ in found):
        raise NotClosed("copies of a player take part in second derivatives")
    return found


def _field(play: Play, nodes: Sequence[str], point: str) -> list[Node]:
    """Every player's direction of descent in what it owns, number by number."""
    found: list[Node] = []
    for n in nodes:
        _, slopes = play.slopes(n, point)
        turn = play.graph.neg if play.scene.game.node(n).sense == "max" else lambda x: x
        found += [turn(x) for o in play.scene.game.node(n).owns for x in slopes[o].items]
    return found


def _at(play: Play, owned: Sequence[Own], point: str = NOW) -> list[Node]:
    """The numbers of some variables at a point."""
    names = play.reader(point).names
    return [x for o, _ in owned for x in names[o].items]


def _table(rows: Sequence[Sequence[str]]) -> str:
    return f"[{', '.join('[' + ', '.join(row) + ']' for row in rows)}]"


def _written(play: Play, rows: Sequence[Sequence[Node]], node: str) -> list[list[str]]:
    """Formulas in the cells of a table, to stand inside a line."""
    flat = iter(play.inline([x for row in rows for x in row], node))
    return [[next(flat) for _ in row] for row in rows]


def at_once(play: Play, op: Adjust | Reach) -> None:
    """What is made of all gradients and their Jacobian at once."""
    if isinstance(op, Adjust):
        _adjust(play, op)
    else:
        _reach(play, op)


def _adjust(play: Play, op: Adjust) -> None:
    """The gradients of all players, made of their field and its Jacobian."""
    kernel, options = _ADJUSTED.get(op.call), dict(op.options)
    if kernel is None:
        raise NotClosed(f"`{op.call}` is not written for plain numbers")
    owned = _owned(play, op.nodes)
    field, at = _field(play, op.nodes, op.at), _at(play, owned, op.at)
    if len(at) > int(str(options.get("steps", len(at)))):
        raise NotClosed(f"`{op.call}` stops before its linear system of {len(at)} numbers is solved")
    report(play, op.nodes, op.at)
    table = _written(play, [field, *(play.graph.gradient(f, at) for f in field)], op.nodes[0])
    given = [f"[{', '.join(table[0])}]", _table(table[1:])]
    if op.rates:
        rates = {n: [play.rate(o, 1.0) for o, m in owned if m == n for _ in play.reader().names[o].items] for n in op.nodes}
        given.append(_table(_written(play, list(rates.values()), op.nodes[0])))
        options = {}
    given += [f"{k}={v!r}" for k, v in options.items()]
    bases = [play.slope(o, op.into) for o, _ in owned]
    names = [name for (o, _), base in zip(owned, bases, strict=True) for name in play.spelt(o, base)]
    play.scene.reached.add(kernel)
    play.line(f"{target(names)} = {kernel}({', '.join(given)})", op.nodes[0])
    for (o, n), base in zip(owned, bases, strict=True):
        for name in play.spelt(o, base) if play.scene.game.node(n).sense == "max" else ():
            play.line(f"{name} = -{name}", n)
        play.bind(o, base)


def report(play: Play, nodes: Sequence[str], point: str = NOW) -> None:
    """What is said of players whose objectives no gradient has named yet."""
    wanted = [w for n in nodes for w in play.report(n, point, play.slopes(n, point)[0], f"value_{play.scene.title(n)}")]
    if wanted:
        play.assign(*zip(*wanted, strict=True))


# -------------------------------------------------------------- through answers


def _told(play: Play, nodes: Sequence[str], *, last: bool = False) -> None:
    """What is said of players who answer, or see an answer: their objectives where they stand now, for some the `last` time."""
    for n in nodes:
        if play.scene.game.node(n).axis:
            report(play, (n,))
            continue
        said, name = label(play.scene, n), f"value_{play.scene.title(n)}"
        play.losses[said] = name if last else play.losses.get(said, name)
        play.assign([name], play.slopes(n, NOW)[0], [n])


def through(play: Play, op: Derive, special: Sequence[tuple[str, Response]]) -> None:
    """Every leader's gradient through the answers of the followers of all."""
    (_, how), followers = special[0], [f for f, _ in special]
    alike = not any(play.scene.game.node(n).axis for n in op.nodes) and all(r == how for _, r in special)
    if not alike or not isinstance(how, Implicit | Unrolled):
        raise NotClosed(f"the derivative of {', '.join(op.nodes)} passes through an answer {how}")
    if isinstance(how, Unrolled):
        _unrolled(play, op, followers, how)
        return
    if how.how == "newton":
        _answered(play, followers, how)
    for leader in op.nodes:
        _implicit(play, op, leader, followers, how)


def _residual(play: Play, owned: Sequence[Own], field: Sequence[Node]) -> list[Node]:
    """The natural residual z - P(z - F) of a field F of some variables, where these stand."""
    g, rest, begin = play.graph, list[Node](), 0
    for o, _ in owned:
        at = play.reader().names[o]
        slope = field[begin : begin + len(at.items)]
        begin += len(at.items)
        into = play.var(o).set
        if into is None:
            rest += slope
            continue
        put_back = clipped(play, into, Array(at.shape, tuple(map(g.sub, at.items, slope))))
        if put_back is None:
            raise NotClosed(f"`{o}` is solved for in a set that is no box")
        rest += list(map(g.sub, at.items, put_back.items))
    return rest


def _slopes(play: Play, op: Derive, leader: str, direct: Sequence[Node]) -> None:
    """Give the leader's gradient its names; it is that of what it lowers, turned where it climbs."""
    owned, begin = _owned(play, (leader,)), 0
    for o, _ in owned:
        names = play.spelt(o, play.slope(o, op.into))
        play.assign(names, direct[begin : begin + len(names)], [leader] * len(names))
        begin += len(names)
    for o, _ in owned:
        play.bind(o, play.slope(o, op.into))


def _outer(play: Play, leader: str, at: Sequence[Node]) -> list[Node]:
    """The derivative of the leader's objective in some numbers, all else standing still."""
    return play.graph.gradient(play.reader().one(play.scene.game.node(leader).objective), at)


def _implicit(play: Play, op: Derive, leader: str, followers: Sequence[str], how: Implicit) -> None:
    """By the implicit function theorem: du = f_u - R_u' v with R_z' v = f_z."""
    g, ours, theirs = play.graph, _owned(play, (leader,)), _owned(play, followers)
    u, z = _at(play, ours), _at(play, theirs)
    rest = _residual(play, theirs, _field(play, followers, NOW))
    felt = [i for i, r in enumerate(rest) if not r.constant]
    solver = {"cg": "solved_of", "gmres": "solved_of", "newton": "solved_of", "neumann": "neumann_numbers", "approxgrad": "normal_numbers"}[how.how]
    if solver == "solved_of" and how.steps < len(felt):
        raise NotClosed(f"{how.steps} steps leave a linear system of {len(felt)} numbers unsolved")
    _told(play, (leader,))
    within = [z[i] for i in felt]
    rows = [g.gradient(rest[i], within) for i in felt]
    pulled = _outer(play, leader, within)
    if felt and len(felt) == 1 and solver == "solved_of":
        v = [g.call("zero_ratio", pulled[0], rows[0][0])]
    elif felt:
        table = _written(play, [pulled, *zip(*rows, strict=True)], leader)
        count = how.steps - (how.how == "neumann")
        more = f", steps={count}, rate={how.rate!r}" if solver != "solved_of" else ""
        names = [play.formulas.fresh("v") for _ in felt]
        play.scene.reached.add(solver)
        play.line(f"{target(names)} = {solver}({_table(table[1:])}, [{', '.join(table[0])}]{more})", followers[0])
        v = [g.name(n) for n in names]
    else:
        v = []
    turned = [g.gradient(rest[i], u) for i in felt]
    direct = _outer(play, leader, u)
    total = [g.sub(d, g.total(g.mul(x, row[k]) for x, row in zip(v, turned, strict=True))) for k, d in enumerate(direct)]
    _slopes(play, op, leader, total)


def _answered(play: Play, followers: Sequence[str], how: Implicit) -> None:
    """The followers' answer by Newton's method, from where they stand."""
    if any(children(play.scene.game, f) for f in followers):
        raise NotClosed("an answer has an answer below it")
    owned = _owned(play, followers)
    _solved(play, owned, lambda: _field(play, followers, NOW), f"steps={how.steps}, tol={how.tol!r}")
    _told(play, followers, last=True)


def _reach(play: Play, op: Reach) -> None:
    """The proximal point: where w = P(z - R F(w)), the rates R being plain."""
    if op.call != "proximal_point" or op.to != NOW or op.at != NOW:
        raise NotClosed(f"`{op.call}` finds a point at once, by a search of its own")
    owned, options, g = _owned(play, op.nodes), dict(op.options), play.graph
    report(play, op.nodes)
    start = [play.formulas.fresh(f"{n}_old") for o, _ in owned for n in play.spelt(o, spelled(o))]
    rates = [play.rate(o, 1.0) for o, _ in owned for _ in play.reader().names[o].items]
    play.assign(start, _at(play, owned), [op.nodes[0]] * len(start))
    begun = [g.name(n) for n in start]

    def pulled() -> list[Node]:
        parts = zip(rates, _field(play, op.nodes, NOW), _at(play, owned), begun, strict=True)
        return [g.add(g.mul(r, f), g.sub(w, z)) for r, f, w, z in parts]

    _solved(play, owned, pulled, f"steps={options['steps']!r}, tol={options['tol']!r}, attached=0")


def _solved(play: Play, owned: Sequence[Own], field: Callable[[], list[Node]], options: str) -> None:
    """Move some variables to where the natural residual of a field vanishes, by Newton's method from where they stand."""
    names, player = [n for o, _ in owned for n in play.spelt(o, spelled(o))], owned[0][1]
    known = dict(play.formulas.known)
    with play.block("def conditions(points):", player):
        play.line(f"{target(names)} = points")
        for o, _ in owned:
            play.bind(o, spelled(o))
        pull = field()
        rest, at = _residual(play, owned, pull), _at(play, owned)
        rows = [rest, *(play.graph.gradient(r, at) for r in rest), pull, *(play.graph.gradient(f, at) for f in pull)]
        cells, size = _written(play, rows, player), len(at)
        ends = [f"[{', '.join(cells[k])}]" for k in (0, size + 1)]
        play.line(f"return {ends[0]}, {_table(cells[1 : size + 1])}, {ends[1]}, {_table(cells[size + 2 :])}", player)
    play.formulas.known = dict(known)
    into = "None"
    if any(play.var(o).set is not None for o, _ in owned):
        into = "project"
        with play.block("def project(points):", player):
            play.line(f"{target(names)} = points")
            for o, n in owned:
                put(play, play.var(o).set, play.spelt(o, spelled(o)), play.bind(o, spelled(o)), n)
            play.line(f"return [{', '.join(names)}]")
        play.formulas.known = known
    play.scene.reached.add("answer_of")
    play.line(f"{target(names)} = answer_of(conditions, {into}, [{', '.join(names)}], {options})", player)
    for o, _ in owned:
        play.bind(o, spelled(o))


def _unrolled(play: Play, op: Derive, followers: Sequence[str], how: Unrolled) -> None:
    """Through the followers' plain steps: forwards once, and back over the iterates for every leader."""
    theirs = _owned(play, followers)
    rules = [play.scene.plan.rule(o) for o, _ in theirs]
    if not all(play.plainly(o) for o, _ in theirs) or any(dict(r.options).get("decay", "constant") != "constant" for r in rules):
        raise NotClosed("a follower is unrolled by other steps than plain ones of one length")
    names = [n for o, _ in theirs for n in play.spelt(o, spelled(o))]
    count, path = min(how.last or how.steps, how.steps), play.formulas.fresh("path")
    play.line(f"{path} = []")
    with play.block(f"for _ in range({how.steps}):", followers[0]):
        play.renew()
        play.line(f"{path}.append([{', '.join(names)}])")
        # All at once: each number's step sees where the others stood.
        play.line(f"{target(names)} = {target(play.inline(_advanced(play, followers, theirs), followers[0]))}", followers[0])
    play.renew()
    _told(play, op.nodes)
    for leader in op.nodes:
        _swept(play, op, leader, followers, f"{path}{f'[-{count}:]' if count < how.steps else ''}")


def _swept(play: Play, op: Derive, leader: str, followers: Sequence[str], path: str) -> None:
    """Back over the iterates for one leader; the followers stand at the end of their path before and after."""
    g, ours, theirs = play.graph, _owned(play, (leader,)), _owned(play, followers)
    names = [n for o, _ in theirs for n in play.spelt(o, spelled(o))]
    pulls = [play.formulas.fresh(f"pull_{n}") for n in names]
    slopes = [n for o, _ in ours for n in play.spelt(o, play.slope(o, op.into))]
    play.assign([*slopes, *pulls], _outer(play, leader, [*_at(play, ours), *_at(play, theirs)]), [leader] * (len(slopes) + len(pulls)))
    end = [play.formulas.fresh(f"{n}_end") for n in names]
    play.line(f"{target(end)} = [{', '.join(names)}]")
    with play.block(f"for {target(names)} in reversed({path}):", followers[0]):
        for o, _ in ours:
            play.bind(o, play.slope(o, op.into))
        play.renew()
        back, total = [g.name(p) for p in pulls], [g.name(s) for s in slopes]
        weighed = g.total(g.mul(p, x) for p, x in zip(back, _advanced(play, followers, theirs), strict=True))
        turned = g.gradient(weighed, [*_at(play, ours), *_at(play, theirs)])
        moved = [*map(g.add, total, turned), *turned[len(slopes) :]]
        play.line(f"{target([*slopes, *pulls])} = {target(play.inline(moved, followers[0]))}", followers[0])
    play.line(f"{target(names)} = {target(end)}")
    for o, _ in ours:
        play.bind(o, play.slope(o, op.into))
    play.renew()


def _advanced(play: Play, followers: Sequence[str], owned: Sequence[Own]) -> list[Node]:
    """One plain step of every follower, put back into its box, as formulas of where all stand."""
    field, g, found, begin = _field(play, followers, NOW), play.graph, list[Node](), 0
    for o, _ in owned:
        at, rate = play.reader().names[o], play.rate(o, 1.0)
        moved = Array(at.shape, tuple(g.sub(x, g.mul(rate, f)) for x, f in zip(at.items, field[begin:], strict=False)))
        begin += len(at.items)
        into = clipped(play, play.var(o).set, moved)
        if into is None:
            raise NotClosed(f"`{o}` is unrolled in a set that is no box")
        found += into.items
    return found
