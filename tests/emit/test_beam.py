"""Several copies of a network as one stack of parameters: what a loop over networks does, and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch

from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, program

GAN = """language 1
game several
data ring8: R[2] = mog(modes = 8, radius = 2, std = 0.05)
dist noise: R[4] = Normal(0, 1)
net G: R[4] -> R[2] = mlp(8)  params u
net D: R[2] -> prob = NET     params v
solve min{u} max{v} [ E{x ~ ring8}[log(D(x; v))] + E{z ~ noise}[log(1 - D(G(z; u); v))] ]
schedule { METHOD  u: sgd(lr = 0.5)  v: RULE }
run { batch = 16  steps = 10  precision = float64 }
"""


def text(net="mlp(8, out = sigmoid)", method="method: k_beam(K = 3)", rule="sgd(lr = 0.4)"):
    """The GAN with these words in it."""
    return GAN.replace("NET", net).replace("METHOD", method).replace("RULE", rule)


def apart(stack, copies):
    """The networks of a stack, each on its own."""
    nets = [copy.deepcopy(stack) for _ in range(copies)]
    for k, net in enumerate(nets):
        for p in net.parameters():
            p.data = p.data[k].clone()
    return nets


def value(g, d, x, z):
    """The objective of the GAN."""
    return torch.log(d(x)).mean() + torch.log(1 - d(g(z))).mean()


def test_a_stack_of_networks_plays_as_a_loop_over_them():
    """Algorithm 1: the leader descends at the best copy, then every copy climbs, each by its own gradient."""
    module = program(text())
    s = module.start(3)
    for _ in range(4):
        leader, copies = copy.deepcopy(s.G), apart(s.D, 3)
        (x,), (z,) = module.batch_ring8(s), module.batch_z(copy.deepcopy(s), 16)
        best = max(copies, key=lambda d: value(leader, d, x, z).item())
        for p, g in zip(leader.parameters(), torch.autograd.grad(value(leader, best, x, z), list(leader.parameters())), strict=True):
            p.data -= 0.5 * g
        for d in copies:
            for p, g in zip(d.parameters(), torch.autograd.grad(value(leader, d, x, z), list(d.parameters())), strict=True):
                p.data += 0.4 * g
        module.step(s, {"ring8": (x,)})

        for mine, theirs in zip(apart(s.D, 3), copies, strict=True):
            torch.testing.assert_close(list(mine.parameters()), list(theirs.parameters()))
        torch.testing.assert_close(list(s.G.parameters()), list(leader.parameters()))


def test_the_best_copy_is_the_player():
    """What is reported, saved and certified is one network: the best, on the rows of the residual."""
    module = program(text())
    s = module.start(0)
    for _ in range(3):
        module.step(s)
    x, z = (draw(s, 1024, module.noise_of_first(0, k, 1024, "cpu")) for draw, k in ((module.draw_ring8, 3072), (module.draw_noise, 2048)))
    best = max(apart(s.D, 3), key=lambda d: value(s.G, d, x, z).item())
    found = module.players(s)["D"]
    torch.testing.assert_close(found.state_dict(), best.state_dict())
    pull = [*torch.autograd.grad(value(s.G, best, x, z), [*best.parameters(), *s.G.parameters()])]

    assert float(module.residual(s)) == pytest.approx(max(g.abs().max().item() for g in pull), rel=1e-9)
    kept = module.save(s)
    module.step(s)
    module.restore(s, kept)
    torch.testing.assert_close(module.players(s)["D"].state_dict(), best.state_dict())
    assert all(entry["value"] == entry["value"] for entry in module.certify(s))


@pytest.mark.parametrize("method", ["method: alternating", "method: k_beam"])
def test_a_beam_of_networks_by_its_directive(method):
    """`beam` on the network itself; the leader answers the best one after all have climbed, or before."""
    module = program(text(method=method, rule="adam(lr = 1e-2), beam(K = 2)"))
    s = module.start(0)
    losses = [module.step(s) for _ in range(3)]

    assert next(s.D.parameters()).shape[0] == 2
    assert all(bool(torch.isfinite(v)) for each in losses for v in each.values())


def test_a_slope_inside_an_objective_takes_the_copies_in_turn():
    """A gradient penalty: the same as each network on its own."""
    penalty = text(net="mlp(8, act = tanh)", rule="sgd(lr = 0.1)").replace("-> prob", "-> R").replace("log(D(x; v))", "D(x; v)")
    penalty = penalty.replace(
        "E{z ~ noise}[log(1 - D(G(z; u); v))]", "E{z ~ noise}[-D(G(z; u); v)] - E{x ~ ring8}[norm(grad{s}[D(s; v)])^2 where s = x]"
    )
    module = program(penalty)
    s = module.start(0)
    module.step(s)
    (x,), z = module.batch_ring8(s), module.draw_noise(s, 16, module.noise_of_first(0, 0, 16, "cpu"))
    weights = [p.detach() for p in s.D.parameters()]
    values = [module.objective_v(s.D, s.G, [w[k] for w in weights], *([x, z, x][: module.objective_v.__code__.co_argcount - 3])) for k in range(3)]
    for one, d in zip(values, apart(s.D, 3), strict=True):
        at = x.clone().requires_grad_()
        slope = torch.autograd.grad(d(at).sum(), at)[0]

        assert one.item() == pytest.approx((d(x).mean() - d(s.G(z)).mean() - (slope**2).sum(1).mean()).item(), rel=1e-9)


@pytest.mark.parametrize(("changes", "said"), [
    ({"rule": "normalized_sgd(lr = 0.1)"}, "looks at a whole player"),
    ({"method": "method: k_beam(K = 3, eps = 0.1)"}, "all that are nearly best"),
    ({"method": "method: k_beam(K = 3, spread = 0.1)"}, "how far two networks are"),
    ({"net": "mlp(8, out = sigmoid)     params v in Lipschitz(1) #"}, "in a set"),
])  # fmt: skip
def test_copies_that_cannot_be_kept_are_refused(changes, said):
    """GE292 with a reason and a hint."""
    with pytest.raises(GameError) as caught:
        compiled(text(**changes))
    (found,) = caught.value.diagnostics

    assert found.code == "GE292"
    assert said in found.message
    assert found.hint


def test_a_network_that_keeps_statistics_has_no_copies():
    """Under vmap its copies would share them."""
    images = (
        text(net="mlp(8)").replace("net D: R[2] -> prob", "net D: image[3, 16, 16] -> logits[10]").replace("mlp(8)     params v", "conv4(4) params v")
    )
    images = images.replace(
        "E{x ~ ring8}[log(D(x; v))] + E{z ~ noise}[log(1 - D(G(z; u); v))]", "E{(x, y) ~ made}[-ce(D(x; v), y)] + E{z ~ noise}[norm(G(z; u))^2]"
    )
    images = images.replace("dist noise", "data made: (x: image[3, 16, 16], y: class[10]) = given\ndist noise")
    with pytest.raises(GameError) as caught:
        compiled(images)

    assert "keeps statistics of its batches" in str(caught.value)


def test_a_network_that_was_brought_has_no_copies():
    """There is one of it."""
    with pytest.raises(GameError) as caught:
        compiled(text(), given=frozenset(["D"]))

    assert "there is one of it" in str(caught.value)
