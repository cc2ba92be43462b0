"""The whole program: parts in reading order, kernels linked in, one loop, one report."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from gamespec.emit.answers import answer_functions, respond_function
from gamespec.emit.expr import attribute, constant_text, spelled
from gamespec.emit.functions import Scene, Text, moved_function, objective, scene
from gamespec.emit.link import link
from gamespec.emit.outcome import certify_function, expectations_function, metric_functions, residual_function, stationary_function
from gamespec.emit.program import Program
from gamespec.emit.state import data_functions, start_function, stored_functions
from gamespec.emit.step import Steps
from gamespec.ir import game as ir
from gamespec.ir.expr import Num
from gamespec.plan.ops import Op, Plan, Repeat, Respond
from gamespec.report.source import Source, Span
from gamespec.solvers.base import Table
from gamespec.solvers.choose import schedule_name

HEAD = """
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
"""

TRAIN = '''

def train(seed=SEED, device="cpu", nets=None, data=None, steps=None, on_step=None):
    """Play: `steps` steps, a report every EVERY; gives the state and how it ended."""
    s = start(seed, device, nets, data)
    steps = {steps}
    saved = save(s)
    for k in range(1, steps + 1):
        losses = step(s)
        if k % EVERY and k != steps:
            continue
        if on_step is not None:
            on_step(k, s, losses)
        if not all(math.isfinite(float(v)) for v in losses.values()):
            restore(s, saved)
            return s, "{lost}"
        saved = save(s)
{tests}    return s, "finished"


def report(k, s, losses):
    """One line for each report."""
    print("step", k, *(f"{{name}}={{float(v)!r}}" for name, v in losses.items()))


if __name__ == "__main__":
    state, status = train(on_step=report)
    for name, found in measure(state).items():
        print("metric", name, repr(found))
    for entry in certify(state):
        print("certificate", entry["name"], repr(entry["value"]))
    print("status", status)
'''


def emit(game: ir.Game, plan: Plan, table: Table, given: frozenset[str], spans: dict[str, Span], source: Source) -> Program:
    """The program of a plan. Networks in `given` are brought by the caller instead of built.

    Raises UnsupportedError where this version cannot write what the plan asks for.
    """
    found = scene(game, plan, given, spans)
    text = Text()
    for node in reversed(found.nodes):
        objective(found, node, text)
        moved_function(found, node, text)
    for n in game.nodes:
        if n.id.startswith("@"):
            objective(found, n.id, text)
    answer_functions(found, text)
    for op in _responds(plan.body):
        respond_function(found, op, text)
    data_functions(found, text)
    start_function(found, text)
    _step(found, text)
    residual_function(found, text)
    stationary_function(found, text)
    metric_functions(found, table, text)
    certify_function(found, text)
    stored_functions(found, text)
    expectations_function(found, plan.schedule, schedule_name(game, None), text)
    text.add(*_train(found).split("\n"))
    return _assemble(found, text, source)


def _responds(body: tuple[Op, ...]) -> list[Respond]:
    return [r for op in body for r in ([op] if isinstance(op, Respond) else _responds(op.body) if isinstance(op, Repeat) else [])]


def _step(found: Scene, text: Text) -> None:
    text.add("", "", "def step(s, batch=None):", f'    """One step of {found.plan.solver}; `batch` gives rows of a data source by its name. Source: {found.plan.source}."""')
    steps = Steps(found, text)
    steps.line("s.k += 1")
    steps.load()
    steps.write(found.plan.body)
    steps.finish()


def _train(found: Scene) -> str:
    tests = ""
    if found.scalar:
        tests = (
            "        left = float(residual(s))\n"
            "        if not left < 1e8:\n"
            '            return s, "diverging"\n'
        )  # fmt: skip
    if found.plan.tol is not None:
        tests += "" if found.scalar else "        left = float(residual(s))\n"
        tests += '        if left <= TOL:\n            return s, "converged"\n'
    steps = "steps or STEPS"
    if found.plan.epochs and found.plan.body:
        main = next((d for d in found.game.data if d.name in getattr(found.plan.body[0], "data", ())), None)
        if main is not None:
            rows = f"len(s.{attribute(main.name)}[0])"
            steps = f"steps or math.ceil({found.plan.epochs!r} * math.ceil({rows} / (BATCH or {rows})))"
    return TRAIN.format(steps=steps, tests=tests, lost="diverging" if found.scalar else "nan").rstrip("\n")


def _assemble(found: Scene, text: Text, source: Source) -> Program:
    linked = link(found.reached)
    plan = found.plan
    try:
        made = version("gamespec")
    except PackageNotFoundError:
        made = "unknown"
    maths = [line.rstrip() for line in source.text.splitlines()]
    head = Text()
    head.add(f'"""{found.game.name}: emitted by gamespec {made} from the game below; solver {plan.solver}, schedule {plan.schedule}.', "")
    head.add(*(line.replace("\\", "\\\\").replace('"""', "'''") for line in maths), '"""', "", "from __future__ import annotations")
    head.add(*HEAD.split("\n"))
    if any("Callable" in t for t in linked):
        head.lines.insert(head.lines.index("import math"), "from collections.abc import Callable")
        head.lines.insert(head.lines.index("import math"), "")
        head.lines[-1:] = [""]
        at = head.lines.index("import math")
        head.lines[at - 2 : at + 1] = ["import math", "from collections.abc import Callable"]
    head.add(f'NAME, SCHEDULE, KIND = "{found.game.name}", "{plan.schedule}", "{"scalar" if found.scalar else "network"}"')
    head.add(f"SEED, STEPS, EVERY, BATCH, TOL = {plan.seed}, {plan.steps}, {plan.every}, {plan.batch}, {plan.tol!r}")
    head.add(f"DTYPE = torch.{plan.precision}")
    for p in found.game.params:
        if isinstance(p.value, Num):
            head.add(f"{spelled(p.name)} = {constant_text(p.value)}", span=found.spans.get(f"param:{p.name}"))
    head.add("", "", "# ---- parts of the library that this program uses")
    for part in linked:
        head.add("", "", *part.split("\n"))
    head.add("", "", f"# ---- the game {found.game.name}")
    offset = len(head.lines)
    spans = tuple([*head.spans, *((line + offset, span) for line, span in text.spans)])
    return Program("\n".join([*head.lines, *text.lines]) + "\n", spans)
