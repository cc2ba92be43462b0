"""An interpreter of plans: evaluates the IR as it stands, one op after the other, and is the oracle of emitted programs."""

from __future__ import annotations

import math

import torch

from gamespec.check.constant import plain
from gamespec.ir.expr import Apply, Array, Call, If, Index, Num, Reduce, Ref, Stop, Value
from gamespec.kernels.response import implicit_response
from gamespec.library.registry import words
from gamespec.plan.ops import Derive, Move, Repeat, Respond, Sample, Select
from gamespec.plan.response import Implicit
from gamespec.solvers.base import team

OPS = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "pow": lambda a, b: a**b,
    "neg": lambda a: -a, "matmul": lambda a, b: a @ b, "sum": lambda a: a.sum(), "mean": lambda a: a.mean(), "abs": torch.abs,
    "norm": torch.linalg.vector_norm, "exp": torch.exp, "log": torch.log, "sin": torch.sin, "gt": lambda a, b: a > b,
    "ce": lambda z, y: torch.nn.functional.cross_entropy(z[None], y[None])
}  # fmt: skip


class Interpreter:
    """A state and the plan that changes it; `batch` of `step` brings the rows, for drawing is not what is compared."""

    def __init__(self, game, plan, variables, nets, rng):
        self.game, self.plan, self.nets, self.rng, self.k = game, plan, nets, rng, 0
        self.point = dict(variables)
        self.params = {p.name: self._param(p.value) for p in game.params}
        self.gradients, self.ahead, self.losses, self.rows, self.best = {}, {}, {}, {}, {}
        self.rules = {}
        for name, rule in plan.rules:
            entry, options = words("rules").get(rule.word), dict(rule.options)
            tensors = self._tensors(name)
            if entry is not None and tensors is not None:
                self.rules[name] = entry.build(tensors, **{o.name: options[o.name] for o in entry.options if o.name in options})

    def _param(self, value):
        found = plain(value)
        return torch.tensor(found, dtype=torch.float64) if isinstance(found, tuple) else found

    def _tensors(self, name):
        net = next((n for n in self.game.nets if n.handle == name), None)
        if net is not None:
            return list(self.nets[net.name].parameters())
        return [self.point[name]] if name in self.point else None

    # ------------------------------------------------------------------ formulas, one sample at a time

    def value(self, expr, env):
        """The value of an expression where names stand for tensors and numbers."""
        match expr:
            case Num():
                return float(expr.value) if expr.value.denominator != 1 else int(expr.value)
            case Ref():
                return math.pi if expr.name == "pi" and "pi" not in env else env[expr.name]
            case Call(fn="pow", args=(Call(fn="norm", args=(inner,)), Num(value=2))):
                return (self.value(inner, env) ** 2).sum()
            case Call():
                return OPS[expr.fn](*(self.value(a, env) for a in expr.args))
            case Apply():
                return self.nets[expr.net](*(self.value(a, env)[None] for a in expr.args))[0]
            case Array():
                return torch.stack([torch.as_tensor(self.value(i, env), dtype=torch.float64) for i in expr.items])
            case Index():
                return self.value(expr.base, env)[tuple(self.value(i, env) for i in expr.indices)]
            case If():
                return torch.where(self.value(expr.cond, env), self.value(expr.then, env), self.value(expr.other, env))
            case Stop():
                return self.value(expr.body, env).detach()
            case Value():
                return self.value(self.game.node(expr.node).objective, env)
            case Reduce():
                return self.reduced(expr, env)
        raise NotImplementedError(expr)

    def reduced(self, expr, env):
        """A sum or a mean, written out."""
        if not expr.draws[0].over:
            draw = expr.draws[0]
            whole = isinstance(expr.body, Index) and expr.body.indices == (Ref(name=draw.names[0]),)
            if whole:  # rounding depends on the order
                return self.value(expr.body.base, env).sum()
            return sum(self.value(expr.body, env | {draw.names[0]: i}) for i in range(draw.first, draw.last + 1))
        count = len(self.rows[expr.draws[0].over][0])
        each = []
        for row in range(count):
            here = {n: c[row] for d in expr.draws for n, c in zip(d.names, self.rows[d.over], strict=False)}
            answers = {n: t[row] for n, t in env.items() if self.answers_samples(n)}
            each.append(self.value(expr.body, env | here | answers))
        return torch.stack(each).sum() if expr.op == "sum" else torch.stack(each).mean()

    def answers_samples(self, name):
        """Whether a variable holds one answer for each sample."""
        return any(v.name == name and v.scope for v in self.game.vars)

    def objective(self, node, point, **more):
        """A player's objective at a point."""
        return self.value(self.game.node(node).objective, {**self.params, **point, **more})

    # ------------------------------------------------------------------ ops

    def step(self, batch=None):
        """One step of the plan."""
        self.k += 1
        self.rows = batch or {}
        self.run(self.plan.body)
        return self.losses

    def run(self, ops):
        """Ops in order."""
        for op in ops:
            match op:
                case Sample():
                    pass
                case Derive():
                    for node in op.nodes:
                        self.derive(node, op)
                case Move():
                    for node in op.nodes:
                        self.move(node, op)
                case Select():
                    self.select(op.node)
                case Respond():
                    self.respond(op)
                case Repeat():
                    for _ in range(op.times):
                        self.run(op.body)
                case _:
                    raise NotImplementedError(op)

    def derive(self, node, op):
        """The gradient of one player's objective in what it owns."""
        owner = self.game.node(node)
        at = dict(self.ahead if op.at != "now" else self.point) | (self.best if self.leads_beam(node) else {})
        own = [o for o in owner.owns if o in at]
        for o in own:
            at[o] = at[o].detach().requires_grad_()
        weights = [p for n in self.game.nets if n.handle in owner.owns for p in self.nets[n.name].parameters()]
        for follower, how in op.through:
            if isinstance(how, Implicit):
                at |= self.answered(follower, at, dict(op.through))
        targets = [*(at[o] for o in own), *weights]
        if owner.axis:
            (name,) = owner.owns
            grads = [torch.autograd.grad(self.objective(node, at, **{owner.index: i}), at[name])[0][i] for i in range(owner.axis)]
            self.gradients[name] = torch.stack(grads)
            return
        if own and own[0] in dict(self.plan.beams):
            copies = dict(self.plan.beams)[own[0]]
            value = torch.stack([self.objective(node, at | {o: at[o][c] for o in own}) for c in range(copies)]).sum()
        else:
            value = self.objective(node, at)
        found = torch.autograd.grad(value, targets)
        self.gradients |= dict(zip(own, found, strict=False))
        for name in owner.owns:
            if name not in own:
                self.gradients[name] = list(found[len(own) :])
        for follower, how in op.through:
            if isinstance(how, Implicit):
                self.point |= {o: at[o].detach() for o in self.game.node(follower).owns}

    def answered(self, node, at, through):
        """The answer of the followers in equilibrium with this one, with its derivative, their own followers answering inside."""
        members = [self.game.node(n) for n in team(self.game, node)]
        owns = [o for m in members for o in m.owns]
        below = [e.child for m in members for e in self.game.edges if e.parent == m.id]

        def field(points):
            here = at | dict(zip(owns, points, strict=True))
            for b in below:
                here |= self.answered(b, here, through)
            slopes = []
            for m in members:
                sign = -1 if m.sense == "max" else 1
                own = [here[o] for o in m.owns]
                slopes += torch.autograd.grad(sign * self.objective(m.id, here), own, create_graph=True, materialize_grads=True)
            return slopes

        def project(points):
            return [self.projected(o, p) for o, p in zip(owns, points, strict=True)]

        start = [self.point[o] for o in owns]
        how = through[node]
        bound = any(v.set is not None for v in self.game.vars if v.name in owns)
        return dict(zip(owns, implicit_response(field, start, project if bound else None, steps=how.steps, tol=how.tol), strict=True))

    def leads_beam(self, node):
        """Whether a player answers to the best of a beam."""
        return any(o in self.best for e in self.game.edges if e.parent == node for o in self.game.node(e.child).owns)

    def select(self, node):
        """The best candidate."""
        owner = self.game.node(node)
        values = [self.objective(node, self.point | {o: self.point[o][c] for o in owner.owns}) for c in range(dict(self.plan.beams)[owner.owns[0]])]
        best = max(range(len(values)), key=lambda c: values[c] if owner.sense == "max" else -values[c])
        self.best |= {o: self.point[o][best] for o in owner.owns}

    def move(self, node, op):
        """A step along the gradient, then back into the set."""
        owner = self.game.node(node)
        sign = 1 if owner.sense == "max" else -1
        for name in owner.owns:
            rule, gradient = dict(self.plan.rule(name).options), self.gradients[name]
            if name not in self.point:
                self.rules[name].update(self._tensors(name), [-sign * g for g in gradient])
                continue
            if rule.get("momentum") or self.plan.rule(name).word != "sgd":
                moved = self.point[name].clone()
                self.rules[name].update([moved], [-sign * gradient])
            else:
                rate = rule["lr"] * op.scale / (math.sqrt(self.k) if rule.get("decay") == "sqrt" else 1)
                moved = self.point[name] + sign * (rate * gradient)
            target = self.point if op.to == "now" else self.ahead
            target[name] = self.projected(name, moved).detach()
        if op.to != "now":
            self.ahead = {**self.point, **self.ahead}

    def projected(self, name, moved, shift=None):
        """The nearest point of the variable's set."""
        var = next(v for v in self.game.vars if v.name == name)
        for part in var.set.parts if var.set else ():
            entry = words("sets")[part.word]
            args = [self.params[a.name] if isinstance(a, Ref) else plain(a) for a in part.args[entry.sizes :]]
            if part.word == "Linf":
                moved = moved.clamp(-args[0], args[0])
            else:
                moved = entry.project(moved, *(None if isinstance(a, float) and math.isinf(a) else a for a in args))
        return moved

    def respond(self, op):
        """One answer for each sample, from a start drawn for all of them at once, sample by sample."""
        owner = self.game.node(op.node)
        (name,), sign = owner.owns, (1 if owner.sense == "max" else -1)
        var = next(v for v in self.game.vars if v.name == name)
        columns = {n: c for d in owner.scope for n, c in zip(d.names, self.rows[d.over], strict=False)}
        count = len(next(iter(columns.values())))
        radius = plain(var.set.parts[0].args[0])
        start = -radius + 2 * radius * torch.rand((count, *var.type.shape), generator=self.rng, dtype=torch.float64)
        answers = []
        for row in range(count):
            here, d = {n: c[row] for n, c in columns.items()}, start[row]
            for _ in range(op.steps):
                d = d.detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.objective(op.node, self.point | here | {name: d}), d)
                d = self.projected(name, d + sign * op.rule.option("lr") * torch.sign(slope)).detach()
            answers.append(d)
        self.point[name] = torch.stack(answers)
