"""A long unrolled derivative by two compiled pieces: one step of the followers, and its vector-Jacobian product.

The graph of a whole step grows with the steps that a follower takes in it, and compiling takes as long; these two pieces do
not grow. Iterates are stored, and the sweep back goes through one piece for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gamespec.run import package
from gamespec.run.convolutions import REPLACED
from gamespec.run.products import PRODUCTS
from gamespec.run.traced import Traced, UntraceableError

if TYPE_CHECKING:
    from gamespec.run.contract import Emitted

LONG = 40
"""Steps of a follower from which on its steps are compiled one by one, and not the step of its leader as a whole."""

NAME = "hypergradient_unrolled"
"""The function of a program that is stood in for."""

Unrolled = tuple[Tensor, list[Tensor], list[Tensor]]
Advance = Callable[[list[Tensor], list[Tensor], list[list[Tensor]], Any, bool], tuple[list[Tensor], list[list[Tensor]]]]


@dataclass
class Call:
    """One call as it came: where it began, and what it gave."""

    outer: Callable[[list[Tensor], list[Tensor]], Tensor]
    advance: Advance
    u: list[Tensor]
    w: list[Tensor]
    steps: int
    last: int
    found: Unrolled


class Chunks:
    """Stands in for the unrolled derivative of a program: eager until `adopt`, and for other shapes than those compiled."""

    def __init__(self, module: Emitted) -> None:
        self._module: Any = module
        self._eager: Callable[..., Unrolled] = getattr(module, NAME)
        self.call: Call | None = None
        """The last call of a long unrolling that nothing speaks against."""
        self._pieces: tuple[Piece, Piece] | None = None
        self._fits: tuple[object, ...] = ()
        """What a call must look like to be made by the pieces."""
        setattr(module, NAME, self)

    def __call__(self, outer: Any, advance: Advance, u: list[Tensor], w: list[Tensor], steps: int, last: int = 0, **how: Any) -> Unrolled:  # noqa: ANN401  # as the kernel has it; until 2027-11
        """What the kernel gives."""
        shared = how.get("parts")  # several leaders: a sweep for each is not compiled
        if self._pieces is not None:
            if not shared and _looks(advance, u, w) == self._fits:
                return self.unrolled(outer, advance, u, w, steps, last)
            return self._eager(outer, advance, u, w, steps, last, **how)
        begun = [t.detach().clone() for t in u], [t.detach().clone() for t in w]
        found = self._eager(outer, advance, u, w, steps, last, **how)
        if steps >= LONG and not how.get("noisy") and not shared:
            self.call = Call(outer, advance, *begun, steps, last, found)
        return found

    def remove(self) -> None:
        """Leave the program as it was."""
        setattr(self._module, NAME, self._eager)

    def traced(self) -> tuple[Traced, Traced]:
        """Step 2 of the followers and its vector-Jacobian product as graphs. UntraceableError where that fails."""
        call, m = self.call, self._module
        assert call is not None  # asked for after a call alone
        u, point = [m.leaf(t) for t in call.u], [m.leaf(t) for t in call.w]
        reached, remembered = call.advance(u, point, [], 1, False)
        point, sizes = [t.detach() for t in reached], [len(part) for part in remembered]
        memory = [t.detach() for part in remembered for t in part]
        captured, n, count = _captured(call.advance), len(u), len(point)

        def stepped(flat: tuple[Tensor, ...], graph: bool) -> tuple[list[Tensor], list[Tensor]]:
            lead, here = [m.leaf(t) for t in flat[:n]], [m.leaf(t) for t in flat[n : n + count + len(memory)]]
            rest = flat[n + count + len(memory) :]
            with _standing(call.advance, list(rest[1 : 1 + len(captured)])):
                after, kept = call.advance(lead, here[:count], _parted(here[count:], sizes), rest[0], graph)
            return [*lead, *here], [*after, *(t for part in kept for t in part)]

        def forward(*flat: Tensor) -> list[Tensor]:
            return [t.detach() for t in stepped(flat, graph=False)[1]]

        def backward(*flat: Tensor) -> list[Tensor]:
            points, values = stepped(flat, graph=True)
            found: list[Tensor] = m.gradients(values, points, list(flat[len(flat) - len(values) :]))
            return [t.detach() for t in found]

        self._sizes = sizes
        number = torch.full((), 2.0, dtype=torch.float64, device=point[0].device)
        given = [*(t.detach() for t in u), *point, *memory, number, *captured]
        return _traced(forward, given), _traced(backward, [*given, *point, *memory])

    def adopt(self, pieces: tuple[Traced, Traced], runs: tuple[package.Runner, package.Runner]) -> str:
        """Use two compiled pieces from now on; gives what they do otherwise than the eager call, and then they are not used."""
        call = self.call
        assert call is not None  # set before
        self._pieces = Piece(pieces[0], runs[0]), Piece(pieces[1], runs[1])
        self._fits = _looks(call.advance, call.u, call.w)
        found = self.unrolled(call.outer, call.advance, call.u, call.w, call.steps, call.last)
        old, new = ([r[0], *r[1], *r[2]] for r in (call.found, found))
        for a, b in zip(old, new, strict=True):
            slack = 1e-3 if a.dtype != torch.float64 else 1e-8
            if not float((a - b).norm()) <= slack * (float(a.norm()) + slack):
                self._pieces = None
                return f"a part of the derivative is {float(b.norm()):.7g} long compiled and {float(a.norm()):.7g} eager"
        self.call = None
        return ""

    def unrolled(self, outer: Callable[..., Tensor], advance: Advance, u: list[Tensor], w: list[Tensor], steps: int, last: int) -> Unrolled:
        """Forwards by one piece, storing iterates, and back over them by the other; the first step, without memory, eager."""
        assert self._pieces is not None  # the pieces are there
        (forward, backward), m, captured = self._pieces, self._module, _captured(advance)
        u, point, memory = [m.leaf(t) for t in u], [t.detach() for t in w], list[Tensor]()
        lead, walked, near = [t.detach() for t in u], [], min(last or steps, steps)
        for k in range(1, steps + 1):
            if k > steps - near:
                walked.append((k, point, memory))
            if k == 1:
                reached, remembered = advance(u, [m.leaf(t) for t in point], [], 1, False)
                point, memory = [t.detach() for t in reached], [t.detach() for part in remembered for t in part]
            else:
                found = forward([*lead, *point, *memory], k, captured, [])
                point, memory = found[: len(point)], found[len(point) :]
        end = [m.leaf(t) for t in point]
        value = outer(u, end)
        slopes = m.gradients([value], [*u, *end])
        total, back = slopes[: len(u)], [*slopes[len(u) :], *map(torch.zeros_like, memory)]
        while walked:
            k, begun, kept = walked.pop()
            if k == 1:
                reached, remembered = advance(u, [m.leaf(t) for t in begun], [], 1, True)
                turned = m.gradients([*reached, *(t for part in remembered for t in part)], u, back)
            else:
                turned = backward([*lead, *begun, *kept], k, captured, back)
            total, back = [s + t for s, t in zip(total, turned, strict=False)], turned[len(u) :]
        return value.detach(), total, point


class Piece:
    """A compiled piece: gets where it begins, the number of the step, what it closes over, and what it pulls back."""

    def __init__(self, traced: Traced, run: package.Runner) -> None:
        self._used, self._run = traced.noise, run

    def __call__(self, begun: list[Tensor], k: int, captured: list[Tensor], back: list[Tensor]) -> list[Tensor]:
        """The results of one step."""
        number = torch.full((), float(k), dtype=torch.float64, device=begun[0].device)
        given = [*begun, number, *captured, *back]
        return self._run([given[j].detach() for j in self._used])


def _traced(function: Callable[..., list[Tensor]], given: list[Tensor]) -> Traced:
    """A function as a graph of the inputs that it uses; `noise` lists their numbers."""
    from torch.fx.experimental.proxy_tensor import make_fx

    try:
        graph = make_fx(function, REPLACED | PRODUCTS, tracing_mode="fake")(*(t.detach().clone() for t in given))
    except Exception as error:
        raise UntraceableError(" ".join(f"{type(error).__name__}: {error}".split())[:200]) from error
    graph.graph.eliminate_dead_code()
    used = []
    for j, node in enumerate([n for n in graph.graph.nodes if n.op == "placeholder"]):
        if node.users:
            used.append(j)
        else:
            graph.graph.erase_node(node)
    if any(torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) for node in graph.graph.nodes):
        raise UntraceableError("a step of a follower draws random numbers")
    graph.recompile()
    return Traced(graph, (), False, (), tuple(used), (), tuple(given[j].detach() for j in used))


def _cells(function: Any) -> Iterator[Any]:  # noqa: ANN401  # a closure of a program; until 2027-11
    """The cells of a function and of the functions that it calls from its closure, that hold tensors."""
    for cell in function.__closure__ or ():
        held = cell.cell_contents
        if isinstance(held, Tensor):
            yield cell
        elif callable(held) and getattr(held, "__closure__", None):
            yield from _cells(held)


def _captured(function: Any) -> list[Tensor]:  # noqa: ANN401  # as above; until 2027-11
    """The tensors that a function closes over, each once."""
    return list({id(c): c.cell_contents for c in _cells(function)}.values())


class _standing:  # noqa: N801  # read as a verb, like a function of contextlib; until 2027-11
    """Inside, other tensors stand in the cells of a function."""

    def __init__(self, function: Any, others: list[Tensor]) -> None:  # noqa: ANN401  # as above; until 2027-11
        self._cells, self._others = list({id(c): c for c in _cells(function)}.values()), others
        self._before = [c.cell_contents for c in self._cells]

    def __enter__(self) -> None:
        for cell, other in zip(self._cells, self._others, strict=True):
            cell.cell_contents = other

    def __exit__(self, *error: object) -> None:
        for cell, held in zip(self._cells, self._before, strict=True):
            cell.cell_contents = held


def _looks(advance: Advance, u: list[Tensor], w: list[Tensor]) -> tuple[object, ...]:
    """Shapes and kinds of all tensors, and the code of the step: another follower's has other code."""
    return (_code(advance), *((t.shape, t.dtype, t.device) for t in (*u, *w, *_captured(advance))))


def _code(function: Any) -> tuple[object, ...]:  # noqa: ANN401  # a closure of a program; until 2027-11
    """What a function and those in its closure do, wherever in the program they stand."""
    code = function.__code__
    inside = [c.cell_contents for c in function.__closure__ or ()]
    below = tuple(_code(held) for held in inside if callable(held) and getattr(held, "__closure__", None))
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, repr(code.co_consts), below)


def _parted(tensors: list[Tensor], sizes: list[int]) -> list[list[Tensor]]:
    """A list cut into parts of these sizes."""
    found, rest = [], list(tensors)
    for size in sizes:
        found.append(rest[:size])
        rest = rest[size:]
    return found
