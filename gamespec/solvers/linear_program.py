"""Linear programming: the equilibrium of a zero-sum matrix game in mixed strategies, found at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.plan.ops import Plan, Reach
from gamespec.solvers.base import Accepts, Solver, Table, finished, problem_nodes
from gamespec.solvers.parts import AT_ONCE, frozen, joint, sources

if TYPE_CHECKING:
    from gamespec.classify.facts import Facts


def fits(game: ir.Game, facts: Facts) -> str:
    """Why a game is no matrix game; empty where it is one."""
    nodes = [game.node(n) for n in problem_nodes(game)]
    if len(nodes) != 2 or any(len(n.owns) != 1 or n.axis for n in nodes):
        return "linear_program solves games of two players with one vector each"
    if not (facts.zero_sum.verdict or facts.constant_sum.verdict) or any(not p.affine.verdict for p in facts.players):
        return "linear_program solves zero-sum games that are linear in each player's choice, and this one is not known to be"
    for var in (v for v in game.vars if v.name in (n.owns[0] for n in nodes)):
        parts = var.set.parts if var.set is not None else ()
        if [p.word for p in parts] != ["Simplex"] or parts[0].shift is not None or any(plain(a) != 1 for a in parts[0].args[1:]):
            return f"linear_program solves games of probabilities, and `{var.name}` is not in a `Simplex`"
    return ""


def plan(game: ir.Game, table: Table) -> Plan:
    """One program for each player, once: there is nothing to repeat."""
    body = (sources(game), Reach(joint(game), "now", "now", "matrix_game"))
    made = finished(game, table, solver=SOLVER.word, source=SOLVER.source, body=body, through=frozen(game))
    return replace(made, steps=1, every=1)


SOLVER = Solver(
    word="linear_program",
    accepts=Accepts("simultaneous", ("value",), networks=False, reason=AT_ONCE, few=True, fits=fits),
    options=(),
    source="von Neumann 1928; Dantzig 1951",
    plan=plan,
    summary="solve a matrix game at once",
)
