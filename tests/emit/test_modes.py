"""Networks that the caller brings: who is in train mode while who moves, and what may change in them."""

from __future__ import annotations

import torch
from torch import nn

from tests.emit.build import program

HEAD = "language 1\ngame modes\ndata tr: (x: R[6], y: class[3]) = given\nnet h: R[6] -> logits[3] = given\n"
ATTACK = (
    HEAD + "solve min{h} E{(x, y) ~ tr} max{d in Linf(0.1)} [ ce(h(x + d), y) ]\n"
    "metric clean = E{(x, y) ~ tr}[ correct(h(x), y) ]\n"
    "run { batch = 8  steps = 3 }"
)


class Watched(nn.Module):
    """A network with batch norm and dropout that notes its mode and its batch at every call."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.0), nn.Linear(5, 3))
        self.calls = []

    def forward(self, x):
        """The scores."""
        self.calls.append((self.training, x.requires_grad))
        return self.body(x)


def data():
    """Twenty-four rows of noise in three classes."""
    rng = torch.Generator().manual_seed(0)
    return {"tr": (torch.randn(24, 6, generator=rng), torch.arange(24) % 3)}


def test_an_attack_looks_in_eval_mode_and_the_learner_moves_in_train_mode():
    """Ten looks of the attack change no running statistics; the one move of the learner does, once."""
    net = Watched()
    module = program(ATTACK, given=("h",))
    s = module.start(nets={"h": net}, data=data())
    net.calls.clear()
    module.step(s)

    assert net.calls[:-1] == [(False, True)] * 10
    assert net.calls[-1] == (True, False)
    assert int(net.body[1].num_batches_tracked) == 1


def test_looking_leaves_buffers_and_modes_alone():
    """Probe, metrics, residual and certificate see the network in eval mode and leave it as it was."""
    net = Watched()
    net.body[1].eval()  # a layer that its owner keeps in eval mode
    module = program(ATTACK, given=("h",))
    s = module.start(nets={"h": net}, data=data())
    before = [t.clone() for t in (*net.parameters(), *net.buffers())]
    for look in (module.probe, module.measure, module.residual, module.certify):
        look(s)

    assert all(torch.equal(a, b) for a, b in zip(before, (*net.parameters(), *net.buffers()), strict=True))
    assert not any(training for training, _ in net.calls)
    assert net.training
    assert not net.body[1].training


def test_the_owners_modes_come_back_after_a_step():
    """A layer kept in eval mode is in eval mode again after the step."""
    net = Watched()
    net.body[1].eval()
    module = program(ATTACK, given=("h",))
    s = module.start(nets={"h": net}, data=data())
    module.step(s)

    assert net.training
    assert not net.body[1].training


def test_frozen_weights_stay_where_they_are():
    """Parameters that their owner froze do not move, and the others do."""
    net = Watched()
    net.body[0].weight.requires_grad_(False)
    frozen, last = net.body[0].weight.clone(), net.body[4].weight.clone()
    module = program(ATTACK, given=("h",))
    s = module.start(nets={"h": net}, data=data())
    module.step(s)

    assert torch.equal(net.body[0].weight, frozen)
    assert not torch.equal(net.body[4].weight, last)


def test_an_unrolled_follower_moves_its_statistics_once_a_step():
    """Its own steps are moves, in train mode; its leader's look and the residual are none, and change no buffer."""
    text = (
        HEAD.replace("= given\nnet h: R[6] -> logits[3] = given", "= given\nnet h: R[6] -> logits[3] = given  params w")
        + """var u: R in [0, 2] init 1
solve min{u} [ E{(x, y) ~ tr}[ce(h(x; w), y)] + u^2 s.t. w = argmin{w}[ E{(p, q) ~ tr}[u*ce(h(p; w), q)] + 0.01*norm(w)^2 ] ]
schedule { w: sgd(lr = 0.1, steps = 3), through(unroll) }
run { batch = 8  steps = 3 }"""
    )
    net = Watched()
    net.body[0].bias.requires_grad_(False)
    module = program(text, given=("h",))
    s = module.start(nets={"h": net}, data=data())
    module.step(s)
    looks = [training for training, _ in net.calls]
    after = [t.clone() for t in net.buffers()]
    module.residual(s)

    assert looks == [True, True, True, False]
    assert int(net.body[1].num_batches_tracked) == 3
    assert all(torch.equal(a, b) for a, b in zip(after, net.buffers(), strict=True))


def test_two_populations_never_share_a_forward_of_a_network_that_was_brought():
    """The generator's output is computed anew for each player where batch statistics may matter."""
    text = """language 1
game pair
data r: R[2] = mog(modes = 8, radius = 2, std = 0.05)
dist noise: R[3] = Normal(0, 1)
net G: R[3] -> R[2] = given
net D: R[2] -> prob = mlp(8, out = sigmoid)
solve min{G} max{D} [ E{x ~ r}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]
run { batch = 8 }"""

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.modes = nn.Linear(3, 2), []

        def forward(self, z):
            self.modes.append(self.training)
            return self.body(z)

    net = Pair()
    module = program(text, given=("G",))
    module.step(module.start(nets={"G": net}))

    assert net.modes == [False, True]
