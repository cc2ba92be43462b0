"""What an unrolled derivative keeps: graphs of all steps, or their iterates alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.emit.build import program

CLEAN = """language 1
game clean
data tr: (x: R[64], y: class[10]) = given
net h: R[64] -> logits[10] = mlp(WIDTH)  params w
var u: R[3] init 1
solve min{u} [ E{(x, y) ~ tr}[ce(h(x; w), y)] + norm(u)^2/1000
  s.t. w = argmin{w}[ E{(x, y) ~ tr}[ce(h(x; w), y)]*(1 + u[0]*u[1]) + u[2]*norm(w)^2/100 ] ]
schedule { u: descent(lr = 1)  w: RULE, through(unroll(recompute = AGAIN)) }
run { precision = PRECISION }
"""


def made(width, rule, again, precision="float64"):
    """The program of a leader that weighs how a two-layer network is trained."""
    text = CLEAN.replace("WIDTH", str(width)).replace("RULE", rule).replace("AGAIN", again).replace("PRECISION", precision)
    return program(text)


def rows(precision=torch.float64):
    """256 rows."""
    rng = torch.Generator().manual_seed(0)
    return {"tr": (torch.randn(256, 64, generator=rng, dtype=precision), torch.randint(0, 10, (256,), generator=rng))}


class Held:
    """A tensor that some graph holds, counted as long as it is."""

    now = most = 0

    def __init__(self, tensor):
        self.tensor = tensor.detach()  # a graph that holds its own result would never be freed
        Held.now += 1
        Held.most = max(Held.most, Held.now)

    def __del__(self):
        Held.now -= 1


def held(steps, again, rule="sgd(lr = 0.1, steps = STEPS)"):
    """The largest number of tensors that graphs hold at once, and the step of the leader."""
    module = made(8, rule.replace("STEPS", str(steps)), again)
    s = module.start(0, data=rows())
    Held.now = Held.most = 0
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda box: box.tensor):
        module.step(s)
    return Held.most, s.u


@pytest.mark.parametrize("rule", ["sgd(lr = 0.1, steps = STEPS)", "adam(lr = 0.01, steps = STEPS)"])
def test_stored_iterates_need_the_graph_of_one_step(rule):
    """With recomputation graphs hold as much for 24 steps as for 6; without, four times as much; the gradient is the same."""
    few, many = held(6, "true", rule)[0], held(24, "true", rule)
    kept = held(24, "false", rule)

    assert many[0] <= 1.1 * few
    assert kept[0] >= 3.5 * held(6, "false", rule)[0]
    assert torch.allclose(many[1], kept[1], rtol=1e-12, atol=0)


PEAK = """
import sys
import torch
from tests.emit.test_memory import made, rows
def high():  # of this process alone: getrusage begins with what its parent had
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
torch.set_num_threads(1)
module = made(1024, "sgd(lr = 0.1, steps = 100)", sys.argv[1], "float32")
small = made(1024, "sgd(lr = 0.1, steps = 1)", sys.argv[1], "float32")
data = rows(torch.float32)
small.step(small.start(0, data=data))
s = module.start(0, data=data)
before = high()
module.step(s)
print((high() - before) / 1024)
print((1 - s.u.double()).tolist())
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_hundred_steps_of_a_wide_network_fit_into_sixty_megabytes():
    """The peak above that of a single step, in a process of its own; the gradient is that with all graphs kept, to 1e-6."""
    found = {}
    for again in ("true", "false"):
        done = subprocess.run([sys.executable, "-c", PEAK, again], capture_output=True, text=True, check=True)
        peak, slope = done.stdout.splitlines()[-2:]
        found[again] = float(peak), torch.tensor(json.loads(slope))

    assert found["true"][0] <= 60
    assert found["false"][0] > 4 * found["true"][0]
    assert torch.allclose(found["true"][1], found["false"][1], rtol=1e-6, atol=1e-8)
