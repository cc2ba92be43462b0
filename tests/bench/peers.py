"""What other packages do for the same work; each is skipped, with the reason, where it is not installed."""

from __future__ import annotations

import importlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.bench.hand import digits_cnn
from tests.bench.loops import Cleaning, fused
from tests.bench.pairs import Skip, Work


def package(name: str) -> Any:
    """A package from outside."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Skip(f"{name.split('.')[0]} is not installed ({error})") from error


def _training(net: nn.Module, attack: Any) -> Any:
    parameters = list(net.parameters())
    move = fused(parameters, 0.002)

    def step(a: Tensor, b: Tensor) -> None:
        x = attack(a, b)
        move(torch.autograd.grad(F.cross_entropy(net(x), b), parameters))

    return step


def art_training(a: Tensor, b: Tensor) -> Work:
    """One PGD-10 training step with the attack of the Adversarial Robustness Toolbox."""
    art = package("art.estimators.classification")
    evasion = package("art.attacks.evasion")
    net = digits_cnn()
    classifier = art.PyTorchClassifier(net, nn.CrossEntropyLoss(), (1, 8, 8), 10, clip_values=(0.0, 1.0), device_type="cpu")
    options = {"eps": 0.15, "eps_step": 0.04, "max_iter": 10, "num_random_init": 1, "batch_size": 128}
    attack = evasion.ProjectedGradientDescentPyTorch(classifier, verbose=False, **options)
    x, y = a.numpy(), b.numpy()
    step = _training(net, lambda *_: torch.from_numpy(attack.generate(x, y)))
    return lambda: step(a, b)


def torchattacks_training(a: Tensor, b: Tensor) -> Work:
    """One PGD-10 training step with the attack of torchattacks."""
    net = digits_cnn()
    step = _training(net, package("torchattacks").PGD(net, eps=0.15, alpha=0.04, steps=10))
    return lambda: step(a, b)


def foolbox_training(a: Tensor, b: Tensor) -> Work:
    """One PGD-10 training step with the attack of Foolbox."""
    foolbox = package("foolbox")
    net = digits_cnn()
    model = foolbox.PyTorchModel(net.eval(), bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=0.04, steps=10)
    step = _training(net, lambda x, y: attack.run(model, x, y, epsilon=0.15))
    return lambda: step(a, b)


def auto_attack(net: nn.Module, a: Tensor, b: Tensor, eps: float) -> tuple[Work, list[float]]:
    """The standard AutoAttack as torchattacks has it, and where it puts the robust accuracy that it finds."""
    attack = package("torchattacks").AutoAttack(net, norm="Linf", eps=eps, version="standard", n_classes=10, seed=0)
    found: list[float] = []

    def work() -> None:
        x = attack(a, b)
        with torch.no_grad():
            found.append(float((net(x).argmax(1) == b).float().mean()))

    return work, found


def higher_unroll(task: Cleaning) -> Work:
    """The hypergradient through the unrolled inner steps, by higher."""
    higher = package("higher")
    net = _module(task)

    def work() -> None:
        inner = torch.optim.SGD(net.parameters(), lr=task.lr)
        with higher.innerloop_ctx(net, inner, copy_initial_weights=True) as (followed, optimizer):
            for _ in range(task.steps):
                optimizer.step(_weighted(task, followed))
            slope = torch.autograd.grad(F.cross_entropy(followed(task.val[0]), task.val[1]), task.u)[0]
        task.move([slope])

    return work


def torchopt_unroll(task: Cleaning) -> Work:
    """The hypergradient through the unrolled inner steps, by TorchOpt."""
    torchopt = package("torchopt")
    net = _module(task)

    def work() -> None:
        inner = torchopt.MetaSGD(net, lr=task.lr)
        kept = torchopt.extract_state_dict(net, by="reference")
        for _ in range(task.steps):
            inner.step(_weighted(task, net))
        slope = torch.autograd.grad(F.cross_entropy(net(task.val[0]), task.val[1]), task.u)[0]
        torchopt.recover_state_dict(net, kept)
        task.move([slope])

    return work


def _module(task: Cleaning) -> nn.Module:
    layers: list[nn.Module] = []
    for weight in task.w[::2]:
        layers += [nn.Linear(weight.shape[1], weight.shape[0]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _weighted(task: Cleaning, net: nn.Module) -> Tensor:
    x, y = task.train
    loss = F.cross_entropy(net(x), y, reduction="none")
    return (task.u * loss).sum() / task.u.sum() + 3e-3 * sum((p * p).sum() for p in net.parameters())


def fairlearn_epoch(x: Tensor, y: Tensor, z: Tensor) -> Work:
    """One epoch of fairlearn's adversarial classifier, minibatches of 128."""
    adversarial = package("fairlearn.adversarial")

    def work() -> None:
        model = adversarial.AdversarialFairnessClassifier(
            backend="torch", predictor_model=[64, "relu"], adversary_model=[32, "relu"], predictor_optimizer="Adam",
            adversary_optimizer="Adam", learning_rate=1e-3, batch_size=128, epochs=1, shuffle=False,
        )  # fmt: skip
        model.fit(x.numpy(), y.numpy(), sensitive_features=z.numpy())

    return work
