"""One step of the plan as Python, op by op."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from gamespec.check.constant import plain_use
from gamespec.check.shape import each
from gamespec.emit.answers import choice, respond_call
from gamespec.emit.beam import candidates
from gamespec.emit.derive import derive
from gamespec.emit.field import adjust, reach
from gamespec.emit.functions import needs, objective_name, parameters, writer
from gamespec.emit.moves import keep, move
from gamespec.emit.noise import ahead, answered, beside, brought, by_chance, keys, numbered, numbers, stream_number
from gamespec.emit.points import kept, local
from gamespec.emit.scene import FIXED, Scene, Text, draws_of, is_table
from gamespec.emit.spell import attribute, handle, point_name, spelled, target
from gamespec.emit.survey import survey
from gamespec.emit.warm import bind_rows, warm_tables
from gamespec.ir.expr import Draw, Expr, Grad, Reduce
from gamespec.ir.walk import expanded, walk
from gamespec.plan.ops import NOW, Adjust, Choose, Derive, Keep, Move, Op, Reach, Repeat, Respond, Sample, Scatter, Select, Survey


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
        self.points: dict[str, set[str]] = {}
        """What is owned, by the points that it has reached in this step."""
        self.derived = {*scene.nodes}
        """Who derives in this step: all players, or those of a phase."""
        self.defined = ("", "")
        """The leader and the followers whose objectives stand, last, as functions of what both chose."""

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
        nets = {spelled(n.name): n.handle for n in scene.game.nets if spelled(n.name) in names}
        if nets:
            best = scene.beams if exprs is not None else {}
            self.line(f"{', '.join(nets)} = {', '.join(f'best_{spelled(o)}(s)' if o in best else f's.{n}' for n, o in nets.items())}")
        for n in scene.game.nets:
            if n.name in scene.explicit and handle(n) in names:
                self.line(f"{handle(n)} = {scene.weights(n)}")
        rest = {spelled(n): f"s.{spelled(n)}" for n in (*(p.name for p in scene.arrays), *(v.name for v in scene.game.vars if not v.scope))}
        if exprs is not None:
            rest |= {spelled(v): f"best_{spelled(v)}(s)" for v in scene.beams if scene.net(v) is None}
        rest = {n: value for n, value in rest.items() if n in names}
        if rest:
            self.line(f"{', '.join(rest)} = {', '.join(rest.values())}")
        remembered = list(kept(scene)) if self.moves and exprs is None else []
        if remembered:
            self.line(f"{', '.join(remembered)} = {', '.join(f's.{n}' for n in remembered)}")

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

    def fixed(self, most: int = FIXED) -> None:
        """The first rows of every table, `most` at most, and draws that are the same at every look."""
        done: dict[str, Draw] = {}
        for d in sorted(self.draws(), key=lambda d: d.over not in {x.name for x in self.scene.game.data}):
            name = attribute(d.over)
            rows = self._rows_beside(d, str(most))
            if is_table(self.scene.game, d.over):
                whole = f"s.{name}" if self._exact(d.over) else f"(t[:{most}] for t in s.{name})"
                self.bind(d, self.sets(d.over, str(most)) or whole, done)
            else:
                of = f"data:{d.over}" if any(x.name == d.over for x in self.scene.game.data) else d.names[0]
                self.line(f"{spelled(d.names[0])} = draw_{name}(s, {rows}, {self.look(stream_number(self.scene, of), rows)})  # {self.shapes(d)}")

    def look(self, number: int, rows: str) -> str:
        """The noise of the random stream with this number for the first rows, the same at every look."""
        self.scene.reached.add("noise_of_first")
        return f"noise_of_first(s.seed, {number}, {rows}, s.device)"

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
        source = next(x for x in self.scene.game.data if x.name == draw.over)
        rest = value.startswith("batch.get") and draw.over in brought(self.scene)
        if source.grouped:
            said = ", ".join(f"{f.name.removeprefix('.')} [{', '.join(['n', 'rows', *map(str, f.type.shape)])}]" for f in source.fields)
            if rest:
                self.line(f"drawn = {value}")
                self.line(f"{names[0]}, known = drawn[:{len(source.fields)}], drawn[{len(source.fields)}:]  # {said}")
            else:
                self.line(f"{names[0]} = {f'tuple{value}' if value.startswith('(') else value}  # {said}")
        else:
            unused = ["_"] * (len(source.fields) - len(names))
            self.line(f"{target(names + unused + ['*known'] * rest)} = {value}  # {self.shapes(draw)}")
        if rest and draw.over in numbered(self.scene):
            self.scene.reached.add("counted")
            self.line(f"{numbers(self.scene, draw)} = known[0] if known else counted({self.count(draw)}, s.came_{attribute(draw.over)})")
        if rest and draw.over in warm_tables(self.scene):
            bind_rows(self, draw.over)

    def shapes(self, draw: Draw) -> str:
        """The shapes of the names of a draw, for the reader."""
        return ", ".join(f"{spelled(n)} [{', '.join(['n', *map(str, self.scene.names[n].type.shape)])}]" for n in draw.names)

    def _rows_beside(self, draw: Draw, otherwise: str) -> str:
        """How many samples to draw: as many as there are rows of the table in the same expectation."""
        game = self.scene.game
        for e in (e for n in self.scene.nodes for e in walk(game.node(n).objective) if isinstance(e, Reduce) and draw in e.draws):
            beside = next((d for d in e.draws if d is not draw and d.over and is_table(game, d.over)), None)
            if beside is not None:
                return self.count(beside)
        first = next((d for d in self.draws() if is_table(game, d.over)), None)
        return self.count(first) if first is not None else otherwise

    def count(self, draw: Draw) -> str:
        """The number of samples that a draw has brought, as Python text."""
        return f"len({spelled(draw.names[0])}{'' if each(self.scene.game, (draw,)) else '[0]'})"

    def sets(self, source: str, most: str) -> str:
        """The first sets of rows of a source, `most` rows in all, as Python text; empty where its samples are no such sets."""
        data = next((d for d in self.scene.game.data if d.name == source), None)
        if data is None or data.source.word != "iid":
            return ""
        self.scene.reached.add("sets_of")
        (of, size), _ = plain_use(data.source)
        return f"sets_of(s.{attribute(str(of))}, {size}, {most})"

    # -------------------------------------------------------------- ops

    def write(self, ops: tuple[Op, ...]) -> None:
        """Every op in order."""
        for op in ops:
            match op:
                case Sample():
                    self.sample(op)
                case Derive():
                    derive(self, op)
                case Adjust():
                    adjust(self, op)
                case Reach():
                    reach(self, op)
                case Move():
                    move(self, op)
                case Keep():
                    keep(self, op)
                case Respond() | Choose() | Select() | Scatter() | Survey():
                    self.answer(op)
                case Repeat():
                    with self.block(f"for _ in range({op.times}):"):
                        self.write(op.body)
                case _:
                    assert_never(op)

    def answer(self, op: Respond | Choose | Select | Scatter | Survey) -> None:
        """An op by which a follower answers."""
        match op:
            case Respond():
                respond_call(self, op)
            case Choose():
                choice(self, op.node)
            case Select() | Scatter():
                candidates(self, op)
            case Survey():
                survey(self, op)

    def sample(self, op: Sample) -> None:
        """Names of the next batch; noise for as many rows."""
        done: dict[str, Draw] = {}
        draws, named = self.draws(), keys(self.scene)
        for d in (d for source in op.data for d in draws if d.over == source):
            rows = self._rows_beside(d, "BATCH")
            args = "s" if is_table(self.scene.game, d.over) or rows == "BATCH" else f"s, {rows}"
            self.bind(d, f'batch.get("{d.over}") or batch_{attribute(d.over)}({args})', done)
        early = ahead(self.scene)
        for d in (d for source in op.dists for d in draws if d.over == source):
            if d.names[0] in early:
                rows = self._rows_beside(d, self._any_rows(op))
                self.line(f"({spelled(d.names[0])},) = batch_{early[d.names[0]]}(s, {rows})  # {self.shapes(d)}")
                continue
            rows, visits = self._rows_beside(d, self._any_rows(op)), numbers(self.scene, d)
            if beside(self.scene, d) is None:
                self.line(f"{visits} = counted({rows}, s.came_{visits.removeprefix('visits_')})")
            noise = f"Noise(s.key_{named[d.names[0]]}, {visits})"
            self.scene.reached.update({"Noise", "counted"})
            self.line(f"{spelled(d.names[0])} = draw_{attribute(d.over)}(s, {rows}, {noise})  # {self.shapes(d)}")
        for node in by_chance(self.scene):
            source = answered(self.scene, node)
            if source is not None and source.over in (*op.data, *op.dists):
                self.scene.reached.add("Noise")
                rows = self._members(node, numbers(self.scene, source))
                self.line(f"noise_{named[node]} = Noise(s.key_{named[node]}, {rows})  # by row, in any batch")
        self.hoist()

    def _members(self, node: str, visits: str) -> str:
        """The numbers of what a player answers: those of the samples, and for a family those of every element's."""
        axis = self.scene.game.node(node).axis
        return f"({axis} * {visits} + torch.arange({axis}, device=s.device)[:, None]).flatten()" if axis else visits

    def _any_rows(self, op: Sample) -> str:
        first = next((d for d in self.draws() if d.over in op.data), None)
        return self.count(first) if first is not None else "BATCH"

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
        mapped = {local(self.scene, b) for b in self.scene.beams}
        if any(isinstance(e, Grad) for e in walk(expanded(self.scene.game, node))):  # a slope inside wants one after the other
            each_one = ", ".join(p if p not in mapped else f"[t[j] for t in {p}]" if self._weights(p) else f"{p}[j]" for p in params)
            return f"torch.stack([{objective_name(self.scene, node)}({each_one}) for j in range({max(self.scene.beams.values())})])"
        dims = ", ".join("0" if p in mapped else "None" for p in params)
        return f"torch.vmap({objective_name(self.scene, node)}, in_dims=({dims}{',' if len(params) == 1 else ''}))({', '.join(params)})"

    def _weights(self, name: str) -> bool:
        """Whether a name is that of the parameters of a network."""
        return any(handle(n) == name for n in self.scene.game.nets)

    # -------------------------------------------------------------- points

    def stand(self, point: str, owned: list[str]) -> None:
        """These have reached a point; once somebody has moved, what was reached before is gone."""
        if point == NOW:
            self.points = {}
        else:
            self.points.setdefault(point, set()).update(owned)

    def at(self, owned: str, point: str) -> str:
        """What is owned, at a point: where it stands, unless it went there or was kept there."""
        net = self.scene.net(owned)
        name = point_name(local(self.scene, owned), point)
        if point != NOW and (owned in self.points.get(point, ()) or name in kept(self.scene)):
            return name
        return local(self.scene, owned) if net is None else self.scene.own(net)

    def defines(self, leader: str, followers: str) -> bool:
        """Whether the functions of these have to be written; those of others of the same name are gone then."""
        known, self.defined = self.defined, (leader, followers)
        return known != self.defined

    # -------------------------------------------------------------- reports

    def label(self, node: str) -> str:
        """How a player is called in reports."""
        return label(self.scene, node)

    def finish(self) -> None:
        """Return the objective of each player."""
        entries = ", ".join(f'"{k}": {v}.detach()' for k, v in self.losses.items())
        self.line(f"return {{{entries}}}")


def label(scene: Scene, node: str) -> str:
    """How a player is called in reports: its label, else what it owns."""
    owner = scene.game.node(node)
    return owner.label or (node if "/" not in node and node != "main" and scene.game.concept != "nested" else "+".join(owner.owns))
