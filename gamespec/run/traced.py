"""One step of a program as a pure graph: tensors and noise in, tensors and objectives out.

The step of the program is run once and watched: what it draws from generators, and what its `batch_..` functions give it,
becomes an input, drawn outside in the same order, so that both lanes see the same numbers. Then it is run once more on
stand-ins and written down, second derivatives included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gamespec.run.convolutions import REPLACED
from gamespec.run.leaves import Slot, numbers, slots, standing_in
from gamespec.run.products import PRODUCTS

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from gamespec.run.contract import Emitted, State

Batch = Mapping[str, tuple[Tensor, ...]]

_DRAWS = (torch.rand, torch.randn, torch.randint, torch.randperm, torch.bernoulli, torch.multinomial)


class UntraceableError(Exception):
    """A step cannot be written down as a graph; the text says why."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw from a generator of the state."""

    call: Callable[..., Tensor]
    args: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self) -> Tensor:
        """Draw anew."""
        return self.call(*self.args, **self.options)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a `batch_..` function by a step: what it gave is in the batch under `key`, which is no name of a source."""

    key: str
    function: str
    args: tuple[int, ...]


@contextmanager
def _instead(module: Emitted, change: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Inside, others stand in for the `batch_..` functions of a program."""
    own = {name: give for name, give in vars(module).items() if name.startswith("batch_")}
    try:
        for name, give in own.items():
            setattr(module, name, change(name, give))
        yield
    finally:
        for name, give in own.items():
            setattr(module, name, give)


def played(module: Emitted, state: State, batch: Batch | None, asks: tuple[Ask, ...] = ()) -> dict[str, Tensor]:
    """The program's step on these rows: those that were brought, and the first of those that it asks for, in order."""
    known = dict(batch or {})
    rows = iter([known.pop(ask.key) for ask in asks])
    with _instead(module, lambda _, give: lambda *args: next(rows, None) or give(*args)) if asks else nullcontext():
        return module.step(state, known) if known else module.step(state)


class _Watch(TorchFunctionMode):
    """Notes what is drawn from explicit generators."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[Draw] = []
        self.values: list[Tensor] = []
        self.fault = ""
        self.asks: list[Ask] = []
        self.rows: dict[str, tuple[Tensor, ...]] = {}
        self._outside = False

    @contextmanager
    def heard(self, module: Emitted) -> Iterator[None]:
        """Inside, it is noted what the step asks the program's `batch_..` functions for, and what they give."""

        def hearing(name: str, give: Callable[..., tuple[Tensor, ...]]) -> Callable[..., tuple[Tensor, ...]]:
            def ask(state: State, *args: int) -> tuple[Tensor, ...]:
                self._outside = True
                try:
                    found = give(state, *args)
                finally:
                    self._outside = False
                self.asks.append(Ask(f"{len(self.asks)}:{name}", name, args))
                self.rows[self.asks[-1].key] = found
                return found

            return ask

        with _instead(module, hearing), self:
            yield

    def __torch_function__(self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # as torch has it; until 2027-11
        options = kwargs or {}
        found = func(*args, **options)
        if options.get("generator") is not None and not self._outside:
            if func not in _DRAWS or any(isinstance(a, Tensor) for a in args):
                self.fault = f"it draws by `{getattr(func, '__name__', func)}`, which depends on what was computed"
            self.draws.append(Draw(func, args, dict(options)))
            self.values.append(found)
        return found


class _Given(TorchFunctionMode):
    """Gives what was drawn outside in place of every draw."""

    def __init__(self, noise: list[Tensor]) -> None:
        super().__init__()
        self._noise = iter(noise)

    def __torch_function__(self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # as torch has it; until 2027-11
        options = kwargs or {}
        return func(*args, **options) if options.get("generator") is None else next(self._noise)


@dataclass(frozen=True, slots=True)
class Watched:
    """One eager step as it was: state before and after, what came in, what came out."""

    before: dict[str, Tensor]
    after: dict[str, Tensor]
    batch: Batch
    asks: tuple[Ask, ...]
    """What of the batch the step asked for itself, in order."""
    draws: tuple[Draw, ...]
    noise: tuple[Tensor, ...]
    losses: dict[str, Tensor]
    aliases: dict[str, str]
    """Paths of tensors that stand at two places, with the first of them."""
    fault: str = ""
    """Why the step cannot be written down as a graph; empty where nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A graph with flat inputs: the tensors at `paths`, the count of steps where `counts`, batch rows, noise.

    It changes the state's tensors in place and gives the objectives of `names`.
    """

    graph: GraphModule
    paths: tuple[str, ...]
    counts: bool
    batch: tuple[tuple[str, int], ...]
    noise: tuple[int, ...]
    names: tuple[str, ...]
    inputs: tuple[Tensor, ...]

    @property
    def operations(self) -> int:
        """How many operations a step has."""
        return sum(node.op == "call_function" for node in self.graph.graph.nodes)


def watch(module: Emitted, state: State, batch: Batch) -> Watched:
    """Make one eager step of the program and note everything about it."""
    skipped = unmoved(module)
    aliases = _aliases(state, skipped)
    before = {slot.path: slot.tensor.detach().clone() for slot in slots(state, skipped) if slot.path not in aliases}
    plain = numbers(state, skipped)
    seen = _Watch()
    with seen.heard(module):
        losses = played(module, state, batch)
    changed = [k for k, v in numbers(state, skipped).items() if plain.get(k, v) != v]
    after = {slot.path: slot.tensor.detach().clone() for slot in slots(state, skipped)}
    fault = seen.fault
    if changed:
        fault = f"`{changed[0]}` is a Python number that changes from step to step"
    elif after.keys() != before.keys() | aliases.keys():
        fault = "the state has other tensors after a step than before it"
    elif _aliases(state, skipped) != aliases:
        fault = "two names of the state are one tensor before a step or after it, and not both"
    return Watched(before, after, {**batch, **seen.rows}, tuple(seen.asks), tuple(seen.draws), tuple(seen.values), losses, aliases, fault)


def _aliases(state: State, skipped: tuple[type, ...]) -> dict[str, str]:
    """Paths of tensors that stand at two places, with the first of them."""
    first: dict[int, str] = {}
    found = [(slot.path, first.setdefault(id(slot.tensor), slot.path)) for slot in slots(state, skipped)]
    return {path: known for path, known in found if known != path}


def unmoved(module: Emitted) -> tuple[type, ...]:
    """What is no part of the computation: samplers of minibatches draw outside."""
    return tuple(kind for name in ("Sampler", "Ahead") if isinstance(kind := getattr(module, name, None), type))


def trace(module: Emitted, state: State, seen: Watched, *, bare: bool = False) -> Traced:
    """The step as a graph, at the shapes of a step that was watched. UntraceableError where that fails.

    It is made for a compiler, equal to rounding, or `bare`: the very operations of the step, in its own bits.
    """
    if seen.fault:
        raise UntraceableError(seen.fault)
    from torch.fx.experimental.proxy_tensor import make_fx

    skipped, names = unmoved(module), tuple(seen.losses)
    rows = [t for columns in seen.batch.values() for t in columns]
    paths = list(seen.before)
    needs = {slot.path: slot.tensor.requires_grad for slot in slots(state, skipped)}
    count = torch.full((), state.k - 1.0, dtype=torch.float64, device=rows[0].device if rows else next(iter(seen.before.values())).device)

    def core(*flat: Tensor) -> list[Tensor]:
        given = dict(zip(paths, flat[: len(paths)], strict=True))
        k, flat = flat[len(paths)], flat[len(paths) + 1 :]
        columns = iter(flat[: len(rows)])
        batch = {name: tuple(next(columns) for _ in old) for name, old in seen.batch.items()}

        def change(slot: Slot) -> Tensor:
            lifted = given[seen.aliases.get(slot.path, slot.path)]
            return lifted.detach().requires_grad_() if needs[slot.path] else lifted

        with standing_in(state, skipped, change):
            # The fused update is one opaque call; the same formula in separate operations can be fused with the rest.
            for value in state.__dict__.values():
                if getattr(value, "fused", False) is True:
                    value.fused = bare
            placed = {slot.path: slot.tensor for slot in slots(state, skipped)}
            state.k = k
            with _Given(list(flat[len(rows) :])):
                losses = played(module, state, batch, seen.asks)
            for slot in slots(state, skipped):
                if slot.path not in placed:
                    if slot.path != "k":
                        raise UntraceableError(f"`{slot.path}` appears in the state during a step")
                elif slot.tensor is not placed[slot.path]:
                    given[seen.aliases.get(slot.path, slot.path)].copy_(slot.tensor.detach())
        return [losses[name] for name in names]

    flat = [*seen.before.values(), count, *rows, *seen.noise]
    try:
        graph = make_fx(core, {} if bare else REPLACED | PRODUCTS, tracing_mode="fake")(*[t.clone() for t in flat])
    except UntraceableError:
        raise
    except Exception as error:
        raise UntraceableError(" ".join(f"{type(error).__name__}: {error}".split())[:200]) from error
    graph.graph.eliminate_dead_code()
    return _without_unused(graph, flat, paths, seen, names)


def exact(module: Emitted, state: State, seen: Watched) -> dict[str, Tensor]:
    """What the tensors of the state are after the watched step if it is made in float64, with the same noise."""
    skipped, kept = unmoved(module), module.DTYPE

    def finer(t: Tensor) -> Tensor:
        return t.detach().double() if t.dtype == torch.float32 else t.detach().clone()

    given = {path: finer(t) for path, t in seen.before.items()}
    batch = {name: tuple(finer(t) for t in columns) for name, columns in seen.batch.items()}

    def change(slot: Slot) -> Tensor:
        return given[seen.aliases.get(slot.path, slot.path)].requires_grad_(slot.tensor.requires_grad)

    try:
        with standing_in(state, skipped, change):
            for value in state.__dict__.values():
                if getattr(value, "fused", False) is True:
                    value.fused = False
            module.DTYPE = torch.float64
            state.k -= 1
            with _Given([finer(t) for t in seen.noise]):
                played(module, state, batch, seen.asks)
            return {slot.path: slot.tensor.detach().clone() for slot in slots(state, skipped)}
    finally:
        module.DTYPE = kept


def _without_unused(graph: GraphModule, flat: list[Tensor], paths: list[str], seen: Watched, names: tuple[str, ...]) -> Traced:
    """Only the inputs that the step reads or changes."""
    used = []
    for j, node in enumerate([n for n in graph.graph.nodes if n.op == "placeholder"]):
        if node.users:
            used.append(j)
        else:
            graph.graph.erase_node(node)
    graph.recompile()
    columns = [(name, i) for name, old in seen.batch.items() for i in range(len(old))]
    start, drawn = len(paths) + 1, len(paths) + 1 + len(columns)
    return Traced(
        graph, tuple(paths[j] for j in used if j < len(paths)), len(paths) in used, tuple(columns[j - start] for j in used if start <= j < drawn),
        tuple(j - drawn for j in used if j >= drawn), names, tuple(flat[j] for j in used),
    )  # fmt: skip
