"""The schedule resolved: what the author wrote for each player, and a printed default for everything else."""

from __future__ import annotations

import math

from gamespec.check.constant import plain, plain_use
from gamespec.ir import game as ir
from gamespec.ir.expr import Word
from gamespec.library.directives import DIRECTIVES, RESPONSES
from gamespec.library.registry import words
from gamespec.plan.ops import Rule
from gamespec.plan.response import Envelope, Implicit, Penalty, Response, Stop, Unrolled
from gamespec.solvers.base import Seat, Table, children, follower_kind, owns_network, problem_nodes

SMALL = 100
"""Numbers in a follower up to which its optimality condition is solved by Newton's method with a dense Jacobian."""


def settings(game: ir.Game) -> dict[str, object]:
    """The `run` block as plain values."""
    return {s.key: plain(s.value) for s in game.run}


def resolve(game: ir.Game, schedule: str, method: str) -> Table:
    """The table of a schedule under a method; every value that the author did not write is listed in `defaults`."""
    run, defaults = settings(game), {}
    entries = {e.target: e.directives for e in next(s for s in game.schedules if s.name == schedule).entries}
    options = _method_options(entries.get("method", ()))
    for name in words("solvers")[method].options if method in words("solvers") else ():
        options.setdefault(name.name, name.default)
    steps, epochs = _steps(game, run, defaults)
    seats = tuple(
        _seat(game, n, entries, method, options, steps, defaults)
        for n in [*problem_nodes(game), *(x.id for x in game.nodes if x.id.startswith("@"))]
    )
    networks = any(owns_network(game, n) for n in problem_nodes(game))
    precision = str(run.get("precision") or ("float32" if networks or game.data else "float64"))
    if "precision" not in run:
        defaults["precision"] = precision
    every = int(_number(run, "every", max(1, min(steps // 20, 100) if networks else steps // 100 or 1), defaults))
    tol = run.get("tol")
    return Table(
        schedule=schedule, method=method, options=tuple(options.items()), seats=seats, steps=steps, batch=_batch(game, run, defaults),
        seed=int(_number(run, "seed", 0, {})), tol=None if tol is None else float(tol), every=every,  # type: ignore[arg-type]  # checked; until 2027-11
        precision=precision, defaults=tuple((k, str(v)) for k, v in defaults.items()), epochs=epochs,
    )  # fmt: skip


def _number(run: dict[str, object], key: str, default: float, defaults: dict[str, object]) -> float:
    value = run.get(key)
    if value is None:
        defaults[key] = default
        return default
    return float(value)  # type: ignore[arg-type]  # checked when lowered; until 2027-11


def rows_of(game: ir.Game, name: str) -> int:
    """The number of rows of a data source; 0 for a stream or a source that the user brings."""
    data = next(d for d in game.data if d.name == name)
    entry = words("data").get(data.source.word)
    if entry is None or entry.rows is None:
        return 0
    args, options = plain_use(data.source)
    return int(entry.rows(*args, **options))


def _batch(game: ir.Game, run: dict[str, object], defaults: dict[str, object]) -> int:
    streams = any(rows_of(game, d.name) == 0 for d in game.data if d.source.word != "given") or bool(game.dists)
    if "batch" not in run and streams:
        defaults["batch"] = 128
        return 128
    return int(run.get("batch", 0) or 0)  # type: ignore[call-overload]  # checked when lowered; until 2027-11


def _steps(game: ir.Game, run: dict[str, object], defaults: dict[str, object]) -> tuple[int, float]:
    if run.get("steps"):
        return int(run["steps"]), 0.0  # type: ignore[call-overload]  # checked when lowered; until 2027-11
    if run.get("epochs"):
        from gamespec.solvers.parts import sources

        drawn = sources(game).data
        rows = max((rows_of(game, d) for d in drawn), default=0)
        batch = int(run.get("batch", 0) or 0) or rows  # type: ignore[call-overload]  # checked when lowered; until 2027-11
        epochs = float(run["epochs"])  # type: ignore[arg-type]  # checked when lowered; until 2027-11
        return max(1, math.ceil(epochs * math.ceil(rows / max(batch, 1)))) if rows else int(epochs), epochs
    defaults["steps"] = 1000
    return 1000, 0.0


def _method_options(uses: tuple[ir.Use, ...]) -> dict[str, object]:
    return {o.key: plain(o.value) for u in uses[:1] for o in u.options}


def _values(use: ir.Use) -> dict[str, object]:
    """All options of a directive, defaults filled in."""
    found = {o.name: o.default for o in (DIRECTIVES[use.word].options if use.word in DIRECTIVES else words("rules")[use.word].options)}
    return found | {o.key: plain(o.value) for o in use.options}


def _seat(
    game: ir.Game, node: str, entries: dict[str, tuple[ir.Use, ...]], method: str, options: dict[str, object], total: int,
    defaults: dict[str, object],
) -> Seat:  # fmt: skip
    owner = game.node(node)
    keys = [f"{node.split('/')[0][1:]}.{o}" if node.startswith("@") else o for o in owner.owns]
    uses = [entries.get(k, ()) for k in keys]
    first = {u.word: u for us in uses[::-1] for u in us}
    inner = first.get("pgd") or first.get("newton")
    values = _values(inner) if inner else {}
    times = int(_values(first["repeat"])["times"]) if "repeat" in first else 1  # type: ignore[call-overload]  # checked; until 2027-11
    rules = tuple(
        (o, _rule(game, node, o, k, us, method, options, total * times, defaults if owner.choice is None else {})) for o, k, us in zip(owner.owns, keys, uses, strict=True)
    )
    beam = int(_values(first["beam"])["K"]) if "beam" in first else 0  # type: ignore[call-overload]  # checked; until 2027-11
    is_follower = node not in game.root and owner.choice is None and not owner.scope
    if method == "k_beam" and is_follower and not beam:
        beam = int(options.get("K", 8) or 8)  # type: ignore[call-overload]  # an int option; until 2027-11
    moves = next((int(_values(u)["steps"] or 0) for us in uses for u in us if u.word in ("sgd", "adam", "descent", "ascent")), 0)  # type: ignore[call-overload]
    steps = int(values.get("steps", 0) or 0) or moves  # type: ignore[call-overload]  # an int option; until 2027-11
    if owner.scope and owner.choice is None and not steps:
        steps = 10
        defaults[f"{keys[0]}.steps"] = steps
    edge = next((e for e in game.edges if e.child == node), None)
    how = _response(game, edge, first, steps, rules, defaults)
    if edge is not None and edge.kind == "response" and not owner.scope and owner.choice is None and not steps and not isinstance(how, Implicit):
        steps = 20
        defaults[f"{keys[0]}.steps"] = steps
        how = _response(game, edge, first, steps, rules, {})
    return Seat(
        node=node, rules=rules, steps=steps, start=str(values.get("start", "uniform" if owner.scope else "warm")),
        restarts=int(values.get("restarts", 1) or 1), surrogates=tuple(map(str, values.get("surrogate", ()) or ())),  # type: ignore[call-overload]
        times=times, beam=beam, response=how, newton="newton" in first,
    )  # fmt: skip


def _rule(
    game: ir.Game, node: str, name: str, key: str, uses: tuple[ir.Use, ...], method: str, options: dict[str, object], total: int,
    defaults: dict[str, object],
) -> Rule:  # fmt: skip
    per_sample = bool(game.node(node).scope)
    moves = next((u for u in uses if u.word == "pgd" or u.word in words("rules") or u.word in ("descent", "ascent")), None)
    if moves is None:
        rule = _default_rule(game, node, name, per_sample, options)
        if not options.get("lr"):
            defaults[key] = f"{rule.word}({', '.join(f'{k} = {v}' for k, v in rule.options if v not in ('constant', 0, 0.0))})"
        return rule
    values = _values(moves)
    if moves.word == "pgd":
        if values["lr"] is None:
            values["lr"] = _sign_step(game, name, int(values["steps"] or 10))  # type: ignore[call-overload]  # an int option; until 2027-11
            defaults[f"{key}.lr"] = values["lr"]
        return Rule("sign", (("lr", values["lr"]),))
    values.pop("steps", None)
    if values.get("decay", "constant") != "constant":
        values["total"] = total
    word = "sgd" if moves.word in ("descent", "ascent") else moves.word
    return Rule(word, tuple(values.items()))


def _default_rule(game: ir.Game, node: str, name: str, per_sample: bool, options: dict[str, object]) -> Rule:
    if per_sample:
        return Rule("sign", (("lr", _sign_step(game, name, 10)),))
    if options.get("lr"):
        return Rule("sgd", (("lr", options["lr"]), ("momentum", 0.0), ("weight_decay", 0.0), ("decay", "constant")))
    if owns_network(game, node):
        return Rule("adam", (("lr", 1e-3), ("betas", (0.9, 0.999)), ("eps", 1e-8), ("weight_decay", 0.0), ("decay", "constant")))
    return Rule("sgd", (("lr", 0.1), ("momentum", 0.0), ("weight_decay", 0.0), ("decay", "constant")))


def _sign_step(game: ir.Game, name: str, steps: int) -> float:
    """2.5 radius / steps, the common choice of Madry et al. 2018; 0.01 for a set without a radius."""
    var = next(v for v in game.vars if v.name == name)
    values = {p.name: plain(p.value) for p in game.params}
    for part in var.set.parts if var.set else ():
        if part.word in ("Linf", "L2") and part.args:
            arg = part.args[0]
            radius = values.get(getattr(arg, "name", ""), plain(arg))
            return round(2.5 * float(radius) / max(steps, 1), 6)  # type: ignore[arg-type]  # a number; until 2027-11
    return 0.01


def size(game: ir.Game, node: str) -> int:
    """How many numbers a node chooses; networks count as many."""
    if owns_network(game, node):
        return 10**9
    total = 0
    for v in game.vars:
        if v.name in game.node(node).owns:
            n = 1
            for d in v.type.shape:
                n *= d
            total += n
    return total


def _response(
    game: ir.Game, edge: ir.Edge | None, first: dict[str, ir.Use], steps: int, rules: tuple[tuple[str, Rule], ...], defaults: dict[str, object]
) -> Response | None:  # fmt: skip
    if edge is None:
        return None
    if "through" not in first:
        if edge.kind == "value" or follower_kind(game, edge) != "response":
            return None
        small = size(game, edge.child) <= SMALL and not game.data
        how: Response = Implicit("newton", 50, 1e-12) if small else Implicit("cg", 20, 1e-10)
        defaults[f"{game.node(edge.child).owns[0]}.through"] = f"implicit ({how.how})" if isinstance(how, Implicit) else ""
        return how
    use = first["through"]
    word = use.args[0].value if isinstance(use.args[0], Word) else ""
    values = {o.name: o.default for o in RESPONSES[word]} | {o.key: plain(o.value) for o in use.options}
    lr = float(dict(rules[0][1].options).get("lr", 0.1) or 0.1)  # type: ignore[arg-type]  # a number; until 2027-11
    small = size(game, edge.child) <= SMALL and not game.data
    table: dict[str, Response] = {
        "stop": Stop(),
        "envelope": Envelope("as written: through(envelope)"),
        "unroll": Unrolled(steps or 20, lr),
        "implicit": Implicit("newton" if small else "cg", int(values.get("iters", 20) or 20), float(values.get("tol", 1e-10) or 1e-10)),  # type: ignore[call-overload, arg-type]
        "penalty": Penalty(float(values.get("gamma", 1.0) or 1.0), float(values.get("growth", 1.0) or 1.0)),  # type: ignore[arg-type]
    }
    return table[word]


__all__ = ["SMALL", "children", "resolve", "rows_of", "settings", "size"]
