"""More loops by hand, eager: attacks for evaluation, GANs that move at once, hypergradients, several discriminators."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.bench.hand import ring

Parameters = list[Tensor]


def fused(parameters: Parameters, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> Callable[[tuple[Tensor, ...] | Parameters], None]:
    """A fused Adam that takes gradients."""
    optimizer = torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)

    def step(grads: tuple[Tensor, ...] | Parameters) -> None:
        for p, g in zip(parameters, grads, strict=True):
            p.grad = g
        optimizer.step()

    return step


def robust_accuracy(net: nn.Module, a: Tensor, b: Tensor, eps: float, rate: float, steps: int, batch: int = 128) -> float:
    """Share of samples that are right after PGD on the cross-entropy, in batches that fit the cache."""
    right = 0
    for x, y in zip(a.split(batch), b.split(batch), strict=True):
        lo, hi = (x - eps).clamp_(min=0.0), (x + eps).clamp_(max=1.0)
        at = torch.rand_like(x).mul_(hi - lo).add_(lo)
        for _ in range(steps):
            at.requires_grad_()
            slope = torch.autograd.grad(F.cross_entropy(net(at), y, reduction="sum"), at)[0]
            with torch.no_grad():
                at = torch.clamp_(slope.sign_().mul_(rate).add_(at), lo, hi)
        with torch.no_grad():
            right += int((net(at).argmax(1) == y).sum())
    return right / len(a)


def straight_attack(net: nn.Module, a: Tensor, b: Tensor, eps: float, rate: float, steps: int) -> Tensor:
    """The same attack on digits_cnn with its derivative written out: no graph is built, nothing else can be left out."""
    c1, _, c2, _, _, l1, _, l2 = net
    lo, hi = (a - eps).clamp_(min=0.0), (a + eps).clamp_(max=1.0)
    x = torch.rand_like(a).mul_(hi - lo).add_(lo)
    one, back = F.one_hot(b, 10).float(), torch.ops.aten.convolution_backward
    with torch.inference_mode():
        for _ in range(steps):
            h1 = F.conv2d(x, c1.weight, c1.bias, padding=1).relu_()
            h2 = F.conv2d(h1, c2.weight, c2.bias, stride=2, padding=1).relu_()
            h3 = F.linear(h2.flatten(1), l1.weight, l1.bias).relu_()
            d = (F.linear(h3, l2.weight, l2.bias).softmax(1).sub_(one) @ l2.weight).mul_(h3 > 0)
            d = (d @ l1.weight).view_as(h2).mul_(h2 > 0)
            d = back(d, h1, c2.weight, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False])[0].mul_(h1 > 0)
            d = back(d, x, c1.weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False])[0]
            x = torch.clamp_(d.sign_().mul_(rate).add_(x), lo, hi)
    return x


def gan_simultaneous(generator: nn.Module, score: nn.Module, lr: float, betas: tuple[float, float]) -> Callable[[], None]:
    """Both players' gradients from one forward, then two fused Adams."""
    mine, theirs = list(generator.parameters()), list(score.parameters())
    move_g, move_d = fused(mine, lr, betas), fused(theirs, lr, betas)

    def step() -> None:
        x, z = ring(256, 8, 2.0, 0.05), torch.randn(256, 8)
        value = F.logsigmoid(score(x)).mean() + F.logsigmoid(-score(generator(z))).mean()
        found = torch.autograd.grad(value, [*mine, *theirs])
        move_g(found[: len(mine)])
        move_d([-g for g in found[len(mine) :]])

    return step


def extra_adam(generator: nn.Module, score: nn.Module, lr: float, betas: tuple[float, float]) -> Callable[[], None]:
    """Extra-Adam (Gidel et al. 2019, algorithm 4): a step from the point, gradients there, the step from where it began."""
    mine, theirs = list(generator.parameters()), list(score.parameters())
    every = [*mine, *theirs]
    mean, square = ([torch.zeros_like(p) for p in every] for _ in range(2))
    count = 0

    def slopes(x: Tensor, z: Tensor) -> list[Tensor]:
        value = F.logsigmoid(score(x)).mean() + F.logsigmoid(-score(generator(z))).mean()
        found = torch.autograd.grad(value, every)
        return [*found[: len(mine)], *(-g for g in found[len(mine) :])]

    def move(grads: list[Tensor]) -> None:
        nonlocal count
        count += 1
        torch._foreach_lerp_(mean, grads, 1 - betas[0])
        torch._foreach_mul_(square, betas[1])
        torch._foreach_addcmul_(square, grads, grads, 1 - betas[1])
        below = torch._foreach_sqrt(square)
        torch._foreach_div_(below, (1 - betas[1] ** count) ** 0.5)
        torch._foreach_add_(below, 1e-8)
        torch._foreach_addcdiv_(every, mean, below, -lr / (1 - betas[0] ** count))

    def step() -> None:
        x, z = ring(256, 8, 2.0, 0.05), torch.randn(256, 8)
        with torch.no_grad():
            kept = [p.clone() for p in every]
        ahead = slopes(x, z)
        with torch.no_grad():
            move(ahead)
        found = slopes(x, z)
        with torch.no_grad():
            torch._foreach_copy_(every, kept)
            move(found)

    return step


def wgan_gp(generator: nn.Module, critic: nn.Module, lr: float, betas: tuple[float, float]) -> Callable[[], None]:
    """The tutorial's step: `.backward()` through the gradient penalty, two optimizers."""
    of_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=betas)
    of_d = torch.optim.Adam(critic.parameters(), lr=lr, betas=betas)

    def step() -> None:
        x, z = ring(256, 8, 2.0, 0.05), torch.randn(256, 8)
        fake = generator(z).detach()
        t = torch.rand(256, 1)
        between = (t * x + (1 - t) * fake).requires_grad_()
        slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
        loss = critic(fake).mean() - critic(x).mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
        of_d.zero_grad()
        loss.backward()
        of_d.step()
        loss = -critic(generator(z)).mean()
        of_g.zero_grad()
        loss.backward()
        of_g.step()

    return step


def k_beam_gan(generator: nn.Module, scores: list[nn.Module], lr: float, lr_d: float, betas: tuple[float, float]) -> Callable[[], None]:
    """Hamm and Noh 2018, algorithm 1, one discriminator after the other: the generator answers the best, then every one climbs."""
    of_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=betas)
    of_d = [torch.optim.Adam(d.parameters(), lr=lr_d, betas=betas) for d in scores]

    def value(d: nn.Module, x: Tensor, fake: Tensor) -> Tensor:
        return F.logsigmoid(d(x)).mean() + F.logsigmoid(-d(fake)).mean()

    def step() -> None:
        x, z = ring(128, 7, 1.0, 0.01), torch.randn(128, 256)
        with torch.no_grad():
            fake = generator(z)
            values = [float(value(d, x, fake)) for d in scores]
        best = scores[values.index(max(values))]
        loss = F.logsigmoid(-best(generator(z))).mean()
        of_g.zero_grad()
        loss.backward()
        of_g.step()
        with torch.no_grad():
            fake = generator(z)
        for d, optimizer in zip(scores, of_d, strict=True):
            optimizer.zero_grad()
            (-value(d, x, fake)).backward()
            optimizer.step()

    return step


def fairness(predictor: nn.Module, adversary: nn.Module, lr: float) -> Callable[[Tensor, Tensor, Tensor], None]:
    """The adversary moves, then the predictor against it; movers' gradients only."""
    mine, theirs = list(predictor.parameters()), list(adversary.parameters())
    move_h, move_v = fused(mine, lr), fused(theirs, lr)

    def step(x: Tensor, y: Tensor, z: Tensor) -> None:
        scores = predictor(x)
        move_v(torch.autograd.grad(F.cross_entropy(adversary(scores.detach()), z), theirs))
        loss = F.cross_entropy(scores, y) - F.cross_entropy(adversary(scores), z)
        move_h(torch.autograd.grad(loss, mine))

    return step


def dense(*sizes: int) -> Callable[[Parameters, Tensor], Tensor]:
    """A perceptron with explicit parameters, weights and biases in turn."""

    def apply(w: Parameters, x: Tensor) -> Tensor:
        for k in range(0, len(w) - 2, 2):
            x = F.relu(F.linear(x, w[k], w[k + 1]))
        return F.linear(x, w[-2], w[-1])

    return apply


def start(*sizes: int) -> Parameters:
    """Weights and biases as torch draws them."""
    layers = [nn.Linear(m, n) for m, n in itertools.pairwise(sizes)]
    return [p.detach().requires_grad_() for layer in layers for p in layer.parameters()]


class Cleaning:
    """Data hyper-cleaning: weights u of training samples, w trained by gradient steps on the weighted loss."""

    def __init__(self, sizes: tuple[int, ...], train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], steps: int, lr: float) -> None:
        self.apply, self.w, self.steps, self.lr = dense(*sizes), start(*sizes), steps, lr
        self.train, self.val = train, val
        self.u = torch.full((len(train[0]),), 0.5, requires_grad=True)
        self.move = fused([self.u], 0.03)

    def inner(self, w: Parameters) -> Tensor:
        """The weighted loss."""
        x, y = self.train
        loss = F.cross_entropy(self.apply(w, x), y, reduction="none")
        return (self.u * loss).sum() / self.u.sum() + 3e-3 * sum((p * p).sum() for p in w)

    def outer(self, w: Parameters) -> Tensor:
        """The validation loss."""
        return F.cross_entropy(self.apply(w, self.val[0]), self.val[1])

    def keep(self, w: Parameters, slope: Tensor) -> None:
        """Move u, stay in the box, and begin the next step where this one ended."""
        self.move([slope])
        with torch.no_grad():
            self.u.clamp_(0, 1)
        self.w = [p.detach().requires_grad_() for p in w]

    def unroll(self) -> None:
        """Backward through all inner steps."""
        w = self.w
        for _ in range(self.steps):
            slopes = torch.autograd.grad(self.inner(w), w, create_graph=True)
            w = [p - self.lr * g for p, g in zip(w, slopes, strict=True)]
        self.keep(w, torch.autograd.grad(self.outer(w), self.u)[0])

    def trained(self) -> Parameters:
        """The inner steps without a graph."""
        w = self.w
        for _ in range(self.steps):
            slopes = torch.autograd.grad(self.inner(w), w)
            w = [(p.detach() - self.lr * g).requires_grad_() for p, g in zip(w, slopes, strict=True)]
        return w

    def neumann(self, terms: int) -> None:
        """The inner steps, then the first terms of the Neumann series of the inverse Hessian, times the rate."""
        w = self.trained()
        slopes = torch.autograd.grad(self.inner(w), w, create_graph=True)
        p = list(torch.autograd.grad(self.outer(w), w))
        v = list(p)
        for _ in range(terms - 1):
            hp = torch.autograd.grad(slopes, w, p, retain_graph=True)
            p = [s - self.lr * t for s, t in zip(p, hp, strict=True)]
            v = [s + t for s, t in zip(v, p, strict=True)]
        slope = -torch.autograd.grad(slopes, self.u, [self.lr * t for t in v])[0]
        self.keep(w, slope)

    def implicit(self, iterations: int) -> None:
        """The inner steps, then conjugate gradients on the Hessian of the weighted loss where they end."""
        w = self.trained()
        slopes = torch.autograd.grad(self.inner(w), w, create_graph=True)
        b = list(torch.autograd.grad(self.outer(w), w))
        v, r = [torch.zeros_like(t) for t in b], b
        p, rr = list(r), sum((t * t).sum() for t in r)
        for _ in range(iterations):
            ap = torch.autograd.grad(slopes, w, p, retain_graph=True)
            alpha = rr / sum((s * t).sum() for s, t in zip(p, ap, strict=True))
            v = [s + alpha * t for s, t in zip(v, p, strict=True)]
            r = [s - alpha * t for s, t in zip(r, ap, strict=True)]
            new = sum((t * t).sum() for t in r)
            p, rr = [s + new / rr * t for s, t in zip(r, p, strict=True)], new
        slope = -torch.autograd.grad(slopes, self.u, v)[0]
        self.keep(w, slope)
