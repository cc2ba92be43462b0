"""Ownership: every variable and network is chosen by exactly one player, and every player can move its objective.

A network that serves two objectives in turn, as an encoder that reconstructs and fools a critic, has one owner too: the
player that minimises their sum, `min{enc, dec} [ rec + fool ]`. Phases of plain steps that take the two terms one after
the other come to rest, as steps become small, where the sum does, each term weighted by the rate of its phase; with the
sum those weights are written down, `rec + 2*fool`, and what is certified at the end is what was solved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamespec.check import influence
from gamespec.check.polarity import opposes_nobody
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Call, Expr, Reduce, Ref, Stop, Value
from gamespec.ir.walk import children, expanded, free_names, walk
from gamespec.library.functions import FUNCTIONS
from gamespec.report.diagnostic import Label

if TYPE_CHECKING:
    from gamespec.check.build import Build


def check(game: ir.Game, build: Build) -> None:
    """Record what is wrong with who chooses what.

    Two owners (GE301), what nobody optimises (GE306), players without effect (GE312), players that help each other (GW301).
    """
    _two_owners(game, build)
    _nobody(game, build)
    _dead(game, build)
    influence.check(game, build)
    for node in opposes_nobody(game):
        owner = game.node(node)
        opposite = "min" if owner.sense == "max" else "max"
        build.log.add("GW301", f"`{owner.owns[0]}` opposes nobody", build.spans[f"node:{node}"],
                      "pushes the objective the same way as every player around it",
                      hint=f"for a worst case, write `{opposite}{{{owner.owns[0]} ..}}`")  # fmt: skip


def without_idle(game: ir.Game) -> ir.Game:
    """The game without variables that nobody chooses: they are not used either, or `check` said so."""
    owned = {name for node in game.nodes for name in node.owns}
    return game.model_copy(update={"vars": tuple(v for v in game.vars if v.name in owned)})


def polarity(game: ir.Game, build: Build) -> None:
    """Note which players are merged (GN303), and where it is unknown who opposes whom (GN305)."""
    for name in game.merged:
        owner = next(n for n in game.nodes if name in n.owns)
        leader = ", ".join(f"`{o}`" for o in owner.owns if o not in game.merged)
        at = build.spans[f"node:{next(n.id for n in build.nodes if name in n.owns)}"]
        build.log.add("GN303", f"`{name}` plays together with {leader}", at, "pushes the same way, and nothing is between them")
    for edge in game.edges:
        if edge.kind == "value" and edge.sign == 0:
            build.log.add("GN305", "it is unknown whether this player works against the one around it", build.spans[f"node:{edge.child}"],
                          "a factor in front of it has no known sign",
                          hint="declare the range of the factor: `param rho in [0, inf] = 1`")  # fmt: skip


def _two_owners(game: ir.Game, build: Build) -> None:
    owner: dict[str, str] = {}
    for node in game.nodes:
        for name in node.owns:
            if name in owner and not node.choice:
                build.log.add("GE301", f"`{name}` has two owners", build.spans[f"node:{node.id}"], "chosen here",
                              related=(Label(build.spans[f"node:{owner[name]}"], "and here"),),
                              hint=_one_owner(game, name, owner[name], node.id))  # fmt: skip
            owner.setdefault(name, node.id)


def _one_owner(game: ir.Game, name: str, first: str, second: str) -> str:
    """What to write where two players choose one name: answers to several leaders are written once, for all of them."""
    answers = {e.child: game.node(e.child) for e in game.edges if e.kind == "response"}
    if first in answers and second in answers and game.concept in ("nash", "block"):
        sense = answers[first].sense
        return f"write it once, after the players: `nash {{ .. s.t. {name} = arg{sense}{{{name}}}[ .. ] }}`"
    if first in answers or second in answers:
        player = second if first in answers else first
        return f"drop the player {f'`{player}`' if player in game.root else 'around it'}, or the answer `{name} = ..`"
    return "give each player its own, or add the two objectives"


def _nobody(game: ir.Game, build: Build) -> None:
    owned = {name for node in game.nodes for name in node.owns}
    formulas = (*(n.objective for n in game.nodes), *(m.value for m in game.metrics), *(e.condition for e in game.expects))
    used = {n for formula in formulas for n in free_names(formula)}
    used |= {d.over for formula in formulas for e in walk(formula) if isinstance(e, Reduce) for d in e.draws}
    # A network that stands at explicit parameters alone has nobody else's.
    applied = [e for formula in formulas for e in walk(formula) if isinstance(e, Apply)]
    used -= {e.net for e in applied} - {e.net for e in applied if e.at is None}
    for net in game.nets:
        if net.name in used and net.handle not in owned and not net.frozen:
            build.log.add("GE306", f"nobody optimises `{net.name}`", build.spans[f"net:{net.name}"], "used, but it keeps its first values",
                             hint=f"add it to a player: `min{{{net.name}}}`, or write `frozen`")  # fmt: skip
    for var in game.vars:
        if var.name in used and var.name not in owned and not var.scope:
            build.log.add("GE306", f"nobody optimises `{var.name}`", build.spans[f"var:{var.name}"], "used, but it keeps its first value",
                             hint=f"add it to a player: `min{{{var.name}}}`, or make it a `param`")  # fmt: skip


def _dead(game: ir.Game, build: Build) -> None:
    for node in game.nodes:
        if node.choice is not None or _stands_in(game, node):
            continue
        nets = {n.handle: n.name for n in game.nets}
        for name in node.owns:
            if not moves(game, node.id, {name, nets.get(name, name)}):
                build.log.add("GE312", f"`{name}` cannot change its objective", build.spans[f"node:{node.id}"],
                              "the objective does not depend on it, or only through steps that have no slope",
                              hint=_instead(game, node, name))  # fmt: skip


def _instead(game: ir.Game, node: ir.Node, name: str) -> str:
    """What to do about a player without a slope: a surrogate where there is one for what it counts."""
    counted = [e for e in walk(expanded(game, node.id)) if isinstance(e, Call) and e.fn in FUNCTIONS and FUNCTIONS[e.fn].surrogates]
    if counted and node.scope:
        key = f"{node.id.split('/')[0][1:]}.{name}" if node.id.startswith("@") else name
        return f"write `schedule {{ {key}: pgd(surrogate = {FUNCTIONS[counted[0].fn].surrogates[0][0]}) }}`"
    return f"use `{name}` in the objective, or a loss such as `ce` in place of a count"


def _stands_in(game: ir.Game, node: ir.Node) -> bool:
    """Whether some schedule gives this player a surrogate for an objective without slope."""
    keys = {f"{node.id.split('/')[0][1:]}.{o}" if node.id.startswith("@") else o for o in node.owns}
    entries = [e for s in game.schedules for e in s.entries if e.target in keys]
    return any(o.key == "surrogate" for e in entries for d in e.directives for o in d.options)


def moves(game: ir.Game, node: str, names: set[str]) -> bool:
    """Whether the objective of a node has a slope in any of these names."""
    seen: set[str] = set()

    def visit(e: Expr) -> bool:
        match e:
            case Stop():
                return False
            case Call() if e.fn in FUNCTIONS and FUNCTIONS[e.fn].piecewise_constant:
                return False
            case Value():
                first = e.node not in seen
                seen.add(e.node)
                return first and visit(game.node(e.node).objective)
            case Ref() if e.name in names:
                return True
            case Reduce() if any(d.over in names for d in e.draws):
                return True
            case Apply() if e.net in names and e.at is None:
                return True
        return any(visit(c) for c in children(e))

    if visit(game.node(node).objective):
        return True
    # A leader may act through its followers' answers alone.
    answers = [e.child for e in game.edges if e.parent == node and e.kind == "response"]
    return any(visit(game.node(a).objective) for a in answers)
