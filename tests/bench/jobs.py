"""Every job: our work and theirs, made at the same start, with the largest ratio that is allowed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from gamespec.run.lane import Lane
from tests.bench import cuda, floors, formulas, hand, loops, peers
from tests.bench.pairs import GAMES, ROOT, Job, Skip, Work, bare, emitted, stepping

FOLDER = Path(tempfile.mkdtemp())
SPECS = ROOT / "specs"
BETAS = (0.5, 0.999)
NOTES: dict[str, str] = {}
"""What a job found beside its times, by its name."""


# ------------------------------------------------------------------ attacks


def digits(text_of: str = "") -> tuple[Tensor, Tensor]:
    """128 digits as pgd_digits reads them."""
    module, _ = emitted(SPECS / "robust/pgd_digits.game", None, FOLDER)
    a, b = module.start().train
    return a[:128], b[:128]


def variant(name: str, **becomes: str) -> Path:
    """pgd_digits with some of its words replaced, as a file."""
    text = (SPECS / "robust/pgd_digits.game").read_text(encoding="utf-8")
    for was, new in becomes.items():
        assert WORDS[was] in text
        text = text.replace(WORDS[was], new)
    path = FOLDER / f"{name}.game"
    path.write_text(text, encoding="utf-8")
    return path


WORDS = {
    "run": "run { batch = 128",
    "search": "pgd(steps = 50, lr = 0.02, restarts = 5, surrogate = [ce, margin])",
}


def pgd(precision: str, *, compiled: bool = False) -> Work:
    """One PGD-10 training step on 128 digits."""
    path = variant(f"pgd_{precision}", run=f"run {{ batch = 128  precision = {precision}")
    module, _ = emitted(path, None, FOLDER)
    s = module.start()
    batch = {"train": tuple(t[:128] for t in s.train)}
    if not compiled:
        return lambda: module.step(s, batch)
    lane = Lane(module, "on", 0)
    lane(s, batch)
    if lane.warning:
        raise Skip(lane.said)
    return lambda: lane(s, batch)


def pgd_hand() -> Work:
    """The same by hand."""
    step = hand.pgd_training(hand.digits_cnn(), eps=0.15, rate=0.04, steps=10, lr=0.002)
    a, b = digits()
    return lambda: step(a, b)


def straight() -> tuple[Work, Work]:
    """The attack with its derivative written out against the attack by autograd."""
    net, (a, b) = hand.digits_cnn(), digits()
    return lambda: loops.straight_attack(net, a, b, 0.15, 0.04, 10), lambda: loops.robust_accuracy(net, a, b, 0.15, 0.04, 10)


def summed() -> tuple[Work, Work]:
    """128 answers of one step against one gradient of the summed loss."""
    path = variant("one_step", search="pgd(steps = 1, lr = 0.02, restarts = 5, surrogate = [ce, margin])")
    module, _ = emitted(path, None, FOLDER)
    s = module.start()
    a, b = (t[:128] for t in s.train)
    net = hand.digits_cnn()
    noise = module.Noise(s.key_d, torch.arange(128))
    return lambda: module.respond_d(s, s.h, a, b, noise, steps=10), lambda: loops.robust_accuracy(net, a, b, 0.15, 0.04, 10)


def trained(search: str) -> tuple[object, object]:
    """The program and a state after 200 steps of adversarial training."""
    module, _ = emitted(variant("evaluated", search=search), None, FOLDER)
    s = module.start()
    for _ in range(200):
        module.step(s)
    return module, s


def evaluation() -> tuple[Work, Work]:
    """PGD-40 on the 360 test digits: the metric of the game, and by hand."""
    module, s = trained("pgd(steps = 40, lr = 0.01, surrogate = [ce])")
    a, b = s.test
    return lambda: module.measure(s), lambda: loops.robust_accuracy(s.h, a, b, 0.15, 0.01, 40)


def protocol() -> tuple[Work, Work]:
    """Two losses with two restarts of 20 steps each, against the standard AutoAttack."""
    module, s = trained("pgd(steps = 20, lr = 0.03, restarts = 2, surrogate = [ce, margin])")
    s.test = tuple(t[:180] for t in s.test)
    work, found = peers.auto_attack(s.h, *s.test, 0.15)

    def ours() -> None:
        mine = module.measure(s)["robust"]
        if found:
            NOTES["evaluation, cross-entropy and margin with 2 restarts of 20 steps"] = f"robust accuracy {mine:.4f}, AutoAttack's {found[-1]:.4f}"

    return ours, work


# ------------------------------------------------------------------ GANs and fairness


def networks(prob: int = 1) -> tuple[object, object]:
    """Generator and score of the 2-D GAN."""
    return hand.mlp(8, 2, 128, 128), hand.mlp(2, prob, 128, 128)


def gan_hand() -> Work:
    """The alternating GAN by hand."""
    step = hand.gan_alternating(*networks(), lr=1e-3, betas=BETAS)
    return lambda: step(hand.ring(256, 8, 2.0, 0.05), torch.randn(256, 8))


def k_beam_hand() -> Work:
    """The GAN with five discriminators by a loop over them."""
    nets = [hand.mlp(2, 1, 128, 128, act=torch.nn.Tanh) for _ in range(5)]
    return loops.k_beam_gan(hand.mlp(256, 2, 128, 128, act=torch.nn.Tanh), nets, 1e-3, 1e-4, BETAS)


def fairness_data() -> tuple[Tensor, Tensor, Tensor]:
    """Digits with whether they are at least 5, and odd."""
    module, _ = emitted(GAMES / "fairness.game", None, FOLDER)
    found: tuple[Tensor, Tensor, Tensor] = module.start().train
    return found


def fairness_hand() -> Work:
    """The fairness game by hand, on minibatches."""
    x, y, z = fairness_data()
    step = loops.fairness(hand.mlp(64, 2, 64), hand.mlp(2, 2, 32), 1e-3)

    def work() -> None:
        rows = torch.randint(len(x), (128,))
        step(x[rows], y[rows], z[rows])

    return work


def fairness_epoch() -> tuple[Work, Work]:
    """Twelve steps against one epoch of fairlearn."""
    step = stepping(GAMES / "fairness.game", FOLDER)
    return lambda: [step() for _ in range(12)], peers.fairlearn_epoch(*fairness_data())


# ------------------------------------------------------------------ hypergradients


def cleaning(*hidden: int) -> loops.Cleaning:
    """Hyper-cleaning of 800 digits with 20 inner steps."""
    module, _ = emitted(GAMES / "hyper_logistic.game", None, FOLDER)
    s = module.start()
    return loops.Cleaning((64, *hidden, 10), s.tr[:2], s.val, 20, 0.3)


def hyper(name: str, hidden: tuple[int, ...], way: str, *, compiled: bool) -> tuple[Work, Work]:
    """A step of hyper-cleaning against the same by hand."""
    task = cleaning(*hidden)
    by_hand = {"unroll": task.unroll, "implicit": lambda: task.implicit(20), "neumann": lambda: task.neumann(20)}[way]
    return stepping(GAMES / f"{name}.game", FOLDER, None if way == "unroll" else way, compiled=compiled), by_hand


def longer(name: str, steps: int, way: str) -> Path:
    """A game of hyper-cleaning with this many inner steps, differentiated this way, as a file."""
    text, was = (GAMES / f"{name}.game").read_text(encoding="utf-8"), "sgd(lr = 0.3, steps = 20), through(unroll)"
    assert was in text
    path = FOLDER / f"{name}_{steps}_{''.join(filter(str.isalnum, way))}.game"
    path.write_text(text.replace(was, f"sgd(lr = 0.3, steps = {steps}), through({way})"), encoding="utf-8")
    return path


def memory_of_unroll(again: str, steps: int) -> Work:
    """A step of hyper-cleaning with this many inner steps, from stored iterates or not, by what `recompute` says."""
    return stepping(longer("hyper_mlp_1024", steps, f"unroll(recompute = {again})"), FOLDER)


def pieces(name: str, hidden: tuple[int, ...]) -> tuple[Work, Work]:
    """An unrolling of 100 steps, compiled by one piece forwards and one back, against the same by hand."""
    task = cleaning(*hidden)
    task.steps = 100
    return stepping(longer(name, 100, "unroll"), FOLDER, compiled=True), task.unroll


def floor_training(dtype: torch.dtype) -> tuple[Work, Work]:
    """What a PGD-10 training step cannot leave out."""
    return floors.products_of_training(hand.digits_cnn(), *digits(), 10, dtype), pgd_hand()


def floor_attack() -> tuple[Work, Work]:
    """What ten steps of an attack cannot leave out."""
    net, (a, b) = hand.digits_cnn(), digits()
    return floors.products_of_attack(net, a, 10, torch.float32), lambda: loops.robust_accuracy(net, a, b, 0.15, 0.04, 10)


def _hyper_jobs() -> list[Job]:
    found = []
    bars = {"unroll": (0.25, 0.55, 0.92), "implicit": (0.25, 0.60, None), "neumann": (0.25, 0.60, None)}
    for way, limits in bars.items():
        for (name, hidden), limit in zip((("hyper_logistic", ()), ("hyper_mlp_128", (128,)), ("hyper_mlp_1024", (1024,))), limits, strict=True):
            for compiled in (False, True):
                lane = "compiled" if compiled else "eager"
                bar = limit if compiled else 1.02 if not hidden else None
                make = lambda n=name, h=hidden, w=way, c=compiled: hyper(n, h, w, compiled=c)  # noqa: E731  # a closure for each row; until 2027-11
                found.append(Job("hypergradient", f"{name}, {way}, {lane}", "by hand, eager", bar, make))
    return found


JOBS = [
    # The bars are those of the compiled rows, the lane that a run of many epochs takes: eager convolutions are the same on both sides.
    Job("attacks", "PGD-10 training step, digits CNN, float32", "by hand, float32", None, lambda: (pgd("float32"), pgd_hand())),
    Job("attacks", "PGD-10 training step, digits CNN, mixed", "by hand, float32", None, lambda: (pgd("mixed"), pgd_hand())),
    Job("attacks", "PGD-10 training step, digits CNN, float32, compiled", "by hand, float32", 0.90,
        lambda: (pgd("float32", compiled=True), pgd_hand())),
    Job("attacks", "PGD-10 training step, digits CNN, mixed, compiled", "by hand, float32", 0.55, lambda: (pgd("mixed", compiled=True), pgd_hand())),
    Job("attacks", "floor: the attack with its derivative written out", "by hand, float32", None, straight),
    Job("attacks", "answers of 128 samples, 10 steps", "gradients of one summed loss", 1.0, summed),
    Job("attacks", "PGD-40 evaluation of 360 digits", "by hand, float32", 0.95, evaluation),
    Job("attacks", "evaluation, cross-entropy and margin with 2 restarts of 20 steps", "AutoAttack, standard", 0.05, protocol, repeats=3),
    Job("attacks", "PGD-10 training step, digits CNN", "ART", 1.0, lambda: (pgd("float32"), peers.art_training(*digits()))),
    Job("attacks", "PGD-10 training step, digits CNN", "foolbox", 1.0, lambda: (pgd("float32"), peers.foolbox_training(*digits()))),
    Job("attacks", "PGD-10 training step, digits CNN", "torchattacks", 1.0, lambda: (pgd("float32"), peers.torchattacks_training(*digits()))),
    Job("players", "2-D GAN, alternating, eager", "by hand, eager", None, lambda: (stepping(SPECS / "generative/gan_mog.game", FOLDER), gan_hand())),
    Job("players", "2-D GAN, alternating, eager, bare operations", "by hand, eager", 0.85,
        lambda: (bare(SPECS / "generative/gan_mog.game", FOLDER), gan_hand())),
    Job("players", "2-D GAN, alternating, compiled", "by hand, eager", 0.66,
        lambda: (stepping(SPECS / "generative/gan_mog.game", FOLDER, compiled=True), gan_hand())),
    Job("players", "2-D GAN, simultaneous, eager", "by hand, eager", None,
        lambda: (stepping(GAMES / "gan_simultaneous.game", FOLDER), loops.gan_simultaneous(*networks(), 1e-3, BETAS))),
    Job("players", "2-D GAN, simultaneous, compiled", "by hand, eager", 0.72,
        lambda: (stepping(GAMES / "gan_simultaneous.game", FOLDER, compiled=True), loops.gan_simultaneous(*networks(), 1e-3, BETAS))),
    Job("players", "2-D GAN, extra-Adam, compiled", "by hand, eager", 0.80,
        lambda: (stepping(GAMES / "gan_simultaneous.game", FOLDER, "extra", compiled=True), loops.extra_adam(*networks(), 1e-3, BETAS))),
    Job("players", "2-D WGAN-GP, compiled", "naive double backward", 0.55,
        lambda: (stepping(GAMES / "wgan_gp.game", FOLDER, compiled=True), loops.wgan_gp(*networks(), 1e-3, (0.5, 0.9)))),
    Job("players", "K-beam GAN, 5 discriminators, compiled", "naive loop over 5", 0.45,
        lambda: (stepping(GAMES / "gan_k_beam.game", FOLDER, compiled=True), k_beam_hand())),
    Job("players", "K-beam GAN, 5 discriminators, eager", "naive loop over 5", None,
        lambda: (stepping(GAMES / "gan_k_beam.game", FOLDER), k_beam_hand())),
    Job("players", "adversarial fairness, eager", "by hand, eager", None, lambda: (stepping(GAMES / "fairness.game", FOLDER), fairness_hand())),
    Job("players", "adversarial fairness, compiled", "by hand, eager", 0.35,
        lambda: (stepping(GAMES / "fairness.game", FOLDER, compiled=True), fairness_hand())),
    Job("players", "adversarial fairness, 12 steps", "fairlearn, one epoch", 1.0, fairness_epoch),
    *_hyper_jobs(),
    Job("hypergradient", "hyper_logistic, unroll of 100 steps, compiled in pieces", "by hand, eager", None, lambda: pieces("hyper_logistic", ())),
    Job("hypergradient", "hyper_mlp_128, unroll of 100 steps, compiled in pieces", "by hand, eager", None, lambda: pieces("hyper_mlp_128", (128,))),
    Job("floors", "PGD-10 training step: its products, float32", "by hand, float32", None, lambda: floor_training(torch.float32)),
    Job("floors", "PGD-10 training step: its products, bfloat16 in the attack", "by hand, float32", None, lambda: floor_training(torch.bfloat16)),
    Job("floors", "attack of 10 steps: its products, float32", "by hand, float32", None, floor_attack),
    Job("floors", "2-D GAN, alternating: its forwards and backwards", "by hand, eager", None,
        lambda: (floors.gradients_of_gan(*networks(), torch.randn(256, 2), torch.randn(256, 8)), gan_hand())),
    *formulas.JOBS,
    *cuda.JOBS,
    Job("hypergradient", "hyper_logistic, unroll, eager", "higher", 1.0,
        lambda: (stepping(GAMES / "hyper_logistic.game", FOLDER), peers.higher_unroll(cleaning()))),
    Job("hypergradient", "hyper_logistic, unroll, eager", "TorchOpt", 1.0,
        lambda: (stepping(GAMES / "hyper_logistic.game", FOLDER), peers.torchopt_unroll(cleaning()))),
]  # fmt: skip
