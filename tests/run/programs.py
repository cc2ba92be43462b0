"""Hand-written programs with the shape of emitted ones, and the stages that would have come before them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from gamespec.emit.program import Program
from gamespec.ir.expr import Num
from gamespec.ir.game import Data, Expect, Game, Net, Node, Use
from gamespec.ir.types import Field, Interval, Type
from gamespec.report.diagnostic import Diagnostic, GameError, Label
from gamespec.report.source import Source, Span

ROTATION = '''\
"""bilinear: min over u, max over v of u v."""

import torch

from gamespec.kernels.trajectory import path_ending

NAME, SCHEDULE, SEED, STEPS, EVERY, TOL, KIND = "bilinear", "{schedule}", 0, {steps}, 10, {tol}, "scalar"


class State:
    def __init__(self):
        self.k = 0
        self.u = torch.ones((), dtype=torch.float64)
        self.v = torch.ones((), dtype=torch.float64)


def start(seed=SEED, device="cpu", nets=None, data=None):
    return State()


def step(s, batch=None):
    s.k += 1
    {move}
    value = s.u * s.v
    return {{"u": value, "v": -value}}


def residual(s):
    return (s.u**2 + s.v**2).sqrt()


def probe(s):
    return {{}}


def measure(s):
    return {{"value": float(s.u * s.v), "distance": float(residual(s))}}


def players(s):
    return {{"u": s.u, "v": s.v}}


def point(s):
    return [float(s.u), float(s.v)]


def stationary_near(point):
    return [0.0, 0.0]


def ending(s, entries, points):
    return path_ending(s, step, point, residual, TOL, entries, points, stationary_near, 2000)


def expectations(s, values, status):
    return [("status == {expected}", status == "{expected}")]


def certify(s):
    r = float(residual(s))
    return [{{"name": "stationarity", "value": r, "tol": 1e-6, "ok": r <= 1e-6, "note": "norm of the joint gradient"}}]


def train(seed=SEED, device="cpu", nets=None, data=None, steps=STEPS, on_step=None, play=step, state=None, watch=None):
    s = start(seed, device, nets, data) if state is None else state
    for k in range(s.k + 1, steps + 1):
        losses = play(s)
        if k % EVERY == 0 or k == steps:
            if on_step:
                on_step(k, s, losses)
            r = residual(s)
            if not torch.isfinite(r):
                return s, "nan"
            if r > 1e6:
                return s, "diverging"
            if TOL is not None and r <= TOL:
                return s, "converged"
        if watch and watch(k, s):
            return s, "interrupted"
    return s, "finished"
'''

MOVES = {
    "alternating": "s.u = s.u - 0.1 * s.v; s.v = s.v + 0.1 * s.u",
    "simultaneous": "s.u, s.v = s.u - 0.1 * s.v, s.v + 0.1 * s.u",
    "extragradient": "a, b = s.u - 0.5 * s.v, s.v + 0.5 * s.u; s.u, s.v = s.u - 0.5 * b, s.v + 0.5 * a",
    "logarithm": "s.u = s.u - 0.3; s.v = s.v + torch.log(s.u)",
    "shapes": "s.u = torch.ones(3) + torch.ones(4)",
    "other": "s.u = s.w",
    "interrupt": "raise KeyboardInterrupt",
}

NETWORK = '''\
"""fit: min over h of the squared error."""

import torch

NAME, SCHEDULE, SEED, STEPS, EVERY, TOL, KIND = "fit", "default", 0, 20, 5, None, "network"


class State:
    pass


def start(seed=SEED, device="cpu", nets=None, data=None):
    s = State()
    s.k = 0
    s.rng = torch.Generator().manual_seed(seed)
    s.h = (nets or {}).get("h") or torch.nn.Linear(3, 1)
    if not (nets or {}).get("h"):
        with torch.no_grad():
            for p in s.h.parameters():
                p.copy_(torch.randn(p.shape, generator=s.rng))
    if data and "train" in data:
        s.a, s.b = data["train"]
    else:
        s.a = torch.rand(64, 3, generator=s.rng)
        s.b = (s.a.sum(1) > 1.5).long()
    return s


def step(s, batch=None):
    s.k += 1
    if batch is None:
        rows = torch.randint(len(s.a), (16,), generator=s.rng)
        a, b = s.a[rows], s.b[rows]
    else:
        a, b = batch["train"]
    loss = (s.h(a)[:, 0] - b).square().mean()
    grads = torch.autograd.grad(loss, list(s.h.parameters()))
    with torch.no_grad():
        for p, g in zip(s.h.parameters(), grads):
            p.sub_(0.1 * g)
    return {"h": loss.detach(), "inner": loss.detach() * 2}


def residual(s):
    return torch.zeros(())


def probe(s):
    return {"clean": 0.5}


def measure(s):
    with torch.no_grad():
        return {"error": float((s.h(s.a)[:, 0] - s.b).square().mean())}


def players(s):
    return {"h": s.h}


def expectations(s, values, status):
    return [("error <= 1", values["error"] <= 1)]


def certify(s):
    return []


def train(seed=SEED, device="cpu", nets=None, data=None, steps=STEPS, on_step=None, play=step, state=None, watch=None):
    s = start(seed, device, nets, data) if state is None else state
    for k in range(s.k + 1, steps + 1):
        losses = play(s)
        if on_step and (k % EVERY == 0 or k == steps):
            on_step(k, s, losses)
        if watch and watch(k, s):
            return s, "interrupted"
    return s, "finished"
'''

TEXT = "# A toy.\ngame toy\nsolve min{u} max{v} [ u*v ]\n"
SOURCE = Source("toy.game", TEXT)
OBJECTIVE = Span("toy.game", TEXT.index("u*v"), TEXT.index("u*v") + 3)


def rotation(move: str = "alternating", *, steps: int = 200, tol: float | None = 1e-6, expected: str = "cycling") -> Program:
    """A bilinear game moved in one of a few ways; the line of the move stands for the objective."""
    text = ROTATION.format(schedule=move, steps=steps, tol=tol, expected=expected, move=MOVES[move])
    line = next(i for i, row in enumerate(text.splitlines(), 1) if MOVES[move] in row)
    return Program(text, ((line, OBJECTIVE),))


def network() -> Program:
    """A linear network fitted to data; the line of the loss stands for the objective."""
    line = next(i for i, row in enumerate(NETWORK.splitlines(), 1) if "loss = " in row)
    return Program(NETWORK, ((line, OBJECTIVE),))


IMAGE = Field(name="a", type=Type(kind="real", shape=(3,)), range=Interval(lo=0, hi=1))
LABEL = Field(name="b", type=Type(kind="class", size=2))


def game(name: str = "toy", *, given: bool = False, schedules: tuple[str, ...] = ()) -> Game:
    """A game with one network and one data source."""
    return Game(
        name=name,
        nodes=(Node(id="h", sense="min", owns=("h",), objective=Num(value=0)),),
        root=("h",),
        nets=(
            Net(
                name="h",
                inputs=(Type(kind="real", shape=(3,)),),
                output=Type(kind="real", shape=(1,)),
                source=None if given else Use(word="linear"),
                handle="h",
            ),
        ),
        data=(Data(name="train", fields=(IMAGE, LABEL), source=Use(word="toy")),),
        expects=tuple(Expect(schedule=s, condition=Num(value=1), text="") for s in schedules),
    )


@dataclass(frozen=True)
class Checked:
    """What `pipeline.check` gives."""

    game: Game = field(default_factory=game)
    source: Source = SOURCE
    spans: dict[Any, Span] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def sources(self) -> dict[str, Source]:
        """The files that were read."""
        return {self.source.name: self.source}


@dataclass(frozen=True)
class Compiled:
    """What `pipeline.compile` gives."""

    program: Program
    facts: str = "facts: bilinear"
    choice: str = "solver: toy\nrate = 0.1"
    plan: str = "plan: move u, move v"
    diagnostics: tuple[Diagnostic, ...] = ()


def pipeline(programs: dict[str | None, Program], checked: Checked | None = None) -> ModuleType:
    """A stand-in for the stages before `run`: a file with `?` in it is a mistake there."""

    def check(source: Source, sets: tuple[tuple[str, str], ...] = (), solve: str | None = None) -> Checked:
        at = source.text.find("?")
        if at >= 0:
            raise GameError((Diagnostic("GE001", "cannot go on here", Label(Span(source.name, at, at + 1), "this")),))
        if "boom" in source.text:
            raise RuntimeError("boom")
        base = checked or Checked()
        return Checked(base.game, source, base.spans, base.diagnostics)

    def compile_(one: Checked, schedule: str | None = None, given: frozenset[str] = frozenset(), lane: str = "auto") -> Compiled:
        if schedule not in programs:
            raise GameError((Diagnostic("GE501", f"no schedule `{schedule}`", Label(Span(one.source.name, 0, 1))),))
        return Compiled(programs[schedule])

    def explain(one: Checked, schedule: str | None = None, why: bool = False, lane: str = "auto") -> str:
        return f"{one.game.name}: explained{' why' if why else ''}\n"

    fake: Any = ModuleType("gamespec.pipeline")
    fake.check, fake.compile, fake.explain = check, compile_, explain
    return fake  # type: ignore[no-any-return]  # a module with functions set on it; until 2027-11


def written(folder: Path, program: Program) -> SimpleNamespace:
    """The program as a module in a file of its own."""
    from gamespec.run.load import load

    path = folder / "program.py"
    return SimpleNamespace(path=path, module=load(program, path))
