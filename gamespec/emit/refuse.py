"""What this version cannot write as a program, said before anything is written."""

from __future__ import annotations

from dataclasses import replace

from gamespec.check.constant import plain_use
from gamespec.check.shape import each
from gamespec.ir import game as ir
from gamespec.library.registry import words
from gamespec.plan.ops import Adjust, Derive, Op, Plan, Reach, Respond, Scatter, Survey, flat
from gamespec.plan.response import Differences, Envelope, Frozen, Hull, Implicit, Penalty, Response, Stop, Unrolled, ValueFunction
from gamespec.solvers.base import beside, children, leaders


class UnsupportedError(Exception):
    """Something that this version cannot write as a program, with what to do instead.

    `at` is where it stands, as `check.places.find` knows it: `d:pgd.start` of the schedule, or `var:d` of the game.
    """

    def __init__(self, what: str, hint: str = "", at: str = "") -> None:
        self.what, self.hint, self.at = what, hint, at
        super().__init__(what)


def refuse(game: ir.Game, plan: Plan, given: frozenset[str] = frozenset()) -> None:
    """Raise UnsupportedError for what the rest of the emitter does not write."""
    for node in game.nodes:
        _player(game, node)
    _kept(game, plan, given)
    _beams(game, plan, given)
    for op in flat(plan.body):
        if isinstance(op, Derive):
            _through(game, op, plan)
    other = next((op for op in flat(plan.body) if isinstance(op, (Adjust, Reach, Survey)) or _passes(op)), None)
    if plan.shares and other is not None:
        raise UnsupportedError(
            f"`{plan.solver}` takes the field of all players at once, or passes through an answer, and particles have a geometry of their own",
            "write `method: mirror_prox`, or `method: simultaneous`",
        )
    if plan.precision == "mixed" and not any(isinstance(op, Respond) for op in flat(plan.body)):
        raise UnsupportedError("`precision = mixed` is for players that answer each sample, and there is none", "write `precision = float32`")


def _passes(op: Op) -> bool:
    """Whether a derivative passes through an answer."""
    return isinstance(op, Derive) and any(not isinstance(r, (Frozen, Envelope, Stop)) for _, r in op.through)


def bounded(net: ir.Net, given: frozenset[str]) -> bool:
    """Whether a bound is known on how much a network stretches distances; one that is brought is tried."""
    if net.source is None or net.name in given:
        return True
    found = words("networks")[net.source.word].stretch
    return found is not None and found(**plain_use(net.source)[1])


def _kept(game: ir.Game, plan: Plan, given: frozenset[str]) -> None:
    """Layers of a network that is kept in a set have a known stretch."""
    for net in (n for n in game.nets for handle, rule in plan.kept if n.handle == handle and rule.word == "spectral"):
        if not bounded(net, given):
            word = net.source.word if net.source is not None else ""
            raise UnsupportedError(
                f"`{net.name}` cannot be kept in `Lipschitz`: it is not known how much a layer of `{word}` stretches distances",
                f"write `{net.handle}: clip(0.01)`, or take a network without normalisation such as `mlp` or `dcgan_critic`",
            )


def _beams(game: ir.Game, plan: Plan, given: frozenset[str]) -> None:
    """Copies of a network stand side by side in its parameters, made by one word and moved number by number."""
    for name, copies in plan.beams:
        net = next((n for n in game.nets if n.handle == name), None)
        if net is None:
            continue
        what, rule = f"{copies} copies of the network `{net.name}` cannot be kept", plan.rule(name)
        if net.source is None or net.name in given:
            raise UnsupportedError(f"{what}: it was brought, and there is one of it", "let the game make it, such as by `mlp(64)`")
        if words("networks")[net.source.word].batch_coupled:
            raise UnsupportedError(f"{what}: `{net.source.word}` keeps statistics of its batches", "take a network without them, such as `mlp(64)`")
        if (moves := words("rules")[rule.word]).together or moves.numbers is None:
            raise UnsupportedError(
                f"{what} by `{rule.word}`, which looks at a whole player", f"write `{name}: adam(lr = 1e-3)`", f"{name}:{rule.word}"
            )
        if any(n == name for n, _ in plan.kept):
            raise UnsupportedError(f"{what} in a set", "write `method: alternating`, which keeps one")
        if any(isinstance(r, Hull) for op in flat(plan.body) if isinstance(op, Derive) for _, r in op.through):
            raise UnsupportedError(f"{what} for a leader that answers all that are nearly best", "leave `eps` out")
        if any(isinstance(op, Scatter) for op in flat(plan.body)):
            raise UnsupportedError(f"{what} apart: nothing says how far two networks are from each other", "leave `spread` out")


def _player(game: ir.Game, node: ir.Node) -> None:
    names = ", ".join(f"`{o}`" for o in node.owns)
    if node.scope and node.choice is None:
        if len(node.owns) != 1 or any(n.handle in node.owns for n in game.nets):
            raise UnsupportedError(
                f"one answer per sample in {names} at once is not available in this version", "use one variable of all their numbers"
            )
        if each(game, node.scope) and any(v.type.kind == "params" for v in game.vars if v.name in node.owns):
            raise UnsupportedError(
                f"{names}: other parameters for each sample are not available in this version", "take the expectation inside: `max{..} E{..}[ .. ]`"
            )
        if children(game, node.id):
            raise UnsupportedError(f"{names} answers each sample and leads another player, which is not available in this version")
    if node.axis and not node.scope and (len(node.owns) != 1 or any(e.kind == "value" or game.node(e.child).scope for e in children(game, node.id))):
        raise UnsupportedError(f"a family of players that owns {names} or leads others for a value is not available in this version")
    if node.choice is not None and not node.scope:
        raise UnsupportedError(f"a discrete answer {names} that is shared by all samples is not available in this version")


def _through(game: ir.Game, op: Derive, plan: Plan) -> None:
    """Derivatives pass through all followers of a leader at once, in one way, and those have no followers of their own."""
    special = [(f, r) for f, r in op.through if not isinstance(r, (Frozen, Envelope, Stop, Hull))]
    hulls = [f for f, r in op.through if isinstance(r, Hull) and r.answers]
    if hulls and (len(hulls) > 1 or special or game.node(hulls[0]).axis):
        raise UnsupportedError(
            "the hull of slopes is that at the answers of one follower, which is no family, and no derivative passes through another",
            "write `through(envelope)` for the others",
        )
    networks = {n.handle for n in game.nets}
    for follower, how in special:
        _follower(game, plan, follower, how, networks)
    if all(isinstance(r, Implicit) and r.how == "newton" for _, r in special):
        return
    names = ", ".join(f"`{o}`" for n in op.nodes for o in game.node(n).owns)
    if special and any(game.node(n).axis for n in op.nodes):
        raise UnsupportedError(f"{names} is a family of leaders, through whose follower a derivative passes where its answer is solved for",
                               "leave `through` out for a follower of few numbers, or give each leader a name of its own")  # fmt: skip
    ways = {replace(r, lr=0.0, rule="") if isinstance(r, Unrolled) else replace(r, rate=0.0) if isinstance(r, Implicit) else r for _, r in special}
    if len(ways) > 1:
        raise UnsupportedError(
            f"the derivative of {names} passes through its followers in several ways, which is not available in this version",
            "schedule all of them alike: the same `through`, and the same number of steps",
        )
    single = any(isinstance(r, (Differences, Penalty, ValueFunction)) for r in ways)
    if len(op.through) > 1 and (single or any(not {*leaders(game, f)} & {*op.nodes} for f, _ in op.through)):
        raise UnsupportedError(
            f"the derivative of {names} passes through several levels of followers, or through several under a price",
            "leave `through` out for followers of few numbers: their answers are solved for",
        )


def _follower(game: ir.Game, plan: Plan, follower: str, how: Response, networks: set[str]) -> None:
    """What one follower allows."""
    node = game.node(follower)
    names, at = ", ".join(f"`{o}`" for o in node.owns), f"{node.owns[0]}:through"
    bound = any(v.name in node.owns and v.set is not None for v in game.vars)
    # The answers of tasks are one array, and the sum of their objectives has a system of its own for each.
    tasks = isinstance(how, (Implicit, Unrolled)) and not each(game, node.scope)
    if node.scope and not tasks:
        raise UnsupportedError(f"{names} answers each sample, and no derivative passes through that in this version", "write `through(stop)`", at)
    if isinstance(how, Implicit) and how.how == "newton" and networks & set(node.owns):
        raise UnsupportedError(f"{names} has too many numbers for a dense system", "write `through(implicit(by = cg))`", at)
    needs_hessian = isinstance(how, Differences) or (isinstance(how, Implicit) and how.how in ("cg", "approxgrad"))
    if needs_hessian and (bound or beside(game, follower)):
        why = "lies in a set" if bound else "is not the only follower"
        raise UnsupportedError(f"{names} {why}, so that its system is not symmetric", "write `through(implicit(by = gmres))`", at)
    if isinstance(how, (Penalty, ValueFunction)) and len(leaders(game, follower)) > 1:
        led = " and ".join(f"`{o}`" for n in leaders(game, follower) for o in game.node(n).owns)
        raise UnsupportedError(
            f"{names} follows {led}, and under a price it would move for one of them against the other",
            "write `through(implicit)` or `through(unroll)`",
            at,
        )
    if isinstance(how, Unrolled):
        for o in node.owns:
            if words("rules")[plan.rule(o).word].advance is None:
                raise UnsupportedError(
                    f"no derivative passes through steps of `{plan.rule(o).word}`", f"give `{o}` sgd or adam steps", f"{o}:{plan.rule(o).word}"
                )
