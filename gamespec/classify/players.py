"""The facts of one player: its own problem with the other players' variables held still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from gamespec.classify.bounds import Known
from gamespec.classify.curvature import Rules
from gamespec.classify.curve import Curve, flip
from gamespec.classify.expand import Seat
from gamespec.classify.facts import Coupling, Fact, PlayerFacts, proved, refuted, settled, short, unknown
from gamespec.classify.form import Form, Unfit, defined, derivative
from gamespec.classify.kinks import kink
from gamespec.classify.proof import Forms, Range, Verdict, bent, decide, hessian, negative
from gamespec.classify.sets import every
from gamespec.classify.size import size_of
from gamespec.classify.tree import Tree
from gamespec.ir.game import Node
from gamespec.library.functions import FUNCTIONS

Sense = Literal["min", "max"]
_NAMES: dict[Sense, str] = {"min": "convex", "max": "concave"}
_OTHER: dict[Sense, Sense] = {"min": "max", "max": "min"}


@dataclass(frozen=True)
class Problem:
    """An objective in some variables: what the rules see of it, and its closed forms where there are any.

    `cost` is the objective turned so that it is lowered; `label` is how a single variable is written in a derivative.
    """

    sense: Sense
    curve: Curve
    own: tuple[str, ...]
    costs: tuple[tuple[Form, tuple[str, ...]], ...]
    ranges: Callable[[str], Range]
    label: str = ""

    @cached_property
    def second(self) -> list[tuple[Form, tuple[str, ...], Forms]] | None:
        """Costs with their Hessians, None where there are no closed forms or where they have kinks."""
        try:
            found = [(cost, names, hessian(cost, names)) for cost, names in self.costs]
        except Unfit:
            return None
        return found or None

    def span(self, *forms: Form) -> dict[str, Range]:
        """The values of the variables of forms."""
        return {name: self.ranges(name) for name in sorted(set().union(*(f.names for f in forms)))}


def problem(known: Known, node: Node, sense: Sense, seats: tuple[Seat, ...]) -> Problem:
    """The own problem of a node, its objective as the root sees it."""
    curve = Rules(known, frozenset(node.owns)).read(node.objective)
    curve = curve if node.sense == sense else flip(curve)
    mine = [seat for seat in seats if seat.node == node.id]
    label = f"{node.owns[0]}[{node.index}]" if node.axis else ""
    costs = tuple((seat.cost, seat.names) for seat in mine)
    return Problem(sense, curve, node.owns, costs, lambda n: known.place(n.partition("[")[0]).range, label)


def curvature(task: Problem, *, reverse: bool = False) -> tuple[Fact, Fraction]:
    """Whether the objective is convex for a minimiser and concave for a maximiser (`reverse`: the other way round).

    With it a lower bound of the strong convexity or concavity, 0 where none is known.
    """
    sense = _OTHER[task.sense] if reverse else task.sense
    name = _NAMES[sense]
    ruled = task.curve.shape in (name, "affine", "constant")
    strong = _ruled_modulus(task) if task.curve.shape == name else Fraction(0)
    found = [_decided(task, *part, sense) for part in task.second or ()]
    worst = next((f for f in found if f[0].verdict is not True), None)
    if found and worst is None:
        return found[0][0], max(min(bound for _, bound in found), strong)
    if ruled:
        return proved(
            name, task.curve.text() or ("affine" if task.curve.shape == "affine" else "does not depend on it")
        ), strong
    if worst is not None and worst[0].verdict is False:
        return worst[0], Fraction(0)
    return _kinked(task, name, sense), Fraction(0)


def _ruled_modulus(task: Problem) -> Fraction:
    strong = dict(task.curve.strong)
    return Fraction(min((strong.get(name, 0.0) for name in task.own), default=0.0))


def _decided(task: Problem, cost: Form, names: tuple[str, ...], forms: Forms, sense: Sense) -> tuple[Fact, Fraction]:
    name = _NAMES[sense]
    turned = forms if sense == task.sense else negative(forms)
    verdict = decide(
        turned, task.span(cost, *(f for row in forms for f in row)) | {n: task.ranges(n) for n in names}, (cost,)
    )
    sign = 1 if sense == "min" else -1
    words = _words(
        task.label or names[0], len(names), verdict, sign, zero=not any(f.terms for row in forms for f in row)
    )
    if verdict.holds is None:
        return unknown(name, "neither rules nor intervals decide"), Fraction(0)
    if verdict.holds:
        return proved(name, words), verdict.bound
    return refuted(name, words, verdict.point), Fraction(0)


def _words(label: str, size: int, verdict: Verdict, sign: int, *, zero: bool) -> str:
    """What was found, in terms of the objective f."""
    if zero:
        return "affine"
    what = f"∂²f/∂{label}²" if size == 1 else f"the {'smallest' if sign > 0 else 'largest'} eigenvalue of its Hessian"
    if verdict.constant:
        return f"{what} = {short(sign * verdict.bound)}"
    if verdict.holds:
        return f"{what} {'>=' if sign > 0 else '<='} {short(sign * verdict.bound)}"
    return f"{what} = {short(sign * verdict.value)}"


def _kinked(task: Problem, name: str, sense: Sense) -> Fact:
    """What is left where there are no second derivatives: a search for three points out of line, or nothing."""
    for cost, names in task.costs if task.second is None else ():
        turned = cost if sense == task.sense else -cost
        point = bent(turned, names, task.span(cost) | {n: task.ranges(n) for n in names})
        if point:
            return refuted(name, f"{'above' if sense == 'min' else 'below'} the middle of two of its values", point)
    culprit = task.curve.text() if task.curve.shape == "unknown" else f"it is {task.curve.shape} by the rules"
    return unknown(name, culprit or "no rule applies")


def facts(known: Known, tree: Tree, node: Node, seats: tuple[Seat, ...], *, blind: bool = False) -> PlayerFacts:
    """All facts of the player at a node; `blind`: its objective passes through an answer that has no closed form."""
    sense = tree.sense(node.id)
    task = problem(known, node, sense, seats)
    convexity, modulus = curvature(task)
    reverse, _ = curvature(task, reverse=True)
    affine = _affine(task)
    discrete = node.choice is not None
    if discrete or blind:
        open_ = "a discrete choice" if discrete else "it sees the answer of a follower"
        convexity, reverse = (settled(f.name, False if discrete else None, open_) for f in (convexity, reverse))
        affine, modulus = unknown("affine", open_), Fraction(0)
    strict = _strict(convexity, affine, modulus, task)
    strong = (
        proved(f"strongly {convexity.name}", f"modulus {short(modulus)}")
        if modulus
        else settled(f"strongly {convexity.name}", False if strict.verdict is False else None, strict.reason.text)
    )
    places = [known.place(name) for name in node.owns]
    text = ", ".join(dict.fromkeys("discrete" if discrete else p.text for p in places))
    compact = settled("compact", discrete or every(p.compact for p in places), text)
    convex_set = settled("convex set", not discrete and every(p.convex for p in places), text)
    return PlayerFacts(
        node=node.id, sense=sense, owns=node.owns, level=tree.levels[node.id], size=size_of(known, node),
        count=node.axis or 1, convexity=convexity, reverse=reverse, strict=strict, strong=strong, modulus=modulus,
        affine=affine, compact=compact, convex_set=convex_set, smooth=_smooth(known, node, task),
        unique=_unique(task, strict, modulus, compact, convex_set, seen=discrete or blind), coupling=_coupling(task),
        per_sample=_per_sample(node), place=text,
    )  # fmt: skip


def _affine(task: Problem) -> Fact:
    second = task.second
    if second is not None:
        curved = any(f.terms for _, _, forms in second for row in forms for f in row)
        return settled("affine", not curved, "" if not curved else "its Hessian is not zero")
    return proved("affine", "") if task.curve.flat else unknown("affine", task.curve.text())


def _strict(convexity: Fact, affine: Fact, modulus: Fraction, task: Problem) -> Fact:
    name = f"strictly {convexity.name}"
    if modulus:
        return proved(name, convexity.reason.text)
    if convexity.verdict and _flat_at_points_only(task):
        return proved(name, "its second derivative vanishes at single points only")
    if convexity.verdict is False:
        return refuted(name, convexity.reason.text, convexity.reason.point)
    if affine.verdict:
        return refuted(name, "affine")
    return unknown(name, "it may be flat somewhere")


def _flat_at_points_only(task: Problem) -> bool:
    """Whether the second derivative is a polynomial in the one own number, and not zero: it has few zeros."""
    second = task.second
    if second is None or len(task.own) != 1 or any(len(names) != 1 for _, names, _ in second):
        return False
    cells = [(cells[0][0], names[0]) for _, names, cells in second]
    return all(f.terms and f.polynomial and f.names <= {name} for f, name in cells)


def _unique(task: Problem, strict: Fact, modulus: Fraction, compact: Fact, convex_set: Fact, *, seen: bool) -> Fact:
    name = "unique answer"
    if modulus and convex_set.verdict:
        return proved(name, f"{strict.name.replace('strictly', 'strongly')}, modulus {short(modulus)}")
    if strict.verdict and compact.verdict and convex_set.verdict:
        return proved(name, f"{strict.name} on a compact convex set")
    if task.curve.shape == "constant" and not seen:
        return refuted(name, "its objective does not depend on it")
    return unknown(name, f"not proved {strict.name}")


def _smooth(known: Known, node: Node, task: Problem) -> Fact:
    second = task.second
    if second is not None:
        forms = [f for cost, _, cells in second for f in (cost, *(c for row in cells for c in row))]
        box = {name: span.interval for name, span in task.span(*forms).items()}
        if all(defined(f, box) for f in forms):
            return proved("smooth", "twice differentiable")
    found = kink(Rules(known, frozenset(node.owns)), node.objective)
    if found is None:
        return (
            proved("smooth", "twice differentiable")
            if second is None
            else unknown("smooth", "it may be undefined somewhere")
        )
    rough = found in FUNCTIONS
    return refuted("smooth", f"`{found}` has kinks") if rough and found != "norm" else unknown("smooth", f"`{found}`")


def _coupling(task: Problem) -> Coupling:
    if not task.costs:
        return "unknown"
    try:
        cross = [
            derivative(derivative(cost, mine), other)
            for cost, names in task.costs
            for mine in names
            for other in sorted(cost.names - set(names))
        ]
    except Unfit:
        return "unknown"
    if all(f.constant is not None for f in cross):
        return "bilinear" if any(f.terms for f in cross) else "none"
    return "general"


def _per_sample(node: Node) -> str:
    """`one `eta` per (a, b)`."""
    if not node.scope:
        return ""
    names = ", ".join(name for draw in node.scope for name in draw.names)
    own = ", ".join(f"`{name}`" for name in node.owns)
    return f"one {own} per ({names}{', ' + node.index if node.axis else ''})"
