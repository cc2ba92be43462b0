"""Noise goes by rows: what a row meets does not depend on the batch that it came in."""

from __future__ import annotations

import copy

import pytest
import torch

from tests.emit.build import program

HEAD = "language 1\ngame by_rows\n"
TABLE = "data tr: (x: R[3], y: class[3]) = given\nnet h: R[3] -> logits[3] = linear()\n"
ATTACKED = HEAD + TABLE + (
    "solve min{{h}} E{{(x, y) ~ tr}} max{{d in {set}}}[ ce(h(x + d), y) ]\n"
    "metric robust = E{{(x, y) ~ tr}} min{{e in {set}}}[ correct(h(x + e), y) ]\n"
    "schedule {{ h: sgd(lr = 0.0001)  d: {rule}\n"
    "           robust.e: pgd(steps = 3, lr = 0.1, restarts = 2, surrogate = [ce, margin]) }}\n"
    "run {{ batch = {batch}  steps = 4  seed = 3 }}\n"
)  # fmt: skip
BESIDE = HEAD + TABLE + (
    "dist noise: R[3] = Normal(0, 1)\nsolve min{{h}} E{{(x, y) ~ tr, z ~ noise}}[ ce(h(x + z), y) ]\n"
    "schedule {{ h: sgd(lr = 0.1) }}\nrun {{ batch = {batch}  steps = 4  seed = 3 }}\n"
)  # fmt: skip
ENDLESS = HEAD + (
    "data real: R[2] = mog()\ndist noise: R[2] = Uniform(-1, 1)\nnet G: R[2] -> R[2] = linear()\nnet D: R[2] -> R = linear()\n"
    "solve min{{G}} max{{D}} [ E{{x ~ real}}[D(x)] - E{{z ~ noise}}[D(G(z))] ]\nrun {{ batch = {batch}  steps = 4  seed = 3 }}\n"
)  # fmt: skip


def attacked(batch, ball="Linf(0.5)", rule="pgd(steps = 2, lr = 0.1)"):
    """A classifier of a table whose rows are attacked."""
    return program(ATTACKED.format(batch=batch, set=ball, rule=rule))


def table(rows=12):
    """Rows of three numbers."""
    rng = torch.Generator().manual_seed(0)
    return {"tr": (torch.randn(rows, 3, generator=rng), torch.arange(rows) % 3)}


def starts(module, data, steps, brought=None):
    """By the number of a row in the table and the times that it came, where its answers start."""
    s = module.start(data=data)
    found, respond = {}, module.respond_d

    def noted(s, h, x, y, rng, steps=0):
        d = respond(s, h, x, y, rng, steps=0)
        for row, start in zip(x, d, strict=True):
            (number,) = (data["tr"][0] == row).all(1).nonzero()[0].tolist()
            found.setdefault(number, []).append(start.tolist())
        return d

    module.respond_d = noted
    for k in range(steps):
        module.step(s, brought(k) if brought else None)
    return found


@pytest.mark.parametrize("ball", ["Linf(0.5)", "L2(0.5)", "L1(0.5)", "Simplex(3)"])
def test_a_row_starts_where_it_starts_in_any_batch(ball):
    """Batches of 1, 4, 5 with a short last one, and all rows: the same bits for a row, others at each of its visits."""
    whole = starts(attacked(0, ball), table(), 2)

    assert len({str(start) for times in whole.values() for start in times}) == 24
    for batch, steps in ((1, 24), (4, 6), (5, 6)):
        assert starts(attacked(batch, ball), table(), steps) == whole


def test_the_steps_of_langevin_dynamics_are_noised_by_rows():
    """Where a row ends does not depend on who was in its batch; the classifier does not move."""
    ended = []
    for batch in (0, 4, 5):
        module = program(ATTACKED.format(batch=batch, set="Linf(5)", rule="langevin(steps = 3, lr = 0.1, noise = 0.2)").replace("0.0001", "0"))
        s = module.start(data=table())
        respond, found = module.respond_d, {}

        def noted(s, h, x, *rest, found=found, respond=respond):
            d = respond(s, h, x, *rest)
            found.update({tuple(row.tolist()): end for row, end in zip(x, d, strict=True)})
            return d

        module.respond_d = noted
        for _ in range(-(-12 // (batch or 12))):
            module.step(s)
        ended.append(torch.stack([found[key] for key in sorted(found)]))

    assert ended[0].unique().numel() == 36
    assert torch.allclose(ended[1], ended[0], rtol=0, atol=1e-6)
    assert torch.allclose(ended[2], ended[0], rtol=0, atol=1e-6)


def test_rows_that_a_loop_brings_go_by_the_order_in_which_they_come():
    """The same again in the same order, whatever the sizes of the batches; others at the next time, and none of the sampler's."""
    data = table()

    def part(sizes):
        ends = [sum(sizes[:k]) % 12 for k in range(len(sizes))]
        return lambda k: {"tr": tuple(t[ends[k] : ends[k] + sizes[k]] for t in data["tr"])}

    one, two = (starts(attacked(4), data, len(sizes), part(sizes)) for sizes in ((4,) * 6, (6, 5, 1, 12)))
    own = starts(attacked(4), data, 6)

    assert one == two
    assert all(len(times) == 2 and times[0] != times[1] for times in one.values())
    assert not {str(t) for times in one.values() for t in times} & {str(t) for times in own.values() for t in times}


def test_the_rows_of_a_metric_are_attacked_alike_in_any_number():
    """A metric of 64 rows among 300 finds for each of them what it finds among all, with any size of minibatches."""
    data, found = table(300), []
    for batch in (7, 300):
        module = attacked(batch)
        s = module.start(data=data)
        respond, seen = module.respond_robust_e, []
        module.respond_robust_e = lambda *a, respond=respond, seen=seen: seen.append(respond(*a)) or seen[-1]
        found += [float(module.metric_robust(s)), float(module.metric_robust(s, rows=64)), *seen]

    assert torch.allclose(found[2][:64], found[3], rtol=0, atol=1e-6)
    assert found[:2] == found[4:6]
    assert torch.equal(found[2], found[6])


def test_a_variable_drawn_beside_a_row_goes_by_the_row():
    """The z of each row of a table: the same bits in batches of 4, 5 and 12, others in the next epoch."""
    drawn = []
    for batch, steps in ((12, 2), (4, 6), (5, 6)):
        module, found = program(BESIDE.format(batch=batch)), {}
        s = module.start(data=table())
        draw, take = module.draw_noise, module.batch_tr

        def noted(s, n, rng, found=found, draw=draw, at=s):
            z = draw(s, n, rng)
            found.update({number: row.tolist() for number, row in zip(at.last, z, strict=True)})
            return z

        def batched(s, take=take):
            batch = take(s)
            s.last = batch[-1].tolist()
            return batch

        module.draw_noise, module.batch_tr = noted, batched
        for _ in range(steps):
            module.step(s)
        drawn.append(found)

    assert len(drawn[0]) == 24
    assert len({str(z) for z in drawn[0].values()}) == 24
    assert drawn[1] == drawn[0] == drawn[2]


def test_what_has_no_rows_goes_by_the_order_in_which_it_comes():
    """Sample number k of a stream and of a distribution is the same in batches of 4, 6 and 24."""
    drawn = []
    for batch in (4, 6, 24):
        module, found = program(ENDLESS.format(batch=batch)), {"real": [], "z": []}
        for name, kept in found.items():
            take = getattr(module, f"batch_{name}")
            setattr(module, f"batch_{name}", lambda *a, take=take, kept=kept: [kept.extend(took := take(*a)), took][1])
        s = module.start()
        for _ in range(24 // batch):
            module.step(s)
        drawn.append({name: torch.cat(parts) for name, parts in found.items()})

    for name in ("real", "z"):
        assert drawn[0][name].shape == (24, 2)
        assert torch.equal(drawn[1][name], drawn[0][name])
        assert torch.equal(drawn[2][name], drawn[0][name])


def test_noise_goes_on_where_it_stopped():
    """A copy of the state goes on with the same bits, with rows of its own and with rows that are brought."""
    module = attacked(5)
    s = module.start(data=table())
    for k in range(4):
        module.step(s, {"tr": tuple(t[:4] for t in table()["tr"])} if k % 2 else None)
    other = copy.deepcopy(s)
    for one in (s, other):
        module.step(one)
        module.step(one, {"tr": tuple(t[:4] for t in table()["tr"])})

    assert torch.equal(s.h[-1].weight, other.h[-1].weight)
    assert torch.equal(s.came_tr, torch.tensor(12))
