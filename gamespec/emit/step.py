"""One step of the plan as Python: sample, derive, move, respond, choose, select, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from gamespec.emit.answers import choice, respond_call
from gamespec.emit.derive import derive
from gamespec.emit.functions import needs, objective_name, parameters, writer
from gamespec.emit.refuse import UnsupportedError
from gamespec.emit.scene import FIXED, NOISE, ROWS, Scene, Text, draws_of, is_table
from gamespec.emit.sets import projection
from gamespec.emit.spell import attribute, handle, spelled, target
from gamespec.ir.expr import Draw, Expr, Reduce
from gamespec.ir.walk import walk
from gamespec.plan.ops import Choose, Derive, Move, Op, Repeat, Respond, Rule, Sample, Select
from gamespec.solvers.setup import real


class Steps:
    """Writes the body of `step`, or of a function that only looks at the state; keeps track of which names hold what."""

    def __init__(self, scene: Scene, text: Text, *, moves: bool = True) -> None:
        self.scene, self.text, self.indent = scene, text, "    "
        self.moves = moves
        """Whether the state may change: not where a residual or a check looks at it."""
        self.writer = writer(scene)
        self.losses: dict[str, str] = {}
        self.renamed: dict[str, str] = {}
        """Variables that stand at another point: `v` -> `v_best`."""
        self.defined: set[tuple[str, str]] = set()
        """Leaders and followers whose objectives stand as functions of what both chose."""

    def line(self, *lines: str, node: str = "") -> None:
        """Write lines at the present depth."""
        span = self.scene.span(node) if node else None
        for one in lines:
            self.text.add(f"{self.indent}{one}", span=span)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines inside are one level deeper, under `head`."""
        self.line(head)
        self.indent += "    "
        yield
        self.indent = self.indent[:-4]

    @contextmanager
    def playing(self, movers: tuple[str, ...] = ()) -> Iterator[None]:
        """Lines inside see the networks of the movers in train mode and all others in eval mode, where that matters."""
        moody = [n for n in self.scene.game.nets if n.name in self.scene.moody]
        if not moody or (not self.moves and self.indent != "    "):
            yield
            return
        owned = {o for m in movers for o in self.scene.game.node(m).owns}
        moving = ", ".join(f"s.{spelled(n.name)}" for n in moody if n.handle in owned)
        still = ", ".join(f"s.{spelled(n.name)}" for n in moody if n.handle not in owned)
        self.scene.reached.add("playing")
        with self.block(f"with playing([{moving}], [{still}]):"):
            yield

    # -------------------------------------------------------------- names at the start

    def load(self, exprs: list[Expr] | None = None) -> None:
        """Bring networks, parameters, constants and variables into local names: all, or those that expressions need."""
        scene = self.scene
        names = {n for e in exprs for n in needs(scene, e)} if exprs is not None else self._all()
        nets = [spelled(n.name) for n in scene.game.nets if spelled(n.name) in names]
        if nets:
            self.line(f"{', '.join(nets)} = {', '.join(f's.{n}' for n in nets)}")
        for n in scene.game.nets:
            if n.name in scene.explicit and handle(n) in names:
                self.line(f"{handle(n)} = {scene.weights(n)}")
        rest = {spelled(n): f"s.{spelled(n)}" for n in (*(p.name for p in scene.arrays), *(v.name for v in scene.game.vars if not v.scope))}
        if exprs is not None:
            rest |= {spelled(v): f"best_{spelled(v)}(s)" for v in scene.beams}
        rest = {n: value for n, value in rest.items() if n in names}
        if rest:
            self.line(f"{', '.join(rest)} = {', '.join(rest.values())}")

    def _all(self) -> set[str]:
        scene = self.scene
        players = [n for n in scene.nodes if scene.game.node(n).choice is None]
        shared = [n for e, _ in scene.hoisted for n in (spelled(e.net), *needs(scene, e))]
        owned = [spelled(v.name) for v in scene.shared]
        explicit = [handle(n) for n in scene.game.nets if n.name in scene.explicit]
        sets = [n for v in scene.game.vars for p in (v.set.parts if v.set else ()) for a in p.args for n in needs(scene, a)]
        return {*(n for node in players for n in parameters(scene, node)), *shared, *owned, *explicit, *sets}

    def draws(self) -> list[Draw]:
        """What the players' objectives draw, each set of names once."""
        found: dict[tuple[str, tuple[str, ...]], Draw] = {}
        for node in self.scene.nodes:
            owner = self.scene.game.node(node)
            found |= {(d.over, d.names): d for d in draws_of(self.scene, owner.objective, owner.scope)}
        return list(found.values())

    def fixed(self) -> None:
        """The first rows of every table, and draws that are the same at every look."""
        done: dict[str, Draw] = {}
        for d in sorted(self.draws(), key=lambda d: d.over not in {x.name for x in self.scene.game.data}):
            name = attribute(d.over)
            rows = self._rows_beside(d, str(FIXED))
            if is_table(self.scene.game, d.over):
                cut = f"s.{name}" if self._exact(d.over) else f"(t[:{FIXED}] for t in s.{name})"
                self.bind(d, cut, done)
            else:
                kind = ROWS if d.over in {x.name for x in self.scene.game.data} else NOISE
                self.line(f"{spelled(d.names[0])} = draw_{name}(s, {rows}, stream(s.seed, {kind}, s.device))  # {self.shapes(d)}")

    def _exact(self, source: str) -> bool:
        """Whether an objective sums over this whole table."""
        return any(not d.draws and d.over == source for d in self.draws())

    def bind(self, draw: Draw, value: str, done: dict[str, Draw]) -> None:
        """Assign the columns of a table to the names of a draw; further names of the same table share its rows."""
        known = done.setdefault(draw.over, draw)
        names = [spelled(n) for n in draw.names]
        if known is not draw:
            self.line(*(f"{a} = {b}" for a, b in zip(names, map(spelled, known.names), strict=False)))
            return
        fields = len(next(d for d in self.scene.game.data if d.name == draw.over).fields)
        self.line(f"{target(names + ['_'] * (fields - len(names)))} = {value}  # {self.shapes(draw)}")

    def shapes(self, draw: Draw) -> str:
        """The shapes of the names of a draw, for the reader."""
        return ", ".join(f"{spelled(n)} [{', '.join(['n', *map(str, self.scene.names[n].type.shape)])}]" for n in draw.names)

    def _rows_beside(self, draw: Draw, otherwise: str) -> str:
        """How many samples to draw: as many as there are rows of the table in the same expectation."""
        game = self.scene.game
        for e in (e for n in self.scene.nodes for e in walk(game.node(n).objective) if isinstance(e, Reduce) and draw in e.draws):
            beside = next((d for d in e.draws if d is not draw and d.over and is_table(game, d.over)), None)
            if beside is not None:
                return f"len({spelled(beside.names[0])})"
        first = next((d for d in self.draws() if is_table(game, d.over)), None)
        return f"len({spelled(first.names[0])})" if first is not None else otherwise

    # -------------------------------------------------------------- ops

    def write(self, ops: tuple[Op, ...]) -> None:
        """Every op in order."""
        for op in ops:
            match op:
                case Sample():
                    self.sample(op)
                case Derive():
                    derive(self, op)
                case Move():
                    self.move(op)
                case Respond():
                    respond_call(self, op.node)
                case Choose():
                    choice(self, op.node)
                case Select():
                    self.select(op.node)
                case Repeat():
                    with self.block(f"for _ in range({op.times}):"):
                        self.write(op.body)
                case _:
                    assert_never(op)

    def sample(self, op: Sample) -> None:
        """Names of the next batch; noise for as many rows."""
        done: dict[str, Draw] = {}
        draws = self.draws()
        for d in (d for source in op.data for d in draws if d.over == source):
            rows = self._rows_beside(d, "BATCH")
            args = "s" if is_table(self.scene.game, d.over) or rows == "BATCH" else f"s, {rows}"
            self.bind(d, f'batch.get("{d.over}") or batch_{attribute(d.over)}({args})', done)
        for d in (d for source in op.dists for d in draws if d.over == source):
            drawn = f"draw_{attribute(d.over)}(s, {self._rows_beside(d, self._any_rows(op))}, s.rng_noise)"
            self.line(f"{spelled(d.names[0])} = {drawn}  # {self.shapes(d)}")
        self.hoist()

    def _any_rows(self, op: Sample) -> str:
        first = next((d for d in self.draws() if d.over in op.data), None)
        return f"len({spelled(first.names[0])})" if first is not None else "BATCH"

    def hoist(self) -> None:
        """Compute the shared network applications."""
        for expr, name in self.scene.hoisted:
            shape = ", ".join(["n", *map(str, self.scene.names[name].type.shape)])
            args = ", ".join(self.writer.write(a).text for a in expr.args)
            self.line(f"{name} = {spelled(expr.net)}({args})  # [{shape}], for both players")

    def call(self, node: str, suffix: dict[str, str] | None = None) -> str:
        """The call of a player's objective at the present names."""
        renamed = {**self.renamed, **(suffix or {})}
        args = [renamed.get(a, a) for a in parameters(self.scene, node)]
        return f"{objective_name(self.scene, node)}({', '.join(args)})"

    def beam_values(self, node: str) -> str:
        """The objective at every candidate of a beam."""
        params = parameters(self.scene, node)
        mapped = {spelled(b) for b in self.scene.beams}
        dims = ", ".join("0" if p in mapped else "None" for p in params)
        return f"torch.vmap({objective_name(self.scene, node)}, in_dims=({dims}{',' if len(params) == 1 else ''}))({', '.join(params)})"

    # -------------------------------------------------------------- move

    def plain(self, name: str) -> bool:
        """Whether a variable moves by plain arithmetic rather than by a step-rule object."""
        return self.scene.var(name) is not None and arithmetic(self.scene.plan.rule(name))

    def move(self, op: Move) -> None:
        """Step along the gradients, then project."""
        for node in op.nodes:
            owner = self.scene.game.node(node)
            for o in owner.owns:
                self._move_one(o, owner.sense, op)

    def _move_one(self, name: str, sense: str, op: Move) -> None:
        var, own = self.scene.var(name), spelled(name)
        if not self.plain(name) and (op.scale != 1 or op.to != "now"):
            raise UnsupportedError("a step rule with a memory takes whole steps in this version", f"use `sgd` without momentum for `{name}`")
        if var is None:
            self._move_net(name, own)
            return
        sign, up = ("+", "-") if sense == "max" else ("-", "")
        rows = name in self.scene.beams
        if self.plain(name):
            moved = f"{own} {sign} {_rate(self.scene.plan.rule(name), op.scale)} * g_{own}"
            moved = f"({moved})" if var.set is None else projection(var.set, moved, self.writer, rows=rows)
            self.line(f"{own}_ahead = {moved}.detach()" if op.to == "ahead" else f"s.{own} = {own} = {moved}.detach()")
            return
        self.line(f"{own} = {own}.detach().clone()", f"s.rule_{own}.update([{own}], [{up}g_{own}])")
        self.line(f"s.{own} = {own} = {projection(var.set, own, self.writer, rows=rows)}")

    def _move_net(self, name: str, own: str) -> None:
        net = self.scene.net(name)
        assert net is not None  # what is no variable is the handle of a network
        self.line(f"s.rule_{own}.update({self.scene.own(net)}, g_{own})")

    # -------------------------------------------------------------- beams and reports

    def select(self, node: str) -> None:
        """The best candidate of a beam, for the leader to answer."""
        owner = self.scene.game.node(node)
        self.line(f"best = {self.beam_values(node)}.{'argmax' if owner.sense == 'max' else 'argmin'}()")
        for o in owner.owns:
            self.line(f"{spelled(o)}_best = {spelled(o)}[best]")
            self.renamed[spelled(o)] = f"{spelled(o)}_best"

    def label(self, node: str) -> str:
        """How a player is called in reports: its label, else what it owns."""
        owner = self.scene.game.node(node)
        return owner.label or (node if "/" not in node and node != "main" and self.scene.game.concept != "nested" else "+".join(owner.owns))

    def finish(self) -> None:
        """Return the objective of each player."""
        entries = ", ".join(f'"{k}": {v}.detach()' for k, v in self.losses.items())
        self.line(f"return {{{entries}}}")


def arithmetic(rule: Rule) -> bool:
    """Whether a rule is plain gradient steps, constant or falling with the square root: nothing to remember."""
    options = dict(rule.options)
    return (
        rule.word == "sgd"
        and not options.get("momentum")
        and not options.get("weight_decay")
        and options.get("decay", "constant") in ("constant", "sqrt")
    )


def _rate(rule: Rule, scale: float) -> str:
    options = dict(rule.options)
    lr = real(options["lr"]) * scale
    return f"{lr!r} / math.sqrt(s.k)" if options.get("decay") == "sqrt" else repr(lr)
