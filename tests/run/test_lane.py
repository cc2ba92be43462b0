"""Compiled steps: what they give, when they are made, and what is said where they cannot be."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from gamespec import pipeline
from gamespec.report.source import Source
from gamespec.run import lane as lanes
from gamespec.run import package, store
from gamespec.run.execute import Request, execute
from gamespec.run.lane import Lane
from gamespec.run.load import load
from gamespec.run.resume import resume
from gamespec.run.straight import straight
from gamespec.run.traced import UntraceableError, trace, watch

GAMES = {
    "networks": """language 1
data train: (x: R[64] in [0, 1], y: class[10]) = digits("train", subset = 40)
net h: R[64] -> logits[10] = mlp(8)
solve min{h} E{(x, y) ~ train} max{d in Linf(0.1)} [ ce(h(x + d), y) ]
schedule { h: adam(lr = 0.01)  d: pgd(steps = 2, lr = 0.05) }
run { batch = 16  steps = 12 }
""",
    "noise": """language 1
dist noise: R[4] = Normal(0, 1)
net G: R[4] -> R[2] = mlp(8)
net D: R[2] -> prob = mlp(8, out = sigmoid)
data ring8: R[2] = mog(modes = 8, radius = 2, std = 0.05)
solve min{G} max{D} [ E{x ~ ring8}[D(x)] - E{z ~ noise}[D(G(z))] ]
schedule { G: adam(lr = 0.01)  D: adam(lr = 0.01) }
run { batch = 16  steps = 12 }
""",
    "turns": """language 1
data train: (x: R[64] in [0, 1], y: class[10]) = digits("train", subset = 40)
dist noise: R[64] = Normal(0, 0.1)
net h: R[64] -> R[8] = mlp(8)
net c: R[8] -> logits[10] = mlp(8)
solve min{h} max{c} [ E{(x, y) ~ train}[-ce(c(h(x)), y)] + E{z ~ noise}[mean(c(h(z)))] ]
schedule { method: alternating  h: adam(lr = 0.01)  c: adam(lr = 0.01), repeat(3) }
run { batch = 16  steps = 12 }
""",
    "variables": """language 1
var x in [-1, 1] init 0.5
var y in [-1, 1] init 0.5
solve min{x} max{y} [ x * y + 0.1 * x^2 ]
schedule { x: sgd(lr = 0.1)  y: sgd(lr = 0.1)  method: extragradient }
run { steps = 12 }
""",
    "second_order": """language 1
data tr: (x: R[64] in [0, 1], y: class[10], i: index) = digits("all", subset = 20)
data val: (x: R[64] in [0, 1], y: class[10]) = digits("all", subset = 10, offset = 20)
net h: R[64] -> logits[10] = linear()  params w
var u: R[len(tr)] in [0, 1] init 0.5
solve min{u} [ E{(x, y) ~ val}[ce(h(x; w), y)]
  s.t. w = argmin{w}[ sum{(x, y, i) in tr}[u[i] * ce(h(x; w), y)] / sum(u) + 3e-3 * norm(w)^2 ] ]
schedule { u: adam(lr = 0.03)  w: sgd(lr = 0.3, steps = 3), through(unroll) }
run { steps = 12 }
""",
    "copies": """language 1
dist noise: R[4] = Normal(0, 1)
net G: R[4] -> R[2] = mlp(8)
net D: R[2] -> prob = mlp(8, out = sigmoid)
data ring8: R[2] = mog(modes = 8, radius = 2, std = 0.05)
solve min{G} max{D} [ E{x ~ ring8}[log(D(x))] + E{z ~ noise}[log(1 - D(G(z)))] ]
schedule { method: k_beam(K = 3)  G: adam(lr = 0.01)  D: adam(lr = 0.01) }
run { batch = 16  steps = 12 }
""",
}


def checked(name):
    """One of the games above."""
    return pipeline.check(Source(f"{name}.game", GAMES[name]))


@pytest.fixture
def program(tmp_path):
    """The module of a game by its name."""
    return lambda name: load(pipeline.compile(checked(name), lane="torch").program, tmp_path / f"{name}.py")


@pytest.mark.parametrize("name", GAMES)
def test_the_graph_of_a_step_does_what_the_step_does(name, program):
    """Draws, second derivatives, projections and step rules included: objectives and every tensor of the state agree."""
    module = program(name)
    s = module.start()
    seen = watch(module, s, {})
    step = trace(module, s, seen)
    inputs = [t.clone() for t in step.inputs]
    losses = step.graph(*inputs)

    for label, value in zip(step.names, losses, strict=True):
        torch.testing.assert_close(value, seen.losses[label])
    moved = dict(zip(step.paths, inputs, strict=False))
    for path, after in seen.after.items():
        torch.testing.assert_close(moved.get(path, seen.before.get(path)), after, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", GAMES)
def test_writing_a_step_down_leaves_the_state_as_it_was(name, program):
    """After a trace the eager run goes on as if nothing had happened, bit for bit."""
    module = program(name)
    s, other = module.start(), module.start()
    seen = watch(module, s, {})
    trace(module, s, seen)
    module.step(other)
    for _ in range(3):
        found, wanted = module.step(s), module.step(other)
        assert {k: float(v) for k, v in found.items()} == {k: float(v) for k, v in wanted.items()}


@pytest.mark.slow
@pytest.mark.skipif(package.compiler() is None, reason="no C++ compiler")
@pytest.mark.parametrize("name", GAMES)
def test_a_compiled_run_ends_where_the_eager_one_does(name, tmp_path, monkeypatch):
    """The same draws, short last batches included; the run says that it compiled, and the second is built no more."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    game = checked(name)
    eager, first, second = (execute(game, pipeline.compile(game, lane="torch"), Request(compile=how)) for how in ("off", "on", "on"))

    assert eager.lane == "eager"
    assert first.lane.startswith("compiled from step 2 on, built in")
    assert second.lane.startswith("compiled from step 2 on, from the cache")
    for a, b in zip(eager.history, first.history, strict=True):
        assert a["losses"] == pytest.approx(b["losses"], rel=1e-3, abs=1e-5)


def test_without_a_compiler_the_run_is_eager_and_says_why(tmp_path, monkeypatch):
    """What cannot be compiled runs as it is, with a warning that names what is missing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    game = checked("variables")
    result = execute(game, pipeline.compile(game, lane="torch"), Request(compile="on"))

    assert "there is no C++ compiler on this machine" in result.lane
    assert [d.code for d in result.diagnostics] == ["GW704"]
    assert result.history[-1]["step"] == 12


def test_a_compiled_step_that_errs_is_not_used(tmp_path, monkeypatch):
    """The first batch decides: a package that computes something else is dropped, loudly, and the run is the eager one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    game = checked("variables")
    wanted = execute(game, pipeline.compile(game, lane="torch"), Request(compile="off"))
    monkeypatch.setattr(package, "build", lambda traced, path: None)
    monkeypatch.setattr(package, "load", lambda path: lambda inputs: [torch.zeros(()) + 7] * 2)
    result = execute(game, pipeline.compile(game, lane="torch"), Request(compile="on"))

    assert "compiled and eager steps disagree" in result.lane
    assert [d.code for d in result.diagnostics] == ["GW704"]
    assert [row["losses"] for row in result.history] == [row["losses"] for row in wanted.history]


def test_rounding_that_a_step_blows_up_is_no_error_of_the_compiler(uncompiled, monkeypatch):
    """Where lanes lie apart, the step in float64 decides: as near to it as the eager one is taken and said, further off is not."""
    text = GAMES["variables"].replace("0.1 * x^2", "sin(1e7 * x * 1.37)").replace("steps = 12 }", "steps = 12  precision = float32 }")
    game = pipeline.check(Source("wild.game", text))
    graphs = package.load
    for error, taken in ((1e-7, True), (0.3, False)):

        def load(path, by=error):
            run = graphs(path)

            def off(inputs):
                inputs[0].mul_(1 + by)
                return run(inputs)

            return off

        monkeypatch.setattr(package, "load", load)
        result = execute(game, pipeline.compile(game, lane="torch"), Request(compile="on"))

        assert result.lane.startswith("compiled from step 2 on") is taken, result.lane
        assert ("float64" if taken else "disagree") in result.lane


@pytest.fixture
def uncompiled(tmp_path, monkeypatch):
    """Packages that run the graph as it is, so that everything around the C++ compiler is seen in no time."""
    graphs = {}

    def build(traced, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        graphs[path] = traced.graph

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(package, "build", build)
    monkeypatch.setattr(package, "load", lambda path: lambda inputs: graphs[path](*inputs))
    return graphs


@pytest.mark.parametrize("name", GAMES)
def test_the_lane_follows_the_eager_run(name, uncompiled):
    """Draws, counts and short last batches: every report of the run is that of the eager one."""
    game = checked(name)
    eager, fast = (execute(game, pipeline.compile(game, lane="torch"), Request(compile=how)) for how in ("off", "on"))

    assert fast.lane.startswith("compiled from step 2 on")
    assert len(uncompiled) == 1
    for a, b in zip(eager.history, fast.history, strict=True):
        assert a["losses"] == pytest.approx(b["losses"], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", GAMES)
def test_where_compiling_does_not_pay_the_bare_operations_go_on_bit_for_bit(name, monkeypatch):
    """A long run that is too short to compile for: its numbers are those of the eager run, to the last bit."""
    monkeypatch.setattr(lanes, "_LEAST", 0.0)
    monkeypatch.setattr(lanes, "_FIXED", 1e9)
    monkeypatch.setattr(lanes, "_BARE", 1e9)
    game = checked(name)
    eager, bare = (execute(game, pipeline.compile(game, lane="torch"), Request(steps=30, compile=how)) for how in ("off", "auto"))

    assert "its bare operations from step 15 on, bit for bit" in bare.lane
    assert [row["losses"] for row in bare.history] == [row["losses"] for row in eager.history]
    assert json.loads((bare.kept / "manifest.json").read_text())["lane"]["compiled_from"] is None


def test_bare_operations_are_fewer(program):
    """Of a step of the variables: nothing is noted for a derivative, and what is computed is no more than before."""
    module = program("variables")
    state = module.start()
    seen = watch(module, state, {})
    graph = trace(module, state, seen, bare=True).graph
    before = len(graph.graph.nodes)
    straight(graph)

    assert len(graph.graph.nodes) < before
    assert not [n for n in graph.graph.nodes if "detach" in str(n.target)]


def test_a_run_that_is_long_enough_compiles_by_itself(uncompiled, monkeypatch):
    """Where compiling costs nothing every run is long enough; the record says from which step on."""
    for name in ("_LEAST", "_FIXED", "_EACH"):
        monkeypatch.setattr(lanes, name, 0.0)
    game = checked("variables")
    result = execute(game, pipeline.compile(game, lane="torch"), Request(steps=40))

    assert result.lane.startswith("compiled from step 15 on")
    assert json.loads((result.kept / "manifest.json").read_text())["lane"]["compiled_from"] == 15


class Killed(BaseException):
    """What ends a run in the middle."""


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
@pytest.mark.parametrize(("every", "end"), [(0, 8), (12, 13), (10, 20), (0, 20), (5, 33)])
def test_a_run_that_goes_on_takes_the_lane_that_it_took(compiled, every, end, uncompiled, monkeypatch, tmp_path):
    """Killed before or after the choice, from a checkpoint on either side of it or from the start: the same lane, step and bits."""
    game = pipeline.check(Source("noise.game", GAMES["noise"].replace("steps = 12", "steps = 40  every = 1")))
    plan = pipeline.compile(game, lane="torch")

    def clock(compiles):
        monkeypatch.setattr(lanes, "_LEAST", 0.0 if compiles else 1e9)

    def kill(report):
        if report.step == end:
            raise Killed

    monkeypatch.setattr(Lane, "_earns", lambda *_: True)
    clock(compiled)
    whole = execute(game, plan, Request(out=tmp_path / "whole"))
    with pytest.raises(Killed):
        execute(game, plan, Request(out=tmp_path / "part", every=every), on_step=kill)
    # What was chosen stays, whatever the clock would say now; what was not is still to be chosen.
    clock(compiled if end < 14 else not compiled)
    on = resume(next((tmp_path / "part").iterdir()))

    for result in (whole, on):
        assert result.lane.startswith("compiled from step 15 on" if compiled else "eager; ")
    assert [row["losses"] for row in on.history] == [row["losses"] for row in whole.history]
    assert all(store.packed(store.numbers(on.players[k])) == store.packed(store.numbers(whole.players[k])) for k in "GD")


def test_a_run_that_is_made_again_takes_the_same_lane(uncompiled, program):
    """The record of a run decides, not the clock: compiled from the same step on."""
    module = program("variables")
    s = module.start()
    lane = Lane(module, "on", 12, since=5)
    for _ in range(12):
        lane(s)

    assert lane.began == 5
    assert s.k == 12


def test_a_short_run_is_eager_and_says_so():
    """Left to itself the compiler of games does not compile what is over before it would be built."""
    game = checked("variables")
    result = execute(game, pipeline.compile(game, lane="torch"), Request(steps=40))

    assert "steps are too few to compile for" in result.lane
    assert result.diagnostics == ()


def test_the_run_block_decides_where_the_command_does_not():
    """`compile` is a setting of `run`."""
    source = GAMES["variables"].replace("run {", "run { compile = off ")
    game = pipeline.check(Source("off.game", source))

    assert execute(game, pipeline.compile(game, lane="torch"), Request()).lane == "eager"


def test_a_number_that_changes_in_python_is_no_graph(program):
    """A state that counts in Python is refused with the name of the number, and the step is made once all the same."""
    module = program("variables")
    s = module.start()
    inner = module.step

    def step(s, batch=None):
        s.count = getattr(s, "count", 0) + 1
        return inner(s)

    s.count, module.step = 0, step
    seen = watch(module, s, {})

    assert (s.k, s.count) == (1, 1)
    with pytest.raises(UntraceableError, match="`count` is a Python number"):
        trace(module, s, seen)


LONG = GAMES["second_order"].replace("sgd(lr = 0.3, steps = 3)", "sgd(lr = 0.3, momentum = 0.5, steps = 50)")


def stepped(text, folder, steps=3, mode="on"):
    """Objectives and the leader's weights over some steps, with the lane that made them."""
    module = load(pipeline.compile(pipeline.check(Source("long.game", text)), lane="torch").program, folder / "long.py")
    s = module.start()
    lane = Lane(module, mode, steps)
    losses = [{k: float(v) for k, v in lane(s).items()} for _ in range(steps)]
    return losses, s.u, lane


@pytest.mark.parametrize("rule", ["sgd(lr = 0.3, momentum = 0.5, steps = 50)", "adam(lr = 0.05, steps = 50)", "sgd(lr = 0.3, steps = 50)"])
@pytest.mark.parametrize("way", ["unroll", "unroll(last = 9)"])
def test_a_long_unrolling_is_compiled_step_by_step(rule, way, uncompiled, tmp_path):
    """The same two graphs for 50 steps as for 100, and the derivative of the eager lane."""
    text = LONG.replace("sgd(lr = 0.3, momentum = 0.5, steps = 50)", rule).replace("through(unroll)", f"through({way})")
    mine, u, lane = stepped(text, tmp_path)
    theirs, v, _ = stepped(text, tmp_path, mode="off")

    assert lane.said.startswith("compiled from step 2 on, one piece for all steps of the follower")
    assert len(uncompiled) == 2
    torch.testing.assert_close(u, v, rtol=1e-4, atol=1e-5)
    assert [row["u"] for row in mine] == pytest.approx([row["u"] for row in theirs], rel=1e-4)
    stepped(text.replace("steps = 50", "steps = 100"), tmp_path)
    assert len(uncompiled) == 2


def test_another_follower_s_step_is_not_made_by_the_pieces(uncompiled, tmp_path):
    """Two followers with tensors of the same shapes: what was compiled for one answers for one alone."""
    two = """language 1
game two
var u: R[2] init [0.5, -0.3]
var v: R[2] init [0.1, 0.4]
var w: R[2] init [0.1, 0.2]
var z: R[2] init [0.3, 0.2]
solve nash {
  a: min{u} [ norm(w - [1, 2])^2 + norm(u)^2 s.t. w = argmin{w}[ norm(w - u)^2 + norm(w)^2 + w[0]*w[1] ] ]
  b: min{v} [ norm(z)^2 + norm(v - [1, 1])^2 s.t. z = argmin{z}[ 2*norm(z - 3*v)^2 + norm(z)^2 ] ]
}
schedule { u: descent(lr = 0.1)  v: descent(lr = 0.1)  w: sgd(lr = 0.1, steps = 50), through(unroll)  z: sgd(lr = 0.05, steps = 50), through(unroll) }
run { steps = 3 }
"""
    module = load(pipeline.compile(pipeline.check(Source("two.game", two)), lane="torch").program, tmp_path / "two.py")
    other = load(pipeline.compile(pipeline.check(Source("two.game", two)), lane="torch").program, tmp_path / "other.py")
    s, t, lane = module.start(), other.start(), Lane(module, "on", 3)
    for _ in range(3):
        lane(s)
        other.step(t)

    assert lane.said.startswith("compiled from step 2 on, one piece")
    torch.testing.assert_close(torch.stack([s.u, s.v, s.w, s.z]), torch.stack([t.u, t.v, t.w, t.z]), rtol=1e-9, atol=1e-9)


def test_a_piece_that_errs_is_not_used(uncompiled, tmp_path, monkeypatch):
    """The first derivative decides, and the run is the eager one, with a warning."""
    wanted, _, _ = stepped(LONG, tmp_path, mode="off")
    monkeypatch.setattr(package, "load", lambda path: lambda inputs: [2 * t for t in uncompiled[path](*inputs)])
    found, _, lane = stepped(LONG, tmp_path)

    assert "compiled and eager steps disagree: a part of the derivative" in lane.warning
    assert found == wanted


def test_what_a_follower_draws_is_not_compiled_in(uncompiled, tmp_path):
    """Dropout would draw one mask forwards and another one backwards: such steps stay eager, with the reason."""
    game = pipeline.check(Source("long.game", LONG.replace("linear()", "given")))
    module = load(pipeline.compile(game, given=frozenset(["h"]), lane="torch").program, tmp_path / "long.py")
    s = module.start(nets={"h": torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(64, 10))})
    lane = Lane(module, "on", 2)
    lane(s)

    assert not uncompiled
    assert lane.said == "eager; the steps of the follower cannot be compiled: a step of a follower draws random numbers"


@pytest.mark.slow
@pytest.mark.skipif(package.compiler() is None, reason="no C++ compiler")
def test_pieces_are_machine_code(tmp_path, monkeypatch):
    """Built, kept and loaded as any step."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    mine, u, lane = stepped(LONG, tmp_path)
    theirs, v, _ = stepped(LONG, tmp_path, mode="off")

    assert lane.said.startswith("compiled from step 2 on, one piece for all steps of the follower, built in")
    assert len(list(tmp_path.rglob("*.pt2"))) == 2
    torch.testing.assert_close(u, v, rtol=1e-3, atol=1e-5)
    assert [row["u"] for row in mine] == pytest.approx([row["u"] for row in theirs], rel=1e-3)
