"""Kiwiel's minimax method: the leader's step is best against the worst answer to the objective made linear in the step.

The objective must be smooth in what the leader chooses: kinks of the worst value come from the follower alone. The follower
climbs from where it stands, so its answer is the best one where its problem is concave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.ir import game as ir
from gamespec.library.base import Option
from gamespec.plan.ops import Plan, Reach
from gamespec.solvers.base import Accepts, Solver, Table, finished, problem_nodes
from gamespec.solvers.parts import all_responses, joint, sources
from gamespec.solvers.setup import real, whole

if TYPE_CHECKING:
    from gamespec.classify.facts import Facts


def fits(game: ir.Game, facts: Facts) -> str:
    """Why a game is not one of a leader and a follower; empty where it is one."""
    del facts
    if len(problem_nodes(game)) != 2 or len(game.edges) != 1 or any(game.node(n).axis for n in problem_nodes(game)):
        return "kiwiel solves games of one leader and one follower; write `method: nested`"
    return ""


def plan(game: ir.Game, table: Table) -> Plan:
    """Everything is found at once: the answer, the direction, its length."""
    o = dict(table.options)
    climbs, planes, trials = (whole(o[key]) for key in ("climbs", "planes", "trials"))
    options = (("steps", climbs), ("planes", planes), ("trials", trials), ("c", real(o["c"])), ("sigma", real(o["sigma"])))
    products, fields = climbs * (planes - 1), (climbs + 1) * (planes + trials + 1)
    reach = Reach(joint(game), "now", "now", "linearised_step", options, rates=True, products=products, values=True, fields=fields)
    through = all_responses(game, table)
    return finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=(sources(game), reach), through=through)


SOLVER = Solver(
    word="kiwiel",
    accepts=Accepts(
        "sequential", ("value",), networks=True, needs="a follower", plain=True, fits=fits, turns=False,
        reason="steps against one shared follower of a minimax game",
    ),
    options=(
        Option("lr", float, 0.0), Option("climbs", int, 20), Option("planes", int, 4), Option("trials", int, 6),
        Option("c", float, 1e-4), Option("sigma", float, 0.5),
    ),
    source="Kiwiel 1987; Armijo 1966",
    plan=plan,
    summary="the leader's best step against the worst answer to the objective made linear in the step, with a line search",
    rule="sgd",
)  # fmt: skip
