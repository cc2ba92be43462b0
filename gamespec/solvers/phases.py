"""Phases: for a time only some players move, and the others stand still; in one phase as in a run of its own."""

from __future__ import annotations

from dataclasses import replace

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.ir.expr import Word
from gamespec.plan.ops import Adjust, Choose, Derive, Keep, Move, Op, Phase, Plan, Reach, Repeat, Respond, Sample, Scatter, Select, Survey, flat
from gamespec.plan.response import Envelope, Frozen, Hull, Response, Stop
from gamespec.solvers.base import Table, ending, leaders, problem_nodes, steps_made, team

Written = tuple[tuple[int, tuple[str, ...]], ...]
"""Steps of each phase, 0 to the end of the run, and who moves in it."""


def written(game: ir.Game, uses: tuple[ir.Use, ...]) -> tuple[Written, bool]:
    """The phases that a schedule writes, and whether the first follows the last."""
    found = []
    for use in (u for u in uses if u.word != "again"):
        steps = next((int(str(plain(o.value))) for o in use.options), 0)
        named = {a.value for a in use.args if isinstance(a, Word)} if use.word == "only" else set(problem_nodes(game))
        found.append((steps, tuple(n for n in problem_nodes(game) if _moves(game, n, named))))
    return tuple(found), any(u.word == "again" for u in uses)


def _moves(game: ir.Game, node: str, named: set[str]) -> bool:
    """Whether a player moves where these do: prices with those who pay, and who tries all elements stands nowhere."""
    if not node.endswith("/price"):
        return node in named or game.node(node).choice is not None
    owner = node.removesuffix("/price")
    return bool(named & {owner, *(n for g in game.groups if g.id == owner for n in g.nodes)})


def refusal(game: ir.Game, plan: Plan, table: Table) -> tuple[str, str]:
    """Why a plan has no phases such as these, and what to write instead; empty where it has."""
    own, lengths = {n for op in flat(plan.body) for n in _steps(op)}, [n for n, _ in table.phases]
    whole = sum(lengths)
    if lengths and sum(lengths[:-1]) >= table.steps:
        late = next(k for k in range(len(lengths)) if sum(lengths[:k]) >= table.steps)
        said = f"phase {late + 1} never begins: {sum(lengths[:late])} steps come before it, and the run has {table.steps}"
        return said, f"write `run {{ steps = {whole if lengths[-1] else 2 * whole} }}`, or shorter phases"
    if lengths and lengths[-1] and not table.again and whole != table.steps:
        last = "leave the last number out" if whole > table.steps else "write `again` after the last phase, or leave its number out"
        return f"its phases have {whole} steps in all, and the run has {table.steps}", f"write `run {{ steps = {whole} }}`; or {last}"
    if table.phases and any(isinstance(op, Adjust | Reach | Survey) for op in flat(plan.body)):
        return "every step of it moves all players, and the schedule has phases", "drop `phases`, or write `method: alternating`"
    for node, together in ((node, movers) for _, movers in table.phases for node in movers):
        name, left = f"`{game.node(node).owns[0]}`", [m for m in team(game, node) if m not in together]
        if left:
            other = game.node(left[0]).owns[0]
            return f"{name} is in equilibrium with `{other}`, and only one of them moves in a phase", f"add `{other}` to it"
        above = leaders(game, node)
        if above and not {*above} & {*together} and node not in own:
            other = game.node(above[0]).owns[0]
            return f"{name} is solved for while its leader moves, and has a phase without it", f"add `{other}` to it"
    return "", ""


def _steps(op: Op) -> tuple[str, ...]:
    """Who moves by an op of its own."""
    return op.nodes if isinstance(op, Move) else (op.node,) if isinstance(op, Respond | Choose) else ()


def phased(plan: Plan, table: Table) -> Plan:
    """The plan with what is done in each phase, and rates that know how often each player moves in the whole run.

    A leader differentiates as if those who stand still were numbers, and one for each sample stands at 0, put into its set,
    or where its answer is kept.
    """
    if not table.phases:
        return plan
    phases = tuple(Phase(steps, movers, _restricted(plan.body, frozenset(movers))) for steps, movers in table.phases)
    spans = _spans(phases, plan.steps, again=table.again)
    rules = dict(plan.rules)
    for seat in table.seats:
        total = sum(span * steps_made(p.body, seat.node) for span, p in zip(spans, phases, strict=True))
        rules |= {name: ending(rule, max(total, 1)) for name, rule in seat.rules if name in rules}
    return replace(plan, phases=phases, again=table.again, rules=tuple(rules.items()))


def movers(game: ir.Game, phase: Phase) -> tuple[str, ...]:
    """What moves in a phase, by the names of networks and variables."""
    owned = [o for n in phase.movers for o in game.node(n).owns]
    return tuple(next((n.name for n in game.nets if n.handle == o), o) for o in owned)


def told(game: ir.Game, plan: Plan) -> list[str]:
    """A line for each phase."""
    moving = [", ".join(f"`{name}`" for name in movers(game, p)) for p in plan.phases]
    return [f"  phase {k:<4} {when}: {who} moves" for k, (when, who) in enumerate(zip(plan.when(), moving, strict=True), 1)]


def _spans(phases: tuple[Phase, ...], steps: int, *, again: bool) -> list[int]:
    """How many steps of a run each phase has."""
    found, left, k = [0] * len(phases), steps, 0
    while left > 0:
        at = k % len(phases) if again else min(k, len(phases) - 1)
        last = not again and at == len(phases) - 1
        made = left if last else min(phases[at].steps, left)
        found[at], left, k = found[at] + made, left - made, k + 1
    return found


def _restricted(body: tuple[Op, ...], movers: frozenset[str]) -> tuple[Op, ...]:
    """What these players do of a step."""
    return tuple(kept for op in body for kept in _kept(op, movers))


def _answers(how: Response) -> bool:
    """Whether a leader looks beyond one answer that is there; the candidates of a beam are there while they stand still."""
    return bool(how.answers) if isinstance(how, Hull) else not isinstance(how, Envelope | Stop)


def _kept(op: Op, movers: frozenset[str]) -> tuple[Op, ...]:
    match op:
        case Derive():
            through = tuple((f, how if f in movers or not _answers(how) else Frozen()) for f, how in op.through)
            nodes = tuple(n for n in op.nodes if n in movers)
            return (replace(op, nodes=nodes, through=through),) if nodes else ()
        case Keep(gradient=False, name="average"):
            return (op,)
        case Move() | Keep():
            nodes = tuple(n for n in op.nodes if n in movers)
            return (replace(op, nodes=nodes),) if nodes else ()
        case Respond() if op.node not in movers:
            start = op.start if op.start in ("own", "warm") else "zero"
            return (replace(op, steps=0, start=start, restarts=1, surrogates=(), each=False, still=True),)
        case Scatter():
            return (op,) if op.node in movers else ()
        case Repeat():
            inner = _restricted(op.body, movers)
            return (replace(op, body=inner),) if any(not isinstance(o, Sample | Select) for o in inner) else ()
        case _:
            return (op,)
