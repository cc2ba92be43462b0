"""On a GPU: steps captured in one CUDA graph, attacks in half the bits, and a network of the size that is used there."""

from __future__ import annotations

import pytest
import torch

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run.execute import Request, execute
from gamespec.run.load import load
from tests.run.test_lane import GAMES, checked

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

CIFAR = """language 1
data train: (a: image[3, 32, 32] in [0, 1], b: class[10]) = given
net h: image[3, 32, 32] -> logits[10] = preact_resnet18(64)
solve min{h} E{(a, b) ~ train} max{d in Linf(8/255) & (domain(a) - a)} [ ce(h(a + d), b) ]
schedule { h: sgd(lr = 0.1, momentum = 0.9, weight_decay = 5e-4)  d: pgd(steps = 10, lr = 2/255) }
run { batch = 128  steps = 4  precision = mixed }
"""


@pytest.mark.parametrize("name", GAMES)
def test_a_captured_run_ends_where_the_eager_one_does(name, tmp_path, monkeypatch):
    """Replays of one graph, with short last batches in between, follow the eager run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    game = checked(name)
    eager, captured = (execute(game, pipeline.compile(game), Request(compile=how, device="cuda")) for how in ("off", "on"))

    assert captured.lane.startswith("compiled from step 2 on")
    for a, b in zip(eager.history, captured.history, strict=True):
        assert a["losses"] == pytest.approx(b["losses"], rel=1e-2, abs=1e-4)


def test_a_step_of_a_large_network_runs_in_half_the_bits(tmp_path):
    """PGD-10 on images of the size of CIFAR-10: the attack in bfloat16, the training step in float32, all on the GPU."""
    source = Source("cifar.game", CIFAR)
    module = load(pipeline.compile(pipeline.check(source)).program, tmp_path / "cifar.py")
    rows = torch.rand(256, 3, 32, 32), torch.randint(10, (256,))
    s = module.start(device="cuda", data={"train": rows})
    kinds = []
    s.h.register_forward_hook(lambda net, inputs, out: kinds.append((out.dtype, out.device.type)))
    losses = module.step(s)

    assert kinds == [(torch.bfloat16, "cuda")] * 10 + [(torch.float32, "cuda")]
    assert float(losses["h"]) == pytest.approx(2.3, abs=1)
