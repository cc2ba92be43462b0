"""The choice of a method: what the author wrote, else the decision table; every rejected method keeps its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.library.registry import words
from gamespec.plan.ops import Plan
from gamespec.plan.verify import verify
from gamespec.solvers.base import Solver, Table, follower_kind, owns_network, plain_steps, problem_nodes, size
from gamespec.solvers.phases import phased, refusal
from gamespec.solvers.responses import word_of
from gamespec.solvers.setup import SMALL, resolve, settings

if TYPE_CHECKING:
    from gamespec.classify.facts import Facts


_FOLLOWERS = {
    "value": "a follower of the same objective",
    "response": "a follower with its own objective",
    "per_sample": "one follower per sample",
    "choice": "a discrete follower",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The method with its resolved schedule, why it was taken, and why each other one was not."""

    solver: Solver
    table: Table
    reason: str
    rejected: tuple[tuple[str, str], ...]
    warning: str = ""

    def plan(self, game: ir.Game) -> Plan:
        """The verified plan of this choice."""
        plan = phased(self.solver.plan(game, self.table), self.table)
        verify(plan, game)
        return plan

    def __str__(self) -> str:
        """The method, the reason, the rejections, the defaults."""
        lines = [f"solver {self.solver.word}: {self.reason}"]
        lines += [f"  not {word}: {why}" for word, why in self.rejected]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Unplayable:
    """No method can play this: why, and what to change in which entry of the schedule."""

    method: str
    reason: str
    hint: str = "drop `method:`, and one is chosen; `gamec explain` says why"
    key: str = "method"


def schedule_name(game: ir.Game, asked: str | None) -> str:
    """The schedule to run: as asked, else the one that `run` names, else the default."""
    return asked or str(settings(game).get("schedule") or "default")


def rejection(game: ir.Game, solver: Solver, facts: Facts | None = None) -> str:
    """Why a method cannot play this game; empty when it can. Without `facts`, as far as its shape shows."""
    accepts, word = solver.accepts, solver.word
    bad = sorted({follower_kind(game, e) for e in game.edges} - set(accepts.followers))
    if accepts.needs == "one player" and (len(problem_nodes(game)) > 1 or game.node(game.root[0]).axis):
        return f"the game has several players; {word} {accepts.reason}"
    if accepts.ties != any(e.ties != "any" for e in game.edges):
        return f"{'nobody says how ties are broken' if accepts.ties else 'the ties of a follower are to be broken'}; {word} {accepts.reason}"
    if bad:
        return f"the game has {_FOLLOWERS[bad[0]]}; {word} {accepts.reason}"
    if not accepts.networks and any(owns_network(game, n) for n in problem_nodes(game)):
        return f"a player is a network; {word} {accepts.reason}"
    if accepts.needs == "a follower" and not game.edges:
        return f"nobody follows anybody; {word} {accepts.reason}"
    bound = next((v for v in game.vars if v.set is not None and any(v.name in game.node(n).owns for n in problem_nodes(game))), None)
    if not accepts.sets and bound is not None:
        return f"`{bound.name}` is bound to a set; {word} solves for where the field is zero, and at a bound it need not be"
    if accepts.few and sum(size(game, n) for n in problem_nodes(game)) > SMALL:
        return f"the players choose more than {SMALL} numbers; {word} forms their whole Jacobian"
    return "" if accepts.fits is None or facts is None else accepts.fits(game, facts)


def _not_plain(game: ir.Game, solver: Solver, table: Table) -> str:
    """Why a method cannot work with the step rules that are written; empty when it can."""
    for name, rule in (r for n in problem_nodes(game) for r in table.seat(n).rules) if solver.accepts.plain else ():
        if not plain_steps(rule):
            return f"`{name}` steps by {rule.word}; the step sizes of {solver.word} enter its equations, so write `{name}: sgd(lr = 0.1)`"
    return ""


def _turns(solver: Solver) -> bool:
    """Whether a player may make several moves, or an answer of its own, before others move."""
    return solver.accepts.order == "sequential" and solver.accepts.turns


def _turn(game: ir.Game, entries: dict[str, tuple[ir.Use, ...]]) -> tuple[str, str] | None:
    """The first player of the game who is to make more than one move a turn, or to answer anew, and the directive that says so."""
    for own in (o for n in problem_nodes(game) for o in game.node(n).owns):
        for use in entries.get(own, ()):
            several = [o for o in use.options if o.key in ("steps", "times") and plain(o.value) not in (0, 1)]
            if use.word in ("pgd", "langevin", "newton", "through") or several or (use.word == "repeat" and [plain(a) for a in use.args] != [1]):
                return own, use.word if not several or use.word in ("pgd", "langevin", "newton", "repeat") else "steps"
    return None


def settled(game: ir.Game, facts: Facts) -> ir.Game:
    """The game without `ties` where the follower's answer is proved to be the only one: there is nothing to break."""
    alone = {p.node for p in facts.players if p.unique.verdict}
    return game.model_copy(update={"edges": tuple(e.model_copy(update={"ties": "any"}) if e.child in alone else e for e in game.edges)})


def choose(game: ir.Game, facts: Facts, schedule: str | None = None) -> Choice | Unplayable:
    """The method for a game under a schedule."""
    name = schedule_name(game, schedule)
    entries = {e.target: e.directives for e in next(s for s in game.schedules if s.name == name).entries}
    solvers = words("solvers")
    written = entries.get("method", ())
    beams = any(u.word == "beam" for us in entries.values() for u in us)
    hull = any(word_of(u) == "hull" for us in entries.values() for u in us if u.word == "through")
    turn = _turn(game, entries)
    asked = ("k_beam", "`beam` asks for it") if beams else ("nested", "`through(hull)` asks for it") if hull else None
    if asked is None and turn is not None and game.edges and game.order_word != "simultaneous" and not _turns(solvers[_default(game, facts)[0]]):
        asked = "nested", f"`{turn[1]}` of `{turn[0]}` asks for turns"
    word, reason = (written[0].word, "as you wrote") if written else asked or _default(game, facts)
    if word == "extragradient" and not entries and not rejection(game, solvers["linear_program"], facts):
        # Step rules that are written ask for steps.
        word, reason = "linear_program", "mixtures against each other: the equilibrium is a linear program, solved at once"
    why = rejection(game, solvers[word], facts)
    if why and not written and game.order_word == "simultaneous":
        return Unplayable(word, why, "drop `order simultaneous`, and followers answer", "order")
    if why:
        return Unplayable(word, why)
    if turn is not None and not _turns(solvers[word]):
        why = f"`{turn[0]}` is to make moves of its own by `{turn[1]}`; {word} has no turns"
        block = f"; {orders(game)}" if len(game.root) == 2 and game.concept == "block" else ""
        return Unplayable(word, why, f"drop `{turn[1]}`" + (", or write `method: nested`" if game.edges else block), turn[0])
    table = resolve(game, name, word)
    why = _not_plain(game, solvers[word], table)
    if why:
        return Unplayable(word, why)
    why, hint = refusal(game, solvers[word].plan(game, table), table)
    if why:
        return Unplayable(word, why, hint, "phases")
    rejected = [(s.word, rejection(game, s, facts) or _passed_over(s, facts)) for s in solvers.values() if s.word != word]
    warning = ""
    ordered = bool(game.edges) and game.order_word != "simultaneous"
    if solvers[word].accepts.order == "simultaneous" and ordered and not (facts.saddle.verdict or facts.identical.verdict):
        warning = f"{word} moves all players at once: it looks for a local Nash point, and the order as written may have another answer"
    return Choice(solvers[word], table, reason, tuple(rejected), warning)


def _default(game: ir.Game, facts: Facts) -> tuple[str, str]:
    """The decision table, top down."""
    networks = any(owns_network(game, n) for n in problem_nodes(game))
    if len(problem_nodes(game)) == 1 and not game.node(game.root[0]).axis:
        return "descent", "there is one player"
    if any(e.ties != "any" for e in game.edges):
        return "lexicographic", "the follower may have several answers, and `ties` says which one counts"
    if not game.edges or game.order_word == "simultaneous":
        return _at_once(game, facts, networks=networks)
    if {follower_kind(game, e) for e in game.edges} != {"value"}:
        return "nested", facts.order_reason
    if networks:
        return "alternating", "the follower keeps its place between steps; nonconvex, so the result is checked by local certificates"
    if facts.identical.verdict:
        return "simultaneous", "all players push the same way: one optimisation"
    if facts.saddle.verdict and facts.convex_concave:
        return "extragradient", f"the order of play cannot matter: {facts.saddle.reason.text}"
    if all(size(game, n) <= SMALL for n in problem_nodes(game)):
        why = "a saddle point exists, but the game is nonconvex" if facts.saddle.verdict else "no saddle point need exist"
        return "k_beam", f"{why}, so several answers of the follower are kept"
    return "alternating", "the follower has many numbers and keeps its place between steps"


def _at_once(game: ir.Game, facts: Facts, *, networks: bool) -> tuple[str, str]:
    """Players of a block, and those whose order was taken away."""
    if networks:
        both = f"; {orders(game)}" if len(game.root) == 2 and game.concept == "block" else ""
        return "simultaneous", f"networks that nobody puts in order: every player steps along its own gradient{both}"
    if facts.potential.verdict and not facts.zero_sum.verdict:
        return "simultaneous", f"one minimisation: all own slopes are those of one function ({facts.potential.reason.text})"
    return "extragradient", "players move at once in few variables; looking ahead also converges on bilinear games"


def orders(game: ir.Game) -> str:
    """What to write for each reading of a block of two."""
    first, second = game.root
    return f"for the game in turn write `order {first} then {second}` or `order {second} then {first}`, for this one `order simultaneous`"


def _passed_over(solver: Solver, facts: Facts) -> str:
    if solver.accepts.order == "simultaneous" and facts.order == "sequential":
        return "it would give up the order of play"
    return "it could play this game too; name it with `method:`"
