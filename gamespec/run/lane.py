"""Which lane the steps of a run take: eager, or compiled once the run is long enough to earn the compilation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gamespec.run import package
from gamespec.run.chunks import NAME, Chunks
from gamespec.run.leaves import slots
from gamespec.run.straight import straight
from gamespec.run.traced import Ask, Batch, Traced, UntraceableError, Watched, exact, played, trace, unmoved, watch

if TYPE_CHECKING:
    from gamespec.run.contract import Emitted, State

MODES = ("auto", "on", "off")

_WARM, _TIMED = 3, 10
"""Eager steps before the clock, and those that it times."""

_SAVED = 2e-6
"""Seconds that compiling saves for each operation of a step, about what dispatching one and noting it for a derivative costs."""

_FIXED, _EACH = 10.0, 0.007
"""Seconds to compile a step: for the start, and for each operation."""

_BARE = 0.1
"""The share of a step that its bare operations save at least, where it is one of small tensors."""

_LEAST = 15.0
"""Seconds of eager steps left below which nothing is even considered: no compilation is shorter."""

_CLOSE = 1e-2
"""How far compiled and eager may lie apart on the first batch, to how far the step moved."""

_NEAR = 2.0
"""How far from the step in float64 a compiled one may lie where the two lie further apart, to how far the eager one lies."""


class DisagreesError(UntraceableError):
    """A compiled step computes something else than the eager one."""


@dataclass
class Lane:
    """`lane(state)` makes one step, in the place of the program's own `step`.

    `auto` times the first steps, and compiles where what is left of the run saves at least twice what compiling costs;
    `on` compiles at once; `since`, from the record of a run, compiles at that step whatever the clock says. Steps are
    counted over the whole run, so that one that goes on decides at the step at which it would have.
    Batches of another shape, the short last ones of an epoch, take the eager step.
    """

    module: Emitted
    mode: str
    steps: int
    since: int | None = None
    said: str = ""
    """What is to be said about the lane; empty while nothing was decided."""
    warning: str = ""
    """Why steps that were to be compiled are not."""
    began: int | None = None
    """The first compiled step."""
    before: int = 0
    """Steps that the run had made when this lane began."""
    _run: package.Runner | None = None
    _traced: Traced | None = None
    _fixed: list[Tensor] = field(default_factory=list)
    _held: list[tuple[str, Tensor]] = field(default_factory=list)
    _own: dict[str, Tensor] = field(default_factory=dict)
    _shapes: dict[str, tuple[torch.Size, ...]] = field(default_factory=dict)
    _asks: tuple[Ask, ...] = ()
    _draws: list[Callable[[], Tensor]] = field(default_factory=list)
    _count: Tensor | None = None
    clock: float = 0.0
    """Seconds that the timed steps took."""
    timed: int = 0
    _agreed: str = "agreed with the eager one"
    _made: int = 0

    def __post_init__(self) -> None:
        """Say what is clear from the start."""
        if hasattr(self.module, "advance"):
            self.said = "closed; a loop over plain numbers"
        elif self.mode == "off":
            self.said = "eager"
        elif hasattr(self.module, "PHASES"):
            self.said = "eager; the steps differ from phase to phase"
            self.warning = "they differ from phase to phase" if self.mode == "on" else ""

    def __call__(self, state: State, batch: Batch | None = None) -> dict[str, Tensor]:
        """Make one step."""
        self._made += 1
        if self._run is not None:
            return self._fast(state, batch or {})
        if self.said:
            return played(self.module, state, batch)
        if self._due():
            return self._begin(state, batch or {})
        return self._watched(state, batch or {})

    @property
    def instead(self) -> dict[str, Any]:
        """What `train` is told to play with: nothing where the program has a quicker loop of its own."""
        return {} if hasattr(self.module, "advance") else {"play": self}

    def record(self) -> dict[str, object]:
        """What another run, or this one when it goes on, needs to take the same lane."""
        return {"compiled_from": self.began, "said": self.said, "timed": self.timed, "clock": self.clock}

    def taken_up(self, state: State, began: int) -> None:
        """Go on from another point of the state, in a run that was compiled from step `began` on."""
        if self.began is not None:
            self.began = began
            self.said = f"compiled from step {began} on, and again where the run went on"
        if self._run is not None:
            self._hold(state)

    # -------------------------------------------------------------- when

    @property
    def _done(self) -> int:
        """Steps made before the present one."""
        return self.before + self._made - 1

    def _watched(self, state: State, rows: Batch) -> dict[str, Tensor]:
        """An eager step, with the clock running where the lane is still to be chosen."""
        if self.mode != "auto" or self.since is not None or self._done < _WARM:
            return played(self.module, state, rows)
        _wait(state)
        begin = time.perf_counter()
        losses = played(self.module, state, rows)
        _wait(state)
        self.clock += time.perf_counter() - begin
        self.timed += 1
        return losses

    def _due(self) -> bool:
        """Whether this is the step to decide at."""
        if self.since is not None:
            return self._done + 2 == self.since
        if self.mode == "on":
            return True
        if self._done < _WARM + _TIMED:
            return False
        left = self.steps - self._done
        spent = self._pace * left
        if spent >= _LEAST:
            return True
        self.said = f"eager; {_span(spent)} for {left} steps are too few to compile for"
        return False

    @property
    def _pace(self) -> float:
        """Seconds of an eager step."""
        return self.clock / max(self.timed, 1)

    def _earns(self, traced: Traced, cached: bool, left: int) -> bool:
        """Whether what is left of the run saves twice what compiling costs."""
        return self._pays(1.0 if cached else _FIXED + _EACH * traced.operations, traced.operations, left)

    def _pays(self, cost: float, operations: int, left: int) -> bool:
        """Whether compiling this many operations of a step at a cost in seconds saves twice of it."""
        saved = min(0.8 * self._pace, _SAVED * operations)
        if saved * left >= 2 * cost:
            return True
        even = int(2 * cost / saved) + 1
        self.said = f"eager; compiling would take about {_span(cost)} and pay from {even} steps on"
        return False

    # -------------------------------------------------------------- how

    def _begin(self, state: State, rows: Batch) -> dict[str, Tensor]:
        """One eager step, watched; then the same step compiled, compared with it."""
        chunks = Chunks(self.module) if hasattr(self.module, NAME) else None
        seen = watch(self.module, state, rows)
        if chunks is not None and chunks.call is not None:
            self._piecewise(chunks)
            return seen.losses
        if chunks is not None:
            chunks.remove()
        try:
            begin, left = time.perf_counter(), self.steps - self._done - 1
            traced = trace(self.module, state, seen)
            spent = time.perf_counter() - begin
            path = package.place(traced)
            cached = path.exists()
            if self.mode == "auto" and self.since is None and not self._earns(traced, cached, left):
                if _BARE * self._pace * left >= 2 * spent:
                    self._straighten(state, seen)
                return seen.losses
            begin = time.perf_counter()
            if not cached:
                package.build(traced, path)
            run = package.load(path)
            self._adopt(state, seen, traced, run)
            spent = time.perf_counter() - begin
        except UntraceableError as error:
            self.said = f"eager; the step cannot be compiled: {error}"
            # Who left the choice to us gets what was chosen; what nobody may overlook is a compiler that errs.
            self.warning = str(error) if self.mode == "on" or isinstance(error, DisagreesError) else ""
            return seen.losses
        self.began = self._done + 2
        how = "from the cache" if cached else f"built in {_span(spent)}"
        self.said = f"compiled from step {self.began} on, {how}; the first compiled step {self._agreed}"
        return seen.losses

    def _straighten(self, state: State, seen: Watched) -> None:
        """Go on with the bare operations of the eager step, where they give its numbers bit for bit."""
        try:
            traced = trace(self.module, state, seen, bare=True)
        except UntraceableError:
            return
        run, inputs = straight(traced.graph), [t.clone() for t in traced.inputs]
        if inputs[0].is_cuda:
            return
        pairs = [(t, seen.losses[name]) for name, t in zip(traced.names, run(inputs), strict=True)]
        pairs += [(t, seen.after[path]) for path, t in zip(traced.paths, inputs, strict=False)]
        if all(torch.equal(t, other) for t, other in pairs):
            self._take(state, seen, traced, run, inputs)
            self.said = f"{self.said}; its bare operations from step {self._done + 2} on, bit for bit"

    def _piecewise(self, chunks: Chunks) -> None:
        """Compile the steps of a follower that takes many, and their sweep back, and not the whole of its leader's."""
        assert chunks.call is not None  # asked for where there is one
        try:
            pieces = chunks.traced()
            paths = [package.place(t) for t in pieces]
            cached = all(path.exists() for path in paths)
            per_step = sum(t.operations for t in pieces) * chunks.call.steps
            cost = 1.0 if cached else 2 * _FIXED + _EACH * sum(t.operations for t in pieces)
            if self.mode == "auto" and self.since is None and not self._pays(cost, per_step, self.steps - self._done - 1):
                chunks.remove()
                return
            begin = time.perf_counter()
            for traced, path in zip(pieces, paths, strict=True):
                if not path.exists():
                    package.build(traced, path)
            wrong = chunks.adopt(pieces, (package.load(paths[0]), package.load(paths[1])))
            if wrong:
                raise DisagreesError(f"compiled and eager steps disagree: {wrong}")
        except UntraceableError as error:
            chunks.remove()
            self.said = f"eager; the steps of the follower cannot be compiled: {error}"
            self.warning = str(error) if self.mode == "on" or isinstance(error, DisagreesError) else ""
            return
        self.began = self._done + 2
        how = "from the cache" if cached else f"built in {_span(time.perf_counter() - begin)}"
        self.said = f"compiled from step {self.began} on, one piece for all steps of the follower, {how}; the first one agreed"

    def _adopt(self, state: State, seen: Watched, traced: Traced, run: package.Runner) -> None:
        """Compare one compiled step with the eager one, then go on with it."""
        inputs = [t.clone() for t in traced.inputs]
        on_cuda = inputs[0].is_cuda
        if on_cuda:
            run = package.captured(run, inputs)
            for mine, t in zip(inputs, traced.inputs, strict=True):
                mine.copy_(t)
        losses = run(inputs)
        reached = dict(zip(traced.paths, inputs, strict=False))
        wrong = _losses_apart(seen, dict(zip(traced.names, losses, strict=True))) or _apart(seen, reached)
        if wrong and not self._rounding(state, seen, reached):
            raise DisagreesError(f"compiled and eager steps disagree: {wrong}")
        if wrong:
            self._agreed = f"lies as near to float64 as the eager one, though {wrong}: `precision = float64` rounds less"
        self._take(state, seen, traced, run, inputs)

    def _take(self, state: State, seen: Watched, traced: Traced, run: package.Runner, inputs: list[Tensor]) -> None:
        """Take over the tensors of the state."""
        self._traced, self._run = traced, run
        self._shapes = _shapes(seen.batch)
        self._asks = seen.asks
        self._draws = [seen.draws[i] for i in traced.noise]
        self._count = torch.zeros((), dtype=torch.float64, device=inputs[0].device)
        if inputs[0].is_cuda:
            self._own = dict(zip(traced.paths, inputs, strict=False))
            self._count = inputs[len(traced.paths)] if traced.counts else None
        self._hold(state)

    def _rounding(self, state: State, seen: Watched, reached: dict[str, Tensor]) -> bool:
        """Whether the compiled step is as near to the step in float64 as the eager one is, wherever the two lie apart.

        A step can be worse conditioned than float32 bears: conjugate gradients on a curvature that is nearly singular,
        and a rule that looks at signs alone.
        """
        if not any(t.dtype == torch.float32 for t in reached.values()):
            return False
        best = exact(self.module, state, seen)
        apart = [path for path in reached if _apart(seen, {path: reached[path]})]
        if not all(reached[path].is_floating_point() for path in apart):
            return False
        off = {p: [float((t.double() - best[p].double()).norm()) for t in (reached[p], seen.after[p])] for p in apart}
        moved = {p: float((seen.after[p] - seen.before[p]).norm()) for p in apart}
        # Where a rule looks at signs, a tensor of few numbers has none that rounding turned in one lane and one in the other.
        usual = statistics.fmean((off[p][1] / moved[p]) ** 2 for p in apart if moved[p]) ** 0.5 if any(moved.values()) else 0.0
        return all(off[p][0] <= _NEAR * max(off[p][1], usual * moved[p]) for p in apart)

    def _hold(self, state: State) -> None:
        """Remember which tensors the step works on."""
        assert self._traced is not None  # set before
        found = {slot.path: slot.tensor for slot in slots(state, unmoved(self.module))}
        for path, own in self._own.items():
            # A captured graph works on its own memory, so the state lives there.
            if found[path].data_ptr() != own.data_ptr():
                own.copy_(found[path].detach())
                found[path].data = own
        self._fixed = [found[path].detach() for path in self._traced.paths]
        self._held = [(path, found[path]) for path in self._traced.paths if "." not in path]
        if self._traced.counts and self._count is not None:
            self._count.fill_(state.k)
            self._fixed.append(self._count)

    def _fast(self, state: State, rows: Batch) -> dict[str, Tensor]:
        """One compiled step; a batch of another shape takes the eager one."""
        traced = self._traced
        assert traced is not None  # set together with the runner
        assert self._run is not None
        rows, asked = dict(rows), 0
        for ask in self._asks if _shapes(rows).items() <= self._shapes.items() else ():
            rows[ask.key], asked = getattr(self.module, ask.function)(state, *ask.args), asked + 1
            if _shapes(rows)[ask.key] != self._shapes[ask.key]:
                break
        if _shapes(rows) != self._shapes:
            losses = played(self.module, state, rows, self._asks[:asked])
            self._hold(state)
            return losses
        if any(getattr(state, path, None) is not tensor for path, tensor in self._held):
            self._hold(state)
        state.k += 1
        found = self._run([*self._fixed, *(rows[name][i] for name, i in traced.batch), *(draw() for draw in self._draws)])
        return dict(zip(traced.names, found, strict=True))


def _shapes(rows: Batch) -> dict[str, tuple[torch.Size, ...]]:
    return {name: tuple(t.shape for t in columns) for name, columns in rows.items()}


def _losses_apart(seen: Watched, losses: dict[str, Tensor]) -> str:
    """The first objective in which two lanes differ by more than rounding; "" for none."""
    for name, value in losses.items():
        other = float(seen.losses[name])
        if not abs(float(value) - other) <= 1e-4 * (1 + abs(other)):
            return f"{name} is {float(value):.7g} compiled and {other:.7g} eager"
    return ""


def _apart(seen: Watched, reached: dict[str, Tensor]) -> str:
    """The first tensor in which two lanes differ by more than a hundredth of the step and rounding; "" for none."""
    for path, t in reached.items():
        old, new = seen.before[path], seen.after[path]
        if not old.is_floating_point():
            if not torch.equal(t, new):
                return f"`{path}` differs"
            continue
        slack = 1e-5 if old.dtype != torch.float64 else 1e-10
        if not float((t - new).norm()) <= _CLOSE * float((new - old).norm()) + slack * (float(new.norm()) + slack):
            return f"`{path}` differs by {float((t - new).norm()):.3g} where the step moved it by {float((new - old).norm()):.3g}"
    return ""


def _wait(state: State) -> None:
    """Let a GPU finish before the clock is read."""
    if str(getattr(state, "device", "cpu")).startswith("cuda"):
        torch.cuda.synchronize()


def _span(seconds: float) -> str:
    """A time for people."""
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s" if seconds >= 1 else f"{1e3 * seconds:.0f} ms"
