"""The stages in order; nothing else knows the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gamespec.check.build import Build
from gamespec.check.lower import SourceMap, lower
from gamespec.check.places import find
from gamespec.check.scope import Const, Failed, Log, Scope
from gamespec.check.transport import explained, transported
from gamespec.check.unwritten import unwritten
from gamespec.check.words import evaluate_word
from gamespec.ir import game as ir
from gamespec.ir.walk import problem
from gamespec.library.data.files import beside
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span
from gamespec.report.suggest import nearest
from gamespec.syntax import tree
from gamespec.syntax.parse import parse, parse_expression

# The stages after `check` are imported where they begin, so that `gamec check` does not pay for them.
if TYPE_CHECKING:
    from gamespec.classify.facts import Facts
    from gamespec.emit.program import Program
    from gamespec.plan.ops import Plan
    from gamespec.solvers.choose import Choice


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that is right: its syntax, its game, where things stand, and warnings."""

    source: Source
    sources: Mapping[str, Source]
    spec: tree.Spec
    game: ir.Game
    spans: SourceMap
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything between a checked game and its run."""

    game: ir.Game
    """What is played: the game that was checked, with a multiplier for every constraint."""
    facts: Facts
    choice: Choice
    plan: Plan
    program: Program
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings about the method."""


def check(source: Source, sets: tuple[tuple[str, str], ...] = (), solve: str | None = None) -> Checked:
    """Parse and lower a file; `sets` are `--set` pairs of a param and the text of its value. Raises GameError.

    `solve` is the label of the game to solve where the file has several, the first one without it.
    """
    spec = parse(source)
    overrides, sources = _overrides(spec, sets, source)
    with beside(source.name):
        lowered = lower(spec, source, overrides, solve)
    return Checked(source, {source.name: source, **lowered.imported, **sources}, spec, lowered.game, lowered.spans, lowered.diagnostics)


def _overrides(spec: tree.Spec, sets: tuple[tuple[str, str], ...], source: Source) -> tuple[dict[str, Const], dict[str, Source]]:
    """The values of `--set`, parsed by the language's own parser, each text a source of its own."""
    known = [s.name.id for s in spec.statements if isinstance(s, tree.Param)]
    found: dict[str, Const] = {}
    sources: dict[str, Source] = {}
    build = Build(Log())
    for key, text in sets:
        name = f"--set {key}"
        sources[name] = Source(name, text)
        place = Span(name, 0, len(text))
        if key not in known:
            near = nearest(key, known)
            hint = f"write `--set {near}={text}`" if near else f"params: {', '.join(known) or 'none'}"
            build.log.add("GE504", f"no param `{key}` in {source.name}", place, f"did you mean `{near}`?" if near else "", hint=hint)
            continue
        try:
            found[key] = Const(key, evaluate_word(parse_expression(sources[name]), Scope(), build), place)
        except Failed:
            continue
        except GameError as error:
            build.log.diagnostics += error.diagnostics
    if build.log.failed:
        raise GameError(tuple(build.log.diagnostics))
    return found, sources


def compile(checked: Checked, schedule: str | None = None, given: frozenset[str] = frozenset(), lane: str = "auto") -> Compiled:
    """Classify, choose, plan and emit. Raises GameError.

    `given` names networks that the caller brings; `lane` is "auto", "closed" (plain numbers) or "torch".
    """
    from gamespec.classify import classify
    from gamespec.emit.refuse import UnsupportedError
    from gamespec.emit.write import Request, emit
    from gamespec.solvers.choose import Unplayable, choose, schedule_name, settled
    from gamespec.solvers.prices import priced
    from gamespec.solvers.rows import row_priced

    game = _played(checked.game, schedule)
    name = schedule_name(game, schedule)
    where = find(checked.spans, name, *(f"node:{n}" for n in game.root)) or Span(checked.source.name, 0, 0)
    names = [s.name for s in game.schedules]
    if schedule is not None and schedule not in names:
        near = nearest(schedule, names)
        raise _error("GE502", f"unknown schedule `{schedule}`", where, hint=f"write `--schedule {near or names[0]}`; there are {', '.join(names)}")
    missing = unwritten(game, name)
    if missing is not None:
        raise _error("GE292", missing.what, find(checked.spans, name, *missing.at) or where, hint=missing.hint)
    # What `py` stands for is brought when the program runs; nothing is imported before.
    given = given | {n.name for n in game.nets if n.source is not None and n.source.word == "py"}
    with beside(checked.source.name):
        facts = classify(problem(game))
        game = row_priced(priced(settled(game, facts), schedule_name(game, schedule)), schedule_name(game, schedule))
        choice = choose(game, facts, schedule)
    if isinstance(choice, Unplayable):
        at = find(checked.spans, name, choice.key) or where
        raise _error("GE505", f"`{choice.method}` cannot play this game", at, choice.reason, hint=choice.hint)
    plan = choice.plan(game)
    spans = dict(checked.spans.spans)
    try:
        with beside(checked.source.name):
            program = emit(game, plan, choice.table, Request(given, lane), spans, checked.source)
    except UnsupportedError as e:
        raise _error("GE292", e.what, find(checked.spans, name, e.at) or where, hint=e.hint or "see `gamec list` for what can be written") from None
    warned = Diagnostic("GW505", choice.warning, Label(where), hint="drop `method:`, and the order as written is kept") if choice.warning else None
    return Compiled(game, facts, choice, plan, program, (warned,) if warned else ())


def _played(game: ir.Game, schedule: str | None) -> ir.Game:
    """The game with particles for distributions and weights for indices, as its schedule asks for them."""
    from gamespec.solvers.choose import schedule_name
    from gamespec.solvers.mixtures import mixed
    from gamespec.solvers.rows import in_sets
    from gamespec.solvers.transport import priced_moves
    from gamespec.solvers.weights import weighed

    name = schedule_name(game, schedule)
    return weighed(mixed(in_sets(priced_moves(transported(game), name)), name), name)


def _error(code: str, message: str, span: Span, label: str = "", hint: str = "") -> GameError:
    return GameError((Diagnostic(code, message, Label(span, label), hint=hint),))


LANES = {"closed": "closed, a loop over plain numbers with the gradients written out", "torch": "torch, tensors and automatic gradients"}
"""What runs, in words."""


def explain(checked: Checked, schedule: str | None = None, why: bool = False, lane: str = "auto") -> str:
    """Players, order, facts, the method and its defaults, costs per step, the lane, as text."""
    from gamespec.classify import classify
    from gamespec.solvers.choose import schedule_name
    from gamespec.solvers.cost import cost, memory
    from gamespec.solvers.mixtures import drawn_as
    from gamespec.solvers.phases import told
    from gamespec.solvers.prices import paid
    from gamespec.solvers.rows import said as bound
    from gamespec.solvers.transport import duals
    from gamespec.solvers.weights import weights_of

    missing = unwritten(_played(checked.game, schedule), schedule_name(checked.game, schedule))
    if missing is not None:
        said = [str(classify(problem(checked.game))), *assumed(checked.game), "", f"no program yet: {missing.what}", f"  {missing.hint}"]
        return "\n".join(said)
    compiled = compile(checked, schedule, lane=lane)
    lines = [str(compiled.facts), *assumed(checked.game), "", str(compiled.choice).split("\n")[0]]
    if why:
        lines += str(compiled.choice).split("\n")[1:]
    lines += [line for said in (explained, duals, drawn_as, weights_of, bound) for line in said(checked.game, compiled.game)] + paid(compiled.game)
    lines += [*told(compiled.game, compiled.plan), *(f"  default {k} = {v}" for k, v in compiled.plan.defaults)]
    lines += [f"cost per step: {cost(compiled.game, compiled.plan)}", f"lane: {LANES[compiled.program.lane]}"]
    lines += [f"  not on plain numbers: {compiled.program.why}"] if why and compiled.program.why else []
    lines += [f"memory: {memory(compiled.facts, compiled.plan)}"] if why else []
    lines += [f"warning {d.code}: {d.message}" for d in compiled.diagnostics]
    return "\n".join(lines)


def assumed(game: ir.Game) -> list[str]:
    """What the author assumes, a line for each."""
    return [f"  {'assumed' if k == 0 else '':<9}  {one.text}" for k, one in enumerate(game.assumptions)]


__all__ = ["Checked", "Compiled", "check", "compile", "explain"]
