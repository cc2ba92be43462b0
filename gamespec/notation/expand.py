"""A game with everything written out: definitions in place, schedules with all options, the run with all settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from gamespec import pipeline
from gamespec.check.constant import plain
from gamespec.classify import classify
from gamespec.ir import game as ir
from gamespec.ir.expr import Word
from gamespec.ir.walk import problem
from gamespec.library.base import Option
from gamespec.library.directives import DIRECTIVES
from gamespec.library.responses import RESPONSES
from gamespec.notation.inline import inlined
from gamespec.plan.ops import Rule
from gamespec.plan.response import Implicit
from gamespec.report.diagnostic import Edit, Fix
from gamespec.report.fixes import edit
from gamespec.report.source import Source, Span
from gamespec.solvers.base import Seat, Table
from gamespec.solvers.choose import Unplayable, choose
from gamespec.solvers.setup import settings
from gamespec.syntax import tree
from gamespec.syntax.layout import layout

Arguments = Iterable[tuple[str, object]]


def expanded(checked: pipeline.Checked) -> str:
    """The text without imports and definitions, with full schedules and a full run; all else stays as written, in the one layout."""
    game, source = checked.game, checked.source
    facts = classify(problem(game))
    tables: dict[str, Table] = {}
    for schedule in game.schedules:
        choice = choose(game, facts, schedule.name)
        # Where no method can play, `compile` says so; a distribution near a source is played as moves of its samples.
        near = any(v.type.kind == "dist" and v.set is not None for v in game.vars)
        tables[schedule.name] = (pipeline.compile(checked, schedule.name).choice if near or isinstance(choice, Unplayable) else choice).table
    made = {name: _schedule(game, name, table) for name, table in tables.items()}
    default = str(settings(game).get("schedule") or "default")
    edits: list[Edit] = []
    for statement in checked.spec.statements:
        if isinstance(statement, tree.Schedule):
            name = statement.name.id if statement.name else "default"
            edits.append(Edit(statement.span, made.pop(name, "")))
        elif isinstance(statement, tree.Run):
            edits.append(Edit(statement.span, "\n".join([*_left(made, edits), _run(game, tables[default])])))
    runs = any(isinstance(s, tree.Run) for s in checked.spec.statements)
    language = any(isinstance(s, tree.Language) for s in checked.spec.statements)
    end = len(source.text)
    tail = "" if runs else f"{_run(game, tables[default])}\n"
    edits.append(Edit(Span(source.name, end, end), "\n".join(["", *made.values(), tail])))
    if not language:
        edits.append(Edit(Span(source.name, 0, 0), "language 1\n"))
    written = [e for e in inlined(checked.spec, source.name) if not any(o.span.start <= e.span.start < o.span.end for o in edits)]
    text, _ = edit(source.text, source.name, [Fix("", (one,)) for one in (*edits, *written)])
    return layout(Source(source.name, text))


def _left(made: dict[str, str], edits: list[Edit]) -> list[str]:
    """The schedule that nobody wrote, before the run."""
    return [made.pop("default")] if "default" in made and not edits else []


# ------------------------------------------------------------------ schedules


def _schedule(game: ir.Game, name: str, table: Table) -> str:
    written = {e.target: e.directives for e in next(s for s in game.schedules if s.name == name).entries}
    known = {o for n in game.nodes for o in n.owns}
    options = [(key, value) for key, value in table.options if value is not None and (key, value) != ("lr", 0)]
    entries = [f"method: {_word(table.method, options)}"]
    if "phases" in written:
        entries.append(f"phases: {', '.join(_phase(game, use) for use in written['phases'])}")
    for seat in table.seats:
        label = f"{seat.node.split('/')[0][1:]}." if seat.node.startswith("@") else ""
        for owned, rule in ((o, rule) for o, rule in seat.rules if o in known):
            entries.append(f"{label}{owned}: {', '.join(_directives(game, seat, rule, written.get(label + owned, ())))}")
    head = "schedule" if name == "default" else f"schedule {name}"
    return f"{head} {{ {'  '.join(entries)} }}"


def _phase(game: ir.Game, use: ir.Use) -> str:
    named = [o for a in use.args if isinstance(a, Word) for o in game.node(a.value).owns]
    said = [*named, *(f"{o.key} = {plain(o.value)}" for o in use.options)]
    return f"{use.word}({', '.join(said)})" if said else use.word


def _directives(game: ir.Game, seat: Seat, rule: Rule, uses: tuple[ir.Use, ...]) -> list[str]:
    """What is done with one player: as written with every option, else what was chosen for it."""
    if game.node(seat.node).choice is not None:
        return ["enumerate"]
    said = [_use(use, seat, rule) for use in uses if use.word != "through"]
    moved = any(DIRECTIVES[use.word].role in {"move", "inner"} for use in uses)
    if not moved:
        said = [_default(seat, rule), *said]
    return [*said, *_through(seat, uses)]


def _default(seat: Seat, rule: Rule) -> str:
    if rule.word == "sign":
        return _word("pgd", [("steps", seat.steps), *rule.options, ("start", seat.start), ("restarts", seat.restarts)])
    steps = [("steps", seat.steps)] if seat.steps else []
    return _word(rule.word, [*((k, v) for k, v in rule.options if k != "total"), *steps])


def _use(use: ir.Use, seat: Seat, rule: Rule) -> str:
    """A directive with the options that were written and those that were not."""
    options: tuple[Option, ...] = DIRECTIVES[use.word].options
    values = {o.name: o.default for o in options} | {o.key: plain(o.value) for o in use.options}
    if "lr" in values and values["lr"] is None:
        values["lr"] = dict(rule.options)["lr"]
    if "steps" in values and not values["steps"]:
        values["steps"] = seat.steps
    return _word(use.word, [(key, value) for key, value in values.items() if value not in (None, (), 0) or key not in {"steps", "surrogate", "lr"}])


def _through(seat: Seat, uses: tuple[ir.Use, ...]) -> list[str]:
    """How a derivative passes through the player."""
    use = next((use for use in uses if use.word == "through"), None)
    if use is not None:
        word = use.args[0].value if isinstance(use.args[0], Word) else ""
        values = {o.name: o.default for o in RESPONSES[word].options} | {o.key: plain(o.value) for o in use.options}
        return [f"through({_word(word, [(k, v) for k, v in values.items() if v is not None])})"]
    how = seat.response
    return [f"through({_word('implicit', [('by', how.how), ('iters', how.steps), ('tol', how.tol)])})"] if isinstance(how, Implicit) else []


def _run(game: ir.Game, table: Table) -> str:
    """Every setting: as written, else what was chosen."""
    written = settings(game)
    chosen: dict[str, object] = {"steps": table.steps, "batch": table.batch, "seed": table.seed, "every": table.every, "precision": table.precision}
    if written.get("epochs"):
        del chosen["steps"]
    if not table.batch:
        chosen["batch"] = "full"
    if not game.data and not game.dists:
        del chosen["batch"]
    values = {key: written.get(key, value) for key, value in chosen.items()} | written
    return f"run {{ {'  '.join(f'{key} = {_setting(key, value)}' for key, value in values.items())} }}"


def _setting(key: str, value: object) -> str:
    """A setting as it is written: `keep = best(val)` stands as two words."""
    return f"{value[0]}({value[1]})" if key == "keep" and isinstance(value, tuple) else _value(value)


# ------------------------------------------------------------------ words


def _word(word: str, options: Arguments) -> str:
    inside = ", ".join(f"{key} = {_value(value)}" for key, value in options)
    return f"{word}({inside})" if inside else word


def _value(value: object) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return value if re.fullmatch(r"[^\W\d]\w*", value) else f'"{value}"'
    if isinstance(value, Fraction) and value.denominator == 1:
        return str(value.numerator)
    return str(value)
