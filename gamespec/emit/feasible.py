"""How far every constraint is violated at the end, as Python."""

from __future__ import annotations

from collections.abc import Iterator

from gamespec.emit.answers import answer_noise, respond_name, respond_parameters
from gamespec.emit.data import quoted
from gamespec.emit.scene import Scene, Text
from gamespec.emit.spell import spelled
from gamespec.emit.step import Steps
from gamespec.emit.warm import begun
from gamespec.ir import game as ir
from gamespec.ir.expr import Call, Draw, Expr, Reduce
from gamespec.plan.ops import Respond, flat
from gamespec.solvers.prices import ZERO, limits
from gamespec.solvers.transport import prices


def written(scene: Scene) -> Iterator[tuple[str, Expr]]:
    """Every constraint with the text that it was written as."""
    members = {g.id: g.constraints for g in scene.game.groups}
    owned = {n: scene.game.node(n).constraints for n in scene.nodes if not scene.game.node(n).scope}
    for owner, constraints in (members | owned).items():
        for k, constraint in enumerate(constraints):
            text = _text(scene, owner, k)
            node = next((scene.game.node(n) for n in scene.nodes if n == owner), None)
            each = (Draw(names=(node.index,), last=node.axis - 1),) if node is not None and node.axis else ()
            yield text, violation(constraint, each)


def violation(constraint: Expr, each: tuple[Draw, ...] = ()) -> Expr:
    """How much a constraint is violated, at the worst element of what it ranges over: 0 where it holds."""
    found = []
    for limit in limits(constraint):
        excess: Expr = Call(fn="abs", args=(limit.slack,)) if limit.equal else Call(fn="max", args=(ZERO, limit.slack))
        for d in reversed((*each, *limit.draws)):
            excess = Reduce(op="max", draws=(d,), body=excess)
        found.append(excess)
    return found[0] if len(found) == 1 else Call(fn="max", args=tuple(found))


def feasibility(scene: Scene, text: Text) -> None:
    """An entry of the certificate for each constraint; on data it is taken on the fixed rows."""
    for node in (scene.game.node(n) for n in scene.nodes):
        if node.scope and node.constraints:
            _of_rows(scene, node, text)
    for var, node, spent in prices(scene.game):
        _spent(scene, var, node, spent, text)
    found = list(written(scene))
    if not found:
        return
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        steps.fixed()
        steps.load([expr for _, expr in found])
        tol = "1e-6" if scene.scalar else "1e-3"
        with steps.block("with torch.no_grad():"):
            for said, expr in found:
                name = quoted(f"violation of {said}")
                steps.line(f"entries.append(check({name}, float({steps.writer.tensor(expr)}), {tol}, 'feasibility: 0 where it holds'))")


def _text(scene: Scene, owner: str, k: int) -> str:
    """A constraint as it was written."""
    span = scene.spans.get(f"limit:{owner}.{k}")
    known = span is not None and span.file == scene.source.name
    return " ".join(scene.source.text[span.start : span.end].split()) if known and span is not None else f"constraint {k + 1}"


def _of_rows(scene: Scene, node: ir.Node, text: Text) -> None:
    """How far the answers to the fixed rows violate each of their constraints, in the mean and at the worst row."""
    steps = Steps(scene, text, moves=False)
    with steps.playing():
        steps.fixed()
        steps.load()
        steps.write(tuple(op for op in flat(scene.plan.body) if isinstance(op, Respond) and op.node == node.id))
        for k, constraint in enumerate(node.constraints):
            name = f"violation of {_text(scene, node.id, k)}"
            with steps.block("with torch.no_grad():"):
                steps.line(f"over = {steps.writer.tensor(violation(constraint))}  # [n]")
            steps.line(f"entries.append(check({quoted(name + ', mean')}, float(over.mean()), None, 'over the fixed rows'))")
            steps.line(
                f"entries.append(check({quoted(name + ', worst')}, float(over.amax()), 1e-3, 'feasibility of every answer: 0 where it holds'))"
            )


def _spent(scene: Scene, var: ir.Var, node: ir.Node, spent: Expr, text: Text) -> None:
    """How much of the budget of a distribution its moves spend on the fixed rows, and whether longer moves use it better."""
    steps, name = Steps(scene, text, moves=False), spelled(var.name)
    op = next(o for o in flat(scene.plan.body) if isinstance(o, Respond) and o.node == node.id)
    args = ", ".join(["s", *respond_parameters(scene, node.id), answer_noise(steps, op) + begun(steps, op)])
    scene.reached.add("ball_check")
    with steps.playing():
        steps.fixed()
        steps.load()
        steps.write((op,))
        # Where nothing bounds a move, those found are also made longer: a search from where it stands sees no far end.
        far = "" if var.set is not None else f", *({name} * k for k in (10, 100, 1000))"
        longer = f"{respond_name(scene, node.id)}({args}, steps={5 * op.steps} * budget)"
        steps.line(f"moves = [{name}, {longer}{far}, torch.zeros_like({name})]", "spent, reached = [], []")
        with steps.block(f"for {name} in moves:"):
            with steps.block("with torch.no_grad():"):
                steps.line(f"spent.append(float({steps.writer.tensor(spent)}))")
            # The objective without its price, in units of the price.
            sign = "-" if node.sense == "min" else ""
            steps.line(f"reached.append({sign}float({steps.call(node.id)}.mean().detach()) + spent[-1])")
        note = (
            "mean cost of the moves to the radius at its order; 1 at the best price, and a bound of the whole ball where the moves are the best ones"
        )
        steps.line(f"entries.append(check('{var.name}: budget spent', spent[0], None, '{note}'))")
        steps.line(f"entries.append(ball_check('{var.name}: rarer, longer moves', reached, spent))")
