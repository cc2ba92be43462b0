"""An interpreter of plans: evaluates the IR as it stands, one op after the other, and is the oracle of emitted programs."""

from __future__ import annotations

import importlib
import math
import pkgutil

import torch

from gamespec import kernels
from gamespec.check.constant import plain
from gamespec.emit.noise import PLAYERS
from gamespec.ir.expr import Apply, Array, Call, If, Index, Num, Reduce, Ref, Stop, Value
from gamespec.kernels.noise import Noise, stream_key
from gamespec.kernels.response import implicit_response
from gamespec.library.registry import words
from gamespec.plan.ops import NOW, Adjust, Derive, Keep, Move, Reach, Repeat, Respond, Sample, Select, flat
from gamespec.plan.response import Implicit
from gamespec.plan.sums import Fading
from gamespec.solvers.base import team

OPS = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "pow": lambda a, b: a**b,
    "neg": lambda a: -a, "matmul": lambda a, b: a @ b, "sum": lambda a: a.sum(), "mean": lambda a: a.mean(), "abs": torch.abs,
    "norm": torch.linalg.vector_norm, "exp": torch.exp, "log": torch.log, "sin": torch.sin, "gt": lambda a, b: a > b,
    "ce": lambda z, y: torch.nn.functional.cross_entropy(z[None], torch.as_tensor(y)[None]), "tanh": torch.tanh,
    "eq": lambda a, b: torch.as_tensor(a == b), "ne": lambda a, b: torch.as_tensor(a != b), "and": lambda a, b: a & b,
    "margin": lambda z, y: torch.stack([z[k] for k in range(len(z)) if k != int(y)]).max() - z[int(y)],
}  # fmt: skip


def copied(tensors):
    """The same values, which nobody else changes."""
    return [t.detach().clone() for t in tensors] if isinstance(tensors, list) else tensors.detach()


def flattened(owned):
    """Tensors and lists of them as one list."""
    return [t for o in owned for t in (o if isinstance(o, list) else [o])]


def kernel(name):
    """A function of the kernels by its name."""
    for module in pkgutil.iter_modules(kernels.__path__):
        found = getattr(importlib.import_module(f"gamespec.kernels.{module.name}"), name, None)
        if found is not None:
            return found
    raise KeyError(name)


class Interpreter:
    """A state and the plan that changes it; `batch` of `step` brings the rows, for drawing is not what is compared."""

    def __init__(self, game, plan, variables, nets, seed=0):
        self.game, self.plan, self.nets, self.seed, self.k, self.came = game, plan, nets, seed, 0, 0
        self.point = dict(variables)
        self.params = {p.name: self._param(p.value) for p in game.params}
        self.gradients, self.places, self.losses, self.rows, self.best = {}, {}, {}, {}, {}
        self.rules = {}
        for name, rule in plan.rules:
            entry, options = words("rules").get(rule.word), dict(rule.options)
            tensors = self._tensors(name)
            if entry is not None and tensors is not None:
                self.rules[name] = entry.build(tensors, **{o.name: options[o.name] for o in entry.options if o.name in options})

        self.kept = {}
        for op in flat(plan.body):
            for name in (o for node in op.nodes for o in self.game.node(node).owns) if isinstance(op, Keep) else ():
                here = self.standing()[name]
                if op.gradient:
                    self.gradients[name, op.name] = [torch.zeros_like(t) for t in here] if isinstance(here, list) else torch.zeros_like(here)
                else:
                    self.kept.setdefault(op.name, {})[name] = copied(here)

    def standing(self):
        """Everything where it stands: variables by name, the parameters of networks by handle."""
        return self.point | {n.handle: list(self.nets[n.name].parameters()) for n in self.game.nets}

    def place(self, name):
        """Everything at a named point; who did not go there is where it stands."""
        return self.point if name == NOW else self.standing() | self.kept.get(name, {}) | self.places.get(name, {})

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
                return self.applied(expr, env)
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

    def applied(self, expr, env):
        """A network at one sample, at its own parameters or at those of a vector."""
        net, args = self.nets[expr.net], tuple(self.value(a, env)[None] for a in expr.args)
        if expr.at is None:
            return self.network(expr.net, env, list(args))[0]
        vector, params, at = self.vector(expr.at, env), {}, 0
        for name, own in net.named_parameters():
            params[name], at = vector[at : at + own.numel()].view_as(own), at + own.numel()
        return torch.func.functional_call(net, params, args)[0]

    def vector(self, expr, env):
        """Parameters of a network one after the other; sums of such vectors."""
        if isinstance(expr, Ref) and any(n.handle == expr.name for n in self.game.nets):
            own = env.get(expr.name)
            return torch.cat([p.reshape(-1) for p in (own if isinstance(own, list) else self._tensors(expr.name))])
        if isinstance(expr, Call):
            return OPS[expr.fn](*(self.vector(a, env) for a in expr.args))
        return self.value(expr, env)

    def reduced(self, expr, env):
        """A sum or a mean, written out."""
        if not expr.draws[0].over:
            draw = expr.draws[0]
            if draw.skip is not None or expr.op != "sum":
                skip = None if draw.skip is None else int(self.value(draw.skip, env))
                terms = torch.stack([self.value(expr.body, env | {draw.names[0]: i}) for i in range(draw.first, draw.last + 1) if i != skip])
                return {"sum": terms.sum, "E": terms.mean, "mean": terms.mean, "prod": terms.prod, "max": terms.max, "min": terms.min}[expr.op]()
            whole = isinstance(expr.body, Index) and expr.body.indices == (Ref(name=draw.names[0]),)
            if whole:  # rounding depends on the order
                return self.value(expr.body.base, env).sum()
            return sum(self.value(expr.body, env | {draw.names[0]: i}) for i in range(draw.first, draw.last + 1))
        count = len(self.rows[expr.draws[0].over][0])
        each = []
        for row in range(count):
            here = {n: c[row] for d in expr.draws for n, c in zip(d.names, self.rows[d.over], strict=False)}
            answers = {n: t[row] for n, t in env.items() if self.answers_samples(n)}
            if any(d.cond is not None and not bool(self.value(d.cond, env | here)) for d in expr.draws):
                continue
            each.append(self.value(expr.body, env | here | answers))
        if not each:
            return torch.zeros((), dtype=torch.float64)
        return torch.stack(each).sum() if expr.op == "sum" else torch.stack(each).mean()

    def network(self, name, env, inputs):
        """A network where it stands, or at the parameters that a point has for it."""
        net, handle = self.nets[name], next(n.handle for n in self.game.nets if n.name == name)
        if isinstance(env.get(handle), list):
            return torch.func.functional_call(net, dict(zip(dict(net.named_parameters()), env[handle], strict=True)), tuple(inputs))
        return net(*inputs)

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
        each = {Move: self.move, Keep: self.keep}
        for op in ops:
            match op:
                case Sample():
                    pass
                case Derive():
                    self.derive(op)
                case Move() | Keep():
                    for node in op.nodes:
                        each[type(op)](node, op)
                    if isinstance(op, Move) and op.to == NOW:
                        self.places = {}
                case Adjust() | Reach():
                    self.together(op)
                case Select():
                    self.select(op.node)
                case Respond():
                    self.respond(op)
                case Repeat():
                    for _ in range(op.times):
                        self.run(op.body)
                case _:
                    raise NotImplementedError(op)

    def derive(self, op):
        """The gradients of these players, through one answer of the followers that they foresee."""
        at = dict(self.place(op.at))
        for node in op.nodes:
            at |= self.best if self.leads_beam(node) else {}
            for o in (o for o in self.game.node(node).owns if o in at):
                at[o] = [t.detach().requires_grad_() for t in at[o]] if isinstance(at[o], list) else at[o].detach().requires_grad_()
        foreseen = [(follower, how) for follower, how in op.through if isinstance(how, Implicit)]
        for follower, _ in foreseen:
            at |= self.answered(follower, at, dict(op.through))
        for node in op.nodes:
            self.slope(node, op, at)
        for follower, _ in foreseen:
            self.point |= {o: at[o].detach() for o in self.game.node(follower).owns}

    def slope(self, node, op, at):
        """The gradient of one player's objective in what it owns."""
        owner = self.game.node(node)
        own = [o for o in owner.owns if o in self.point]
        everything = self.standing() | at
        weights = [p for o in owner.owns if o not in own for p in everything[o]]
        targets = [*(at[o] for o in own), *weights]
        if owner.axis:
            (name,) = owner.owns
            values = [self.objective(node, at, **{owner.index: i}) for i in range(owner.axis)]
            self.gradients[name, op.into] = torch.stack([torch.autograd.grad(v, at[name], retain_graph=True)[0][i] for i, v in enumerate(values)])
            return
        if own and own[0] in dict(self.plan.beams):
            copies = dict(self.plan.beams)[own[0]]
            value = torch.stack([self.objective(node, at | {o: at[o][c] for o in own}) for c in range(copies)]).sum()
        else:
            value = self.objective(node, at)
        found = torch.autograd.grad(value, targets, retain_graph=True)
        self.gradients |= {(o, op.into): g for o, g in zip(own, found, strict=False)}
        for name in owner.owns:
            if name not in own:
                self.gradients[name, op.into] = list(found[len(own) :])

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

    def factor(self, factor):
        """A factor at this step."""
        return factor.at(self.k) if isinstance(factor, Fading) else factor

    def mixed(self, terms):
        """A sum of tensors or of lists of them, from left to right."""
        if isinstance(terms[0][0], list):
            return [self.mixed(list(zip(parts, [f for _, f in terms], strict=True))) for parts in zip(*(t for t, _ in terms), strict=True)]
        total = None
        for value, factor in terms:
            part = value.detach() if factor == 1 else self.factor(factor) * value.detach()
            total = part if total is None else total + part
        return total

    def move(self, node, op):
        """A step along the gradient, then back into the set."""
        owner = self.game.node(node)
        sign = 1 if owner.sense == "max" else -1
        for name in owner.owns:
            start = self.mixed([((self.standing() if p == NOW else self.place(p))[name], f) for p, f in op.origin])
            moved = start
            if op.along:
                moved = self.stepped(name, start, self.mixed([(self.gradients[name, g], f) for g, f in op.along]), sign, op)
            if name in self.point and op.project and not (self.mirrored(name, op) and op.along):
                moved = self.projected(name, moved).detach()
            if op.to != NOW:
                self.places.setdefault(op.to, {})[name] = moved
            elif name in self.point:
                self.point[name] = moved
            else:
                for mine, new in zip(self._tensors(name), moved, strict=True):
                    mine.data.copy_(new)

    def mirrored(self, name, op):
        """The step of the geometry of a variable's set where it is asked for, None where it has none."""
        if not op.mirror and self.plan.rule(name).word != "hedge":
            return None
        var = next(v for v in self.game.vars if v.name == name)
        return words("sets")[var.set.parts[0].word].mirror if var.set else None

    def stepped(self, name, start, gradient, sign, op):
        """Where one step leads."""
        rule, scale = dict(self.plan.rule(name).options), self.factor(op.scale)
        if name in self.point and not rule.get("momentum") and self.plan.rule(name).word in ("sgd", "hedge"):
            rate = rule["lr"] * scale if not isinstance(op.scale, Fading) else rule["lr"]
            rate = rate / math.sqrt(self.k) if rule.get("decay") == "sqrt" else rate
            rate = rate * scale if isinstance(op.scale, Fading) else rate
            along = self.mirrored(name, op)
            return along(start, -sign * (rate * gradient)) if along else start + sign * (rate * gradient)
        many = isinstance(start, list)
        moved = copied(start) if many else [start.clone()]
        self.rules[name].update(moved, [-sign * g for g in gradient] if many else [-sign * gradient])
        moved = moved if scale == 1 else [s + scale * (m - s) for s, m in zip(start if many else [start], moved, strict=True)]
        return moved if many else moved[0]

    def keep(self, node, op):
        """Copies or averages of points and gradients."""
        for name in self.game.node(node).owns:
            table, key = (self.gradients, (name, op.name)) if op.gradient else (self.kept[op.name], name)
            of = self.gradients[name, op.of] if op.gradient else (self.standing() if op.of == NOW else self.place(op.of))[name]
            weight = self.factor(op.weight)
            if isinstance(of, list):
                table[key] = copied(of) if weight == 1 else [k + weight * (n - k) for k, n in zip(table[key], copied(of), strict=True)]
            else:
                table[key] = of.detach() if weight == 1 else table[key] + weight * (of.detach() - table[key])

    def together(self, op):
        """What a kernel makes of the joint field."""
        owners = [self.game.node(node) for node in op.nodes]
        names, senses = [o for n in owners for o in n.owns], {o: n.sense for n in owners for o in n.owns}
        start = self.standing() | (self.point if op.at == NOW else self.place(op.at))

        def field(points):
            here = self.standing() | self.nested(names, points)
            return [g for n in owners for g in self.slopes(n, here)]

        lr = {o: dict(self.plan.rule(o).options).get("lr") for o in names}
        rates = [[lr[o] for o in n.owns for _ in flattened([start[o]])] for n in owners]
        project = [lambda points: [self.projected(o, p) for o, p in zip(names, points, strict=True)]] if isinstance(op, Reach) else []
        if project and not any(v.set for v in self.game.vars if v.name in names):
            project = [None]
        options = dict(op.options)
        if isinstance(op, Reach) and op.values:
            sign = -1 if owners[0].sense == "max" else 1
            options["value"] = lambda points: sign * self.objective(owners[0].id, self.standing() | self.nested(names, points))
        made = kernel(op.call)(field, flattened([start[o] for o in names]), *project, *([rates] if op.rates else []), **options)
        for o, found in self.nested(names, made).items():
            if isinstance(op, Adjust):
                self.gradients[o, op.into] = self.mixed([(found, -1.0 if senses[o] == "max" else 1.0)])
            elif op.to != NOW:
                self.places.setdefault(op.to, {})[o] = found
            elif o in self.point:
                self.point[o] = found
            else:
                for mine, new in zip(self._tensors(o), found, strict=True):
                    mine.data.copy_(new)

    def nested(self, names, tensors):
        """A flat list of tensors by the names of what is owned, with a list for each network."""
        rest, here = list(tensors), self.standing()
        return {o: [rest.pop(0) for _ in here[o]] if isinstance(here[o], list) else rest.pop(0) for o in names}

    def slopes(self, owner, here):
        """One player's direction of descent in what it owns."""
        sign, own = -1 if owner.sense == "max" else 1, flattened([here[o] for o in owner.owns])
        if owner.axis:
            each = [torch.autograd.grad(sign * self.objective(owner.id, here, **{owner.index: i}), own[0], create_graph=True)[0][i]
                    for i in range(owner.axis)]  # fmt: skip
            return [torch.stack(each)]
        return torch.autograd.grad(sign * self.objective(owner.id, here), own, create_graph=True, materialize_grads=True)

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
        """One answer for each sample, from a start that its number in the order of coming gives, sample by sample."""
        owner = self.game.node(op.node)
        (name,), sign = owner.owns, (1 if owner.sense == "max" else -1)
        var = next(v for v in self.game.vars if v.name == name)
        columns = {n: c for d in owner.scope for n, c in zip(d.names, self.rows[d.over], strict=False)}
        count = len(next(iter(columns.values())))
        radius = plain(var.set.parts[0].args[0])
        key = stream_key(self.seed, PLAYERS + self.game.nodes.index(owner), "cpu")
        answers = []
        for row in range(count):
            self.came += 1
            here, noise = {n: c[row] for n, c in columns.items()}, Noise(key, torch.tensor([-self.came]))
            d = -radius + 2 * radius * noise.uniform(var.type.shape, torch.float64)
            for _ in range(op.steps):
                d = d.detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.objective(op.node, self.point | here | {name: d}), d)
                d = self.projected(name, d + sign * op.rule.option("lr") * torch.sign(slope)).detach()
            answers.append(d)
        self.point[name] = torch.stack(answers)
