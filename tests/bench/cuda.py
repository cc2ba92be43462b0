"""On a GPU: adversarial training of a residual network on CIFAR-10 against a loop by hand with the same tricks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gamespec import pipeline
from gamespec.library.registry import words
from gamespec.run.lane import Lane
from gamespec.run.load import load
from gamespec.syntax.parse import read
from tests.bench.pairs import GAMES, Job, Skip, Work

FOLDER = Path(tempfile.mkdtemp())
BATCH = 128
WHERE = "CIFAR10_JPEG"
"""The environment variable with the path of `cifar10_jpeg.npz`."""


def images(rows: int) -> tuple[Tensor, Tensor]:
    """The first training images and their classes."""
    path = os.environ.get(WHERE)
    if path is None:
        raise Skip(f"the path of cifar10_jpeg.npz is not in {WHERE}")
    table = words("data")["npz_jpeg"].load(path, split="train", subset=rows)
    return table["x"], table["y"]


def needed() -> str:
    """The device, where there is one."""
    if not torch.cuda.is_available():
        raise Skip("no CUDA device")
    return "cuda"


def emitted(rows: tuple[Tensor, Tensor], device: str, *, compiled: bool, width: int = 64) -> Work:
    """The steps of the game, one after the other: BATCH images, or all where there are fewer."""
    text = (GAMES / "pgd_cifar10.game").read_text(encoding="utf-8").replace("preact_resnet18(64)", f"preact_resnet18({width})")
    path = FOLDER / f"cifar_{width}.game"
    path.write_text(text, encoding="utf-8")
    module = load(pipeline.compile(pipeline.check(read(path)), given=frozenset(["train"])).program, FOLDER / f"cifar_{width}.py")
    s = module.start(device=device, data={"train": tuple(t.to(device) for t in rows)})
    if not compiled:
        return lambda: module.step(s)
    lane = Lane(module, "on", 0)
    lane(s)
    if lane.warning:
        raise Skip(lane.said)
    return lambda: lane(s)


def by_hand(net: nn.Module, rows: tuple[Tensor, Tensor], device: str) -> Work:
    """PGD-10 training as an expert writes it: channels last, bfloat16 in the attack, TF32, fused SGD, movers' gradients only."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    net = net.to(device, memory_format=torch.channels_last)
    weights = list(net.parameters())
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=5e-4, fused=device == "cuda" or None)
    a_all, b_all = (t.to(device) for t in rows)
    eps, rate = 8 / 255, 2 / 255

    def attacked(a: Tensor, b: Tensor) -> Tensor:
        lo, hi = (a - eps).clamp_(min=0.0), (a + eps).clamp_(max=1.0)
        x = torch.rand_like(a).mul_(hi - lo).add_(lo)
        for _ in range(10):
            x.requires_grad_()
            with torch.autocast(torch.device(device).type, torch.bfloat16):
                loss = F.cross_entropy(net(x), b, reduction="sum")
            slope = torch.autograd.grad(loss, x)[0]
            with torch.no_grad():
                x = torch.clamp_(slope.sign_().mul_(rate).add_(x), lo, hi)
        return x

    def step() -> Tensor:
        picked = torch.randint(len(a_all), (min(BATCH, len(a_all)),), device=device)
        a, b = a_all[picked].contiguous(memory_format=torch.channels_last), b_all[picked]
        for p in weights:
            p.requires_grad_(False)
        x = attacked(a, b)
        for p in weights:
            p.requires_grad_(True)
        loss = F.cross_entropy(net(x), b)
        for p, g in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            p.grad = g
        optimizer.step()
        return loss.detach()

    return step


def pair(*, compiled: bool) -> tuple[Work, Work]:
    """Ours and theirs on the GPU."""
    device, rows = needed(), images(2048)
    net = words("networks")["preact_resnet18"].build((3, 32, 32), (10,), 64)
    return emitted(rows, device, compiled=compiled), by_hand(net, rows, device)


JOBS = [
    Job("GPU", f"CIFAR-10, PreActResNet-18, PGD-10 training step of {BATCH} images{', captured' * c}", "by hand, same tricks", 1.0,
        lambda c=c: pair(compiled=c), device="cuda")
    for c in (False, True)
]  # fmt: skip
"""What is timed; a row's milliseconds over the batch give images per second."""
