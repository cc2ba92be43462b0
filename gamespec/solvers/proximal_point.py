"""Proximal point: step along the gradient where the step ends, found by Newton's method or by repeating the step."""

from __future__ import annotations

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Derive, Move, Op, Plan, Reach, Repeat
from gamespec.solvers.base import Accepts, Solver, Table, finished, size
from gamespec.solvers.parts import LOOKS_AHEAD, frozen, joint, sources
from gamespec.solvers.setup import SMALL, real, whole


def plan(game: ir.Game, table: Table) -> Plan:
    """The inner problem is solved for few numbers, and approached by `iters` repetitions for networks."""
    players, still, options = joint(game), frozen(game), dict(table.options)
    steps = whole(options["iters"])
    if sum(size(game, n) for n in players) <= SMALL:
        inner = (("steps", steps), ("tol", real(options["tol"])))
        body: tuple[Op, ...] = (sources(game), Reach(players, "now", "now", "proximal_point", inner, rates=True, products=steps))
    else:
        # Repeating the step contracts where the rate is below 1 over the Lipschitz constant of the field.
        again = Repeat(steps - 1, (Derive(players, "ahead", still), Move(players, "now", "ahead"))) if steps > 1 else None
        begin = (sources(game), Derive(players, "now", still), Move(players, "now", "ahead"))
        body = (*begin, *([again] if again else []), Derive(players, "ahead", still), Move(players, "now", "now"))
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=still)


SOLVER = Solver(
    word="proximal_point",
    accepts=Accepts("simultaneous", ("value",), networks=True, reason=LOOKS_AHEAD, plain=True),
    options=(Option("lr", float, 0.0), Option("iters", int, 20), Option("tol", float, 1e-12)),
    source="Martinet 1970; Rockafellar 1976",
    plan=plan,
    summary="step along the gradient where the step ends",
    rule="sgd",
)
