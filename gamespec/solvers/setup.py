"""The schedule resolved: what the author wrote for each player, and a printed default for everything else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gamespec.check.constant import of_table, plain
from gamespec.check.owners import moves
from gamespec.check.shape import each
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Num, Ref
from gamespec.ir.walk import walk
from gamespec.library.directives import DIRECTIVES
from gamespec.library.functions import FUNCTIONS
from gamespec.library.registry import words
from gamespec.plan.ops import Rule
from gamespec.plan.response import Envelope, Hull, Implicit, Response, Stop
from gamespec.solvers.base import Seat, Table, beside, drawn, follower_kind, owns_network, problem_nodes, size, team
from gamespec.solvers.mixtures import SHARE, share
from gamespec.solvers.phases import written as written_phases
from gamespec.solvers.responses import options_of, solved_for, word_of, written

_SEARCH = 100
"""Steps of a search inside a metric that the author gave no number for."""
SMALL = 100
"""Numbers in a follower up to which its optimality condition is solved by Newton's method with a dense Jacobian."""

_INNER = ("pgd", "langevin")
_MOVES = ("descent", "ascent")


def whole(value: object) -> int:
    """A checked option as a whole number; 0 for one that was left out."""
    return int(value) if isinstance(value, (int, float)) else 0


def real(value: object) -> float:
    """A checked option as a number; 0 for one that was left out."""
    return float(value) if isinstance(value, (int, float)) else 0.0


def settings(game: ir.Game) -> dict[str, object]:
    """The `run` block as plain values."""
    return {s.key: plain(s.value) for s in game.run}


def rows_of(game: ir.Game, name: str) -> int:
    """The number of rows of a data source; 0 for a stream or a source that the user brings."""
    data = next(d for d in game.data if d.name == name)
    entry = words("data").get(data.source.word)
    if entry is None or entry.rows is None:
        return 0
    args, options, _ = of_table(data.source)
    return whole(entry.rows(*args, **options))


def resolve(game: ir.Game, schedule: str, method: str) -> Table:
    """The table of a schedule under a method; every value that the author did not write is listed in `defaults`."""
    entries = {e.target: e.directives for e in next(s for s in game.schedules if s.name == schedule).entries}
    written = {o.key: plain(o.value) for u in entries.get("method", ())[:1] for o in u.options}
    options = {o.name: o.default for o in words("solvers")[method].options} | written
    phases, again = written_phases(game, entries.get("phases", ()))
    work = _Work(game, entries, method, options, settings(game))
    steps, epochs = work.steps(0 if again or any(not n for n, _ in phases) else sum(n for n, _ in phases))
    nodes = [*problem_nodes(game), *(n.id for n in game.nodes if n.id.startswith("@"))]
    seats = tuple(work.seat(n) for n in nodes)
    networks = any(owns_network(game, n) for n in problem_nodes(game))
    every = max(1, min(steps // 20, 100) if networks else steps // 100)
    tol = work.run.get("tol")
    return Table(
        schedule=schedule, method=method, options=tuple(options.items()), seats=seats, steps=steps, batch=work.batch(),
        seed=whole(work.setting("seed", 0)), tol=None if tol is None else real(tol),
        every=whole(work.setting("every", every)), precision=str(work.setting("precision", "float32" if networks or game.data else "float64")),
        defaults=tuple((k, str(v)) for k, v in work.defaults.items()), epochs=epochs,
        phases=phases, again=again,
    )  # fmt: skip


@dataclass(slots=True)
class _Work:
    """A schedule being resolved; `defaults` collects what was chosen for the author."""

    game: ir.Game
    entries: dict[str, tuple[ir.Use, ...]]
    method: str
    options: dict[str, object]
    run: dict[str, object]
    defaults: dict[str, object] = field(default_factory=dict)

    def setting(self, key: str, default: object) -> object:
        """A value of the `run` block."""
        if self.run.get(key) is not None:
            return self.run[key]
        self.defaults[key] = default
        return default

    def batch(self) -> int:
        """Rows in a minibatch; 0 for all of them."""
        streams = any(rows_of(self.game, d.name) == 0 for d in self.game.data if d.source.word not in ("given", "py", "iid")) or bool(self.game.dists)
        tables = "full" if self.game.data else None
        found = self.setting("batch", 128) if streams else self.run.get("batch") or (tables and self.setting("batch", tables))
        return whole(found)

    def steps(self, phases: int) -> tuple[int, float]:
        """Steps of the whole run, of all its phases by default, and the epochs that they make up where the author counts in those."""
        if self.run.get("steps") or not self.run.get("epochs"):
            return whole(self.setting("steps", phases or words("solvers")[self.method].steps)), 0.0
        rows = max((rows_of(self.game, d) for d in drawn(self.game)[0]), default=0)
        epochs, batch = real(self.run["epochs"]), whole(self.run.get("batch")) or rows
        return max(1, math.ceil(epochs * math.ceil(rows / batch))) if rows else math.ceil(epochs), epochs

    # -------------------------------------------------------------- one player

    def seat(self, node: str) -> Seat:
        """How one node is played."""
        owner = self.game.node(node)
        keys = [f"{node.split('/')[0][1:]}.{o}" if node.startswith("@") else o for o in owner.owns]
        shares = {k: share(u) for k in keys for u in self.entries.get(k, ()) if u.word == SHARE}
        uses = [tuple(u for u in self.entries.get(k, ()) if u.word != SHARE) for k in keys]
        first = {u.word: u for us in reversed(uses) for u in reversed(us)}
        inner = next((_values(first[w]) for w in _INNER if w in first), {})
        times = whole(_values(first["repeat"])["times"]) if "repeat" in first else 1
        steps = whole(inner.get("steps")) or next(
            (whole(_values(u)["steps"]) for us in uses for u in us if "steps" in _values(u) and u.word != "newton"), 0
        )
        edge = next((e for e in self.game.edges if e.child == node), None)
        if not steps and "repeat" not in first and owner.choice is None:
            usual = _SEARCH if _searched(owner) else 0 if not owner.scope else 50 if owner.constraints else 10
            steps = self._usual_steps(edge, first, keys[0], anew=usual)
        rules = tuple((o, self._rule(node, o, k, us)) for o, k, us in zip(owner.owns, keys, uses, strict=True) if owner.choice is None)
        beam = whole(_values(first["beam"])["K"]) if "beam" in first else 0
        if self.method == "k_beam" and edge is not None and owner.choice is None and not owner.scope:
            beam = beam or whole(self.options.get("K"))
        start, restarts, surrogates = (
            inner.get("start", self._usual_start(owner)),
            whole(inner.get("restarts")) or 1,
            inner.get("surrogate"),
        )
        return Seat(
            node=node, rules=rules, steps=steps, start=str(start), restarts=restarts,
            surrogates=tuple(map(str, surrogates)) if isinstance(surrogates, tuple) and surrogates else self._stand_in(node, keys[0]),
            times=times, beam=beam, response=self._response(edge, first, steps, rules), kept=tuple(self._kept(owner.owns, keys, uses)),
            shares=tuple((o, *shares[k]) for k, o in zip(keys, owner.owns, strict=True) if k in shares),
        )  # fmt: skip

    def _kept(self, owns: tuple[str, ...], keys: list[str], uses: list[tuple[ir.Use, ...]]) -> Iterator[tuple[str, Rule]]:
        """How each network that lies in a set stays there."""
        sets = {n.handle: n.set for n in self.game.nets if n.set is not None}
        for name, key, directives in zip(owns, keys, uses, strict=True):
            found = sets.get(name)
            clip = next((u for u in directives if u.word == "clip"), None)
            if found is None:
                continue
            if clip is None and all(u.word != "spectral" for u in directives):
                self.defaults[f"{key}.set"] = "spectral"
            most = plain(found.parts[0].args[0]) if clip is None else _values(clip)["c"]
            yield name, Rule("spectral" if clip is None else "clip", (("c", real(most)),))

    def _stand_in(self, node: str, key: str) -> tuple[str, ...]:
        """What a follower that counts climbs where its schedule names nothing: the first stand-in of what it counts."""
        owner = self.game.node(node)
        counted = [FUNCTIONS[e.fn].surrogates for e in walk(owner.objective) if isinstance(e, Call) and e.fn in FUNCTIONS]
        found = next((s[0][0] for s in counted if s), None)
        if found is None or not owner.scope or moves(self.game, node, set(owner.owns)):
            return ()
        self.defaults[f"{key}.surrogate"] = found
        return (found,)

    def _usual_start(self, owner: ir.Node) -> str:
        """Where an answer begins that nothing is said about."""
        if not owner.scope:
            return "zero" if _searched(owner) else "warm"
        if any(v.init is not None for v in self.game.vars if v.name in owner.owns):
            return "zero"  # where a price draws it
        return "uniform" if each(self.game, owner.scope) else "own"

    def _usual_steps(self, edge: ir.Edge | None, first: dict[str, ir.Use], key: str, *, anew: int) -> int:
        """Steps of a follower whose author gave no number, `anew` of one that begins anew: none where its answer is solved for."""
        if anew:
            self.defaults[f"{key}.steps"] = anew
            return anew
        if edge is None or (edge.kind == "value" and "through" not in first) or self._solved(edge, first):
            return 0
        if edge.kind == "value" and word_of(first["through"]) in ("stop", "envelope"):
            return 0
        self.defaults[f"{key}.steps"] = 20
        return 20

    def _solved(self, edge: ir.Edge, first: dict[str, ir.Use]) -> bool:
        small = sum(size(self.game, n) for n in team(self.game, edge.child)) <= SMALL and not self.game.data
        return small and ("through" not in first or solved_for(first["through"]))

    def _rule(self, node: str, name: str, key: str, uses: tuple[ir.Use, ...]) -> Rule:
        """The step rule of one thing that is chosen."""
        move = next((u for u in uses if DIRECTIVES[u.word].role == "move" or u.word in _INNER), None)
        if move is None:
            rule = self._usual_rule(node, name)
            if not self.options.get("lr") or rule.word == "sign":
                self.defaults[key] = f"{rule.word}({', '.join(f'{k} = {v}' for k, v in rule.options if v not in ('constant', 0, 0.0))})"
            return rule
        values = _values(move)
        if move.word in _INNER:
            if values["lr"] is None:
                values["lr"] = self.defaults[f"{key}.lr"] = self._sign_step(name, whole(values["steps"]))
            if move.word == "pgd":
                return Rule("sign", (("lr", values["lr"]),))
            return Rule("langevin", tuple((k, values[k]) for k in ("lr", "noise", "sign")))
        values.pop("steps", None)
        return _whole_rule("sgd" if move.word in _MOVES else move.word, values)

    def _usual_rule(self, node: str, name: str) -> Rule:
        if each(self.game, self.game.node(node).scope):
            return Rule("sign", (("lr", self._sign_step(name, 10)),))
        if _searched(self.game.node(node)):
            return Rule("sign", (("lr", self._sign_step(name, _SEARCH)),))
        solver = words("solvers")[self.method]
        asked = solver.rule or ("sgd" if self.options.get("lr") else "")
        if asked:
            return _whole_rule(asked, {k: v for k, v in self.options.items() if v})
        return _whole_rule("adam" if owns_network(self.game, node) else "sgd", {"decay": solver.decay})

    def _sign_step(self, name: str, steps: int) -> float:
        """2.5 radius / steps, the common choice of Madry et al. 2018; 0.01 for a set without a radius."""
        var = next(v for v in self.game.vars if v.name == name)
        values = {p.name: plain(p.value) for p in self.game.params}
        for part in var.set.parts if var.set else ():
            if part.word in ("Linf", "L2"):
                radius = values[part.args[0].name] if isinstance(part.args[0], Ref) else plain(part.args[0])
                return round(2.5 * real(radius) / max(steps, 1), 6)
            if part.word == "Box" and steps == _SEARCH and all(isinstance(a, Num) for a in part.args):
                lo, hi = (real(plain(a)) for a in part.args)
                return round(2.5 * (hi - lo) / 2 / steps, 6)
        return 0.01

    def _response(self, edge: ir.Edge | None, first: dict[str, ir.Use], steps: int, rules: tuple[tuple[str, Rule], ...]) -> Response | None:
        """How a derivative passes through a follower: as written, or by the implicit function theorem."""
        asked = bool({"through", "newton"} & first.keys())
        if edge is None or (not asked and follower_kind(self.game, edge) != "response"):
            return None
        if not asked and any(e.kind == "value" for e in self.game.edges if e.child in team(self.game, edge.child)):
            return Envelope("a multiplier of what its leader shares: no derivative in it where it is optimal")
        solved = _values(first["newton"]) if "newton" in first else {"steps": 50, "tol": 1e-12}
        newton = Implicit("newton", whole(solved["steps"]), real(solved["tol"]))
        if first.keys() & set(_INNER) and "through" not in first:
            self.defaults[f"{self.game.node(edge.child).owns[0]}.through"] = "stop"
            return Stop()
        free = all(v.set is None for v in self.game.vars if v.name in self.game.node(edge.child).owns)
        symmetric = free and not beside(self.game, edge.child)
        small = self._solved(edge, first)
        if "through" in first and word_of(first["through"]) == "hull":
            eps = options_of(first["through"])["eps"]
            return Hull(math.inf if eps is None else real(eps), whole(_values(first["pgd"])["restarts"]))
        if "through" in first:
            return written(first["through"], rules[0][1], steps, newton if small else None, symmetric=symmetric)
        how = newton if small else Implicit("cg" if symmetric else "gmres", 20, 1e-10)
        self.defaults[f"{self.game.node(edge.child).owns[0]}.through"] = f"implicit ({how.how})"
        return how


def _searched(owner: ir.Node) -> bool:
    """Whether a player stands inside a metric and answers once for all samples."""
    return owner.id.startswith("@") and not owner.scope and owner.choice is None


def _values(use: ir.Use) -> dict[str, object]:
    """All options of a directive, defaults filled in."""
    return {o.name: o.default for o in DIRECTIVES[use.word].options} | {o.key: plain(o.value) for o in use.options}


def _whole_rule(word: str, values: Mapping[str, object]) -> Rule:
    """A step rule with every option that its file has, as given or by default; one that has no file with those given."""
    entry = words("rules").get(word)
    if entry is None:
        return Rule(word, tuple(values.items()))
    return Rule(word, tuple((o.name, values[o.name] if values.get(o.name) is not None else o.default) for o in entry.options))
