"""The whole program: parts in reading order, kernels linked in, one loop, one report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate

from gamespec.emit.answers import respond_function
from gamespec.emit.certify import certify_function
from gamespec.emit.closed.graph import NotClosed
from gamespec.emit.closed.lane import Closed, closed
from gamespec.emit.data import data_functions
from gamespec.emit.functions import moved_function, objective
from gamespec.emit.link import imports, link
from gamespec.emit.metrics import expectations_function, metric_functions
from gamespec.emit.outcome import ending_function, residual_function, stationary_function, tail
from gamespec.emit.piece import constant_text
from gamespec.emit.points import answered_function
from gamespec.emit.program import Program
from gamespec.emit.refuse import UnsupportedError, refuse
from gamespec.emit.scene import Scene, Text, scene
from gamespec.emit.solved import answer_functions
from gamespec.emit.spell import spelled
from gamespec.emit.state import start_function, stored_functions
from gamespec.emit.step import Steps
from gamespec.emit.warm import refuse_warm
from gamespec.ir import game as ir
from gamespec.ir.expr import Num
from gamespec.plan.ops import Derive, Op, Plan, Respond, Sample, flat
from gamespec.report.source import Source, Span
from gamespec.solvers.base import Table
from gamespec.solvers.choose import schedule_name
from gamespec.solvers.phases import movers
from gamespec.solvers.setup import rows_of, settings

EPOCHS = '''

def steps_for(data=None):
    """The steps of {epochs:g} epochs, counted on the rows of `{source}`: those brought, else its own."""
    rows = len(data["{source}"][0]) if data and "{source}" in data else {rows}
    return math.ceil({epochs!r} * math.ceil(rows / (BATCH or rows)))
'''

KEEP = """\
            reached = {sign}standing(s)["{metric}"]
            if not hasattr(s, "kept") or reached > s.kept[0]:
                s.kept = (reached, k, now)  # of all reports, the one whose players are given in the end
"""

TRAIN = '''

def train(seed=SEED, device="cpu", nets=None, data=None, steps=None, on_step=None{instead}, state=None, watch=None):
    """Play `steps` steps, with a report every EVERY; gives the state and how it ended.

    {said}`state` is one to go on from; `watch(k, s)` sees {seen}, and ends the run where it gives True.
    """
    s = start(seed, device, nets, data) if state is None else state
    steps = {steps}
    s.good = getattr(s, "good", None) or save(s)  # what the players last were with every number finite
{moves}
        if k % EVERY == 0 or k == steps:
            if on_step is not None:
                on_step(k, s, losses)
            now = save(s)
            if not all(math.isfinite(float(v)) for v in [*losses.values(), *((t * 0).sum() for t in now)]):
                restore(s, s.good)
                return s, "{lost}"
            s.good = now
{keep}{tests}        if watch is not None and watch(k, s):
            return s, "interrupted"
{best}    return s, "finished"


def report(k, s, losses):
    """One line for each report."""
    print("step", k, *(f"{{name}}={{float(v)!r}}" for name, v in losses.items()))


def main(steps=None, seed=SEED):
    """python {file}.py [STEPS [SEED]]"""
{points}    s, status = train(int(seed), steps=None if steps is None else int(steps), on_step={listener})
    entries = certify(s)
    for entry in entries:
        print("certificate", entry["name"], repr(entry["value"]))
    for name, found in measure(s).items():
        print("metric", name, repr(found))
{ending}    print("status", status)


if __name__ == "__main__":
    main(*sys.argv[1:])
'''


SCALAR = {
    "points": "    points = []\n",
    "listener": "lambda k, s, losses: (points.append(point(s)), report(k, s, losses))",
    "ending": """\
    if status == "finished":
        status, note = ending(s, entries, points)
        print("path", note)
""",
}
"""What `main` does beside in games of variables alone: it says how the path goes on."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a program beside its plan: networks that the caller brings, and the lane ("auto", "closed", "torch")."""

    given: frozenset[str] = frozenset()
    lane: str = "auto"


def lane(found: Scene, asked: str) -> tuple[Closed | None, str]:
    """The one choice between plain numbers and tensors, and why plain numbers were not taken.

    Raises UnsupportedError where they are asked for and cannot be.
    """
    if asked == "torch":
        return None, "the torch lane was asked for"
    try:
        return closed(found), ""
    except NotClosed as reason:
        if asked == "closed":
            raise UnsupportedError(f"this game cannot be played on plain numbers: {reason}", "leave `--lane` out") from None
        return None, str(reason)


def emit(game: ir.Game, plan: Plan, table: Table, request: Request, spans: dict[str, Span], source: Source) -> Program:
    """The program of a plan.

    Raises UnsupportedError where this version cannot write what the plan asks for.
    """
    refuse(game, plan, request.given)
    refuse_warm(game, plan)
    found = scene(game, plan, request.given, spans, source)
    numbers, why = lane(found, request.lane)
    text = Text()
    for node in reversed(found.nodes):
        objective(found, node, text)
        moved_function(found, node, text)
    for n in game.nodes:
        if n.id.startswith("@"):
            objective(found, n.id, text)
    answer_functions(found, text)
    for op in flat(plan.body):
        if isinstance(op, Respond):
            respond_function(found, op, text)
    for stand in {op.node: op for p in plan.phases for op in flat(p.body) if isinstance(op, Respond) and op.still}.values():
        respond_function(found, stand, text)
    data_functions(found, text)
    start_function(found, text, numbers.memory if numbers else None)
    answered_function(found, text)
    if numbers:
        numbers.write(text)
    else:
        _step(found, text)
    if numbers is None or not numbers.residual:
        residual_function(found, text)
    stationary_function(found, text)
    ending_function(found, text)
    metric_functions(found, table, text)
    certify_function(found, text)
    stored_functions(found, text)
    expectations_function(found, plan.schedule, schedule_name(game, None), text)
    text.add(*_train(found, at_once=numbers is not None).split("\n"))
    return replace(_assemble(found, text, source), lane="closed" if numbers else "torch", why=why)


def _step(found: Scene, text: Text) -> None:
    plan = found.plan
    if not plan.phases:
        _one_step(found, text, "step", plan.body, f"One step of {plan.solver}")
        return
    for number, phase in enumerate(plan.phases, 1):
        who = ", ".join(movers(found.game, phase))
        _one_step(found, text, f"step_{number}", phase.body, f"One step of {plan.solver} in phase {number}, for {who}")
    ends = list(accumulate(p.steps for p in plan.phases))
    names, at = ", ".join(f"step_{k + 1}" for k in range(len(ends))), f"s.k % {ends[-1]}" if plan.again else "s.k"
    text.add("", "", f"PHASES = {tuple((p.steps, movers(found.game, p)) for p in plan.phases)!r}  # steps of each, 0 to the end, and who moves")
    text.define("step", "s, batch=None", "One step, of the phase that it belongs to; gives the objective of each player that moves.")
    text.add(f"    return ({names},)[sum({at} >= end for end in {ends[:-1]!r})](s, batch)")


def _one_step(found: Scene, text: Text, name: str, body: tuple[Op, ...], said: str) -> None:
    doc = f"{said}; gives the objective of each player. `batch` may bring rows of a source, by its name."
    text.define(name, "s, batch=None", f"{doc}\n\n    Source: {found.plan.source}.\n    ")
    steps = Steps(found, text)
    steps.derived &= {n for op in flat(body) if isinstance(op, Derive) for n in op.nodes}
    steps.line("s.k += 1")
    if any(isinstance(op, Sample) and op.data for op in flat(body)):
        steps.line("batch = batch or {}")
    steps.load()
    steps.write(body)
    steps.finish()


ONE_BY_ONE = (
    """    for k in range(s.k + 1, steps + 1):
        losses = play(s)""",
    {"instead": ", play=step", "said": "`play` may stand in for `step`; ", "seen": "every step"},
)

AT_ONCE = (
    """    stride = math.gcd(EVERY, getattr(watch, "every", None) or 0)
    ends = [*range(s.k - s.k % stride + stride, steps, stride), steps] if s.k < steps else []
    for k in ends:
        losses = advance(s, k - s.k)""",
    {"instead": "", "said": "", "seen": "the steps at reports, and those that it asks for by its `every`"},
)
"""The loop of `train`, and what its docstring says: steps one by one, or all those between two looks."""


def _train(found: Scene, *, at_once: bool) -> str:
    tests = ""
    if found.scalar or found.plan.tol is not None:
        tests = "            left = float(residual(s))\n"
    if found.scalar:
        tests += '            if not left < 1e8:\n                return s, "diverging"\n'
    if found.plan.tol is not None:
        tests += '            if left <= TOL:\n                return s, "converged"\n'
    keep, kept, best = settings(found.game).get("keep"), "", ""
    if isinstance(keep, tuple):
        sign = "" if keep[0] == "best" else "-"
        kept = KEEP.format(sign=sign, metric=keep[1])
        best = "    restore(s, s.kept[2])\n"
        tests = tests.replace('return s, "converged"', 'restore(s, s.kept[2])\n                return s, "converged"')
    steps = "STEPS if steps is None else steps"
    main = next((d for op in flat(found.plan.body) if isinstance(op, Sample) for d in op.data), None)
    counted = ""
    if found.plan.epochs and main is not None:
        steps = "steps_for(data) if steps is None else steps"
        counted = EPOCHS.format(epochs=found.plan.epochs, source=main, rows=rows_of(found.game, main) or f'len(data["{main}"][0])')
    lost, (moves, words) = "diverging" if found.scalar else "nan", AT_ONCE if at_once else ONE_BY_ONE
    shown = SCALAR if found.scalar else {"points": "", "listener": "report", "ending": ""}
    known = {"steps": steps, "moves": moves, "tests": tests, "keep": kept, "best": best, "lost": lost, "file": found.game.name}
    return counted + TRAIN.format(**known, **words, **shown).rstrip("\n")


def _assemble(found: Scene, text: Text, source: Source) -> Program:
    plan, linked = found.plan, link(found.reached)
    try:
        made = version("gamespec")
    except PackageNotFoundError:
        made = "unknown"
    head = Text()
    head.add(f'"""{found.game.name}: emitted by gamespec {made} from the game below; solver {plan.solver}, schedule {plan.schedule}.', "")
    head.add(*(line.rstrip().replace("\\", "\\\\").replace('"""', "'''") for line in source.text.splitlines()), '"""', "")
    head.add("from __future__ import annotations", "")
    constants = Text()
    constants.add(f'NAME, SCHEDULE, KIND = "{found.game.name}", "{plan.schedule}", "{"scalar" if found.scalar else "network"}"')
    constants.add(f"SEED, STEPS, EVERY, BATCH, TOL = {plan.seed}, {plan.steps}, {plan.every}, {plan.batch}, {plan.tol!r}")
    constants.add(f"DTYPE = torch.{'float32' if plan.precision == 'mixed' else plan.precision}")
    if found.scalar:
        constants.add(f"TAIL = {tail(found)}")
    for p in found.game.params:
        if isinstance(p.value, Num):
            constants.add(f"{spelled(p.name)} = {constant_text(p.value)}", span=found.spans.get(f"param:{p.name}"))
    constants.add("", "", f"# ---- the game {found.game.name}")
    # The maths stand before the parts that it is made of: Python looks names up when functions are called.
    parts = Text()
    for part in linked:
        parts.add("", "", *part.split("\n"))
    loop = text.lines.index('if __name__ == "__main__":')
    body = [
        "\n".join(text.lines[:loop]),
        "\n".join(["# ---- parts of the library that this program uses", *parts.lines]),
        "\n".join(text.lines[loop:]),
    ]
    head.add(*imports("\n".join([*constants.lines, *body])), "")
    spans = [(line + len(head.lines), span) for line, span in constants.spans]
    offset = len(head.lines) + len(constants.lines)
    spans += [(line + offset, span) for line, span in text.spans]
    return Program("\n".join([*head.lines, *constants.lines, body[0], body[1], "", "", body[2]]) + "\n", tuple(spans))
