"""What every part of the emitter looks at: the game, its plan, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gamespec.check.shape import Names, Shaped, draw_names, globals_of
from gamespec.check.traps import batch_coupled
from gamespec.emit.piece import constant_text
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.spell import handle, spelled, unused
from gamespec.ir import game as ir
from gamespec.ir.expr import Apply, Array, Draw, Expr, Reduce, Ref
from gamespec.ir.types import INDEX
from gamespec.ir.walk import expanded, rebuild, walk
from gamespec.library.registry import words
from gamespec.plan.ops import NOW, Adjust, Derive, Keep, Plan, Reach, Respond, flat
from gamespec.plan.response import Envelope, Frozen, Implicit, Stop
from gamespec.solvers.base import problem_nodes

if TYPE_CHECKING:
    from gamespec.report.source import Source, Span


FIXED = 1024
"""Rows on which residuals and checks of followers are taken."""

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

    def define(self, name: str, args: str, doc: str, span: Span | None = None) -> None:
        """Begin a function: two blank lines, the head, a docstring."""
        self.add("", "")
        self.add(f"def {name}({args}):", f'    """{doc}"""', span=span)


@dataclass(frozen=True, slots=True)
class Scene:
    """The game, its plan, and what follows from both.

    `explicit`: networks applied at parameters that are passed along. `moody`: networks that may act differently in
    train and eval mode. `scores`: networks `Sequential(score, Sigmoid)`. `hoisted`: network applications computed once
    a step, with their names. `titles`: node -> how the functions of its player are called. `nodes`: players, leaders first.
    """

    game: ir.Game
    plan: Plan
    source: Source
    spans: Mapping[str, Span]
    given: frozenset[str]
    explicit: frozenset[str]
    moody: frozenset[str]
    scores: frozenset[str]
    names: Names
    nodes: tuple[str, ...]
    titles: Mapping[str, str]
    hoisted: tuple[tuple[Apply, str], ...] = ()
    reached: set[str] = field(default_factory=set)

    def var(self, name: str) -> ir.Var | None:
        """The variable with this name, None for a network handle."""
        return next((v for v in self.game.vars if v.name == name), None)

    def net(self, handle: str) -> ir.Net | None:
        """The network with this handle."""
        return next((n for n in self.game.nets if n.handle == handle), None)

    def weights(self, net: ir.Net, state: str = "") -> str:
        """The parameters that a network's player moves, as Python text: in one that was brought, some may be frozen."""
        name = f"{state}{spelled(net.name)}"
        if net.source is None or net.name in self.given:
            self.reached.add("trainable")
            return f"trainable({name})"
        return f"list({name}.parameters())"

    def own(self, net: ir.Net) -> str:
        """The same, by its local name where the program applies the network at explicit parameters."""
        return handle(net) if net.name in self.explicit else self.weights(net)

    def shape(self, v: ir.Var, rows: str = "") -> str:
        """The shape of a variable as Python text, `rows` before it; parameters of a network are one vector of all its numbers."""
        net = next((n for n in self.game.nets if v.type.kind == "params" and n.name == v.type.net), None)
        sizes = list(map(str, v.type.shape)) if net is None else [f"sum(p.numel() for p in {self.weights(net, 's.')})"]
        parts = [*([rows] if rows else []), *sizes]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def keeping(self, net: ir.Net, state: str = "s.") -> list[str]:
        """The line that puts a network back into its set, as Python text; none where it lies in none."""
        rule = dict(self.plan.kept).get(net.handle)
        if rule is None:
            return []
        word = {"spectral": "spectral_projection", "clip": "clip_weights"}[rule.word]
        self.reached.add(word)
        return [f"{word}({state}{spelled(net.name)}, {rule.option('c')!r})"]

    def title(self, node: str) -> str:
        """The end of the names of a player's functions and values."""
        return self.titles[node]

    def span(self, node: str) -> Span | None:
        """Where a player was written."""
        return self.spans.get(f"node:{node}")

    @property
    def scalar(self) -> bool:
        """Whether the game is one of shared variables only."""
        return not self.game.nets and not any(v.scope for v in self.game.vars)

    @property
    def solved(self) -> tuple[tuple[str, Implicit], ...]:
        """The followers whose optimality condition is solved by Newton's method, leaders first."""
        found = {f: r for _, through in self.plan.residual for f, r in through if isinstance(r, Implicit) and r.how == "newton"}
        return tuple(found.items())

    @property
    def beams(self) -> dict[str, int]:
        """Copies kept of each variable."""
        return dict(self.plan.beams)

    def keeps(self) -> list[tuple[Keep, str]]:
        """Every op that keeps something, with each thing that it keeps."""
        return [(op, o) for op in flat(self.plan.body) if isinstance(op, Keep) for n in op.nodes for o in self.game.node(n).owns]

    @property
    def arrays(self) -> tuple[ir.Param, ...]:
        """The params that are arrays."""
        return tuple(p for p in self.game.params if isinstance(p.value, Array))

    @property
    def shared(self) -> tuple[ir.Var, ...]:
        """The variables that the players own, without those that answer each sample."""
        owned = {o for n in self.nodes for o in self.game.node(n).owns}
        return tuple(v for v in self.game.vars if not v.scope and v.name in owned)

    def maths(self, node: str) -> str:
        """The text of a player's problem in the `.game` file, on one line."""
        span = self.span(node)
        return "" if span is None or span.file != self.source.name else problem_text(self.source.text, span.start, span.end)


def problem_text(text: str, start: int, end: int) -> str:
    """A binder with its bracket, on one line, without comments; cut after 160 characters."""
    braces = brackets = 0
    at = end
    for at in range(end, len(text)):
        char = text[at]
        braces += (char == "{") - (char == "}")
        if not braces:
            brackets += (char == "[") - (char == "]")
            if brackets == 0 and char == "]":
                break
    lines = (line.split("#")[0] for line in text[start : at + 1].split("\n"))
    found = " ".join(" ".join(lines).split())
    return found if len(found) <= 160 else f"{found[:156]} ..."


def scene(game: ir.Game, plan: Plan, given: frozenset[str], spans: Mapping[str, Span], source: Source) -> Scene:
    """Decide, for a whole program, which networks take explicit parameters and which applications are shared."""
    game = with_constants(game)
    explicit = {n.name for n in game.nets if n.handle in dict(plan.beams)}
    for op in flat(plan.body):
        for node, how in op.through if isinstance(op, Derive) else ():
            if not isinstance(how, (Frozen, Envelope, Stop)):
                leaders = [e.parent for e in game.edges if e.child == node]
                owned = {o for n in [node, *leaders] for o in game.node(n).owns}
                explicit |= {n.name for n in game.nets if n.handle in owned}
        # Elsewhere than where they stand, networks are applied at parameters that lie there.
        if isinstance(op, (Adjust, Reach)) or (isinstance(op, Derive) and op.at != NOW):
            owned = {o for n in problem_nodes(game) for o in game.node(n).owns}
            explicit |= {n.name for n in game.nets if n.handle in owned}
    built = {n.name: words("networks")[n.source.word] for n in game.nets if n.source is not None and n.name not in given}
    found = Scene(
        game, plan, source, spans, given, frozenset(explicit),
        moody=frozenset(n.name for n in game.nets if n.name not in built or batch_coupled(n)),
        scores=frozenset(n.name for n in game.nets if n.name in built and n.output.kind == "prob" and built[n.name].prob_tail),
        names=_names(game), nodes=tuple(problem_nodes(game)), titles=_titles(game),
    )  # fmt: skip
    hoisted = tuple(_hoisted(found))
    for e, name in hoisted:
        net = next(n for n in game.nets if n.name == e.net)
        found.names[name] = Shaped(net.output, rows=True)
    return Scene(
        game, plan, source, spans, given, found.explicit, found.moody, found.scores, found.names, found.nodes, found.titles, hoisted, {"stream"}
    )


def with_constants(game: ir.Game) -> ir.Game:
    """The game with every array of numbers inside a formula as a param, so that it is made once, on the right device."""
    found: dict[Array, str] = {p.value: p.name for p in game.params if isinstance(p.value, Array)}
    taken = {*globals_of(game), *(n for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws for n in d.names)}
    added: list[ir.Param] = []

    def lifted(expr: Expr) -> Expr:
        if isinstance(expr, Array) and constant_text(expr) is not None:
            if expr not in found:
                found[expr] = unused("constant", taken)
                added.append(ir.Param(name=found[expr], value=expr))
            return Ref(name=found[expr])
        return rebuild(expr, lifted)

    nodes = tuple(n.model_copy(update={"objective": lifted(n.objective)}) for n in game.nodes)
    metrics = tuple(m.model_copy(update={"value": lifted(m.value)}) for m in game.metrics)
    expects = tuple(e.model_copy(update={"condition": lifted(e.condition)}) for e in game.expects)
    return game.model_copy(update={"nodes": nodes, "metrics": metrics, "expects": expects, "params": (*game.params, *added)})


def _names(game: ir.Game) -> Names:
    """The shapes of all names of a game, those that binders bring included: they are unique in the IR."""
    names = globals_of(game)
    for n in game.nodes:
        for e in walk(n.objective):
            for d in e.draws if isinstance(e, Reduce) else ():
                if d.over:
                    names |= draw_names(game, d)
        for d in n.scope:
            names |= draw_names(game, d)
        if n.index:
            names[n.index] = Shaped(INDEX, rows=bool(n.scope))
        if n.choice is not None:
            names |= draw_names(game, n.choice)
            names[n.owns[0]] = Shaped(INDEX, rows=bool(n.scope))
    return names


def _titles(game: ir.Game) -> dict[str, str]:
    """A player is called by its label, else by what it owns; inside a metric, with the name of the metric before it."""
    taken: set[str] = set()
    found = {}
    for n in game.nodes:
        inside = f"{n.id.split('/')[0][1:]}_" if n.id.startswith("@") else ""
        called = n.label or (n.id if n.id in game.root and n.id != "main" and "/" not in n.id else "_".join(n.owns))
        found[n.id] = unused(f"{inside}{called}", taken)
    return found


def _hoisted(scene: Scene) -> Iterator[tuple[Apply, str]]:
    """Network applications to samples alone that a follower and its leader, who owns the network, both need.

    Not where somebody answers each sample, which changes what is applied, nor where a network depends on its mode.
    """
    game = scene.game
    ops = flat(scene.plan.body)
    derived = [op.nodes for op in ops if isinstance(op, Derive)]
    if any(isinstance(op, Respond) for op in ops) or len(derived) < 2 or scene.explicit or scene.plan.phases:
        return
    samples = {n for node in game.nodes for e in walk(node.objective) if isinstance(e, Reduce) for d in e.draws if d.over for n in d.names}
    counts: dict[Apply, int] = {}
    for node in scene.nodes:
        for e in set(walk(expanded(game, node))):
            if isinstance(e, Apply) and e.at is None and e.net not in scene.moody and all(isinstance(a, Ref) and a.name in samples for a in e.args):
                counts[e] = counts.get(e, 0) + 1
    taken = {spelled(n) for n in scene.names}
    for e in sorted(counts, key=str):
        handle = next(n.handle for n in game.nets if n.name == e.net)
        owner = next((n for n in scene.nodes if handle in game.node(n).owns), None)
        # Whoever owns the network moves once, after everybody else: what was computed before is still right.
        last = owner in derived[-1] and sum(owner in nodes for nodes in derived) == 1 and scene.plan.body[-1] in ops[-1:]
        if counts[e] > 1 and last:
            yield e, unused("_".join(spelled(a.name) for a in (Ref(name=e.net), *e.args) if isinstance(a, Ref)), taken)


def draws_of(scene: Scene, expr: Expr, scope: tuple[Draw, ...] = ()) -> list[Draw]:
    """The draws over data and distributions inside an expression, each set of names once."""
    inside = (d for e in walk(expr) if isinstance(e, Reduce) for d in e.draws)
    found = {(d.over, d.names): d for d in (*scope, *inside) if d.over and not d.inner}
    for e in walk(expr):
        tables = [d.over for d in e.draws if d.over and not d.inner and is_table(scene.game, d.over)] if isinstance(e, Reduce) else []
        if len(tables) > 1:
            raise UnsupportedError(
                "one expectation over two tables is not available in this version", "write one `E{..}[..]` inside the other, or add two"
            )
    return list(found.values())


def is_table(game: ir.Game, source: str) -> bool:
    """Whether a source has rows, rather than being drawn from without end."""
    data = next((d for d in game.data if d.name == source), None)
    if data is None:
        return False
    entry = words("data").get(data.source.word)
    return entry is None or entry.load is not None
