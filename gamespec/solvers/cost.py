"""What one step of a plan costs: forward and backward passes of the objectives, per row where that is larger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamespec.ir.game import Game
from gamespec.plan.ops import Adjust, Choose, Derive, Op, Plan, Reach, Repeat, Respond, Scatter, Select, Survey
from gamespec.plan.response import Differences, Hull, Implicit, Penalty, Unrolled, ValueFunction

if TYPE_CHECKING:
    from gamespec.classify.facts import Facts


def cost(game: Game, plan: Plan) -> str:
    """A sentence: passes per step, and what causes them."""
    times = [_ops(body, game) for body in [p.body for p in plan.phases] or [plan.body]]
    parts = [p for _, _, more in times for p in more]
    text = ", then ".join(f"{forward} forward, {backward} backward" for forward, backward, _ in times)
    return f"{text}, batch {plan.batch or 'full'}" + (f" ({'; '.join(dict.fromkeys(parts))})" if parts else "")


def passes(game: Game, plan: Plan) -> tuple[int, list[str]]:
    """Backward passes of one step, and what is computed beside plain gradients."""
    _, backward, parts = _ops(plan.body, game)
    return backward, list(dict.fromkeys(parts))


def work(game: Game, plan: Plan) -> int:
    """Forward and backward passes of one step."""
    forward, backward, _ = _ops(plan.body, game)
    return forward + backward


def memory(facts: Facts, plan: Plan) -> str:
    """A sentence: how many numbers a run keeps from one step to the next, of players, of copies and of step rules."""
    total, parts = 0, []
    copies, rules = dict(plan.beams), dict(plan.rules)
    for player in facts.players:
        if player.per_sample:
            parts.append(f"`{', '.join(player.owns)}` for each row of a batch")
            continue
        if player.size is None:
            parts.append(f"`{', '.join(player.owns)}`, of unknown size")
            continue
        size = player.size * player.count
        total += size * max([copies.get(o, 1) for o in player.owns])
        words = {rules[o].word: rules[o] for o in player.owns if o in rules}
        for word, rule in words.items():
            held = _REMEMBERS.get(word, int(bool(dict(rule.options).get("momentum"))))
            total += held * size
            if held:
                parts.append(f"{held} for each number of `{', '.join(player.owns)}` by {word}")
        if any(o in copies for o in player.owns):
            parts.append(f"{max(copies[o] for o in player.owns if o in copies)} copies of `{', '.join(player.owns)}`")
    return f"{total} numbers" + (f" ({'; '.join(parts)})" if parts else "")


_REMEMBERS = {"adam": 2, "adamw": 2, "rmsprop": 1}
"""Numbers that a step rule keeps for each that it moves; `sgd` keeps one where it has momentum."""


def _ops(body: tuple[Op, ...], game: Game) -> tuple[int, int, list[str]]:
    forward = backward = 0
    parts: list[str] = []
    for op in body:
        f, b, more = _op(op, game)
        forward, backward, parts = forward + f, backward + b, parts + more
    return forward, backward, parts


def _op(op: Op, game: Game) -> tuple[int, int, list[str]]:
    match op:
        case Repeat():
            f, b, parts = _ops(op.body, game)
            return f * op.times, b * op.times, parts
        case Respond(still=True):
            return 0, 0, []
        case Respond():
            node = game.node(op.node)
            copies = max(node.axis, 1)
            n = op.steps * op.restarts * max(len(op.surrogates), 1) * copies
            text = (
                f"{copies} attacks of {op.steps} steps per sample for `{node.owns[0]}`"
                if copies > 1
                else f"{op.steps} steps per sample for `{node.owns[0]}`"
            )
            return n, n, [text]
        case Choose():
            n = max((v.axis for v in game.vars if v.scope), default=1)
            return n, 0, [f"{n} candidates for `{game.node(op.node).owns[0]}`"]
        case Select() | Scatter():
            return 1, 0, []
        case Survey():
            n = math.prod(op.counts)
            return 100 * n, 0, [f"a search of {n} pairs and around them, in batches"]
        case Derive():
            return _derive(op)
        case Adjust() | Reach():
            n, fields = len(op.nodes), op.fields if isinstance(op, Reach) else 1
            return n * fields, n * fields + n * op.products, [f"up to {op.products} products with the Jacobian of the field"]
    return 0, 0, []


def _derive(op: Derive) -> tuple[int, int, list[str]]:
    forward, backward, parts = len(op.nodes), len(op.nodes), []
    leaders = max(sum(node not in dict(op.through) for node in op.nodes), 1)
    for follower, how in op.through:
        name = follower.rsplit(":", 1)[-1]
        match how:
            case Unrolled():
                kept = min(how.last or how.steps, how.steps)
                forward, backward = forward + how.steps + kept * how.recompute, backward + how.steps
                backward += kept * ((1 if how.forward else leaders) + how.recompute)
                parts.append(f"{how.steps} unrolled steps{' for each number of the leader' if how.forward else ''}")
            case Implicit():
                # Newton's method solves for the answer once, whoever passes through it.
                backward += (how.steps * (2 if how.how == "approxgrad" else 1) + 2) * (1 if how.how == "newton" else leaders)
                parts.append(f"up to {how.steps} {_SOLVES[how.how]} steps for `{name}`")
            case Differences():
                forward, backward = forward + 2 * how.terms * leaders, backward + 2 * how.terms * leaders
                parts.append(f"{2 * how.terms * leaders} gradients beside `{name}`")
            case Hull(answers=n) if n:
                forward, backward = forward + (n - 1) * len(op.nodes), backward + (n - 1) * len(op.nodes)
                parts.append(f"a gradient at each of {n} answers of `{name}`")
            case Penalty():
                forward, backward = forward + 1, backward + 2
                parts.append("the gradient of a gradient")
            case ValueFunction():
                forward, backward = forward + 2 + how.steps, backward + 2 + how.steps
                parts.append(f"{how.steps} more steps of `{name}` to compare with")
    return forward, backward, parts


_SOLVES = {"cg": "conjugate gradient", "newton": "Newton", "neumann": "Neumann", "gmres": "GMRES", "approxgrad": "ApproxGrad"}
