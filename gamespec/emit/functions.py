"""Objectives as Python functions: one for each player, with the names that it needs as parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gamespec.check.shape import Names, Shaped, draw_names, globals_of
from gamespec.emit.expr import Writer, handle_text, spelled
from gamespec.emit.moved import moved
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Draw, Expr, Grad, Index, Reduce, Ref, Value
from gamespec.ir.types import INDEX
from gamespec.ir.walk import children, expanded, walk
from gamespec.library.registry import words
from gamespec.plan.ops import Derive, Op, Plan, Repeat, Respond
from gamespec.plan.response import Implicit, Penalty, Unrolled
from gamespec.solvers.base import problem_nodes

if TYPE_CHECKING:
    from gamespec.report.source import Span


@dataclass(slots=True)
class Text:
    """Lines of the program as they are written, with the place in the `.game` file that each stands for."""

    lines: list[str] = field(default_factory=list)
    spans: list[tuple[int, Span]] = field(default_factory=list)

    def add(self, *lines: str, span: Span | None = None) -> None:
        """Append lines."""
        for line in lines:
            for part in line.split("\n"):
                self.lines.append(part)
                if span is not None:
                    self.spans.append((len(self.lines), span))


@dataclass(frozen=True, slots=True)
class Scene:
    """What every part of the emitter looks at: the game, its plan, and what follows from both."""

    game: ir.Game
    plan: Plan
    given: frozenset[str]
    explicit: frozenset[str]
    scores: frozenset[str]
    names: Names
    hoisted: tuple[tuple[Apply, str], ...]
    spans: dict[str, Span]
    nodes: tuple[str, ...]
    reached: set[str]

    def var(self, name: str) -> ir.Var | None:
        """The variable with this name, None for a network handle."""
        return next((v for v in self.game.vars if v.name == name), None)

    def net(self, handle: str) -> ir.Net | None:
        """The network with this handle."""
        return next((n for n in self.game.nets if n.handle == handle), None)

    @property
    def scalar(self) -> bool:
        """Whether the game is one of shared variables only."""
        return not self.game.nets and not any(v.scope for v in self.game.vars)

    @property
    def beams(self) -> dict[str, int]:
        """Copies kept of each variable."""
        return dict(self.plan.beams)

    def writer(self, extra: Names | None = None) -> Writer:
        """A writer of expressions for this program."""
        calls = {n.id: f"{function_name(self.game, n.id)}({', '.join(parameters(self, n.id))})" for n in self.game.nodes if n.choice is None}
        return Writer(self.game, {**self.names, **(extra or {})}, calls, self.explicit, self.hoisted, self.scores, self.reached)


def scene(game: ir.Game, plan: Plan, given: frozenset[str], spans: dict[str, Span]) -> Scene:
    """Decide, for a whole program, which networks take explicit parameters and which applications are shared."""
    explicit = set()
    for node, how in [*(r for op in _flat(plan.body) if isinstance(op, Derive) for r in op.through)]:
        if isinstance(how, (Unrolled, Implicit, Penalty)):
            leaders = [e.parent for e in game.edges if e.child == node]
            owned = {o for n in [node, *leaders] for o in game.node(n).owns}
            explicit |= {n.name for n in game.nets if n.handle in owned}
    scores = {
        n.name for n in game.nets
        if n.source is not None and n.name not in given and n.output.kind == "prob" and words("networks")[n.source.word].prob_tail
    }  # fmt: skip
    names = globals_of(game)
    nodes = tuple(problem_nodes(game))
    for n in game.nodes:
        for e in walk(n.objective):
            if isinstance(e, Reduce):
                for d in e.draws:
                    if d.over:
                        names |= draw_names(game, d)
        for d in n.scope:
            names |= draw_names(game, d)
        if n.index:
            names[n.index] = Shaped(INDEX, rows=bool(n.scope))
        if n.choice is not None:
            names |= draw_names(game, n.choice)
            names[n.owns[0]] = Shaped(INDEX, rows=bool(n.scope))
    found = Scene(game, plan, given, frozenset(explicit), frozenset(scores), names, (), spans, nodes, {"stream"})
    hoisted = _shared(found)
    names |= {name: found.writer().write(e).shaped for e, name in hoisted}
    return Scene(game, plan, given, frozenset(explicit), frozenset(scores), names, hoisted, spans, nodes, found.reached)


def _flat(body: tuple[Op, ...]) -> list[Op]:
    return [o for op in body for o in ([op, *_flat(op.body)] if isinstance(op, Repeat) else [op])]


def _shared(scene: Scene) -> tuple[tuple[Apply, str], ...]:
    """Network applications to samples alone that several players' objectives contain: computed once a step.

    Only where every player takes part in plain gradient steps: an answer per sample changes what is applied.
    """
    game = scene.game
    ops = _flat(scene.plan.body)
    if any(isinstance(op, Respond) for op in ops) or sum(isinstance(op, Derive) for op in ops) < 2 or scene.explicit:
        return ()
    samples = {n for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws if d.over for n in d.names}
    movers = {o for n in scene.nodes for o in game.node(n).owns}
    counts: dict[Apply, int] = {}
    for node in scene.nodes:
        for e in set(walk(expanded(game, node))):
            if isinstance(e, Apply) and all(isinstance(a, Ref) and a.name in samples for a in e.args):
                counts[e] = counts.get(e, 0) + 1
    found = []
    for e, count in counts.items():
        handle = next(n.handle for n in game.nets if n.name == e.net)
        owner = next((n for n in scene.nodes if handle in game.node(n).owns), None)
        # Worth it only where a follower of the owner uses the same value before the owner moves.
        if count > 1 and handle in movers and owner in game.root and len(scene.nodes) > 1:
            inputs = "_".join(spelled(a.name) for a in e.args if isinstance(a, Ref))
            found.append((e, f"{spelled(e.net)}_{inputs}"))
    return tuple(found)


def function_name(game: ir.Game, node: str) -> str:
    """The name of a player's objective in the program."""
    owner = game.node(node)
    if owner.label:
        return f"objective_{spelled(owner.label)}"
    if node in game.root and "/" not in node and node != "main":
        return f"objective_{node}"
    prefix = f"{node.split('/')[0][1:]}_" if node.startswith("@") else ""
    return f"objective_{prefix}{'_'.join(owner.owns)}"


def parameters(scene: Scene, node: str) -> list[str]:
    """The Python names that a player's objective needs: networks, parameters, constants, variables, samples."""
    return needs(scene, scene.game.node(node).objective)


def needs(scene: Scene, expr: Expr) -> list[str]:
    """The Python names that an expression needs from around it."""
    found: dict[str, int] = {}
    game = scene.game
    arrays = {p.name for p in game.params if isinstance(p.value, Array)}
    scalars = {p.name for p in game.params} - arrays
    variables = {v.name for v in game.vars}

    def name(e: Ref) -> None:
        net = scene.net(e.name)
        if net is not None:
            found.setdefault(*((handle_text(net), 1) if net.name in scene.explicit else (spelled(net.name), 0)))
        elif e.name in arrays:
            found.setdefault(spelled(e.name), 2)
        elif e.name not in scalars and e.name not in ("inf", "pi"):
            found.setdefault(spelled(e.name), 3 if e.name in variables else 4)

    def visit(e: Expr, bound: frozenset[str]) -> None:
        for known, hoist in scene.hoisted:
            if e == known:
                found.setdefault(hoist, 4)
                return
        match e:
            case Ref():
                if e.name not in bound:
                    name(e)
            case Apply():
                net = next(n for n in game.nets if n.name == e.net)
                found.setdefault(spelled(net.name), 0)
                if net.name in scene.explicit:
                    found.setdefault(handle_text(net), 1)
                for a in e.args:
                    visit(a, bound)
            case Value():
                visit(game.node(e.node).objective, bound)
            case Reduce():
                visit(e.body, bound | {n for d in e.draws if not d.over for n in d.names})
            case Grad():
                if e.at is not None:
                    visit(e.at, bound)
                visit(e.body, bound | {e.name})
            case Index(base=Ref() as base) if (scene.var(base.name) or _NOTHING).axis and (scene.var(base.name) or _NOTHING).scope:
                found.setdefault(scene_writer_index(scene, e), 3)
            case _:
                for child in children(e):
                    visit(child, bound)

    visit(expr, frozenset())
    return sorted(found, key=lambda n: found[n])


_NOTHING = ir.Var(name="", type=INDEX)


def scene_writer_index(scene: Scene, expr: Index) -> str:
    """The Python name of one answer of a per-sample family."""
    return Writer(scene.game, scene.names).write(expr).text


def objective(scene: Scene, node: str, text: Text) -> None:
    """Write the function of a player's objective; nothing when its objective is exactly its follower's value."""
    owner = scene.game.node(node)
    if owner.choice is not None:
        return
    writer = scene.writer()
    piece = writer.write(owner.objective)
    args = parameters(scene, node)
    span = scene.spans.get(f"node:{node}")
    result = "[rows]" if piece.shaped.rows else "0-d"
    text.add(
        "", "", f"def {function_name(scene.game, node)}({', '.join(args)}):",
        f'    """Objective of {", ".join(owner.owns)} ({owner.sense}), {result}."""',
    )  # fmt: skip
    text.add(*(f"    {line}" for line in writer.lines), f"    return {piece.text}", span=span)


def moved_part(scene: Scene, node: str) -> Expr | None:
    """The terms of a leader's objective that it moves itself, where a follower shares the objective and others drop out.

    The follower has reported the whole value in the same step, so that nothing is lost by not computing it again.
    """
    game = scene.game
    owner = game.node(node)
    shares = any(e.parent == node and e.kind == "value" and owner.objective == Value(node=e.child) for e in game.edges)
    if not shares or owner.axis or owner.scope or scene.explicit:
        return None
    names = frozenset(owner.owns) | {n.name for n in game.nets if n.handle in owner.owns}
    whole = expanded(game, node)
    part = moved(whole, names)
    return None if part == whole else part


def moved_function(scene: Scene, node: str, text: Text) -> None:
    """Write the function of the part of an objective that its player moves; nothing when that is all of it."""
    part = moved_part(scene, node)
    if part is None:
        return
    writer = scene.writer()
    piece = writer.write(part)
    text.add("", "", f"def moved_by_{'_'.join(map(spelled, scene.game.node(node).owns))}({', '.join(needs(scene, part))}):",
             f'    """The terms of {function_name(scene.game, node)} that change with {", ".join(scene.game.node(node).owns)}, 0-d."""')  # fmt: skip
    text.add(*(f"    {line}" for line in writer.lines), f"    return {piece.text}", span=scene.spans.get(f"node:{node}"))


def draws_of(scene: Scene, expr: Expr, scope: tuple[Draw, ...] = ()) -> list[Draw]:
    """The draws over data and distributions inside an expression, each source once."""
    found: dict[str, Draw] = {}
    for d in scope:
        if d.over:
            found.setdefault(d.over, d)
    for e in walk(expr):
        if isinstance(e, Reduce):
            for d in e.draws:
                if d.over:
                    found.setdefault(d.over, d)
    return list(found.values())
