"""Samples that are tables: tasks with followers of their own, and sets of rows with an objective as a whole."""

from __future__ import annotations

import pytest
import torch

import gamespec as gs
from gamespec.kernels.sampler import sets_of
from gamespec.library.registry import words
from gamespec.report.diagnostic import GameError
from tests.emit.build import compiled, played, program
from tests.emit.test_gradients import differences

RUN = "\nrun { batch = full  precision = float64 }"
TASKS = """language 1
game tasks
data tasks: TaskSet of (x: R, y: R) = sine_tasks(shots = 4, queries = 3, tasks = 5)
var b: R[3] init [0.1, 0.4, -0.2]
def f(x, w) = w[0]*sin(x + b[0]) + w[1]*b[1]*x/5 + b[2]
def risk(S, w) = mean{(x, y) in S}[ (f(x, w) - y)^2 ]
"""
SOLVE = "solve min{b} E{tau ~ tasks} [ risk(tau.val, w)  s.t. w = argmin{w: R[2]}[ risk(tau.train, w) + 0.5*norm(w - [b[1], 0])^2 ] ]\n"
SETS = """language 1
game sets
data tr: (x: R[2], y: class[3]) = given
net h: R[2] -> logits[3] = mlp(4)
solve min{h} E{S ~ iid(tr, 4)}[ mean{(x, y) in S}[ ce(h(x), y) ] + (mean{(x, y) in S}[ h(x)[0] ])^2 ]
"""


def leader(b, tasks, steps=150, unrolled=None):
    """What the leader pays when every task answers anew, written out task by task in plain Python."""
    total = 0.0
    for x, y, vx, vy in zip(*tasks, strict=True):

        def f(at, w):
            return w[0] * torch.sin(at + b[0]) + w[1] * b[1] * at / 5 + b[2]

        near, w = torch.stack([b[1], torch.zeros_like(b[1])]), torch.zeros(2, dtype=torch.float64)
        for _ in range(unrolled or steps):
            w = w.detach().requires_grad_()
            cost = ((f(x, w) - y) ** 2).mean() + 0.5 * ((w - near) ** 2).sum()
            w = w.detach() - 0.2 * torch.autograd.grad(cost, w)[0]
        total += float(((f(vx, w) - vy) ** 2).mean())
    return total / len(tasks[0])


@pytest.mark.parametrize(
    ("how", "steps", "unrolled"), [("through(implicit(iters = 30))", 150, None), ("through(unroll)", 3, 3), ("through(unroll)", 150, None)]
)
def test_a_leader_sees_the_answer_of_every_task(how, steps, unrolled):
    """Its slope is that of the mean over tasks of its value, each task answering for itself."""
    module = program(TASKS + SOLVE + f"schedule {{ b: descent(lr = 0.1)  w: sgd(lr = 0.2, steps = {steps}), {how} }}" + RUN)
    s = module.start()
    b = s.b.clone()
    losses = module.step(s)

    assert torch.allclose((b - s.b) / 0.1, differences(lambda t: leader(t, s.tasks, unrolled=unrolled), b, 1e-4), atol=1e-5)
    assert float(losses["b"]) == pytest.approx(leader(b, s.tasks, unrolled=unrolled), abs=1e-9)


def test_a_leader_may_treat_answers_as_constants():
    """`through(stop)`: the slope at the answers that were found, which stand still."""
    module = program(TASKS + SOLVE + "schedule { b: descent(lr = 0.1)  w: sgd(lr = 0.2, steps = 7), through(stop) }" + RUN)
    s = module.start()
    b = s.b.clone()
    rng = None  # it starts at zero
    w = module.respond_w(s, b, s.tasks, rng) if "constant" not in vars(s) else module.respond_w(s, s.constant, b, s.tasks, rng)
    module.step(s)
    names = {"b": b, "w": w, "tau": s.tasks}

    assert torch.allclose((b - s.b) / 0.1, differences(lambda t: module.objective_b(**(names | {"b": t})).detach(), b), atol=1e-7)
    assert w.shape == (5, 2)


def test_the_value_of_a_follower_of_each_task_may_stand_in_a_formula():
    """`E{tau}[ risk + min{w}[..] ]`: the slope is that at the answer, which is right at an optimum."""
    text = TASKS + "solve min{b} E{tau ~ tasks} [ risk(tau.val, [1, 1]) + min{w: R[2]}[ risk(tau.train, w) + 0.5*norm(w)^2 ] ]\n"
    module = program(text + "schedule { b: descent(lr = 0.1)  w: sgd(lr = 0.2, steps = 150) }" + RUN)
    s = module.start()
    b = s.b.clone()
    module.step(s)
    constant = {n: getattr(s, n) for n in vars(s) if n.startswith("constant")}

    def value(at):
        given = {"b": at, "tau": s.tasks} | constant
        inner = module.respond_w.__code__.co_varnames[1 : module.respond_w.__code__.co_argcount - 2]
        w = module.respond_w(s, *(given[n] for n in inner), None)
        outer = module.objective_b.__code__.co_varnames[: module.objective_b.__code__.co_argcount]
        return module.objective_b(**{n: (given | {"w": w})[n] for n in outer}).detach()

    assert torch.allclose((b - s.b) / 0.1, differences(value, b, 1e-4), atol=1e-5)


def test_a_metric_lets_fresh_tasks_answer():
    """The response in a metric is found for the tasks of the metric, at its own number of steps."""
    text = TASKS + "data fresh: TaskSet of (x: R, y: R) = sine_tasks(shots = 4, queries = 3, tasks = 6, seed = 1)\n" + SOLVE
    text += "metric error = E{tau ~ fresh}[ risk(tau.val, w)  s.t. w = argmin{w: R[2]}[ risk(tau.train, w) + 0.5*norm(w - [b[1], 0])^2 ] ]\n"
    module, s, _ = played(text + "schedule { w: sgd(lr = 0.2, steps = 5)  error.w: sgd(lr = 0.2, steps = 150) }" + RUN, steps=1)

    assert module.measure(s)["error"] == pytest.approx(leader(s.b, s.fresh), abs=1e-9)


def test_tasks_may_be_brought():
    """Columns by name, tasks first; what has another shape is refused."""
    game = gs.from_text(TASKS.replace("sine_tasks(shots = 4, queries = 3, tasks = 5)", "given") + SOLVE + "run { steps = 2  batch = 2 }")
    found = words("data")["sine_tasks"].load(shots=3, queries=2, tasks=4)

    assert str(game.solve(data={"tasks": found}).status) == "finished"
    with pytest.raises(gs.CheckError) as caught:
        game.solve(data={"tasks": found | {"train.x": torch.zeros(4, 3, 2)}})
    assert caught.value.diagnostics[0].code == "GE602"


def test_a_set_of_rows_has_an_objective_as_a_whole():
    """The square of a mean over a set is no mean over rows: the program agrees with the formula, set by set."""
    rng = torch.Generator().manual_seed(0)
    rows = (torch.randn(8, 2, generator=rng), torch.randint(3, (8,), generator=rng))
    module, s, losses = played(SETS + "run { batch = 8 }", steps=1, data={"tr": rows})
    x, y = sets_of(s.tr, 4, 10**9)
    expected = [torch.nn.functional.cross_entropy(s.h(a), b) + s.h(a)[:, 0].mean() ** 2 for a, b in zip(x, y, strict=True)]

    assert x.shape == (2, 4, 2)
    assert float(module.objective_h(s.h, (x, y)).detach()) == pytest.approx(float(torch.stack(expected).mean().detach()), rel=1e-6)
    assert [t.shape for t in module.batch_tr_by_4(s)] == [(2, 4, 2), (2, 4)]
    assert float(losses["h"]) > 0


def test_digit_tasks_name_their_classes_anew():
    """As many images of each class as asked for, none of them twice, the same for the same seed."""
    load = words("data")["digit_tasks"].load
    table, again = (load("test", ways=3, shots=2, queries=4, tasks=5, seed=3) for _ in range(2))

    assert [table[k].shape for k in ("train.x", "train.y", "val.x", "val.y")] == [(5, 6, 64), (5, 6), (5, 12, 64), (5, 12)]
    assert table["val.y"][0].bincount().tolist() == [4, 4, 4]
    assert torch.equal(table["train.x"], again["train.x"])
    assert len({tuple(row) for row in torch.cat([table["train.x"][0], table["val.x"][0]]).tolist()}) == 18
    with pytest.raises(ValueError, match="11 of 10 digits"):
        load(ways=11)


WRONG = {
    "a task is no table": ("tau.val, w)  s.t.", "tau, w)  s.t.", "GE208", "tau.train"),
    "an unknown table": ("tau.val", "tau.test", "GE101", "train, val"),
    "a draw from a table": ("def risk(S, w) = mean{(x, y) in S}", "def risk(S, w) = E{(x, y) ~ S}", "GE208", "mean{(x, y) in"),
    "too few names": ("mean{(x, y) in S}[ (f(x, w) - y)^2 ]", "mean{x in S}[ f(x, w)^2 ]", "GE209", "(x, y)"),
    "a task in a formula": ("risk(tau.val, w)  s.t.", "risk(tau.val, w) + tau  s.t.", "GE207", "number"),
    "another type of": ("TaskSet of", "Tasks of", "GE202", "TaskSet of"),
    "sets of nothing": ("E{tau ~ tasks} [", "E{S ~ iid(b, 3), tau ~ tasks} [", "GE208", "iid(train, 64)"),
    "sets of no rows": ("E{tau ~ tasks} [", "E{S ~ iid(more, 0), tau ~ tasks} [", "GE208", "64"),
    "sets from a stream": ("E{tau ~ tasks} [", "E{S ~ iid(noise, 3), tau ~ tasks} [", "GE208", "E{x ~ data}"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_tables_is_said(name):
    """Each with its code and with what to type."""
    old, new, code, hint = WRONG[name]
    more = 'data more: R[10] = diabetes("train")\ndata noise: R[2] = mog(modes = 8, radius = 2, std = 0.05)\n'
    with pytest.raises(GameError) as caught:
        compiled((TASKS + SOLVE).replace("var b", more + "var b").replace(old, new))

    assert caught.value.diagnostics[0].code == code
    assert hint in caught.value.diagnostics[0].hint


def test_tasks_are_one_batch_or_one_after_the_other():
    """Where a slope stands inside, tasks are taken one by one: the same numbers as for all at once."""
    text = TASKS + "solve min{b} E{tau ~ tasks} [ mean{(x, y) in tau.val}[ (f(x, [1, 2]) - y)^2 ]MORE ]\nschedule { b: descent(lr = 0.1) }" + RUN
    plain, slow = (program(text.replace("MORE", more)) for more in ("", " + 0*norm(grad{c}[ sum(c^2) ])  where c = b"))
    moved = []
    for module in (plain, slow):
        s = module.start()
        module.step(s)
        moved.append(s.b)

    assert torch.allclose(moved[0], moved[1], atol=1e-14)
    with open(plain.__file__) as one, open(slow.__file__) as other:
        assert ("torch.vmap(lambda tau" in one.read(), "for tau in zip(*tau" in other.read()) == (True, True)
