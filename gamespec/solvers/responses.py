"""How a derivative passes through a follower: what the author wrote inside `through(..)`, every option filled in."""

from __future__ import annotations

from gamespec.check.constant import plain
from gamespec.ir import game as ir
from gamespec.ir.expr import Word
from gamespec.library.responses import RESPONSES
from gamespec.plan.ops import Rule
from gamespec.plan.response import Differences, Envelope, Implicit, Penalty, Response, Stop, Unrolled, ValueFunction

FEW = 50
"""Unrolled steps up to which the graphs of all of them are kept, which takes half the time of computing them again."""


def word_of(use: ir.Use) -> str:
    """The response that a `through` names."""
    return use.args[0].value if isinstance(use.args[0], Word) else ""


def options_of(use: ir.Use) -> dict[str, object]:
    """Its options, defaults filled in."""
    return {o.name: o.default for o in RESPONSES[word_of(use)].options} | {o.key: plain(o.value) for o in use.options}


def solved_for(use: ir.Use) -> bool:
    """Whether Newton's method may find the answer and its derivative."""
    return word_of(use) == "implicit" and options_of(use)["by"] in ("auto", "newton")


def written(use: ir.Use, rule: Rule, steps: int, newton: Implicit | None, *, symmetric: bool) -> Response:
    """The response that was written. `newton`: how the answer is solved for where that is possible.

    `symmetric`: one follower without a set, so that the derivative of its optimality condition is a Hessian.
    """
    values, lr = options_of(use), _real(dict(rule.options)["lr"])
    match word_of(use):
        case "envelope":
            return Envelope("as written: through(envelope)")
        case "unroll":
            again = values["recompute"]
            forward = values["mode"] == "forward"
            kept = min(_whole(values["last"]) or steps, steps)
            recompute = kept > FEW if again is None else bool(again)
            return Unrolled(steps, lr, rule.word, _whole(values["last"]), forward, recompute and not forward)
        case "implicit":
            by = str(values["by"])
            if newton is not None and by in ("auto", "newton"):
                return newton
            how = ("cg" if symmetric else "gmres") if by == "auto" else by
            rate = (_real(values["rate"]) or lr) if how in ("neumann", "approxgrad") else 0.0
            return Implicit(how, _whole(values["iters"]), _real(values["tol"]), rate)
        case "differences":
            return Differences(_whole(values["iters"]), lr, _real(values["scale"]))
        case "penalty":
            return Penalty(_real(values["gamma"]), _real(values["growth"]), _real(values["when"]), bool(values["multiplier"]))
        case "f2sa":
            return ValueFunction(steps, lr, _real(values["gamma"]), _real(values["growth"]))
        case "bome":
            return ValueFunction(steps, lr, pace=_real(values["pace"]))
    return Stop()


def _real(value: object) -> float:
    return float(value) if isinstance(value, (int, float, str)) else 0.0


def _whole(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
