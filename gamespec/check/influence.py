"""Who can move what: followers that ignore their leader, terms that nobody moves, metrics on training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check.constant import row_count
from gamespec.check.traps import batch_coupled
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Call, Expr, Reduce, Ref, Stop, Value
from gamespec.ir.walk import children, expanded, free_names, walk
from gamespec.library.functions import CONSTANTS, FUNCTIONS

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(game: ir.Game, build: Build) -> None:
    """Record what moves nobody, and what moves more than it seems.

    Followers that ignore their leader (GW313), answers that nobody reads (GW316), dead terms (GW314), metrics on training
    data (GW507), and networks that normalise by their batch inside an answer for each sample (GN412).
    """
    if build.log.failed:
        return
    owned = {node.id: _names(game, node) for node in game.nodes}
    _ignored(game, build, owned)
    everybody = frozenset().union(*owned.values())
    drawn = (d for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws)
    everybody |= {name for d in drawn if d.over in everybody for name in d.names}
    for node in game.nodes:
        if node.choice is None and not node.id.startswith("@") and any(not _fixed(t, everybody) for t in _terms(node.objective)):
            plain = {p.name for p in game.params} | CONSTANTS.keys()
            dead = next((t for t in _terms(node.objective) if _fixed(t, everybody) and set(free_names(t)) - plain), None)
            if dead is not None:
                build.log.add("GW314", "a term that no player can move", build.spans[f"node:{node.id}"], _speaks_of(dead),
                              hint="drop it, or check its names")  # fmt: skip
    _remembered(game, build)
    _normalised(game, build)


def _normalised(game: ir.Game, build: Build) -> None:
    """A sample that is answered on its own must not see the others through the statistics of a batch.

    Programs leave such a network in eval mode while samples are answered, and in train mode only while its own player
    moves, so that the answer is one of the sample alone; an objective of many rows together is written with `iid`.
    """
    coupled = {n.name for n in game.nets if batch_coupled(n)}
    for node in game.nodes:
        used = sorted({e.net for e in walk(node.objective) if isinstance(e, Apply)} & coupled)
        if node.scope and used:
            build.log.add("GN412", f"`{used[0]}` normalises by its batch, and `{node.owns[0]}` answers each sample", build.spans[f"node:{node.id}"],
                          "there it uses its running statistics, so that no sample sees another",
                          hint="take a network such as `small_cnn`; for many rows together draw `S ~ iid(train, 64)`")  # fmt: skip


def _names(game: ir.Game, node: ir.Node) -> frozenset[str]:
    nets = {n.handle: n.name for n in game.nets}
    return frozenset(node.owns) | {nets[o] for o in node.owns if o in nets}


def _ignored(game: ir.Game, build: Build, owned: dict[str, frozenset[str]]) -> None:
    uses = {n.id: frozenset(free_names(expanded(game, n.id))) | _drawn(n.objective) | _bounds(game, n) for n in game.nodes}
    above: dict[str, set[str]] = {}
    for _ in game.nodes:
        for edge in game.edges:
            above.setdefault(edge.child, set()).update({edge.parent, *above.get(edge.parent, ())})
    _unheard(game, build, owned, uses)
    for child, parents in above.items():
        seen, todo = set[str](), [child]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += [other for other, names in owned.items() if names & uses[here]]
        if not seen & parents and not game.node(child).choice:
            name = game.node(child).owns[0]
            build.log.add("GW313", f"`{name}` ignores the players around it", build.spans[f"node:{child}"],
                          "its answer is the same whatever they choose", hint="use what its leader chooses in its objective")  # fmt: skip


def _unheard(game: ir.Game, build: Build, owned: dict[str, frozenset[str]], uses: dict[str, frozenset[str]]) -> None:
    """Warn of an answer `w = argmin{w}[ .. ]` that nobody reads: no other player, no metric, no expectation (GW316)."""
    told = {n for e in (*(m.value for m in game.metrics), *(e.condition for e in game.expects)) for n in free_names(e)}
    for edge in game.edges:
        read = told.union(*(uses[n.id] for n in game.nodes if n.id != edge.child))
        if edge.kind == "response" and not owned[edge.child] & read:
            name = game.node(edge.child).owns[0]
            build.log.add("GW316", f"nobody reads the answer `{build.written.get(name, name)}`", build.spans[f"node:{edge.child}"],
                          "the players around it do the same whatever it is", hint="use it in the objective of its leader, or drop it")  # fmt: skip


def _drawn(formula: Expr) -> frozenset[str]:
    return frozenset(d.over for e in walk(formula) if isinstance(e, Reduce) for d in e.draws)


def _bounds(game: ir.Game, node: ir.Node) -> frozenset[str]:
    """The names that the sets of a node's variables, and its constraints, depend on."""
    parts = [p for v in game.vars if v.name in node.owns and v.set is not None for p in v.set.parts]
    formulas = [e for p in parts for e in (*p.args, *((p.shift,) if p.shift is not None else ()))]
    return frozenset(n for e in (*formulas, *node.constraints) for n in free_names(e))


# ------------------------------------------------------------------ dead terms


def _terms(e: Expr) -> list[Expr]:
    match e:
        case Call(fn="add" | "sub"):
            return [t for a in e.args for t in _terms(a)]
        case Call(fn="neg"):
            return _terms(e.args[0])
        case Reduce(op="E"):
            return _terms(e.body)
    return [e]


def _fixed(e: Expr, names: frozenset[str]) -> bool:
    """Whether no slope in any of these names passes through a term."""
    match e:
        case Stop():
            return True
        case Value():
            return False
        case Call() if e.fn in FUNCTIONS and FUNCTIONS[e.fn].piecewise_constant:
            return True
        case Reduce() if any(d.over in names for d in e.draws):
            return False
    if (isinstance(e, Ref) and e.name in names) or getattr(e, "net", "") in names:
        return False
    return all(_fixed(c, names) for c in children(e))


def _speaks_of(e: Expr) -> str:
    return f"it speaks of {', '.join(f'`{n}`' for n in free_names(e))}, through which no slope passes"


# ------------------------------------------------------------------ what is measured


def _remembered(game: ir.Game, build: Build) -> None:
    finite = {d.name for d in game.data if d.source.word not in ("given", "py") and row_count(d.source) is not None}
    learned = frozenset().union(*(_drawn(n.objective) for n in game.nodes if not n.id.startswith("@"))) & finite
    for metric in game.metrics:
        counted = any(isinstance(e, Call) and e.fn == "correct" for e in walk(metric.value))
        found = sorted(_drawn(metric.value) & learned)
        if counted and found:
            build.log.add("GW507", f"`{metric.name}` is measured on `{found[0]}`, from which a player learns", build.spans[f"metric:{metric.name}"],
                          hint="declare a test split, and draw from it")  # fmt: skip
